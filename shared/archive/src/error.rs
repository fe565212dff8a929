//! Why an archive could not be written.

use std::error::Error;
use std::io;

use tokio::task::JoinError;

/// Why an archive could not be written.
///
/// The first five refuse one call and leave the archive as it was. After any of the others it is lost;
/// what can be resumed from a checkpoint stays in object storage, and if there is none, nothing does.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The bytes of a record held a line break, which would make two records of it.
    #[error("a record must be a single line of JSON")]
    NotOneLine,
    /// The file begun before has not been ended.
    #[error("the open file must be ended first")]
    FileOpen,
    /// There is no file to add to or to end.
    #[error("a file must be begun first")]
    NoFileOpen,
    /// The file is shorter or longer than was said when it was begun.
    #[error("the file must have the length it was begun with")]
    WrongLength,
    /// An archive of this kind cannot be resumed.
    #[error("an archive of this kind has no checkpoints")]
    NoCheckpoint,
    /// An earlier call has failed already, and said why.
    #[error("the archive has failed before")]
    Lost,
    /// What a checkpoint led to is not there any more, or not as it was.
    #[error("the archive cannot be resumed and must be begun anew")]
    Gone,
    /// Object storage refused or could not be reached.
    #[error("object storage did not {doing}")]
    Storage {
        /// What it was asked for.
        doing: &'static str,
        /// What it answered.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The archive needs more parts than object storage takes.
    #[error("the archive needs more than {} parts", crate::upload::MOST_PARTS)]
    TooLarge,
    /// Encrypting or framing failed.
    #[error("the archive could not be framed")]
    Framing(#[source] io::Error),
    /// The manifest could not be put into JSON.
    #[error("the manifest could not be written")]
    Manifest(#[source] serde_json::Error),
    /// The runtime was shut down, or a task panicked.
    #[error("a task of the archive was stopped")]
    Stopped(#[source] JoinError),
}
