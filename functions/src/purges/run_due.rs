//! `run-due-purges`: hands the purges whose time has come to the workers.
//!
//! The index that it reads may be behind, and a tick may come twice: the worker decides by the
//! record.

use domain::request::Attention;
use runtime::{
    App, Failure, Need, Trigger, WorkerSpec,
    queues::{Job, Queue},
};

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
    let due = app.store().due(Attention::Purge, app.now()).await?;
    let jobs: Vec<Job> = due.into_iter().map(Job::from).collect();
    app.enqueue(Queue::Purges, &jobs).await
}

worker!(on_tick, handle);
