//! `GET /lethe/v1/holds`: all holds of the tenant, newest first.
//!
//! Filters: `person_id`, `state` (`active`, `ended`, `lifted`), `review_overdue`. Pages: `limit` (50,
//! at most 200) and `cursor`, which comes as `next_cursor` while there is more.

use domain::{Permission, Timestamp, hold::Hold};
use http::Method;
use runtime::{Allow, Credentials, Failure, Json, Need, Org, Route, State};
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

/// A page of holds.
#[derive(Serialize)]
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
