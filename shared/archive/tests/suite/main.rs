//! Archives as they arrive in object storage and in other people's programs.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod crashes;
mod deep;
mod failures;
mod readers;
mod support;
