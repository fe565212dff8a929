//! Keys that sign certificates, and the public ones by which they are verified.

use std::fmt;

use aws_lc_rs::{
    digest::{SHA256, digest},
    signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::jws::ALGORITHM;

/// Why a key is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not an Ed25519 key as PKCS#8.
    #[error("expected an Ed25519 key as PKCS#8")]
    Private,
    /// Not an Ed25519 public key in any form that is read.
    #[error("expected an Ed25519 public key as PEM, JWK or JWK set")]
    Public,
}

/// A key that signs certificates.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl SigningKey {
    /// A key from its PKCS#8 form.
    ///
    /// # Errors
    /// When it is no Ed25519 key.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_pkcs8(der).map_err(|_| KeyError::Private)?;
        let public = PublicKey::try_from(pair.public_key().as_ref()).map_err(|_| KeyError::Private)?;
        Ok(Self { pair, public })
    }

    /// Its public half.
    pub fn public(&self) -> PublicKey {
        self.public
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }
}

/// Tells which key it is, and nothing more.
impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public.id())
    }
}

/// The Ed25519 key by which certificates are verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// The key's id, which follows from the key: its thumbprint (RFC 7638).
    pub fn id(&self) -> String {
        // The members that RFC 8037 names, in the order that RFC 7638 asks for.
        let members = format!(r#"{{"crv":"{CURVE}","kty":"{TYPE}","x":"{}"}}"#, self.x());
        URL_SAFE_NO_PAD.encode(digest(&SHA256, members.as_bytes()))
    }

    /// The key for other people's JOSE tools (RFC 8037).
    pub fn jwk(&self) -> Jwk {
        Jwk { kty: TYPE, crv: CURVE, x: self.x(), kid: self.id(), alg: ALGORITHM, r#use: "sig" }
    }

    /// The key itself.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn x(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.0).verify(message, signature).is_ok()
    }
}

impl TryFrom<&[u8]> for PublicKey {
    type Error = KeyError;

    fn try_from(bytes: &[u8]) -> Result<Self, KeyError> {
        bytes.try_into().map(Self).map_err(|_| KeyError::Public)
    }
}

const TYPE: &str = "OKP";
const CURVE: &str = "Ed25519";

/// A public key as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[expect(missing_docs, reason = "the names of RFC 7517 and RFC 8037")]
pub struct Jwk {
    pub kty: &'static str,
    pub crv: &'static str,
    pub x: String,
    pub kid: String,
    pub alg: &'static str,
    pub r#use: &'static str,
}

/// Several public keys as JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct JwkSet {
    /// The keys.
    pub keys: Vec<Jwk>,
}

impl FromIterator<PublicKey> for JwkSet {
    fn from_iter<I: IntoIterator<Item = PublicKey>>(keys: I) -> Self {
        Self { keys: keys.into_iter().map(|key| key.jwk()).collect() }
    }
}

/// The keys that a verifier trusts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyRing(Vec<PublicKey>);

/// The part of a JWK that makes it an Ed25519 key. What else it says is not asked: the id of a key
/// follows from the key.
#[derive(Deserialize)]
struct RawJwk {
    kty: String,
    crv: Option<String>,
    x: Option<String>,
}

#[derive(Deserialize)]
struct RawJwkSet {
    keys: Vec<RawJwk>,
}

impl KeyRing {
    /// Reads public keys: one or several PEM blocks, a JWK, or a JWK set, of which keys of other
    /// kinds are left out.
    ///
    /// # Errors
    /// When there is no Ed25519 key in it.
    pub fn read(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        let keys: Vec<PublicKey> = if text.starts_with("-----BEGIN ") {
            pem_blocks(text).map(|block| of_pem(&block?)).collect::<Result<_, _>>()?
        } else if let Ok(RawJwkSet { keys }) = serde_json::from_str(text) {
            keys.iter().filter(|key| key.is_ours()).map(PublicKey::try_from).collect::<Result<_, _>>()?
        } else {
            let key: RawJwk = serde_json::from_str(text).map_err(|_| KeyError::Public)?;
            vec![PublicKey::try_from(&key)?]
        };
        if keys.is_empty() { Err(KeyError::Public) } else { Ok(Self(keys)) }
    }

    /// The key with this id.
    pub fn find(&self, id: &str) -> Option<PublicKey> {
        self.0.iter().find(|key| key.id() == id).copied()
    }
}

impl FromIterator<PublicKey> for KeyRing {
    fn from_iter<I: IntoIterator<Item = PublicKey>>(keys: I) -> Self {
        Self(keys.into_iter().collect())
    }
}

impl RawJwk {
    fn is_ours(&self) -> bool {
        self.kty == TYPE && self.crv.as_deref() == Some(CURVE)
    }
}

impl TryFrom<&RawJwk> for PublicKey {
    type Error = KeyError;

    fn try_from(key: &RawJwk) -> Result<Self, KeyError> {
        let x = key.x.as_ref().filter(|_| key.is_ours()).ok_or(KeyError::Public)?;
        let bytes = URL_SAFE_NO_PAD.decode(x).map_err(|_| KeyError::Public)?;
        bytes.as_slice().try_into()
    }
}

/// The bytes of each `PUBLIC KEY` block of a PEM file (RFC 7468).
fn pem_blocks(text: &str) -> impl Iterator<Item = Result<Vec<u8>, KeyError>> {
    const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
    const END: &str = "-----END PUBLIC KEY-----";
    text.split_inclusive(END).filter(|block| !block.trim().is_empty()).map(|block| {
        let body = block.trim().strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END));
        let body: String = body.ok_or(KeyError::Public)?.split_whitespace().collect();
        STANDARD.decode(body).map_err(|_| KeyError::Public)
    })
}

/// The key of a `SubjectPublicKeyInfo`, whose encoding leaves no choice (RFC 8410).
fn of_pem(der: &[u8]) -> Result<PublicKey, KeyError> {
    const INFO: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    der.strip_prefix(&INFO).ok_or(KeyError::Public)?.try_into()
}
