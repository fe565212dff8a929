//! The data map: which store holds which personal data, and how its rows hang together.
//!
//! The format is the dataset YAML of Ethyca Fides with our own settings under `lethe`.
//! [`DataMap::load`] reads it, checks it whole and reports everything that is wrong at once;
//! [`Graph`] turns its references into the order in which a person is walked and erased.
//!
//! The full syntax is read. What this build cannot execute is refused with its place in the file,
//! because a setting that is silently ignored is a promise silently broken.
//!
//! Deliberately not here: anything that talks to a store (crate `connectors`).

mod cast;
mod check;
mod errors;
mod graph;
mod identities;
mod masking;
mod model;
mod outcome;
mod read;
mod taxonomy;
pub mod yaml;

#[cfg(test)]
mod tests;

pub use cast::Cast;
pub use errors::{At, MapError, MapErrors};
pub use graph::{Catalogue, Declared, Edge, Graph, KeyKind, Node, NodeId, Ownership, Seed};
pub use identities::Identities;
pub use masking::Masking;
pub use model::{
    Category, Collection, CollectionRef, DataMap, DataType, Dataset, Direction, EraseMethod, Field, Origin,
    Reference, Scalar,
};
pub use outcome::{Count, Erasure, Outcome};
