//! `POST /user/{version}/gdpr/{userID}/takeouts`: order a takeout of a user's data.

use domain::Permission;
use http::Method;
use runtime::{
    Allow, ApiVersion, Body, Caller, Credentials, Failure, Json, Need, Org, Path, PersonUuid, Route, State,
    docs::{Docs, Good},
};
use wire::{
    Code, Dialect,
    shapes::pace::{Document, TakeoutResource},
};

use super::Order;

/// The route.
pub static ROUTE: Route = Route {
    name: "request-user-takeout",
    method: Method::POST,
    path: "/user/{version}/gdpr/{userID}/takeouts",
    aliases: &[],
    dialect: Dialect::JsonApi,
    credentials: Credentials::Bearer,
    allow: Allow::AnyOf(&[Permission::TakeoutCreate]),
    errors: &[
        Code::MissingLinkedIdentity,
        Code::InvalidField,
        Code::PersonNotFound,
        Code::IdTaken,
        Code::PurgeInProgress,
        Code::TooManyRequests,
    ],
    needs: &[Need::WriteLedger, Need::QueueTakeouts, Need::QueueNotices],
    summary: "Order a takeout of a user's data",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::json(200, "The takeout that was ordered", r#"{"data":{"type":"GDPRTakeout","id":"c0daf39b-4df5-4241-9e7d-b1b85f829090","attributes":{"creationDate":"2023-08-01T14:27:08Z","expirationDate":"2023-08-14T14:27:08Z","status":"inProgress"}}}"#)])
    .ask(r#"{"data":{"type":"GDPRTakeout","id":"string","attributes":{"password":"correct horse battery","sentTo":"alice@example.com"}}}"#);

/// Orders it.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    caller: Caller,
    Path((_, person)): Path<(ApiVersion, PersonUuid)>,
    Body(order): Body<Order>,
) -> Result<Json<Document<TakeoutResource>>, Failure> {
    super::check_linked(&tenant, &caller)?;
    super::order(&app, &tenant, &person.into(), order).await
}

endpoint!(handle);
