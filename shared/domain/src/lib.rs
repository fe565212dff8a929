//! The rules of Lethe: who may ask for what, what a request may become, and when.
//!
//! Pure by decision: no IO, no async, no HTTP, no AWS, no clock and no randomness of its own.
//! Time, ids and random bytes are arguments everywhere; only [`datamap::Masker::random`] draws its secrets
//! itself, because nobody else may ever have them.

pub mod attachment;
pub mod audit;
pub mod calendar;
pub mod certificate;
pub mod consent;
pub mod datamap;
pub mod deadline;
pub mod hold;
pub mod identity;
pub mod ids;
mod jws;
pub mod limit;
pub mod locale;
pub mod mandate;
pub mod objection;
pub mod permission;
pub mod person;
pub mod plan;
pub mod policy;
pub mod price;
pub mod processing;
pub mod purge;
pub mod request;
pub mod restriction;
pub mod row;
pub mod takeout;
pub mod tenant;

#[cfg(test)]
mod properties;

pub use ids::{AttachmentId, HoldId, OrgId, PersonId, PersonKey, RequestId};
pub use permission::Permission;

/// A moment in UTC.
pub type Timestamp = chrono::DateTime<chrono::Utc>;
