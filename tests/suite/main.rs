//! Tests from the outside: the real App behind its gateway, on embedded services, with a clock that stands
//! still until it is moved.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod architecture;
mod world;

mod bad_input;
mod demo;
mod doors;
mod idempotency;
mod instacart;
mod native;
mod pace;
mod purges;
mod rallyhere;
mod slashid;
mod tokens;
mod tour;
mod trivore;
