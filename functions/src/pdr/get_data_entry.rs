//! `GET /api/rest/v1/user/{userId}/mydata/{dataId}`: one entry of the package.

use domain::{Permission, PersonId, row::Row};
use http::Method;
use runtime::{
    Allow, Credentials, Failure, Json, Need, Org, Path, Route, State,
    docs::{Docs, Good},
};
use wire::{Code, Dialect};

/// The route.
pub static ROUTE: Route = Route {
    name: "get-data-entry",
    method: Method::GET,
    path: "/api/rest/v1/user/{userId}/mydata/{dataId}",
    aliases: &[],
    dialect: Dialect::Management,
    credentials: Credentials::BasicOrBearer,
    allow: Allow::AnyOf(&[Permission::PdrView]),
    errors: &[Code::PersonNotFound, Code::DataNotFound],
    needs: &[Need::ReadLedger, Need::ReadStores],
    summary: "Read one entry of a person's data",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::json(
    200,
    "The rows of the entry",
    r#"[{"id":1,"email":"alice@example.com","name":"Alice"}]"#,
)]);

/// Reads it.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    Path((user, data)): Path<(PersonId, String)>,
) -> Result<Json<Vec<Row>>, Failure> {
    super::package::entry(&app, &tenant, &user, &data).await.map(Json)
}

endpoint!(handle);
