//! Models of what runs at the same time, searched to the end.
//!
//! A purge is asked for, moved, called off, held, claimed and carried out by callers and workers that know
//! nothing of each other, die at any moment, and are told what they were told before. [`Purges`] is all of
//! that with two persons, two stores and two workers; every step that the ledger decides is taken by the
//! functions of [`domain::purge`] themselves, so that the model cannot drift from the code. What the workers
//! do between those steps follows `functions/src/purges` call by call.
//!
//! A model proves nothing unless it can fail: each [`Guard`] of the code can be left out, and then the
//! search must find what it protects against.

mod guard;
mod purges;
mod record;

pub use guard::{Guard, Without};
pub use purges::{Action, Bounds, HAPPENS, Harm, Purges, State};
