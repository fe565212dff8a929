//! `GET /console/requests/{request_id}/attachments/{attachment_id}/upload`: the form that sends a file to S3.
//! S3 takes one under its own name, no larger than we say, for a few minutes.

use domain::{AttachmentId, Permission, RequestId};
use http::Method;
use pages::console::{Here, upload::Upload};
use runtime::{
    Allow, Answer, Caller, Credentials, Failure, Need, Org, Path, Route, State,
    docs::{Docs, Good},
};
use wire::{Code, Dialect};

use super::place;
use crate::console::{frame, request_of, request_path};

/// The route.
pub static ROUTE: Route = Route {
    name: "show-upload",
    method: Method::GET,
    path: "/console/requests/{request_id}/attachments/{attachment_id}/upload",
    aliases: &[],
    dialect: Dialect::Page,
    credentials: Credentials::Session,
    allow: Allow::AnyOf(&[Permission::PdrConfirm]),
    errors: &[Code::InvalidParameter, Code::RequestNotFound, Code::DataNotFound],
    needs: &[Need::ReadLedger, Need::KeepAttachments],
    summary: "Show the form that takes a file",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::page(200, "The form, which is sent to the bucket")]);

/// Where it is.
pub(super) fn path(request: RequestId, id: AttachmentId) -> String {
    format!("{}/attachments/{id}/upload", request_path(request))
}

/// Shows it.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    caller: Caller,
    Path((request, id)): Path<(RequestId, AttachmentId)>,
) -> Result<Answer, Failure> {
    let request = request_of(&app, &tenant, request).await?;
    let now = app.now();
    let awaited = request.attachment(id).filter(|file| file.is_awaited() && !file.is_overdue(now));
    let awaited = awaited.ok_or(Code::DataNotFound)?;
    let next = format!("{}{}", app.config().public_url, request_path(request.id));
    let form = app.store().attachments().upload_form(&place(tenant.org, &request, id), next).await?;
    let page = Upload {
        frame: frame(&caller, Here::Requests)?,
        label: awaited.label.clone(),
        action: form.url.to_string(),
        origin: form.url.origin().ascii_serialization(),
        fields: form.fields,
        back: request_path(request.id),
    };
    Ok(Answer::page_sending_to(&form.url, page.page()))
}

page!(super::KEEP, handle);
