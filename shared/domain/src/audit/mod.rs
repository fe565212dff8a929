//! The audit: what happened in the ledger, in a form in which nothing can be changed, left out or added
//! unnoticed, and which tells nothing of a person.
//!
//! Each change of a row is an [`Entry`], which commits to what the row says since and to what it said before: so
//! the changes of a row make a chain, and those of a person's rows make the person's. It can be made from the
//! change alone, whoever makes it and however often. It is verified after the person is erased as before, while
//! nobody can tell, or guess, what it was about.
//!
//! The hashes of all entries of a tenant are the leaves of one tree (RFC 6962). They are kept in [`Segment`]s, each
//! with the root of all that was there when it was written, signed, and put where it can no longer be changed:
//! whoever has a root knows all that came before it, and a segment is all that is needed to go on.
//!
//! A change may be noted more than once, since whoever notes it may die before it is known to be done. The second
//! note is word for word the first, which is how it is told from a change that was made up.

mod entry;
mod segment;
mod verify;

#[cfg(test)]
mod tests;

pub use entry::{Chain, Commitment, Entry, Hash, NoHash};
pub use segment::{Edge, Root, RootError, Segment, SignedRoot};
pub use verify::{Tampered, Verified, Verifier};
