//! DynamoDB: collections are tables, or parts of one.
//!
//! A collection's table has its name, unless `fides_meta: {namespace: {table: …}}` gives another.
//! Keys and indexes are those that `DescribeTable` shows; other attributes cannot be checked in advance.
//!
//! A table that holds several kinds of items is described by patterns of its keys:
//!
//! ```yaml
//! - name: orders
//!   fides_meta:
//!     namespace: {table: app, pk: "USER#{user_id}", sk: "ORDER#"}
//!   fields:
//!   - {name: user_id, fides_meta: {identity: external_id}}
//! ```
//!
//! | setting | meaning |
//! |---|---|
//! | `table` | the table's name |
//! | `pk`, `sk`, or the name of a key attribute, also of an index | how its text is made; `{field}` is a field of the collection, and a text that ends in a delimiter stands for all that begin so |
//! | `delimiter` | the characters that no field of a pattern can hold, if not those beside the fields |
//! | `index` | an index that holds every item of the collection, although items can lack its range key |
//!
//! - Roles need `DescribeTable`, `Query`, `Scan` and `BatchGetItem`; to erase also `DeleteItem` and `UpdateItem`.
//! - The hash key is queried, else a local or global index, else the table is scanned. Fields of patterns
//!   are taken from the keys. A value with a delimiter in it is refused, for it could reach other people's items.
//! - An index only finds keys: the items are read from the table, consistently, and must still match.
//!   So a stale global index never shows or erases a wrong item; an item that an index does not show yet is
//!   not found, which only a scan could. An index with a range key that items can lack is not used
//!   unless the map says that it is complete.
//! - Values may lie in maps, lists and sets. They compare exactly, type and all.
//! - Items are deleted one by one on condition that they still hold a value they were found by.
//! - Masking sets the places to be masked and nothing else, on condition that they are as they were read;
//!   items are never written back. A field in the pattern of an index is masked in the index's key as well.
//! - An item whose time to live is over is there until DynamoDB deletes it. Streams and backups
//!   hold copies; the map tells for how long (`lethe: {backups: 35d}`).

mod expression;
mod pattern;
mod read;
mod table;
#[cfg(test)]
pub(crate) mod tests;
mod value;
mod write;

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{AttributeValue, ScalarAttributeType};
use domain::datamap::{Cast as _, Collection, Dataset, FieldFacts, KeyKind, MapErrors, Scalar, Treatment};
use domain::plan::Usage;
use domain::row::Value;
use futures_util::{StreamExt as _, stream};

use crate::aws;
use crate::fault::Fault;
use crate::store::{Change, Found, Pages, Question, Store, Values};
use read::Answer;
use table::Table;
use write::Writer;

pub(crate) type Item = HashMap<String, AttributeValue>;

/// The tables of one dataset.
pub(crate) struct DynamoDb {
    client: Client,
    tables: HashMap<String, Table>,
}

impl DynamoDb {
    /// Describes the tables of `dataset`.
    pub(crate) async fn open(dataset: &Dataset, client: Client, errors: &mut MapErrors) -> Option<Self> {
        let mut described: BTreeMap<String, Result<Table, String>> = BTreeMap::new();
        let mut tables: Vec<(&Collection, Table)> = Vec::new();
        for collection in dataset.collections.iter().filter(|collection| !collection.is_manual()) {
            let mut namespace = dataset.namespace.clone();
            namespace.extend(collection.namespace.clone());
            let name = Table::name_in(&namespace).unwrap_or(&collection.name);
            if !described.contains_key(name) {
                described.insert(name.clone(), Table::describe(&client, name).await);
            }
            let table = described[name].as_ref().map_err(Clone::clone);
            match table.and_then(|table| table.laid_out(&namespace)) {
                Ok(table) => tables.push((collection, table)),
                Err(reason) => errors.push(&collection.at, reason),
            }
        }
        for index in 0..tables.len() {
            let name = &tables[index].1.name;
            let others: Vec<char> = tables
                .iter()
                .enumerate()
                .filter(|(other, (_, table))| *other != index && table.name == *name)
                .flat_map(|(_, (_, table))| table.delimiters().to_vec())
                .collect();
            let is_shared = tables.iter().filter(|(_, table)| table.name == *name).count() > 1;
            let (collection, table) = &mut tables[index];
            if is_shared && !table.is_told_apart() {
                let reason = "holds several collections, so each needs a pattern of its keys, such as";
                errors.push(&collection.at, format!("the table `{}` {reason} `sk: \"ORDER#\"`", table.name));
            }
            table.forbid(&others);
        }
        let tables = tables.into_iter().map(|(collection, table)| (collection.name.clone(), table)).collect();
        Some(Self { client, tables })
    }

