//! Workers that keep everything moving.

pub mod resume;
