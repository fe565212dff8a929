//! `POST /console/requests/{request_id}/confirm`: a person closes a request as processed.
//!
//! The form names the version that its reader saw: of two who confirm at once one wins, and the other is
//! told.

use domain::{
    Permission, RequestId,
    request::{Confirmation, Outcome, Refusal, Request, Template},
};
use http::Method;
use runtime::{
    Allow, Answer, Caller, Credentials, Failure, Form, Need, Org, Path, Route, State,
    docs::{Docs, Good},
    queues::{Job, Queue},
};
use schemars::JsonSchema;
use serde::Deserialize;
use wire::{Code, Dialect, Problem, Reason};

use super::{request_of, request_path, version};

/// The route.
pub static ROUTE: Route = Route {
    name: "confirm-request",
    method: Method::POST,
    path: "/console/requests/{request_id}/confirm",
    aliases: &[],
    dialect: Dialect::Page,
    credentials: Credentials::Session,
    allow: Allow::AnyOf(&[Permission::PdrConfirm]),
    errors: &[Code::InvalidParameter, Code::InvalidField, Code::RequestNotFound, Code::Conflict],
    needs: &[Need::WriteLedger, Need::QueueNotices],
    summary: "Confirm that a request is processed",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::empty(303, "To the request")]).ask(
    r#"{"form_token":"7f3a","version":"1","outcome":"done","comment":"We have corrected it.","remarks":"","notify":"yes"}"#,
);

/// The form.
#[derive(Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Ask {
    #[schemars(with = "String")]
    version: i64,
    #[serde(default)]
    outcome: Became,
    #[serde(default)]
    comment: String,
    #[serde(default)]
    remarks: String,
    /// Checked or not there.
    notify: Option<String>,
    #[expect(dead_code, reason = "compared before")]
    form_token: String,
}

/// What became of it.
#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names of `Outcome` and `Refusal`")]
pub enum Became {
    #[default]
    Done,
    Partly,
    NotIdentified,
    Unfounded,
    Excessive,
    Exempt,
}

impl From<Became> for Outcome {
    fn from(became: Became) -> Self {
        match became {
            Became::Done => Self::Done,
            Became::Partly => Self::Partly,
            Became::NotIdentified => Self::Refused(Refusal::NotIdentified),
            Became::Unfounded => Self::Refused(Refusal::Unfounded),
            Became::Excessive => Self::Refused(Refusal::Excessive),
            Became::Exempt => Self::Refused(Refusal::Exempt),
        }
    }
}

/// What was written, if anything was.
fn written(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// Confirms it.
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
    let ledger = app.ledger(tenant.org);
    let request = request_of(&app, &tenant, id).await?;
    let now = app.now();
    let outcome = Outcome::from(ask.outcome);
    // Whoever is refused anything is told why (Art. 12(4)), whether a box is checked or not.
    if !outcome.is_done() && ask.comment.trim().is_empty() {
        return Err(Problem::field("comment", Reason::Missing).into());
    }
    let confirmation = Confirmation {
        outcome,
        at: now,
        by: staff.name.clone(),
        remarks: written(&ask.remarks),
        comment: written(&ask.comment),
    };
    let (person, is_current) = (request.person, request.purge().is_some());
    let mut address = None;
    if ask.notify.is_some() || !outcome.is_done() {
        let person = ledger.person(person).await?;
        address = person.and_then(|person| person.email().map(str::to_owned));
    }
    let confirm = |request: Request| {
        if version(&request) != ask.version {
            return Err(Failure::from(Code::Conflict));
        }
        let confirmed = request.confirmed(confirmation.clone()).ok_or(Code::Conflict)?;
        Ok(Some(match &address {
            Some(address) => confirmed.with_notice(Template::Confirmed, address.clone(), None, now),
            None => confirmed,
        }))
    };
    ledger.amend_request(request, confirm).await?;
    if address.is_some() {
        let job = Job { org: tenant.org, person, request: (!is_current).then_some(id) };
        app.nudge(Queue::Notices, job).await;
    }
    Ok(Answer::see_other(request_path(id)))
}

page!(super::CHANGE, handle);
