//! The tree over all entries of a tenant, its signed roots, and proofs that lead to them.

use ct_merkle::{ConsistencyProof, InclusionProof, RootHash, mem_backed_tree::MemoryBackedTree};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::{Entry, Hash, Tampered};
use crate::{
    OrgId, Timestamp,
    certificate::{KeyRing, SigningKey},
    jws,
};

/// All entries of a tenant in the order in which they were noted.
#[derive(Clone, Debug, Default)]
pub struct Log(MemoryBackedTree<Sha256, Vec<u8>>);

impl Log {
    /// Appends an entry.
    pub fn push(&mut self, entry: &Entry) {
        self.push_leaf(entry.text().into_bytes());
    }

    pub(super) fn push_leaf(&mut self, leaf: Vec<u8>) {
        self.0.push(leaf);
    }

    /// How many there are.
    pub fn size(&self) -> u64 {
        self.0.len()
    }

    /// The hash that stands for all of them.
    pub fn root(&self) -> Hash {
        Hash((*self.0.root().as_bytes()).into())
    }

    /// The proof that the entry at `index`, from zero, is one of them.
    pub fn inclusion(&self, index: u64) -> Option<Proof> {
        let index = usize::try_from(index).ok().filter(|_| index < self.size())?;
        Some(Proof::of(self.0.prove_inclusion(index).as_bytes()))
    }

    /// The proof that the first `size` of them were all there once; there is none for none at all.
    pub fn consistency(&self, size: u64) -> Option<Proof> {
        let added = usize::try_from(self.size().checked_sub(size)?).ok().filter(|_| size > 0)?;
        Some(Proof::of(self.0.prove_consistency(added).as_bytes()))
    }
}

impl<'a> FromIterator<&'a Entry> for Log {
    fn from_iter<I: IntoIterator<Item = &'a Entry>>(entries: I) -> Self {
        let mut log = Self::default();
        entries.into_iter().for_each(|entry| log.push(entry));
        log
    }
}

/// Hashes that lead from an entry, or from an older root, to a root (RFC 6962, 2.1.1 and 2.1.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(transparent)]
pub struct Proof(pub Vec<Hash>);

impl Proof {
    fn of(bytes: &[u8]) -> Self {
        Self(bytes.as_chunks().0.iter().copied().map(Hash).collect())
    }

    fn bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|hash| hash.0).collect()
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
    /// More entries than any tree has: what is beyond comes from somebody else.
    const MOST: u64 = 1 << 48;

    /// The root of all entries in `log`.
    pub fn of(tenant: OrgId, log: &Log, now: Timestamp) -> Self {
        Self { version: Self::VERSION, tenant, size: log.size(), root: log.root(), at: now }
    }

    /// Signs it.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn sign(&self, key: &SigningKey) -> Result<SignedRoot, serde_json::Error> {
        jws::sign(TYPE, &serde_json::to_vec(self)?, key).map(SignedRoot)
    }

    /// Whether `entry` is the one at `index`, from zero.
    ///
    /// # Errors
    /// When the proof does not lead from the entry to the root.
    pub fn includes(&self, entry: &Entry, index: u64, proof: &Proof) -> Result<(), Tampered> {
        let found = InclusionProof::try_from_bytes(proof.bytes())
            .and_then(|proof| self.hash().verify_inclusion(&entry.text(), index, &proof));
        found.map_err(|_| Tampered::NotIncluded { index })
    }

    /// Whether all that was there at `older` is there still, in the same order.
    ///
    /// # Errors
    /// When the proof does not lead from one root to the other.
    pub fn extends(&self, older: &Self, proof: &Proof) -> Result<(), Tampered> {
        let extends = ConsistencyProof::try_from_bytes(proof.bytes())
            .and_then(|proof| self.hash().verify_consistency(&older.hash(), &proof));
        match extends {
            Ok(()) if self.tenant == older.tenant => Ok(()),
            // Nothing comes before everything.
            Err(_) if older.size == 0 && older.root == Log::default().root() && proof.0.is_empty() => Ok(()),
            Ok(()) | Err(_) => Err(Tampered::Differs { size: older.size }),
        }
    }

    fn hash(&self) -> RootHash<Sha256> {
        RootHash::new(self.root.0.into(), self.size)
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
