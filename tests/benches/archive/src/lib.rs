//! Measures the archive writer beside its peers and beside what the processor can do at all; see the
//! `README.md` of all benches for what, how and with what result.
//!
//! Everything is a ratio of CPU times taken in turns, since machines differ and are noisy.

pub mod corpus;
pub mod gauge;
pub mod peers;
pub mod pieces;
pub mod whole;

/// What may go wrong ends the bench with its words.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What everything is locked with.
pub const PASSWORD: &str = "correct horse battery";

const MIB: usize = 1 << 20;
