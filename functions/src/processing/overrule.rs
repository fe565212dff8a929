//! `POST /lethe/v1/persons/{person_id}/objections/{purpose}/override`: override an objection.
//!
//! The company must show compelling grounds (Art. 21(1)). An objection to direct marketing cannot be
//! overridden.

use domain::{Permission, PersonId};
use http::Method;
use runtime::{
    Allow, Body, Caller, Credentials, Failure, Json, Need, Org, Path, Route, State,
    docs::{Docs, Good},
};
use schemars::JsonSchema;
use serde::Deserialize;
use wire::{Code, Dialect, shapes::native::ObjectionReply};

/// The route.
pub static ROUTE: Route = Route {
    name: "override-objection",
    method: Method::POST,
    path: "/lethe/v1/persons/{person_id}/objections/{purpose}/override",
    aliases: &[],
    dialect: Dialect::Native,
    credentials: Credentials::BasicOrBearer,
    allow: Allow::AnyOf(&[Permission::ObjectionsOverride]),
    errors: &[
        Code::InvalidField,
        Code::InvalidParameter,
        Code::UnknownPurpose,
        Code::ObjectionNotFound,
        Code::PersonNotFound,
        Code::Conflict,
    ],
    needs: &[Need::WriteLedger],
    summary: "Override an objection on compelling grounds",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::json(200, "The objection, overridden", r#"{"objected_at":"2026-03-02T10:00:00.000Z","recorded_by":"3dabae4e-b780-43fd-84ea-804c76897b89","overridden":{"ground":"The claim is before the court.","by":"3dabae4e-b780-43fd-84ea-804c76897b89","at":"2026-03-03T10:00:00.000Z"}}"#)])
    .ask(r#"{"ground":"The claim is before the court."}"#);

/// The grounds.
#[derive(Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    ground: String,
}

/// Overrides it.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    caller: Caller,
    Path((id, name)): Path<(PersonId, String)>,
    Body(ask): Body<Ask>,
) -> Result<Json<ObjectionReply>, Failure> {
    let (purpose, now) = (super::purpose(&tenant, &name)?, app.now());
    let (person, _) = super::amend(&app, &tenant, &id, |person| {
        let objection = person.objections.remove(&name).ok_or(Code::ObjectionNotFound)?;
        let overruled = objection.overrule(purpose, ask.ground, caller.subject, now)?;
        person.objections.insert(name.clone(), overruled);
        Ok(true)
    })
    .await?;
    let overruled = person.objections.get(&name).ok_or(Code::ObjectionNotFound)?;
    Ok(Json(overruled.into()))
}

endpoint!(handle);
