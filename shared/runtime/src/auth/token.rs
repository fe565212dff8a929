//! Bearer tokens: JWTs of configured issuers, and those that we sign ourselves for API clients.
//!
//! Every way in which a token can be wrong has its own code, those of
//! `003_7e754b52a3de9fbd.txt`; no answer repeats what the token says.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use domain::{OrgId, Timestamp};
use jsonwebtoken::{
    Algorithm, AlgorithmFamily, DecodingKey, EncodingKey, Header, Validation,
    errors::ErrorKind,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk},
};
use serde::{Deserialize, Serialize, de::IgnoredAny};
use store::StoreError;
use wire::{Code, Problem};

use super::jwks::LookUp;
use crate::{App, Caller, Failure};

/// The key id of our own tokens.
const OWN_KEY: &str = "lethe";
/// The issuer and audience of our own tokens.
const OWN: &str = "lethe";
/// How far clocks may differ.
pub(super) const LEEWAY: TimeDelta = TimeDelta::seconds(60);
/// The longest token that is read.
const LONGEST: usize = 16 * 1024;
/// The version of the claims below.
const VERSION: u32 = 1;

/// The part of a token's header that decides.
#[derive(Deserialize)]
pub(super) struct Head {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<IgnoredAny>,
    b64: Option<IgnoredAny>,
}

/// The claims of an access token.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct TokenClaims {
    /// Who issued it.
    pub iss: String,
    /// Whom it names.
    pub sub: String,
    /// For whom it is.
    pub aud: Audience,
    /// Until when, in Unix seconds.
    pub exp: i64,
    /// From when on, in Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    /// When it was issued, in Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iat: Option<i64>,
    /// The version of these claims.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ver: Option<u32>,
    /// The tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org: Option<OrgId>,
    /// Scopes, separated by spaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Permissions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub permissions: Vec<String>,
    /// Third parties with which the person has logged in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub linked_identities: Vec<String>,
    /// Whether the bearer is an API client. Believed in our own tokens only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<bool>,
}

/// One audience or several.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Audience {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl Audience {
    pub(super) fn names(&self, audience: &str) -> bool {
        match self {
            Self::One(one) => one == audience,
            Self::Many(many) => many.iter().any(|one| one == audience),
        }
    }
}

/// What a token must hold to.
pub(super) struct Terms {
    pub(super) key: DecodingKey,
    pub(super) algorithm: Algorithm,
    pub(super) iss: String,
    audience: String,
    org: Option<OrgId>,
    pub(super) is_own: bool,
}

/// Verifies a token.
pub(super) async fn verify(app: &App, token: &str) -> Result<Caller, Failure> {
    let refuse = |code: Code| Err(Failure::from(code));
    let invalid = |claim: &str| Err(Failure::from(Problem::about(Code::AuthTokenInvalidClaim, claim)));
    if token.len() > LONGEST || token.split('.').count() != 3 || token.split('.').any(str::is_empty) {
        return refuse(Code::AuthNotJwt);
    }
    let head = head(token)?;
    // Only access tokens open anything (RFC 9068, RFC 8725).
    let typ = head.typ.as_deref().map(str::to_ascii_lowercase);
    if !matches!(typ.as_deref(), None | Some("jwt" | "at+jwt" | "application/at+jwt")) {
        return refuse(Code::AuthTokenInvalidType);
    }
    if head.crit.is_some() || head.b64.is_some() {
        return Err(Problem::about(Code::AuthTokenFormat, "unsupported header").into());
    }
    let terms = terms(app, &head).await?;

    let mut validation = Validation::new(terms.algorithm);
    // Signature only: times are compared with our own clock, and each claim has its own answer.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let claims = match jsonwebtoken::decode::<TokenClaims>(token, &terms.key, &validation) {
        Ok(data) => data.claims,
        Err(error) => {
            return match error.kind() {
                ErrorKind::InvalidSignature => refuse(Code::AuthTokenSigInvalid),
                ErrorKind::InvalidAlgorithm => Err(Problem::about(Code::AuthTokenFormat, "algorithm").into()),
                ErrorKind::Json(_) | ErrorKind::Utf8(_) => refuse(Code::AuthTokenUnknown),
                _ => Err(Problem::about(Code::AuthTokenFormat, "signature").into()),
            };
        }
    };
    if claims.ver.is_some_and(|version| version != VERSION) {
        return refuse(Code::AuthInvalidVersion);
    }
    if claims.iss != terms.iss {
        return invalid("iss");
    }
    if !claims.aud.names(&terms.audience) {
        return invalid("aud");
    }
    let now = app.now();
    let at = |seconds: i64| chrono::DateTime::from_timestamp(seconds, 0);
    match at(claims.exp) {
        None => return invalid("exp"),
        Some(end) if end <= now - LEEWAY => return refuse(Code::AuthTokenExpired),
        Some(_) => {}
    }
    if claims.nbf.is_some_and(|start| at(start).is_none_or(|start| now + LEEWAY < start)) {
        return invalid("nbf");
    }
    if claims.sub.is_empty() {
        return invalid("sub");
    }
    let org = match (terms.org, claims.org) {
        (Some(own), None) => own,
        (Some(own), Some(said)) if own == said => own,
        (None, Some(said)) => said,
        (Some(_), Some(_)) | (None, None) => return invalid("org"),
    };
    if app.config().tenant(org).is_none() {
        return invalid("org");
    }
    let scopes = claims.scope.iter().flat_map(|scope| scope.split_ascii_whitespace()).map(str::to_owned);
    Ok(Caller {
        org,
        is_client: terms.is_own && claims.client == Some(true),
        subject: claims.sub,
        grants: scopes.chain(claims.permissions).collect(),
        linked_identities: claims.linked_identities.into_iter().collect(),
        staff: None,
    })
}

