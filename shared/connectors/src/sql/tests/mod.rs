//! Tests of the store alone, on real databases.

mod mysql;
mod postgres;
mod rules;
mod sqlite;

use domain::datamap::{DataMap, MaskedField, Masking};
use domain::row::{Place, Step};
use futures_util::TryStreamExt as _;
use std::time::Duration;
use tempfile::TempDir;

use super::*;
use crate::secrets::NoSecrets;
use crate::store::PAGE;

/// An empty database.
enum Base {
    Sqlite(TempDir),
    Postgres(servers::Postgres),
    MySql(servers::MariaDb),
}

impl Base {
    /// One of each kind.
    fn all() -> [Self; 3] {
        [Self::sqlite(), Self::postgres(), Self::mysql()]
    }

    fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().unwrap())
    }

    fn postgres() -> Self {
        let server = servers::Postgres::start();
        server.create_database("shop");
        Self::Postgres(server)
    }

    fn mysql() -> Self {
        let server = servers::MariaDb::start();
        server.create_database("shop");
        Self::MySql(server)
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "sqlite",
            Self::Postgres(_) => "postgres",
            Self::MySql(_) => "mysql",
        }
    }

    fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
            Self::MySql(_) => Dialect::MySql,
        }
    }

    /// Runs statements in which names that need quotes stand in `«` and `»`; gives the rows of the last one.
    async fn run(&self, statements: &str) -> Vec<String> {
        let quote = self.dialect().quoted("").remove(0).to_string();
        let statements = statements.replace(['«', '»'], &quote);
        let rows = match self {
            Self::Sqlite(dir) => sqlite::run(&dir.path().join("d.sqlite"), &statements).await,
            Self::Postgres(server) => server.sql("shop", &statements),
            Self::MySql(server) => server.sql("shop", &statements),
        };
        rows.lines().map(str::to_owned).collect()
    }

    /// The text after the name of this database in a list such as `sqlite: a; mysql: b`.
    fn pick<'t>(&self, variants: &'t str) -> &'t str {
        let own = |variant: &'t str| variant.trim().strip_prefix(self.name())?.strip_prefix(": ");
        variants.split(" | ").find_map(own).unwrap_or(variants)
    }

    fn server(&self) -> Server {
        let url = match self {
            Self::Sqlite(_) => String::new(),
            Self::Postgres(server) => server.url("shop"),
            Self::MySql(server) => server.url("shop"),
        };
        Server { url: Some(url), secret: None, statement_timeout: Duration::from_secs(30), connections: 3 }
    }

    /// Opens the store on a map of collections such as `t: owner, v`.
    async fn try_open(&self, collections: &[&str], server: &Server) -> Result<Sql, String> {
        let dataset = dataset(collections);
        let (at, mut errors) = (dataset.at.clone(), MapErrors::default());
        let store = match self {
            Self::Sqlite(dir) => Sql::sqlite(&dataset, &at, &dir.path().join("d.sqlite"), &mut errors).await,
            Self::Postgres(_) => Sql::postgres(&dataset, &at, server, &NoSecrets, &mut errors).await,
            Self::MySql(_) => Sql::mysql(&dataset, &at, server, &NoSecrets, &mut errors).await,
        };
        store.filter(|_| errors.0.is_empty()).ok_or_else(|| errors.to_string())
    }

    async fn open(&self, collections: &[&str]) -> Sql {
        self.try_open(collections, &self.server()).await.unwrap()
    }
}

/// A dataset with collections such as `t: owner, v`, where the first field is an identity.
fn dataset(collections: &[&str]) -> Dataset {
    let mut map = "dataset:\n- fides_key: d\n  collections:\n".to_owned();
    for collection in collections {
        let (name, fields) = collection.split_once(": ").unwrap();
        map += &format!("  - name: '{name}'\n    fields:\n");
        for (place, field) in fields.split(", ").enumerate() {
            let identity = if place == 0 { ", fides_meta: {identity: x}" } else { "" };
            map += &format!("    - {{name: '{field}'{identity}}}\n");
        }
    }
    DataMap::load([("map.yml", map.as_str())]).unwrap().datasets.remove(0)
}

/// What is asked for in `t`.
struct Ask {
    collection: &'static str,
    path: &'static str,
    values: Vec<Value>,
    want: Vec<String>,
}

impl Ask {
    fn new(values: impl IntoIterator<Item = impl Into<Value>>, want: &[&str]) -> Self {
        let values = values.into_iter().map(Into::into).collect();
        let want = want.iter().map(|name| (*name).to_owned()).collect();
        Self { collection: "t", path: "owner", values, want }
    }

    fn question(&self) -> Question<'_> {
        let Self { collection, path, values, want } = self;
        Question { collection, path, values, want }
    }
}

async fn all(store: &Sql, ask: &Ask) -> Vec<Found> {
    let question = ask.question();
    let pages: Vec<crate::store::Page> = store.ask(&question).try_collect().await.unwrap();
    assert!(pages.iter().all(|page| page.rows.len() <= PAGE));
    pages.into_iter().flat_map(|page| page.rows).collect()
}

fn column<'r>(rows: &'r [Found], name: &str) -> Vec<&'r Value> {
    rows.iter().map(|found| found.row.get(name).unwrap()).collect()
}

/// The same new values in each row.
fn to<'r>(rows: &'r [Found], set: &[(&str, Value)]) -> Vec<Change<'r>> {
    let set: Vec<(Place, Value)> = set.iter().map(|(name, value)| (place(name), value.clone())).collect();
    rows.iter().map(|found| Change { found, set: set.clone() }).collect()
}

/// The place at a path such as `lines.0.name`.
fn place(path: &str) -> Place {
    let step = |step: &str| step.parse().map_or_else(|_| Step::Field(step.into()), Step::Index);
    Place(path.split('.').map(step).collect())
}

fn null(path: &str) -> MaskedField {
    MaskedField { path: path.to_owned(), masking: Masking::NullRewrite, length: None }
}
