//! `PUT /lethe/v1/persons/{person_id}`: register a person, or replace what identifies them.

use domain::{Permission, PersonId};
use http::{Method, StatusCode};
use runtime::{
    Allow, Body, Credentials, Failure, Json, Need, Org, Path, Route, State,
    docs::{Docs, Good},
};
use wire::{
    Code, Dialect,
    shapes::native::{PersonBody, PersonReply},
};

/// The route.
pub static ROUTE: Route = Route {
    name: "put-person",
    method: Method::PUT,
    path: "/lethe/v1/persons/{person_id}",
    aliases: &[],
    dialect: Dialect::Native,
    credentials: Credentials::BasicOrBearer,
    allow: Allow::AnyOf(&[Permission::PersonsWrite]),
    errors: &[Code::InvalidField, Code::PurgeInProgress, Code::IdentityErased, Code::Conflict],
    needs: &[Need::WriteLedger],
    summary: "Register a person or replace their identities",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::json(200, "The person, as known from now on", r#"{"person_id":"903c1ff9-f2cc-435c-b242-9d8a690fcf0a","identities":{"email":"alice@example.com"},"verified":["email"],"linked_identities":[],"created_at":"2026-03-02T10:00:00.000Z","changed_at":"2026-03-02T10:00:00.000Z"}"#), Good::json(201, "The person, newly registered", r#"{"person_id":"903c1ff9-f2cc-435c-b242-9d8a690fcf0a","identities":{"email":"alice@example.com"},"verified":["email"],"linked_identities":[],"created_at":"2026-03-02T10:00:00.000Z","changed_at":"2026-03-02T10:00:00.000Z"}"#)])
    .ask(r#"{"identities":{"email":"alice@example.com"},"verified":["email"]}"#);

/// Registers them.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    Path(id): Path<PersonId>,
    Body(body): Body<PersonBody>,
) -> Result<(StatusCode, Json<PersonReply>), Failure> {
    let registered = super::register(&app, &tenant, id, body).await?;
    let status = if registered.is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(PersonReply::registered(registered.person, registered.erased_before))))
}

endpoint!(handle);
