//! PostgreSQL: its catalogue, its values, its errors.
//!
//! Values go as text and are cast to the column's own type by the server, many at once as one array;
//! they come in binary form, or as text where the server knows best how to write them.

use std::net::IpAddr;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta};
use domain::row::{Float, Value};
use serde::Deserialize;
use sqlx::postgres::{PgArguments, PgPoolOptions, PgQueryResult, PgRow};
use sqlx::query::Query;
use sqlx::{ConnectOptions as _, Postgres as Db, Row as _, ValueRef as _};

use super::driver::{Driver, Failure, Open, Purpose, Wire};
use super::kind::{Kind, iso};
use super::server::{Access, Server};
use super::statement::{Arg, Dialect, Statement};
use super::table::{Column, Form, Index, Key, Referrer, Table, note_indexes, unique_key};

/// PostgreSQL's side of a conversation.
#[derive(Debug)]
pub(super) struct Postgres {
    /// After how long the server gives up a statement.
    timeout: Duration,
}

/// A pool of connections to a server.
pub(super) fn open(server: &Server, access: &Access) -> Result<Open<Postgres>, sqlx::Error> {
    let mut options: sqlx::postgres::PgConnectOptions = access.url.parse()?;
    if let Some((user, password)) = &access.login {
        options = options.username(user).password(password);
    }
    let pool = PgPoolOptions::new()
        .max_connections(server.connections)
        .acquire_timeout(server.acquire_timeout())
        .idle_timeout(super::server::IDLE)
        .connect_lazy_with(options.application_name("lethe").disable_statement_logging());
    let timeout = server.statement_timeout;
    Ok(Open { wire: Postgres { timeout }, pool, patience: server.patience() })
}

impl Wire for Postgres {
    type Db = Db;

    // Settings of the transaction alone, since poolers in between share connections.
    fn begin(&self, purpose: Purpose) -> String {
        let begin = match purpose {
            // Whoever reads on only slowly must not be thrown out, and all rows of a cursor are wanted.
            Purpose::Read => {
                "BEGIN READ ONLY; SET LOCAL idle_in_transaction_session_timeout = 0; \
                 SET LOCAL cursor_tuple_fraction = 1"
            }
            Purpose::Write => "BEGIN READ WRITE",
        };
        format!("{begin}; SET LOCAL statement_timeout = {}", self.timeout.as_millis())
    }

    fn bind<'q>(query: Query<'q, Db, PgArguments>, arg: &'q Arg<'q>) -> Query<'q, Db, PgArguments> {
        match arg {
            Arg::One(value) => query.bind(written(value)),
            Arg::Own(value) => query.bind(written(value)),
            Arg::Many(values) => query.bind(values.iter().map(|value| written(value)).collect::<Vec<_>>()),
            Arg::Texts(texts) => query.bind(texts),
        }
    }

    fn read(row: &PgRow, index: usize, kind: &Kind) -> Result<Value, sqlx::Error> {
        let raw = row.try_get_raw(index)?;
        if raw.is_null() {
            return Ok(Value::Null);
        }
        let bytes = raw.as_bytes().map_err(sqlx::Error::Decode)?;
        read(bytes, kind).ok_or_else(|| sqlx::Error::Protocol("a value of another type".to_owned()))
    }

    fn changed(result: &PgQueryResult) -> u64 {
        result.rows_affected()
    }

    fn failure(error: &dyn sqlx::error::DatabaseError) -> Failure {
        let code = error.code().unwrap_or_default();
        let class = code.get(..2).unwrap_or_default();
        match (class, &*code) {
            (_, "40001" | "40P01") => Failure::passing("other transactions were in the way (deadlock)"),
            (_, "55P03") => Failure::new("rows stayed locked by someone else"),
            (_, "57014") => Failure::new("the database took too long (statement timeout)"),
            (_, "25006") => Failure::new("the database is read-only"),
            (_, "42501") => Failure::new("the database user lacks the permission"),
            (_, "23502") => Failure::new("a column may not be null"),
            (_, "23503" | "23001") => {
                Failure::new("rows that the data map does not erase refer to these (foreign key)")
            }
            (_, "23505") => Failure::new("a value has to be unique and is not"),
            (_, "23514" | "44000") => Failure::new("a check of the table forbids the value"),
            (_, "22001") => Failure::new("a value is too long for its column"),
            (_, "42P01" | "42703" | "42704" | "3F000" | "0A000") => {
                Failure::new("a table or column is not as it was at start")
            }
            (_, "P0001" | "P0000") => Failure::new("a trigger forbids it"),
            (_, "3D000") => Failure::new("there is no database of this name"),
            (_, "53300") => Failure::new("the database takes no more connections"),
            (_, "53100") => Failure::new("the disk of the database is full"),
            ("28", _) => Failure::new("the user or password is refused"),
            ("08" | "57", _) => Failure::new("the database shut down or broke the connection"),
            ("22", _) => Failure::new("a value does not fit its column"),
            ("53", _) => Failure::new("the database lacks memory or other resources"),
            _ => Failure::new(format!("PostgreSQL error {code}")),
        }
    }
}

