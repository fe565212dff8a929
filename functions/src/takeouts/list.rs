//! `GET /user/{version}/gdpr/{userID}/takeouts`: the takeouts of a user, newest first.

use domain::Permission;
use http::Method;
use runtime::{
    Allow, ApiVersion, Caller, Credentials, Failure, Json, Need, Org, Path, PersonUuid, Route, State,
    docs::{Docs, Good, Param},
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

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::json(200, "The takeouts, newest first", r#"{"data":[{"type":"GDPRTakeout","id":"c0daf39b-4df5-4241-9e7d-b1b85f829090","attributes":{"creationDate":"2023-08-01T14:27:08Z","expirationDate":"2023-08-14T14:27:08Z","status":"inProgress"}}]}"#)])
    .query(&[
        Param::new::<u32>("page[number]", "Which page, from 0; all takeouts come without"),
        Param::new::<u32>("page[size]", "How many a page has: 1 to 100, and 50 if not said"),
    ]);

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
