//! `GET /lethe/v1/holds/{hold_id}`: one hold, in force or past.

use domain::{HoldId, Permission};
use http::Method;
use runtime::{
    Allow, Credentials, Failure, Json, Need, Org, Path, Route, State,
    docs::{Docs, Good},
};
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

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::json(
    200,
    "The hold",
    r#"{"id":"019cadfd-8900-7b81-91ac-637486e9709b","kind":"legal_hold","state":"active","ground":"Art. 17(3)(e)","owner":"legal@example.com","reason":"Case 4711","review_on":"2026-09-01","review_overdue":false,"until":null,"scope":{"is_personal":true,"person_id":"903c1ff9-f2cc-435c-b242-9d8a690fcf0a"},"created_at":"2026-03-02T10:00:00.000Z","created_by":"3dabae4e-b780-43fd-84ea-804c76897b89","lifted_at":null,"lifted_by":null}"#,
)]);

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