/// A value as PostgreSQL reads it from text.
fn written(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Int(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.0.to_string()),
        Value::Decimal(text) | Value::Text(text) => Some(text.clone()),
        Value::Bytes(bytes) => Some(format!("\\x{}", hex::encode(bytes))),
        Value::List(_) | Value::Map(_) => serde_json::to_string(value).ok(),
    }
}

/// Reads a value in binary form.
fn read(bytes: &[u8], kind: &Kind) -> Option<Value> {
    let text = || {
        // A database without an encoding may hold anything; the bytes are then all there is.
        std::str::from_utf8(bytes).map_or_else(|_| Value::Bytes(bytes.to_vec()), Value::from)
    };
    Some(match kind {
        Kind::Bool => Value::Bool(*bytes.first()? != 0),
        Kind::Int(..) | Kind::Unsigned(_) => Value::Int(match bytes.len() {
            2 => i16::from_be_bytes(bytes.try_into().ok()?).into(),
            4 => i32::from_be_bytes(bytes.try_into().ok()?).into(),
            _ => i64::from_be_bytes(bytes.try_into().ok()?),
        }),
        Kind::Double => Value::Float(Float(f64::from_be_bytes(bytes.try_into().ok()?))),
        Kind::Single => super::kind::single(f32::from_be_bytes(bytes.try_into().ok()?)),
        Kind::Decimal(_) => match text() {
            Value::Text(text) => Value::Decimal(text),
            other => other,
        },
        Kind::Text(_) | Kind::Label(_) | Kind::Other | Kind::Stored(_) | Kind::Member(_) => text(),
        Kind::Padded(_) => match text() {
            Value::Text(mut text) => {
                text.truncate(text.trim_end_matches(' ').len());
                Value::Text(text)
            }
            other => other,
        },
        Kind::Bytes => Value::Bytes(bytes.to_vec()),
        Kind::Uuid => {
            let digits = hex::encode(bytes);
            let part = |range| digits.get(range);
            Value::Text(format!(
                "{}-{}-{}-{}-{}",
                part(0..8)?,
                part(8..12)?,
                part(12..16)?,
                part(16..20)?,
                part(20..32)?
            ))
        }
        Kind::Date => date(i32::from_be_bytes(bytes.try_into().ok()?)),
        Kind::Timestamp => timestamp(i64::from_be_bytes(bytes.try_into().ok()?), ""),
        Kind::Instant => timestamp(i64::from_be_bytes(bytes.try_into().ok()?), "Z"),
        Kind::Address => address(bytes)?,
        // The binary form of `jsonb` begins with its version.
        Kind::Json => super::kind::document(bytes.strip_prefix(&[1]).unwrap_or(bytes)),
        Kind::List(of) => list(bytes, of)?,
    })
}

/// Days since 2000, or no day at all.
fn date(days: i32) -> Value {
    match days {
        i32::MAX => "infinity".into(),
        i32::MIN => "-infinity".into(),
        days => NaiveDate::from_ymd_opt(2000, 1, 1)
            .and_then(|epoch| epoch.checked_add_signed(TimeDelta::days(days.into())))
            .map_or_else(|| Value::Int(days.into()), |date| Value::Text(date.to_string())),
    }
}

/// Microseconds since 2000, or no time at all.
fn timestamp(micros: i64, zone: &str) -> Value {
    /// From 1970 to 2000, in microseconds.
    const EPOCH: i64 = 946_684_800_000_000;
    match micros {
        i64::MAX => "infinity".into(),
        i64::MIN => "-infinity".into(),
        micros => micros
            .checked_add(EPOCH)
            .and_then(DateTime::from_timestamp_micros)
            .map_or(Value::Int(micros), |at| Value::Text(iso(at.naive_utc()) + zone)),
    }
}

