//! `run-due-purges`: hands the purges whose time has come to the workers.
//!
//! The index that it reads may be behind, and a tick may come twice: the worker decides by the
//! record.

use domain::request::Attention;
use runtime::{
    App, Failure, Need, Trigger, WorkerSpec,
    queues::{JOBS_PER_CALL, Job, Queue},
};
use store::requests::DueCursor;

/// The worker.
pub static SPEC: WorkerSpec = WorkerSpec {
    name: "run-due-purges",
    trigger: Trigger::Every { minutes: 1 },
    needs: &[Need::ReadLedger, Need::QueuePurges],
    summary: "Hand due purges to the workers",
};

/// Hands out what is due.
///
/// # Errors
/// When ledger or queue cannot be reached; the next tick does it.
pub async fn handle(app: App) -> Result<(), Failure> {
    let now = app.now();
    let mut jobs = Vec::new();
    let mut cursor = Some(DueCursor::default());
    while let Some(from) = cursor {
        let (due, next) = app.store().due(Attention::Purge, now, from).await?;
        jobs.extend(due.into_iter().map(Job::from));
        // Whole calls, however the index spreads what is due.
        let whole = jobs.len() - jobs.len() % JOBS_PER_CALL;
        app.enqueue(Queue::Purges, &jobs[..whole]).await?;
        jobs.drain(..whole);
        cursor = next;
    }
    app.enqueue(Queue::Purges, &jobs).await
}

worker!(on_tick, handle);
