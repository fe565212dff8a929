//! Why the ledger could not do as told.

use std::error::Error as StdError;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

type Cause = Box<dyn StdError + Send + Sync>;

/// Why the ledger could not do as told. Never carries what was to be stored.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else changed the record since it was read. Nothing was written.
    #[error("the record has changed meanwhile")]
    Conflict,
    /// The service did not answer, or refused for its own reasons. Worth another try.
    #[error("{service} failed: {code}")]
    Unavailable {
        /// Which service.
        service: &'static str,
        /// Its error code.
        code: String,
        /// What it said.
        #[source]
        source: Cause,
    },
    /// A stored record is not what this version can read.
    #[error("a stored {what} cannot be read")]
    Unreadable {
        /// Which kind of record.
        what: &'static str,
    },
    /// Sealing or opening failed.
    #[error("a sealed value cannot be {0}")]
    Sealing(&'static str),
}

impl StoreError {
    pub(crate) fn from_sdk<E, R>(service: &'static str, error: SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
        R: std::fmt::Debug + Send + Sync + 'static,
    {
        if error.code() == Some("ConditionalCheckFailedException") {
            return Self::Conflict;
        }
        let code = error.code().unwrap_or("no answer").to_owned();
        Self::Unavailable { service, code, source: Box::new(error) }
    }
}
