//! The log of the audit: noting what changes, reading it, verifying it.

pub mod get;
pub mod note;
pub mod verify;
