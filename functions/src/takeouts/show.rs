//! `GET /lethe/v1/takeouts/download`: the page behind the link in the mail that a takeout is ready.
//!
//! It shows what is needed to open the archive, and buttons. It changes nothing and gives nothing out: mail
//! scanners open links.

use http::{Method, StatusCode};
use pages::download_takeout::Download;
use runtime::{
    Allow, Answer, Credentials, Failure, Need, Route, State,
    docs::{Docs, Good, Param},
};
use wire::{Dialect, Query};

use super::access::{self, Access};

/// The route.
pub static ROUTE: Route = Route {
    name: "show-takeout",
    method: Method::GET,
    path: "/lethe/v1/takeouts/download",
    aliases: &[],
    dialect: Dialect::Native,
    credentials: Credentials::None,
    allow: Allow::Anyone,
    errors: &[],
    needs: &[Need::ReadLedger, Need::ReadTakeouts],
    summary: "Show the page from which a takeout is downloaded",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[
    Good::page(200, "A page with buttons, and with programs that open the archive"),
    Good::page(410, "The link is too old, or the takeout was deleted, or it never was"),
])
.query(&[Param::new::<String>("token", "The token of the link in the mail").example("AAAA")]);

/// Shows it.
///
/// # Errors
/// None but those of every endpoint.
pub async fn handle(State(app): State, query: Query) -> Result<Answer, Failure> {
    let Some(Access { request, archive, token, .. }) = access::find(&app, &query).await? else {
        return Ok(access::unusable());
    };
    // The button leads to the bucket in the end, which the page must allow.
    let link = app.store().takeouts().link(&archive.key, super::file_name(&archive)).await?;
    let bucket = access::origin(&link);
    let page = Download {
        download: &format!("?token={token}"),
        revoke: &format!("revoke?token={token}"),
        bucket: &bucket,
        is_age: archive.key.ends_with(".age"),
        size: archive.size,
        sha256: &archive.sha256,
        expires: request.takeout().map_or(request.changed_at, |takeout| takeout.expires_at),
    };
    Ok(access::page(StatusCode::OK, page.page(), &bucket))
}

endpoint!(handle);
