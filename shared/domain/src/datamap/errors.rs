//! What is wrong with a map or a connections file, and where.

use std::fmt;
use std::sync::Arc;

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct At {
    /// The file's name as it was given.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: u64,
}

/// One reason to refuse a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapError {
    /// Where.
    pub at: At,
    /// What was expected there.
    pub reason: String,
}

impl fmt::Display for MapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.at.file, self.at.line, self.reason)
    }
}

/// Everything that is wrong, so that one round of corrections is enough.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MapErrors(pub Vec<MapError>);

impl MapErrors {
    /// Notes one more error.
    pub fn push(&mut self, at: &At, reason: impl Into<String>) {
        self.0.push(MapError { at: at.clone(), reason: reason.into() });
    }

    /// `value`, unless something was wrong.
    ///
    /// # Errors
    /// All errors noted so far, in order of place.
    pub fn or<T>(mut self, value: T) -> Result<T, Self> {
        if self.0.is_empty() {
            return Ok(value);
        }
        let mut files: Vec<Arc<str>> = Vec::new();
        for error in &self.0 {
            if !files.contains(&error.at.file) {
                files.push(error.at.file.clone());
            }
        }
        self.0.sort_by_key(|error| (files.iter().position(|file| *file == error.at.file), error.at.line));
        self.0.dedup();
        Err(self)
    }
}

impl fmt::Display for MapErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for MapErrors {}
