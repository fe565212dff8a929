//! `GET /api/rest/users/{userId}/personaldatarequest/{requestId}`: one request of a person.

use domain::{Permission, PersonId};
use http::Method;
use runtime::{Allow, Credentials, Failure, Json, Need, Org, Path, Route, State};
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
