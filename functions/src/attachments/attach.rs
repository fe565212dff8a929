//! `POST /console/requests/{request_id}/attachments`: begin to attach a file to a request. What it is called
//! and for is said here; the file itself goes to S3 directly, by a form of its own.

use domain::{
    AttachmentId, Permission, RequestId,
    attachment::{Attachment, FileState, Purpose},
    request::Request,
};
use http::Method;
use runtime::{
    Allow, Answer, Caller, Credentials, Failure, Form, Need, Org, Path, Route, State,
    docs::{Docs, Good},
};
use schemars::JsonSchema;
use serde::Deserialize;
use wire::{Code, Dialect, Problem, Reason};

use super::upload;
use crate::console::request_of;

/// The route.
pub static ROUTE: Route = Route {
    name: "attach-file",
    method: Method::POST,
    path: "/console/requests/{request_id}/attachments",
    aliases: &[],
    dialect: Dialect::Page,
    credentials: Credentials::Session,
    allow: Allow::AnyOf(&[Permission::PdrConfirm]),
    errors: &[Code::InvalidParameter, Code::InvalidField, Code::RequestNotFound, Code::Conflict],
    needs: &[Need::WriteLedger],
    summary: "Begin to attach a file to a request",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::empty(303, "To the form that takes the file")])
    .ask(r#"{"form_token":"7f3a","label":"Letter of 2 March","purpose":"answer"}"#);

/// The longest label, in characters.
const LONGEST: usize = 100;

/// The form.
#[derive(Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Ask {
    label: String,
    purpose: Purpose,
    #[expect(dead_code, reason = "compared before")]
    form_token: String,
}

/// Begins it.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    caller: Caller,
    Path(id): Path<RequestId>,
    Form(ask): Form<Ask>,
) -> Result<Answer, Failure> {
    let staff = caller.staff.as_ref().ok_or(Code::SignedOut)?;
    let label = ask.label.trim();
    if label.is_empty() {
        return Err(Problem::field("label", Reason::Missing).into());
    }
    if label.chars().count() > LONGEST || label.chars().any(char::is_control) {
        let reason = format!("must have at most {LONGEST} characters, on one line");
        return Err(Problem::field("label", Reason::Other(reason)).into());
    }
    let now = app.now();
    let attachment = Attachment {
        id: AttachmentId(app.entropy().id(now)),
        purpose: ask.purpose,
        label: Some(label.to_owned()),
        by: staff.name.clone(),
        asked_at: now,
        state: FileState::Awaited,
    };
    let request = request_of(&app, &tenant, id).await?;
    let awaiting = |request: Request| match request.awaiting(attachment.clone()) {
        Some(next) => Ok(Some(next)),
        None => Err(Failure::from(Code::Conflict)),
    };
    app.ledger(tenant.org).amend_request(request, awaiting).await?;
    Ok(Answer::see_other(upload::path(id, attachment.id)))
}

page!(super::KEEP, handle);
