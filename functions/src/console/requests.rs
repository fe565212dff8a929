//! `GET /console/requests`: all requests of the tenant, at first those that wait for somebody.

use domain::Permission;
use http::Method;
use pages::console::{Here, requests::Requests};
use runtime::{
    Allow, Answer, Caller, Credentials, Failure, Need, Org, Route, State,
    docs::{Docs, Good},
};
use wire::{Code, Dialect, Query};

use super::{
    frame,
    listing::{self, Listing},
    page, row,
};
use crate::native::paging;

/// The route.
pub static ROUTE: Route = Route {
    name: "show-requests",
    method: Method::GET,
    path: "/console/requests",
    aliases: &[],
    dialect: Dialect::Page,
    credentials: Credentials::Session,
    allow: Allow::AllOf(&[Permission::AccountView, Permission::PdrViewAll]),
    errors: &[Code::InvalidParameter],
    needs: &[Need::ReadLedger],
    summary: "Show all requests",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::page(200, "The list")]).query(&listing::PARAMS);

/// How many are on a page.
const PAGE: usize = 50;

/// Shows them.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    caller: Caller,
    query: Query,
) -> Result<Answer, Failure> {
    let listing = Listing::of(&query)?;
    let cursor = paging::cursor(&query)?;
    let is_first = cursor.is_none();
    let (requests, next) = listing.page(&app, &tenant, cursor, PAGE).await?;
    let now = app.now();
    let view = Requests {
        frame: frame(&caller, Here::Requests)?,
        filter: listing.form(),
        rows: requests.iter().map(|request| row(&tenant, request, now)).collect(),
        next: next.map(|cursor| listing.address(ROUTE.path, Some(&cursor))),
        first: (!is_first).then(|| listing.address(ROUTE.path, None)),
        export: listing.address(super::export::ROUTE.path, None),
    };
    Ok(page(view.page()))
}

page!(super::SHOW, handle);
