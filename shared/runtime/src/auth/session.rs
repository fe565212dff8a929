//! Staff who are signed in to the console.
//!
//! The browser holds a cookie that says where the session lies, and a secret that opens it. What a session
//! may is decided by the ledger alone, so signing out works at once and everywhere. A form is ours if it
//! carries what only a page of the same session knows.

use std::{fmt, str::FromStr};

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{SHA256, digest},
    hmac,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use domain::{OrgId, PersonKey};
use http::{HeaderMap, header};
use store::{StoreError, sessions::Session};
use url::Url;
use uuid::Uuid;
use wire::Code;

use crate::{App, Caller, Failure, cookie};

/// The cookie. Browsers take this prefix only from the host itself, over TLS, for all paths.
const COOKIE: &str = "__Host-lethe";
/// How long a session lives without being used.
const IDLE: TimeDelta = TimeDelta::minutes(30);
/// How long it lives at most.
const LIFE: TimeDelta = TimeDelta::hours(10);
/// How exactly it is known when a session was used: noting each page would cost a write each.
const STEP: TimeDelta = TimeDelta::minutes(5);
/// Bytes of the secret.
const SECRET: usize = 32;
/// The field of a form that shows that the form is ours.
pub const FORM_FIELD: &str = "form_token";

/// Somebody of the staff, as they signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staff {
    /// How they are called.
    pub name: String,
    /// What their forms carry.
    pub form_token: String,
    /// Under which pseudonym their session lies.
    key: PersonKey,
    digest: [u8; 32],
}

/// What the cookie holds.
struct Ticket {
    org: OrgId,
    staff: PersonKey,
    secret: [u8; SECRET],
}

impl Ticket {
    fn digest(&self) -> [u8; 32] {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, &self.secret).as_ref());
        hash
    }

    /// Follows from the secret, and tells nothing of it.
    fn form_token(&self) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.secret);
        URL_SAFE_NO_PAD.encode(hmac::sign(&key, b"forms"))
    }
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: [&[u8]; 3] = [self.org.0.as_bytes(), &self.staff.0, &self.secret];
        f.write_str(&URL_SAFE_NO_PAD.encode(parts.concat()))
    }
}

/// The text is no ticket.
struct NoTicket;

impl FromStr for Ticket {
    type Err = NoTicket;

    fn from_str(text: &str) -> Result<Self, NoTicket> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| NoTicket)?;
        let (org, rest) = bytes.split_first_chunk().ok_or(NoTicket)?;
        let (staff, secret) = rest.split_first_chunk().ok_or(NoTicket)?;
        Ok(Self {
            org: OrgId(Uuid::from_bytes(*org)),
            staff: PersonKey(*staff),
            secret: secret.try_into().map_err(|_| NoTicket)?,
        })
    }
}

