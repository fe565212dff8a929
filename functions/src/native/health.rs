//! `GET /lethe/v1/health`: whether the ledger can be reached.

use http::Method;
use runtime::{
    Allow, Credentials, Failure, Json, Need, Route, State,
    docs::{Docs, Good},
};
use schemars::JsonSchema;
use serde::Serialize;
use wire::{Code, Dialect};

/// The route.
pub static ROUTE: Route = Route {
    name: "get-health",
    method: Method::GET,
    path: "/lethe/v1/health",
    aliases: &[],
    dialect: Dialect::Native,
    credentials: Credentials::None,
    allow: Allow::Anyone,
    errors: &[Code::Unavailable],
    needs: &[Need::ReadLedger],
    summary: "See whether the service is up",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::json(200, "It is up", r#"{"status":"ok","version":"0.1.0"}"#)]);

/// It is up.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
pub struct Reply {
    status: &'static str,
    version: &'static str,
}

/// Asks the ledger for something that is not there.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(State(app): State) -> Result<Json<Reply>, Failure> {
    app.store().client("health").await?;
    Ok(Json(Reply { status: "ok", version: env!("CARGO_PKG_VERSION") }))
}

endpoint!(handle);
