//! What the rules need of a kind of store.

use std::collections::BTreeMap;
use std::path::PathBuf;

use async_trait::async_trait;
use domain::datamap::DataMap;
use serde_json::Value;

use super::world::{Field, LEAF, Of, Row, Table};
use crate::connections::Connections;
use crate::engine::Clients;
use crate::store::Store;
use crate::testing::no_clients;

/// Every row of every table, in one way of writing and in one order: equal if and only if nothing changed.
pub(super) type Dump = BTreeMap<String, Vec<Value>>;

/// How long the connector waits for its store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    Usual,
    /// As short as it can be set, for stores that do not answer.
    Short,
}

/// A store of one kind that tests own: filled, looked into and broken without the connector.
#[async_trait]
pub(super) trait Fixture: Sized + Send + Sync {
    /// At how many moments of an erasure a crash is tried.
    const CRASHES: usize;

    /// How many rows a large person has.
    const MANY: usize = 3_100;

    /// An empty store.
    async fn start() -> Self;

    /// Whether it can hold this table.
    fn holds(table: &str) -> bool {
        let _ = table;
        true
    }

    /// The fields that the map names.
    fn fields(table: &Table) -> Vec<Field> {
        table.fields.clone()
    }

    /// What an access shows of a row.
    fn shown(table: &Table, row: &Row) -> Row {
        let _ = table;
        row.clone()
    }

    /// Rows of [`LEAF`] whose `customer` has a type of its own, where a field can hold any.
    fn of_other_types() -> Vec<Row> {
        Vec::new()
    }

    /// Its settings in a connections file.
    fn connection(&self, patience: Patience) -> String;

    /// Where relative paths of the settings start.
    fn base_dir(&self) -> Option<PathBuf> {
        None
    }

    fn clients(&self, patience: Patience) -> Clients {
        let _ = patience;
        no_clients()
    }

    /// The opened store with short patience, if that cannot be had by settings or clients.
    async fn hurried(&self, map: &DataMap, connections: &Connections) -> Option<Box<dyn Store>> {
        let _ = (map, connections);
        None
    }

    /// Makes these tables with all their rows.
    async fn fill(&self, tables: &[&Table]);

    /// Writes rows, each in place of the one with its key.
    async fn put(&self, table: &Table, rows: &[Row]);

    /// Removes rows, by their keys.
    async fn remove(&self, table: &Table, rows: &[Row]);

    async fn dump(&self, tables: &[&Table]) -> Dump;

    /// Removes [`LEAF`] with all it holds, or what the store has in its place.
    async fn lose(&self);

    /// Makes it unusable until it is mended; what it holds stays.
    async fn stop(&self);

    /// Keeps it from answering anything about [`LEAF`] until it is mended.
    async fn hang(&self);

    async fn mend(&self);
}

/// Rows in one order.
pub(super) fn sorted(mut rows: Vec<Value>) -> Vec<Value> {
    rows.sort_by_cached_key(Value::to_string);
    rows
}

/// A row with its flags as numbers, in stores that have no others.
pub(super) fn with_numbers_for_flags(table: &Table, row: &Row) -> Row {
    let mut shown = row.clone();
    for field in table.fields.iter().filter(|field| matches!(field.of, Of::Flag)) {
        if let Some(Value::Bool(flag)) = shown.get(field.name) {
            let number = u8::from(*flag);
            shown.insert(field.name.to_owned(), number.into());
        }
    }
    shown
}

/// Notes that are somebody's only if types do not matter.
pub(super) fn notes_of_other_types(customers: impl IntoIterator<Item = Value>) -> Vec<Row> {
    let mut rows = Vec::new();
    for (i, customer) in customers.into_iter().enumerate() {
        let mut row = super::world::note(&format!("other type {i}"), LEAF);
        row.insert("customer".to_owned(), customer);
        rows.push(row);
    }
    rows
}
