//! Databases that speak SQL.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Mutex;

use async_trait::async_trait;
use serde_json::Value;
use servers::Server;
use sqlx::sqlite::{SqliteConnectOptions, SqliteSynchronous};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection, Executor as _, MySqlConnection, PgConnection, Row as _,
};
use tempfile::TempDir;
use url::Url;

use crate::conformance::fixture::{Dump, Fixture, Patience, sorted, with_numbers_for_flags};
use crate::conformance::gate::Gate;
use crate::conformance::world::{Field, Key, LEAF, Of, Row, Table};

/// How a database wants statements to be written.
pub(in crate::conformance) struct Tongue {
    quote: char,
    /// Whether a backslash in a text stands for itself.
    backslashes: bool,
    integer: &'static str,
    float: &'static str,
    text: &'static str,
    /// Text in a key, byte by byte.
    key_text: &'static str,
    loose: &'static str,
    document: &'static str,
    /// A document as the database itself would write it; `{}` is the literal.
    written: &'static str,
    incomparable: &'static str,
    /// What follows the columns of a table with a key of several parts.
    of_several: &'static str,
    /// A column as the text of a literal; `{}` is the column.
    exact: &'static str,
    object: &'static str,
    /// What an object is cast to, so that it is read as it is.
    shown: &'static str,
    /// Where values come from that come from no table.
    nowhere: &'static str,
}

const SQLITE: Tongue = Tongue {
    quote: '"',
    backslashes: true,
    integer: "INTEGER",
    float: "REAL",
    text: "TEXT",
    key_text: "TEXT",
    loose: "TEXT COLLATE NOCASE",
    document: "JSON",
    written: "{}",
    incomparable: "JSON",
    of_several: "WITHOUT ROWID",
    exact: "quote({})",
    object: "json_object",
    shown: "TEXT",
    nowhere: "",
};

const POSTGRES: Tongue = Tongue {
    quote: '"',
    backslashes: true,
    integer: "bigint",
    float: "double precision",
    text: "text",
    key_text: "text",
    loose: "citext",
    document: "jsonb",
    written: "{}",
    incomparable: "json",
    of_several: "",
    exact: "quote_nullable({}::text)",
    object: "json_build_object",
    shown: "text",
    nowhere: "",
};

const MYSQL: Tongue = Tongue {
    quote: '`',
    backslashes: false,
    integer: "BIGINT",
    float: "DOUBLE",
    text: "TEXT",
    key_text: "VARCHAR(200) COLLATE utf8mb4_nopad_bin",
    loose: "VARCHAR(200)",
    document: "JSON",
    written: "JSON_LOOSE({})",
    incomparable: "FLOAT",
    of_several: "",
    exact: "QUOTE(CAST({} AS CHAR))",
    object: "JSON_OBJECT",
    shown: "CHAR",
    nowhere: "FROM DUAL",
};

impl Tongue {
    fn quoted(&self, name: &str) -> String {
        format!("{0}{name}{0}", self.quote)
    }

    fn quoted_all<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> String {
        names.into_iter().map(|name| self.quoted(name)).collect::<Vec<_>>().join(", ")
    }

    fn literal(&self, value: Option<&Value>) -> String {
        let quoted = |text: &str| {
            let text = text.replace('\'', "''");
            format!("'{}'", if self.backslashes { text } else { text.replace('\\', "\\\\") })
        };
        match value {
            None | Some(Value::Null) => "NULL".to_owned(),
            Some(value @ (Value::Bool(_) | Value::Number(_))) => value.to_string(),
            Some(Value::String(text)) => quoted(text),
            Some(document @ (Value::Array(_) | Value::Object(_))) => {
                self.written.replace("{}", &quoted(&document.to_string()))
            }
        }
    }

    fn column(&self, field: &Field) -> String {
        let of = match field.of {
            Of::Integer => self.integer,
            Of::Float => self.float,
            Of::Flag => "BOOLEAN",
            Of::Text if field.key != Key::No || field.foreign.is_some() => self.key_text,
            Of::Text => self.text,
            Of::Loose => self.loose,
            Of::Document(_) => self.document,
            Of::Incomparable => self.incomparable,
        };
        let required = if field.is_required { " NOT NULL" } else { "" };
        format!("{} {of}{required}", self.quoted(field.name))
    }

