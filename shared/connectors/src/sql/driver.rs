//! Talking with a database: sessions, and why they fail.

use std::fmt::Debug;
use std::marker::PhantomData;
use std::time::Duration;

use async_trait::async_trait;
use domain::row::Value;
use sqlx::database::HasStatementCache;
use sqlx::pool::PoolConnection;
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Database, Executor, IntoArguments, Pool};

use super::kind::Kind;
use super::statement::{Arg, Statement};
use crate::fault::Fault;

/// What a transaction is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Read,
    Write,
}

/// Why a statement failed.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) fault: Fault,
    /// Whether the same transaction may succeed if it is tried again, since another one was in its way.
    pub(super) is_passing: bool,
}

impl Failure {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self { fault: Fault::new(reason), is_passing: false }
    }

    pub(super) fn passing(reason: impl Into<String>) -> Self {
        Self { fault: Fault::new(reason), is_passing: true }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self { fault, is_passing: false }
    }
}

/// A pool of connections to one database.
#[async_trait]
pub(super) trait Driver: Send + Sync {
    /// Opens a transaction. Whoever drops it without a commit takes everything back.
    async fn begin(&self, purpose: Purpose) -> Result<Box<dyn Session>, Failure>;
}

/// A transaction.
#[async_trait]
pub(super) trait Session: Send {
    /// The rows that a statement gives, whose columns are of these kinds.
    async fn rows(&mut self, statement: &Statement<'_>, kinds: &[&Kind]) -> Result<Vec<Vec<Value>>, Failure>;

    /// Runs a statement; says how many rows it changed.
    async fn run(&mut self, statement: &Statement<'_>) -> Result<u64, Failure>;

    async fn commit(self: Box<Self>) -> Result<(), Failure>;

    /// Takes everything back, and waits until nothing is locked any more.
    async fn roll_back(self: Box<Self>) -> Result<(), Failure>;
}

/// How values go to and come from one kind of database.
pub(super) trait Wire: Send + Sync + Debug + 'static {
    type Db: Database + HasStatementCache;

    /// Whether statements stay prepared although they are not to be repeated.
    const KEEPS_STATEMENTS: bool = false;

    /// The statement that opens a transaction.
    fn begin(&self, purpose: Purpose) -> String;

    /// Binds a value.
    fn bind<'q>(query: Bound<'q, Self::Db>, arg: &'q Arg<'q>) -> Bound<'q, Self::Db>;

    /// Reads the value of a column.
    fn read(row: &<Self::Db as Database>::Row, index: usize, kind: &Kind) -> Result<Value, sqlx::Error>;

    fn changed(result: &<Self::Db as Database>::QueryResult) -> u64;

    /// Why the database refused, by its code: a message could repeat values.
    fn failure(error: &dyn sqlx::error::DatabaseError) -> Failure;
}

type Bound<'q, Db> = Query<'q, Db, <Db as Database>::Arguments>;

/// The pool of a database.
#[derive(Debug)]
pub(super) struct Open<W: Wire> {
    pub(super) wire: W,
    pub(super) pool: Pool<W::Db>,
    /// How long any one answer is waited for; the database itself gives up before that.
    pub(super) patience: Duration,
}

/// A transaction on a connection of its own.
struct Running<W: Wire> {
    connection: PoolConnection<W::Db>,
    is_over: bool,
    patience: Duration,
    wire: PhantomData<W>,
}

impl<W: Wire> Drop for Running<W> {
    /// Takes back what was not committed. The server sees to that as the connection closes, in
    /// whatever state it was left.
    fn drop(&mut self) {
        if !self.is_over {
            self.connection.close_on_drop();
        }
    }
}

#[async_trait]
impl<W: Wire> Driver for Open<W>
where
    for<'c> &'c mut <W::Db as Database>::Connection: Executor<'c, Database = W::Db>,
    <W::Db as Database>::Arguments: IntoArguments<W::Db>,
{
    async fn begin(&self, purpose: Purpose) -> Result<Box<dyn Session>, Failure> {
        let patience = self.patience;
        let connection = patient::<W, _>(patience, self.pool.acquire()).await?;
        let mut running = Running::<W> { connection, is_over: false, patience, wire: PhantomData };
        running.raw(self.wire.begin(purpose)).await?;
        Ok(Box::new(running))
    }
}

impl<W: Wire> Running<W>
where
    for<'c> &'c mut <W::Db as Database>::Connection: Executor<'c, Database = W::Db>,
{
    /// Runs statements without values.
    async fn raw(&mut self, text: String) -> Result<(), Failure> {
        let run = (&mut *self.connection).execute(AssertSqlSafe(text));
        patient::<W, _>(self.patience, run).await.map(drop)
    }

    /// Ends the transaction and gives the connection back.
    async fn end(&mut self, text: &str) -> Result<(), Failure> {
        self.raw(text.to_owned()).await?;
        self.is_over = true;
        // Left to itself it would go back at some later time, and whoever comes next would open another one.
        let back = self.connection.return_to_pool();
        // If it does not answer any more it is closed, which is nothing to the transaction.
        let _ = tokio::time::timeout(self.patience, back).await;
        Ok(())
    }
}

#[async_trait]
impl<W: Wire> Session for Running<W>
where
    for<'c> &'c mut <W::Db as Database>::Connection: Executor<'c, Database = W::Db>,
    <W::Db as Database>::Arguments: IntoArguments<W::Db>,
{
    async fn rows(&mut self, statement: &Statement<'_>, kinds: &[&Kind]) -> Result<Vec<Vec<Value>>, Failure> {
        let rows = bound::<W>(statement).fetch_all(&mut *self.connection);
        let rows = patient::<W, _>(self.patience, rows).await?;
        rows.iter()
            .map(|row| kinds.iter().enumerate().map(|(index, kind)| W::read(row, index, kind)).collect())
            .collect::<Result<_, _>>()
            .map_err(|error| failure::<W>(&error))
    }

    async fn run(&mut self, statement: &Statement<'_>) -> Result<u64, Failure> {
        let run = bound::<W>(statement).execute(&mut *self.connection);
        patient::<W, _>(self.patience, run).await.map(|result| W::changed(&result))
    }

    async fn commit(mut self: Box<Self>) -> Result<(), Failure> {
        self.end("COMMIT").await
    }

    async fn roll_back(mut self: Box<Self>) -> Result<(), Failure> {
        self.end("ROLLBACK").await
    }
}

fn bound<'q, W: Wire>(statement: &'q Statement<'q>) -> Bound<'q, W::Db> {
    let query = sqlx::query(statement.sql()).persistent(statement.is_repeated || W::KEEPS_STATEMENTS);
    statement.args.iter().fold(query, W::bind)
}

/// What a call gives, unless it takes too long.
async fn patient<W: Wire, T>(
    patience: Duration,
    call: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, Failure> {
    match tokio::time::timeout(patience, call).await {
        Ok(answer) => answer.map_err(|error| failure::<W>(&error)),
        Err(_) => Err(Failure::new("the database gave no answer in time")),
    }
}

fn failure<W: Wire>(error: &sqlx::Error) -> Failure {
    if let sqlx::Error::Database(error) = error {
        return W::failure(&**error);
    }
    Failure::new(match error {
        sqlx::Error::PoolTimedOut => "the database cannot be reached, or all connections stayed busy",
        sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed => "the connection to the database broke",
        sqlx::Error::Tls(_) => "no secure connection to the database (TLS)",
        sqlx::Error::Configuration(_) => "the settings of the connection make no sense",
        _ => "the database gave an answer that makes no sense",
    })
}
