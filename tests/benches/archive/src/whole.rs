//! Whole archives on their way into object storage, each made by a process of its own.

use std::io::Read as _;
use std::process::{Command, Stdio};

use archive::{Archive, Facts};

use crate::corpus::{self, Noise};
use crate::gauge::{Bar, Report, peak_mib, process_seconds};
use crate::{Failure, MIB};

#[path = "../../../../shared/archive/tests/suite/support/mod.rs"]
#[allow(dead_code, reason = "only a part of the archive's test support is needed")]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a bench stops at the first surprise")]
mod support;

/// The argument that makes a process a worker.
pub const WORKER: &str = "worker";

/// Bar A7, and A3 with it.
///
/// # Errors
/// If something cannot be measured.
pub fn records(report: &mut Report) -> Result<(), Failure> {
    let runs = (0..3).map(|_| Made::by("0,1", "records", 100_000)).collect::<Result<Vec<_>, _>>()?;
    let seconds: Vec<_> = runs.iter().map(|made| made.cpu).collect();
    let entries: Vec<_> = runs.iter().map(|made| made.plain_mib / (made.entries - 2.0)).collect();
    report.figure("100,000 records: CPU seconds", Bar::Most(0.5), &seconds);
    report.figure("100,000 records: MiB an entry", Bar::Least(4.0), &entries);
    Ok(())
}

/// Bar A5.
///
/// # Errors
/// If something cannot be measured.
pub fn workers(report: &mut Report) -> Result<(), Failure> {
    let mut ratios = Vec::new();
    for _ in 0..5 {
        let one = Made::by("0", "records", 500_000)?;
        let two = Made::by("0,1", "records", 500_000)?;
        ratios.push(two.cpu / one.cpu);
    }
    report.figure("two processors: CPU of one", Bar::Most(1.06), &ratios);
    Ok(())
}

/// Bar A4: archives of so many MiB.
///
/// # Errors
/// If something cannot be measured.
pub fn memory(report: &mut Report, sizes: &[u64]) -> Result<(), Failure> {
    for (processors, workers) in [("0", "one worker"), ("0,1", "two workers")] {
        for (kind, what) in [("pictures", "attachments"), ("records-mib", "records")] {
            for mib in sizes {
                let made = Made::by(processors, kind, mib)?;
                report.figure(
                    &format!("{mib} MiB of {what}, {workers}: peak of memory in MiB"),
                    Bar::Most(64.0),
                    &[made.peak_mib],
                );
            }
        }
    }
    Ok(())
}

/// What a worker has made.
#[derive(Debug)]
pub struct Made {
    /// CPU seconds of its process.
    pub cpu: f64,
    /// The most memory that it had.
    pub peak_mib: f64,
    /// Entries of the archive.
    pub entries: f64,
    /// Of what it was given.
    pub plain_mib: f64,
}

impl Made {
    /// Has this program, as a [`WORKER`] on these processors, make an archive of this kind and of so much.
    ///
    /// # Errors
    /// If it cannot.
    pub fn by(processors: &str, kind: &str, of: impl ToString) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let bucket = runtime.block_on(support::Bucket::new());
        let mut worker = Command::new("taskset")
            .args(["-c", processors])
            .arg(std::env::current_exe()?)
            .args([WORKER, &bucket.endpoint, kind, &of.to_string()])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut said = String::new();
        worker.stdout.take().ok_or("no output")?.read_to_string(&mut said)?;
        if !worker.wait()?.success() {
            return Err("the worker failed".into());
        }
        let numbers = said.split_whitespace().map(str::parse).collect::<Result<Vec<f64>, _>>()?;
        let [cpu, peak_mib, entries, plain_mib] = numbers[..] else {
            return Err("the worker said too little".into());
        };
        Ok(Self { cpu, peak_mib, entries, plain_mib })
    }
}

/// Makes an archive and says what that took: CPU seconds, peak of memory, entries, bytes.
///
/// # Errors
/// If it cannot.
pub fn work(mut arguments: impl Iterator<Item = String>) -> Result<(), Failure> {
    let mut next = || arguments.next().ok_or("a worker needs an endpoint, a kind and a count");
    let (endpoint, kind, of) = (next()?, next()?, next()?);
    // As in a Lambda.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(make(&endpoint, &kind, of.parse()?))
}

/// Says what a worker's work took: CPU seconds, entries, MiB that it was given.
///
/// # Errors
/// If this is not Linux.
pub fn tell(cpu: f64, entries: u64, mib: f64) -> Result<(), Failure> {
    println!("{cpu} {} {entries} {mib}", peak_mib()?);
    Ok(())
}

/// An archive on its way to the object store that is reached there.
#[must_use]
pub fn begin(endpoint: &str) -> Archive {
    Archive::create(support::destination(support::client(endpoint)), support::password(), support::now())
}

async fn make(endpoint: &str, kind: &str, count: u64) -> Result<(), Failure> {
    let block = corpus::picture(MIB);
    let lines: Vec<String> = lines();
    let [before, _] = process_seconds()?;
    let mut archive = begin(endpoint);
    match kind {
        "pictures" => {
            let mut left = count;
            while left > 0 {
                let mib = left.min(100);
                archive.begin_file("crm:files", "picture.jpg", mib << 20)?;
                for _ in 0..mib {
                    archive.file_chunk(&block).await?;
                }
                archive.end_file().await?;
                left -= mib;
            }
        }
        _ => {
            for line in lines.iter().cycle() {
                let given = archive.given();
                let done = if kind == "records" { given.records } else { given.bytes >> 20 };
                if done >= count {
                    break;
                }
                archive.record("shop:events", line.as_bytes()).await?;
            }
        }
    }
    let plain = archive.given().bytes;
    let finished = archive.finish(Facts::default(), |_| String::new()).await?;
    let [after, _] = process_seconds()?;
    tell(after - before, finished.entries, plain as f64 / MIB as f64)
}

/// Enough of them that repeating them is no help to the compression, which looks back 32 KiB.
fn lines() -> Vec<String> {
    let mut noise = Noise::new(3);
    (0..20_000)
        .map(|_| {
            let mut line = String::new();
            corpus::record(&mut noise, &mut line);
            line
        })
        .collect()
}
