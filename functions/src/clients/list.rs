//! `GET /lethe/v1/clients`: the programs that may sign in with a secret.

use domain::Permission;
use http::Method;
use runtime::{
    Allow, Credentials, Failure, Json, Need, Org, Route, State,
    docs::{Docs, Good},
};
use schemars::JsonSchema;
use serde::Serialize;
use wire::Dialect;

use super::ClientReply;

/// The route.
pub static ROUTE: Route = Route {
    name: "list-clients",
    method: Method::GET,
    path: "/lethe/v1/clients",
    aliases: &[],
    dialect: Dialect::Native,
    credentials: Credentials::BasicOrBearer,
    allow: Allow::AnyOf(&[Permission::ClientsWrite]),
    errors: &[],
    needs: &[Need::ReadLedger],
    summary: "List the programs that may sign in",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::json(
    200,
    "All of them",
    r#"{"clients":[{"client_id":"c019cadfd89007b8191ac637486e9709b","grants":["consent:gdpr:read"]}]}"#,
)]);

/// The clients of a tenant.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
pub struct Reply {
    clients: Vec<ClientReply>,
}

/// Lists them.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(State(app): State, Org(tenant): Org) -> Result<Json<Reply>, Failure> {
    let clients = app.ledger(tenant.org).clients().await?;
    Ok(Json(Reply { clients: clients.into_iter().map(ClientReply::from).collect() }))
}

endpoint!(handle);
