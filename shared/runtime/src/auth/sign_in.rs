//! Signing in to the console: OpenID Connect, by a code with PKCE (RFC 7636), `state` and `nonce`.
//!
//! What must be known again when somebody comes back from the provider lies in a cookie of their browser:
//! it is worth nothing to anybody who cannot read that browser's cookies, and a table of attempts would be
//! one that strangers can fill.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use chrono::TimeDelta;
use http::HeaderMap;
use jsonwebtoken::Validation;
use serde::Deserialize;
use url::form_urlencoded;
use wire::{Code, Query};
use zeroize::Zeroizing;

use super::{
    Audience, session,
    token::{self, LEEWAY},
};
use crate::{App, Failure, Limited, SignIn, Source, cookie, outbound};

/// What is kept between leaving for the provider and coming back.
const COOKIE: &str = "__Host-lethe-sign-in";
/// How long signing in may take.
const PATIENCE: TimeDelta = TimeDelta::minutes(10);
/// Where the provider sends people back to.
pub const CALLBACK: &str = "/console/signed-in";
/// The longest path that is remembered.
const LONGEST: usize = 1024;
/// The largest answer of a provider that is read.
const MOST: usize = 64 * 1024;

/// Where to send somebody.
pub struct Leaving {
    /// The provider's page.
    pub location: String,
    /// What their browser is to keep meanwhile.
    pub cookie: String,
}

/// Somebody who came back and is signed in.
pub struct Arrived {
    /// Where they wanted to go.
    pub next: String,
    /// Their session, and the end of what was kept meanwhile.
    pub cookies: [String; 2],
}

/// What is kept meanwhile.
struct Kept {
    state: String,
    nonce: String,
    verifier: String,
    next: String,
}

impl Kept {
    fn written(&self) -> String {
        let Self { state, nonce, verifier, next } = self;
        format!("{state}.{nonce}.{verifier}.{}", URL_SAFE_NO_PAD.encode(next))
    }

    fn read(text: &str) -> Option<Self> {
        let [state, nonce, verifier, next] = text.split('.').collect::<Vec<_>>().try_into().ok()?;
        let next = String::from_utf8(URL_SAFE_NO_PAD.decode(next).ok()?).ok()?;
        let is_secret = |text: &str| URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == 32);
        let whole = [state, nonce, verifier].into_iter().all(is_secret) && next == inside(&next);
        whole.then(|| Self {
            state: state.to_owned(),
            nonce: nonce.to_owned(),
            verifier: verifier.to_owned(),
            next,
        })
    }
}

/// A path of the console, or its first page in place of anything else.
fn inside(path: &str) -> String {
    const START: &str = "/console";
    let ours = path == START || path.starts_with("/console/") || path.starts_with("/console?");
    let is_plain = path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\') && !path.contains("//");
    if ours && is_plain && path.len() <= LONGEST && !path.starts_with(CALLBACK) {
        path.to_owned()
    } else {
        START.to_owned()
    }
}

/// Sends somebody to the provider, to come back and go on at `next`.
///
/// # Errors
/// [`Code::FeatureOff`] where no provider is configured.
pub fn leave(app: &App, next: &str) -> Result<Leaving, Failure> {
    let settings = app.config().sign_in.as_ref().ok_or(Code::FeatureOff)?;
    let secret = || URL_SAFE_NO_PAD.encode(app.entropy().bytes::<32>());
    let kept = Kept { state: secret(), nonce: secret(), verifier: secret(), next: inside(next) };
    let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, kept.verifier.as_bytes()));
    let mut url = url::Url::parse(&settings.authorize_url).map_err(Failure::internal)?;
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", &settings.client_id)
        .append_pair("redirect_uri", &callback(app))
        .append_pair("scope", &settings.scope)
        .append_pair("state", &kept.state)
        .append_pair("nonce", &kept.nonce)
        .append_pair("code_challenge", &challenge)
        .append_pair("code_challenge_method", "S256");
    Ok(Leaving { location: url.into(), cookie: cookie::made(COOKIE, &kept.written(), PATIENCE) })
}

fn callback(app: &App) -> String {
    format!("{}{CALLBACK}", app.config().public_url)
}

/// What the provider answers.
#[derive(Deserialize)]
struct Tokens {
    id_token: String,
    access_token: String,
}

/// The claims of an ID token that decide (OpenID Connect Core 1.0, 3.1.3.7).
#[derive(Deserialize)]
struct IdClaims {
    iss: String,
    sub: String,
    aud: Audience,
    azp: Option<String>,
    exp: i64,
    nonce: Option<String>,
    name: Option<String>,
    preferred_username: Option<String>,
}

