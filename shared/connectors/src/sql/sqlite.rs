//! SQLite: its catalogue, its values, its errors.
//!
//! Deleted content is overwritten (`secure_delete`). Nothing else about the file changes.

use std::path::Path;
use std::time::Duration;

use domain::row::{Float, Value};
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqlitePoolOptions, SqliteQueryResult, SqliteRow};
use sqlx::{ConnectOptions as _, Row as _, Sqlite as Db, TypeInfo as _, ValueRef as _};

use super::driver::{Driver, Failure, Open, Purpose, Wire};
use super::kind::{Affinity, Kind, document};
use super::statement::{Arg, Dialect, Statement};
use super::table::{Column, Form, Index, Key, Referrer, Table, note_indexes, unique_key};

/// How long a locked file is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// SQLite's side of a conversation.
#[derive(Debug)]
pub(super) struct Sqlite;

/// A pool of connections to a file.
pub(super) fn open(path: &Path) -> Open<Sqlite> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .foreign_keys(true)
        .busy_timeout(PATIENCE)
        .pragma("secure_delete", "ON")
        .disable_statement_logging();
    let pool = SqlitePoolOptions::new().max_connections(2).connect_lazy_with(options);
    // A file answers as long as it is read; whoever waits for a lock gives up by himself.
    Open { wire: Sqlite, pool, patience: Duration::from_secs(600) }
}

impl Wire for Sqlite {
    type Db = Db;

    fn begin(&self, purpose: Purpose) -> String {
        match purpose {
            Purpose::Read => "BEGIN",
            Purpose::Write => "BEGIN IMMEDIATE",
        }
        .to_owned()
    }

    fn bind<'q>(query: Query<'q, Db, SqliteArguments>, arg: &'q Arg<'q>) -> Query<'q, Db, SqliteArguments> {
        match arg {
            Arg::One(value) => bind(query, value),
            Arg::Own(value) => bind(query, value),
            Arg::Many(values) => values.iter().fold(query, |query, value| bind(query, value)),
            Arg::Texts(texts) => texts.iter().fold(query, |query, text| query.bind(text)),
        }
    }

    /// Reads a column by the class of the value that is stored there, whatever the column declares.
    fn read(row: &SqliteRow, index: usize, kind: &Kind) -> Result<Value, sqlx::Error> {
        let raw = row.try_get_raw(index)?;
        if raw.is_null() {
            return Ok(Value::Null);
        }
        let class = raw.type_info();
        Ok(match class.name() {
            "INTEGER" => Value::Int(row.try_get_unchecked(index)?),
            "REAL" => Value::Float(Float(row.try_get_unchecked(index)?)),
            "TEXT" => {
                let bytes: &[u8] = row.try_get_unchecked(index)?;
                match std::str::from_utf8(bytes) {
                    Ok(_) if *kind == Kind::Json => document(bytes),
                    Ok(text) => text.into(),
                    // A text need not be valid; its bytes are then all there is.
                    Err(_) => Value::Bytes(bytes.to_vec()),
                }
            }
            _ => Value::Bytes(row.try_get_unchecked(index)?),
        })
    }

    fn changed(result: &SqliteQueryResult) -> u64 {
        result.rows_affected()
    }

    fn failure(error: &dyn sqlx::error::DatabaseError) -> Failure {
        let code: i32 = error.code().and_then(|code| code.parse().ok()).unwrap_or_default();
        match (code, code & 0xff) {
            (787, _) => Failure::new("rows that the data map does not erase refer to these (foreign key)"),
            (1811, _) => Failure::new("a trigger forbids it"),
            (1299, _) => Failure::new("a column may not be null"),
            (1555 | 2067 | 2579, _) => Failure::new("a value has to be unique and is not"),
            (275, _) => Failure::new("a check of the table forbids the value"),
            (3091, _) => Failure::new("a value does not fit its column"),
            (_, 5 | 6) => Failure::new("the file stayed locked"),
            (_, 8) => Failure::new("the file is read-only"),
            (_, 11 | 26) => Failure::new("the file is damaged or no database"),
            (_, 13) => Failure::new("the disk of the file is full"),
            (_, 14) => Failure::new("the file cannot be opened"),
            (_, 1) => Failure::new("a table or column is not as it was at start"),
            _ => Failure::new(format!("SQLite error {code}")),
        }
    }
}

