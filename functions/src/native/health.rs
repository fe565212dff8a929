//! `GET /lethe/v1/health`: whether the ledger can be reached.

use http::Method;
use runtime::{Allow, Credentials, Failure, Json, Need, Route, State};
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

/// It is up.
#[derive(Serialize)]
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
