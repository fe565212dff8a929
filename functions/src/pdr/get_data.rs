//! `GET /api/rest/v1/user/{userId}/mydata`: the package of a person's data.

use domain::{Permission, PersonId};
use http::Method;
use runtime::{
    Allow, Credentials, Failure, IntoAnswer, Json, Need, Org, Path, Route, State,
    docs::{Docs, Good},
};
use wire::{Code, Dialect};

/// The route.
pub static ROUTE: Route = Route {
    name: "get-data-package",
    method: Method::GET,
    path: "/api/rest/v1/user/{userId}/mydata",
    aliases: &[],
    dialect: Dialect::Management,
    credentials: Credentials::BasicOrBearer,
    allow: Allow::AnyOf(&[Permission::PdrView]),
    errors: &[Code::PersonNotFound],
    needs: &[Need::ReadLedger, Need::ReadStores],
    summary: "Read the package of a person's data",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::json(
    200,
    "One entry for each collection of the data map",
    r#"{"id":"1284d047550bcd52bceb6350","userId":"903c1ff9-f2cc-435c-b242-9d8a690fcf0a","status":"COLLECTED","dataEntries":[{"code":"shop:customers","dataId":"138ad68089df26ae6e159925","status":"AVAILABLE","data":{"id":"138ad68089df26ae6e159925","data":"1 records"},"document":{},"backendSystemName":"shop","backendSystem":"shop","mimeType":"application/json","account":{},"updatedOn":"2026-03-02T10:00:00.000Z","dataIdAsObjectId":{"$oid":"138ad68089df26ae6e159925"}}],"collectedOn":"2026-03-02T10:00:00.000Z","collectingStartedOn":"2026-03-02T10:00:00.000Z"}"#,
)]);

/// Reads it.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    Path(user): Path<PersonId>,
) -> Result<impl IntoAnswer + Send, Failure> {
    super::package::of(&app, &tenant, user).await.map(Json)
}

endpoint!(handle);
