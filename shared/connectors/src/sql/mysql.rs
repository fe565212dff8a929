//! MySQL and MariaDB: their catalogue, their values, their errors.
//!
//! Where a table has no key, a digest of the whole row stands for it.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::row::{Float, Value};
use sqlx::mysql::{MySqlArguments, MySqlConnectOptions, MySqlDatabaseError, MySqlPoolOptions};
use sqlx::mysql::{MySqlQueryResult, MySqlRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, MySql as Db, Row as _};

use super::driver::{Driver, Failure, Open, Purpose, Wire};
use super::kind::{Kind, document, single, whole};
use super::server::{Access, Server};
use super::statement::{Arg, Dialect, Statement};
use super::table::{Column, Form, Index, Key, Referrer, Table, note_indexes, unique_key};

/// MySQL's side of a conversation.
#[derive(Debug)]
pub(super) struct MySql;

/// A pool of connections to a server.
pub(super) fn open(server: &Server, access: &Access) -> Result<Open<MySql>, sqlx::Error> {
    let mut options: MySqlConnectOptions = access.url.parse()?;
    if let Some((user, password)) = &access.login {
        options = options.username(user).password(password);
    }
    let timeout = server.statement_timeout;
    let pool = MySqlPoolOptions::new()
        .max_connections(server.connections)
        .acquire_timeout(server.acquire_timeout())
        .idle_timeout(super::server::IDLE)
        .after_connect(move |connection, _| {
            Box::pin(async move { connection.execute(AssertSqlSafe(settings(timeout))).await.map(|_| ()) })
        })
        .connect_lazy_with(options.disable_statement_logging());
    Ok(Open { wire: MySql, pool, patience: server.patience() })
}

/// The settings of a connection: no value is cut to fit, and nothing takes for ever.
///
/// Only one of the two servers knows each limit, and a comment tells them apart.
fn settings(timeout: Duration) -> String {
    let (seconds, millis) = (timeout.as_secs().max(1), timeout.as_millis());
    format!(
        "SET SESSION sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION', \
         SESSION innodb_lock_wait_timeout = {seconds}, SESSION lock_wait_timeout = {seconds} \
         /*M! , SESSION max_statement_time = {seconds} */"
    ) + &format!("/*!50708 , SESSION max_execution_time = {millis} */")
}

impl Wire for MySql {
    type Db = Db;

    /// A statement is closed by a message without an answer, behind which the next one waits for 40 ms: the
    /// socket collects small messages (Nagle), and the server has nothing with which to confirm this one.
    const KEEPS_STATEMENTS: bool = true;

    fn begin(&self, purpose: Purpose) -> String {
        match purpose {
            Purpose::Read => "START TRANSACTION READ ONLY",
            Purpose::Write => "START TRANSACTION READ WRITE",
        }
        .to_owned()
    }