fn bind<'q>(query: Query<'q, Db, SqliteArguments>, value: &'q Value) -> Query<'q, Db, SqliteArguments> {
    match value {
        Value::Bool(flag) => query.bind(i64::from(*flag)),
        Value::Int(number) => query.bind(*number),
        Value::Float(number) => query.bind(number.0),
        Value::Decimal(text) | Value::Text(text) => query.bind(text.as_str()),
        Value::Bytes(bytes) => query.bind(bytes.as_slice()),
        Value::Null => query.bind(None::<i64>),
        Value::List(_) | Value::Map(_) => query.bind(serde_json::to_string(value).ok()),
    }
}

/// Rows that a question to the catalogue gives.
async fn rows(driver: &dyn Driver, sql: &str, arg: &str, columns: usize) -> Result<Vec<Vec<Value>>, Failure> {
    let mut statement = Statement::new(Dialect::Sqlite, sql);
    statement.args.push(Arg::Own(Value::from(arg)));
    let mut session = driver.begin(Purpose::Read).await?;
    let rows = session.rows(&statement, &vec![&Kind::Text(None); columns]).await?;
    session.commit().await?;
    Ok(rows)
}

/// Reads the tables of these names.
pub(super) async fn tables(driver: &dyn Driver, names: &[&str]) -> Result<Vec<Table>, Failure> {
    let mut tables = Vec::new();
    for name in names {
        tables.extend(table(driver, name).await?);
    }
    Ok(tables)
}

async fn table(driver: &dyn Driver, name: &str) -> Result<Option<Table>, Failure> {
    let found = rows(
        driver,
        "SELECT l.type, l.wr, l.strict, s.sql LIKE '%collate%' FROM pragma_table_list AS l \
         JOIN sqlite_schema AS s ON s.name = l.name \
         WHERE l.schema = 'main' AND l.type IN ('table', 'view') AND l.name = ?",
        name,
        4,
    )
    .await?;
    let Some([Value::Text(form), without_rowid, strict, collates]) = found.first().map(Vec::as_slice) else {
        return Ok(None);
    };
    let is = |flag: &Value| *flag == Value::Int(1);
    // Hidden columns of kind 1 belong to virtual tables; generated ones (2 and 3) can be read.
    let entries = rows(
        driver,
        "SELECT name, type, pk, hidden, \"notnull\" FROM pragma_table_xinfo(?) WHERE hidden <> 1",
        name,
        5,
    )
    .await?;
    let references = rows(driver, "SELECT \"from\" FROM pragma_foreign_key_list(?)", name, 1).await?;
    let mut columns: Vec<Column> = Vec::new();
    for entry in &entries {
        let [Value::Text(column), declared, Value::Int(rank), hidden, not_null] = entry.as_slice() else {
            continue;
        };
        let declared = if let Value::Text(declared) = declared { declared } else { "" };
        let kind = match declared.to_ascii_uppercase().as_str() {
            "JSON" | "JSONB" => Kind::Json,
            _ => Kind::Stored(Affinity::of(declared, is(strict))),
        };
        columns.push(Column {
            is_loose: true,
            // A key in place of row ids has no nulls.
            is_nullable: !(is(not_null) || (is(without_rowid) && *rank > 0)),
            is_generated: *hidden != Value::Int(0),
            is_reference: references.iter().flatten().any(|from| *from == Value::from(column.as_str())),
            key_rank: *rank,
            ..Column::new(column, Dialect::Sqlite.quoted(column), kind)
        });
    }
    let indexes = indexes(driver, name).await?;
    note_indexes(&mut columns, &indexes);

    let hidden = |id: &&str| columns.iter().any(|column| column.name.eq_ignore_ascii_case(id));
    let row_id = ["rowid", "_rowid_", "oid"].into_iter().find(|id| !hidden(id));
    let form = if form == "view" { Form::View } else { Form::Table };
    let key = match (form, row_id) {
        (Form::View, _) => Key::Whole,
        (Form::Table, Some(id)) if !is(without_rowid) => Key::Unique(vec![Column {
            is_nullable: false,
            ..Column::new(id, id.to_owned(), Kind::Stored(Affinity::Numeric))
        }]),
        (Form::Table, _) => match unique_key(&columns, &indexes) {
            Some(key) if is(collates) => Key::Unique(collated(driver, name, key).await?),
            Some(key) => Key::Unique(key),
            None => Key::Whole,
        },
    };
    Ok(Some(Table {
        name: name.into(),
        sql: Dialect::Sqlite.quoted(name),
        form,
        referrers: referrers(driver, name, &columns).await?,
        columns,
        key,
    }))
}

