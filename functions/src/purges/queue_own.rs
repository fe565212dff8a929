//! `POST /users/v1/person/me/purge`: queue oneself for erasure.

use domain::{Permission, purge::PurgeState};
use http::{Method, StatusCode};
use runtime::{
    Allow, Body, Caller, Credentials, Failure, Json, Need, Org, Route, State,
    docs::{Docs, Good},
};
use wire::{Code, Dialect, shapes::rallyhere::PurgeResponse};

use super::Ask;

/// The route.
pub static ROUTE: Route = Route {
    name: "queue-own-purge",
    method: Method::POST,
    path: "/users/v1/person/me/purge",
    aliases: &[],
    dialect: Dialect::Detail,
    credentials: Credentials::BearerOrCookie,
    allow: Allow::AnyOf(&[Permission::PurgePersonSelf, Permission::PurgePersonAdmin, Permission::PurgeAny]),
    errors: &[Code::InvalidField, Code::PersonNotFound, Code::PurgeInProgress],
    needs: &[Need::WriteLedger, Need::QueuePurges, Need::QueueNotices],
    summary: "Queue oneself for purging",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::json(202, "The purge, queued or as it stands", r#"{"person_id":"903c1ff9-f2cc-435c-b242-9d8a690fcf0a","purge_on":"2026-03-09T10:00:00+00:00","created_on":"2026-03-02T10:00:00+00:00","last_modified_on":"2026-03-02T10:00:00+00:00","status":"queued"}"#)])
    .ask(r#"{"suggested_purge_time":"2026-03-09T10:00:00Z"}"#);

/// Queues the purge.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    caller: Caller,
    Body(ask): Body<Ask>,
) -> Result<(StatusCode, Json<PurgeResponse>), Failure> {
    let (status, reply, state) = super::queue(&app, &tenant, super::own_id(&caller)?, &ask).await?;
    // Unlike its twin, this call has a documented conflict (contracts A.4, decision 4).
    if state == PurgeState::Running { Err(Code::PurgeInProgress.into()) } else { Ok((status, reply)) }
}

endpoint!(handle);
