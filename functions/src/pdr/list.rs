//! `GET /api/rest/users/{userId}/personaldatarequest`: all requests of a person, newest first.
//!
//! Requests of every door are shown; after an erasure, what is kept of them as proof.

use domain::{Permission, PersonId};
use http::Method;
use runtime::{
    Allow, Credentials, Failure, Json, Need, Org, Path, Route, State,
    docs::{Docs, Good},
};
use wire::{Code, Dialect, shapes::trivore::PersonalDataRequest};

/// The route.
pub static ROUTE: Route = Route {
    name: "list-person-requests",
    method: Method::GET,
    path: "/api/rest/users/{userId}/personaldatarequest",
    aliases: &["/api/rest/v1/user/{userId}/personaldatarequests"],
    dialect: Dialect::Management,
    credentials: Credentials::BasicOrBearer,
    allow: Allow::AnyOf(&[Permission::PdrView]),
    errors: &[Code::PersonNotFound],
    needs: &[Need::ReadLedger],
    summary: "List the personal data requests of a person",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::json(
    200,
    "The requests, newest first",
    r#"[{"id":"019cadfd-8900-776c-b781-a47aac473a54","requestType":"DATA_RETRIEVAL","requestTime":"2026-03-02T10:00:00.000Z","requestRemarks":"User called support and requested a copy of their data.","confirmTime":null,"confirmBy":null,"confirmRemarks":null,"commentForUser":null}]"#,
)]);

/// The most that is answered.
const MOST: usize = 1000;

/// Lists them.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    Path(user): Path<PersonId>,
) -> Result<Json<Vec<PersonalDataRequest>>, Failure> {
    let key = app.pseudonym(&tenant, &user).await?;
    let now = app.now();
    let requests = app.ledger(tenant.org).requests(key).await?;
    let kept: Vec<PersonalDataRequest> = requests
        .iter()
        .filter(|request| request.is_kept(now))
        .take(MOST)
        .map(PersonalDataRequest::from)
        .collect();
    if kept.is_empty() {
        // Nothing to show: the person must at least be known.
        app.look_up(&tenant, &user).await?;
    }
    Ok(Json(kept))
}

endpoint!(handle);
