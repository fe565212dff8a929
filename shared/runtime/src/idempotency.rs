//! `Idempotency-Key`: the same key and call get the same answer, whatever died in between.
//!
//! The first call notes its key before it does anything; all ids that it makes follow from that
//! note. A repeat after a crash therefore makes the same ids, finds what the first had written,
//! and finishes it. Once answered, the answer itself is kept, sealed.

use aws_lc_rs::digest;
use chrono::TimeDelta;
use domain::{OrgId, PersonId, Timestamp};
use http::HeaderMap;
use store::replies::{About, Known, Reply};
use wire::{At, Code, Fault, Problem, Reason};

use crate::{Answer, App, Caller, Entropy, Failure, Route};

const HEADER: &str = "Idempotency-Key";
/// How long a key counts.
const MEMORY: TimeDelta = TimeDelta::days(1);

/// A call under an idempotency key.
pub(crate) struct Keyed {
    org: OrgId,
    scope: [u8; 32],
    call: [u8; 32],
    about: About,
    until: Timestamp,
}

/// What to do with a call.
pub(crate) enum Turn {
    /// Carry it out, with this App; keep the answer if there is a key.
    Go(App, Option<Keyed>),
    /// It was answered before.
    Answered(Answer),
}

/// What of a call the key stands for.
pub(crate) struct Asked<'a> {
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) body: &'a [u8],
    /// The person that the path names, or the caller.
    pub(crate) person: Option<PersonId>,
}

fn hash<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        // The length keeps two parts from running into one another.
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// Whether a call is the first under its key.
pub(crate) async fn begin(
    app: &App,
    route: &Route,
    headers: &HeaderMap,
    caller: Option<&Caller>,
    asked: Asked<'_>,
) -> Result<Turn, Failure> {
    let (Some(value), Some(caller), true) = (headers.get(HEADER), caller, route.takes_idempotency_key())
    else {
        return Ok(Turn::Go(app.clone(), None));
    };
    let key = value.to_str().unwrap_or_default().trim();
    if key.is_empty() || key.len() > 255 {
        let reason = Reason::Other("must have 1 to 255 visible characters".into());
        return Err(
            Problem::faults(Code::InvalidParameter, vec![Fault::new(At::Header(HEADER), reason)]).into()
        );
    }
    let ledger = app.ledger(caller.org);
    let about = match &asked.person {
        Some(person) if route.person_param().is_some() => About::Person(ledger.key_of(person).await?),
        Some(caller) => About::Caller(ledger.key_of(caller).await?),
        None => About::Nobody,
    };
    let scope =
        hash([caller.actor().as_bytes(), caller.subject.as_bytes(), route.name.as_bytes(), key.as_bytes()]);
    // Keyed, so that nobody who reads the table can try out what an address or password was.
    let scope = ledger.secret_hash(&scope).await?;
    let call = hash([asked.path.as_bytes(), asked.query.as_bytes(), asked.body]);
    let call = ledger.secret_hash(&call).await?;
    let now = app.now();
    match ledger.begin_call(scope, call, about, now, now + MEMORY).await? {
        Known::Proceed { until, is_repeat } => {
            let seed = ledger.secret_hash(&hash([&scope[..], until.to_rfc3339().as_bytes()])).await?;
            let keyed = Keyed { org: caller.org, scope, call, about, until };
            Ok(Turn::Go(app.with_entropy(Entropy::derived(seed, is_repeat)), Some(keyed)))
        }
        Known::Answered(Reply { status, content_type, body }) => Ok(Turn::Answered(Answer {
            status: http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::OK),
            content_type,
            headers: vec![("idempotency-replayed", "true".to_owned())],
            body: body.into(),
        })),
        Known::OtherCall => Err(Code::IdempotencyConflict.into()),
    }
}

impl Keyed {
    /// Keeps an answer that stands: a success. What failed may be tried again.
    pub(crate) async fn end(self, app: &App, answer: &Answer) -> Result<(), Failure> {
        if !answer.status.is_success() {
            return Ok(());
        }
        let reply = Reply {
            status: answer.status.as_u16(),
            content_type: answer.content_type.clone(),
            body: answer.body.to_vec(),
        };
        Ok(app.ledger(self.org).end_call(self.scope, self.call, self.about, &reply, self.until).await?)
    }
}
