//! `GET /api/rest/v1/user/{userId}/mydata/user`: what the ledger itself holds about a person.

use domain::{Permission, PersonId};
use http::Method;
use runtime::{
    Allow, Credentials, Failure, Json, Need, Org, Path, Route, State,
    docs::{Docs, Good},
    queues::Job,
};
use wire::{Code, Dialect};

use crate::takeouts::build::{OwnRecord, own_record};

/// The route.
pub static ROUTE: Route = Route {
    name: "get-data-user",
    method: Method::GET,
    path: "/api/rest/v1/user/{userId}/mydata/user",
    aliases: &[],
    dialect: Dialect::Management,
    credentials: Credentials::BasicOrBearer,
    allow: Allow::AnyOf(&[Permission::PdrView]),
    errors: &[Code::PersonNotFound],
    needs: &[Need::ReadLedger],
    summary: "Read what the ledger holds about a person",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::json(
    200,
    "The record",
    r#"{"person_id":"903c1ff9-f2cc-435c-b242-9d8a690fcf0a","identities":{"email":"alice@example.com"},"verified":["email"],"linked_identities":[],"registered_at":"2026-03-02T10:00:00.000Z","consents":[{"at":"2026-03-02T10:00:00.000Z","granted":[{"consent_level":"necessary","created_at":"2026-03-02T10:00:00.000000Z"}]}],"requests":[{"id":"019cadfd-8900-776c-b781-a47aac473a54","kind":"access","received_at":"2026-03-02T10:00:00.000Z","status":"open","remarks":"User called support and requested a copy of their data.","comment":null}]}"#,
)]);

/// Reads it.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    Path(user): Path<PersonId>,
) -> Result<Json<OwnRecord>, Failure> {
    let (key, person) = app.look_up(&tenant, &user).await?;
    let job = Job { org: tenant.org, person: key, request: None };
    own_record(&app, job, &person).await.map(Json)
}

endpoint!(handle);
