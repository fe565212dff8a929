//! `GET /lethe/v1/audit`: the log of the audit, segment by segment.
//!
//! A segment is handed out as it was written and signed, so that whoever has them all can verify them without us.
//! `from` is the number of an entry, counted from zero; the segment with it comes, and `next` where to go on.

use domain::{Permission, audit::Segment};
use http::Method;
use runtime::{
    Allow, Credentials, Failure, Json, Need, Org, Route, State,
    docs::{Docs, Good, Param},
};
use schemars::JsonSchema;
use serde::Serialize;
use wire::{Code, Dialect, Query};

/// The route.
pub static ROUTE: Route = Route {
    name: "get-audit",
    method: Method::GET,
    path: "/lethe/v1/audit",
    aliases: &[],
    dialect: Dialect::Native,
    credentials: Credentials::BasicOrBearer,
    allow: Allow::AnyOf(&[Permission::AuditRead]),
    errors: &[Code::InvalidParameter],
    needs: &[Need::ReadLedger, Need::ReadAudit],
    summary: "Read the log of the audit",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::json(
    200,
    "The segment with that entry, if the log has come so far",
    r#"{"segment":{"before":{"size":0,"peaks":[]},"entries":[{"subject":"00112233445566778899","record":"C#0000000001","version":null,"at":"2026-03-02T10:00:00Z","commitment":"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4","previous":"0000000000000000000000000000000000000000000000000000000000000000"}],"root":"eyJhbGciOiJFZERTQSJ9.e30.c2ln"},"next":1}"#,
)])
.query(&[
    Param::new::<u64>("from", "The number of an entry, counted from zero; the first if not said"),
    Param::new::<u64>("to", "Nothing from this entry on"),
]);

/// A segment.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
pub struct Reply {
    /// With the entry that was asked for.
    segment: Option<Segment>,
    /// Where the next begins, while there is more to be read.
    next: Option<u64>,
}

/// The numbers that entries may have: beyond what any log has, and within what every reader of JSON can count.
const NUMBERS: std::ops::RangeInclusive<u64> = 0..=(1 << 53);

/// Reads it.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(State(app): State, Org(tenant): Org, query: Query) -> Result<Json<Reply>, Failure> {
    let from = query.number("from", NUMBERS)?.unwrap_or_default();
    let to = query.number("to", NUMBERS)?.unwrap_or(*NUMBERS.end());
    let segment = if from < to { app.ledger(tenant.org).segment(from).await? } else { None };
    let next = segment.as_ref().map(|segment| segment.edge().size()).filter(|next| *next < to);
    Ok(Json(Reply { segment, next }))
}

endpoint!(handle);
