//! `DELETE /lethe/v1/holds/{hold_id}`: lift a hold, which is kept as history.
//!
//! A purge that it alone held goes on by itself: that of one person at once, those of a whole tenant
//! when they are next looked at.

use domain::{HoldId, Permission};
use http::{Method, StatusCode};
use runtime::{
    Allow, Caller, Credentials, Failure, Need, Org, Path, Route, State,
    docs::{Docs, Good},
    queues::{Job, Queue},
};
use wire::{Code, Dialect};

/// The route.
pub static ROUTE: Route = Route {
    name: "lift-hold",
    method: Method::DELETE,
    path: "/lethe/v1/holds/{hold_id}",
    aliases: &[],
    dialect: Dialect::Native,
    credentials: Credentials::BasicOrBearer,
    allow: Allow::AnyOf(&[Permission::HoldsWrite]),
    errors: &[Code::InvalidParameter, Code::HoldNotFound, Code::Conflict],
    needs: &[Need::WriteLedger, Need::QueuePurges],
    summary: "Lift a hold",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::empty(204, "Lifted, now or before")]);

/// Lifts it. Lifting it again changes nothing.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    caller: Caller,
    Path(id): Path<HoldId>,
) -> Result<StatusCode, Failure> {
    let ledger = app.ledger(tenant.org);
    let hold = super::find(&app, ledger, id).await?;
    let person = hold.person;
    if let Some(lifted) = hold.lift(caller.subject, app.now()) {
        ledger.put_hold(&lifted).await?;
    }
    // Again as well: whoever lifted it may have died before this.
    if let Some(person) = person {
        app.nudge(Queue::Purges, Job { org: tenant.org, person, request: None }).await;
    }
    Ok(StatusCode::NO_CONTENT)
}

endpoint!(handle);
