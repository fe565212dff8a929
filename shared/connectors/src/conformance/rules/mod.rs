//! The rules, each written once for every kind of store.

pub(super) mod access;
pub(super) mod erasing;
pub(super) mod interruptions;
pub(super) mod masking;
pub(super) mod plans;
pub(super) mod refusals;
pub(super) mod trouble;