    fn create(&self, table: &Table) -> String {
        let mut parts: Vec<String> = table.fields.iter().map(|field| self.column(field)).collect();
        let key = table.key(false);
        if !key.is_empty() {
            parts.push(format!("PRIMARY KEY ({})", self.quoted_all(key.iter().map(|field| field.name))));
        }
        for field in &table.fields {
            if let Some(references) = &field.foreign {
                parts.push(format!("FOREIGN KEY ({}) REFERENCES {references}", self.quoted(field.name)));
            }
        }
        let of_several = if key.len() > 1 { self.of_several } else { "" };
        let mut sql =
            format!("CREATE TABLE {} ({}) {of_several};", self.quoted(table.name), parts.join(", "));
        let is_indexed = |field: &&Field| {
            (field.is_entry() || field.key == Key::IfNeeded) && !matches!(field.of, Of::Incomparable)
        };
        for field in table.fields.iter().filter(is_indexed) {
            let (name, column) = (format!("{}_by_{}", table.name, field.name), self.quoted(field.name));
            sql += &format!("CREATE INDEX {} ON {} ({column});", self.quoted(&name), self.quoted(table.name));
        }
        sql
    }

    /// `INSERT INTO` a table the values of all its columns.
    fn into(&self, table: &Table) -> String {
        let columns = self.quoted_all(table.fields.iter().map(|field| field.name));
        format!("INSERT INTO {} ({columns})", self.quoted(table.name))
    }

    fn values(&self, table: &Table, row: &Row) -> String {
        let values = table.fields.iter().map(|field| self.literal(row.get(field.name)));
        values.collect::<Vec<_>>().join(", ")
    }

    /// Columns with their values.
    fn pairs<'f>(&self, fields: impl IntoIterator<Item = &'f Field>, row: &Row) -> Vec<String> {
        let pair =
            |field: &Field| format!("{} = {}", self.quoted(field.name), self.literal(row.get(field.name)));
        fields.into_iter().map(pair).collect()
    }

    fn is_row(&self, table: &Table, row: &Row) -> String {
        self.pairs(table.key(true), row).join(" AND ")
    }

    fn fill(&self, table: &Table) -> String {
        let mut sql = self.create(table);
        for rows in table.rows.chunks(500) {
            let rows: Vec<String> = rows.iter().map(|row| format!("({})", self.values(table, row))).collect();
            sql += &format!("{} VALUES {};", self.into(table), rows.join(", "));
        }
        sql
    }

    /// Changes a row, or adds it if it is not there.
    fn put(&self, table: &Table, row: &Row) -> String {
        let (name, is_it) = (self.quoted(table.name), self.is_row(table, row));
        format!(
            "UPDATE {name} SET {} WHERE {is_it}; {} SELECT {} {} WHERE NOT EXISTS (SELECT 1 FROM {name} WHERE {is_it});",
            self.pairs(&table.fields, row).join(", "),
            self.into(table),
            self.values(table, row),
            self.nowhere
        )
    }

    fn remove(&self, table: &Table, row: &Row) -> String {
        format!("DELETE FROM {} WHERE {};", self.quoted(table.name), self.is_row(table, row))
    }

    /// Each row as one JSON object, with the name of its table.
    fn dump(&self, table: &Table) -> String {
        let part = |field: &Field| {
            let exact = self.exact.replace("{}", &self.quoted(field.name));
            format!(", '{}', {exact}", field.name)
        };
        let parts: String = table.fields.iter().map(part).collect();
        let Self { object, shown, .. } = self;
        let name = table.name;
        format!("SELECT CAST({object}('', '{name}'{parts}) AS {shown}) FROM {};", self.quoted(name))
    }
}

/// The first column of all rows that statements give.
macro_rules! rows {
    ($connection:expr, $sql:expr) => {{
        let rows = sqlx::raw_sql(AssertSqlSafe($sql)).fetch_all($connection).await.unwrap();
        rows.iter().filter_map(|row| row.try_get_unchecked::<Option<String>, _>(0).unwrap()).collect()
    }};
}

