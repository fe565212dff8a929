//! `GET /lethe/v1/holds`: all holds of the tenant, newest first.
//!
//! Filters: `person_id`, `state` (`active`, `ended`, `lifted`), `review_overdue`. Pages: `limit` (50,
//! at most 200) and `cursor`, which comes as `next_cursor` while there is more.

use domain::{Permission, PersonId, Timestamp, hold::Hold};
use http::Method;
use runtime::{
    Allow, Credentials, Failure, Json, Need, Org, Route, State,
    docs::{Docs, Good, Param},
};
use schemars::JsonSchema;
use serde::Serialize;
use store::list::Cursor;
use wire::{
    Code, Dialect, Problem, Query,
    shapes::native::{HoldReply, HoldState},
};

use crate::native::paging;

/// The route.
pub static ROUTE: Route = Route {
    name: "list-holds",
    method: Method::GET,
    path: "/lethe/v1/holds",
    aliases: &[],
    dialect: Dialect::Native,
    credentials: Credentials::BasicOrBearer,
    allow: Allow::AnyOf(&[Permission::HoldsRead, Permission::HoldsWrite]),
    errors: &[Code::InvalidParameter],
    needs: &[Need::ReadLedger],
    summary: "List holds",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::json(200, "A page of holds, newest first", r#"{"holds":[{"id":"019cadfd-8900-7b81-91ac-637486e9709b","kind":"legal_hold","state":"active","ground":"Art. 17(3)(e)","owner":"legal@example.com","reason":"Case 4711","review_on":"2026-09-01","review_overdue":false,"until":null,"scope":{"is_personal":true,"person_id":"903c1ff9-f2cc-435c-b242-9d8a690fcf0a"},"created_at":"2026-03-02T10:00:00.000Z","created_by":"3dabae4e-b780-43fd-84ea-804c76897b89","lifted_at":null,"lifted_by":null}],"next_cursor":null}"#)])
    .query(&[
        Param::new::<PersonId>("person_id", "Only those on this person's data"),
        Param::new::<HoldState>("state", "Only those that stand so"),
        Param::new::<bool>("review_overdue", "Only those that somebody should have looked at"),
        Param::new::<u32>("limit", "How many at most: 1 to 200, and 50 if not said"),
        Param::new::<String>("cursor", "Where to go on: the `next_cursor` of the page before"),
    ]);

/// A page of holds.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
pub struct Reply {
    holds: Vec<HoldReply>,
    next_cursor: Option<String>,
}

/// What is wanted of a hold.
struct Wanted {
    state: Option<HoldState>,
    review_overdue: bool,
    now: Timestamp,
}

impl Wanted {
    fn of(query: &Query, now: Timestamp) -> Result<Self, Problem> {
        let (state, review_overdue) = (paging::named(query, "state")?, query.flag("review_overdue")?);
        Ok(Self { state, review_overdue, now })
    }

    fn takes(&self, hold: &Hold) -> bool {
        self.state.is_none_or(|state| HoldState::of(hold, self.now) == state)
            && (!self.review_overdue || hold.is_review_overdue(self.now))
            && hold.is_kept(self.now)
    }
}

/// Lists them.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(State(app): State, Org(tenant): Org, query: Query) -> Result<Json<Reply>, Failure> {
    let (limit, cursor) = (paging::limit(&query)?, paging::cursor(&query)?);
    let wanted = Wanted::of(&query, app.now())?;
    let ledger = app.ledger(tenant.org);
    let (holds, next) = match paging::person(&query)? {
        Some(id) => {
            let mut holds = ledger.holds_on(ledger.key_of(&id).await?).await?;
            holds.retain(|hold| wanted.takes(hold));
            paging::cut(holds, cursor.as_ref(), limit)
        }
        None => {
            let read = |cursor: Option<Cursor>, limit| async move {
                ledger.list_holds(cursor.as_ref(), limit).await
            };
            paging::fill(cursor, limit, |hold| wanted.takes(hold), read).await?
        }
    };
    let reply = |hold| HoldReply::of(hold, wanted.now);
    Ok(Json(Reply {
        holds: holds.into_iter().map(reply).collect(),
        next_cursor: next.as_ref().map(paging::written),
    }))
}

endpoint!(handle);
