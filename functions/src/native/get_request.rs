//! `GET /lethe/v1/requests/{request_id}`: one request, whatever its kind and door.

use domain::{Permission, RequestId};
use http::Method;
use runtime::{Allow, Credentials, Failure, Json, Need, Org, Path, Route, State};
use wire::{Code, Dialect, shapes::native::RequestReply};

/// The route.
pub static ROUTE: Route = Route {
    name: "get-request",
    method: Method::GET,
    path: "/lethe/v1/requests/{request_id}",
    aliases: &[],
    dialect: Dialect::Native,
    credentials: Credentials::BasicOrBearer,
    allow: Allow::AnyOf(&[Permission::RequestsRead]),
    errors: &[Code::InvalidParameter, Code::RequestNotFound],
    needs: &[Need::ReadLedger],
    summary: "Read one request",
};

/// Reads it.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    Path(id): Path<RequestId>,
) -> Result<Json<RequestReply>, Failure> {
    let request = app.ledger(tenant.org).request_of_anyone(id).await?;
    let request = request.filter(|request| request.is_kept(app.now())).ok_or(Code::RequestNotFound)?;
    Ok(Json(request.into()))
}

endpoint!(handle);
