//! What can go wrong, without a word about whom.

use domain::datamap::{CollectionRef, Erasure, MapErrors};

/// Why a store could not do what it was asked. Never holds a value of a row or of an identity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Fault(String);

impl Fault {
    /// A fault with its reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// Why the engine could not open, read or erase.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The map, the connections and the stores do not fit together.
    #[error("{0}")]
    Refused(MapErrors),
    /// No given identity leads into the map, so that nothing could be read or proven.
    #[error("no identity of this person leads into the data map, which asks for: {}", .wanted.join(", "))]
    NoIdentity {
        /// The identities that would.
        wanted: Vec<String>,
    },
    /// Carried out, the erasure would end half done. Nothing was changed.
    #[error("the erasure would end half done: {}", .0.join("; "))]
    HalfDone(Vec<String>),
    /// A store failed.
    #[error("{at}: {fault}")]
    Store {
        /// The collection that was being read.
        at: CollectionRef,
        /// What happened.
        fault: Fault,
    },
    /// The receiver of the rows failed.
    #[error("the rows could not be handed on")]
    Sink(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The access began under another data map.
    #[error("the data map has changed since the access began")]
    Moved,
    /// The caller said stop. What was done stays done; another run goes on from there.
    #[error("the erasure was stopped before its end")]
    Interrupted(Box<Erasure>),
}
