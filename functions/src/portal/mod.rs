//! What the persons themselves see: their view behind a one-time link (`004_e2c16d59e31fafcb.txt`), and the
//! page of a receipt.

pub mod open_view;
pub mod prove;
pub mod receipt;
pub mod token;
pub mod view;
pub mod view_link;

use std::process::ExitCode;

use chrono::TimeDelta;
use domain::{
    PersonKey, Timestamp,
    attachment::{Attachment, FileState, Purpose},
    request::{Kind, Request, Status},
    tenant::Tenant,
};
use http::{HeaderMap, StatusCode};
use pages::{
    console::{Badge, Tone},
    portal::view::Unusable,
};
use runtime::{Answer, App, Endpoint, Failure, cookie};
use store::links::ViewLink;
use token::ViewToken;

/// The Lambda of the pages that only read.
const SHOW: &str = "show-portal";
/// The Lambda of what persons do themselves.
const OPEN: &str = "record-view-opening";
/// The cookie of a view that was opened.
const COOKIE: &str = "__Host-lethe-view";
/// How long it can be looked around in.
const LIFE: TimeDelta = TimeDelta::minutes(15);

/// The Lambda `show-portal`.
pub fn show() -> ExitCode {
    runtime::serve_all(shown())
}

/// The Lambda `record-view-opening`.
pub fn open() -> ExitCode {
    runtime::serve_all(done())
}

fn done() -> Vec<Endpoint> {
    vec![open_view::endpoint(), prove::endpoint()]
}

fn shown() -> Vec<Endpoint> {
    vec![view_link::endpoint(), view::endpoint(), receipt::endpoint()]
}

#[cfg(test)]
pub(crate) fn groups() -> Vec<(&'static str, Vec<Endpoint>)> {
    vec![(SHOW, shown()), (OPEN, done())]
}

/// The answer to a link that does not work, whatever is wrong with it.
pub(crate) fn unusable() -> Answer {
    Answer::page(StatusCode::GONE, Unusable {}.page())
}

/// A view that is open in a browser.
pub(crate) struct Opened {
    pub(crate) tenant: Tenant,
    pub(crate) person: PersonKey,
    until: Timestamp,
    return_uri: Option<String>,
}

/// The view that is open in this browser, if one is.
pub(crate) async fn opened(app: &App, headers: &HeaderMap) -> Result<Option<Opened>, Failure> {
    let ticket = cookie::read(headers, COOKIE).and_then(|text| text.parse::<ViewToken>().ok());
    let known = ticket.and_then(|ticket| Some((app.config().tenant(ticket.org)?, ticket)));
    let Some((tenant, ticket)) = known else { return Ok(None) };
    let link = app.ledger(tenant.org).view_link(ticket.person).await?;
    let Some(ViewLink { view: Some(open), return_uri, .. }) = link else { return Ok(None) };
    let is_open = open.digest == ticket.digest() && app.now() < open.until;
    Ok(is_open.then_some(Opened { tenant, person: ticket.person, until: open.until, return_uri }))
}

/// Whether the person is shown a file: what they were answered with, once they were.
pub(crate) fn is_shown(request: &Request, file: &Attachment) -> bool {
    request.confirmation.is_some()
        && file.purpose == Purpose::Answer
        && matches!(file.state, FileState::Kept { .. })
}

/// What somebody asked for, as they would say it.
const fn asked(kind: Kind) -> &'static str {
    match kind {
        Kind::Access => "A copy of the data",
        Kind::Erasure => "Erasure of the data",
        Kind::Correction => "Correction of the data",
        Kind::Restriction => "Restriction of the use of the data",
    }
}

/// How a request stands, as its person is told.
fn status(request: &Request) -> Badge {
    match request.status() {
        Status::Open | Status::InProgress | Status::Held => Badge::new(Tone::Busy, "being dealt with"),
        Status::Completed => Badge::new(Tone::Good, "done"),
        Status::Failed => Badge::new(Tone::Soon, "delayed"),
        Status::Cancelled => Badge::new(Tone::Plain, "called off"),
    }
}
