//! Entries, and what they commit to.

use std::{fmt, str::FromStr};

use aws_lc_rs::digest::{self, SHA256};
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

/// What a row said, for whoever has the row; nothing for anybody else, because every row holds some bytes that
/// nobody can guess, and they go when it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(transparent)]
pub struct Commitment(pub Hash);

impl Commitment {
    /// There is no row.
    pub const NOTHING: Self = Self(Hash([0; 32]));

    /// Commits to a row.
    pub fn to(row: &[u8]) -> Self {
        Self(hashed(&[b"lethe row 1\n", row]))
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

/// A change of a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "AuditEntry")]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Whom the row is about, as a pseudonym; absent for what concerns the tenant as a whole.
    pub subject: Chain,
    /// The place of the row in the ledger.
    pub record: String,
    /// Which version of it was written, if it counts them; absent if it was removed.
    pub version: Option<u64>,
    /// When.
    pub at: Timestamp,
    /// What it says since; zeros if it was removed.
    pub commitment: Commitment,
    /// What it said before; zeros if it was not there.
    pub previous: Commitment,
}

impl Entry {
    /// What is hashed: one line for each fact, those that have a form of their own first, so that no two entries
    /// say the same.
    fn text(&self) -> String {
        let Self { subject, record, version, at, commitment: Commitment(now), previous: Commitment(before) } =
            self;
        let subject = subject.0.map(|person| person.to_string()).unwrap_or_default();
        let version = version.map(|version| version.to_string()).unwrap_or_default();
        let at = at.to_rfc3339_opts(SecondsFormat::Nanos, true);
        format!("lethe audit 1\n{subject}\n{at}\n{version}\n{now}\n{before}\n{record}")
    }

    /// Its hash, which is that of a leaf of the tree (RFC 6962, 2.1).
    pub fn hash(&self) -> Hash {
        leaf(self.text().as_bytes())
    }
}

/// The hash of a leaf (RFC 6962, 2.1).
pub(super) fn leaf(text: &[u8]) -> Hash {
    hashed(&[&[0], text])
}

/// The hash of what has two halves (RFC 6962, 2.1).
pub(super) fn node(left: Hash, right: Hash) -> Hash {
    hashed(&[&[1], &left.0, &right.0])
}

/// The hash of these, one after the other.
pub(super) fn hashed(parts: &[&[u8]]) -> Hash {
    let mut context = digest::Context::new(&SHA256);
    parts.iter().for_each(|part| context.update(part));
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    Hash(hash)
}
