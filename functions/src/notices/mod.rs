//! Mail to the data subject.

pub mod send;
