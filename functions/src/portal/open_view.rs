//! `POST /personal-data-view`: the button behind a one-time link. It uses the link, and opens the view for a
//! quarter of an hour in this browser.

use http::Method;
use runtime::{
    Allow, Answer, App, Credentials, Failure, Limited, Need, Route, Source, State, cookie,
    docs::{Docs, Good, Param},
};
use store::{
    StoreError,
    links::{OpenView, ViewLink},
};
use wire::{Code, Dialect, Query};

use super::{COOKIE, LIFE, token::ViewToken, unusable, view};

/// The route.
pub static ROUTE: Route = Route {
    name: "record-view-opening",
    method: Method::POST,
    path: "/personal-data-view",
    aliases: &[],
    dialect: Dialect::Page,
    credentials: Credentials::None,
    allow: Allow::Anyone,
    errors: &[Code::TooManyRequests],
    needs: &[Need::WriteLedger],
    summary: "Open a personal data view by its one-time link",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[
    Good::empty(303, "To the view"),
    Good::page(410, "The link was used, has expired, was replaced, or never worked"),
])
.query(&[Param::new::<String>("ssdt", "The token of the link").example("AAAA")]);

/// Opens it.
///
/// # Errors
/// None but those of every endpoint.
pub async fn handle(State(app): State, source: Source, query: Query) -> Result<Answer, Failure> {
    let token = query.all("ssdt").next().and_then(|text| text.parse::<ViewToken>().ok());
    let opened = match token {
        Some(token) if app.config().tenant(token.org).is_some() => open(&app, &token, &source).await?,
        Some(_) => None,
        None => None,
    };
    let Some(ticket) = opened else { return Ok(unusable()) };
    Ok(Answer::see_other(view::ROUTE.path).with_cookie(cookie::made(COOKIE, &ticket.to_string(), LIFE)))
}

/// What the cookie of the view holds, if the link works: of many who press the button at once, one wins.
async fn open(app: &App, token: &ViewToken, source: &Source) -> Result<Option<ViewToken>, Failure> {
    let (ledger, now) = (app.ledger(token.org), app.now());
    let is_meant = |link: &ViewLink| link.digest == token.digest();
    let Some(link) = ledger.view_link(token.person).await?.filter(is_meant) else {
        // Whoever comes once more with what was a link costs a read, and so would a refusal.
        app.limit_source(token.org, Limited::OpenView, source).await?;
        return Ok(None);
    };
    if link.used_at.is_some() || link.expires_at <= now {
        return Ok(None);
    }
    let ticket = ViewToken { org: token.org, person: token.person, secret: app.entropy().bytes() };
    let view = OpenView { digest: ticket.digest(), until: now + LIFE };
    match ledger.use_view_link(token.person, &link, view, now).await {
        Ok(()) => Ok(Some(ticket)),
        Err(StoreError::Conflict) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

page!(super::OPEN, handle);
