//! `GET /users/v1/person/{person_id}/purge`: how a person's purge stands; 404 means none is queued.

use domain::Permission;
use http::Method;
use runtime::{
    Allow, Credentials, Failure, Json, Need, Org, Path, PersonUuid, Route, State,
    docs::{Docs, Good},
};
use wire::{Code, Dialect, shapes::rallyhere::PurgeResponse};

/// The route.
pub static ROUTE: Route = Route {
    name: "get-purge",
    method: Method::GET,
    path: "/users/v1/person/{person_id}/purge",
    aliases: &[],
    dialect: Dialect::Detail,
    credentials: Credentials::BearerOrCookie,
    allow: Allow::AnyOf(&[Permission::PurgePersonAdmin, Permission::PurgeAny, Permission::PurgePersonSelf]),
    errors: &[Code::PurgeNotFound],
    needs: &[Need::ReadLedger],
    summary: "See how a person's purge stands",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::json(
    200,
    "The purge",
    r#"{"person_id":"903c1ff9-f2cc-435c-b242-9d8a690fcf0a","purge_on":"2026-03-09T10:00:00+00:00","created_on":"2026-03-02T10:00:00+00:00","last_modified_on":"2026-03-02T10:00:00+00:00","status":"queued"}"#,
)]);

/// Shows it.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    Path(person): Path<PersonUuid>,
) -> Result<Json<PurgeResponse>, Failure> {
    super::purge_of(&app, &tenant, person.0).await
}

endpoint!(handle);
