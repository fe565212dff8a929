//! `POST /consent/gdpr`: from now on the caller allows exactly this.

use http::{Method, StatusCode};
use runtime::{Allow, Body, Caller, Credentials, Failure, Json, Need, Org, Route, State};
use wire::{
    Code, Dialect,
    shapes::slashid::{ConsentRequest, Consents, Envelope},
};

/// The route.
pub static ROUTE: Route = Route {
    name: "store-consents",
    method: Method::POST,
    path: "/consent/gdpr",
    aliases: &[],
    dialect: Dialect::Envelope,
    credentials: Credentials::Bearer,
    allow: Allow::Anyone,
    errors: &[Code::InvalidField, Code::PersonNotFound],
    needs: &[Need::WriteLedger],
    summary: "Store one's own consents",
};

/// Carries it out.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    caller: Caller,
    Body(ask): Body<ConsentRequest>,
) -> Result<(StatusCode, Json<Envelope<Consents>>), Failure> {
    let change = ask.change(tenant.relaxed_none)?;
    let person = super::own_id(&caller)?;
    let consents = super::change(&app, &tenant, &person, &caller, change).await?;
    Ok((StatusCode::CREATED, Json(consents.into())))
}

endpoint!(handle);
