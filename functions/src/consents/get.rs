//! `GET /persons/{person_id}/consent/gdpr`: the consents of a person that are in force.

use domain::{Permission, PersonId};
use http::Method;
use runtime::{
    Allow, Credentials, Failure, Freshness, Json, Need, Org, Path, Route, State,
    docs::{Docs, Good},
};
use wire::{
    Code, Dialect,
    shapes::slashid::{Consents, Envelope},
};

/// The route.
pub static ROUTE: Route = Route {
    name: "get-person-consents",
    method: Method::GET,
    path: "/persons/{person_id}/consent/gdpr",
    aliases: &[],
    dialect: Dialect::Envelope,
    credentials: Credentials::ApiKey,
    allow: Allow::AnyOf(&[Permission::ConsentRead]),
    errors: &[Code::PersonNotFound],
    needs: &[Need::ReadLedger],
    summary: "Read a person's consents",
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
    Path(person): Path<PersonId>,
    Freshness(read): Freshness,
) -> Result<Json<Envelope<Consents>>, Failure> {
    Ok(Json(super::consents_of(&app, &tenant, &person, read).await?))
}

endpoint!(handle);
