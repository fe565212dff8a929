//! What the persons themselves see: their own view behind a one-time link, and the page of a receipt.

pub mod receipt;
pub mod view;
