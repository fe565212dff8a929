//! `GET /personal-data-view/requests/{request_id}/attachments/{attachment_id}`: a file that is a part of the
//! answer, for the person who was answered and has opened their view.

use domain::{AttachmentId, RequestId};
use http::{HeaderMap, Method};
use runtime::{
    Allow, Answer, Credentials, Failure, Need, Path, Route, State,
    docs::{Docs, Good},
};
use wire::{Code, Dialect};

use super::{handed_out, place};
use crate::portal::{is_shown, opened, unusable};

/// The route.
pub static ROUTE: Route = Route {
    name: "download-own-attachment",
    method: Method::GET,
    path: "/personal-data-view/requests/{request_id}/attachments/{attachment_id}",
    aliases: &[],
    dialect: Dialect::Page,
    credentials: Credentials::None,
    allow: Allow::Anyone,
    errors: &[Code::InvalidParameter, Code::DataNotFound],
    needs: &[Need::ReadLedger, Need::KeepAttachments],
    summary: "Hand out a file of an answer",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[
    Good::empty(303, "Where the file can be had for a few minutes"),
    Good::page(410, "No view is open in this browser"),
]);

/// Where it is.
pub(crate) fn path(request: RequestId, id: AttachmentId) -> String {
    format!("/personal-data-view/requests/{request}/attachments/{id}")
}

/// Hands it out.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    headers: HeaderMap,
    Path((request, id)): Path<(RequestId, AttachmentId)>,
) -> Result<Answer, Failure> {
    let Some(opened) = opened(&app, &headers).await? else { return Ok(unusable()) };
    let (org, person) = (opened.tenant.org, opened.person);
    let request =
        app.ledger(org).request(person, request).await?.filter(|request| request.is_kept(app.now()));
    let request = request.ok_or(Code::DataNotFound)?;
    let file = request.attachment(id).filter(|file| is_shown(&request, file));
    let state = file.ok_or(Code::DataNotFound)?.state;
    handed_out(&app, &place(org, &request, id), state).await
}

page!(super::KEEP, handle);