    fn table(&self, collection: &str) -> Result<&Table, Fault> {
        self.tables.get(collection).ok_or_else(|| Fault::new("the table was not there at start"))
    }

    fn writer<'a>(&'a self, question: &'a Question<'a>) -> Result<Writer<'a>, Fault> {
        Ok(Writer { client: &self.client, table: self.table(question.collection)?, question })
    }
}

#[async_trait]
impl Store for DynamoDb {
    fn key(&self, collection: &str, path: &str) -> KeyKind {
        self.tables.get(collection).map_or(KeyKind::Plain, |table| table.kind(path))
    }

    fn key_names(&self, collection: &str) -> Vec<String> {
        self.tables.get(collection).map_or_else(Vec::new, |table| table.key.clone())
    }

    fn facts(&self, collection: &str, path: &str) -> FieldFacts {
        let Some(table) = self.tables.get(collection) else { return FieldFacts::default() };
        // Everything in a pattern is text, and no key attribute is ever null.
        let in_pattern = table.pattern_of(path).is_some();
        let key_type = table.key_type(path);
        FieldFacts {
            nullable: !in_pattern && key_type.is_none(),
            in_key: table.is_in_key(path),
            unique: false,
            text: if in_pattern { Some(true) } else { key_type.map(|of| *of == ScalarAttributeType::S) },
            length: None,
        }
    }

    fn cast(&self, collection: &str, path: &str, value: &Value) -> Option<Value> {
        let table = self.tables.get(collection)?;
        if table.pattern_of(path).is_some() {
            return Scalar::String.cast(value);
        }
        match table.key_type(path) {
            Some(key_type) => value::hold(key_type, value),
            None => value::form(value),
        }
    }

    fn ask<'a>(&'a self, question: &'a Question<'a>) -> Pages<'a> {
        let table = self.table(question.collection);
        match table.and_then(|table| Answer::new(&self.client, table, question)) {
            Ok(answer) => answer.pages(),
            Err(fault) => stream::once(async { Err(fault) }).boxed(),
        }
    }

    fn census<'a>(&'a self, collection: &'a str, path: &'a str) -> Option<Values<'a>> {
        Some(match self.table(collection) {
            Ok(table) => read::census(&self.client, table, path),
            Err(fault) => stream::once(async { Err(fault) }).boxed(),
        })
    }

    async fn delete(&self, question: &Question<'_>, rows: &[Found]) -> Result<u64, Fault> {
        self.writer(question)?.delete(rows).await
    }

    async fn mask(&self, question: &Question<'_>, changes: &[Change<'_>]) -> Result<u64, Fault> {
        self.writer(question)?.mask(changes).await
    }

    /// A unit for each KB of an item, and as much again for each index that it may be in.
    fn usage_of(&self, treatment: &Treatment, rows: u64, bytes: u64) -> Usage {
        let indexes = self.tables.values().map(|table| table.indexes.len()).max().unwrap_or_default();
        let each = |kilobytes: u64| bytes.div_ceil(kilobytes * 1024).max(rows) as f64;
        let write_units = each(1) * (1 + indexes) as f64;
        match treatment {
            Treatment::Delete => Usage { write_units, ..Usage::default() },
            Treatment::Mask(_) => Usage { write_units, read_units: each(4), ..Usage::default() },
            Treatment::Keep(_) => Usage::default(),
        }
    }
}

fn failed<E: ProvideErrorMetadata, R>(call: &str, error: &SdkError<E, R>) -> Fault {
    Fault::new(format!("{call}: {}", aws::reason(error)))
}
