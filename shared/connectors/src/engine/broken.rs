//! A store that could not be opened.

use async_trait::async_trait;
use domain::datamap::{FieldFacts, KeyKind, MapErrors};
use domain::row::Value;
use futures_util::stream::{self, StreamExt as _};

use crate::fault::Fault;
use crate::store::{Change, Found, Pages, Question, Store};

/// Stands in for a store that could not be opened: it knows nothing and fails whatever it is asked.
pub(super) struct Broken {
    reason: String,
}

impl Broken {
    /// A store that these errors kept from being opened.
    pub(super) fn new(errors: &MapErrors) -> Self {
        Self { reason: errors.0.first().map_or_else(String::new, ToString::to_string) }
    }

    fn fault(&self) -> Fault {
        Fault::new(format!("the store could not be opened: {}", self.reason))
    }
}

#[async_trait]
impl Store for Broken {
    fn key(&self, _: &str, _: &str) -> KeyKind {
        KeyKind::Plain
    }

    fn key_names(&self, _: &str) -> Vec<String> {
        Vec::new()
    }

    fn facts(&self, _: &str, _: &str) -> FieldFacts {
        FieldFacts::default()
    }

    fn cast(&self, _: &str, _: &str, value: &Value) -> Option<Value> {
        Some(value.clone())
    }

    fn ask<'a>(&'a self, _: &'a Question<'a>) -> Pages<'a> {
        stream::once(async { Err(self.fault()) }).boxed()
    }

    async fn delete(&self, _: &Question<'_>, _: &[Found]) -> Result<u64, Fault> {
        Err(self.fault())
    }

    async fn mask(&self, _: &Question<'_>, _: &[Change<'_>]) -> Result<u64, Fault> {
        Err(self.fault())
    }
}
