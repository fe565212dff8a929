//! The audit: what happened in the ledger, in a form in which nothing can be changed, left out or added
//! unnoticed, and which tells nothing of a person.
//!
//! Each write is an [`Entry`] in the chain of its person: it has a number, names the hash of the one before and
//! commits to what was written under a secret that goes with the person's data key. So the chain is verified
//! after the person is erased as before, while nobody can tell, or guess, what it was about. The hashes of all
//! entries of a tenant are the leaves of one tree (RFC 6962), whose [`Root`] is signed and put where it can no
//! longer be changed: then whoever has a root knows all that came before it.

mod entry;
mod tree;
mod verify;

#[cfg(test)]
mod tests;

pub use entry::{Chain, Commitment, Entry, Hash, Salt};
pub use tree::{Log, Proof, Root, RootError, SignedRoot};
pub use verify::{Tampered, Verified, verify};
