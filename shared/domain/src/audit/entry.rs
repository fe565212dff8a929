//! Entries, and what they commit to.

use std::{fmt, str::FromStr};

use aws_lc_rs::{
    digest::{self, SHA256},
    hmac,
};
use chrono::SecondsFormat;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{PersonKey, Timestamp};

/// A SHA-256, written in hexadecimal digits.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(inline, with = "String", extend("pattern" = "^[0-9a-f]{64}$"))]
#[serde(into = "String", try_from = "String")]
pub struct Hash(pub [u8; 32]);

/// Why a text is no hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected 64 hexadecimal digits in lower case")]
pub struct NoHash;

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Hash {
    type Err = NoHash;

    fn from_str(text: &str) -> Result<Self, NoHash> {
        let mut hash = [0; 32];
        // There is one way to write it, so that the same entry is the same text.
        let is_lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
        hex::decode_to_slice(text, &mut hash).ok().filter(|()| is_lower).map(|()| Self(hash)).ok_or(NoHash)
    }
}

impl From<Hash> for String {
    fn from(hash: Hash) -> Self {
        hash.to_string()
    }
}

impl TryFrom<String> for Hash {
    type Error = NoHash;

    fn try_from(text: String) -> Result<Self, NoHash> {
        text.parse()
    }
}

/// The secret under which an entry commits to what was written. It follows from the data key of the person, and
/// goes with it.
pub struct Salt(pub [u8; 32]);

/// What was written, for whoever has it and the salt; nothing for anybody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(transparent)]
pub struct Commitment(pub Hash);

impl Commitment {
    /// Commits to what was written.
    pub fn to(written: &[u8], salt: &Salt) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &salt.0), written).as_ref());
        Self(Hash(hash))
    }
}

/// Whose chain: a person's, or that of what concerns the tenant as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(transparent)]
pub struct Chain(pub Option<PersonKey>);

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(person) => person.fmt(f),
            None => f.write_str("the tenant"),
        }
    }
}

/// Something that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "AuditEntry")]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Whom it is about, as a pseudonym; absent for what concerns the tenant as a whole.
    pub subject: Chain,
    /// 1 for the first of its chain, without gaps.
    pub number: u64,
    /// When it was noted.
    pub at: Timestamp,
    /// What was written, by its place in the ledger.
    pub record: String,
    /// Which version of it; absent if it was removed.
    pub version: Option<u64>,
    /// What it said, for whoever knows it.
    pub commitment: Commitment,
    /// The hash of the entry before; zeros for the first.
    pub previous: Hash,
}

impl Entry {
    /// What is written now in the chain of `subject`, after `last`.
    pub fn after(
        last: Option<&Self>,
        subject: Chain,
        (record, version): (String, Option<u64>),
        commitment: Commitment,
        now: Timestamp,
    ) -> Self {
        let number = last.map_or(1, |last| last.number + 1);
        let previous = last.map(Self::hash).unwrap_or_default();
        Self { subject, number, at: now, record, version, commitment, previous }
    }

    /// What is hashed: one line for each fact, those that have a form of their own first, so that no two entries
    /// say the same.
    pub fn text(&self) -> String {
        let Self { subject, number, at, record, version, commitment: Commitment(commitment), previous } =
            self;
        let subject = subject.0.map(|person| person.to_string()).unwrap_or_default();
        let version = version.map(|version| version.to_string()).unwrap_or_default();
        let at = at.to_rfc3339_opts(SecondsFormat::Nanos, true);
        format!("lethe audit 1\n{subject}\n{number}\n{at}\n{version}\n{commitment}\n{previous}\n{record}")
    }

    /// Its hash, which is that of a leaf of the tree (RFC 6962, 2.1).
    pub fn hash(&self) -> Hash {
        let mut context = digest::Context::new(&SHA256);
        context.update(&[0]);
        context.update(self.text().as_bytes());
        let mut hash = [0; 32];
        hash.copy_from_slice(context.finish().as_ref());
        Hash(hash)
    }
}
