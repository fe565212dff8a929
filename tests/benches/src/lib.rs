//! Measures the engine on a shop in PostgreSQL; see `README.md` for what, how and with what result.
//!
//! Every measurement happens in a process of its own, the [`worker`], so that its peak of memory is its own
//! too. [`measure`] starts workers and reads the clocks of both sides; [`report`] compares with the bars.

pub mod callgrind;
pub mod gauge;
pub mod lambda;
pub mod measure;
pub mod report;
pub mod shop;
pub mod worker;

/// What may go wrong ends the bench with its words.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
