//! What every kind of store can do for the engine.

use async_trait::async_trait;
use domain::datamap::KeyKind;
use domain::row::{Row, Value};

use crate::fault::Fault;
use crate::sink::{Chunks, ObjectInfo};

/// An opened store, checked against the map.
#[async_trait]
pub(crate) trait Store: Send + Sync {
    /// What `field` is among the keys of `collection`.
    fn key(&self, collection: &str, field: &str) -> KeyKind;

    /// Whether rows of `collection` can be found by `field`.
    fn finds_by(&self, collection: &str, field: &str) -> bool {
        let _ = (collection, field);
        true
    }

    /// The form in which `field` would hold `value`; none if it cannot.
    fn cast(&self, collection: &str, field: &str, value: &Value) -> Option<Value>;

    /// One page of the answer to `question`. Nothing stays open between pages.
    async fn page(&self, question: &Question<'_>, cursor: Cursor) -> Result<Page, Fault>;

    /// Erases exactly `rows`, which were found by `question` and still answer it; says how many went.
    async fn erase(&self, question: &Question<'_>, rows: &[Found]) -> Result<u64, Fault>;

    /// The object that a row describes, if rows of this store describe objects and it is still there.
    async fn object(&self, row: &Found) -> Result<Content, Fault> {
        let _ = row;
        Ok(Content::None)
    }
}

/// What stands behind a row.
pub(crate) enum Content {
    /// Nothing: the row is all there is.
    None,
    /// An object that has gone since it was listed.
    Gone,
    /// An object.
    Object(ObjectInfo, Box<dyn Chunks>),
}

/// Which rows hold one of `values` in `field`?
pub(crate) struct Question<'a> {
    pub(crate) collection: &'a str,
    pub(crate) field: &'a str,
    /// In the form that the store's `cast` gave them; never empty.
    pub(crate) values: &'a [Value],
    /// The top-level fields to read; `field` is among them.
    pub(crate) want: &'a [String],
}

/// How far an answer has been read: a part of the question, and the store's own mark inside it.
#[derive(Clone, Default)]
pub(crate) struct Cursor {
    pub(crate) part: usize,
    pub(crate) after: Option<Value>,
}

impl Cursor {
    /// Further on in the same part, or at the start of the next one if there is one.
    pub(crate) fn next(part: usize, after: Option<Value>, parts: usize) -> Option<Self> {
        match after {
            Some(_) => Some(Self { part, after }),
            None => (part + 1 < parts).then_some(Self { part: part + 1, after: None }),
        }
    }
}

/// Rows, and where the next ones are.
pub(crate) struct Page {
    pub(crate) rows: Vec<Found>,
    pub(crate) next: Option<Cursor>,
}

/// A row and the key by which its store knows it.
pub(crate) struct Found {
    pub(crate) key: Vec<Value>,
    pub(crate) row: Row,
}