/// A make of database.
#[async_trait]
pub(in crate::conformance) trait Make: Sized + Send + Sync {
    const TONGUE: &'static Tongue;
    const CRASHES: usize;
    /// Whether flags are numbers.
    const FLAGS_ARE_NUMBERS: bool;

    async fn start() -> Self;
    async fn rows(&self, sql: String) -> Vec<String>;
    fn connection(&self, patience: Patience) -> String;
    fn base_dir(&self) -> Option<PathBuf> {
        None
    }
    async fn stop(&self);
    async fn hang(&self);
    async fn mend(&self);
}

/// A database with the tables.
pub(in crate::conformance) struct Sql<M>(M);

pub(in crate::conformance) type Sqlite = Sql<File>;
pub(in crate::conformance) type Postgres = Sql<PostgresServer>;
pub(in crate::conformance) type MySql = Sql<MariaDbServer>;

impl<M: Make> Sql<M> {
    /// Runs statements as one transaction, if there are any.
    async fn run(&self, statements: impl Iterator<Item = String>) {
        let statements: String = statements.collect();
        if !statements.is_empty() {
            self.0.rows(format!("BEGIN; {statements} COMMIT;")).await;
        }
    }
}

#[async_trait]
impl<M: Make> Fixture for Sql<M> {
    const CRASHES: usize = M::CRASHES;

    async fn start() -> Self {
        Self(M::start().await)
    }

    fn shown(table: &Table, row: &Row) -> Row {
        if M::FLAGS_ARE_NUMBERS { with_numbers_for_flags(table, row) } else { row.clone() }
    }

    fn connection(&self, patience: Patience) -> String {
        self.0.connection(patience)
    }

    fn base_dir(&self) -> Option<PathBuf> {
        self.0.base_dir()
    }

    async fn fill(&self, tables: &[&Table]) {
        self.run(tables.iter().map(|table| M::TONGUE.fill(table))).await;
    }

    async fn put(&self, table: &Table, rows: &[Row]) {
        self.run(rows.iter().map(|row| M::TONGUE.put(table, row))).await;
    }

    async fn remove(&self, table: &Table, rows: &[Row]) {
        self.run(rows.iter().map(|row| M::TONGUE.remove(table, row))).await;
    }

    async fn dump(&self, tables: &[&Table]) -> Dump {
        let mut dump: Dump = tables.iter().map(|table| (table.name.to_owned(), Vec::new())).collect();
        for row in self.0.rows(tables.iter().map(|table| M::TONGUE.dump(table)).collect()).await {
            let mut row: Row = serde_json::from_str(&row).unwrap();
            let name = row.remove("").unwrap();
            dump.get_mut(name.as_str().unwrap()).unwrap().push(Value::Object(row));
        }
        dump.into_iter().map(|(name, rows)| (name, sorted(rows))).collect()
    }

    async fn lose(&self) {
        self.0.rows(format!("DROP TABLE {}", M::TONGUE.quoted(LEAF))).await;
    }

    async fn stop(&self) {
        self.0.stop().await;
    }

    async fn hang(&self) {
        self.0.hang().await;
    }

    async fn mend(&self) {
        self.0.mend().await;
    }
}

/// A SQLite file.
pub(in crate::conformance) struct File {
    dir: TempDir,
    /// What the file held before it was damaged.
    whole: Mutex<Option<Vec<u8>>>,
}

impl File {
    fn path(&self) -> PathBuf {
        self.dir.path().join("d.sqlite")
    }
}

#[async_trait]
impl Make for File {
    const TONGUE: &'static Tongue = &SQLITE;
    const CRASHES: usize = usize::MAX;
    const FLAGS_ARE_NUMBERS: bool = true;

    async fn start() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), whole: Mutex::default() }
    }

    async fn rows(&self, sql: String) -> Vec<String> {
        let options = SqliteConnectOptions::new().filename(self.path()).create_if_missing(true);
        let mut connection = options.synchronous(SqliteSynchronous::Off).connect().await.unwrap();
        let rows = rows!(&mut connection, sql);
        connection.close().await.unwrap();
        rows
    }

    fn connection(&self, _: Patience) -> String {
        format!("{{kind: sqlite, path: '{}'}}", self.path().display())
    }

    /// Overwrites the file in its place, which all who have it open see.
    async fn stop(&self) {
        let whole = std::fs::read(self.path()).unwrap();
        std::fs::write(self.path(), vec![b'x'; whole.len()]).unwrap();
        *self.whole.lock().unwrap() = Some(whole);
    }

    async fn hang(&self) {
        unreachable!("a file answers as long as it can be read");
    }

    async fn mend(&self) {
        let whole = self.whole.lock().unwrap().take();
        std::fs::write(self.path(), whole.unwrap()).unwrap();
    }
}

