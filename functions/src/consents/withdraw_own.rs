//! `DELETE /consent/gdpr`: withdraws some of one's own consents, or all. The history keeps both grant and withdrawal.

use http::{Method, StatusCode};
use runtime::{Allow, Caller, Credentials, Failure, Need, Org, Route, State};
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