async fn indexes(driver: &dyn Driver, table: &str) -> Result<Vec<Index>, Failure> {
    let entries = rows(
        driver,
        "SELECT l.name, l.\"unique\", i.name FROM pragma_index_list(?) AS l, pragma_index_info(l.name) AS i \
         WHERE l.partial = 0 ORDER BY l.seq, i.seqno",
        table,
        3,
    )
    .await?;
    let mut indexes: Vec<Index> = Vec::new();
    for entry in &entries {
        let [Value::Text(name), unique, column] = entry.as_slice() else { continue };
        if indexes.last().is_none_or(|last| last.name != *name) {
            let is_unique = *unique == Value::Int(1);
            indexes.push(Index { name: name.clone(), is_unique, columns: Vec::new() });
        }
        // An expression has no name.
        let column = if let Value::Text(column) = column { Some(column.clone()) } else { None };
        if let Some(index) = indexes.last_mut() {
            index.columns.push(column);
        }
    }
    Ok(indexes)
}

/// The primary key in the order of its own index, which may compare otherwise than its columns do.
async fn collated(driver: &dyn Driver, table: &str, key: Vec<Column>) -> Result<Vec<Column>, Failure> {
    let entries = rows(
        driver,
        "SELECT i.name, i.coll FROM pragma_index_list(?) AS l, pragma_index_xinfo(l.name) AS i \
         WHERE l.origin = 'pk' AND i.key = 1",
        table,
        2,
    )
    .await?;
    let collation = |name: &str| {
        entries.iter().find_map(|entry| match entry.as_slice() {
            [Value::Text(column), Value::Text(collation)] if column == name => Some(collation),
            _ => None,
        })
    };
    let collate = |column: Column| match collation(&column.name) {
        Some(collation) => {
            let sql = format!("{} COLLATE {}", column.sql, Dialect::Sqlite.quoted(collation));
            Column { sql, ..column }
        }
        None => column,
    };
    Ok(key.into_iter().map(collate).collect())
}

async fn referrers(driver: &dyn Driver, table: &str, columns: &[Column]) -> Result<Vec<Referrer>, Failure> {
    let entries = rows(
        driver,
        "SELECT s.name, f.id, f.\"from\", f.\"to\", f.on_delete \
         FROM sqlite_schema AS s, pragma_foreign_key_list(s.name) AS f \
         WHERE s.type = 'table' AND lower(f.\"table\") = lower(?) ORDER BY s.name, f.id, f.seq",
        table,
        5,
    )
    .await?;
    let mut primary: Vec<&Column> = columns.iter().filter(|column| column.key_rank > 0).collect();
    primary.sort_by_key(|column| column.key_rank);
    let mut referrers: Vec<(&[Value], Referrer)> = Vec::new();
    for entry in &entries {
        let [Value::Text(name), _, Value::Text(from), to, action] = entry.as_slice() else { continue };
        let same = matches!(referrers.last(), Some((last, _)) if *last == &entry[..2]);
        if !same {
            let referrer = Referrer {
                name: name.clone(),
                collection: Some(name.clone()),
                sql: Dialect::Sqlite.quoted(name),
                columns: Vec::new(),
                to: Vec::new(),
                follows: !matches!(action, Value::Text(action) if matches!(action.as_str(), "NO ACTION" | "RESTRICT")),
            };
            referrers.push((&entry[..2], referrer));
        }
        let Some((_, referrer)) = referrers.last_mut() else { continue };
        let to = match to {
            Value::Text(to) => Some(to.clone()),
            // A foreign key that names no column means the primary key.
            _ => primary.get(referrer.columns.len()).map(|column| column.name.to_string()),
        };
        referrer.to.extend(to);
        referrer.columns.push(Dialect::Sqlite.quoted(from));
    }
    Ok(referrers.into_iter().map(|(_, referrer)| referrer).collect())
}