    fn bind<'q>(query: Query<'q, Db, MySqlArguments>, arg: &'q Arg<'q>) -> Query<'q, Db, MySqlArguments> {
        match arg {
            Arg::One(value) => bind(query, value),
            Arg::Own(value) => bind(query, value),
            Arg::Many(values) => values.iter().fold(query, |query, value| bind(query, value)),
            Arg::Texts(texts) => texts.iter().fold(query, |query, text| query.bind(text)),
        }
    }

    fn read(row: &MySqlRow, index: usize, kind: &Kind) -> Result<Value, sqlx::Error> {
        let bytes: Option<&[u8]> = row.try_get_unchecked(index)?;
        let Some(bytes) = bytes else { return Ok(Value::Null) };
        let text = || std::str::from_utf8(bytes).map_or_else(|_| Value::Bytes(bytes.to_vec()), Value::from);
        Ok(match kind {
            // The same bytes are another number with a sign.
            Kind::Int(0.., _) | Kind::Unsigned(_) => whole(row.try_get_unchecked(index)?),
            Kind::Bool | Kind::Int(..) => Value::Int(row.try_get_unchecked(index)?),
            Kind::Double => Value::Float(Float(row.try_get_unchecked(index)?)),
            Kind::Single => single(row.try_get_unchecked(index)?),
            Kind::Decimal(_) => match text() {
                Value::Text(text) => Value::Decimal(text),
                other => other,
            },
            Kind::Timestamp => moment(text(), ""),
            Kind::Instant => moment(text(), "Z"),
            Kind::Json => document(bytes),
            Kind::Bytes => Value::Bytes(bytes.to_vec()),
            Kind::Text(_)
            | Kind::Padded(_)
            | Kind::Label(_)
            | Kind::Uuid
            | Kind::Date
            | Kind::List(_)
            | Kind::Stored(_)
            | Kind::Member(_)
            | Kind::Address
            | Kind::Other => text(),
        })
    }

    fn changed(result: &MySqlQueryResult) -> u64 {
        result.rows_affected()
    }

    fn failure(error: &dyn sqlx::error::DatabaseError) -> Failure {
        let Some(error) = error.try_downcast_ref::<MySqlDatabaseError>() else {
            return Failure::new("the database gave an answer that makes no sense");
        };
        match error.number() {
            1213 => Failure::passing("other transactions were in the way (deadlock)"),
            1205 => Failure::new("rows stayed locked by someone else"),
            1317 | 1969 | 3024 => Failure::new("the database took too long (statement timeout)"),
            1290 | 1792 | 1836 => Failure::new("the database is read-only"),
            1044 | 1142 | 1143 | 1227 | 1370 => Failure::new("the database user lacks the permission"),
            1045 | 1698 => Failure::new("the user or password is refused"),
            1048 | 1263 | 1364 => Failure::new("a column may not be null"),
            1216 | 1217 | 1451 | 1452 => {
                Failure::new("rows that the data map does not erase refer to these (foreign key)")
            }
            1062 | 1169 | 1586 => Failure::new("a value has to be unique and is not"),
            3819 | 4025 => Failure::new("a check of the table forbids the value"),
            1406 => Failure::new("a value is too long for its column"),
            1264 | 1265 | 1292 | 1366 | 3140 => Failure::new("a value does not fit its column"),
            1054 | 1091 | 1146 | 1176 => Failure::new("a table or column is not as it was at start"),
            1644 | 1643 => Failure::new("a trigger forbids it"),
            1049 => Failure::new("there is no database of this name"),
            1040 | 1203 => Failure::new("the database takes no more connections"),
            1021 | 1114 | 3675 => Failure::new("the disk of the database is full"),
            1037 | 1041 => Failure::new("the database lacks memory or other resources"),
            1053 | 1077 | 1927 => Failure::new("the database shut down or broke the connection"),
            number => Failure::new(format!("MySQL error {number}")),
        }
    }
}

fn bind<'q>(query: Query<'q, Db, MySqlArguments>, value: &'q Value) -> Query<'q, Db, MySqlArguments> {
    match value {
        Value::Bool(flag) => query.bind(i64::from(*flag)),
        Value::Int(number) => query.bind(*number),
        Value::Float(number) => query.bind(number.0),
        Value::Decimal(text) | Value::Text(text) => query.bind(text.as_str()),
        Value::Bytes(bytes) => query.bind(bytes.as_slice()),
        Value::Null => query.bind(None::<&str>),
        Value::List(_) | Value::Map(_) => query.bind(serde_json::to_string(value).ok()),
    }
}

