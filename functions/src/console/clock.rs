//! `POST /console/requests/{request_id}/clock`: what the time for a request depends on: more of it, and doubts
//! who the person is, which stop it (Art. 12(3), (6)).

use domain::{
    Permission, RequestId,
    deadline::ExtensionGround,
    identity::SentCode,
    request::{ClockError, Request, Template},
};
use http::Method;
use runtime::{
    Allow, Answer, Caller, Credentials, Failure, Form, Limited, Need, Org, Path, Route, State,
    docs::{Docs, Good},
    queues::{Job, Queue},
};
use schemars::JsonSchema;
use serde::Deserialize;
use wire::{Code, Dialect, Problem, Reason};

use super::{agent, request_of, request_path, version};
use crate::portal::prove;

/// The route.
pub static ROUTE: Route = Route {
    name: "set-clock",
    method: Method::POST,
    path: "/console/requests/{request_id}/clock",
    aliases: &[],
    dialect: Dialect::Page,
    credentials: Credentials::Session,
    allow: Allow::AnyOf(&[Permission::PdrConfirm]),
    errors: &[
        Code::InvalidParameter,
        Code::InvalidField,
        Code::RequestNotFound,
        Code::PersonNotFound,
        Code::Conflict,
        Code::TooManyRequests,
    ],
    needs: &[Need::WriteLedger, Need::QueueNotices],
    summary: "Extend the time for a request, or note a doubt who the person is",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::empty(303, "To the request")])
    .ask(r#"{"form_token":"7f3a","version":"1","step":"extend_for_complexity","reason":"Three archives on paper."}"#);

/// What is done.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// More time, because it is complex.
    ExtendForComplexity,
    /// More time, because there are many.
    ExtendForNumber,
    /// The person is asked who they are by a code, mailed to the address that is known to be theirs.
    SendCode,
    /// The person was asked who they are.
    AskedWho,
    /// They have answered.
    Answered,
}

/// The form.
#[derive(Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Ask {
    #[schemars(with = "String")]
    version: i64,
    step: Step,
    /// Why more time is needed, for the person.
    #[serde(default)]
    reason: String,
    #[expect(dead_code, reason = "compared before")]
    form_token: String,
}

/// Does it.
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
    let (key, is_current) = (request.person, request.purge().is_some());
    let is_extension = matches!(ask.step, Step::ExtendForComplexity | Step::ExtendForNumber);
    let is_code = matches!(ask.step, Step::SendCode);
    let mut address = None;
    if is_extension || is_code {
        // An extension holds once the person is told of it; a code proves something where the address is theirs.
        let person = ledger.person(key).await?.ok_or(Code::PersonNotFound)?;
        let none = || Problem::field("step", Reason::Other("cannot be told: there is no address".into()));
        let known = if is_code { person.verified_email() } else { person.email() };
        address = Some(known.ok_or_else(none)?.to_owned());
    }
    let mut secret = None;
    if is_code {
        app.limit_person(tenant.org, Limited::SendCode, key).await?;
        secret = Some(prove::new_code(&app));
    }
    let change = |request: Request| {
        if version(&request) != ask.version {
            return Err(Failure::from(Code::Conflict));
        }
        let next = match ask.step {
            Step::ExtendForComplexity => {
                request.extended(&tenant.law, ExtensionGround::Complexity, &ask.reason, now)
            }
            Step::ExtendForNumber => request.extended(&tenant.law, ExtensionGround::Number, &ask.reason, now),
            Step::SendCode => {
                let code = secret.as_deref().unwrap_or_default();
                let sent = SentCode { digest: prove::digest_of(id, code), sent_at: now, misses: 0 };
                let sent = request.code_sent(sent, Some(&staff.name), now).map_err(agent::refusal)?;
                Ok(sent)
            }
            Step::AskedWho => request.doubted(now),
            Step::Answered => request.seen_by_staff(&staff.name, now),
        };
        let next = next.map_err(refusal)?;
        let template = if is_code { Template::OneTimeCode } else { Template::Extended };
        Ok(Some(match &address {
            Some(address) => next.with_notice(template, address.clone(), secret.clone(), now),
            None => next,
        }))
    };
    ledger.amend_request(request, change).await?;
    if address.is_some() {
        let job = Job { org: tenant.org, person: key, request: (!is_current).then_some(id) };
        app.nudge(Queue::Notices, job).await;
    }
    Ok(Answer::see_other(request_path(id)))
}

fn refusal(error: ClockError) -> Failure {
    match error {
        ClockError::NoReason => Problem::field("reason", Reason::Missing).into(),
        ClockError::Closed
        | ClockError::Extended
        | ClockError::TooLate
        | ClockError::InDoubt
        | ClockError::NotInDoubt => Code::Conflict.into(),
    }
}

page!(super::CHANGE, handle);
