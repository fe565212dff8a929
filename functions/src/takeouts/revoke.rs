//! `POST /lethe/v1/takeouts/revoke`: the person has their takeout deleted before its time.

use domain::request::Work;
use http::{Method, StatusCode};
use pages::download_takeout::Revoked;
use runtime::{
    Allow, Answer, Credentials, Failure, Need, Route, State,
    docs::{Docs, Good, Param},
};
use store::StoreError;
use wire::{Dialect, Query};

use super::access::{self, Access};

/// The route.
pub static ROUTE: Route = Route {
    name: "revoke-takeout",
    method: Method::POST,
    path: "/lethe/v1/takeouts/revoke",
    aliases: &[],
    dialect: Dialect::Native,
    credentials: Credentials::None,
    allow: Allow::Anyone,
    errors: &[],
    needs: &[Need::WriteLedger, Need::DeleteTakeouts],
    summary: "Delete a takeout before its time",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[
    Good::page(200, "Deleted"),
    Good::page(410, "The link is too old, or the takeout was deleted, or it never was"),
])
.query(&[Param::new::<String>("token", "The token of the link in the mail").example("AAAA")]);

/// Deletes it.
///
/// # Errors
/// None but those of every endpoint.
pub async fn handle(State(app): State, query: Query) -> Result<Answer, Failure> {
    let Some(Access { org, request, .. }) = access::find(&app, &query).await? else {
        return Ok(access::unusable());
    };
    let (person, id, now) = (request.person, request.id, app.now());
    // The object first: what fails after that is found by the link again.
    app.store().takeouts().remove_takeout(org, person, id).await?;
    let revoked = app
        .ledger(org)
        .amend_request(request, |request| {
            let revoked = request.takeout().cloned().and_then(|takeout| takeout.revoke(now).ok());
            Ok::<_, StoreError>(
                revoked
                    .map(|takeout| request.with_work(Work::Takeout(takeout), now).without_pending_notices()),
            )
        })
        .await?;
    Ok(match revoked {
        Some(_) => access::page(StatusCode::OK, Revoked {}.page(), ""),
        None => access::unusable(),
    })
}

endpoint!(handle);
