//! `GET /personal-data-view/requests`: what a person sees of themselves, once they have opened their view.
//!
//! Never shown: what the staff noted for themselves.

use domain::{request::Request, tenant::Tenant};
use http::{HeaderMap, Method, StatusCode};
use pages::portal::view::{Attached, Request as Shown, View};
use runtime::{
    Allow, Answer, Credentials, Failure, Need, Route, State,
    docs::{Docs, Good},
};
use store::Read;
use wire::Dialect;

use super::{Opened, asked, is_shown, opened, receipt, status, unusable};
use crate::{
    attachments::{download_own, size},
    console::{answer_by, person::level},
};

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
    let Some(opened) = opened(&app, &headers).await? else { return Ok(unusable()) };
    let Opened { tenant, person, until, return_uri } = opened;
    let (ledger, now) = (app.ledger(tenant.org), app.now());
    let requests = ledger.requests(person).await?;
    let consents = ledger.consents(person, Read::Consistent).await?.unwrap_or_default();
    let view = View {
        until,
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
        files: request
            .attachments
            .iter()
            .filter(|file| is_shown(request, file))
            .map(|file| Attached {
                path: download_own::path(request.id, file.id),
                label: file.label.clone().unwrap_or_else(|| "File".to_owned()),
                size: size(file.state),
            })
            .collect(),
        receipt: receipt::address(tenant.org, request.id),
    }
}

page!(super::SHOW, handle);
