//! `GET /lethe/v1/requests`: all requests of the tenant, newest first.
//!
//! Filters: `kind`, `door`, `status`, `person_id`, `from` and `to` (received at or after, before).
//! Pages: `limit` (50, at most 200) and `cursor`, which comes as `next_cursor` while there is more.

use domain::{
    Permission, PersonId, Timestamp,
    request::{Door, Kind, Request, Status},
    tenant::Tenant,
};
use http::Method;
use runtime::{
    Allow, App, Credentials, Failure, Json, Need, Org, Route, State,
    docs::{Docs, Good, Param},
};
use schemars::JsonSchema;
use serde::Serialize;
use store::list::{Cursor, Filter};
use wire::{Code, Dialect, Problem, Query, shapes::native::RequestReply, time::Time};

use super::paging::{self, Page, named};

/// The route.
pub static ROUTE: Route = Route {
    name: "list-requests",
    method: Method::GET,
    path: "/lethe/v1/requests",
    aliases: &[],
    dialect: Dialect::Native,
    credentials: Credentials::BasicOrBearer,
    allow: Allow::AnyOf(&[Permission::RequestsRead]),
    errors: &[Code::InvalidParameter],
    needs: &[Need::ReadLedger],
    summary: "List all requests",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::json(200, "A page of requests, newest first", r#"{"requests":[{"id":"019cadfd-8900-7e1a-a6d4-9634d4fed270","kind":"erasure","door":"rallyhere","status":"in_progress","person_id":"903c1ff9-f2cc-435c-b242-9d8a690fcf0a","received_at":"2026-03-02T10:00:00.000Z","changed_at":"2026-03-02T10:00:00.000Z","remarks":null,"purge":{"state":"queued","due":"2026-03-09T10:00:00.000Z","attempts":0,"stores":[]}}],"next_cursor":null}"#)])
    .query(&[
        Param::new::<PersonId>("person_id", "Only those of this person"),
        Param::new::<Kind>("kind", "Only those of this kind"),
        Param::new::<Door>("door", "Only those of this door"),
        Param::new::<Status>("status", "Only those that stand so"),
        Param::new::<Time>("from", "Only those received at or after"),
        Param::new::<Time>("to", "Only those received before"),
        Param::new::<u32>("limit", "How many at most: 1 to 200, and 50 if not said"),
        Param::new::<String>("cursor", "Where to go on: the `next_cursor` of the page before"),
    ]);

/// A page of requests.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
pub struct Reply {
    requests: Vec<RequestReply>,
    next_cursor: Option<String>,
}

/// What is wanted of a request.
struct Wanted {
    kind: Option<Kind>,
    door: Option<Door>,
    status: Option<Status>,
    received: Filter,
    now: Timestamp,
}

impl Wanted {
    fn of(query: &Query, now: Timestamp) -> Result<Self, Problem> {
        Ok(Self {
            kind: named(query, "kind")?,
            door: named(query, "door")?,
            status: named(query, "status")?,
            received: Filter { from: paging::moment(query, "from")?, to: paging::moment(query, "to")? },
            now,
        })
    }

    fn takes(&self, request: &Request) -> bool {
        self.kind.is_none_or(|kind| request.kind == kind)
            && self.door.is_none_or(|door| request.door == door)
            && self.status.is_none_or(|status| request.status() == status)
            && self.received.from.is_none_or(|from| from <= request.received_at)
            && self.received.to.is_none_or(|to| request.received_at < to)
            && request.is_kept(self.now)
    }
}

/// Lists them.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(State(app): State, Org(tenant): Org, query: Query) -> Result<Json<Reply>, Failure> {
    let limit = paging::limit(&query)?;
    let wanted = Wanted::of(&query, app.now())?;
    let cursor = paging::cursor(&query)?;
    let (requests, next) = match paging::person(&query)? {
        Some(id) => of_person(&app, &tenant, &id, &wanted, cursor, limit).await?,
        None => {
            let ledger = app.ledger(tenant.org);
            let read = |cursor: Option<Cursor>, limit| async move {
                ledger.list_requests(wanted.received, cursor.as_ref(), limit).await
            };
            paging::fill(cursor, limit, |request| wanted.takes(request), read).await?
        }
    };
    Ok(Json(Reply {
        requests: requests.into_iter().map(RequestReply::from).collect(),
        next_cursor: next.as_ref().map(paging::written),
    }))
}

async fn of_person(
    app: &App,
    tenant: &Tenant,
    id: &PersonId,
    wanted: &Wanted,
    cursor: Option<Cursor>,
    limit: usize,
) -> Result<Page<Request>, Failure> {
    let key = app.pseudonym(tenant, id).await?;
    let mut requests = app.ledger(tenant.org).requests(key).await?;
    requests.retain(|request| wanted.takes(request));
    Ok(paging::cut(requests, cursor.as_ref(), limit))
}

endpoint!(handle);