/// A date and time in the one form for all stores, even where it is none that there ever was.
fn moment(value: Value, zone: &str) -> Value {
    let Value::Text(text) = value else { return value };
    let (seconds, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let seconds = seconds.replacen(' ', "T", 1);
    if fraction.bytes().all(|byte| byte == b'0') {
        Value::Text(seconds + zone)
    } else {
        Value::Text(format!("{seconds}.{fraction:0<6}{zone}"))
    }
}

/// Rows of texts, of which any may be null, by the table that each of them names first.
type ByTable = BTreeMap<String, Vec<Vec<String>>>;

/// Asks the catalogue about the tables of these names in `schema`; `{names}` in the question stands for them.
async fn entries(
    driver: &dyn Driver,
    sql: &str,
    schema: &str,
    names: &[&str],
    columns: usize,
) -> Result<ByTable, Failure> {
    let marks = vec!["?"; names.len()].join(", ");
    let mut statement = Statement::new(Dialect::MySql, sql.replace("{names}", &marks));
    statement.args.extend([schema].iter().chain(names).map(|arg| Arg::Own(Value::from(*arg))));
    let mut session = driver.begin(Purpose::Read).await?;
    let rows = session.rows(&statement, &vec![&Kind::Text(None); columns + 1]).await?;
    session.commit().await?;
    let text = |value| match value {
        Value::Text(text) => text,
        _ => String::new(),
    };
    let mut entries = ByTable::new();
    for row in rows {
        let mut row = row.into_iter().map(text);
        if let Some(table) = row.next() {
            entries.entry(table).or_default().push(row.collect());
        }
    }
    Ok(entries)
}

/// Reads the tables of these names, in `schema` or in the database of the address.
pub(super) async fn tables(
    driver: &dyn Driver,
    schema: Option<&str>,
    names: &[&str],
) -> Result<Vec<Table>, Failure> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let schema = match schema {
        Some(schema) => schema.to_owned(),
        None => {
            let current = entries(driver, "SELECT DATABASE(), ?", "", &[], 1).await?;
            current
                .into_keys()
                .find(|name| !name.is_empty())
                .ok_or_else(|| Failure::new("the address names no database"))?
        }
    };
    // Unless it is told which schemas to leave out, MariaDB opens every table and view of its own to look for
    // foreign keys, which takes long and has crashed it.
    let own = "('information_schema', 'mysql', 'performance_schema', 'sys')";
    let ask =
        async |sql: &str, columns| entries(driver, &sql.replace("{own}", own), &schema, names, columns).await;
    let forms = ask(
        "SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES \
         WHERE TABLE_SCHEMA = ? AND TABLE_NAME IN ({names})",
        1,
    )
    .await?;
    let mut known = Known {
        columns: ask(
            "SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, IS_NULLABLE, EXTRA, \
             CAST(CHARACTER_MAXIMUM_LENGTH AS CHAR), CAST(NUMERIC_SCALE AS CHAR) \
             FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME IN ({names}) \
             ORDER BY ORDINAL_POSITION",
            7,
        )
        .await?,
        indexes: ask(
            "SELECT TABLE_NAME, INDEX_NAME, COLUMN_NAME, CAST(NON_UNIQUE AS CHAR), CAST(SUB_PART AS CHAR), \
             INDEX_TYPE FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = ? AND TABLE_NAME IN ({names}) \
             ORDER BY INDEX_NAME, SEQ_IN_INDEX",
            5,
        )
        .await?,
        references: ask(
            "SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.KEY_COLUMN_USAGE \
             WHERE TABLE_SCHEMA = ? AND TABLE_NAME IN ({names}) AND REFERENCED_TABLE_NAME IS NOT NULL",
            1,
        )
        .await?,
        referrers: ask(
            "SELECT REFERENCED_TABLE_NAME, CONSTRAINT_NAME, TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, \
             REFERENCED_COLUMN_NAME FROM information_schema.KEY_COLUMN_USAGE \
             WHERE REFERENCED_TABLE_SCHEMA = ? AND REFERENCED_TABLE_NAME IN ({names}) \
             AND TABLE_SCHEMA NOT IN {own} \
             ORDER BY TABLE_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, ORDINAL_POSITION",
            5,
        )
        .await?,
        // Apart: MariaDB would go through all tables again for each row of a join.
        rules: ask(
            "SELECT REFERENCED_TABLE_NAME, CONSTRAINT_NAME, CONSTRAINT_SCHEMA, TABLE_NAME, DELETE_RULE \
             FROM information_schema.REFERENTIAL_CONSTRAINTS \
             WHERE UNIQUE_CONSTRAINT_SCHEMA = ? AND REFERENCED_TABLE_NAME IN ({names}) \
             AND CONSTRAINT_SCHEMA NOT IN {own}",
            4,
        )
        .await?,
    };
    let form = |rows: Vec<Vec<String>>| match rows.into_iter().flatten().next().as_deref() {
        Some("BASE TABLE") => Form::Table,
        _ => Form::View,
    };
    Ok(forms.into_iter().map(|(name, rows)| known.table(&schema, &name, form(rows))).collect())
}

