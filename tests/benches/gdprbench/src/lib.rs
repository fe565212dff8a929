//! GDPRbench (Shastri et al., PVLDB 13(7), 2020) over the HTTP API of a local stack.
//!
//! A record of the benchmark is a person: who they are and what they allow lies with Lethe, the data in a
//! store of the company that Lethe is connected to. `README.md` of the benches says which operation became
//! what, and which has no counterpart.
//!
//! The [`oracle`] knows what each answer must be, the [`site`] asks, [`roles`] are the benchmark's four, and
//! [`serving`] measures consents while persons are erased.

mod copies;
pub mod dice;
mod operations;
pub mod oracle;
pub mod roles;
pub mod serving;
pub mod site;

/// What may go wrong ends the bench, or makes an operation a wrong one, with its words.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
