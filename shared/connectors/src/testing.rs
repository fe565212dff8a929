//! What the tests of all stores share: receivers, embedded services, and SQLite files to look into.

use std::collections::BTreeMap;
use std::future::Future;
use std::ops::ControlFlow;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region};
use aws_smithy_http_client::Builder;
use domain::datamap::{CollectionRef, Count, DataMap, Erasure, Identities, Masker, Selection};
use domain::row::Row;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, SqliteConnection};

use crate::Connections;
use crate::engine::{Bookmark, Clients, Engine};
use crate::fault::EngineError;
use crate::secrets::NoSecrets;
use crate::sink::{Chunks, ObjectInfo, Progress, Sink, SinkError, Step};

/// Keeps all rows as JSON, and of objects their names and lengths.
#[derive(Default)]
pub(crate) struct Recorder {
    pub(crate) rows: Vec<(String, serde_json::Value)>,
    pub(crate) objects: Vec<(String, usize)>,
    /// The largest chunk of all objects.
    pub(crate) chunk: usize,
}

#[async_trait]
impl Sink for Recorder {
    async fn row(&mut self, at: &CollectionRef, row: &Row) -> Result<(), SinkError> {
        let json = serde_json::to_value(row).map_err(SinkError::target)?;
        self.rows.push((at.to_string(), json));
        Ok(())
    }

    async fn object(
        &mut self,
        _: &CollectionRef,
        object: &ObjectInfo,
        body: &mut dyn Chunks,
    ) -> Result<(), SinkError> {
        let mut length = 0;
        while let Some(chunk) = body.next().await? {
            length += chunk.len();
            self.chunk = self.chunk.max(chunk.len());
        }
        assert_eq!(length as u64, object.size);
        self.objects.push((object.name.clone(), length));
        Ok(())
    }
}

/// Takes rows, and stops at the first rest at which it has had so many; the bookmark survives it.
#[derive(Default)]
pub(crate) struct Rester {
    pub(crate) taken: Recorder,
    pub(crate) budget: usize,
    pub(crate) bookmark: Option<String>,
}

#[async_trait]
impl Sink for Rester {
    async fn row(&mut self, at: &CollectionRef, row: &Row) -> Result<(), SinkError> {
        self.budget = self.budget.saturating_sub(1);
        self.taken.row(at, row).await
    }

    async fn object(
        &mut self,
        at: &CollectionRef,
        object: &ObjectInfo,
        body: &mut dyn Chunks,
    ) -> Result<(), SinkError> {
        self.taken.object(at, object, body).await
    }

    fn rests(&self) -> bool {
        true
    }

    async fn rest(&mut self, here: &(dyn Fn() -> Bookmark + Sync)) -> Result<(), SinkError> {
        if self.budget > 0 {
            return Ok(());
        }
        self.bookmark = Some(serde_json::to_string(&here()).map_err(SinkError::target)?);
        Err(SinkError::target("time is up"))
    }
}

/// Counts steps and stops at one of them, once a page is gone.
#[derive(Default)]
pub(crate) struct Steps {
    pub(crate) stop_from: Option<usize>,
    pub(crate) seen: Vec<String>,
    has_erased: bool,
}

impl Steps {
    pub(crate) fn stop_from(step: usize) -> Self {
        Self { stop_from: Some(step), ..Self::default() }
    }
}

#[async_trait]
impl Progress for Steps {
    async fn step(&mut self, step: &Step) -> ControlFlow<()> {
        self.has_erased |= matches!(step, Step::Erased { .. });
        self.seen.push(match step {
            Step::Erased { at, rows } => format!("{} -{rows}", at.collection),
            Step::Finished(outcome) if outcome.is_done() => format!("{} done", outcome.at.collection),
            Step::Finished(outcome) => format!("{} failed", outcome.at.collection),
        });
        match self.stop_from {
            Some(stop) if self.seen.len() >= stop && self.has_erased => ControlFlow::Break(()),
            Some(_) | None => ControlFlow::Continue(()),
        }
    }
}

/// The engine by the map's own methods, and without a selection.
pub(crate) trait Plainly {
    async fn read(&self, who: &Identities, sink: &mut dyn Sink) -> Result<Vec<Count>, EngineError>;
    async fn wipe(&self, who: &Identities, progress: &mut dyn Progress) -> Result<Erasure, EngineError>;
}

impl Plainly for Engine {
    async fn read(&self, who: &Identities, sink: &mut dyn Sink) -> Result<Vec<Count>, EngineError> {
        self.access(who, &Selection::new(self.map(), &[]), sink).await
    }

