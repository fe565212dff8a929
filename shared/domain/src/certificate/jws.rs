//! A certificate with its signature: a compact JWS (RFC 7515, RFC 8037), so that other people's tools
//! can verify it too, and the file in which it travels beside its readable text.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Certificate, KeyRing, PublicKey, SigningKey};
use crate::jws;

/// What says that a signature is one over a certificate, and not over a token.
const TYPE: &str = "lethe-certificate";

/// A certificate with its signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Signed(String);

/// The file.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "CertificateFile")]
#[serde(deny_unknown_fields)]
pub struct File<'a> {
    #[schemars(with = "Certificate")]
    #[serde(borrow)]
    certificate: &'a RawValue,
    /// The certificate, signed: RFC 7515, compact.
    jws: &'a str,
}

/// Any version of a certificate.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

/// A certificate that was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// What it says.
    pub certificate: Certificate,
    /// The key by which it was verified.
    pub key: PublicKey,
}

/// Why a certificate is refused. Repeats nothing of what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not the file that we make.
    #[error("the file is not an object of `certificate` and `jws`")]
    File,
    /// Not a JWS in compact form.
    #[error("the signature is not a compact JWS")]
    Jws,
    /// A header that is not that of a certificate.
    #[error("the signature is not one over a certificate")]
    Header,
    /// Signed with a key that is not among those given.
    #[error("the certificate was not signed with a key that was given")]
    UnknownKey,
    /// The signature does not fit.
    #[error("the signature is wrong: something was changed, or somebody else signed")]
    Signature,
    /// The readable text is not what was signed.
    #[error("`certificate` is not what was signed")]
    Differs,
    /// A version that is not known.
    #[error("the certificate is of a version that is not known")]
    Version,
    /// What was signed is no certificate.
    #[error("what was signed is not a certificate of a complete erasure")]
    Content,
}

impl Signed {
    /// Signs a certificate.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn sign(certificate: &Certificate, key: &SigningKey) -> Result<Self, serde_json::Error> {
        jws::sign(TYPE, &serde_json::to_vec(certificate)?, key).map(Self)
    }

    /// The JWS.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The file in which it travels: what was signed, to the byte, beside the JWS.
    ///
    /// # Errors
    /// When it holds no text.
    pub fn file(&self) -> Result<String, Refused> {
        let payload = String::from_utf8(jws::payload(&self.0)?).map_err(|_| Refused::Content)?;
        Ok(format!(r#"{{"certificate":{payload},"jws":"{}"}}"#, self.0))
    }
}

/// Verifies a certificate's file with nothing but the public keys of who may have signed it.
///
/// `certificate` must be, to the byte, what was signed; only spaces and line breaks between its
/// tokens are free, so that it may be laid out for reading.
///
/// # Errors
/// Why it is refused.
pub fn verify(file: &str, keys: &KeyRing) -> Result<Verified, Refused> {
    let File { certificate: shown, jws } = serde_json::from_str(file).map_err(|_| Refused::File)?;
    let (payload, key) = jws::open(TYPE, jws, keys)?;
    if !without_layout(shown.get()).eq(payload.iter().copied()) {
        return Err(Refused::Differs);
    }
    let Versioned { version } = serde_json::from_slice(&payload).map_err(|_| Refused::Content)?;
    if version != Certificate::VERSION {
        return Err(Refused::Version);
    }
    let certificate: Certificate = serde_json::from_slice(&payload).map_err(|_| Refused::Content)?;
    if certificate.is_sound() { Ok(Verified { certificate, key }) } else { Err(Refused::Content) }
}

impl From<jws::Refused> for Refused {
    fn from(refused: jws::Refused) -> Self {
        match refused {
            jws::Refused::Form => Self::Jws,
            jws::Refused::Header => Self::Header,
            jws::Refused::UnknownKey => Self::UnknownKey,
            jws::Refused::Signature => Self::Signature,
        }
    }
}

/// The bytes of a JSON text without the white space between its tokens.
fn without_layout(json: &str) -> impl Iterator<Item = u8> {
    let (mut in_text, mut escaped) = (false, false);
    json.bytes().filter(move |byte| {
        let is_layout = !in_text && byte.is_ascii_whitespace();
        if *byte == b'"' && !escaped {
            in_text = !in_text;
        }
        escaped = in_text && *byte == b'\\' && !escaped;
        !is_layout
    })
}
