//! `GET /user/{version}/gdpr/{userID}/takeouts`: the takeouts of a user, newest first.

use domain::Permission;
use http::Method;
use runtime::{
    Allow, ApiVersion, Caller, Credentials, Failure, Json, Need, Org, Path, PersonUuid, Route, State,
};
use wire::{
    Code, Dialect, Query,
    shapes::pace::{Document, TakeoutResource},
};

/// The route.
pub static ROUTE: Route = Route {
    name: "list-user-takeouts",
    method: Method::GET,
    path: "/user/{version}/gdpr/{userID}/takeouts",
    aliases: &[],
    dialect: Dialect::JsonApi,
    credentials: Credentials::Bearer,
    allow: Allow::AnyOf(&[Permission::TakeoutRead]),
    errors: &[Code::MissingLinkedIdentity, Code::PersonNotFound],
    needs: &[Need::ReadLedger],
    summary: "List the takeouts of a user",
};

/// Lists them.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    caller: Caller,
    Path((_, person)): Path<(ApiVersion, PersonUuid)>,
    query: Query,
) -> Result<Json<Document<Vec<TakeoutResource>>>, Failure> {
    super::check_linked(&tenant, &caller)?;
    super::list_of(&app, &tenant, &person.into(), &query).await
}

endpoint!(handle);
