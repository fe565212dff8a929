//! `GET /user/{version}/gdpr/takeouts`: one's own takeouts, newest first.

use domain::Permission;
use http::Method;
use runtime::{Allow, ApiVersion, Caller, Credentials, Failure, Json, Need, Org, Path, Route, State};
use wire::{
    Code, Dialect, Query,
    shapes::pace::{Document, TakeoutResource},
};

/// The route.
pub static ROUTE: Route = Route {
    name: "list-takeouts",
    method: Method::GET,
    path: "/user/{version}/gdpr/takeouts",
    aliases: &[],
    dialect: Dialect::JsonApi,
    credentials: Credentials::Bearer,
    allow: Allow::AnyOf(&[Permission::TakeoutRead]),
    errors: &[Code::MissingLinkedIdentity, Code::PersonNotFound],
    needs: &[Need::ReadLedger],
    summary: "List one's own takeouts",
};

/// Lists them.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    caller: Caller,
    Path(_): Path<ApiVersion>,
    query: Query,
) -> Result<Json<Document<Vec<TakeoutResource>>>, Failure> {
    super::check_linked(&tenant, &caller)?;
    super::list_of(&app, &tenant, &super::own_id(&caller)?, &query).await
}

endpoint!(handle);
