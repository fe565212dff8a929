//! SQLite files: collections are tables.
//!
//! - Identifiers come from the file's own catalogue and are quoted; values are bound.
//! - Values compare exactly: always by the `BINARY` collation, whatever the column says, and in the
//!   column's own storage form (see `value`).
//! - A page of rows is deleted by row key in one transaction, which is rolled back if it would touch
//!   any row more: a cascade or trigger that reaches further is refused.
//! - Deleted content is overwritten (`secure_delete`). Nothing else about the file changes.

mod catalogue;
#[cfg(test)]
mod tests;
mod value;

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use domain::datamap::{At, Dataset, KeyKind, MapErrors};
use domain::row::{Row, Value};
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Sqlite as Db, SqliteConnection, SqlitePool};

use crate::fault::Fault;
use crate::store::{Cursor, Found, Page, Question, Store};
use catalogue::{Table, quoted};

/// How many rows one page has, and how many go in one transaction.
const PAGE: usize = 500;

/// How many values are bound in one statement.
const CHUNK: usize = 500;

/// How long a locked file is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// One opened file.
pub(crate) struct Sqlite {
    pool: SqlitePool,
    tables: HashMap<String, Table>,
}

impl Sqlite {
    /// Opens the file of `dataset` and checks its tables and columns.
    pub(crate) async fn open(
        dataset: &Dataset,
        at: &At,
        path: &Path,
        errors: &mut MapErrors,
    ) -> Option<Self> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(false)
            .foreign_keys(true)
            .busy_timeout(PATIENCE)
            .pragma("secure_delete", "ON")
            .disable_statement_logging();
        let pool = SqlitePoolOptions::new().max_connections(2).connect_lazy_with(options);
        if !path.is_file() {
            errors.push(at, format!("there is no file {}", path.display()));
            return None;
        }
        match catalogue::read(&pool, dataset, errors).await {
            Ok(tables) => Some(Self { pool, tables }),
            Err(error) => {
                let reason = fault(&error);
                errors.push(at, format!("{} cannot be read: {reason}", path.display()));
                None
            }
        }
    }

    fn table(&self, collection: &str) -> Result<&Table, Fault> {
        self.tables.get(collection).ok_or_else(|| Fault::new("the table was not there at start"))
    }
}

#[async_trait]
impl Store for Sqlite {
    fn key(&self, collection: &str, field: &str) -> KeyKind {
        self.tables.get(collection).map_or(KeyKind::Plain, |table| table.kind(field))
    }

    fn cast(&self, collection: &str, field: &str, value: &Value) -> Option<Value> {
        let column = self.tables.get(collection)?.column(field)?;
        column.affinity.hold(value)
    }

    async fn page(&self, question: &Question<'_>, cursor: Cursor) -> Result<Page, Fault> {
        let table = self.table(question.collection)?;
        let parts: Vec<&[Value]> = question.values.chunks(CHUNK).collect();
        let Some(values) = parts.get(cursor.part) else {
            return Ok(Page { rows: Vec::new(), next: None });
        };
        let keys: Vec<String> = table.key_columns();
        let columns = question.want.iter().map(|field| table.quoted_column(field));
        let columns: Vec<String> = keys.iter().cloned().map(Ok).chain(columns).collect::<Result<_, _>>()?;
        let after = match &cursor.after {
            Some(Value::List(after)) => after.as_slice(),
            Some(_) | None => &[],
        };

        let mut sql = format!(
            "SELECT {} FROM {} WHERE {} COLLATE BINARY IN ({})",
            columns.join(", "),
            quoted(&table.name),
            table.quoted_column(question.field)?,
            marks(values.len()),
        );
        if !after.is_empty() {
            sql += &format!(" AND ({}) > ({})", keys.join(", "), marks(after.len()));
        }
        sql += &format!(" ORDER BY {} LIMIT {PAGE}", keys.join(", "));

        let rows = bind(&sql, values.iter().chain(after))
            .fetch_all(&self.pool)
            .await
            .map_err(|error| fault(&error))?;
        let rows: Vec<Found> = rows
            .iter()
            .map(|row| {
                let key = (0..keys.len()).map(|i| value::read(row, i)).collect::<Result<_, _>>()?;
                let mut fields = Row::new();
                for (i, field) in question.want.iter().enumerate() {
                    fields.push(field, value::read(row, keys.len() + i)?);
                }
                Ok(Found { key, row: fields })
            })
            .collect::<Result<_, sqlx::Error>>()
            .map_err(|error| fault(&error))?;

        let last = rows.last().filter(|_| rows.len() == PAGE);
        let after = last.map(|found| Value::List(found.key.clone()));
        Ok(Page { next: Cursor::next(cursor.part, after, parts.len()), rows })
    }

