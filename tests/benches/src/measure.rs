//! Measurements: a worker on one side, PostgreSQL on the other, and the clocks of both.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::Deserialize;
use servers::Postgres;

use crate::Failure;
use crate::shop::Person;
use crate::worker::Task;

/// What a worker's work took.
#[derive(Debug)]
pub struct Measured {
    /// CPU seconds of the worker and of PostgreSQL, from the worker's start to its being ready.
    pub opening: f64,
    /// CPU seconds of the worker, for all its people.
    pub own: f64,
    /// CPU seconds of PostgreSQL meanwhile.
    pub postgres: f64,
    /// The worker's peak of memory, from its start to its end.
    pub peak_mib: f64,
    /// Connections that were opened to the database from the worker's start to its end.
    pub connections: u32,
    /// For each person, after how many seconds their request was done.
    pub ended: Vec<f64>,
}

impl Measured {
    /// CPU seconds of both sides for each of `people`.
    #[must_use]
    pub fn cpu_of_each(&self, people: u32) -> f64 {
        (self.own + self.postgres) / f64::from(people)
    }
}

#[derive(Deserialize)]
struct Ready {
    cpu: f64,
}

#[derive(Deserialize)]
struct Done {
    cpu: f64,
    peak_mib: f64,
    ended: Vec<f64>,
}

/// Has a worker do `task` for `people` in `database`.
///
/// # Errors
/// If it fails, with its own words.
pub fn measure(
    server: &Postgres,
    database: &str,
    task: Task,
    people: impl IntoIterator<Item = Person>,
) -> Result<Measured, Failure> {
    // What is still to be written from before would be written meanwhile.
    server.sql(database, "CHECKPOINT");
    let connected = connections(server, database)?;
    let started = server.cpu_seconds();
    let mut worker = Worker::start(task, &server.url(database), people)?;
    let ready: Ready = worker.hear()?;
    let opened = server.cpu_seconds();
    worker.go_on()?;
    let done: Done = worker.hear()?;
    let measured = Measured {
        opening: ready.cpu + opened - started,
        own: done.cpu,
        postgres: server.cpu_seconds() - opened,
        peak_mib: done.peak_mib,
        connections: connections(server, database)? - connected,
        ended: done.ended,
    };
    worker.end()?;
    Ok(measured)
}

/// Lets the server write down every connection that it opens.
pub fn log_connections(server: &Postgres) {
    // Each on its own, as neither may be part of a transaction.
    server.sql("postgres", "ALTER SYSTEM SET log_connections = on;");
    server.sql("postgres", "SELECT pg_reload_conf();");
}

/// The connections that a worker has opened to a database so far.
fn connections(server: &Postgres, database: &str) -> Result<u32, Failure> {
    let log = fs::read(server.log_file())?;
    let log = String::from_utf8_lossy(&log);
    let opened = |line: &&str| {
        // Ours through psql say so.
        line.contains("connection authorized:")
            && line.contains(&format!(" database={database}"))
            && !line.contains("application_name=psql")
    };
    Ok(u32::try_from(log.lines().filter(opened).count())?)
}

struct Worker {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Worker {
    fn start(task: Task, url: &str, people: impl IntoIterator<Item = Person>) -> Result<Self, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["worker", task.word(), url]).args(people.into_iter().map(Person::name));
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let input = process.stdin.take().ok_or("no input")?;
        let output = BufReader::new(process.stdout.take().ok_or("no output")?);
        Ok(Self { process, input, output })
    }

    fn hear<T: for<'de> Deserialize<'de>>(&mut self) -> Result<T, Failure> {
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            return Err(format!("a worker ended early with {}", self.process.wait()?).into());
        }
        Ok(serde_json::from_str(&line)?)
    }

    fn go_on(&mut self) -> Result<(), Failure> {
        Ok(writeln!(self.input)?)
    }

    fn end(mut self) -> Result<(), Failure> {
        drop(self.input);
        let status = self.process.wait()?;
        if status.success() { Ok(()) } else { Err(format!("a worker ended with {status}").into()) }
    }
}
