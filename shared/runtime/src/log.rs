//! Log lines: one JSON object per call, from an allow-list of fields, without anything personal.

use std::sync::Arc;

use serde::Serialize;

/// Where log lines go.
#[derive(Clone)]
pub struct Log(Arc<dyn Fn(String) + Send + Sync>);

/// All that a line may say.
#[derive(Default, Serialize)]
pub(crate) struct Line<'a> {
    /// The function.
    pub(crate) function: &'a str,
    /// Which call or message.
    pub(crate) id: &'a str,
    /// The HTTP status, or nothing for a worker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    /// What became of it.
    pub(crate) outcome: &'a str,
    /// The pseudonym of the person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) person: Option<String>,
    /// Why it failed, from our own error types, which carry no values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cause: Option<String>,
}

impl Log {
    /// Lines go to `write`.
    pub fn new(write: impl Fn(String) + Send + Sync + 'static) -> Self {
        Self(Arc::new(write))
    }

    /// Lines go to standard output, where Lambda picks them up.
    pub fn stdout() -> Self {
        Self::new(|line| println!("{line}"))
    }

    pub(crate) fn line(&self, line: &Line<'_>) {
        // A line of strings and numbers always serialises.
        if let Ok(text) = serde_json::to_string(line) {
            (self.0)(text);
        }
    }
}
