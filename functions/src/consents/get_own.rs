//! `GET /consent/gdpr`: one's own consents that are in force.

use http::Method;
use runtime::{Allow, Caller, Credentials, Failure, Freshness, Json, Need, Org, Route, State};
use wire::{
    Code, Dialect,
    shapes::slashid::{Consents, Envelope},
};

/// The route.
pub static ROUTE: Route = Route {
    name: "get-consents",
    method: Method::GET,
    path: "/consent/gdpr",
    aliases: &[],
    dialect: Dialect::Envelope,
    credentials: Credentials::Bearer,
    allow: Allow::Anyone,
    errors: &[Code::PersonNotFound],
    needs: &[Need::ReadLedger],
    summary: "Read one's own consents",
};

/// Carries it out.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    caller: Caller,
    Freshness(read): Freshness,
) -> Result<Json<Envelope<Consents>>, Failure> {
    let person = super::own_id(&caller)?;
    Ok(Json(super::consents_of(&app, &tenant, &person, read).await?))
}

endpoint!(handle);
