//! The data map: which store holds which personal data, and how its rows hang together.
//!
//! The format is the dataset YAML of Ethyca Fides with our own settings under `lethe`.
//! [`DataMap::load`] reads it, checks it whole and reports everything that is wrong at once;
//! [`Graph`] turns its references into the order in which a person is walked and erased.
//!
//! [`Treatments`] says what an erasure does to each collection, [`Selection`] what an access shows of it.
//!
//! What cannot be carried out is refused with its place in the file, because a setting that is silently
//! ignored is a promise silently broken.
//!
//! Deliberately not here: anything that talks to a store (crate `connectors`).

mod cast;
mod check;
mod errors;
mod graph;
mod identities;
mod masker;
mod masking;
mod model;
mod outcome;
mod read;
mod redaction;
mod selection;
mod taxonomy;
mod treatment;
pub mod yaml;

#[cfg(test)]
mod tests;

pub use cast::Cast;
pub use errors::{At, MapError, MapErrors};
pub use graph::{Catalogue, Declared, Edge, FieldFacts, Graph, KeyKind, Node, NodeId, Ownership, Seed};
pub use identities::Identities;
pub use masker::Masker;
pub use masking::{Digest, Masking};
pub use model::{
    Category, Collection, CollectionRef, DataMap, DataType, Dataset, Direction, EraseMethod, Field, Origin,
    Reference, Scalar, Shared,
};
pub use outcome::{Count, Erasure, Outcome};
pub use redaction::Redaction;
pub use selection::Selection;
pub use treatment::{Kept, MaskedField, Treatment, Treatments, is_known};
