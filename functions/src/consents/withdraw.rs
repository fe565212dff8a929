//! `DELETE /persons/{person_id}/consent/gdpr`: withdraws some consents of a person, or all. The history keeps both grant and withdrawal.

use domain::{Permission, PersonId};
use http::{Method, StatusCode};
use runtime::{Allow, Caller, Credentials, Failure, Need, Org, Path, Route, State};
use wire::{Code, Dialect, Query, shapes::slashid::withdrawal};

/// The route.
pub static ROUTE: Route = Route {
    name: "withdraw-person-consents",
    method: Method::DELETE,
    path: "/persons/{person_id}/consent/gdpr",
    aliases: &[],
    dialect: Dialect::Envelope,
    credentials: Credentials::ApiKey,
    allow: Allow::AnyOf(&[Permission::ConsentWrite]),
    errors: &[Code::InvalidParameter, Code::PersonNotFound],
    needs: &[Need::WriteLedger],
    summary: "Withdraw a person's consents",
};

/// Carries it out.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    caller: Caller,
    Path(person): Path<PersonId>,
    query: Query,
) -> Result<StatusCode, Failure> {
    let change = withdrawal(&query)?;
    super::change(&app, &tenant, &person, &caller, change).await?;
    Ok(StatusCode::NO_CONTENT)
}

endpoint!(handle);
