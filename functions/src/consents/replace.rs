//! `PUT /persons/{person_id}/consent/gdpr`: the same as POST, answered as an update.

use domain::{Permission, PersonId};
use http::Method;
use runtime::{Allow, Body, Caller, Credentials, Failure, Json, Need, Org, Path, Route, State};
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
