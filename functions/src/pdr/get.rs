//! `GET /api/rest/users/{userId}/personaldatarequest/{requestId}`: one request of a person.

use domain::{Permission, PersonId};
use http::Method;
use runtime::{
    Allow, Credentials, Failure, Json, Need, Org, Path, Route, State,
    docs::{Docs, Good},
};
use wire::{Code, Dialect, shapes::trivore::PersonalDataRequest};

/// The route.
pub static ROUTE: Route = Route {
    name: "get-person-request",
    method: Method::GET,
    path: "/api/rest/users/{userId}/personaldatarequest/{requestId}",
    aliases: &["/api/rest/v1/user/{userId}/personaldatarequests/{requestId}"],
    dialect: Dialect::Management,
    credentials: Credentials::BasicOrBearer,
    allow: Allow::AnyOf(&[Permission::PdrView]),
    errors: &[Code::RequestNotFound],
    needs: &[Need::ReadLedger],
    summary: "Read one personal data request of a person",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::json(
    200,
    "The request",
    r#"{"id":"019cadfd-8900-776c-b781-a47aac473a54","requestType":"DATA_RETRIEVAL","requestTime":"2026-03-02T10:00:00.000Z","requestRemarks":"User called support and requested a copy of their data.","confirmTime":null,"confirmBy":null,"confirmRemarks":null,"commentForUser":null}"#,
)]);

/// Reads it. Ids are opaque in this dialect: one of another form is merely unknown.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    Path((user, id)): Path<(PersonId, String)>,
) -> Result<Json<PersonalDataRequest>, Failure> {
    let id = id.parse().map_err(|_| Code::RequestNotFound)?;
    let key = app.pseudonym(&tenant, &user).await?;
    let request = app.ledger(tenant.org).request(key, id).await?.filter(|request| request.is_kept(app.now()));
    Ok(Json(PersonalDataRequest::from(&request.ok_or(Code::RequestNotFound)?)))
}

endpoint!(handle);
