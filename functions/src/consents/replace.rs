//! `PUT /persons/{person_id}/consent/gdpr`: the same as POST, answered as an update.

use domain::{Permission, PersonId};
use http::Method;
use runtime::{
    Allow, Body, Caller, Credentials, Failure, Json, Need, Org, Path, Route, State,
    docs::{Docs, Good},
};
use wire::{
    Code, Dialect,
    shapes::slashid::{ConsentRequest, Consents, Envelope},
};

/// The route.
pub static ROUTE: Route = Route {
    name: "replace-person-consents",
    method: Method::PUT,
    path: "/persons/{person_id}/consent/gdpr",
    aliases: &[],
    dialect: Dialect::Envelope,
    credentials: Credentials::ApiKey,
    allow: Allow::AnyOf(&[Permission::ConsentWrite]),
    errors: &[Code::InvalidField, Code::PersonNotFound],
    needs: &[Need::WriteLedger],
    summary: "Overwrite a person's consents",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::json(200, "The consents in force from now on", r#"{"result":{"consents":[{"consent_level":"necessary","created_at":"2005-12-24T18:29:30.033157Z"},{"consent_level":"analytics","created_at":"2005-12-24T18:29:30.033157Z"}]}}"#)])
    .ask(r#"{"consent_levels":["necessary","analytics"]}"#);

/// Carries it out.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    caller: Caller,
    Path(person): Path<PersonId>,
    Body(ask): Body<ConsentRequest>,
) -> Result<Json<Envelope<Consents>>, Failure> {
    let change = ask.change(tenant.relaxed_none)?;
    let consents = super::change(&app, &tenant, &person, &caller, change).await?;
    Ok(Json(consents.into()))
}

endpoint!(handle);
