//! Purges, as RallyHere speaks of them (`003_7e754b52a3de9fbd.txt`), and the workers that carry
//! them out.

pub mod cancel;
pub mod cancel_own;
pub mod erase;
pub mod get;
pub mod get_own;
pub mod lift_restrictions;
pub mod list_restrictions;
pub mod queue;
pub mod queue_own;
pub mod restrict;
pub mod run_due;

use domain::{
    PersonId, PersonKey, RequestId, Timestamp,
    person::Person,
    purge::{Purge, PurgeState},
    request::{Door, Kind, Request, Template, Work},
    tenant::Tenant,
};
use http::StatusCode;
use runtime::{
    App, Caller, Failure, Json,
    queues::{Job, Queue},
};
use serde::Deserialize;
use store::StoreError;
use uuid::Uuid;
use wire::{Code, Problem, shapes::rallyhere::PurgeResponse, time::Time};

/// What a caller asks when queueing a purge.
#[derive(Deserialize)]
pub struct Ask {
    suggested_purge_time: Option<Time>,
}

/// The caller as a person, for the calls about oneself.
fn own_id(caller: &Caller) -> Result<Uuid, Failure> {
    let person = caller.person().and_then(|person| person.uuid());
    person.ok_or_else(|| Problem::about(Code::AuthTokenInvalidClaim, "sub").into())
}

/// What to do with a purge that is queued already.
#[derive(Clone, Copy)]
pub(crate) enum IfQueued {
    /// Move it to the time asked for.
    Move,
    /// Leave it as it is.
    Keep,
}

/// How often a change is tried again when others write at the same time.
const TRIES: u32 = 8;

/// Queues the erasure of a person: one at a time, whatever door it is asked for at.
pub(crate) async fn queue_erasure(
    app: &App,
    tenant: &Tenant,
    (key, person): (PersonKey, &Person),
    door: Door,
    suggested: Option<Timestamp>,
    if_queued: IfQueued,
) -> Result<Request, Failure> {
    let ledger = app.ledger(tenant.org);
    let new_id = RequestId(app.entropy().id(app.now()));
    for _ in 0..TRIES {
        let now = app.now();
        let current = ledger.erasure(key).await?;
        let written = match current.as_ref().and_then(|request| Some((request, request.purge()?))) {
            Some((request, purge)) => match (purge.state, if_queued) {
                // A repeat of the call that made it.
                _ if request.id == new_id => return announce(app, tenant, request.clone()).await,
                _ if request.makes_way() => {
                    let mut new = new_erasure(new_id, tenant, (key, person), door, suggested, now);
                    new.version = request.version + 1;
                    ledger.create_erasure(&new, Some(request)).await.map(|()| new)
                }
                (PurgeState::Queued | PurgeState::Held, IfQueued::Move)
                | (PurgeState::Failed, IfQueued::Move | IfQueued::Keep) => {
                    let moved = purge.clone().reschedule(suggested, tenant, now)?;
                    let is_earlier = moved.due < purge.due && now < moved.due;
                    let moved = request.clone().with_work(Work::Purge(moved), now);
                    let moved = if is_earlier { told(moved, person, now) } else { moved };
                    ledger.put_request(&moved).await.map(|()| moved)
                }
                (PurgeState::Queued | PurgeState::Held, IfQueued::Keep)
                | (
                    PurgeState::Running | PurgeState::Done | PurgeState::Cancelled,
                    IfQueued::Move | IfQueued::Keep,
                ) => return Ok(request.clone()),
            },
            None => {
                let new = new_erasure(new_id, tenant, (key, person), door, suggested, now);
                ledger.create_erasure(&new, None).await.map(|()| new)
            }
        };
        match written {
            Ok(request) => return announce(app, tenant, request).await,
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::Conflict.into())
}

fn new_erasure(
    id: RequestId,
    tenant: &Tenant,
    (key, person): (PersonKey, &Person),
    door: Door,
    suggested: Option<Timestamp>,
    now: Timestamp,
) -> Request {
    let mut request = Request::new(id, key, person.id.clone(), Kind::Erasure, door, now);
    request.work = Work::Purge(Purge::queue(suggested, tenant, now));
    if request.purge().is_some_and(|purge| now < purge.due) { told(request, person, now) } else { request }
}

/// The same request with a mail about when the purge is due: whoever did not ask for it must learn
/// of it while it can be called off.
fn told(request: Request, person: &Person, now: Timestamp) -> Request {
    match person.email() {
        Some(address) => request.with_notice(Template::PurgeQueued, address.to_owned(), None, now),
        None => request,
    }
}

/// Tells the queues about an erasure that was written: at once if it is due.
async fn announce(app: &App, tenant: &Tenant, request: Request) -> Result<Request, Failure> {
    let job = Job { org: tenant.org, person: request.person, request: None };
    if request.pending_notices().next().is_some() {
        app.nudge(Queue::Notices, job).await;
    }
    let is_due = |purge: &Purge| purge.state == PurgeState::Queued && purge.due <= app.now();
    if request.purge().is_some_and(is_due) {
        app.nudge(Queue::Purges, job).await;
    }
    Ok(request)
}

/// Queues a purge and answers as the dialect does.
async fn queue(
    app: &App,
    tenant: &Tenant,
    person: Uuid,
    ask: &Ask,
) -> Result<(StatusCode, Json<PurgeResponse>, PurgeState), Failure> {
    let (key, subject) = app.subject(tenant, &person.into()).await?;
    let suggested = ask.suggested_purge_time.map(|time| time.0);
    let request =
        queue_erasure(app, tenant, (key, &subject), Door::RallyHere, suggested, IfQueued::Move).await?;
    let state = request.purge().map_or(PurgeState::Queued, |purge| purge.state);
    let reply = PurgeResponse::of(&request, person).ok_or(Code::Conflict)?;
    Ok((StatusCode::ACCEPTED, Json(reply), state))
}

/// The purge of a person: queued, under way, or kept as proof.
async fn purge_of(app: &App, tenant: &Tenant, person: Uuid) -> Result<Json<PurgeResponse>, Failure> {
    let key = app.pseudonym(tenant, &person.into()).await?;
    let request = app.ledger(tenant.org).erasure(key).await?.filter(|request| request.is_kept(app.now()));
    let reply = request.and_then(|request| PurgeResponse::of(&request, person));
    Ok(Json(reply.ok_or(Code::PurgeNotFound)?))
}

/// Calls off the purge of a person, unless it has begun. Nothing queued is nothing to call off.
async fn cancel(app: &App, tenant: &Tenant, person: Uuid) -> Result<StatusCode, Failure> {
    let id = PersonId::from(person);
    let ledger = app.ledger(tenant.org);
    let key = ledger.key_of(&id).await?;
    for _ in 0..TRIES {
        // Once its proof is no longer kept, a purge has never been.
        let current = ledger.erasure(key).await?.filter(|request| request.is_kept(app.now()));
        let Some(request) = current else {
            app.look_up(tenant, &id).await?;
            return Ok(StatusCode::NO_CONTENT);
        };
        let Some(purge) = request.purge().cloned() else { return Ok(StatusCode::NO_CONTENT) };
        if purge.state == PurgeState::Cancelled {
            return Ok(StatusCode::NO_CONTENT);
        }
        let now = app.now();
        let cancelled = request.with_work(Work::Purge(purge.cancel()?), now).without_pending_notices();
        match ledger.put_request(&cancelled).await {
            Ok(()) => return Ok(StatusCode::NO_CONTENT),
            // A worker or another caller was first: look again at who won.
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::Conflict.into())
}