/// Signs in somebody who came back from the provider.
///
/// # Errors
/// [`Code::TooManyRequests`] when it is tried too often, and [`Code::SignInFailed`] when anything is not as it must be; what is not said, because who it is not for
/// must not learn it.
pub async fn arrive(
    app: &App,
    headers: &HeaderMap,
    source: &Source,
    query: &Query,
) -> Result<Arrived, Failure> {
    let failed = || Failure::from(Code::SignInFailed);
    let settings = app.config().sign_in.as_ref().ok_or(Code::FeatureOff)?;
    let kept = cookie::read(headers, COOKIE).and_then(Kept::read).ok_or_else(failed)?;
    if query.one("state")? != Some(kept.state.as_str()) {
        return Err(failed());
    }
    // Who answers says so, where they can (RFC 9207): another provider's code is not sent to this one.
    if query.one("iss")?.is_some_and(|iss| iss != settings.iss) {
        return Err(failed());
    }
    let code = query.one("code")?.ok_or_else(failed)?;
    // For which tenant it is, only the provider can say: until then, the first keeps count.
    if let Some(org) = app.config().tenants.keys().next() {
        app.limit_source(*org, Limited::SignIn, source).await?;
    }
    let tokens = exchange(app, settings, code, &kept.verifier).await?.ok_or_else(failed)?;
    let claims = identify(app, settings, &tokens.id_token).await?;
    if claims.nonce.as_deref() != Some(kept.nonce.as_str()) {
        return Err(failed());
    }
    let caller = token::verify(app, &tokens.access_token).await.map_err(|_| failed())?;
    if caller.subject != claims.sub || caller.is_client {
        return Err(failed());
    }
    if let Some(person) = caller.person() {
        let key = app.ledger(caller.org).key_of(&person).await?;
        app.limit_person(caller.org, Limited::SignIn, key).await?;
    }
    let name = claims.name.or(claims.preferred_username).filter(|name| !name.trim().is_empty());
    let name = name.unwrap_or(claims.sub).chars().filter(|c| !c.is_control()).take(120).collect();
    let session = session::begin(app, &caller, name).await?;
    Ok(Arrived { next: kept.next, cookies: [session, cookie::forgotten(COOKIE)] })
}

/// Exchanges a code for tokens.
async fn exchange(
    app: &App,
    settings: &SignIn,
    code: &str,
    verifier: &str,
) -> Result<Option<Tokens>, Failure> {
    let callback = callback(app);
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", &callback),
        ("code_verifier", verifier),
    ];
    // A client says once who it is (RFC 6749, 2.3).
    let authorization = match &settings.client_secret {
        Some(name) => {
            let secret = app.clients().secrets().secret(name).await.map_err(Failure::unavailable)?;
            Some(basic(&settings.client_id, secret.expose()))
        }
        None => {
            form.push(("client_id", &settings.client_id));
            None
        }
    };
    let form = serde_urlencoded::to_string(form).map_err(Failure::internal)?;
    let bytes = outbound::post_form(&settings.token_url, form, authorization, MOST).await;
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

/// The credentials of a client; either part is encoded as in a form first (RFC 6749, 2.3.1).
fn basic(client_id: &str, secret: &str) -> Zeroizing<String> {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = Zeroizing::new(format!("{}:{}", encoded(client_id), encoded(secret)));
    Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())))
}

/// Whom an ID token names, if it is the provider's and for us.
async fn identify(app: &App, settings: &SignIn, id_token: &str) -> Result<IdClaims, Failure> {
    let failed = || Failure::from(Code::SignInFailed);
    let head = token::head(id_token).map_err(|_| failed())?;
    let terms = token::terms(app, &head).await?;
    let mut validation = Validation::new(terms.algorithm);
    // Signature only, as for access tokens: times are compared with our own clock.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let claims =
        jsonwebtoken::decode::<IdClaims>(id_token, &terms.key, &validation).map_err(|_| failed())?.claims;
    let is_theirs = !terms.is_own && terms.iss == settings.iss && claims.iss == settings.iss;
    let is_ours = claims.aud.names(&settings.client_id)
        && claims.azp.as_ref().is_none_or(|azp| *azp == settings.client_id);
    let is_fresh =
        chrono::DateTime::from_timestamp(claims.exp, 0).is_some_and(|end| app.now() < end + LEEWAY);
    if is_theirs && is_ours && is_fresh { Ok(claims) } else { Err(failed()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_encoded_as_in_a_form_first() {
        // `console+1:a%3Ab+c%25`
        assert_eq!(*basic("console 1", "a:b c%"), "Basic Y29uc29sZSsxOmElM0FiK2MlMjU=");
    }

    #[test]
    fn nobody_is_led_out_of_the_console() {
        for good in ["/console", "/console/requests?kind=erasure&cursor=a", "/console?x=1"] {
            assert_eq!(inside(good), good);
        }
        for bad in [
            "",
            "/",
            "//evil.example",
            "/console//evil.example",
            "/consoles",
            "https://evil.example/console",
            "/\\evil.example",
            "/console\\..\\x",
            "/console/\r\nset-cookie: a=b",
            "/console/ä",
            "javascript:alert(1)",
            CALLBACK,
        ] {
            assert_eq!(inside(bad), "/console", "{bad}");
        }
    }
}
