//! `DELETE /users/v1/person/{person_id}/purge`: call off a person's purge, unless it has begun.

use domain::Permission;
use http::{Method, StatusCode};
use runtime::{
    Allow, Credentials, Failure, Need, Org, Path, PersonUuid, Route, State,
    docs::{Docs, Good},
};
use wire::{Code, Dialect};

/// The route.
pub static ROUTE: Route = Route {
    name: "cancel-purge",
    method: Method::DELETE,
    path: "/users/v1/person/{person_id}/purge",
    aliases: &[],
    dialect: Dialect::Detail,
    credentials: Credentials::BearerOrCookie,
    allow: Allow::AnyOf(&[Permission::PurgePersonAdmin, Permission::PurgeAny, Permission::PurgePersonSelf]),
    errors: &[Code::PersonNotFound, Code::PurgeInProgress],
    needs: &[Need::WriteLedger],
    summary: "Call off a person's purge",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::empty(204, "Called off, or nothing was queued")]);

/// Calls it off.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    Path(person): Path<PersonUuid>,
) -> Result<StatusCode, Failure> {
    super::cancel(&app, &tenant, person.0).await
}

endpoint!(handle);
