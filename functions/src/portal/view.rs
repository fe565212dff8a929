//! `GET /personal-data-view/requests`: what a person sees of themselves, once they have opened their view.
//!
//! Never shown: what the staff noted for themselves.

use domain::{request::Request, tenant::Tenant};
use http::{HeaderMap, Method, StatusCode};
use pages::portal::view::{Request as Shown, View};
use runtime::{
    Allow, Answer, Credentials, Failure, Need, Route, State, cookie,
    docs::{Docs, Good},
};
use store::{Read, links::ViewLink};
use wire::Dialect;

use super::{COOKIE, asked, receipt, status, token::ViewToken, unusable};
use crate::console::{answer_by, person::level};

/// The route.
pub static ROUTE: Route = Route {
    name: "show-own-requests",
    method: Method::GET,
    path: "/personal-data-view/requests",
    aliases: &[],
    dialect: Dialect::Page,
    credentials: Credentials::None,
    allow: Allow::Anyone,
    errors: &[],
    needs: &[Need::ReadLedger],
    summary: "Show a person their requests and what became of them",
};

/// What the OpenAPI document says of it.
static DOCS: Docs =
    Docs::answers(&[Good::page(200, "The view"), Good::page(410, "No view is open in this browser")]);

/// Shows it.
///
/// # Errors
/// None but those of every endpoint.
pub async fn handle(State(app): State, headers: HeaderMap) -> Result<Answer, Failure> {
    let ticket = cookie::read(&headers, COOKIE).and_then(|text| text.parse::<ViewToken>().ok());
    let known = ticket.and_then(|ticket| Some((app.config().tenant(ticket.org)?, ticket)));
    let Some((tenant, ticket)) = known else { return Ok(unusable()) };
    let (ledger, now) = (app.ledger(tenant.org), app.now());
    let Some(ViewLink { view: Some(open), return_uri, .. }) = ledger.view_link(ticket.person).await? else {
        return Ok(unusable());
    };
    if open.digest != ticket.digest() || open.until <= now {
        return Ok(unusable());
    }
    let requests = ledger.requests(ticket.person).await?;
    let consents = ledger.consents(ticket.person, Read::Consistent).await?.unwrap_or_default();
    let view = View {
        until: open.until,
        requests: requests
            .iter()
            .filter(|request| request.is_kept(now))
            .map(|request| shown(&tenant, request))
            .collect(),
        consents: consents
            .iter()
            .map(|consent| (level(consent.level).to_owned(), consent.created_at))
            .collect(),
        return_uri,
    };
    Ok(Answer::page(StatusCode::OK, view.page()))
}

fn shown(tenant: &Tenant, request: &Request) -> Shown {
    Shown {
        kind: asked(request.kind),
        received: request.received_at,
        deadline: request.is_open().then(|| answer_by(tenant, request)),
        status: status(request),
        answered: request
            .confirmation
            .as_ref()
            .map(|confirmation| (confirmation.at, confirmation.comment.clone())),
        takeout_until: request
            .takeout()
            .and_then(|takeout| takeout.archive.as_ref().map(|_| takeout.expires_at)),
        receipt: receipt::address(tenant.org, request.id),
    }
}

page!(super::SHOW, handle);
