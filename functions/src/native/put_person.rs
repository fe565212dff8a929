//! `PUT /lethe/v1/persons/{person_id}`: register a person, or replace what identifies them.

use domain::{Permission, PersonId};
use http::{Method, StatusCode};
use runtime::{Allow, Body, Credentials, Failure, Json, Need, Org, Path, Route, State};
use wire::{
    Code, Dialect,
    shapes::native::{PersonBody, PersonReply},
};

/// The route.
pub static ROUTE: Route = Route {
    name: "put-person",
    method: Method::PUT,
    path: "/lethe/v1/persons/{person_id}",
    aliases: &[],
    dialect: Dialect::Native,
    credentials: Credentials::BasicOrBearer,
    allow: Allow::AnyOf(&[Permission::PersonsWrite]),
    errors: &[Code::InvalidField, Code::PurgeInProgress, Code::IdentityErased, Code::Conflict],
    needs: &[Need::WriteLedger],
    summary: "Register a person or replace their identities",
};

/// Registers them.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    Path(id): Path<PersonId>,
    Body(body): Body<PersonBody>,
) -> Result<(StatusCode, Json<PersonReply>), Failure> {
    let registered = super::register(&app, &tenant, id, body).await?;
    let status = if registered.is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(PersonReply::registered(registered.person, registered.erased_before))))
}

endpoint!(handle);
