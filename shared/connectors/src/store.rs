//! What every kind of store can do for the engine.

use async_trait::async_trait;
use domain::datamap::{FieldFacts, KeyKind, Treatment};
use domain::plan::Usage;
use domain::row::{Place, Row, Value};
use futures_util::stream::BoxStream;

use crate::fault::Fault;
use crate::sink::{Chunks, ObjectInfo};

/// The rows that answer a question, page by page.
pub(crate) type Pages<'a> = BoxStream<'a, Result<Page, Fault>>;

/// Values of a field, some at a time.
pub(crate) type Values<'a> = BoxStream<'a, Result<Vec<Value>, Fault>>;

/// An opened store, checked against the map.
#[async_trait]
pub(crate) trait Store: Send + Sync {
    /// What `path` is among the keys of `collection`.
    fn key(&self, collection: &str, path: &str) -> KeyKind;

    /// The names of the fields by which rows of `collection` are told apart.
    fn key_names(&self, collection: &str) -> Vec<String>;

    /// What else the store knows about a field.
    fn facts(&self, collection: &str, path: &str) -> FieldFacts;

    /// Whether rows of `collection` can be found by `path`.
    fn finds_by(&self, collection: &str, path: &str) -> bool {
        let _ = (collection, path);
        true
    }

    /// Why the store can never carry out `treatment` on rows of `collection`; none if it can.
    fn refuses(&self, collection: &str, treatment: &Treatment) -> Option<String> {
        let _ = (collection, treatment);
        None
    }

    /// The form in which `path` would hold `value`; none if it cannot.
    fn cast(&self, collection: &str, path: &str, value: &Value) -> Option<Value>;

    /// The rows that answer `question`, each at least once, in pages of at most [`PAGE`] rows.
    ///
    /// Between two pages the engine may delete or mask rows of the first one. Dropping the pages
    /// unread frees what they hold.
    fn ask<'a>(&'a self, question: &'a Question<'a>) -> Pages<'a>;

    /// Every value that `path` has in any row, each at least once; none if the store can only be asked
    /// for values that one knows already.
    fn census<'a>(&'a self, collection: &'a str, path: &'a str) -> Option<Values<'a>> {
        let _ = (collection, path);
        None
    }

    /// Deletes exactly `rows`, which were found by `question` and still answer it; says how many went.
    async fn delete(&self, question: &Question<'_>, rows: &[Found]) -> Result<u64, Fault>;

    /// Sets new values in rows that were found by `question` and still answer it; says how many
    /// rows were changed. Nothing else of the rows changes, whatever happened since they were read.
    async fn mask(&self, question: &Question<'_>, changes: &[Change<'_>]) -> Result<u64, Fault>;

    /// Rows outside of the `erased` collections of this store that refer to `rows` by a foreign
    /// key, so that deleting those would fail or reach further.
    async fn ties(&self, collection: &str, rows: &[&Found], erased: &[&str]) -> Result<Vec<Tie>, Fault> {
        let _ = (collection, rows, erased);
        Ok(Vec::new())
    }

    /// The object that a row describes, if rows of this store describe objects and it is still there.
    async fn object(&self, row: &Found) -> Result<Content, Fault> {
        let _ = row;
        Ok(Content::None)
    }

    /// How many bytes a row takes up, with what it describes.
    fn weight(&self, row: &Found) -> u64 {
        row.row.size()
    }

    /// What carrying out `treatment` on `rows` rows of `bytes` bytes will use, reads left out.
    fn usage_of(&self, treatment: &Treatment, rows: u64, bytes: u64) -> Usage {
        let _ = (treatment, rows, bytes);
        Usage::default()
    }
}

/// How many rows a page has at most.
pub(crate) const PAGE: usize = 1000;

/// What stands behind a row.
pub(crate) enum Content {
    /// Nothing: the row is all there is.
    None,
    /// An object that has gone since it was listed.
    Gone,
    /// An object.
    Object(ObjectInfo, Box<dyn Chunks>),
}

/// Which rows hold one of `values` at `path`?
pub(crate) struct Question<'a> {
    pub(crate) collection: &'a str,
    /// Dotted, through objects and arrays.
    pub(crate) path: &'a str,
    /// In the form that the store's `cast` gave them; never empty.
    pub(crate) values: &'a [Value],
    /// The top-level fields to read; that of `path` is among them.
    pub(crate) want: &'a [String],
}

/// Rows, and what it cost to read them.
#[derive(Default)]
pub(crate) struct Page {
    pub(crate) rows: Vec<Found>,
    pub(crate) usage: Usage,
}

/// A row and the key by which its store knows it.
pub(crate) struct Found {
    pub(crate) key: Vec<Value>,
    pub(crate) row: Row,
}

/// New values for a found row.
pub(crate) struct Change<'a> {
    pub(crate) found: &'a Found,
    pub(crate) set: Vec<(Place, Value)>,
}

/// Rows of another table that refer to rows to be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tie {
    /// The table, under the store's own name.
    pub(crate) table: String,
    /// How many of its rows.
    pub(crate) rows: u64,
}
