//! The provider of identities that local mode signs staff in with: OpenID Connect, as little of it as the
//! console asks for. Whoever opens its page picks who they are; nothing is asked, since nobody is kept out
//! of their own machine.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::{SecureRandom as _, SystemRandom},
};
use axum::{
    Form, Json, Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use chrono::TimeDelta;
use domain::Permission;
use pages::local_sign_in::{Choice, LocalSignIn};
use runtime::SignIn;
use serde::Deserialize;
use serde_json::json;
use url::Url;

use crate::{Identity, TokenRequest, VirtualClock};

/// As whom the console is registered.
const CLIENT: &str = "lethe-console";
/// Where its secret lies, and the secret: nothing is secret from whoever runs both.
pub(crate) const SECRET_NAME: &str = "lethe-console";
pub(crate) const SECRET: &str = "of-this-machine";
const AUTHORIZE: &str = "/_local/oidc/authorize";
const TOKEN: &str = "/_local/oidc/token";

/// Somebody of the demo's staff.
#[derive(Clone, Copy, Debug)]
pub struct Staff {
    /// Their id at the provider.
    pub sub: &'static str,
    /// How they are called.
    pub name: &'static str,
    /// What they do.
    pub role: &'static str,
    /// What they may.
    pub permissions: &'static [Permission],
}

/// The demo's staff: somebody for each way in which the permissions of `004_e2c16d59e31fafcb.txt` are
/// usually given.
pub const STAFF: [Staff; 5] = [
    Staff {
        sub: "staff-dana",
        name: "Dana Dahl",
        role: "Data protection officer: may do everything",
        permissions: Permission::ALL,
    },
    Staff {
        sub: "staff-robin",
        name: "Robin Rask",
        role: "Privacy team: sees all requests and confirms them",
        permissions: &[
            Permission::AccountView,
            Permission::PdrView,
            Permission::PdrViewAll,
            Permission::PdrModify,
            Permission::PdrConfirm,
        ],
    },
    Staff {
        sub: "staff-casey",
        name: "Casey Kern",
        role: "Customer care: sees persons and makes requests for them",
        permissions: &[Permission::AccountView, Permission::PdrView, Permission::PdrModify],
    },
    Staff {
        sub: "staff-alex",
        name: "Alex Aalto",
        role: "Auditor: sees everything, changes nothing",
        permissions: &[Permission::AccountView, Permission::PdrView, Permission::PdrViewAll],
    },
    Staff { sub: "staff-noa", name: "Noa Nym", role: "Somebody without any permission", permissions: &[] },
];

/// A code that was given out and not yet exchanged.
struct Given {
    staff: Staff,
    redirect_uri: String,
    nonce: Option<String>,
    challenge: String,
}

pub(crate) struct Provider {
    identity: Identity,
    clock: VirtualClock,
    codes: Mutex<HashMap<String, Given>>,
}

/// The settings of the console that sign in here.
pub(crate) fn settings(identity: &Identity, gateway: &str) -> SignIn {
    SignIn {
        iss: identity.issuer_name().to_owned(),
        client_id: CLIENT.to_owned(),
        client_secret: Some(SECRET_NAME.to_owned()),
        authorize_url: format!("{gateway}{AUTHORIZE}"),
        token_url: format!("{gateway}{TOKEN}"),
        scope: "openid profile".to_owned(),
    }
}

pub(crate) fn router(identity: Identity, clock: VirtualClock) -> Router {
    let provider = Arc::new(Provider { identity, clock, codes: Mutex::default() });
    Router::new().route(AUTHORIZE, get(choose).post(authorize)).route(TOKEN, post(token)).with_state(provider)
}

/// What the console asks when it sends somebody here.
#[derive(Deserialize)]
struct Ask {
    response_type: String,
    client_id: String,
    redirect_uri: String,
    state: String,
    nonce: Option<String>,
    code_challenge: String,
    code_challenge_method: String,
}

/// Who is it?
async fn choose(Query(ask): Query<Ask>) -> Response {
    if ask.client_id != CLIENT || ask.response_type != "code" || ask.code_challenge_method != "S256" {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let kept = [
        ("redirect_uri", ask.redirect_uri.as_str()),
        ("state", &ask.state),
        ("nonce", ask.nonce.as_deref().unwrap_or_default()),
        ("code_challenge", &ask.code_challenge),
    ];
    let choices = STAFF.map(|staff| Choice { sub: staff.sub, name: staff.name, role: staff.role });
    Html(LocalSignIn { action: AUTHORIZE, kept: &kept, choices: &choices }.page()).into_response()
}

/// Who it is, and what the console asked.
#[derive(Deserialize)]
struct Chosen {
    sub: String,
    redirect_uri: String,
    state: String,
    nonce: String,
    code_challenge: String,
}

async fn authorize(State(provider): State<Arc<Provider>>, Form(chosen): Form<Chosen>) -> Response {
    let Chosen { sub, redirect_uri, state, nonce, code_challenge } = chosen;
    let staff = STAFF.into_iter().find(|staff| staff.sub == sub);
    let (Some(staff), Ok(mut back)) = (staff, Url::parse(&redirect_uri)) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let mut bytes = [0; 24];
    if SystemRandom::new().fill(&mut bytes).is_err() {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let code = URL_SAFE_NO_PAD.encode(bytes);
    back.query_pairs_mut()
        .append_pair("code", &code)
        .append_pair("state", &state)
        .append_pair("iss", provider.identity.issuer_name());
    let nonce = Some(nonce).filter(|nonce| !nonce.is_empty());
    let given = Given { staff, redirect_uri, nonce, challenge: code_challenge };
    provider.codes.lock().unwrap_or_else(PoisonError::into_inner).insert(code, given);
    Redirect::to(back.as_str()).into_response()
}

/// A code in exchange for tokens.
#[derive(Deserialize)]
struct Exchange {
    grant_type: String,
    code: String,
    redirect_uri: String,
    code_verifier: String,
}

async fn token(
    State(provider): State<Arc<Provider>>,
    headers: HeaderMap,
    Form(ask): Form<Exchange>,
) -> Response {
    let console = format!("Basic {}", STANDARD.encode(format!("{CLIENT}:{SECRET}")));
    if headers.get(AUTHORIZATION).is_none_or(|sent| sent.as_bytes() != console.as_bytes()) {
        return (StatusCode::UNAUTHORIZED, Json(json!({"error": "invalid_client"}))).into_response();
    }
    // A code is worth one attempt.
    let given = provider.codes.lock().unwrap_or_else(PoisonError::into_inner).remove(&ask.code);
    let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, ask.code_verifier.as_bytes()));
    let fits = |given: &Given| {
        ask.grant_type == "authorization_code"
            && ask.redirect_uri == given.redirect_uri
            && challenge == given.challenge
    };
    let Some(Given { staff, nonce, .. }) = given.filter(fits) else {
        return (StatusCode::BAD_REQUEST, Json(json!({"error": "invalid_grant"}))).into_response();
    };
    let now = provider.clock.now();
    let access = TokenRequest {
        sub: staff.sub.to_owned(),
        org: None,
        permissions: staff.permissions.iter().map(|permission| permission.name().to_owned()).collect(),
        scopes: Vec::new(),
        linked_identities: Vec::new(),
        expires_in: TimeDelta::minutes(5),
    };
    let claims = json!({
        "iss": provider.identity.issuer_name(),
        "sub": staff.sub,
        "aud": CLIENT,
        "iat": now.timestamp(),
        "exp": (now + TimeDelta::minutes(5)).timestamp(),
        "nonce": nonce,
        "name": staff.name,
    });
    match (provider.identity.token(&access, now), provider.identity.id_token(&claims)) {
        (Ok(access_token), Ok(id_token)) => Json(json!({
            "access_token": access_token,
            "id_token": id_token,
            "token_type": "Bearer",
            "expires_in": 300,
        }))
        .into_response(),
        (Ok(_) | Err(_), Ok(_) | Err(_)) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
