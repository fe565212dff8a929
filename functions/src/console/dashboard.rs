//! `GET /console`: what is due, what waits for somebody, what is under way, how much there is.

use chrono::{NaiveTime, TimeDelta};
use domain::{
    Permission, Timestamp,
    purge::PurgeState,
    request::{Attention, Request},
    takeout::TakeoutState,
    tenant::Tenant,
};
use futures_util::future::try_join3;
use http::Method;
use pages::console::{
    Here,
    dashboard::{Coming, Dashboard, Figure, Plot, Work},
};
use runtime::{
    Allow, Answer, App, Caller, Credentials, Failure, Need, Org, Route, State,
    docs::{Docs, Good},
};
use store::list::{Filter, Order};
use wire::Dialect;

use super::{frame, page, request_path, row, status_of};

/// The route.
pub static ROUTE: Route = Route {
    name: "show-dashboard",
    method: Method::GET,
    path: "/console",
    aliases: &[],
    dialect: Dialect::Page,
    credentials: Credentials::Session,
    allow: Allow::Anyone,
    errors: &[],
    needs: &[Need::ReadLedger],
    summary: "Show what there is to do",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::page(200, "The overview")]);

/// How many waiting requests are looked at, and how many of them shown.
const LOOKED_AT: usize = 100;
const SHOWN: usize = 10;
/// How many requests are counted for the plot at most: reading their places costs a unit for each 40.
const COUNTED: usize = 1000;
/// How far the plot goes back.
const PAST: i64 = 30;
/// How far it is looked ahead for purges.
const AHEAD: TimeDelta = TimeDelta::days(7);

/// Shows it.
///
/// # Errors
/// None but those of every endpoint.
pub async fn handle(State(app): State, Org(tenant): Org, caller: Caller) -> Result<Answer, Failure> {
    let frame = frame(&caller, Here::Overview)?;
    let work = if frame.sees_requests { Some(work(&app, &tenant).await?) } else { None };
    let may = |permission| caller.grants.allow(permission);
    let may_make = may(Permission::AccountView) && may(Permission::PdrModify);
    Ok(page(Dashboard { frame, work, may_make }.page()))
}

async fn work(app: &App, tenant: &Tenant) -> Result<Work, Failure> {
    let (ledger, now) = (app.ledger(tenant.org), app.now());
    let today = now.date_naive();
    let first_day = today - TimeDelta::days(PAST - 1);
    let all = Filter::default();
    let ((waiting, more), (newest, _), by_day) = try_join3(
        ledger.page_of_requests(Order::Due, all, None, LOOKED_AT, true),
        ledger.page_of_requests(Order::Newest, all, None, LOOKED_AT, false),
        ledger.received_by_day(first_day.and_time(NaiveTime::MIN).and_utc(), COUNTED),
    )
    .await?;
    let purges = purges(app, tenant, now).await?;
    // The index knows the usual law; this tenant may live under another.
    let mut waiting: Vec<Request> = waiting.into_iter().filter(Request::awaits_staff).collect();
    waiting.sort_by_key(|request| request.deadline(&tenant.law).ends_at);
    let left = |request: &&Request| request.deadline(&tenant.law).ends_at - now;
    let overdue = waiting.iter().filter(|request| left(request) <= TimeDelta::zero()).count();
    let soon = waiting.iter().filter(|request| left(request) <= TimeDelta::days(8)).count() - overdue;
    let is_collecting = |request: &&Request| {
        request.takeout().is_some_and(|takeout| takeout.state == TakeoutState::InProgress)
    };
    let takeouts: Vec<Coming> =
        newest.iter().filter(is_collecting).map(|request| coming(request, request.received_at)).collect();
    let counted: usize = by_day.values().sum();
    let figure = |value: usize, what, class, path| {
        let is_cut = more.is_some() && value >= waiting.len();
        let value = if is_cut { format!("{value}+") } else { value.to_string() };
        Figure { value, what, class, path }
    };
    let class = |count: usize, name| if count == 0 { "plain" } else { name };
    Ok(Work {
        figures: vec![
            figure(overdue, "overdue", class(overdue, "late"), "/console/requests?due=overdue"),
            figure(soon, "due within 7 days", class(soon, "soon"), "/console/requests?due=soon"),
            figure(waiting.len(), "wait for somebody", "plain", "/console/requests"),
            Figure {
                value: purges.len().to_string(),
                what: "purges within 7 days",
                class: "plain",
                path: "/console/requests?status=all&kind=erasure",
            },
            Figure {
                value: takeouts.len().to_string(),
                what: "takeouts in progress",
                class: "plain",
                path: "/console/requests?status=all&kind=access",
            },
        ],
        is_more: more.is_some() || waiting.len() > SHOWN,
        waiting: waiting.iter().take(SHOWN).map(|request| row(tenant, request, now)).collect(),
        purges: purges.into_iter().take(SHOWN).collect(),
        takeouts: takeouts.into_iter().take(SHOWN).collect(),
        volume: Plot {
            days: first_day
                .iter_days()
                .take_while(|day| *day <= today)
                .map(|day| (day, by_day.get(&day).copied().unwrap_or_default()))
                .collect(),
            is_cut: counted >= COUNTED,
        },
    })
}

/// The purges of the tenant that are due in the next days, the next first.
async fn purges(app: &App, tenant: &Tenant, now: Timestamp) -> Result<Vec<Coming>, Failure> {
    let due = app.ledger(tenant.org).due_until(Attention::Purge, now + AHEAD, LOOKED_AT).await?;
    let erasures = app.store().erasures(&due).await?;
    let mut coming: Vec<Coming> = erasures
        .iter()
        .filter_map(|request| {
            let purge = request.purge()?;
            (purge.state == PurgeState::Queued).then(|| self::coming(request, purge.due))
        })
        .collect();
    coming.sort_by_key(|one| one.at);
    Ok(coming)
}

fn coming(request: &Request, at: Timestamp) -> Coming {
    Coming {
        path: request_path(request.id),
        person: request.person.to_string(),
        at,
        status: status_of(request),
    }
}

page!(super::SHOW, handle);
