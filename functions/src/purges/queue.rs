//! `POST /users/v1/person/{person_id}/purge`: queue a person for erasure.
//!
//! A time in the past means now: the vendor's client says "at once" that way. The erasing itself
//! happens in [`super::erase`].

use domain::Permission;
use http::{Method, StatusCode};
use runtime::{
    Allow, Body, Credentials, Failure, Json, Need, Org, Path, PersonUuid, Route, State,
    docs::{Docs, Good},
};
use wire::{Code, Dialect, shapes::rallyhere::PurgeResponse};

use super::Ask;

/// The route.
pub static ROUTE: Route = Route {
    name: "queue-purge",
    method: Method::POST,
    path: "/users/v1/person/{person_id}/purge",
    aliases: &[],
    dialect: Dialect::Detail,
    credentials: Credentials::BearerOrCookie,
    allow: Allow::AnyOf(&[Permission::PurgePersonAdmin, Permission::PurgeAny, Permission::PurgePersonSelf]),
    errors: &[Code::InvalidField, Code::PersonNotFound],
    needs: &[Need::WriteLedger, Need::QueuePurges, Need::QueueNotices],
    summary: "Queue a person for purging",
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
    Path(person): Path<PersonUuid>,
    Body(ask): Body<Ask>,
) -> Result<(StatusCode, Json<PurgeResponse>), Failure> {
    let (status, reply, _) = super::queue(&app, &tenant, person.0, &ask).await?;
    Ok((status, reply))
}

endpoint!(handle);
