//! `GET /lethe/v1/persons/{person_id}`: a registered person.

use domain::{Permission, PersonId};
use http::Method;
use runtime::{Allow, Credentials, Failure, Json, Need, Org, Path, Route, State};
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
