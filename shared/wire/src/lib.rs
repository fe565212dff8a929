//! What goes over the wire: the dialects' request and reply shapes, one error table, timestamps.
//!
//! No IO and no decisions: a handler takes these types, the domain decides, and an error becomes a
//! [`Problem`], which each [`Dialect`] renders in its own form.

pub mod body;
mod code;
mod dialect;
pub mod errors;
mod fault;
mod problem;
mod query;
pub mod shapes;
pub mod time;

pub use code::{Code, Row};
pub use dialect::{Dialect, Rendered};
pub use fault::{At, Fault, Reason, Step};
pub use problem::Problem;
pub use query::Query;
