//! Databases that speak SQL: collections are tables or views.
//!
//! | database | a page of rows | a row is known by |
//! |---|---|---|
//! | SQLite | all after the last key, in the order of an index | row id, else the primary key |
//! | PostgreSQL | the next rows of a cursor, in one snapshot | primary key, else a unique key without nulls, else the place of its version |
//! | MySQL, MariaDB | all after the last key, in the order of an index | primary key, else a unique key without nulls, else a digest of all it holds |
//!
//! - Names come from the database's own catalogue and are quoted; values are bound.
//! - Values compare exactly, whatever the column's collation says, and in the column's own form (see `kind`).
//! - A page of rows is changed in one transaction, by row key and only where the row still holds the value by
//!   which it was found. It is rolled back if it would touch any row more. Cascades are refused. Triggers
//!   of PostgreSQL and MySQL cannot be seen and are let run, since most of them only keep a record: whoever
//!   has some that copy personal data puts the copies in the map. SQLite counts what triggers
//!   change, and a page whose triggers change anything is refused.
//! - MySQL shows a user only the foreign keys of tables that it may use; those of others cascade unseen.
//! - A cursor of PostgreSQL is a transaction that keeps `VACUUM` from removing what is deleted meanwhile.
//! - Views can be read, not changed.
//!
//! TLS is as the address says (`sslmode`, `ssl-mode`); certificates are checked against Mozilla's roots
//! or those of `sslrootcert`. Settings of PostgreSQL are made for each transaction alone, so that a pooler may
//! stand in between; one that cannot keep prepared statements needs `statement-cache-capacity=0`.

mod driver;
mod kind;
mod mysql;
mod nested;
mod pages;
mod postgres;
mod server;
mod sqlite;
mod statement;
mod table;
#[cfg(test)]
mod tests;
mod write;

use std::path::Path;

use async_trait::async_trait;
use domain::datamap::{At, Dataset, FieldFacts, KeyKind, MapErrors, Treatment};
use domain::row::Value;

use crate::fault::Fault;
use crate::secrets::Secrets;
use crate::store::{Change, Found, Pages, Question, Store, Tie, Values};
use driver::{Driver, Failure};
use kind::Kind;
pub(crate) use server::{Server, is_address};
use statement::Dialect;
use table::Table;

/// One opened database.
pub(crate) struct Sql {
    dialect: Dialect,
    driver: Box<dyn Driver>,
    tables: Vec<Table>,
    /// How many cursors may be open, so that a connection is always left for writing.
    cursors: tokio::sync::Semaphore,
}

/// What a database says about the tables of these names.
type Catalogue = Result<Vec<Table>, Failure>;

impl Sql {
    /// Opens the SQLite file of `dataset` and checks its tables and columns.
    pub(crate) async fn sqlite(
        dataset: &Dataset,
        at: &At,
        path: &Path,
        errors: &mut MapErrors,
    ) -> Option<Self> {
        if !path.is_file() {
            errors.push(at, format!("there is no file {}", path.display()));
            return None;
        }
        let driver = sqlite::open(path);
        let tables = sqlite::tables(&driver, &names(dataset)).await;
        let place = path.display().to_string();
        Self::checked(dataset, at, &place, Dialect::Sqlite, (Box::new(driver), 2), tables, errors)
    }

    /// Opens the PostgreSQL database of `dataset` and checks its tables and columns.
    pub(crate) async fn postgres(
        dataset: &Dataset,
        at: &At,
        server: &Server,
        secrets: &dyn Secrets,
        errors: &mut MapErrors,
    ) -> Option<Self> {
        let access = server.access(secrets).await.map_err(|fault| errors.push(at, fault.to_string())).ok()?;
        let Ok(driver) = postgres::open(server, &access) else {
            errors.push(at, "the address of the database cannot be understood");
            return None;
        };
        let tables = postgres::tables(&driver, schema(dataset), &names(dataset)).await;
        let driver = (Box::new(driver) as _, server.connections);
        Self::checked(dataset, at, "the database", Dialect::Postgres, driver, tables, errors)
    }