    async fn erase(&self, question: &Question<'_>, rows: &[Found]) -> Result<u64, Fault> {
        let table = self.table(question.collection)?;
        let mut erased = 0;
        for rows in rows.chunks(PAGE) {
            erased += self.erase_page(table, question, rows).await?;
        }
        Ok(erased)
    }
}

impl Sqlite {
    async fn erase_page(&self, table: &Table, question: &Question<'_>, rows: &[Found]) -> Result<u64, Fault> {
        let keys = table.key_columns();
        // Between read and delete a row may have gone to someone else, or its key to another row.
        let mut values: Vec<&Value> = rows.iter().filter_map(|found| found.row.get(question.field)).collect();
        values.sort_unstable();
        values.dedup();
        let by_key = match keys.as_slice() {
            [key] => format!("{key} IN ({})", marks(rows.len())),
            keys => {
                let one: Vec<String> = keys.iter().map(|key| format!("{key} = ?")).collect();
                vec![format!("({})", one.join(" AND ")); rows.len()].join(" OR ")
            }
        };
        let sql = format!(
            "DELETE FROM {} WHERE {} COLLATE BINARY IN ({}) AND ({by_key})",
            quoted(&table.name),
            table.quoted_column(question.field)?,
            marks(values.len()),
        );

        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(|error| fault(&error))?;
        let before = total_changes(&mut tx).await?;
        let keys = rows.iter().flat_map(|found| &found.key);
        let deleted = bind(&sql, values.into_iter().chain(keys))
            .execute(&mut *tx)
            .await
            .map_err(|error| fault(&error))?
            .rows_affected();
        let changed = total_changes(&mut tx).await?.saturating_sub(before);
        // The counts cover cascades and triggers; leaving without a commit takes everything back.
        if deleted > rows.len() as u64 || changed != deleted {
            return Err(Fault::new(
                "deleting these rows would change others as well (a cascade or a trigger)",
            ));
        }
        tx.commit().await.map_err(|error| fault(&error))?;
        Ok(deleted)
    }
}

async fn total_changes(connection: &mut SqliteConnection) -> Result<u64, Fault> {
    let changes: i64 = sqlx::query_scalar("SELECT total_changes()")
        .fetch_one(connection)
        .await
        .map_err(|error| fault(&error))?;
    Ok(changes.unsigned_abs())
}

/// `count` question marks.
fn marks(count: usize) -> String {
    vec!["?"; count].join(", ")
}

/// A statement with its values. Its text is made of quoted identifiers of the catalogue and question marks.
fn bind<'q>(sql: &str, values: impl IntoIterator<Item = &'q Value>) -> Query<'q, Db, SqliteArguments> {
    let query = sqlx::query(AssertSqlSafe(sql.to_owned())).persistent(false);
    values.into_iter().fold(query, value::bind)
}

/// Why SQLite refused, by its code: a message could repeat values.
fn fault(error: &sqlx::Error) -> Fault {
    let sqlx::Error::Database(error) = error else {
        return Fault::new(match error {
            sqlx::Error::PoolTimedOut => "the file stayed locked",
            sqlx::Error::Io(_) => "the file could not be read or written",
            _ => "the file gave an answer that makes no sense",
        });
    };
    let code: i32 = error.code().and_then(|code| code.parse().ok()).unwrap_or_default();
    Fault::new(match (code, code & 0xff) {
        (787, _) => "rows that the data map does not erase refer to these (foreign key)".to_owned(),
        (1811, _) => "a trigger forbids it".to_owned(),
        (_, 5 | 6) => "the file stayed locked".to_owned(),
        (_, 8) => "the file is read-only".to_owned(),
        (_, 11 | 26) => "the file is damaged or no database".to_owned(),
        (_, 14) => "the file cannot be opened".to_owned(),
        _ => format!("SQLite error {code}"),
    })
}
