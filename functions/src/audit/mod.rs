//! The log of the audit: noting what changes, reading it, verifying it, and what a supervisory authority is
//! handed.

pub mod bundle;
pub mod get;
pub mod note;
pub mod verify;
