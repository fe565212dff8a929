//! What a link into a personal data view, or the cookie of one that is open, carries: where to look, and a
//! secret that opens what is found there.

use std::{fmt, str::FromStr};

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{OrgId, PersonKey};
use uuid::Uuid;

/// Bytes of the secret.
const SECRET: usize = 32;

/// The token.
pub(crate) struct ViewToken {
    pub(crate) org: OrgId,
    pub(crate) person: PersonKey,
    pub(crate) secret: [u8; SECRET],
}

impl ViewToken {
    /// What is kept of it, so that a copy of the table opens nothing.
    pub(crate) fn digest(&self) -> Vec<u8> {
        digest(&SHA256, &self.secret).as_ref().to_vec()
    }
}

impl fmt::Display for ViewToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: [&[u8]; 3] = [self.org.0.as_bytes(), &self.person.0, &self.secret];
        f.write_str(&URL_SAFE_NO_PAD.encode(parts.concat()))
    }
}

/// The text is no token.
#[derive(Debug)]
pub(crate) struct NoToken;

impl FromStr for ViewToken {
    type Err = NoToken;

    fn from_str(text: &str) -> Result<Self, NoToken> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| NoToken)?;
        let (org, rest) = bytes.split_first_chunk().ok_or(NoToken)?;
        let (person, secret) = rest.split_first_chunk().ok_or(NoToken)?;
        Ok(Self {
            org: OrgId(Uuid::from_bytes(*org)),
            person: PersonKey(*person),
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
        let token =
            ViewToken { org: OrgId(Uuid::from_u128(1)), person: PersonKey([2; 10]), secret: [3; SECRET] };
        let read: ViewToken = token.to_string().parse().unwrap();

        assert_eq!((read.org, read.person, read.secret), (token.org, token.person, token.secret));
        for wrong in ["", "x", "AAAA", &"A".repeat(200), "ä"] {
            assert!(wrong.parse::<ViewToken>().is_err());
        }
    }
}
