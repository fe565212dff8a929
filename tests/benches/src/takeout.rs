//! `cargo bench --workspace --bench takeout`: from the rows of a PostgreSQL table to the finished upload, beside what
//! each part of it takes alone.

use archive::{Archive, Coding, Facts};
use async_trait::async_trait;
use bench_archive::gauge::{Bar, Report, process_seconds, time};
use bench_archive::whole::{self, Made, WORKER};
use bench_archive::{Failure, pieces};
use benches::shop::{self, Person};
use connectors::{Chunks, ObjectInfo, Sink, SinkError};
use domain::datamap::{CollectionRef, Selection};
use domain::row::Row;
use servers::Postgres;

/// The rows of the person whose data is archived.
const ROWS: u32 = 1_000_000;
const ROUNDS: usize = 3;

/// What a worker does with the rows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Task {
    /// Reads them.
    Read,
    /// Compresses and encrypts what they are as JSON. Only that counts.
    Press,
    /// Makes an archive of them.
    Archive,
}

impl Task {
    const ALL: [Self; 3] = [Self::Read, Self::Press, Self::Archive];

    const fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Press => "press",
            Self::Archive => "archive",
        }
    }
}

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.next_if(|first| first == WORKER).is_some() {
        return work(arguments);
    }
    // CPU of the process, without PostgreSQL's and the object store's own.
    let mut report = Report::default();
    let server = Postgres::start();
    shop::found(&server, "shop", ROWS);
    let url = server.url("shop");
    let (mut ratios, mut wholes) = (Vec::new(), Vec::new());
    let (mut reads, mut presses) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let [read, press, whole] = Task::ALL.map(|task| Made::by("0,1", task.word(), &url));
        let [read, press, whole] = [read?.cpu, press?.cpu, whole?.cpu];
        ratios.push(whole / (read + press));
        wholes.push(whole);
        reads.push(read);
        presses.push(press);
    }
    report.figure("1,000,000 rows: reading, CPU seconds", Bar::None, &reads);
    report.figure("1,000,000 rows: compressing and encrypting, CPU seconds", Bar::None, &presses);
    report.figure("1,000,000 rows: to the finished upload, CPU seconds", Bar::None, &wholes);
    report.figure("1,000,000 rows: CPU of reading, compressing and encrypting", Bar::Most(1.5), &ratios);
    report.end()
}

/// Where rows go.
enum Target {
    Nowhere,
    Memory(Vec<u8>),
    Archive(Box<Archive>),
}

struct Lines {
    to: Target,
    line: Vec<u8>,
    rows: u64,
}

#[async_trait]
impl Sink for Lines {
    async fn row(&mut self, at: &CollectionRef, row: &Row) -> Result<(), SinkError> {
        self.rows += 1;
        self.line.clear();
        match &mut self.to {
            Target::Nowhere => {}
            Target::Memory(bytes) => {
                serde_json::to_writer(&mut *bytes, row).map_err(SinkError::target)?;
                bytes.push(b'\n');
            }
            Target::Archive(archive) => {
                serde_json::to_writer(&mut self.line, row).map_err(SinkError::target)?;
                archive.record(&at.to_string(), &self.line).await.map_err(SinkError::target)?;
            }
        }
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

/// Does what the arguments say: where the object store is, a task, the shop's URL.
fn work(mut arguments: impl Iterator<Item = String>) -> Result<(), Failure> {
    let mut next = || arguments.next().ok_or("a worker needs an endpoint, a task and a URL");
    let (endpoint, word, url) = (next()?, next()?, next()?);
    let task = Task::ALL.into_iter().find(|task| task.word() == word).ok_or("no such task")?;
    // As in a Lambda.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (cpu, entries, mib) = runtime.block_on(carry_out(task, &endpoint, &url))?;
    whole::tell(cpu, entries, mib)
}

/// CPU seconds, entries, MiB of what the rows are as JSON.
async fn carry_out(task: Task, endpoint: &str, url: &str) -> Result<(f64, u64, f64), Failure> {
    let engine = shop::open(url).await?;
    let [before, _] = process_seconds()?;
    let to = match task {
        Task::Read => Target::Nowhere,
        Task::Press => Target::Memory(Vec::new()),
        Task::Archive => Target::Archive(Box::new(whole::begin(endpoint))),
    };
    let mut lines = Lines { to, line: Vec::new(), rows: 0 };
    let person = Person::Large(ROWS);
    let everything = Selection::new(engine.map(), &[]);
    engine.access(&person.identities(), &everything, &mut lines).await?;
    if lines.rows != person.rows() {
        return Err(format!("{} rows instead of {}", lines.rows, person.rows()).into());
    }
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let (entries, mib) = match lines.to {
        Target::Nowhere => (0, 0.0),
        Target::Memory(bytes) => {
            let pressed = time(|| pieces::own(&bytes, Coding::Deflate).map(drop))?;
            return Ok((pressed, 0, mib(bytes.len() as u64)));
        }
        Target::Archive(archive) => {
            let given = archive.given().bytes;
            let finished = archive.finish(Facts::default(), |_| String::new()).await?;
            (finished.entries, mib(given))
        }
    };
    let [after, _] = process_seconds()?;
    Ok((after - before, entries, mib))
}
