//! `GET /lethe/v1/audit/bundle`: what a supervisory authority is handed about a request or a period.
//!
//! For each request: when what happened, which mails went out, what was decided on which ground, which time the
//! law gave, and the certificate. Nothing in it names a person, neither the data subject nor staff, unless
//! `personal=true` is asked for. With it come the last signed root of the audit's log, to which the log can be
//! held later, and the keys by which all of it is verified.

use domain::{
    OrgId, Permission, PersonKey, RequestId, Timestamp,
    audit::SignedRoot,
    certificate::{File, JwkSet},
    deadline::{ExtensionGround, Regime},
    request::{Outcome, Request, Template},
    tenant::Tenant,
};
use http::Method;
use runtime::{
    Allow, App, Credentials, Failure, Json, Need, Org, Route, State,
    docs::{Docs, Good, Param},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use store::list::Filter;
use wire::{Code, Dialect, Problem, Query, Reason, shapes::native::RequestReply, time::Time};

use crate::{certificates, native::paging};

/// The route.
pub static ROUTE: Route = Route {
    name: "get-bundle",
    method: Method::GET,
    path: "/lethe/v1/audit/bundle",
    aliases: &[],
    dialect: Dialect::Native,
    credentials: Credentials::BasicOrBearer,
    allow: Allow::AllOf(&[Permission::AuditRead, Permission::RequestsRead]),
    errors: &[Code::InvalidParameter, Code::RequestNotFound],
    needs: &[Need::ReadLedger, Need::ReadAudit],
    summary: "Read what a supervisory authority is handed",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::json(
    200,
    "The bundle",
    r#"{"tenant":"af5fbd30-7ce7-4548-8b30-4cd59cb2aba1","generated_at":"2026-03-09T10:00:00Z","generator":"lethe 0.1.0","root":"eyJhbGciOiJFZERTQSJ9.e30.c2ln","keys":{"keys":[]},"cases":[{"subject":"00112233445566778899","request":{"id":"019cadfd-8900-7e1a-a6d4-9634d4fed270","kind":"erasure","door":"rallyhere","status":"in_progress","person_id":null,"received_at":"2026-03-02T10:00:00.000Z","changed_at":"2026-03-02T10:00:00.000Z","remarks":null,"purge":{"state":"queued","due":"2026-03-09T10:00:00.000Z","attempts":0,"stores":[]}},"law":"gdpr","answer_by":"2026-04-02T22:00:00Z","timeline":[{"at":"2026-03-02T10:00:00Z","event":"received"}],"decision":null,"certificate":null}],"next_cursor":null}"#,
)])
.query(&[
    Param::new::<RequestId>("request_id", "About this request alone"),
    Param::new::<Time>("from", "About those received at or after"),
    Param::new::<Time>("to", "About those received before"),
    Param::new::<bool>("personal", "With what names persons; without it if not said"),
    Param::new::<u32>("limit", "How many at most: 1 to 200, and 50 if not said"),
    Param::new::<String>("cursor", "Where to go on: the `next_cursor` of the page before"),
]);

/// The bundle.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
pub struct Reply {
    tenant: OrgId,
    generated_at: Timestamp,
    generator: &'static str,
    /// The last root of the audit's log.
    root: Option<SignedRoot>,
    keys: JwkSet,
    cases: Vec<Case>,
    next_cursor: Option<String>,
}

/// A request, and what became of it.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct Case {
    /// Whom it is about, as a pseudonym.
    subject: PersonKey,
    request: RequestReply,
    /// Under which law the answer is due first.
    law: Regime,
    /// The first moment that is too late for it.
    answer_by: Timestamp,
    timeline: Vec<Moment>,
    decision: Option<Decision>,
    /// The signed certificate, if the request was for an erasure that is complete.
    #[schemars(with = "Option<File<'static>>")]
    certificate: Option<Box<RawValue>>,
}

/// What happened when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[schemars(inline)]
struct Moment {
    at: Timestamp,
    #[serde(flatten)]
    event: Event,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
#[schemars(inline)]
enum Event {
    /// The request came.
    Received,
    /// The person was told so by other means than our mails.
    Acknowledged,
    /// The person was asked who they are (Art. 12(6)).
    AskedWho,
    /// They answered.
    SaidWho,
    /// More time was taken (Art. 12(3)).
    Extended {
        /// Why.
        ground: ExtensionGround,
    },
    /// The person was told of it.
    ToldOfExtension,
    /// A mail was sent.
    MailSent {
        /// Which.
        mail: Template,
    },
    /// Staff closed it.
    Closed,
    /// It last changed.
    Changed,
}

/// What staff decided.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct Decision {
    /// What became of it; a refusal with its ground.
    outcome: Outcome,
    at: Timestamp,
    /// Who decided; only where persons are named.
    by: Option<String>,
    /// What the person was told; only where persons are named.
    comment: Option<String>,
}

