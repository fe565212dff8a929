//! `GET /receipt`: how a request stands, for whoever has its code. It names nobody, needs no account, and
//! works after an erasure, for as long as its proof is kept.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    OrgId, RequestId,
    certificate::{KeyRing, verify},
    purge::PurgeState,
    request::{Outcome, Request, Status, Work},
};
use http::{Method, StatusCode};
use pages::portal::receipt::{Certificate, Known, Prove, Receipt, Told};
use runtime::{
    Allow, Answer, App, Credentials, Failure, Limited, Need, Route, Source, State,
    docs::{Docs, Good, Param},
};
use store::certificates::Certification;
use uuid::Uuid;
use wire::{Code, Dialect, Query};

use super::{SHOW, asked, status};
use crate::console::answer_by;

/// The route.
pub static ROUTE: Route = Route {
    name: "show-receipt",
    method: Method::GET,
    path: "/receipt",
    aliases: &[],
    dialect: Dialect::Page,
    credentials: Credentials::None,
    allow: Allow::Anyone,
    errors: &[Code::TooManyRequests],
    needs: &[Need::ReadLedger, Need::KeepLimits],
    summary: "Show how the request of a receipt stands",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[
    Good::page(200, "How it stands, or a question for the code"),
    Good::page(404, "There is nothing under this code"),
])
.query(&[
    Param::new::<String>("code", "The code of the receipt"),
    Param::new::<String>("told", "How it went that was done on the page last"),
]);

/// The code by which anybody who has it is told how a request stands.
pub(crate) fn code(org: OrgId, id: RequestId) -> String {
    URL_SAFE_NO_PAD.encode([org.0.as_bytes().as_slice(), id.0.as_bytes()].concat())
}

/// The page of a receipt.
pub(crate) fn address(org: OrgId, id: RequestId) -> String {
    format!("{}?code={}", ROUTE.path, code(org, id))
}

pub(super) fn read(code: &str) -> Option<(OrgId, RequestId)> {
    let bytes = URL_SAFE_NO_PAD.decode(code.trim()).ok()?;
    let (org, id) = bytes.split_first_chunk()?;
    Some((OrgId(Uuid::from_bytes(*org)), RequestId(Uuid::from_slice(id).ok()?)))
}

/// Shows it.
///
/// # Errors
/// None but those of every endpoint.
pub async fn handle(State(app): State, source: Source, query: Query) -> Result<Answer, Failure> {
    let Some(code) = query.all("code").next() else {
        return Ok(Answer::page(StatusCode::OK, Receipt { answer: None, told: None }.page()));
    };
    let told = query.all("told").next();
    let told = Told::ALL.into_iter().find(|known| Some(known.name()) == told);
    let known = match read(code).filter(|(org, _)| app.config().tenant(*org).is_some()) {
        Some((org, id)) => {
            app.limit_source(org, Limited::Receipt, &source).await?;
            known(&app, org, id).await?
        }
        None => None,
    };
    let status = if known.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
    Ok(Answer::page(status, Receipt { answer: Some(known), told }.page()))
}

async fn known(app: &App, org: OrgId, id: RequestId) -> Result<Option<Known>, Failure> {
    let Some(tenant) = app.config().tenant(org) else { return Ok(None) };
    let (ledger, now) = (app.ledger(org), app.now());
    let request = ledger.request_of_anyone(id).await?;
    let Some(request) = request.filter(|request| request.is_kept(now)) else { return Ok(None) };
    let certificate = match ledger.certificate(id).await? {
        Some(Certification::Issued { signed, keep_until, .. }) if now < keep_until => {
            let keys: KeyRing = ledger.certificate_keys().await?.into_iter().collect();
            let text = signed.file().map_err(Failure::internal)?;
            Some(checked(text, &keys))
        }
        Some(Certification::Issued { .. } | Certification::Noted(_)) | None => None,
    };
    let is_open = request.is_open();
    Ok(Some(Known {
        code: code(org, id),
        kind: asked(request.kind),
        received: request.received_at,
        deadline: is_open.then(|| answer_by(&tenant, &request)),
        status: status(&request),
        prove: (is_open && request.clock.is_in_doubt())
            .then(|| Prove { has_code: request.identity.code.is_some_and(|code| code.works(now)) }),
        outcome: outcome(&request),
        answered: answered(&request),
        certificate,
    }))
}

/// A certificate, and whether it is what one of our keys signed.
fn checked(text: String, keys: &KeyRing) -> Certificate {
    match verify(&text, keys) {
        Ok(verified) => {
            let sum = |rows: fn(&domain::certificate::Certified) -> u64| {
                verified.certificate.collections.iter().map(rows).sum()
            };
            Certificate {
                is_valid: true,
                key: verified.key.id(),
                issued: verified.certificate.executed_at.format("%-d %B %Y, %H:%M UTC").to_string(),
                rows: [sum(|one| one.erased), sum(|one| one.masked), sum(|one| one.kept)],
                text,
            }
        }
        Err(_) => {
            Certificate { is_valid: false, key: String::new(), issued: String::new(), rows: [0; 3], text }
        }
    }
}

fn answered(request: &Request) -> Option<domain::Timestamp> {
    let confirmed = request.confirmation.as_ref().map(|confirmation| confirmation.at);
    confirmed.or_else(|| (request.status() == Status::Completed).then_some(request.changed_at))
}

fn outcome(request: &Request) -> &'static str {
    if let Some(confirmation) = &request.confirmation {
        return match confirmation.outcome {
            Outcome::Done => "It was dealt with.",
            Outcome::Partly => "Some of it was done. You were told what was not, and why.",
            Outcome::Refused(_) => "It was refused. You were told why.",
        };
    }
    match (&request.work, request.status()) {
        (Work::Purge(purge), _) => match purge.state {
            PurgeState::Queued => "The data will be erased. Until then it is only stored.",
            PurgeState::Held => "The law forbids the erasure for the time being.",
            PurgeState::Running => "The data is being erased.",
            PurgeState::Done => "The data was erased, and every store was read again to make sure.",
            PurgeState::Failed => "The erasure is delayed. People are looking into it.",
            PurgeState::Cancelled => "The erasure was called off.",
        },
        (Work::Takeout(_), Status::Completed) => "The copy of the data was made.",
        (Work::Takeout(_), Status::Failed) => "The copy of the data could not be made yet.",
        (_, Status::Completed) => "It is closed.",
        (_, Status::Open | Status::InProgress | Status::Held | Status::Failed | Status::Cancelled) => {
            "It was received, and people are dealing with it."
        }
    }
}

page!(SHOW, handle);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_leads_to_its_request() {
        let (org, id) = (OrgId(Uuid::from_u128(1)), RequestId(Uuid::from_u128(2)));

        assert_eq!(read(&format!(" {} ", code(org, id))), Some((org, id)));
        assert!(["", "x", "AAAA", &"A".repeat(44), "ä"].iter().all(|wrong| read(wrong).is_none()));
    }
}