/// Who is signed in.
pub(super) async fn verify(app: &App, headers: &HeaderMap) -> Result<Caller, Failure> {
    let ticket = cookie::read(headers, COOKIE).and_then(|text| text.parse::<Ticket>().ok());
    let ticket = ticket.filter(|ticket| app.config().tenant(ticket.org).is_some());
    let ticket = ticket.ok_or(Code::SignedOut)?;
    let ledger = app.ledger(ticket.org);
    let (now, place) = (app.now(), (ticket.staff, ticket.digest()));
    let session = ledger.session(place.0, place.1).await?.ok_or(Code::SignedOut)?;
    if session.has_ended || now >= session.seen_at + IDLE || now >= session.began_at + LIFE {
        return Err(Code::SignedOut.into());
    }
    if now >= session.seen_at + STEP {
        let seen = Session { seen_at: now, version: session.version + 1, ..session.clone() };
        match ledger.put_session(place.0, place.1, &seen).await {
            // Another page noted the same, or signed out: the next page will know.
            Ok(()) | Err(StoreError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Caller {
        org: ticket.org,
        subject: session.subject,
        is_client: false,
        grants: session.grants.into_iter().collect(),
        linked_identities: Default::default(),
        staff: Some(Staff {
            name: session.name,
            form_token: ticket.form_token(),
            key: place.0,
            digest: place.1,
        }),
    })
}

/// Begins a session of somebody whom the provider named, and gives its cookie. Whatever session the browser
/// had before is another: its cookie is replaced.
pub(super) async fn begin(app: &App, caller: &Caller, name: String) -> Result<String, Failure> {
    let ledger = app.ledger(caller.org);
    let id = caller.subject.parse().map_err(|_| Code::AuthTokenUnknown)?;
    let ticket = Ticket { org: caller.org, staff: ledger.key_of(&id).await?, secret: app.entropy().bytes() };
    let now = app.now();
    let session = Session {
        subject: caller.subject.clone(),
        name,
        grants: caller.grants.iter().map(str::to_owned).collect(),
        began_at: now,
        seen_at: now,
        has_ended: false,
        version: 1,
        ttl: (now + LIFE).timestamp(),
    };
    ledger.put_session(ticket.staff, ticket.digest(), &session).await?;
    Ok(cookie::made(COOKIE, &ticket.to_string(), LIFE))
}

/// Ends the session of somebody who is signed in, or all that they have, and gives the cookie that says so.
///
/// # Errors
/// When the ledger cannot be written.
pub async fn end(app: &App, caller: &Caller, everywhere: bool) -> Result<String, Failure> {
    let staff = caller.staff.as_ref().ok_or(Code::SignedOut)?;
    let ledger = app.ledger(caller.org);
    if everywhere {
        ledger.end_sessions(staff.key).await?;
    } else {
        loop {
            let Some(session) = ledger.session(staff.key, staff.digest).await? else { break };
            let ended = Session { has_ended: true, version: session.version + 1, ..session };
            match ledger.put_session(staff.key, staff.digest, &ended).await {
                Ok(()) => break,
                // Another page of theirs was just seen.
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(cookie::forgotten(COOKIE))
}

/// Whether what was sent comes from a page that this session was shown.
pub(crate) fn check_form(
    app: &App,
    caller: &Caller,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(), Failure> {
    let said = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let own = Url::parse(&app.config().public_url).ok().map(|url| url.origin().ascii_serialization());
    let site = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    let is_ours = match (said(header::ORIGIN), site) {
        // What our own pages send, since they name themselves to nobody: `Referrer-Policy: no-referrer`.
        (Some("null"), site) => site == Some("same-origin"),
        (Some(origin), None | Some("same-origin")) => Some(origin) == own.as_deref(),
        (None, None | Some("same-origin")) => true,
        (Some(_) | None, Some(_)) => false,
    };
    if !is_ours {
        return Err(Code::FormExpired.into());
    }
    let fields: Vec<(String, String)> =
        serde_urlencoded::from_bytes(body).map_err(|_| Failure::from(Code::FormExpired))?;
    let mut tokens = fields.iter().filter(|(name, _)| name == FORM_FIELD).map(|(_, value)| value);
    let (Some(token), None, Some(staff)) = (tokens.next(), tokens.next(), &caller.staff) else {
        return Err(Code::FormExpired.into());
    };
    verify_slices_are_equal(token.as_bytes(), staff.form_token.as_bytes())
        .map_err(|_| Code::FormExpired.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_survives_its_text_and_tells_its_form_apart_from_its_secret() {
        let ticket =
            Ticket { org: OrgId(Uuid::from_u128(1)), staff: PersonKey([2; 10]), secret: [3; SECRET] };
        let Ok(read) = ticket.to_string().parse::<Ticket>() else { panic!("it is a ticket") };

        assert_eq!((read.org, read.staff, read.secret), (ticket.org, ticket.staff, ticket.secret));
        assert_ne!(ticket.form_token(), URL_SAFE_NO_PAD.encode(ticket.digest()));
        for wrong in ["", "x", "AAAA", &"A".repeat(200), "ä"] {
            assert!(wrong.parse::<Ticket>().is_err());
        }
    }
}
