//! `DELETE /persons/{person_id}/consent/gdpr`: withdraws some consents of a person, or all. The history keeps both grant and withdrawal.

use domain::{Permission, PersonId, consent::ConsentLevel};
use http::{Method, StatusCode};
use runtime::{
    Allow, Caller, Credentials, Failure, Need, Org, Path, Route, State,
    docs::{Docs, Good, Param},
};
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

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::empty(204, "Withdrawn, or never given")]).query(&[
    Param::new::<Vec<ConsentLevel>>(
        "consent_levels",
        "The levels to withdraw, repeated or separated by commas",
    )
    .example("analytics"),
    Param::new::<bool>("deleteAll", "Withdraws everything, whatever levels are named"),
]);

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