/// Gathers it.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(State(app): State, Org(tenant): Org, query: Query) -> Result<Json<Reply>, Failure> {
    const GENERATOR: &str = concat!("lethe ", env!("CARGO_PKG_VERSION"));

    let now = app.now();
    let ledger = app.ledger(tenant.org);
    let is_personal = query.flag("personal")?;
    let (limit, cursor) = (paging::limit(&query)?, paging::cursor(&query)?);
    let (requests, next) = match query.one("request_id")? {
        Some(text) => {
            let id = text.parse().map_err(|_| Problem::query("request_id", Reason::Type("UUID")))?;
            let request = ledger.request_of_anyone(id).await?;
            let request = request.filter(|request| request.is_kept(now)).ok_or(Code::RequestNotFound)?;
            (vec![request], None)
        }
        None => {
            let received =
                Filter { from: paging::moment(&query, "from")?, to: paging::moment(&query, "to")? };
            let read = |cursor, limit| async move {
                ledger.list_requests(received, Option::as_ref(&cursor), limit).await
            };
            let is_meant = |request: &Request| {
                received.from.is_none_or(|from| from <= request.received_at)
                    && received.to.is_none_or(|to| request.received_at < to)
                    && request.is_kept(now)
            };
            paging::fill(cursor, limit, is_meant, read).await?
        }
    };
    let mut cases = Vec::with_capacity(requests.len());
    for request in requests {
        cases.push(case(&app, &tenant, request, is_personal).await?);
    }
    Ok(Json(Reply {
        tenant: tenant.org,
        generated_at: now,
        generator: GENERATOR,
        root: ledger.last_root().await?,
        keys: ledger.certificate_keys().await?.into_iter().collect(),
        cases,
        next_cursor: next.as_ref().map(paging::written),
    }))
}

async fn case(app: &App, tenant: &Tenant, mut request: Request, is_personal: bool) -> Result<Case, Failure> {
    let bars = app.ledger(tenant.org).bars(request.person, app.now()).await?;
    let certificate = match certificates::issued(app, tenant, request.id).await? {
        Some(signed) => {
            let file = signed.file().map_err(Failure::internal)?;
            Some(RawValue::from_string(file).map_err(Failure::internal)?)
        }
        None => None,
    };
    if !is_personal {
        (request.person_id, request.remarks) = (None, None);
    }
    let named = |text: &Option<String>| text.clone().filter(|_| is_personal);
    let decision = request.confirmation.as_ref().map(|closed| Decision {
        outcome: closed.outcome,
        at: closed.at,
        by: named(&Some(closed.by.clone())),
        comment: named(&closed.comment),
    });
    let deadline = request.deadline(&tenant.law);
    Ok(Case {
        subject: request.person,
        law: deadline.regime,
        answer_by: deadline.ends_at,
        timeline: timeline(&request),
        decision,
        certificate,
        request: RequestReply::from(request).held_by(&bars),
    })
}

/// What happened when, in order.
fn timeline(request: &Request) -> Vec<Moment> {
    let clock = &request.clock;
    let extension = clock.extension.as_ref();
    let mut moments = vec![(Some(request.received_at), Event::Received)];
    moments.push((clock.acknowledged_at, Event::Acknowledged));
    for doubt in &clock.doubts {
        moments.push((Some(doubt.asked_at), Event::AskedWho));
        moments.push((doubt.answered_at, Event::SaidWho));
    }
    if let Some(extension) = extension {
        moments.push((Some(extension.decided_at), Event::Extended { ground: extension.ground }));
        moments.push((extension.told_at, Event::ToldOfExtension));
    }
    for notice in &request.notices {
        moments.push((notice.sent_at, Event::MailSent { mail: notice.template }));
    }
    moments.push((request.confirmation.as_ref().map(|closed| closed.at), Event::Closed));
    moments.push((Some(request.changed_at), Event::Changed));
    let mut moments: Vec<Moment> =
        moments.into_iter().filter_map(|(at, event)| Some(Moment { at: at?, event })).collect();
    moments.sort_unstable();
    moments
}

endpoint!(handle);
