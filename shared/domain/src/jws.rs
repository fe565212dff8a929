//! What we sign: a compact JWS (RFC 7515, RFC 8037) over some bytes and one word that says what they are, so
//! that a signature over one thing is never taken for one over another.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::certificate::{KeyRing, PublicKey, SigningKey};

/// The signature algorithm as JOSE names it.
pub(crate) const ALGORITHM: &str = "EdDSA";

/// The header. A member more could change what the signature means, so it is refused.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    alg: String,
    kid: String,
    typ: String,
}

/// Why a JWS is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Not a JWS in compact form.
    Form,
    /// A header that says something else.
    Header,
    /// Signed with a key that is not among those given.
    UnknownKey,
    /// The signature does not fit.
    Signature,
}

/// Signs `payload`, which is a `kind`.
pub(crate) fn sign(kind: &str, payload: &[u8], key: &SigningKey) -> Result<String, serde_json::Error> {
    let head = Head { alg: ALGORITHM.to_owned(), kid: key.public().id(), typ: kind.to_owned() };
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let message = format!("{}.{}", encode(&serde_json::to_vec(&head)?), encode(payload));
    let signature = encode(&key.sign(message.as_bytes()));
    Ok(format!("{message}.{signature}"))
}

/// What was signed as a `kind`, and by whom.
pub(crate) fn open(kind: &str, jws: &str, keys: &KeyRing) -> Result<(Vec<u8>, PublicKey), Refused> {
    let (message, signature) = jws.rsplit_once('.').ok_or(Refused::Form)?;
    let (head, payload) = message.split_once('.').ok_or(Refused::Form)?;
    let head: Head = serde_json::from_slice(&decode(head)?).map_err(|_| Refused::Header)?;
    if head.alg != ALGORITHM || head.typ != kind {
        return Err(Refused::Header);
    }
    let (payload, signature) = (decode(payload)?, decode(signature)?);
    let key = keys.find(&head.kid).ok_or(Refused::UnknownKey)?;
    if key.verifies(message.as_bytes(), &signature) { Ok((payload, key)) } else { Err(Refused::Signature) }
}

/// What a JWS says, whoever signed it.
pub(crate) fn payload(jws: &str) -> Result<Vec<u8>, Refused> {
    decode(jws.split('.').nth(1).ok_or(Refused::Form)?)
}

fn decode(part: &str) -> Result<Vec<u8>, Refused> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Refused::Form)
}
