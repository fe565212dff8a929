//! A process that opens the engine, says that it is ready, and works when it is told to.
//!
//! Like a Lambda it has one thread.

use std::io::{self, BufRead as _, Write as _};
use std::ops::ControlFlow;
use std::time::Instant;

use async_trait::async_trait;
use connectors::{Chunks, Engine, ObjectInfo, Progress, Sink, SinkError, Step};
use domain::datamap::{CollectionRef, Selection};
use domain::row::Row;
use futures_util::future::try_join_all;
use serde_json::{Value, json};

use crate::shop::{self, Person};
use crate::{Failure, gauge};

/// What a worker does.
#[derive(Clone, Copy)]
pub enum Task {
    /// Gives each person their rows, one after the other.
    Access,
    /// Gives them all their rows at the same time, on an engine that has served somebody before.
    Burst,
    /// Erases each, one after the other.
    Erase,
}

impl Task {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Burst => "burst",
            Self::Erase => "erase",
        }
    }

    fn parse(word: &str) -> Result<Self, Failure> {
        let all = [Self::Access, Self::Burst, Self::Erase];
        all.into_iter().find(|task| task.word() == word).ok_or_else(|| format!("no task is {word}").into())
    }
}

/// Does what the arguments say: a task, the shop's URL, and persons.
///
/// # Errors
/// If anything is not as the shop is made.
pub fn run(mut arguments: impl Iterator<Item = String>) -> Result<(), Failure> {
    let task = Task::parse(&arguments.next().ok_or("a worker needs a task")?)?;
    let url = arguments.next().ok_or("a worker needs a URL")?;
    let people = arguments.map(|name| Person::parse(&name)).collect::<Result<Vec<_>, _>>()?;
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work(task, &url, &people))
}

async fn work(task: Task, url: &str, people: &[Person]) -> Result<(), Failure> {
    let engine = shop::open(url).await?;
    if let (Task::Burst, Some(person)) = (task, people.first()) {
        access(&engine, *person).await?;
    }
    tell(&json!({ "cpu": gauge::cpu_seconds()? }))?;

    let before = gauge::cpu_seconds()?;
    let began = Instant::now();
    let mut ended = Vec::new();
    let done = |()| began.elapsed().as_secs_f64();
    match task {
        Task::Access => {
            for person in people {
                ended.push(access(&engine, *person).await.map(done)?);
            }
        }
        Task::Burst => {
            let all = people.iter().map(async |person| access(&engine, *person).await.map(done));
            ended = try_join_all(all).await?;
        }
        Task::Erase => {
            for person in people {
                ended.push(erase(&engine, *person).await.map(done)?);
            }
        }
    }
    let cpu = gauge::cpu_seconds()? - before;
    tell(&json!({ "cpu": cpu, "peak_mib": gauge::peak_mib()?, "ended": ended }))
}

/// Says something in one line and waits for an answer.
fn tell(what: &Value) -> Result<(), Failure> {
    writeln!(io::stdout(), "{what}")?;
    io::stdin().lock().read_line(&mut String::new())?;
    Ok(())
}

async fn access(engine: &Engine, person: Person) -> Result<(), Failure> {
    let mut counter = Counter::default();
    let everything = Selection::new(engine.map(), &[]);
    let counts = engine.access(&person.identities(), &everything, &mut counter).await?;
    let counted: u64 = counts.iter().map(|count| count.rows).sum();
    expect("rows", counted, person.rows())?;
    expect("rows in the sink", counter.rows, person.rows())
}

async fn erase(engine: &Engine, person: Person) -> Result<(), Failure> {
    let erasure = engine.erase(&person.identities(), &shop::order(engine), &mut Onwards).await?;
    let masked = erasure.collections.iter().map(|outcome| outcome.masked).sum();
    expect("masked rows", masked, person.masked())?;
    if erasure.complete() { Ok(()) } else { Err(format!("not complete: {erasure:?}").into()) }
}

fn expect(what: &str, found: u64, expected: u64) -> Result<(), Failure> {
    if found == expected { Ok(()) } else { Err(format!("{found} {what} instead of {expected}").into()) }
}

/// Makes every row the JSON that a takeout holds, and counts it.
#[derive(Default)]
struct Counter {
    rows: u64,
    line: Vec<u8>,
    bytes: usize,
}

#[async_trait]
impl Sink for Counter {
    async fn row(&mut self, _: &CollectionRef, row: &Row) -> Result<(), SinkError> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, row).map_err(SinkError::target)?;
        self.bytes += self.line.len();
        self.rows += 1;
        Ok(())
    }

    async fn object(
        &mut self,
        _: &CollectionRef,
        _: &ObjectInfo,
        _: &mut dyn Chunks,
    ) -> Result<(), SinkError> {
        Err(SinkError::target("the shop has no objects"))
    }
}

/// Never stops an erasure.
struct Onwards;

#[async_trait]
impl Progress for Onwards {
    async fn step(&mut self, _: &Step) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}
