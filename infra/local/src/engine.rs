//! `cargo local engine`: the engine alone, on given stores, without queues and without a ledger.
//!
//! | exit code | what it means                                                             |
//! |-----------|---------------------------------------------------------------------------|
//! | 0         | done                                                                      |
//! | 2         | refused, with nothing changed                                             |
//! | 3         | done in part; the same command again goes on from there                   |
//!
//! What was asked for goes to the standard output, all else to the standard error output. No message
//! holds the value of an identity.

mod options;
mod rows;
mod tables;

use std::{
    fmt::Display,
    io::{self, BufRead, BufWriter, IsTerminal as _, Write},
    ops::ControlFlow,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use connectors::{Engine, EngineError, Progress, Step};
use domain::{
    datamap::{Erasure, Identities, Masker},
    plan::Plan,
};
use runtime::{Clients, open_engine};
use serde::Serialize;

pub(crate) use self::options::{Command, discreet};
use self::{
    options::{Access, Erase, Planned, Shared},
    rows::{Form, Rows},
    tables::Effects,
};

/// Why a run did not end as it was asked to.
enum Halt {
    /// Nothing was changed.
    Refused(String),
    /// Something was done, but not all.
    Partly(String),
    /// Nobody reads what is printed any more.
    Unread,
}

/// Runs a command to its exit code.
pub(crate) fn main(command: &Command) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(run(command)),
        Err(error) => Err(refused(error)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Halt::Refused(reason)) => {
            say(&reason);
            ExitCode::from(2)
        }
        Err(Halt::Partly(reason)) => {
            say(&reason);
            ExitCode::from(3)
        }
        Err(Halt::Unread) => ExitCode::from(3),
    }
}

async fn run(command: &Command) -> Result<(), Halt> {
    match command {
        Command::Access(access) => read(access).await,
        Command::Plan(planned) => plan(planned).await,
        Command::Erase(erase) => remove(erase).await,
    }
}

async fn read(access: &Access) -> Result<(), Halt> {
    let (engine, identities) = open(&access.shared).await?;
    let selection = access.selection(engine.map()).map_err(Halt::Refused)?;
    let form = if access.shared.json { Form::Json } else { Form::Text };
    // Rows that run over the same screen are progress enough.
    let ticker = Ticker { on: io::stderr().is_terminal() && !io::stdout().is_terminal() };
    let mut rows = Rows::new(form, BufWriter::new(io::stdout()), engine.graph(), ticker);
    let result = engine.access(&identities, &selection, &mut rows).await;
    match result {
        Ok(_) => rows.finish().map_err(unwritten),
        Err(EngineError::Sink(error)) => match error.downcast::<io::Error>() {
            Ok(error) => Err(unwritten(*error)),
            Err(error) => Err(Halt::Partly(error.to_string())),
        },
        Err(error @ EngineError::Store { .. }) => {
            rows.finish().map_err(unwritten)?;
            Err(Halt::Partly(format!("not all could be read: {error}")))
        }
        Err(error) => Err(error.into()),
    }
}

async fn plan(planned: &Planned) -> Result<(), Halt> {
    let (engine, identities) = open(&planned.shared).await?;
    let policy = planned.method.policy(engine.map()).map_err(Halt::Refused)?;
    let plan = engine.plan(&identities, &engine.order(policy.as_ref(), Masker::random())).await?;
    print(planned.shared.json, &plan, &tables::plan(&plan))?;
    judge(&plan)
}

async fn remove(erase: &Erase) -> Result<(), Halt> {
    let consent = match (&erase.plan, erase.yes || erase.shared.json) {
        (Some(sha256), _) => Consent::To(sha256),
        (None, true) => Consent::Given,
        (None, false) if io::stdin().is_terminal() => Consent::Asked,
        (None, false) => {
            return Err(Halt::Refused(
                "nobody is there to be asked: confirm with --yes, --json or --plan SHA256".to_owned(),
            ));
        }
    };
    let (engine, identities) = open(&erase.shared).await?;
    let policy = erase.method.policy(engine.map()).map_err(Halt::Refused)?;
    let order = engine.order(policy.as_ref(), Masker::random());
    let mut watch = Watch {
        consent,
        refusal: None,
        stop: Arc::default(),
        erased: 0,
        ticker: Ticker { on: io::stderr().is_terminal() },
    };
    let result = engine.erase(&identities, &order, &mut watch).await;
    watch.ticker.clear();
    let show = |erasure: &Erasure| print(erase.shared.json, &Effects(erasure), &tables::erasure(erasure));
    match (result, watch.refusal) {
        (Ok(erasure), _) => {
            show(&erasure)?;
            if erasure.complete() { Ok(()) } else { Err(Halt::Partly(tables::failures(&erasure))) }
        }
        (Err(EngineError::Interrupted(_)), Some(refusal)) => Err(Halt::Refused(refusal)),
        (Err(error @ EngineError::Interrupted(_)), None) => {
            if let EngineError::Interrupted(erasure) = &error {
                show(erasure)?;
            }
            Err(Halt::Partly(error.to_string()))
        }
        (Err(error), _) => Err(error.into()),
    }
}

/// Opens the stores that the options name, and says who the person is.
async fn open(shared: &Shared) -> Result<(Engine, Identities), Halt> {
    let clients = Clients::from_env(variable).map_err(refused)?;
    let engine = open_engine(&shared.files(), &clients).await.map_err(refused)?;
    // Of several stores one may be down: the others are still served. Of a single one nothing is left.
    let engine = match engine.map().datasets.as_slice() {
        [_] => engine.whole()?,
        _ => engine,
    };
    let identities = shared.identities(engine.map()).map_err(Halt::Refused)?;
    Ok((engine, identities))
}

