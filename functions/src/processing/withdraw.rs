//! `DELETE /lethe/v1/persons/{person_id}/objections/{purpose}`: a person objects no longer.

use domain::{Permission, PersonId};
use http::{Method, StatusCode};
use runtime::{
    Allow, Credentials, Failure, Need, Org, Path, Route, State,
    docs::{Docs, Good},
};
use wire::{Code, Dialect};

/// The route.
pub static ROUTE: Route = Route {
    name: "withdraw-objection",
    method: Method::DELETE,
    path: "/lethe/v1/persons/{person_id}/objections/{purpose}",
    aliases: &[],
    dialect: Dialect::Native,
    credentials: Credentials::BasicOrBearer,
    allow: Allow::AnyOf(&[Permission::PersonsWrite]),
    errors: &[Code::ObjectionNotFound, Code::PersonNotFound, Code::Conflict],
    needs: &[Need::WriteLedger],
    summary: "Withdraw an objection to a purpose",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::empty(204, "Withdrawn")]);

/// Withdraws it, even where the tenant has no such purpose any more.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    Path((id, name)): Path<(PersonId, String)>,
) -> Result<StatusCode, Failure> {
    super::amend(&app, &tenant, &id, |person| {
        person.objections.remove(&name).map(|_| true).ok_or_else(|| Code::ObjectionNotFound.into())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

endpoint!(handle);
