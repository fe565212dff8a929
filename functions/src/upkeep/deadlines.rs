//! `check-deadlines`: counts what people must look at before the law's time is over, for the alarms.
//!
//! It changes no request. What it counts comes from indexes and from the few requests that are still open
//! when half of their time is over; see [`store::deadlines`].

use chrono::TimeDelta;
use domain::{deadline::Stage, request::Attention};
use runtime::{App, Failure, Need, Trigger, WorkerSpec};

/// The worker.
pub static SPEC: WorkerSpec = WorkerSpec {
    name: "check-deadlines",
    trigger: Trigger::Every { minutes: 60 },
    needs: &[Need::WriteLedger],
    summary: "Count requests whose time runs out, and purges that are stuck",
};

/// The longest that a due purge may lie before somebody should look: what is lost is re-issued within
/// minutes, and the worker of a purge renews its lease.
const PATIENCE: TimeDelta = TimeDelta::hours(1);

/// Counts, and tells CloudWatch.
///
/// # Errors
/// When the ledger cannot be reached. What can still be counted is counted.
pub async fn handle(app: App) -> Result<(), Failure> {
    let now = app.now();
    let mut result = Ok(());
    for org in app.config().tenants.keys() {
        if let Err(error) = app.ledger(*org).watch_open(now).await {
            result = Err(error.into());
        }
    }
    let stages: Vec<Stage> =
        app.store().watched(now).await?.iter().filter_map(|request| request.stage(now)).collect();
    let reached = |stage: Stage| (metric(stage), stages.iter().filter(|own| **own >= stage).count());
    let stuck = ("StuckPurges", stuck(&app).await?);
    app.count(&Stage::ALL.map(reached).into_iter().chain([stuck]).collect::<Vec<_>>());
    result
}

/// The metric that counts the requests at this stage and beyond.
const fn metric(stage: Stage) -> &'static str {
    match stage {
        Stage::Half => "DeadlineHalf",
        Stage::FourFifths => "DeadlineFourFifths",
        Stage::Near => "DeadlineNear",
        Stage::Breached => "DeadlineBreached",
    }
}

/// How many purges were given up, or should have moved long ago.
async fn stuck(app: &App) -> Result<usize, Failure> {
    let now = app.now();
    let mut stuck = 0;
    for (attention, by) in
        [(Attention::Failed, now), (Attention::Purge, now - PATIENCE), (Attention::Stalled, now - PATIENCE)]
    {
        // Only the current erasure of a person has no id there; takeouts and past erasures have one.
        stuck += app.store().due(attention, by).await?.iter().filter(|due| due.id.is_none()).count();
    }
    Ok(stuck)
}

worker!(on_tick, handle);
