//! `GET /console/requests/{request_id}/attachments/{attachment_id}`: a file of a request, for the staff.

use domain::{AttachmentId, Permission, RequestId};
use http::Method;
use runtime::{
    Allow, Answer, Credentials, Failure, Need, Org, Path, Route, State,
    docs::{Docs, Good},
};
use wire::{Code, Dialect};

use super::{handed_out, place};
use crate::console::request_of;

/// The route.
pub static ROUTE: Route = Route {
    name: "download-attachment",
    method: Method::GET,
    path: "/console/requests/{request_id}/attachments/{attachment_id}",
    aliases: &[],
    dialect: Dialect::Page,
    credentials: Credentials::Session,
    allow: Allow::AnyOf(&[Permission::PdrView, Permission::PdrViewAll]),
    errors: &[Code::InvalidParameter, Code::RequestNotFound, Code::DataNotFound],
    needs: &[Need::ReadLedger, Need::KeepAttachments],
    summary: "Hand out a file of a request",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::empty(303, "Where the file can be had for a few minutes")]);

/// Hands it out.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    Path((request, id)): Path<(RequestId, AttachmentId)>,
) -> Result<Answer, Failure> {
    let request = request_of(&app, &tenant, request).await?;
    let file = request.attachment(id).ok_or(Code::DataNotFound)?;
    handed_out(&app, &place(tenant.org, &request, id), file.state).await
}

page!(super::KEEP, handle);
