//! Workers that keep everything moving.

pub mod deadlines;
pub mod resume;
pub mod sweep;
