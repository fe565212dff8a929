//! `cargo bench --workspace --bench gdprbench [-- <group>...]`: the four roles, what ten times the records
//! change, and consents while persons are erased.

use std::time::{Duration, Instant};

use bench_archive::gauge::{Bar, Report};
use gdprbench::{
    Failure,
    roles::{Role, Session},
    serving::{Purging, Serving, Window},
    site::{Site, Workers, progress},
};

const SEED: u64 = 2020;
/// How long each state is measured in which consents are asked for.
const WINDOW: Duration = Duration::from_secs(10);

/// How much is done.
struct Size {
    /// Records, and in `growth` ten times as many.
    records: usize,
    /// Of these, those of which is asked; the others are copies.
    asked: usize,
    /// Operations of each role.
    operations: usize,
    /// How often each state is measured in which consents are asked for.
    rounds: usize,
}

impl Size {
    /// The full size, but for what arguments such as `asked=1500` say.
    fn of(arguments: &[String]) -> Result<Self, Failure> {
        let mut size = Self { records: 10_000, asked: 10_000, operations: 1_000, rounds: 5 };
        for (name, number) in arguments.iter().filter_map(|argument| argument.split_once('=')) {
            let place = match name {
                "records" => &mut size.records,
                "asked" => &mut size.asked,
                "operations" => &mut size.operations,
                "rounds" => &mut size.rounds,
                _ => return Err(format!("there is no size {name}").into()),
            };
            *place = number.parse()?;
        }
        size.asked = size.asked.min(size.records);
        Ok(size)
    }
}

fn main() -> Result<(), Failure> {
    // Cargo adds a `--bench`.
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let size = Size::of(&arguments)?;
    let groups: Vec<&String> = arguments.iter().filter(|argument| !argument.contains('=')).collect();
    let is_wanted = |name: &str| groups.is_empty() || groups.iter().any(|group| *group == name);
    let runtime = tokio::runtime::Runtime::new()?;
    let mut report = Report::default();
    println!("| what | bar | median | least to most | |\n|---|---|---|---|---|");
    runtime.block_on(async {
        if is_wanted("roles") {
            roles(&size, &mut report).await?;
        }
        if is_wanted("growth") {
            growth(&size, &mut report).await?;
        }
        if is_wanted("serving") {
            serving(&size, &mut report).await?;
        }
        Ok::<_, Failure>(())
    })?;
    report.end()
}

/// How many of a hundred operations were answered as they must be.
fn correct(report: &mut Report, role: Role, sessions: &[&Session]) {
    let shares = sessions.iter().map(|session| {
        let (right, wrong) = (session.took.len(), session.wrong.len());
        session.wrong.iter().for_each(|wrong| eprintln!("{wrong}"));
        100.0 * right as f64 / (right + wrong) as f64
    });
    let shares: Vec<f64> = shares.collect();
    report.figure(&format!("{}: correct, %", role.name()), Bar::Least(100.0), &shares);
}

async fn roles(size: &Size, report: &mut Report) -> Result<(), Failure> {
    let began = Instant::now();
    let mut site = Site::load(size.asked, size.records, SEED, Workers::Within, None).await?;
    report.figure("records loaded, s", Bar::None, &[began.elapsed().as_secs_f64()]);
    for role in Role::ALL {
        let mut session = Session::new(role, &site, SEED);
        let began = Instant::now();
        session.run(&mut site, size.operations).await;
        let name = role.name();
        report.figure(&format!("{name}: completion, s"), Bar::None, &[began.elapsed().as_secs_f64()]);
        correct(report, role, &[&session]);
        for (operation, _) in role.mix() {
            let times = [50, 95].map(|percent| session.percentile(Some(*operation), percent));
            report.figure(&format!("{name}, {operation:?}: p50 and p95, ms"), Bar::None, &times);
        }
        site.note().await?;
    }
    site.settle().await
}

async fn growth(size: &Size, report: &mut Report) -> Result<(), Failure> {
    let mut small = Site::load(size.asked, size.records, SEED, Workers::Within, None).await?;
    let mut large = Site::load(size.asked, 10 * size.records, SEED, Workers::Within, None).await?;
    for role in Role::ALL {
        let (mut few, mut many) = (Session::new(role, &small, SEED), Session::new(role, &large, SEED));
        for done in 0..size.operations {
            progress(role.name(), done, size.operations);
            // Now the one begins, now the other.
            if done % 2 == 0 {
                few.step(&mut small).await;
                many.step(&mut large).await;
            } else {
                many.step(&mut large).await;
                few.step(&mut small).await;
            }
        }
        progress(role.name(), size.operations, size.operations);
        let name = role.name();
        correct(report, role, &[&few, &many]);
        let ratio = [many.p95(None) / few.p95(None)];
        report.figure(
            &format!("{name}: p95 with ten times the records, in that without"),
            Bar::Most(1.3),
            &ratio,
        );
        for (operation, _) in role.mix() {
            let ratio = [many.p95(Some(*operation)) / few.p95(Some(*operation))];
            report.figure(&format!("{name}, {operation:?}: the same"), Bar::None, &ratio);
        }
        small.note().await?;
        large.note().await?;
    }
    small.settle().await?;
    large.settle().await
}

async fn serving(size: &Size, report: &mut Report) -> Result<(), Failure> {
    let mut serving = Serving::load(size.asked, size.records, SEED).await?;
    // What fills caches is not measured.
    serving.window(Purging::FlatOut, WINDOW / 5).await?;
    let states = [Purging::Idle, Purging::Paced, Purging::FlatOut];
    let mut windows: Vec<[Window; 3]> = Vec::new();
    for round in 0..size.rounds {
        progress("rounds of consents", round, size.rounds);
        let [idle, paced, flat_out] = states;
        windows.push([
            serving.window(idle, WINDOW).await?,
            serving.window(paced, WINDOW).await?,
            serving.window(flat_out, WINDOW).await?,
        ]);
    }
    progress("rounds of consents", size.rounds, size.rounds);
    let of_purge = serving.purge_alone(WINDOW).await?;
    report.figure("a purge alone, CPU s of the whole process", Bar::None, &[of_purge]);
    for (at, state) in states.into_iter().enumerate() {
        let name = match state {
            Purging::Idle => "idle",
            Purging::Paced => "a purge each second",
            Purging::FlatOut => "purges flat out",
        };
        let mut figure = |what: &str, bar, of: &dyn Fn(&Window, &Window) -> f64| {
            let runs: Vec<f64> = windows.iter().map(|round| of(&round[at], &round[0])).collect();
            report.figure(&format!("{name}: {what}"), bar, &runs);
        };
        figure("purges a minute", Bar::None, &|own, _| own.purges / own.seconds * 60.0);
        figure("consents a second", Bar::None, &|own, _| own.consents / own.seconds);
        if state != Purging::Idle {
            figure("throughput, in that of idle", Bar::Least(0.92), &|own, idle| {
                own.consents / own.seconds / (idle.consents / idle.seconds)
            });
        }
        figure("CPU ms of a consent, without that of purges", Bar::None, &|own, _| {
            (own.cpu - own.purges * of_purge) / own.consents * 1000.0
        });
        figure("calls to AWS of a consent", Bar::None, &|own, _| own.calls / own.consents);
        figure("write and read units of a consent", Bar::None, &|own, _| {
            (own.bill.wru + own.bill.rru) / own.consents
        });
    }
    serving.settle().await
}
