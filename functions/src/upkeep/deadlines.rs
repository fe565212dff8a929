//! `check-deadlines`: counts what people must look at before the law's time is over, for the alarms.
//!
//! It changes no request. What it counts comes from indexes and from the few requests that are still open
//! when half of their time is over; see [`store::deadlines`].

use chrono::TimeDelta;
use domain::{
    OrgId,
    deadline::{Law, Stage},
    purge::{Purge, PurgeState},
    request::{Attention, Request},
};
use runtime::{App, Failure, Need, Trigger, WorkerSpec};
use store::requests::DueCursor;

/// The worker.
pub static SPEC: WorkerSpec = WorkerSpec {
    name: "check-deadlines",
    // Twice in the hour over which the alarms look, so that none of these is without what is counted.
    trigger: Trigger::Every { minutes: 30 },
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
    for (org, tenant) in &app.config().tenants {
        if let Err(error) = app.ledger(*org).watch_open(&tenant.law, now).await {
            result = Err(error.into());
        }
    }
    let law = Law::default();
    let law_of = |org: &OrgId| app.config().tenants.get(org).map_or(&law, |tenant| &tenant.law);
    let watched = app.store().watched(now).await?;
    let stages: Vec<Stage> =
        watched.iter().filter_map(|(org, request)| request.stage(law_of(org), now)).collect();
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
    let (now, since) = (app.now(), app.now() - PATIENCE);
    // One that runs stays in the index of what is due until it has ended, while its worker lives.
    let has_stopped = |purge: &Purge| match purge.state {
        PurgeState::Queued => purge.due <= since,
        PurgeState::Running | PurgeState::Held => purge.lease_until <= since,
        PurgeState::Failed => true,
        PurgeState::Done | PurgeState::Cancelled => false,
    };
    let mut stuck = 0;
    for (attention, by) in [(Attention::Failed, now), (Attention::Purge, since), (Attention::Stalled, since)]
    {
        let mut cursor = Some(DueCursor::default());
        while let Some(from) = cursor {
            let (mut page, next) = app.store().due(attention, by, from).await?;
            // Only the current erasure of a person has no id there; takeouts and past erasures have one.
            page.retain(|due| due.id.is_none());
            let purges = app.store().erasures(&page).await?;
            stuck += purges.iter().filter_map(Request::purge).filter(|purge| has_stopped(purge)).count();
            cursor = next;
        }
    }
    Ok(stuck)
}

worker!(on_tick, handle);
