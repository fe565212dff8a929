//! `GET /lethe/v1/holds/{hold_id}`: one hold, in force or past.

use domain::{HoldId, Permission};
use http::Method;
use runtime::{Allow, Credentials, Failure, Json, Need, Org, Path, Route, State};
use wire::{Code, Dialect, shapes::native::HoldReply};

/// The route.
pub static ROUTE: Route = Route {
    name: "get-hold",
    method: Method::GET,
    path: "/lethe/v1/holds/{hold_id}",
    aliases: &[],
    dialect: Dialect::Native,
    credentials: Credentials::BasicOrBearer,
    allow: Allow::AnyOf(&[Permission::HoldsRead, Permission::HoldsWrite]),
    errors: &[Code::InvalidParameter, Code::HoldNotFound],
    needs: &[Need::ReadLedger],
    summary: "Read one hold",
};

/// Reads it.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    Path(id): Path<HoldId>,
) -> Result<Json<HoldReply>, Failure> {
    let hold = super::find(&app, app.ledger(tenant.org), id).await?;
    Ok(Json(HoldReply::of(hold, app.now())))
}

endpoint!(handle);
