//! `DELETE /consent/gdpr`: withdraws some of one's own consents, or all. The history keeps both grant and withdrawal.

use domain::consent::ConsentLevel;
use http::{Method, StatusCode};
use runtime::{
    Allow, Caller, Credentials, Failure, Need, Org, Route, State,
    docs::{Docs, Good, Param},
};
use wire::{Code, Dialect, Query, shapes::slashid::withdrawal};

/// The route.
pub static ROUTE: Route = Route {
    name: "withdraw-consents",
    method: Method::DELETE,
    path: "/consent/gdpr",
    aliases: &[],
    dialect: Dialect::Envelope,
    credentials: Credentials::Bearer,
    allow: Allow::Anyone,
    errors: &[Code::InvalidParameter, Code::PersonNotFound],
    needs: &[Need::WriteLedger],
    summary: "Withdraw one's own consents",
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
    query: Query,
) -> Result<StatusCode, Failure> {
    let change = withdrawal(&query)?;
    let person = super::own_id(&caller)?;
    super::change(&app, &tenant, &person, &caller, change).await?;
    Ok(StatusCode::NO_CONTENT)
}

endpoint!(handle);
