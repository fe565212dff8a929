//! `POST /lethe/v1/takeouts/download`: the person fetches their takeout with the link in the mail.
//!
//! It is counted, and answered with a link into the bucket that works for five minutes.

use http::{Method, StatusCode};
use runtime::{
    Allow, Answer, Credentials, Failure, Need, Route, State,
    docs::{Docs, Good, Param},
};
use wire::{Dialect, Query};

use super::access::{self, Access};

/// The route.
pub static ROUTE: Route = Route {
    name: "fetch-takeout",
    method: Method::POST,
    path: "/lethe/v1/takeouts/download",
    aliases: &[],
    dialect: Dialect::Native,
    credentials: Credentials::None,
    allow: Allow::Anyone,
    errors: &[],
    needs: &[Need::WriteLedger, Need::ReadTakeouts],
    summary: "Download a takeout with the link in the mail",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[
    Good::empty(303, "`Location` is where the archive can be had for five minutes"),
    Good::page(410, "The link is too old, or the takeout was deleted, or it never was"),
])
.query(&[Param::new::<String>("token", "The token of the link in the mail").example("AAAA")]);

/// Gives it out.
///
/// # Errors
/// None but those of every endpoint.
pub async fn handle(State(app): State, query: Query) -> Result<Answer, Failure> {
    let Some(Access { org, request, .. }) = access::find(&app, &query).await? else {
        return Ok(access::unusable());
    };
    let Some(archive) = super::count(&app, org, request).await? else { return Ok(access::unusable()) };
    let link = app.store().takeouts().link(&archive.key, super::file_name(&archive)).await?;
    Ok(Answer {
        status: StatusCode::SEE_OTHER,
        headers: vec![("location", link), ("referrer-policy", "no-referrer".to_owned())],
        ..Answer::default()
    })
}

endpoint!(handle);
