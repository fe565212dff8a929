//! The link with which a person confirms, at their verified address, that a takeout may be
//! delivered to another.

use std::{fmt, str::FromStr};

use aws_lc_rs::digest::{SHA256, digest as hash};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{OrgId, PersonKey, RequestId};
use uuid::Uuid;

/// Bytes of the secret part.
pub(super) const SECRET: usize = 24;

/// What the link carries: where to look, and a secret that opens only what is found there.
pub(super) struct Token {
    pub(super) org: OrgId,
    pub(super) person: PersonKey,
    pub(super) request: RequestId,
    pub(super) secret: [u8; SECRET],
}

/// The digest of a secret. It is what is stored, so that a copy of the table confirms nothing.
pub(super) fn digest(secret: &[u8; SECRET]) -> [u8; 32] {
    let mut digest = [0; 32];
    digest.copy_from_slice(hash(&SHA256, secret).as_ref());
    digest
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: [&[u8]; 4] =
            [self.org.0.as_bytes(), &self.person.0, self.request.0.as_bytes(), &self.secret];
        f.write_str(&URL_SAFE_NO_PAD.encode(parts.concat()))
    }
}

/// The text is no token.
#[derive(Debug)]
pub(super) struct NoToken;

impl FromStr for Token {
    type Err = NoToken;

    fn from_str(text: &str) -> Result<Self, NoToken> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| NoToken)?;
        let (org, rest) = bytes.split_first_chunk().ok_or(NoToken)?;
        let (person, rest) = rest.split_first_chunk().ok_or(NoToken)?;
        let (request, secret) = rest.split_first_chunk().ok_or(NoToken)?;
        Ok(Self {
            org: OrgId(Uuid::from_bytes(*org)),
            person: PersonKey(*person),
            request: RequestId(Uuid::from_bytes(*request)),
            secret: secret.try_into().map_err(|_| NoToken)?,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_token_survives_its_text() {
        let token = Token {
            org: OrgId(Uuid::from_u128(1)),
            person: PersonKey([2; 10]),
            request: RequestId(Uuid::from_u128(3)),
            secret: [4; SECRET],
        };

        let read: Token = token.to_string().parse().unwrap();

        assert_eq!(
            (read.org, read.person, read.request, read.secret),
            (token.org, token.person, token.request, token.secret)
        );
        for wrong in ["", "x", "AAAA", &"A".repeat(200), "ä"] {
            assert!(wrong.parse::<Token>().is_err());
        }
    }
}
