//! `cargo bench --workspace --bench engine [-- <group>...]`: the engine's figures on PostgreSQL.

use std::process::ExitCode;

use benches::measure::{log_connections, measure};
use benches::report::Figure;
use benches::shop::{self, Person};
use benches::worker::{self, Task};
use benches::{Failure, measure::Measured};
use servers::Postgres;

/// How often everything is measured.
const RUNS: usize = 5;
/// How many people share one measurement of small requests.
const SMALL: u32 = 200;
/// How many requests come at the same moment.
const BURST: u32 = 100;
/// The large person's rows.
const ROWS: u32 = 100_000;
/// Those of the one who shows whether memory stays flat.
const MANY_ROWS: u32 = 1_000_000;

fn main() -> Result<ExitCode, Failure> {
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.next_if(|first| first == "worker").is_some() {
        worker::run(arguments)?;
        return Ok(ExitCode::SUCCESS);
    }
    // Cargo adds a `--bench`.
    let wanted: Vec<String> = arguments.filter(|argument| !argument.starts_with("--")).collect();
    let server = Postgres::start();
    log_connections(&server);
    shop::found(&server, "shop", ROWS);

    println!("| what | unit | bar | median | least to most | |\n|---|---|---|---|---|---|");
    let mut met = true;
    for (name, group) in GROUPS {
        if wanted.is_empty() || wanted.iter().any(|wanted| *wanted == name) {
            for figure in group(&server)? {
                println!("{figure}");
                met &= figure.is_met();
            }
        }
    }
    Ok(if met { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

type Group = fn(&Postgres) -> Result<Vec<Figure>, Failure>;

/// The groups of figures, each with its name on the command line.
const GROUPS: [(&str, Group); 6] = [
    ("small-access", small_access),
    ("small-erasure", small_erasure),
    ("large-access", large_access),
    ("large-erasure", large_erasure),
    ("burst", burst),
    ("memory", memory),
];

fn small_access(server: &Postgres) -> Result<Vec<Figure>, Failure> {
    let mut opening = Figure::plain("start of a process with an opened engine", "CPU s");
    let mut cpu = Figure::barred("one small access", "CPU s", 0.02);
    let mut connections = Figure::barred("connections for 200 small accesses", "", 1.0);
    for _ in 0..RUNS {
        let measured = measure(server, "shop", Task::Access, small_people(SMALL))?;
        opening.add(measured.opening);
        cpu.add(measured.cpu_of_each(SMALL));
        connections.add(f64::from(measured.connections));
    }
    Ok(vec![opening, cpu, connections])
}

fn small_erasure(server: &Postgres) -> Result<Vec<Figure>, Failure> {
    let mut cpu = Figure::barred("one small erasure", "CPU s", 0.04);
    let mut connections = Figure::barred("connections for 200 small erasures", "", 1.0);
    for _ in 0..RUNS {
        let measured = on_a_copy(server, Task::Erase, small_people(SMALL))?;
        cpu.add(measured.cpu_of_each(SMALL));
        connections.add(f64::from(measured.connections));
    }
    Ok(vec![cpu, connections])
}

fn large_access(server: &Postgres) -> Result<Vec<Figure>, Failure> {
    let mut cpu = Figure::barred("access, 100,000 rows", "CPU s", 1.0);
    let mut postgres = Figure::plain("of which PostgreSQL", "CPU s");
    let mut peak = Figure::barred("peak of the process meanwhile", "MiB", 64.0);
    for _ in 0..RUNS {
        let measured = measure(server, "shop", Task::Access, [Person::Large(ROWS)])?;
        cpu.add(measured.cpu_of_each(1));
        postgres.add(measured.postgres);
        peak.add(measured.peak_mib);
    }
    Ok(vec![cpu, postgres, peak])
}

fn large_erasure(server: &Postgres) -> Result<Vec<Figure>, Failure> {
    let mut cpu = Figure::barred("erasure, 14,001 masked of 100,000 rows", "CPU s", 1.5);
    let mut postgres = Figure::plain("of which PostgreSQL", "CPU s");
    let mut peak = Figure::plain("peak of the process meanwhile", "MiB");
    for _ in 0..RUNS {
        let measured = on_a_copy(server, Task::Erase, [Person::Large(ROWS)])?;
        cpu.add(measured.cpu_of_each(1));
        postgres.add(measured.postgres);
        peak.add(measured.peak_mib);
    }
    Ok(vec![cpu, postgres, peak])
}

fn burst(server: &Postgres) -> Result<Vec<Figure>, Failure> {
    let mut first = Figure::barred("first of a burst of 100 small accesses", "of one's time", 2.0);
    let mut last = Figure::plain("last of it", "of one's time");
    let mut connections = Figure::plain("connections for the burst", "");
    for _ in 0..RUNS {
        let mut alone = Figure::plain("one after the other", "s");
        let ended = measure(server, "shop", Task::Access, small_people(BURST))?.ended;
        ended.iter().zip(ended.iter().skip(1)).for_each(|(before, after)| alone.add(after - before));
        let one = alone.median();
        let all = measure(server, "shop", Task::Burst, small_people(BURST))?;
        first.add(all.ended.iter().copied().fold(f64::INFINITY, f64::min) / one);
        last.add(all.ended.iter().copied().fold(0.0, f64::max) / one);
        connections.add(f64::from(all.connections));
    }
    Ok(vec![first, last, connections])
}

fn memory(server: &Postgres) -> Result<Vec<Figure>, Failure> {
    shop::found(server, "large_shop", MANY_ROWS);
    let mut cpu = Figure::barred("access, 1,000,000 rows", "CPU s", 10.0);
    let mut peak = Figure::barred("peak of the process meanwhile", "MiB", 64.0);
    for _ in 0..RUNS {
        let measured = measure(server, "large_shop", Task::Access, [Person::Large(MANY_ROWS)])?;
        cpu.add(measured.cpu_of_each(1));
        peak.add(measured.peak_mib);
    }
    server.sql("postgres", "DROP DATABASE large_shop WITH (FORCE)");
    Ok(vec![cpu, peak])
}

fn small_people(number: u32) -> impl Iterator<Item = Person> {
    (1..=number).map(Person::Small)
}

/// Measures on a copy of the shop, so that every run finds the same.
fn on_a_copy(
    server: &Postgres,
    task: Task,
    people: impl IntoIterator<Item = Person>,
) -> Result<Measured, Failure> {
    server.sql("postgres", "CREATE DATABASE copy TEMPLATE shop");
    let measured = measure(server, "copy", task, people);
    server.sql("postgres", "DROP DATABASE copy WITH (FORCE)");
    measured
}
