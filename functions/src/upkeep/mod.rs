//! Workers that keep everything moving.

pub mod resume;
pub mod sweep;
