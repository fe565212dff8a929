//! Why a handler failed: the caller's fault, somebody else's, or ours.

use std::error::Error as StdError;

use domain::{
    consent::ConsentError, hold::HoldError, objection::ObjectionError, person::PersonError,
    purge::PurgeError, takeout::TakeoutError,
};
use store::StoreError;
use wire::{Code, Problem};

/// Why a handler failed.
#[derive(Debug)]
pub enum Failure {
    /// The caller gets told exactly what.
    Told(Problem),
    /// The caller gets told only that we failed; the cause is logged, once, where it is handled.
    Ours {
        /// What the caller is told.
        code: Code,
        /// What is logged. Our own error types carry no values of persons.
        cause: Box<dyn StdError + Send + Sync>,
    },
}

impl Failure {
    /// Something outside did not answer.
    pub fn unavailable(cause: impl StdError + Send + Sync + 'static) -> Self {
        Self::Ours { code: Code::Unavailable, cause: Box::new(cause) }
    }

    /// A fault of ours.
    pub fn internal(cause: impl StdError + Send + Sync + 'static) -> Self {
        Self::Ours { code: Code::Internal, cause: Box::new(cause) }
    }

    /// The problem that the caller is told.
    pub fn into_problem(self) -> Problem {
        match self {
            Self::Told(problem) => problem,
            Self::Ours { code: Code::Unavailable, .. } => {
                Problem { retry_after: Some(1), ..Problem::new(Code::Unavailable) }
            }
            Self::Ours { code, .. } => Problem::new(code),
        }
    }

    /// The cause, with all that lies under it, for the log.
    pub fn cause(&self) -> Option<String> {
        match self {
            Self::Told(problem) => Some(problem.code.row().slug.to_owned()),
            Self::Ours { cause, .. } => {
                let mut text = cause.to_string();
                let mut source = cause.source();
                while let Some(error) = source {
                    text.push_str(": ");
                    text.push_str(&error.to_string());
                    source = error.source();
                }
                Some(text)
            }
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict => Self::Told(Problem::new(Code::Conflict)),
            error @ StoreError::Unavailable { .. } => Self::unavailable(error),
            error @ (StoreError::Unreadable { .. } | StoreError::Sealing(_)) => Self::internal(error),
        }
    }
}

macro_rules! told {
    ($($error:ty),*) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::Told(error.into())
            }
        }
    )*};
}

told!(Problem, PurgeError, TakeoutError, ConsentError, PersonError, HoldError, ObjectionError);

impl From<Code> for Failure {
    fn from(code: Code) -> Self {
        Self::Told(Problem::new(code))
    }
}
