//! Segments of the log, and the signed roots of the tree over it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Entry, Hash,
    entry::{hashed, node},
};
use crate::{
    OrgId, Timestamp,
    certificate::{KeyRing, SigningKey},
    jws,
};

/// All that must be known of a log to go on with its tree: the roots of the full trees that it is made of, the
/// largest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(deny_unknown_fields)]
pub struct Edge {
    /// How many entries there are.
    size: u64,
    /// One for each power of two in the size.
    peaks: Vec<Hash>,
}

impl Edge {
    /// Appends an entry.
    pub fn push(&mut self, entry: &Entry) {
        self.push_leaf(entry.hash());
    }

    pub(super) fn push_leaf(&mut self, leaf: Hash) {
        // As in counting: each one at the end of the size is a tree that this fills up.
        let filled = (0..self.size.trailing_ones()).map_while(|_| self.peaks.pop());
        let peak = filled.fold(leaf, |right, left| node(left, right));
        self.peaks.push(peak);
        self.size = self.size.saturating_add(1);
    }

    /// How many entries there are.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The hash that stands for all of them (RFC 6962, 2.1).
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        match peaks.next() {
            None => hashed(&[]),
            Some(last) => peaks.fold(*last, |right, left| node(*left, right)),
        }
    }
}

/// Some entries, one after the other, and how the log goes on with them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "AuditSegment")]
#[serde(deny_unknown_fields)]
pub struct Segment {
    /// What came before.
    pub before: Edge,
    /// The entries.
    pub entries: Vec<Entry>,
    /// The root of the log up to and with them.
    pub root: SignedRoot,
}

impl Segment {
    /// Goes on with a log.
    ///
    /// # Errors
    /// When its root cannot be written as JSON.
    pub fn after(
        before: Edge,
        entries: Vec<Entry>,
        (tenant, now): (OrgId, Timestamp),
        key: &SigningKey,
    ) -> Result<Self, serde_json::Error> {
        let mut segment = Self { before, entries, root: SignedRoot(String::new()) };
        segment.root = Root::of(tenant, &segment.edge(), now).sign(key)?;
        Ok(segment)
    }

    /// The log with it.
    pub fn edge(&self) -> Edge {
        let mut edge = self.before.clone();
        self.entries.iter().for_each(|entry| edge.push(entry));
        edge
    }
}

/// What all entries of a tenant were at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "AuditRoot")]
#[serde(deny_unknown_fields)]
pub struct Root {
    /// The version of this form.
    pub version: u32,
    /// Whose entries.
    pub tenant: OrgId,
    /// How many there were.
    pub size: u64,
    /// The hash that stands for them.
    pub root: Hash,
    /// When it was signed.
    pub at: Timestamp,
}

/// A root with its signature: a compact JWS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(transparent)]
pub struct SignedRoot(pub String);

/// Why a root is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RootError {
    /// Not a JWS in compact form.
    #[error("the signature is not a compact JWS")]
    Jws,
    /// A signature over something else.
    #[error("the signature is not one over a root")]
    Header,
    /// Signed with a key that is not among those given.
    #[error("it was not signed with a key that was given")]
    UnknownKey,
    /// The signature does not fit.
    #[error("the signature is wrong: something was changed, or somebody else signed")]
    Signature,
    /// What was signed is no root of a version that is known.
    #[error("what was signed is not a root of a version that is known")]
    Content,
}

impl From<jws::Refused> for RootError {
    fn from(refused: jws::Refused) -> Self {
        match refused {
            jws::Refused::Form => Self::Jws,
            jws::Refused::Header => Self::Header,
            jws::Refused::UnknownKey => Self::UnknownKey,
            jws::Refused::Signature => Self::Signature,
        }
    }
}

/// What says that a signature is one over a root.
const TYPE: &str = "lethe-audit-root";

impl Root {
    /// The version of the form that is written, and the only one that is read.
    pub const VERSION: u32 = 1;
    /// More entries than any log has: what is beyond comes from somebody else.
    const MOST: u64 = 1 << 48;

    /// The root of a log.
    pub fn of(tenant: OrgId, log: &Edge, now: Timestamp) -> Self {
        Self { version: Self::VERSION, tenant, size: log.size(), root: log.root(), at: now }
    }

    /// Signs it.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn sign(&self, key: &SigningKey) -> Result<SignedRoot, serde_json::Error> {
        jws::sign(TYPE, &serde_json::to_vec(self)?, key).map(SignedRoot)
    }
}

impl SignedRoot {
    /// What it says, if one of these keys has signed it.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn open(&self, keys: &KeyRing) -> Result<Root, RootError> {
        let (payload, _) = jws::open(TYPE, &self.0, keys)?;
        let root: Root = serde_json::from_slice(&payload).map_err(|_| RootError::Content)?;
        let is_known = root.version == Root::VERSION && root.size <= Root::MOST;
        if is_known { Ok(root) } else { Err(RootError::Content) }
    }
}
