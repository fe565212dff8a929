//! `POST /persons/{person_id}/consent/gdpr`: from now on a person allows exactly this.

use domain::{Permission, PersonId};
use http::{Method, StatusCode};
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
    name: "store-person-consents",
    method: Method::POST,
    path: "/persons/{person_id}/consent/gdpr",
    aliases: &[],
    dialect: Dialect::Envelope,
    credentials: Credentials::ApiKey,
    allow: Allow::AnyOf(&[Permission::ConsentWrite]),
    errors: &[Code::InvalidField, Code::PersonNotFound],
    needs: &[Need::WriteLedger],
    summary: "Store a person's consents",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::json(201, "The consents in force from now on", r#"{"meta":{"pagination":{"limit":0,"offset":0,"total_count":0}},"errors":[{"httpcode":0,"message":"string"}],"result":{"consents":[{"consent_level":"none","created_at":"2005-12-24T18:29:30.033157Z"}]}}"#)])
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
) -> Result<(StatusCode, Json<Envelope<Consents>>), Failure> {
    let change = ask.change(tenant.relaxed_none)?;
    let consents = super::change(&app, &tenant, &person, &caller, change).await?;
    Ok((StatusCode::CREATED, Json(consents.into())))
}

endpoint!(handle);
