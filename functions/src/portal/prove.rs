//! `POST /receipt/identity`: how a person proves who they are, where staff doubt it (Art. 12(6)). A code is
//! mailed to the address that is known to be theirs; whoever enters it here reads that mailbox.
//!
//! The address itself is never shown, and nothing is said that the receipt's page does not say anyway.

use aws_lc_rs::digest::{SHA256, digest};
use domain::{
    OrgId, RequestId,
    identity::SentCode,
    request::{Request, Template},
};
use http::Method;
use pages::portal::receipt::Told;
use runtime::{
    Allow, Answer, App, Credentials, Failure, Form, Limited, Need, Route, Source, State,
    docs::{Docs, Good},
    queues::{Job, Queue},
};
use schemars::JsonSchema;
use serde::Deserialize;
use store::StoreError;
use wire::{Code, Dialect};

use super::receipt;

/// The route.
pub static ROUTE: Route = Route {
    name: "prove-identity",
    method: Method::POST,
    path: "/receipt/identity",
    aliases: &[],
    dialect: Dialect::Page,
    credentials: Credentials::None,
    allow: Allow::Anyone,
    errors: &[Code::InvalidField, Code::RequestNotFound, Code::TooManyRequests],
    needs: &[Need::WriteLedger, Need::QueueNotices],
    summary: "Prove who makes a request, by a code that is mailed",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::empty(303, "To the receipt, which says how it went")])
    .ask(r#"{"code":"AAAA","proof":"12345678"}"#);

/// The form.
#[derive(Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Ask {
    /// The code of the receipt.
    code: String,
    /// The code that was mailed; without one, one is.
    #[serde(default)]
    proof: String,
}

/// How many digits a code has.
const DIGITS: usize = 8;

/// A code, each as likely as any other.
pub(crate) fn new_code(app: &App) -> String {
    // Of 64 bits, so that what is left of the last round is a hundred-thousand-millionth.
    format!("{:0DIGITS$}", u64::from_be_bytes(app.entropy().bytes()) % 100_000_000)
}

/// What is kept of a code. It is sealed with the request, for codes this short are found by trying.
pub(crate) fn digest_of(request: RequestId, code: &str) -> [u8; 32] {
    let mut short = [0; 32];
    let text = [request.0.as_bytes().as_slice(), code.as_bytes()].concat();
    short.copy_from_slice(digest(&SHA256, &text).as_ref());
    short
}

/// Sends a code, or takes one.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(State(app): State, source: Source, Form(ask): Form<Ask>) -> Result<Answer, Failure> {
    let known = receipt::read(&ask.code).filter(|(org, _)| app.config().tenant(*org).is_some());
    let (org, id) = known.ok_or(Code::RequestNotFound)?;
    let proof: String = ask.proof.chars().filter(|c| !c.is_whitespace()).collect();
    let what = if proof.is_empty() { Limited::SendCode } else { Limited::TryCode };
    app.limit_source(org, Limited::Receipt, &source).await?;
    let request = app.ledger(org).request_of_anyone(id).await?;
    let request = request.filter(|request| request.is_kept(app.now())).ok_or(Code::RequestNotFound)?;
    app.limit_person(org, what, request.person).await?;
    let told = if proof.is_empty() {
        send(&app, org, request).await?
    } else {
        tried(&app, org, request, &proof).await?
    };
    Ok(Answer::see_other(format!("{}&told={}", receipt::address(org, id), told.name())))
}

/// Sends a code, if there is somewhere to send it.
async fn send(app: &App, org: OrgId, request: Request) -> Result<Told, Failure> {
    let person = app.ledger(org).person(request.person).await?;
    let Some(address) = person.and_then(|person| person.verified_email().map(str::to_owned)) else {
        return Ok(Told::Nowhere);
    };
    let (code, now) = (new_code(app), app.now());
    let sent = SentCode { digest: digest_of(request.id, &code), sent_at: now, misses: 0 };
    let job = Job { org, person: request.person, request: request.purge().is_none().then_some(request.id) };
    let with_code = |request: Request| {
        let next = request.code_sent(sent, None, now).ok();
        let mail =
            |next: Request| next.with_notice(Template::OneTimeCode, address.clone(), Some(code.clone()), now);
        Ok::<_, StoreError>(next.map(mail))
    };
    if app.ledger(org).amend_request(request, with_code).await?.is_none() {
        return Ok(Told::Over);
    }
    app.nudge(Queue::Notices, job).await;
    Ok(Told::Sent)
}

/// Takes a code.
async fn tried(app: &App, org: OrgId, request: Request, proof: &str) -> Result<Told, Failure> {
    let (digest, now) = (digest_of(request.id, proof), app.now());
    let tried = |request: Request| Ok::<_, StoreError>(request.code_tried(digest, now).ok());
    let next = app.ledger(org).amend_request(request, tried).await?;
    Ok(match next {
        Some(next) if !next.clock.is_in_doubt() => Told::Proved,
        Some(_) => Told::Wrong,
        None => Told::Over,
    })
}

page!(super::OPEN, handle);