    async fn wipe(&self, who: &Identities, progress: &mut dyn Progress) -> Result<Erasure, EngineError> {
        self.erase(who, &self.order(None, Masker::random()), progress).await
    }
}

/// Runs a future until its `k`-th poll and drops it there, as a crash would; none if so.
pub(crate) async fn crash_at<T>(k: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut polls = 0;
    std::future::poll_fn(|context| {
        if polls == k {
            return Poll::Ready(None);
        }
        polls += 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

pub(crate) fn person(name: &str, value: &str) -> Identities {
    [(name, value)].into_iter().collect()
}

/// Rows per collection, in walk order.
pub(crate) fn numbers(counts: &[Count]) -> Vec<(&str, u64)> {
    counts.iter().map(|count| (count.at.collection.as_str(), count.rows)).collect()
}

/// Found, erased and kept rows per collection, in walk order.
pub(crate) fn effects(erasure: &Erasure) -> Vec<(&str, u64, u64, u64)> {
    erasure
        .collections
        .iter()
        .map(|done| (done.at.collection.as_str(), done.found, done.erased, done.kept))
        .collect()
}

/// Clients of services that are not there.
pub(crate) fn no_clients() -> Clients {
    clients("http://127.0.0.1:1", "http://127.0.0.1:1")
}

/// Clients of the services at these addresses.
pub(crate) fn clients(dynamodb: &str, s3: &str) -> Clients {
    patient(dynamodb, s3, false)
}

/// The same, which may soon give up what does not answer.
pub(crate) fn patient(dynamodb: &str, s3: &str, soon: bool) -> Clients {
    let attempt = Duration::from_millis(if soon { 100 } else { 30_000 });
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(attempt).build();
    let retries = RetryConfig::standard().with_initial_backoff(Duration::from_millis(10));
    let credentials = || aws_credential_types::Credentials::new("local", "secret", None, None, "test");
    let http = Builder::new().build_http();
    let dynamodb = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(credentials())
        .http_client(http.clone())
        .timeout_config(timeouts.clone())
        .retry_config(retries.clone())
        .endpoint_url(dynamodb)
        .build();
    let s3 = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(credentials())
        .http_client(http)
        .timeout_config(timeouts)
        .retry_config(retries)
        .endpoint_url(s3)
        .force_path_style(true)
        .build();
    Clients {
        dynamodb: aws_sdk_dynamodb::Client::from_conf(dynamodb),
        s3: aws_sdk_s3::Client::from_conf(s3),
        secrets: Arc::new(NoSecrets),
    }
}

/// Opens an engine on maps and connections given as text.
pub(crate) async fn open(
    map: &str,
    connections: &str,
    base_dir: &Path,
    clients: Clients,
) -> Result<Engine, EngineError> {
    let (map, connections) = load(map, connections, base_dir)?;
    Engine::open(map, connections, clients).await?.whole()
}

/// Reads maps and connections given as text.
pub(crate) fn load(
    map: &str,
    connections: &str,
    base_dir: &Path,
) -> Result<(DataMap, Connections), EngineError> {
    let map = DataMap::load([("map.yml", map)]).map_err(EngineError::Refused)?;
    let connections = Connections::load("connections.yml", connections, base_dir, &|_| None)
        .map_err(EngineError::Refused)?;
    Ok((map, connections))
}

/// Runs statements on a SQLite file, which is made if it is not there.
pub(crate) async fn sqlite(path: &Path, sql: &str) {
    let mut connection = connect(path).await;
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// Every row of every table of a SQLite file, exactly.
pub(crate) async fn dump(path: &Path) -> BTreeMap<String, Vec<String>> {
    let mut connection = connect(path).await;
    let tables: Vec<String> = sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type = 'table'")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    let mut dump = BTreeMap::new();
    for table in tables {
        let columns: Vec<String> = sqlx::query_scalar("SELECT name FROM pragma_table_info(?)")
            .bind(&table)
            .fetch_all(&mut connection)
            .await
            .unwrap();
        let columns: Vec<String> = columns.iter().map(|column| format!("quote(\"{column}\")")).collect();
        let sql = format!("SELECT {} FROM \"{table}\" ORDER BY 1", columns.join(" || ', ' || "));
        let rows = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap();
        dump.insert(table, rows);
    }
    connection.close().await.unwrap();
    dump
}

async fn connect(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .foreign_keys(false)
        .connect()
        .await
        .unwrap()
}
