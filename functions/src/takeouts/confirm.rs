//! `POST /lethe/v1/takeouts/confirm`: the person agrees, at their verified address, that a takeout
//! goes to another.
//!
//! Used, expired, made-up and foreign tokens get one and the same page.

use domain::request::Work;
use http::{Method, StatusCode};
use pages::confirm_takeout::{Confirmed, Unusable};
use runtime::{
    Allow, Answer, App, Credentials, Failure, Need, Route, State,
    docs::{Docs, Good, Param},
    queues::{Job, Queue},
};
use store::StoreError;
use wire::{Dialect, Query};

use super::link::{self, Token};

/// The route.
pub static ROUTE: Route = Route {
    name: "confirm-takeout",
    method: Method::POST,
    path: "/lethe/v1/takeouts/confirm",
    aliases: &[],
    dialect: Dialect::Native,
    credentials: Credentials::None,
    allow: Allow::Anyone,
    errors: &[],
    needs: &[Need::WriteLedger, Need::QueueTakeouts],
    summary: "Confirm where a takeout goes",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[
    Good::page(200, "Confirmed"),
    Good::page(410, "The link was used, has expired, or never worked"),
])
.query(&[Param::new::<String>("token", "The token of the link in the mail").example("AAAA")]);

/// Confirms it.
///
/// # Errors
/// None but those of every endpoint.
pub async fn handle(State(app): State, query: Query) -> Result<Answer, Failure> {
    let token = query.one("token")?.and_then(|text| text.parse().ok());
    let confirmed = match token {
        Some(token) => confirm(&app, &token).await?,
        None => false,
    };
    Ok(if confirmed {
        page(StatusCode::OK, Confirmed {}.page())
    } else {
        page(StatusCode::GONE, Unusable {}.page())
    })
}

async fn confirm(app: &App, token: &Token) -> Result<bool, Failure> {
    if app.config().tenant(token.org).is_none() {
        return Ok(false);
    }
    let ledger = app.ledger(token.org);
    let Some(request) = ledger.request(token.person, token.request).await? else { return Ok(false) };
    let Some(takeout) = request.takeout().cloned() else { return Ok(false) };
    if takeout.confirmation != Some(link::digest(&token.secret)) {
        return Ok(false);
    }
    let now = app.now();
    let Ok(takeout) = takeout.confirm(now) else { return Ok(false) };
    match ledger.put_request(&request.with_work(Work::Takeout(takeout), now)).await {
        Ok(()) => {}
        // Somebody clicked at the same moment: one click counts.
        Err(StoreError::Conflict) => return Ok(false),
        Err(error) => return Err(error.into()),
    }
    app.nudge(Queue::Takeouts, Job { org: token.org, person: token.person, request: Some(token.request) })
        .await;
    Ok(true)
}

/// A page, with the headers that keep it and its address to itself.
pub(crate) fn page(status: StatusCode, html: String) -> Answer {
    Answer {
        status,
        content_type: Some("text/html; charset=utf-8".to_owned()),
        headers: vec![
            (
                "content-security-policy",
                "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
                    .to_owned(),
            ),
            ("referrer-policy", "no-referrer".to_owned()),
        ],
        body: html.into(),
    }
}

endpoint!(handle);
