//! Tokens: every way in which one can be wrong.
