//! `POST /lethe/v1/requests/{request_id}/release`: a second person lets a purge go that is above the
//! tenant's blast radius.

use domain::{
    Permission, RequestId,
    request::{Request, Work},
    tenant::Tenant,
};
use http::{Method, StatusCode};
use runtime::{
    Allow, App, Body, Caller, Credentials, Failure, Json, Need, Org, Path, Route, State,
    docs::{Docs, Good},
    queues::{Job, Queue},
};
use schemars::JsonSchema;
use serde::Deserialize;
use wire::{Code, Dialect, shapes::native::RequestReply};

/// The route.
pub static ROUTE: Route = Route {
    name: "release-purge",
    method: Method::POST,
    path: "/lethe/v1/requests/{request_id}/release",
    aliases: &[],
    dialect: Dialect::Native,
    credentials: Credentials::BasicOrBearer,
    allow: Allow::AnyOf(&[Permission::PurgesRelease]),
    errors: &[
        Code::InvalidParameter,
        Code::RequestNotFound,
        Code::NothingToRelease,
        Code::SamePerson,
        Code::PlanChanged,
        Code::Conflict,
    ],
    needs: &[Need::WriteLedger, Need::QueuePurges],
    summary: "Release a purge above the blast radius, as a second person",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::json(202, "The erasure, which goes on", r#"{"id":"019cadfd-8900-7e1a-a6d4-9634d4fed270","kind":"erasure","door":"rallyhere","status":"in_progress","person_id":"903c1ff9-f2cc-435c-b242-9d8a690fcf0a","received_at":"2026-03-02T10:00:00.000Z","changed_at":"2026-03-02T10:00:00.000Z","remarks":null,"purge":{"state":"queued","due":"2026-03-09T10:00:00.000Z","attempts":0,"stores":[]}}"#)])
    .ask(r#"{"plan":"8cb00f9eb177f7fe8657bef6cc6dcc8428ba65234607e9aa76ef93d7a4de284e"}"#);

/// What is released.
#[derive(Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// The hash of the plan that was read; the purge shows the one that waits.
    plan: String,
}

/// Releases it.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    caller: Caller,
    Path(id): Path<RequestId>,
    Body(release): Body<Release>,
) -> Result<(StatusCode, Json<RequestReply>), Failure> {
    let released = self::release(&app, &tenant, &caller, id, &release.plan).await?;
    Ok((StatusCode::ACCEPTED, Json(released.into())))
}

/// Lets the purge of a request go, whose plan this is the hash of.
pub(crate) async fn release(
    app: &App,
    tenant: &Tenant,
    caller: &Caller,
    id: RequestId,
    plan: &str,
) -> Result<Request, Failure> {
    let ledger = app.ledger(tenant.org);
    let request = ledger.request_of_anyone(id).await?;
    let request = request.filter(|request| request.is_kept(app.now())).ok_or(Code::RequestNotFound)?;
    let who = super::staff(app, tenant, caller).await?;
    let purge = request.purge().cloned().ok_or(Code::NothingToRelease)?;
    if purge.mandate.waiting().is_none() {
        return Err(Code::NothingToRelease.into());
    }
    let released = purge.release_by(who, plan)?;
    let released = request.with_work(Work::Purge(released), app.now());
    ledger.put_request(&released).await?;
    app.nudge(Queue::Purges, Job { org: tenant.org, person: released.person, request: None }).await;
    Ok(released)
}

endpoint!(handle);