pub(super) fn head(token: &str) -> Result<Head, Failure> {
    let malformed = || Failure::from(Problem::about(Code::AuthTokenFormat, "header"));
    let encoded = token.split('.').next().unwrap_or_default();
    let decoded = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| malformed())?;
    serde_json::from_slice(&decoded).map_err(|_| malformed())
}

/// The key and the rules by which a token with this header is verified.
pub(super) async fn terms(app: &App, head: &Head) -> Result<Terms, Failure> {
    let wrong_algorithm = || Failure::from(Problem::about(Code::AuthTokenFormat, "algorithm"));
    let algorithm: Algorithm = head.alg.parse().map_err(|_| wrong_algorithm())?;
    let kid = head.kid.as_deref().ok_or(Code::AuthInvalidKeyId)?;
    if kid == OWN_KEY {
        if algorithm != Algorithm::EdDSA {
            return Err(wrong_algorithm());
        }
        let pair = own_key(app).await?;
        return Ok(Terms {
            key: DecodingKey::from_ed_der(pair.public_key().as_ref()),
            algorithm,
            iss: OWN.to_owned(),
            audience: OWN.to_owned(),
            org: None,
            is_own: true,
        });
    }
    let found = match app.gatekeeper().keys.find(kid, app.now()).await {
        LookUp::Found(found) => found,
        LookUp::Unknown => return Err(Code::AuthInvalidKeyId.into()),
        LookUp::Unavailable => return Err(Code::AuthUnavailable.into()),
    };
    if !found.issuer.algorithms.contains(&algorithm) || !fits(&found.key, algorithm) {
        return Err(wrong_algorithm());
    }
    let key = DecodingKey::from_jwk(&found.key).map_err(|_| Code::AuthInvalidKeyId)?;
    Ok(Terms {
        key,
        algorithm,
        iss: found.issuer.iss.clone(),
        audience: found.issuer.audience.clone(),
        org: found.issuer.org,
        is_own: false,
    })
}

/// Whether a key is of the kind that an algorithm needs. Symmetric keys fit nothing.
fn fits(key: &Jwk, algorithm: Algorithm) -> bool {
    match &key.algorithm {
        AlgorithmParameters::RSA(_) => AlgorithmFamily::Rsa.algorithms().contains(&algorithm),
        AlgorithmParameters::EllipticCurve(parameters) => match parameters.curve {
            EllipticCurve::P256 => algorithm == Algorithm::ES256,
            EllipticCurve::P384 => algorithm == Algorithm::ES384,
            _ => false,
        },
        AlgorithmParameters::OctetKeyPair(_) => algorithm == Algorithm::EdDSA,
        _ => false,
    }
}

async fn own_key(app: &App) -> Result<Ed25519KeyPair, Failure> {
    let der = app.store().signing_key().await?;
    Ed25519KeyPair::from_pkcs8(&der).map_err(|_| Failure::internal(StoreError::Sealing("read")))
}

/// A token of ours, for an API client.
pub struct OwnToken {
    /// The token.
    pub token: String,
    /// When it was issued.
    pub issued_at: Timestamp,
}

impl OwnToken {
    /// How long our tokens live.
    pub const LIFE: TimeDelta = TimeDelta::days(1);

    /// Issues a token for a client, with `scopes` out of what it is granted.
    ///
    /// # Errors
    /// When our signing key cannot be had.
    pub async fn issue(app: &App, client: &Caller, scopes: &[String]) -> Result<Self, Failure> {
        let issued_at = app.now();
        let claims = TokenClaims {
            iss: OWN.to_owned(),
            sub: client.subject.clone(),
            aud: Audience::One(OWN.to_owned()),
            exp: (issued_at + Self::LIFE).timestamp(),
            nbf: None,
            iat: Some(issued_at.timestamp()),
            ver: Some(VERSION),
            org: Some(client.org),
            scope: Some(scopes.join(" ")),
            permissions: Vec::new(),
            linked_identities: Vec::new(),
            client: Some(true),
        };
        let der = app.store().signing_key().await?;
        let token = sign(&claims, &der, OWN_KEY).map_err(Failure::internal)?;
        Ok(Self { token, issued_at })
    }
}

/// Signs claims with an Ed25519 key, given as PKCS#8.
///
/// # Errors
/// When the key is not usable.
pub fn sign(claims: &TokenClaims, pkcs8: &[u8], kid: &str) -> Result<String, jsonwebtoken::errors::Error> {
    let header =
        Header { kid: Some(kid.to_owned()), typ: Some("at+jwt".to_owned()), ..Header::new(Algorithm::EdDSA) };
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_ed_der(pkcs8))
}
