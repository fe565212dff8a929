//! One fixture for each kind of store.

pub(super) mod dynamodb;
pub(super) mod http;
pub(super) mod s3_objects;
pub(super) mod sql;
