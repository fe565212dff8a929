//! What can go wrong with a server.

use std::{io, path::Path, process::ExitStatus};

/// Why a server cannot be had, or did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServerError {
    #[error("{program} is not on this machine: install it with `apt-get install {package}`")]
    Missing { program: &'static str, package: &'static str },
    #[error("root needs one of the accounts {accounts:?} to run a server as")]
    NoAccount { accounts: &'static [&'static str] },
    #[error("{folder} belongs to somebody else")]
    NotOurs { folder: String },
    #[error("every port for private servers is taken")]
    NoPort,
    #[error("{program} ended with {status}: {output}")]
    Failed { program: String, status: ExitStatus, output: String },
    #[error("{product} did not start; its log says:\n{log}")]
    NotStarted { product: &'static str, log: String },
    #[error("{product} is stopped")]
    Stopped { product: &'static str },
    #[error("a database is named in lower case letters, digits and underscores, not {name:?}")]
    Name { name: String },
    #[error("{what}: {source}")]
    Io { what: String, source: io::Error },
}

impl ServerError {
    /// For `map_err`: what was being done, and to which file.
    pub(crate) fn io(doing: &str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what: format!("{doing} {}", path.display()), source }
    }

    /// Whether a server ended, or fell silent, before it was ready.
    pub(crate) fn is_not_started(&self) -> bool {
        matches!(self, Self::NotStarted { .. })
    }
}

/// The value, or a panic that says why there is none.
#[track_caller]
#[expect(clippy::panic, reason = "a test without its server can only fail")]
pub(crate) fn or_panic<T>(result: Result<T, ServerError>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{error}"),
    }
}
