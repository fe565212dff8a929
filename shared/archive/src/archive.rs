//! The archive as its users see it.

use chrono::{DateTime, Utc};

use crate::ledger::{Ledger, Step};
use crate::manifest::{Facts, Manifest};
use crate::parts::Whole;
use crate::pipe::Pipe;
use crate::{ArchiveError, Destination, Password};

/// An archive that is being written.
///
/// Nothing is visible in object storage before [`finish`](Self::finish) has succeeded. An archive
/// that is dropped instead, or has failed, leaves nothing behind; [`abort`](Self::abort) waits
/// until that is so.
///
/// Dropping the future of a call does not harm the archive: what the call was given is in it.
pub struct Archive {
    ledger: Ledger,
    /// Gone once it has failed.
    pipe: Option<Pipe>,
    created_at: DateTime<Utc>,
}

/// What has been stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished {
    /// Length of the archive in bytes.
    pub size: u64,
    /// SHA-256 of the archive.
    pub sha256: [u8; 32],
    /// Entries, with the manifest and the index.
    pub entries: u64,
    /// Records of all collections.
    pub records: u64,
}

impl Archive {
    /// Begins an archive. Must be called within a Tokio runtime.
    pub fn create(to: Destination, password: Password, created_at: DateTime<Utc>) -> Self {
        let pipe = Some(Pipe::open(to, password, created_at));
        Self { ledger: Ledger::default(), pipe, created_at }
    }

    /// Adds one record, a JSON document on a single line without its line break, to `collection`,
    /// which is `dataset:collection`.
    ///
    /// Collections best come one after the other: going back to one begins a new entry.
    pub async fn record(&mut self, collection: &str, json_line: &[u8]) -> Result<(), ArchiveError> {
        self.ledger.record(collection, json_line)?;
        self.send().await
    }

    /// Begins an attachment of `collection`. Only the manifest tells its original name.
    pub fn begin_file(&mut self, collection: &str, original_name: &str) -> Result<(), ArchiveError> {
        self.ledger.begin_file(collection, original_name)
    }

    /// Adds to the attachment begun last.
    pub async fn file_chunk(&mut self, bytes: &[u8]) -> Result<(), ArchiveError> {
        self.ledger.file_chunk(bytes)?;
        self.send().await
    }

    /// Ends the attachment. An archive with one left open cannot be finished, since it is
    /// not known to be whole.
    pub async fn end_file(&mut self) -> Result<(), ArchiveError> {
        self.ledger.end_file()?;
        self.send().await
    }

    /// Adds `manifest.json` and `index.html`, which `index` makes of the manifest, and waits until
    /// the archive is stored.
    pub async fn finish(
        mut self,
        facts: Facts,
        index: impl FnOnce(&Manifest) -> String,
    ) -> Result<Finished, ArchiveError> {
        let finished = self.seal(facts, index).await;
        if finished.is_err() {
            // Wait until nothing is left: a Lambda is frozen as soon as it has answered.
            let _ = self.close().await;
        }
        finished
    }

    /// Gives the archive up, and waits until nothing of it is left in object storage.
    pub async fn abort(mut self) {
        // Whatever went wrong meanwhile, the archive is not wanted any more.
        let _ = self.close().await;
    }

    async fn seal(
        &mut self,
        facts: Facts,
        index: impl FnOnce(&Manifest) -> String,
    ) -> Result<Finished, ArchiveError> {
        let manifest = self.ledger.manifest(self.created_at, facts)?;
        let json = serde_json::to_vec_pretty(&manifest).map_err(ArchiveError::Manifest)?;
        self.ledger.document("manifest.json", json);
        self.ledger.document("index.html", index(&manifest));
        self.ledger.steps.push_back(Step::Finish);
        self.send().await?;

        let whole = self.close().await?.ok_or(ArchiveError::Lost)?;
        Ok(Finished {
            size: whole.size,
            sha256: whole.sha256,
            entries: self.ledger.entries(),
            records: manifest.records(),
        })
    }

    async fn send(&mut self) -> Result<(), ArchiveError> {
        let sent = match &self.pipe {
            Some(pipe) => pipe.send(&mut self.ledger.steps).await,
            None => false,
        };
        if sent {
            return Ok(());
        }
        self.ledger.steps.clear();
        match self.close().await {
            Ok(_) => Err(ArchiveError::Lost),
            Err(error) => Err(error),
        }
    }

    async fn close(&mut self) -> Result<Option<Whole>, ArchiveError> {
        match self.pipe.take() {
            Some(pipe) => pipe.close().await,
            None => Ok(None),
        }
    }
}
