//! `GET /lethe/v1/requests`: all requests of the tenant, newest first.
//!
//! Filters: `kind`, `door`, `status`, `person_id`, `from` and `to` (received at or after, before).
//! Pages: `limit` (50, at most 200) and `cursor`, which comes as `next_cursor` while there is more.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    Permission, PersonId, Timestamp,
    request::{Door, Kind, Request, Status},
};
use http::Method;
use runtime::{Allow, App, Credentials, Failure, Json, Need, Org, Route, State};
use serde::{Deserialize, Serialize, de::value::StrDeserializer};
use store::requests::{Cursor, Filter};
use wire::{Code, Dialect, Problem, Query, Reason, shapes::native::RequestReply, time};

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

/// A page of requests.
#[derive(Serialize)]
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
            received: Filter { from: moment(query, "from")?, to: moment(query, "to")? },
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

fn named<T: for<'de> Deserialize<'de>>(query: &Query, name: &'static str) -> Result<Option<T>, Problem> {
    let read = |text: &str| {
        T::deserialize(StrDeserializer::<serde::de::value::Error>::new(text))
            .map_err(|_| Problem::query(name, Reason::Other("is not a known value".into())))
    };
    query.one(name)?.map(read).transpose()
}

fn moment(query: &Query, name: &'static str) -> Result<Option<Timestamp>, Problem> {
    query
        .one(name)?
        .map(|text| time::read(text).ok_or_else(|| Problem::query(name, Reason::Time)))
        .transpose()
}

/// How many pages are read at most to fill one answer: a rare filter is continued by its cursor.
const PAGES: usize = 10;

/// Lists them.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(State(app): State, Org(tenant): Org, query: Query) -> Result<Json<Reply>, Failure> {
    let limit = query.number("limit", 1..=200)?.unwrap_or(50);
    let wanted = Wanted::of(&query, app.now())?;
    let cursor = query.one("cursor")?.map(read_cursor).transpose()?;
    let (requests, next) = match query.one("person_id")? {
        Some(id) => {
            let wrong =
                |error: domain::ids::IdError| Problem::query("person_id", Reason::Other(error.to_string()));
            let id: PersonId = id.parse().map_err(wrong)?;
            of_person(&app, &tenant, &id, &wanted, cursor, limit).await?
        }
        None => of_tenant(&app, &tenant, &wanted, cursor, limit).await?,
    };
    Ok(Json(Reply {
        requests: requests.into_iter().map(RequestReply::from).collect(),
        next_cursor: next.as_ref().map(write_cursor),
    }))
}

type Page = (Vec<Request>, Option<Cursor>);

async fn of_tenant(
    app: &App,
    tenant: &domain::tenant::Tenant,
    wanted: &Wanted,
    mut cursor: Option<Cursor>,
    limit: usize,
) -> Result<Page, Failure> {
    let ledger = app.ledger(tenant.org);
    let mut requests = Vec::new();
    for _ in 0..PAGES {
        let (page, next) =
            ledger.list_requests(wanted.received, cursor.as_ref(), limit - requests.len()).await?;
        requests.extend(page.into_iter().filter(|request| wanted.takes(request)));
        cursor = next;
        if cursor.is_none() || requests.len() >= limit {
            break;
        }
    }
    Ok((requests, cursor))
}

async fn of_person(
    app: &App,
    tenant: &domain::tenant::Tenant,
    id: &PersonId,
    wanted: &Wanted,
    cursor: Option<Cursor>,
    limit: usize,
) -> Result<Page, Failure> {
    let key = app.pseudonym(tenant, id).await?;
    let mut requests = app.ledger(tenant.org).requests(key).await?;
    requests.retain(|request| wanted.takes(request));
    if let Some(cursor) = cursor {
        requests.retain(|request| cursor.is_before(request));
    }
    let more = requests.len() > limit;
    requests.truncate(limit);
    let next = requests.last().filter(|_| more).map(Cursor::at);
    Ok((requests, next))
}

fn write_cursor(cursor: &Cursor) -> String {
    URL_SAFE_NO_PAD.encode(cursor.as_str())
}

fn read_cursor(text: &str) -> Result<Cursor, Problem> {
    let decoded = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let cursor = decoded.and_then(|text| Cursor::read(&text));
    cursor.ok_or_else(|| Problem::query("cursor", Reason::Other("is not a cursor of this list".into())))
}

endpoint!(handle);