/// A variable of the environment, or what AWS's own tools take in its place.
fn variable(name: &str) -> Option<String> {
    let get = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    get(name).or_else(|| match name {
        "AWS_REGION" => get("AWS_DEFAULT_REGION"),
        name if name.starts_with("AWS_ENDPOINT_URL_") => get("AWS_ENDPOINT_URL"),
        _ => None,
    })
}

/// Whether a plan could be carried out.
fn judge(plan: &Plan) -> Result<(), Halt> {
    if !plan.refusals.is_empty() {
        return Err(Halt::Refused(format!("the erasure would end half done: {}", plan.refusals.join("; "))));
    }
    let unread: Vec<String> = plan
        .collections
        .iter()
        .filter_map(|it| Some(format!("{}:{}: {}", it.dataset, it.collection, it.error.as_ref()?)))
        .collect();
    if unread.is_empty() { Ok(()) } else { Err(Halt::Partly(unread.join("\n"))) }
}

/// How an erasure is confirmed.
enum Consent<'a> {
    /// On the command line.
    Given,
    /// On the command line, for the plan with this hash alone.
    To(&'a str),
    /// On the terminal, once the plan is known.
    Asked,
}

/// Follows an erasure: has it confirmed, shows how far it is, and stops it when asked to.
struct Watch<'a> {
    consent: Consent<'a>,
    /// Why the plan was not carried out.
    refusal: Option<String>,
    stop: Arc<AtomicBool>,
    erased: u64,
    ticker: Ticker,
}

#[async_trait]
impl Progress for Watch<'_> {
    async fn planned(&mut self, plan: &Plan) -> ControlFlow<()> {
        self.refusal = match self.consent {
            Consent::Given => None,
            Consent::To(sha256) => (!plan.sha256.eq_ignore_ascii_case(sha256)).then(|| {
                format!(
                    "not the plan that was confirmed: the plan is now {}; nothing was erased",
                    plan.sha256
                )
            }),
            Consent::Asked => {
                let confirmed = confirm(plan, &mut io::stdin().lock(), &mut io::stderr());
                (!confirmed.unwrap_or(false)).then(|| "not confirmed; nothing was erased".to_owned())
            }
        };
        if self.refusal.is_some() {
            return ControlFlow::Break(());
        }
        // From here on an interrupt ends the run between two pages instead of in the middle of one.
        let stop = Arc::clone(&self.stop);
        tokio::spawn(async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                stop.store(true, Ordering::Relaxed);
            }
        });
        ControlFlow::Continue(())
    }

    async fn step(&mut self, step: &Step) -> ControlFlow<()> {
        match step {
            Step::Erased { at, rows } => {
                self.erased += rows;
                self.ticker.show(at, self.erased);
            }
            Step::Finished(_) => self.erased = 0,
        }
        match self.stop.load(Ordering::Relaxed) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}

/// Shows a plan and waits for somebody's word.
fn confirm(plan: &Plan, answer: &mut impl BufRead, question: &mut impl Write) -> io::Result<bool> {
    write!(question, "{}\nErase {} rows for good? Type `yes`: ", tables::plan(plan), plan.affected())?;
    question.flush()?;
    let mut line = String::new();
    answer.read_line(&mut line)?;
    Ok(line.trim() == "yes")
}

/// One line on a terminal that tells how far the work is.
struct Ticker {
    on: bool,
}

impl Ticker {
    fn show(&self, at: &dyn Display, rows: u64) {
        if self.on {
            // Whether somebody sees this changes nothing.
            let _ = write!(io::stderr(), "\r\x1b[2K{at}: {rows} rows");
        }
    }

    fn clear(&self) {
        if self.on {
            let _ = write!(io::stderr(), "\r\x1b[2K");
        }
    }
}

/// Prints a result, as JSON or as text. A reader who has left needs none.
fn print(json: bool, result: &impl Serialize, text: &str) -> Result<(), Halt> {
    let mut out = BufWriter::new(io::stdout());
    let printed = match json {
        true => serde_json::to_writer_pretty(&mut out, result).map_err(io::Error::from),
        false => out.write_all(text.trim_end().as_bytes()),
    };
    match printed.and_then(|()| writeln!(out)).and_then(|()| out.flush()).map_err(unwritten) {
        Ok(()) | Err(Halt::Unread) => Ok(()),
        Err(halt) => Err(halt),
    }
}

/// Says something beside the result.
fn say(text: &str) {
    // There is no third place in which to complain.
    let _ = writeln!(io::stderr(), "{text}");
}

fn refused(error: impl Display) -> Halt {
    Halt::Refused(error.to_string())
}

fn unwritten(error: io::Error) -> Halt {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Halt::Unread,
        _ => Halt::Partly(format!("the result could not be written: {error}")),
    }
}

impl From<EngineError> for Halt {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Refused(_) | EngineError::NoIdentity { .. } | EngineError::HalfDone(_) => {
                refused(error)
            }
            EngineError::Store { .. }
            | EngineError::Sink(_)
            | EngineError::Moved
            | EngineError::Interrupted(_) => Self::Partly(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_is_yes() {
        let plan = Plan::default().seal();
        for (answer, expected) in
            [("yes\n", true), (" yes \n", true), ("y\n", false), ("", false), ("no\n", false)]
        {
            let mut question = Vec::new();
            assert_eq!(confirm(&plan, &mut answer.as_bytes(), &mut question).unwrap(), expected, "{answer}");
            let question = String::from_utf8(question).unwrap();
            assert!(question.contains(&plan.sha256) && question.contains("Erase 0 rows"), "{question}");
        }
    }
}
