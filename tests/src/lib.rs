//! Tests from the outside; see `suite/`.