/// An address: its family, the length of its network, a flag, its own length, its bytes.
fn address(bytes: &[u8]) -> Option<Value> {
    let [_, network, _, _, bytes @ ..] = bytes else { return None };
    let (address, whole) = match *bytes {
        [a, b, c, d] => (IpAddr::from([a, b, c, d]), 32),
        _ => (IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?), 128),
    };
    Some(Value::Text(match *network {
        network if network == whole => address.to_string(),
        network => format!("{address}/{network}"),
    }))
}

/// An array: its dimensions, then its elements one after the other.
fn list(bytes: &[u8], of: &Kind) -> Option<Value> {
    let mut rest = bytes;
    let depth = number(&mut rest)?;
    let _has_nulls = number(&mut rest)?;
    let _element_type = number(&mut rest)?;
    let mut lengths = Vec::new();
    for _ in 0..depth {
        lengths.push(usize::try_from(number(&mut rest)?).ok()?);
        let _first_index = number(&mut rest)?;
    }
    if lengths.is_empty() {
        return Some(Value::List(Vec::new()));
    }
    dimension(&mut rest, &lengths, of)
}

fn dimension(rest: &mut &[u8], lengths: &[usize], of: &Kind) -> Option<Value> {
    let [length, inner @ ..] = lengths else { return element(rest, of) };
    (0..*length).map(|_| dimension(rest, inner, of)).collect::<Option<_>>().map(Value::List)
}

fn element(rest: &mut &[u8], of: &Kind) -> Option<Value> {
    let Ok(length) = usize::try_from(number(rest)?) else { return Some(Value::Null) };
    let (value, after) = rest.split_at_checked(length)?;
    *rest = after;
    read(value, of)
}

