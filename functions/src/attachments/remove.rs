//! `POST /console/requests/{request_id}/attachments/{attachment_id}/remove`: take a file away from a request
//! that is not closed yet.

use domain::{AttachmentId, Permission, RequestId, request::Request};
use http::Method;
use runtime::{
    Allow, Answer, Credentials, Failure, Form, Need, Org, Path, Route, State,
    docs::{Docs, Good},
};
use schemars::JsonSchema;
use serde::Deserialize;
use wire::{Code, Dialect};

use super::place;
use crate::console::{request_of, request_path};

/// The route.
pub static ROUTE: Route = Route {
    name: "remove-attachment",
    method: Method::POST,
    path: "/console/requests/{request_id}/attachments/{attachment_id}/remove",
    aliases: &[],
    dialect: Dialect::Page,
    credentials: Credentials::Session,
    allow: Allow::AnyOf(&[Permission::PdrConfirm]),
    errors: &[Code::InvalidParameter, Code::RequestNotFound, Code::DataNotFound, Code::Conflict],
    needs: &[Need::WriteLedger, Need::KeepAttachments],
    summary: "Take a file away from a request",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::empty(303, "To the request")]).ask(r#"{"form_token":"7f3a"}"#);

/// The form.
#[derive(Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Ask {
    #[expect(dead_code, reason = "compared before")]
    form_token: String,
}

/// Takes it away.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    Path((request, id)): Path<(RequestId, AttachmentId)>,
    Form(_): Form<Ask>,
) -> Result<Answer, Failure> {
    let request = request_of(&app, &tenant, request).await?;
    let (path, place) = (request_path(request.id), place(tenant.org, &request, id));
    let without = |request: Request| {
        // What the person was answered stays what it was.
        if request.confirmation.is_some() {
            return Err(Failure::from(Code::Conflict));
        }
        request.without_attachment(id).map(Some).ok_or_else(|| Code::DataNotFound.into())
    };
    app.ledger(tenant.org).amend_request(request, without).await?;
    app.store().attachments().discard(&place).await?;
    Ok(Answer::see_other(path))
}

page!(super::KEEP, handle);
