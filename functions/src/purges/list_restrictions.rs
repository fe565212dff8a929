//! `GET /users/v1/person/{person_id}/restrictions`: what is barred for a person.

use domain::{Permission, restriction::Restriction};
use http::Method;
use runtime::{
    Allow, Credentials, Failure, Json, Need, Org, Path, PersonUuid, Route, State,
    docs::{Docs, Good},
};
use wire::{Code, Dialect, shapes::rallyhere::Restrictions};

/// The route.
pub static ROUTE: Route = Route {
    name: "list-restrictions",
    method: Method::GET,
    path: "/users/v1/person/{person_id}/restrictions",
    aliases: &[],
    dialect: Dialect::Detail,
    credentials: Credentials::BearerOrCookie,
    allow: Allow::AnyOf(&[Permission::RestrictionReadAny, Permission::RestrictionReadSelf]),
    errors: &[Code::PersonNotFound],
    needs: &[Need::ReadLedger],
    summary: "List the restrictions of a person",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::json(
    200,
    "The restrictions in force",
    r#"{"restrictions":[{"type":"account_pending_deletion","reason":"pending_deletion","expiration":null}]}"#,
)]);

/// Lists them: those set by the tenant, and that of a waiting purge.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    Path(person): Path<PersonUuid>,
) -> Result<Json<Restrictions>, Failure> {
    let (key, subject) = app.look_up(&tenant, &person.into()).await?;
    let now = app.now();
    let mut restrictions = subject.restrictions;
    restrictions.retain(|restriction| restriction.is_active(now));
    let erasure = app.ledger(tenant.org).erasure(key).await?;
    if erasure.as_ref().and_then(|request| request.purge()).is_some_and(|purge| purge.restricts()) {
        restrictions.push(Restriction::pending_deletion());
    }
    Ok(Json(restrictions.iter().collect()))
}

endpoint!(handle);