fn number(rest: &mut &[u8]) -> Option<i32> {
    let (number, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(i32::from_be_bytes(*number))
}

/// One table with all that is to be known about it, as JSON.
const CATALOGUE: &str = r"
SELECT json_build_object(
  'name', c.relname, 'schema', n.nspname, 'form', c.relkind::text,
  'columns', (
    SELECT json_agg(json_build_object(
      'name', a.attname, 'schema', t.nspname, 'type', t.typname, 'modifier', t.modifier,
      'is_array', t.is_array, 'labels', t.labels, 'is_null', NOT (a.attnotnull OR t.is_solid),
      'is_generated', a.attgenerated <> '' OR a.attidentity = 'a',
      'is_loose', NOT coalesce(l.collisdeterministic, true)
    ) ORDER BY a.attnum)
    FROM pg_attribute a
    LEFT JOIN pg_collation l ON l.oid = a.attcollation
    CROSS JOIN LATERAL (
      WITH RECURSIVE base(oid, modifier, is_solid) AS (
        SELECT a.atttypid, a.atttypmod, false
        UNION ALL
        SELECT d.typbasetype, d.typtypmod, base.is_solid OR d.typnotnull
        FROM base JOIN pg_type d ON d.oid = base.oid AND d.typtype = 'd'
      )
      SELECT tn.nspname, e.typname, base.modifier, base.is_solid, e.oid <> b.oid AS is_array,
        (SELECT json_agg(m.enumlabel) FROM pg_enum m WHERE m.enumtypid = e.oid) AS labels
      FROM base
      JOIN pg_type b ON b.oid = base.oid AND b.typtype <> 'd'
      JOIN pg_type e ON e.oid = CASE WHEN b.typcategory = 'A' THEN b.typelem ELSE b.oid END
      JOIN pg_namespace tn ON tn.oid = e.typnamespace
    ) t
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  ),
  'indexes', (
    SELECT json_agg(json_build_object(
      'name', i.indexrelid::regclass, 'is_primary', i.indisprimary, 'is_unique', i.indisunique AND i.indimmediate,
      'columns', (
        SELECT json_agg(a.attname ORDER BY k.place)
        FROM unnest(i.indkey::int2[]) WITH ORDINALITY k(number, place)
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number
        WHERE k.place <= i.indnkeyatts
      )
    ))
    FROM pg_index i
    WHERE i.indrelid = c.oid AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
  ),
  'references', (
    SELECT json_agg(DISTINCT a.attname)
    FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (k.conkey)
    WHERE k.conrelid = c.oid AND k.contype = 'f'
  ),
  'referrers', (
    SELECT json_agg(json_build_object(
      'schema', rn.nspname, 'name', r.relname, 'follows', k.confdeltype IN ('c', 'n', 'd'),
      'columns', (
        SELECT json_agg(a.attname ORDER BY p.place)
        FROM unnest(k.conkey) WITH ORDINALITY p(number, place)
        JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = p.number
      ),
      'to', (
        SELECT json_agg(a.attname ORDER BY p.place)
        FROM unnest(k.confkey) WITH ORDINALITY p(number, place)
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = p.number
      )
    ))
    FROM pg_constraint k
    JOIN pg_class r ON r.oid = k.conrelid
    JOIN pg_namespace rn ON rn.oid = r.relnamespace
    WHERE k.confrelid = c.oid AND k.contype = 'f' AND k.conparentid = 0
  )
)::text
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname = ANY ($1) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND CASE WHEN $2::text IS NULL THEN pg_table_is_visible(c.oid) ELSE n.nspname = $2 END";

#[derive(Deserialize)]
struct TableEntry {
    name: String,
    schema: String,
    form: String,
    columns: Option<Vec<ColumnEntry>>,
    indexes: Option<Vec<IndexEntry>>,
    references: Option<Vec<String>>,
    referrers: Option<Vec<ReferrerEntry>>,
}

#[derive(Deserialize)]
struct ColumnEntry {
    name: String,
    schema: String,
    #[serde(rename = "type")]
    kind: String,
    modifier: i32,
    is_array: bool,
    labels: Option<Vec<String>>,
    is_null: bool,
    is_generated: bool,
    is_loose: bool,
}

#[derive(Deserialize)]
struct IndexEntry {
    name: String,
    is_primary: bool,
    is_unique: bool,
    columns: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct ReferrerEntry {
    schema: String,
    name: String,
    follows: bool,
    columns: Vec<String>,
    to: Vec<String>,
}

/// Reads the tables of these names, in `schema` or wherever the search path leads.
pub(super) async fn tables(
    driver: &dyn Driver,
    schema: Option<&str>,
    names: &[&str],
) -> Result<Vec<Table>, Failure> {
    let names: Vec<Value> = names.iter().copied().map(Value::from).collect();
    let mut statement = Statement::new(Dialect::Postgres, CATALOGUE);
    statement.args.push(Arg::Many(names.iter().collect()));
    statement.args.push(Arg::Own(schema.map_or(Value::Null, Value::from)));
    let mut session = driver.begin(Purpose::Read).await?;
    let rows = session.rows(&statement, &[&Kind::Text(None)]).await?;
    session.commit().await?;
    let entry = |row: Vec<Value>| match row.first() {
        Some(Value::Text(json)) => serde_json::from_str(json).ok(),
        _ => None,
    };
    rows.into_iter()
        .map(|row| entry(row).map(table).ok_or_else(|| Failure::new("the catalogue cannot be understood")))
        .collect()
}

fn table(entry: TableEntry) -> Table {
    let indexes = entry.indexes.unwrap_or_default();
    let references = entry.references.unwrap_or_default();
    let mut columns: Vec<Column> = entry.columns.unwrap_or_default().into_iter().map(column).collect();
    for column in &mut columns {
        column.is_reference = references.iter().any(|name| **name == *column.name);
    }
    let indexes: Vec<Index> = indexes
        .into_iter()
        .map(|index| {
            let names = index.columns.unwrap_or_default();
            for (place, name) in names.iter().enumerate().filter(|_| index.is_primary) {
                if let Some(column) = columns.iter_mut().find(|column| *column.name == **name) {
                    column.key_rank = i64::try_from(place + 1).unwrap_or(i64::MAX);
                }
            }
            let columns = names.into_iter().map(Some).collect();
            Index { name: index.name, is_unique: index.is_unique, columns }
        })
        .collect();
    note_indexes(&mut columns, &indexes);
    let form = match &*entry.form {
        "r" | "p" => Form::Table,
        _ => Form::View,
    };
    let key = match (form, unique_key(&columns, &indexes)) {
        (Form::View, _) => Key::Whole,
        (Form::Table, Some(key)) => Key::Unique(key),
        (Form::Table, None) => Key::Unique(version()),
    };
    let quoted = |schema: &str, name: &str| {
        format!("{}.{}", Dialect::Postgres.quoted(schema), Dialect::Postgres.quoted(name))
    };
    let referrers = entry.referrers.unwrap_or_default().into_iter().map(|referrer| Referrer {
        sql: quoted(&referrer.schema, &referrer.name),
        columns: referrer.columns.iter().map(|name| Dialect::Postgres.quoted(name)).collect(),
        to: referrer.to,
        follows: referrer.follows,
        collection: (referrer.schema == entry.schema).then(|| referrer.name.clone()),
        name: format!("{}.{}", referrer.schema, referrer.name),
    });
    Table {
        name: entry.name.as_str().into(),
        sql: quoted(&entry.schema, &entry.name),
        form,
        referrers: referrers.collect(),
        columns,
        key,
    }
}

/// What stands for a key where there is none: the place of a row's present version.
///
/// A place can be taken by another row once this one has gone, but never by one of a transaction that
/// had been over when the row was read.
fn version() -> Vec<Column> {
    // Only the first of them leads to the row; the others are compared as texts.
    [("ctid", "ctid", "tid"), ("xmin", "xmin::text", "text"), ("tableoid", "tableoid::text", "text")]
        .into_iter()
        .map(|(name, sql, kind)| Column {
            cast: format!("\"pg_catalog\".\"{kind}\""),
            is_loose: kind == "tid",
            is_nullable: false,
            ..Column::new(name, sql.to_owned(), Kind::Text(None))
        })
        .collect()
}

fn column(entry: ColumnEntry) -> Column {
    let own = kind(&entry);
    let array = if entry.is_array { "[]" } else { "" };
    let quoted = |name: &str| Dialect::Postgres.quoted(name);
    // Its `=` takes 1.0 for 1.00, and letters of both cases for the same.
    let is_loose = entry.is_loose || own == Kind::Decimal(None) || entry.kind == "citext";
    Column {
        cast: format!("{}.{}{array}", quoted(&entry.schema), quoted(&entry.kind)),
        is_loose: is_loose && !entry.is_array,
        is_nullable: entry.is_null,
        is_generated: entry.is_generated,
        ..Column::new(
            &entry.name,
            quoted(&entry.name),
            if entry.is_array { Kind::List(Box::new(own)) } else { own },
        )
    }
}

fn kind(entry: &ColumnEntry) -> Kind {
    // Lengths and scales are stored with four bytes of overhead.
    let modifier = u32::try_from(entry.modifier).ok().and_then(|modifier| modifier.checked_sub(4));
    if let Some(labels) = &entry.labels {
        return Kind::Label(labels.clone());
    }
    match (&*entry.schema, &*entry.kind) {
        ("pg_catalog", "bool") => Kind::Bool,
        ("pg_catalog", "int2") => Kind::Int(i16::MIN.into(), i16::MAX.into()),
        ("pg_catalog", "int4") => Kind::Int(i32::MIN.into(), i32::MAX.into()),
        ("pg_catalog", "int8") => Kind::Int(i64::MIN, i64::MAX),
        ("pg_catalog", "float4") => Kind::Single,
        ("pg_catalog", "float8") => Kind::Double,
        ("pg_catalog", "numeric") => Kind::Decimal(modifier.and_then(scale)),
        ("pg_catalog", "text" | "varchar") => Kind::Text(modifier),
        ("pg_catalog", "bpchar") => Kind::Padded(modifier),
        ("pg_catalog", "bytea") => Kind::Bytes,
        ("pg_catalog", "uuid") => Kind::Uuid,
        ("pg_catalog", "date") => Kind::Date,
        ("pg_catalog", "timestamp") => Kind::Timestamp,
        ("pg_catalog", "timestamptz") => Kind::Instant,
        ("pg_catalog", "inet") => Kind::Address,
        ("pg_catalog", "json" | "jsonb") => Kind::Json,
        (_, "citext") => Kind::Text(None),
        _ => Kind::Other,
    }
}

/// The scale of a number: eleven bits, of which the first is the sign.
fn scale(modifier: u32) -> Option<usize> {
    let bits = modifier & 0x7ff;
    (bits < 0x400).then_some(bits as usize)
}
