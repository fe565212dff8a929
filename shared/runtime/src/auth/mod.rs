//! Who is calling: the only place where a credential becomes a [`Caller`].

mod clients;
mod jwks;
pub mod session;
pub mod sign_in;
mod token;

use std::collections::BTreeSet;

use domain::{OrgId, PersonId, permission::Grants};
use http::HeaderMap;
use wire::{At, Code, Fault, Problem, Reason};

pub use clients::hash_secret;
pub use session::Staff;
pub use token::{Audience, OwnToken, TokenClaims, sign};

use crate::{App, Credentials, Failure, Issuer};
use clients::Known;
use jwks::KeyRing;

/// A verified caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The tenant, from the credential alone.
    pub org: OrgId,
    /// The person or program that the credential names.
    pub subject: String,
    /// Whether it is an API client rather than the bearer of a token.
    pub is_client: bool,
    /// What they were granted.
    pub grants: Grants,
    /// Third parties with which the person has logged in.
    pub linked_identities: BTreeSet<String>,
    /// Who of the staff it is, if they came through the console.
    pub staff: Option<Staff>,
}

impl Caller {
    /// The person, if the caller can be one.
    pub fn person(&self) -> Option<PersonId> {
        if self.is_client { None } else { self.subject.parse().ok() }
    }

    /// How the caller is named in histories: programs by their id, persons not at all.
    pub fn actor(&self) -> String {
        if self.is_client { format!("client:{}", self.subject) } else { "bearer".to_owned() }
    }
}

/// Keeps what is known of issuers and clients between calls.
pub(crate) struct Gatekeeper {
    keys: KeyRing,
    known: Known,
}

impl Gatekeeper {
    pub(crate) fn new(issuers: &[Issuer]) -> Self {
        Self { keys: KeyRing::new(issuers), known: Known::default() }
    }
}

/// Verifies the credentials of a call.
pub(crate) async fn verify(
    app: &App,
    credentials: Credentials,
    headers: &HeaderMap,
) -> Result<Option<Caller>, Failure> {
    match credentials {
        Credentials::None => Ok(None),
        Credentials::Bearer => {
            let token = bearer(headers).ok_or(Code::AuthMalformedAccess)?;
            token::verify(app, token).await.map(Some)
        }
        Credentials::BearerOrCookie => {
            let token = bearer(headers).or_else(|| cookie(headers)).ok_or(Code::AuthMalformedAccess)?;
            token::verify(app, token).await.map(Some)
        }
        Credentials::ApiKey => api_key(app, headers).await.map(Some),
        Credentials::Session => session::verify(app, headers).await.map(Some),
        Credentials::BasicOrBearer => match bearer(headers) {
            Some(token) => token::verify(app, token).await.map(Some),
            None => {
                let (id, secret) = basic(headers).ok_or(Code::AuthMalformedAccess)?;
                clients::verify(app, &id, &secret).await.map(Some)
            }
        },
    }
}

/// An API client's own sign-in, for the token endpoint.
///
/// # Errors
/// [`Code::BadClient`], whatever is wrong with it.
pub async fn sign_in(app: &App, id: &str, secret: &str) -> Result<Caller, Failure> {
    clients::verify(app, id, secret).await
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn scheme<'a>(headers: &'a HeaderMap, expected: &str) -> Option<&'a str> {
    let (scheme, rest) = header(headers, "authorization")?.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case(expected).then_some(rest.trim())
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    scheme(headers, "bearer").filter(|token| !token.is_empty())
}

/// The `Authorization` cookie, with or without the scheme.
fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all("cookie").iter().filter_map(|value| value.to_str().ok());
    let value = cookies
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .find(|(name, _)| *name == "Authorization")
        .map(|(_, value)| value.trim().trim_matches('"'))?;
    let token = value
        .strip_prefix("Bearer")
        .map_or(value, |rest| rest.trim_start_matches([' ', '+']).trim_start_matches("%20"));
    Some(token).filter(|token| !token.is_empty())
}

fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};

    let decoded = STANDARD.decode(scheme(headers, "basic")?).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

/// SlashID: a key of the form `<client>.<secret>` beside the tenant's id, which must match.
async fn api_key(app: &App, headers: &HeaderMap) -> Result<Caller, Failure> {
    const ORG: &str = "SlashID-OrgID";
    let wrong = |reason| {
        Failure::from(Problem::faults(Code::InvalidParameter, vec![Fault::new(At::Header(ORG), reason)]))
    };
    let org = header(headers, ORG).ok_or_else(|| wrong(Reason::Missing))?;
    let org: OrgId = org.trim().parse().map_err(|_| wrong(Reason::Uuid))?;
    let key = header(headers, "SlashID-API-Key").ok_or(Code::AuthMalformedAccess)?;
    let (id, secret) = key.trim().split_once('.').ok_or(Code::BadClient)?;
    let caller = clients::verify(app, id, secret).await?;
    // A tenant that exists and one that does not are told apart by nobody.
    if caller.org == org { Ok(caller) } else { Err(Code::BadClient.into()) }
}
