//! `POST /lethe/v1/persons/{person_id}/plan/{sha256}/apply`: carry out a plan that was read, and nothing else.
//!
//! The plan is made anew here and once more by the worker, before the first row is touched; if it has
//! another hash, somebody changed rows, map or holds since it was read, and it is refused.

use domain::{
    Permission, PersonId, PersonKey,
    mandate::Mandate,
    person::Person,
    request::{Door, Request},
    tenant::Tenant,
};
use http::{Method, StatusCode};
use runtime::{
    Allow, App, Caller, Credentials, Failure, Json, Need, Org, Path, Route, State,
    docs::{Docs, Good},
};
use wire::{Code, Dialect, shapes::native::RequestReply};

use super::plan_now;
use crate::purges::{Asked, IfQueued, queue_erasure};

/// The route.
pub static ROUTE: Route = Route {
    name: "apply-plan",
    method: Method::POST,
    path: "/lethe/v1/persons/{person_id}/plan/{sha256}/apply",
    aliases: &[],
    dialect: Dialect::Native,
    credentials: Credentials::BasicOrBearer,
    allow: Allow::AnyOf(&[Permission::PlansWrite]),
    errors: &[
        Code::PersonNotFound,
        Code::PlanNotFound,
        Code::PlanChanged,
        Code::PlanRefused,
        Code::PurgeInProgress,
        Code::Conflict,
    ],
    needs: &[Need::WriteLedger, Need::ReadStores, Need::QueuePurges, Need::QueueNotices],
    summary: "Carry out a plan exactly as it was made",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::json(
    202,
    "The erasure, queued at once",
    r#"{"id":"019cadfd-8900-7e1a-a6d4-9634d4fed270","kind":"erasure","door":"rallyhere","status":"in_progress","person_id":"903c1ff9-f2cc-435c-b242-9d8a690fcf0a","received_at":"2026-03-02T10:00:00.000Z","changed_at":"2026-03-02T10:00:00.000Z","remarks":null,"purge":{"state":"queued","due":"2026-03-09T10:00:00.000Z","attempts":0,"stores":[]}}"#,
)]);

/// Queues its purge, due at once.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    caller: Caller,
    Path((id, sha256)): Path<(PersonId, String)>,
) -> Result<(StatusCode, Json<RequestReply>), Failure> {
    let (key, person) = app.look_up(&tenant, &id).await?;
    let request = apply(&app, &tenant, &caller, (key, &person), &sha256, Door::Native).await?;
    Ok((StatusCode::ACCEPTED, Json(request.into())))
}

/// Queues the purge that this plan says, due at once.
pub(crate) async fn apply(
    app: &App,
    tenant: &Tenant,
    caller: &Caller,
    (key, person): (PersonKey, &Person),
    sha256: &str,
    door: Door,
) -> Result<Request, Failure> {
    app.refuse_while_erasing(tenant, key).await?;
    let ledger = app.ledger(tenant.org);
    let kept = ledger.plan(key, sha256, app.now()).await?.ok_or(Code::PlanNotFound)?;
    if !kept.plan.is_feasible() {
        return Err(Code::PlanRefused.into());
    }
    let now = plan_now(app, tenant, (key, person), kept.plan.policy.as_deref()).await?;
    if now.sha256 != kept.plan.sha256 {
        return Err(Code::PlanChanged.into());
    }
    let mandate = Mandate {
        policy: kept.plan.policy,
        plan: Some(kept.plan.sha256),
        asked_by: Some(super::staff(app, tenant, caller).await?),
        ..Mandate::default()
    };
    let asked = Asked { at: Some(app.now()), mandate };
    queue_erasure(app, tenant, (key, person), door, asked, IfQueued::Move).await
}

endpoint!(handle);
