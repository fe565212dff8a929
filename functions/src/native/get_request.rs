//! `GET /lethe/v1/requests/{request_id}`: one request, whatever its kind and door.

use domain::{Permission, RequestId};
use http::Method;
use runtime::{
    Allow, Credentials, Failure, Json, Need, Org, Path, Route, State,
    docs::{Docs, Good},
};
use wire::{Code, Dialect, shapes::native::RequestReply};

use crate::certificates;

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

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::json(
    200,
    "The request",
    r#"{"id":"019cadfd-8900-7e1a-a6d4-9634d4fed270","kind":"erasure","door":"rallyhere","status":"in_progress","person_id":"903c1ff9-f2cc-435c-b242-9d8a690fcf0a","received_at":"2026-03-02T10:00:00.000Z","changed_at":"2026-03-02T10:00:00.000Z","remarks":null,"purge":{"state":"queued","due":"2026-03-09T10:00:00.000Z","attempts":0,"stores":[]}}"#,
)]);

/// Reads it.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    Path(id): Path<RequestId>,
) -> Result<Json<RequestReply>, Failure> {
    let (ledger, now) = (app.ledger(tenant.org), app.now());
    let request = ledger.request_of_anyone(id).await?;
    let request = request.filter(|request| request.is_kept(now)).ok_or(Code::RequestNotFound)?;
    let bars = ledger.bars(request.person, now).await?;
    let certificate = certificates::link(&app, &tenant, &request).await?;
    Ok(Json(RequestReply::from(request).held_by(&bars).certified(certificate)))
}

endpoint!(handle);
