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
    hold::Bars,
    mandate::Mandate,
    person::Person,
    purge::{Purge, PurgeError, PurgeState},
    request::{Door, Kind, Request, Template, Work},
    tenant::Tenant,
};
use http::StatusCode;
use runtime::{App, Caller, Failure, Json, queues::Queue};
use schemars::JsonSchema;
use serde::Deserialize;
use store::StoreError;
use uuid::Uuid;
use wire::{Code, Problem, shapes::rallyhere::PurgeResponse, time::Time};

use crate::notices::with_receipt;

/// What a caller asks when queueing a purge.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "PurgeRequest")]
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

/// When and how an erasure was asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    /// The time that was suggested; after the tenant's grace period if none was.
    pub(crate) at: Option<Timestamp>,
    /// By which policy, as which plan, by whom.
    pub(crate) mandate: Mandate,
}

impl Asked {
    /// At this time and by the data map's own methods, as all dialects ask.
    pub(crate) fn at(at: Option<Timestamp>) -> Self {
        Self { at, mandate: Mandate::default() }
    }
}

/// How often a change is tried again when others write at the same time.
const TRIES: u32 = 8;

/// Queues the erasure of a person: one at a time, whatever door it is asked for at.
pub(crate) async fn queue_erasure(
    app: &App,
    tenant: &Tenant,
    (key, person): (PersonKey, &Person),
    door: Door,
    asked: Asked,
    if_queued: IfQueued,
) -> Result<Request, Failure> {
    let Asked { at: suggested, mandate } = asked;
    let ledger = app.ledger(tenant.org);
    let new_id = app.entropy().request_id(key);
    for _ in 0..TRIES {
        let now = app.now();
        let (current, bars) = (ledger.erasure(key).await?, ledger.bars(key, now).await?);
        let new = || new_erasure(new_id, tenant, (key, person), door, (suggested, &mandate, &bars), now);
        let written = match current.as_ref().and_then(|request| Some((request, request.purge()?))) {
            Some((request, purge)) => match (purge.state, if_queued) {
                // A repeat of the call that made it.
                _ if request.id == new_id => return announce(app, tenant, request.clone()).await,
                _ if request.makes_way() => {
                    let mut new = new()?;
                    new.version = request.version + 1;
                    ledger.create_erasure(&new, Some(request)).await.map(|()| new)
                }
                // One that has begun goes on when nothing holds it any more.
                (PurgeState::Queued | PurgeState::Held, IfQueued::Move) if purge.has_begun() => {
                    return Ok(request.clone());
                }
                (PurgeState::Queued | PurgeState::Held, IfQueued::Move)
                | (PurgeState::Failed, IfQueued::Move | IfQueued::Keep) => {
                    let moved = purge.clone().reschedule(suggested, tenant, now)?.asked_again(&mandate);
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
                let new = new()?;
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
    (suggested, mandate, bars): (Option<Timestamp>, &Mandate, &Bars),
    now: Timestamp,
) -> Result<Request, Failure> {
    let mut request = Request::new(id, key, person.id.clone(), Kind::Erasure, door, now);
    let purge = Purge::queue(suggested, tenant, now).under(mandate.clone());
    let is_ahead = now < purge.due;
    request.work = Work::Purge(if bars.hold_everything() { held(purge, bars, now)? } else { purge });
    let is_held = request.purge().is_some_and(|purge| purge.state == PurgeState::Held);
    Ok(if is_ahead {
        told(request, person, now)
    } else if is_held {
        with_receipt(request, tenant, person, now)
    } else {
        request
    })
}

/// The same purge, held until one of these holds has ended.
fn held(purge: Purge, bars: &Bars, now: Timestamp) -> Result<Purge, PurgeError> {
    purge.hold(bars.ids(), bars.look_at(now))
}

/// Marks a purge that waits as held if nothing of it may be carried out, so that whoever asks sees
/// it at once. One that runs finds out by itself.
pub(crate) async fn hold_back(app: &App, tenant: &Tenant, person: PersonKey) -> Result<(), Failure> {
    let (ledger, now) = (app.ledger(tenant.org), app.now());
    let bars = ledger.bars(person, now).await?;
    let Some(request) = ledger.erasure(person).await?.filter(|_| bars.hold_everything()) else {
        return Ok(());
    };
    let hold = |request: Request| {
        let waits = |purge: &&Purge| matches!(purge.state, PurgeState::Queued | PurgeState::Held);
        let Some(purge) = request.purge().filter(waits).cloned() else { return Ok(None) };
        Ok::<_, Failure>(Some(request.with_work(Work::Purge(held(purge, &bars, now)?), now)))
    };
    ledger.amend_request(request, hold).await?;
    Ok(())
}

/// Refuses what comes too late: the stores are proven empty, and the ledger is about to forget.
pub(crate) async fn refuse_once_erased(app: &App, tenant: &Tenant, person: PersonKey) -> Result<(), Failure> {
    let erasure =
        app.ledger(tenant.org).erasure(person).await?.filter(|request| request.keep_until.is_some());
    match erasure.as_ref().and_then(Request::purge) {
        Some(purge) if purge.is_running() => Err(Code::PurgeInProgress.into()),
        Some(_) | None => Ok(()),
    }
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
    let mut queues = Vec::new();
    if request.pending_notices().next().is_some() {
        queues.push(Queue::Notices);
    }
    let is_due = |purge: &Purge| purge.state == PurgeState::Queued && purge.due <= app.now();
    if request.purge().is_some_and(is_due) {
        queues.push(Queue::Purges);
    }
    app.entrust(tenant.org, &request, &queues).await?;
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
        queue_erasure(app, tenant, (key, &subject), Door::RallyHere, Asked::at(suggested), IfQueued::Move)
            .await?;
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
