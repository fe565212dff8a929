//! `GET /consent/gdpr`: one's own consents that are in force.

use http::Method;
use runtime::{
    Allow, Caller, Credentials, Failure, Freshness, Json, Need, Org, Route, State,
    docs::{Docs, Good},
};
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

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::json(
    200,
    "The consents in force",
    r#"{"result":{"consents":[{"consent_level":"necessary","created_at":"2005-12-24T18:29:30.033157Z"},{"consent_level":"analytics","created_at":"2005-12-24T18:29:30.033157Z"}]}}"#,
)]);

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
