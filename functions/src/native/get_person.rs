//! `GET /lethe/v1/persons/{person_id}`: a registered person.

use domain::{Permission, PersonId};
use http::Method;
use runtime::{
    Allow, Credentials, Failure, Json, Need, Org, Path, Route, State,
    docs::{Docs, Good},
};
use wire::{Code, Dialect, shapes::native::PersonReply};

/// The route.
pub static ROUTE: Route = Route {
    name: "get-person",
    method: Method::GET,
    path: "/lethe/v1/persons/{person_id}",
    aliases: &[],
    dialect: Dialect::Native,
    credentials: Credentials::BasicOrBearer,
    allow: Allow::AnyOf(&[Permission::PersonsRead, Permission::PersonsWrite]),
    errors: &[Code::PersonNotFound],
    needs: &[Need::ReadLedger],
    summary: "Read a registered person",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::json(
    200,
    "The person",
    r#"{"person_id":"903c1ff9-f2cc-435c-b242-9d8a690fcf0a","identities":{"email":"alice@example.com"},"verified":["email"],"linked_identities":[],"created_at":"2026-03-02T10:00:00.000Z","changed_at":"2026-03-02T10:00:00.000Z"}"#,
)]);

/// Reads them.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    Path(id): Path<PersonId>,
) -> Result<Json<PersonReply>, Failure> {
    let ledger = app.ledger(tenant.org);
    let key = ledger.key_of(&id).await?;
    let person = ledger.person(key).await?.ok_or(Code::PersonNotFound)?;
    Ok(Json(person.into()))
}

endpoint!(handle);