/// A server behind a gate.
pub(in crate::conformance) struct Gated<S, C> {
    // Before the server, which they are connected to.
    /// What tests run their own statements on.
    direct: tokio::sync::Mutex<C>,
    /// Who keeps a table locked.
    locker: tokio::sync::Mutex<Option<C>>,
    gate: Gate,
    server: S,
}

impl<S: Deref<Target = Server>, C: Connection> Gated<S, C> {
    async fn of(server: S) -> Self {
        server.create_database("shop");
        let url = url(&server);
        let gate = Gate::to(SocketAddr::from((Ipv4Addr::LOCALHOST, url.port().unwrap()))).await;
        let direct = tokio::sync::Mutex::new(C::connect(url.as_str()).await.unwrap());
        Self { direct, locker: tokio::sync::Mutex::default(), gate, server }
    }

    /// Another connection past the gate.
    async fn another(&self) -> C {
        C::connect(url(&self.server).as_str()).await.unwrap()
    }

    fn settings(&self, kind: &str, patience: Patience) -> String {
        let mut url = url(&self.server);
        url.set_port(Some(self.gate.address.port())).unwrap();
        let timeout = match patience {
            Patience::Usual => 30,
            Patience::Short => 1,
        };
        format!("{{kind: {kind}, url: '{url}', statement_timeout: {timeout}}}")
    }

    async fn reopen(&self) {
        self.gate.open();
        if let Some(locker) = self.locker.lock().await.take() {
            locker.close().await.unwrap();
        }
    }
}

fn url(server: &Server) -> Url {
    server.url("shop").parse().unwrap()
}

pub(in crate::conformance) type PostgresServer = Gated<servers::Postgres, PgConnection>;

#[async_trait]
impl Make for PostgresServer {
    const TONGUE: &'static Tongue = &POSTGRES;
    const CRASHES: usize = 8;
    const FLAGS_ARE_NUMBERS: bool = false;

    async fn start() -> Self {
        let base = Self::of(servers::Postgres::start()).await;
        base.rows("CREATE EXTENSION citext".to_owned()).await;
        base
    }

    async fn rows(&self, sql: String) -> Vec<String> {
        rows!(&mut *self.direct.lock().await, sql)
    }

    fn connection(&self, patience: Patience) -> String {
        self.settings("postgres", patience)
    }

    async fn stop(&self) {
        self.gate.shut();
    }

    async fn hang(&self) {
        let mut locker = self.another().await;
        locker.execute(AssertSqlSafe(format!("BEGIN; LOCK TABLE {LEAF}"))).await.unwrap();
        *self.locker.lock().await = Some(locker);
    }

    async fn mend(&self) {
        self.reopen().await;
    }
}

pub(in crate::conformance) type MariaDbServer = Gated<servers::MariaDb, MySqlConnection>;

#[async_trait]
impl Make for MariaDbServer {
    const TONGUE: &'static Tongue = &MYSQL;
    const CRASHES: usize = 8;
    const FLAGS_ARE_NUMBERS: bool = true;

    async fn start() -> Self {
        Self::of(servers::MariaDb::start()).await
    }

    async fn rows(&self, sql: String) -> Vec<String> {
        rows!(&mut *self.direct.lock().await, sql)
    }

    fn connection(&self, patience: Patience) -> String {
        self.settings("mysql", patience)
    }

    async fn stop(&self) {
        self.gate.shut();
    }

    async fn hang(&self) {
        let mut locker = self.another().await;
        locker.execute(AssertSqlSafe(format!("LOCK TABLES {LEAF} WRITE"))).await.unwrap();
        *self.locker.lock().await = Some(locker);
    }

    async fn mend(&self) {
        self.reopen().await;
    }
}
