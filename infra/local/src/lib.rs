//! The local stack: the whole of Lethe in one process, without an account, a container or a network.
//!
//! [`services`] embeds the AWS services, [`gateway`] stands in for API Gateway; [`Stack`] puts the same
//! handlers that the Lambdas run between them, with pollers for the queues, a scheduler and a clock that can
//! be moved. `cargo local` runs one on a folder, each test runs one in memory.

pub mod cli;
mod clock;
mod control;
mod demo;
mod engine;
pub mod gateway;
mod identity;
mod meter;
pub mod price;
mod process;
mod provider;
mod provision;
mod secrets;
pub mod services;
mod stack;
mod verify;
mod verify_log;
mod workers;

pub use clock::VirtualClock;
pub use demo::{DemoError, DemoPerson};
pub use identity::{Identity, IdentityError, TokenRequest};
pub use meter::{Bill, Meter, Model};
pub use process::Process;
pub use provider::{STAFF, Staff};
pub use stack::{Options, Stack, StackError};
pub use workers::Letter;