/// What the catalogue says.
struct Known {
    columns: ByTable,
    indexes: ByTable,
    /// Columns of foreign keys.
    references: ByTable,
    /// Foreign keys of others.
    referrers: ByTable,
    /// What those do when a row goes.
    rules: ByTable,
}

impl Known {
    fn table(&mut self, schema: &str, name: &str, form: Form) -> Table {
        let take = |entries: &mut ByTable| entries.remove(name).unwrap_or_default();
        let mut columns: Vec<Column> =
            take(&mut self.columns).iter().filter_map(|entry| column(entry)).collect();
        let indexes = indexes(&mut columns, &take(&mut self.indexes));
        note_indexes(&mut columns, &indexes);
        let references = take(&mut self.references);
        for column in &mut columns {
            column.is_reference = references.iter().flatten().any(|name| **name == *column.name);
        }
        let key = match (form, unique_key(&columns, &indexes)) {
            (Form::View, _) => Key::Whole,
            (Form::Table, Some(key)) => Key::Unique(key),
            (Form::Table, None) => Key::Digest(digest(&columns)),
        };
        Table {
            name: name.into(),
            sql: qualified(schema, name),
            form,
            referrers: group_referrers(schema, &take(&mut self.referrers), &take(&mut self.rules)),
            columns,
            key,
        }
    }
}

fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", Dialect::MySql.quoted(schema), Dialect::MySql.quoted(name))
}

/// The indexes that keep rows in an order. Notes on each column its place in the primary key.
fn indexes(columns: &mut [Column], entries: &[Vec<String>]) -> Vec<Index> {
    let mut indexes: Vec<Index> = Vec::new();
    for entry in entries {
        let [name, column, is_loose, prefix, form] = entry.as_slice() else { continue };
        if form != "BTREE" {
            continue;
        }
        if indexes.last().is_none_or(|last| last.name != *name) {
            indexes.push(Index { name: name.clone(), is_unique: is_loose == "0", columns: Vec::new() });
        }
        let Some(index) = indexes.last_mut() else { continue };
        let is_whole = prefix.is_empty() && !column.is_empty();
        index.columns.push(is_whole.then(|| column.clone()));
        if name == "PRIMARY"
            && let Some(known) = columns.iter_mut().find(|known| *known.name == **column)
        {
            known.key_rank = i64::try_from(index.columns.len()).unwrap_or(i64::MAX);
        }
    }
    indexes
}

fn group_referrers(schema: &str, entries: &[Vec<String>], rules: &[Vec<String>]) -> Vec<Referrer> {
    let mut referrers: Vec<(&[String], Referrer)> = Vec::new();
    for entry in entries {
        let [_, other, table, column, to] = entry.as_slice() else { continue };
        let constraint = &entry[..3];
        let rule = rules.iter().find(|rule| rule.starts_with(constraint)).and_then(|rule| rule.last());
        let column = Dialect::MySql.quoted(column);
        match referrers.last_mut() {
            Some((last, referrer)) if *last == constraint => {
                referrer.columns.push(column);
                referrer.to.push(to.clone());
            }
            _ => referrers.push((
                constraint,
                Referrer {
                    name: format!("{other}.{table}"),
                    collection: (other == schema).then(|| table.clone()),
                    sql: qualified(other, table),
                    columns: vec![column],
                    to: vec![to.clone()],
                    follows: !rule.is_some_and(|rule| matches!(rule.as_str(), "RESTRICT" | "NO ACTION")),
                },
            )),
        }
    }
    referrers.into_iter().map(|(_, referrer)| referrer).collect()
}