    /// Opens the MySQL or MariaDB database of `dataset` and checks its tables and columns.
    pub(crate) async fn mysql(
        dataset: &Dataset,
        at: &At,
        server: &Server,
        secrets: &dyn Secrets,
        errors: &mut MapErrors,
    ) -> Option<Self> {
        let access = server.access(secrets).await.map_err(|fault| errors.push(at, fault.to_string())).ok()?;
        let Ok(driver) = mysql::open(server, &access) else {
            errors.push(at, "the address of the database cannot be understood");
            return None;
        };
        let tables = mysql::tables(&driver, schema(dataset), &names(dataset)).await;
        let driver = (Box::new(driver) as _, server.connections);
        Self::checked(dataset, at, "the database", Dialect::MySql, driver, tables, errors)
    }

    fn checked(
        dataset: &Dataset,
        at: &At,
        place: &str,
        dialect: Dialect,
        (driver, connections): (Box<dyn Driver>, u32),
        tables: Catalogue,
        errors: &mut MapErrors,
    ) -> Option<Self> {
        let mut tables = tables
            .map_err(|failure| errors.push(at, format!("{place} cannot be read: {}", failure.fault)))
            .ok()?;
        table::check(dataset, &mut tables, errors);
        let cursors = tokio::sync::Semaphore::new(connections.saturating_sub(1).max(1) as usize);
        Some(Self { dialect, driver, tables, cursors })
    }

    fn find(&self, collection: &str) -> Option<&Table> {
        self.tables.iter().find(|table| *table.name == *collection)
    }

    fn table(&self, collection: &str) -> Result<&Table, Fault> {
        self.find(collection).ok_or_else(|| Fault::new("the table was not there at start"))
    }
}

/// Where the tables of `dataset` are, if not where the address leads.
fn schema(dataset: &Dataset) -> Option<&str> {
    ["schema", "database_name"].into_iter().find_map(|key| dataset.namespace.get(key)).map(String::as_str)
}

fn names(dataset: &Dataset) -> Vec<&str> {
    let read = dataset.collections.iter().filter(|collection| !collection.is_manual());
    read.map(|collection| collection.name.as_str()).collect()
}

#[async_trait]
impl Store for Sql {
    fn key(&self, collection: &str, path: &str) -> KeyKind {
        self.find(collection).map_or(KeyKind::Plain, |table| table.key_kind(path))
    }

    fn key_names(&self, collection: &str) -> Vec<String> {
        let key = self.find(collection).map(Table::key).unwrap_or_default();
        key.into_iter().map(|column| column.name.to_string()).collect()
    }

    fn facts(&self, collection: &str, path: &str) -> FieldFacts {
        self.find(collection).map_or(FieldFacts::UNKNOWN, |table| table.facts(path))
    }

    fn finds_by(&self, collection: &str, path: &str) -> bool {
        let column = self.find(collection).and_then(|table| table.at(path));
        column.is_some_and(|column| match column.kind {
            // Only PostgreSQL looks into documents through arrays.
            Kind::Member(_) => self.dialect == Dialect::Postgres,
            ref kind => kind.is_found_by(),
        })
    }

    fn refuses(&self, collection: &str, treatment: &Treatment) -> Option<String> {
        self.find(collection)?.refuses(treatment)
    }

    fn cast(&self, collection: &str, path: &str, value: &Value) -> Option<Value> {
        self.find(collection)?.at(path)?.kind.hold(value)
    }

    fn ask<'a>(&'a self, question: &'a Question<'a>) -> Pages<'a> {
        self.pages(question)
    }

    fn census<'a>(&'a self, collection: &'a str, path: &'a str) -> Option<Values<'a>> {
        Some(self.values(collection, path))
    }

    async fn delete(&self, question: &Question<'_>, rows: &[Found]) -> Result<u64, Fault> {
        self.delete_rows(question, rows).await
    }

    async fn mask(&self, question: &Question<'_>, changes: &[Change<'_>]) -> Result<u64, Fault> {
        self.mask_rows(question, changes).await
    }

    async fn ties(&self, collection: &str, rows: &[&Found], erased: &[&str]) -> Result<Vec<Tie>, Fault> {
        self.count_ties(collection, rows, erased).await.map_err(|failure| failure.fault)
    }
}
