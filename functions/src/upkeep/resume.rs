//! `resume-stalled`: re-issues what has not moved.
//!
//! Queues lose nothing often, but not never, and workers die. The ledger knows what should have
//! moved by when; whatever has not gets a new message.

use chrono::TimeDelta;
use domain::{
    Timestamp,
    purge::{Purge, PurgeState},
    request::{Attention, Request, Work},
    takeout::TakeoutState,
};
use runtime::{
    App, Failure, Need, Trigger, WorkerSpec,
    queues::{Job, Queue},
};
use store::{
    StoreError,
    requests::{Due, DueCursor},
};

/// The worker.
pub static SPEC: WorkerSpec = WorkerSpec {
    name: "resume-stalled",
    trigger: Trigger::Every { minutes: 5 },
    needs: &[Need::WriteLedger, Need::QueueTakeouts, Need::QueuePurges, Need::QueueNotices],
    summary: "Re-issue work that has not moved",
};

/// Re-issues what should have moved by now.
///
/// # Errors
/// When ledger or queues cannot be reached; the next tick does it.
pub async fn handle(app: App) -> Result<(), Failure> {
    let now = app.now();
    resume(&app, Attention::Stalled, now).await
}

/// Takes all workers for dead and re-issues what they were at: right after a start, when there can be
/// none.
///
/// # Errors
/// When ledger or queues cannot be reached.
pub async fn take_over(app: &App) -> Result<(), Failure> {
    let horizon = app.now() + TimeDelta::days(1);
    resume(app, Attention::Stalled, horizon).await?;
    resume(app, Attention::Purge, horizon).await
}

async fn resume(app: &App, attention: Attention, horizon: Timestamp) -> Result<(), Failure> {
    let mut cursor = Some(DueCursor::default());
    while let Some(from) = cursor {
        let (page, next) = app.store().due(attention, horizon, from).await?;
        for due in page {
            let ledger = app.ledger(due.org);
            let request = match due.id {
                Some(id) => ledger.request(due.person, id).await?,
                None => ledger.erasure(due.person).await?,
            };
            let Some(request) = request else { continue };
            match reissue(app, due, request, horizon).await {
                // Somebody is at it after all.
                Err(StoreError::Conflict) => {}
                other => other?,
            }
        }
        cursor = next;
    }
    Ok(())
}

async fn reissue(app: &App, due: Due, request: Request, horizon: Timestamp) -> Result<(), StoreError> {
    let ledger = app.ledger(due.org);
    let job = Job::from(due);
    let now = app.now();
    let released = match request.work.clone() {
        Work::Takeout(takeout)
            if takeout.state == TakeoutState::InProgress && takeout.retry_at <= horizon =>
        {
            takeout.release(now).ok().map(|takeout| (Work::Takeout(takeout), Queue::Takeouts))
        }
        Work::Purge(purge) if purge.state == PurgeState::Running && purge.lease_until <= horizon => {
            purge.release(now).ok().map(|purge| (Work::Purge(purge), Queue::Purges))
        }
        Work::Takeout(_) | Work::Purge(_) | Work::Manual => None,
    };
    let is_mail_due = request.is_mail_late(horizon);
    let mut next = request;
    if let Some((work, queue)) = released {
        next = next.with_work(work, now);
        ledger.put_request(&next).await?;
        app.nudge(queue, job).await;
    }
    // A mail that waits hides the purge from `run-due-purges` until it is sent or put off. One that is
    // held is looked at by a worker now and then: what held it may have ended.
    let is_due = |purge: &Purge| match purge.state {
        PurgeState::Queued => purge.due <= now,
        PurgeState::Held => purge.lease_until <= horizon,
        PurgeState::Running | PurgeState::Done | PurgeState::Failed | PurgeState::Cancelled => false,
    };
    if next.purge().is_some_and(is_due) {
        app.nudge(Queue::Purges, job).await;
    }
    if is_mail_due {
        // Later next time, so that a mail that cannot be sent does not come up at every tick.
        ledger.put_request(&next.notices_deferred(now)).await?;
        app.nudge(Queue::Notices, job).await;
    }
    Ok(())
}

worker!(on_tick, handle);
