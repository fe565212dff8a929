//! `GET /api/rest/users/{userId}/personaldatarequest`: all requests of a person, newest first.
//!
//! Requests of every door are shown; after an erasure, what is kept of them as proof.

use domain::{Permission, PersonId};
use http::Method;
use runtime::{Allow, Credentials, Failure, Json, Need, Org, Path, Route, State};
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
