//! Tests from the outside: the real App behind its gateway, on embedded services, with a clock that stands
//! still until it is moved.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod architecture;
mod world;

mod doors;
mod purges;
