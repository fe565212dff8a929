//! Every Lambda of Lethe: one file per endpoint or worker, and [`catalog`], the one list of them.
//!
//! A file holds everything that is particular to its function, in this order: what it is for, its
//! `ROUTE` or `SPEC`, its handler, what goes in and what comes out, its tests.

#[macro_use]
mod lambda;

pub mod attachments;
pub mod audit;
pub mod catalog;
pub mod certificates;
pub mod clients;
pub mod consents;
pub mod console;
pub mod deletions;
pub mod holds;
pub mod native;
pub mod notices;
pub mod pdr;
pub mod plans;
pub mod portal;
pub mod processing;
pub mod purges;
pub mod takeouts;
pub mod upkeep;