/// A digest of all columns, in which null differs from every value.
fn digest(columns: &[Column]) -> Column {
    let parts: Vec<String> = columns.iter().map(|column| format!("QUOTE({})", column.sql)).collect();
    let sql = format!("SHA2(CONCAT_WS(',', {}), 256)", parts.join(", "));
    Column { is_nullable: false, ..Column::new("all columns", sql, Kind::Text(None)) }
}

fn column(entry: &[String]) -> Option<Column> {
    let [name, data_type, column_type, is_nullable, extra, length, scale] = entry else { return None };
    let extra = extra.to_ascii_lowercase();
    let kind = kind(data_type, column_type, length.parse().ok(), scale.parse().ok());
    let cast = match &kind {
        Kind::Decimal(scale) => format!("DECIMAL(65, {})", scale.unwrap_or(30)),
        Kind::Unsigned(_) => "UNSIGNED".to_owned(),
        Kind::Date => "DATE".to_owned(),
        Kind::Timestamp | Kind::Instant => "DATETIME(6)".to_owned(),
        _ => String::new(),
    };
    Some(Column {
        cast,
        is_loose: matches!(kind, Kind::Text(_) | Kind::Padded(_) | Kind::Label(_)),
        is_nullable: is_nullable == "YES",
        is_generated: extra.contains(" generated"),
        is_stamped: extra.contains("on update"),
        ..Column::new(name, Dialect::MySql.quoted(name), kind)
    })
}

fn kind(data_type: &str, column_type: &str, length: Option<u32>, scale: Option<usize>) -> Kind {
    let is_unsigned = column_type.contains("unsigned");
    let int = |bits: u32| {
        let most = i64::MAX >> (64 - bits);
        if is_unsigned { Kind::Int(0, most.saturating_mul(2) + 1) } else { Kind::Int(-most - 1, most) }
    };
    match data_type {
        "tinyint" => int(8),
        "smallint" => int(16),
        "mediumint" => int(24),
        "int" => int(32),
        "bigint" if is_unsigned => Kind::Unsigned(u64::MAX),
        "bigint" => int(64),
        "year" => Kind::Int(0, 2155),
        "bit" => Kind::Unsigned(u64::MAX),
        "float" => Kind::Single,
        "double" => Kind::Double,
        "decimal" => Kind::Decimal(scale),
        "varchar" => Kind::Text(length),
        // Their length is told in bytes.
        "tinytext" | "text" | "mediumtext" | "longtext" => Kind::Text(None),
        "set" => Kind::Text(None),
        "char" => Kind::Padded(length),
        "enum" => Kind::Label(labels(column_type)),
        "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => Kind::Bytes,
        "geometry" | "point" | "linestring" | "polygon" | "multipoint" | "multilinestring"
        | "multipolygon" | "geometrycollection" | "geomcollection" | "vector" => Kind::Bytes,
        "json" => Kind::Json,
        "date" => Kind::Date,
        "datetime" => Kind::Timestamp,
        "timestamp" => Kind::Instant,
        "uuid" => Kind::Uuid,
        _ => Kind::Other,
    }
}

/// The labels of `enum('a','it''s')`.
fn labels(column_type: &str) -> Vec<String> {
    let list = column_type.trim_start_matches("enum(").trim_end_matches(')');
    let mut labels = Vec::new();
    let mut rest = list;
    while let Some(from) = rest.strip_prefix('\'') {
        let mut label = String::new();
        let mut characters = from.char_indices();
        let end = loop {
            match characters.next() {
                Some((at, '\'')) if from[at + 1..].starts_with('\'') => {
                    label.push('\'');
                    characters.next();
                }
                Some((at, '\'')) => break at + 1,
                Some((_, character)) => label.push(character),
                None => break from.len(),
            }
        };
        labels.push(label);
        rest = from[end..].trim_start_matches(',');
    }
    labels
}
