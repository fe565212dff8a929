//! `expire-takeouts`: takes finished archives away when their time is over.
//!
//! That a takeout has expired is decided by the clock at each download, so this worker being late
//! gives nothing out.

use domain::request::{Attention, Work};
use runtime::{App, Failure, Need, Trigger, WorkerSpec};
use store::{
    StoreError,
    requests::{Due, DueCursor},
};

/// The worker.
pub static SPEC: WorkerSpec = WorkerSpec {
    name: "expire-takeouts",
    trigger: Trigger::Every { minutes: 60 },
    needs: &[Need::WriteLedger, Need::DeleteTakeouts],
    summary: "Remove takeouts whose time is over",
};

/// Expires what is over.
///
/// # Errors
/// When ledger or bucket cannot be reached; the next tick goes on.
pub async fn handle(app: App) -> Result<(), Failure> {
    let mut cursor = Some(DueCursor::default());
    while let Some(from) = cursor {
        let (page, next) = app.store().due(Attention::Expiry, app.now(), from).await?;
        for due in page {
            expire(&app, due).await?;
        }
        cursor = next;
    }
    Ok(())
}

async fn expire(app: &App, due: Due) -> Result<(), Failure> {
    let ledger = app.ledger(due.org);
    let Some(id) = due.id else { return Ok(()) };
    let Some(request) = ledger.request(due.person, id).await? else { return Ok(()) };
    let Some(takeout) = request.takeout().cloned() else { return Ok(()) };
    let now = app.now();
    let Ok(expired) = takeout.expire(now) else { return Ok(()) };
    app.store().takeouts().remove_takeout(due.org, due.person, id).await?;
    match ledger.put_request(&request.with_work(Work::Takeout(expired), now)).await {
        Ok(()) | Err(StoreError::Conflict) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

worker!(on_tick, handle);
