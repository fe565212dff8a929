//! What a walk found and what an erasure did, collection by collection.

use super::model::CollectionRef;
use crate::plan::Method;

/// How many rows of a collection belong to a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// The collection.
    pub at: CollectionRef,
    /// Rows found.
    pub rows: u64,
    /// Whether there was anything to ask for; if not, the store was not called.
    pub asked: bool,
}

/// What became of one collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The collection.
    pub at: CollectionRef,
    /// What is done to the person's own rows.
    pub method: Method,
    /// For how many days after the erasure backups can still restore rows.
    pub backup_days: Option<u32>,
    /// Rows that this run found, kept ones included.
    pub found: u64,
    /// Rows that this run deleted.
    pub erased: u64,
    /// Rows of which this run overwrote something.
    pub masked: u64,
    /// Rows that stay: shared with others, held, kept on a legal ground, or not asked for.
    pub kept: u64,
    /// Why they stay, in plain words. Never holds personal data.
    pub kept_because: Vec<String>,
    /// Rows to be erased that a read after the erasure still found; none if that read did not happen.
    pub after: Option<u64>,
    /// Whether there was anything to ask for; if not, the store was not called.
    pub asked: bool,
    /// Why the collection is not done. Never holds personal data.
    pub error: Option<String>,
}

impl Outcome {
    /// Whether a re-read proved that nothing is left to erase.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.error.is_none() && self.after == Some(0)
    }
}

/// What an erasure did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Erasure {
    /// One outcome per collection, in walk order.
    pub collections: Vec<Outcome>,
}

impl Erasure {
    /// Whether every collection was proven empty of the person.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.collections.iter().all(Outcome::is_done)
    }

    /// The outcome of one collection.
    #[must_use]
    pub fn of(&self, at: &CollectionRef) -> Option<&Outcome> {
        self.collections.iter().find(|outcome| outcome.at == *at)
    }
}
