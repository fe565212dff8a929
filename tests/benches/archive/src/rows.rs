//! From the rows of a PostgreSQL table to the finished upload, beside what each part of it takes alone.

use archive::{Archive, Coding, Facts};
use async_trait::async_trait;
use benches::shop::{self, Person};
use connectors::{Chunks, ObjectInfo, Sink, SinkError};
use domain::datamap::{CollectionRef, Selection};
use domain::row::Row;
use servers::Postgres;

use crate::gauge::{Bar, Report, process_seconds, time};
use crate::whole::{Made, support};
use crate::{Failure, MIB, pieces};

/// The rows of the person whose data is archived.
const ROWS: u32 = 1_000_000;
const ROUNDS: usize = 3;

/// What a worker does with the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Reads them.
    Read,
    /// Compresses and encrypts what they are as JSON. Only that counts.
    Press,
    /// Makes an archive of them.
    Archive,
}

impl Task {
    const ALL: [Self; 3] = [Self::Read, Self::Press, Self::Archive];

    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Read => "rows-read",
            Self::Press => "rows-press",
            Self::Archive => "rows-archive",
        }
    }

    /// The task of this word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|task| task.word() == word)
    }
}

/// From end to end: CPU of the process, without PostgreSQL's and the object store's own.
///
/// # Errors
/// If something cannot be measured.
pub fn measure(report: &mut Report) -> Result<(), Failure> {
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
    Ok(())
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

/// Does the task on the shop at `url`: CPU seconds, entries, MiB of what the rows are as JSON.
///
/// # Errors
/// If anything is not as the shop is made.
pub async fn work(endpoint: &str, task: Task, url: &str) -> Result<(f64, u64, f64), Failure> {
    let engine = shop::open(url).await?;
    let [before, _] = process_seconds()?;
    let to = match task {
        Task::Read => Target::Nowhere,
        Task::Press => Target::Memory(Vec::new()),
        Task::Archive => {
            let to = support::destination(support::client(endpoint));
            Target::Archive(Box::new(Archive::create(to, support::password(), support::now())))
        }
    };
    let mut lines = Lines { to, line: Vec::new(), rows: 0 };
    let person = Person::Large(ROWS);
    let everything = Selection::new(engine.map(), &[]);
    engine.access(&person.identities(), &everything, &mut lines).await?;
    if lines.rows != person.rows() {
        return Err(format!("{} rows instead of {}", lines.rows, person.rows()).into());
    }
    let mib = |bytes: u64| bytes as f64 / MIB as f64;
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
