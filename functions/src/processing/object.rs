//! `PUT /lethe/v1/persons/{person_id}/objections/{purpose}`: a person objects to a purpose.

use std::collections::btree_map::Entry;

use domain::{Permission, PersonId, objection::Objection};
use http::{Method, StatusCode};
use runtime::{
    Allow, Caller, Credentials, Failure, Json, Need, NoBody, Org, Path, Route, State,
    docs::{Docs, Good},
};
use wire::{Code, Dialect, shapes::native::ObjectionReply};

/// The route.
pub static ROUTE: Route = Route {
    name: "record-objection",
    method: Method::PUT,
    path: "/lethe/v1/persons/{person_id}/objections/{purpose}",
    aliases: &[],
    dialect: Dialect::Native,
    credentials: Credentials::BasicOrBearer,
    allow: Allow::AnyOf(&[Permission::PersonsWrite]),
    errors: &[Code::InvalidParameter, Code::UnknownPurpose, Code::PersonNotFound, Code::Conflict],
    needs: &[Need::WriteLedger],
    summary: "Record an objection to a purpose",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[
    Good::json(
        200,
        "The objection, made before",
        r#"{"objected_at":"2026-03-02T10:00:00.000Z","recorded_by":"3dabae4e-b780-43fd-84ea-804c76897b89"}"#,
    ),
    Good::json(
        201,
        "The objection",
        r#"{"objected_at":"2026-03-02T10:00:00.000Z","recorded_by":"3dabae4e-b780-43fd-84ea-804c76897b89"}"#,
    ),
]);

/// Records it. One that was made before stays as it is.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    caller: Caller,
    Path((id, name)): Path<(PersonId, String)>,
    NoBody: NoBody,
) -> Result<(StatusCode, Json<ObjectionReply>), Failure> {
    let objection = Objection::to(super::purpose(&tenant, &name)?, caller.subject, app.now())?;
    let (person, is_new) = super::amend(&app, &tenant, &id, |person| {
        Ok(match person.objections.entry(name.clone()) {
            Entry::Vacant(place) => {
                place.insert(objection);
                true
            }
            Entry::Occupied(_) => false,
        })
    })
    .await?;
    let recorded = person.objections.get(&name).ok_or(Code::ObjectionNotFound)?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(recorded.into())))
}

endpoint!(handle);
