//! What a SQLite file says about its own tables.

use std::collections::{HashMap, HashSet};

use domain::datamap::{Dataset, KeyKind, MapErrors};
use sqlx::SqlitePool;

use super::value::Affinity;
use crate::fault::Fault;

/// A table that the map names.
pub(super) struct Table {
    pub(super) name: String,
    columns: Vec<Column>,
    /// Columns that are unique on their own.
    unique: HashSet<String>,
    key: Key,
}

/// A column.
pub(super) struct Column {
    name: String,
    pub(super) affinity: Affinity,
    /// Its place in the primary key, from 1; 0 if it is no part of it.
    key_rank: i64,
}

/// By what a row is known.
enum Key {
    /// The row id, under a name that no column hides.
    RowId(&'static str),
    /// The primary key, where there is no row id.
    Primary,
}

impl Table {
    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    pub(super) fn quoted_column(&self, name: &str) -> Result<String, Fault> {
        let column = self.column(name);
        column.map(|column| quoted(&column.name)).ok_or_else(|| Fault::new("a column is missing"))
    }

    /// The quoted columns by which a row is known.
    pub(super) fn key_columns(&self) -> Vec<String> {
        match self.key {
            Key::RowId(name) => vec![name.to_owned()],
            Key::Primary => self.primary().iter().map(|column| quoted(&column.name)).collect(),
        }
    }

    pub(super) fn kind(&self, field: &str) -> KeyKind {
        match self.primary().as_slice() {
            [column] if column.name == field => KeyKind::Primary,
            _ if self.unique.contains(field) => KeyKind::Unique,
            _ => KeyKind::Plain,
        }
    }

    fn primary(&self) -> Vec<&Column> {
        let mut primary: Vec<&Column> = self.columns.iter().filter(|column| column.key_rank > 0).collect();
        primary.sort_by_key(|column| column.key_rank);
        primary
    }
}

/// An identifier in quotes.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Reads the tables of `dataset`; notes those tables and columns that are missing.
pub(super) async fn read(
    pool: &SqlitePool,
    dataset: &Dataset,
    errors: &mut MapErrors,
) -> Result<HashMap<String, Table>, sqlx::Error> {
    let mut tables = HashMap::new();
    for collection in dataset.collections.iter().filter(|collection| !collection.is_manual()) {
        let name = &collection.name;
        let Some(table) = table(pool, name).await? else {
            errors.push(&collection.at, format!("`{}` has no table `{name}`", dataset.key));
            continue;
        };
        if table.key_columns().is_empty() {
            errors.push(&collection.at, format!("the rows of `{name}` have no key to tell them apart"));
        }
        for field in &collection.fields {
            if table.column(&field.name).is_none() {
                let column = &field.name;
                errors.push(&field.at, format!("the table `{name}` has no column `{column}`"));
            }
            if !field.fields.is_empty() {
                let column = &field.name;
                errors
                    .push(&field.at, format!("`{name}.{column}` has fields of its own, which no column has"));
            }
        }
        tables.insert(name.clone(), table);
    }
    Ok(tables)
}

async fn table(pool: &SqlitePool, name: &str) -> Result<Option<Table>, sqlx::Error> {
    let found: Option<(bool, bool)> = sqlx::query_as(
        "SELECT wr, strict FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name = ?",
    )
    .bind(name)
    .fetch_optional(pool)
    .await?;
    let Some((without_rowid, strict)) = found else {
        return Ok(None);
    };
    // Hidden columns of kind 1 belong to virtual tables; generated ones (2 and 3) can be read.
    let columns: Vec<(String, String, i64)> =
        sqlx::query_as("SELECT name, type, pk FROM pragma_table_xinfo(?) WHERE hidden <> 1")
            .bind(name)
            .fetch_all(pool)
            .await?;
    let unique: Vec<String> = sqlx::query_scalar(
        "SELECT max(i.name) FROM pragma_index_list(?) AS l, pragma_index_info(l.name) AS i \
         WHERE l.\"unique\" = 1 AND l.partial = 0 GROUP BY l.name \
         HAVING count(*) = 1 AND max(i.name) IS NOT NULL",
    )
    .bind(name)
    .fetch_all(pool)
    .await?;

    let columns: Vec<Column> = columns
        .into_iter()
        .map(|(name, declared, key_rank)| Column {
            name,
            affinity: Affinity::of(&declared, strict),
            key_rank,
        })
        .collect();
    let hidden = |id: &&str| columns.iter().any(|column| column.name.eq_ignore_ascii_case(id));
    let row_id = ["rowid", "_rowid_", "oid"].into_iter().find(|id| !hidden(id));
    let key = match row_id {
        Some(id) if !without_rowid => Key::RowId(id),
        Some(_) | None => Key::Primary,
    };
    Ok(Some(Table { name: name.to_owned(), columns, unique: unique.into_iter().collect(), key }))
}
