//! The archive as its users see it.

use std::sync::Arc;

use aws_lc_rs::rand;
use chrono::{DateTime, Utc};
use tokio::sync::{mpsc, oneshot};

use crate::ae2::Salt;
use crate::checkpoint::Checkpoint;
use crate::framing::Directory;
use crate::ledger::{Csv, Given, Ledger};
use crate::manifest::{Facts, Manifest};
use crate::opener::Opener;
use crate::parts::{Parts, Whole};
use crate::pipe::{Ask, Keys, Out, Pipe, workers};
use crate::upload::{Upload, discard, fetch};
use crate::{ArchiveError, Destination, Password, Zip};

/// Parts in flight. With one being filled there are two in memory.
const PARTS: usize = 1;

/// An archive that is being written.
///
/// Nothing is visible in object storage before [`finish`](Self::finish) has succeeded. An archive
/// that is dropped instead, or has failed, leaves nothing behind but what its last
/// [`checkpoint`](Self::checkpoint) leads to; [`abort`](Self::abort) removes that, too, and waits until
/// it is so.
///
/// Dropping the future of a call does not harm the archive: what the call was given is in it.
pub struct Archive {
    to: Destination,
    ledger: Ledger,
    /// Gone once it has failed.
    pipe: Option<Pipe>,
    created_at: DateTime<Utc>,
    /// The last one that was given out.
    checkpoint: Option<Checkpoint>,
    can_be_resumed: bool,
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
        let (parts, parts_in) = mpsc::channel(PARTS);
        let (free, spare) = spare_parts();
        let zip = move || Ok(Zip::new(Out::Plain(Parts::new(parts, spare)), created_at));
        let upload = Upload::new(to.clone(), free).run(parts_in);
        let pipe = Pipe::open(zip, keys(Some(password)), workers(), upload);
        Self::with(to, pipe, created_at, true)
    }

    /// Begins an archive that is a plain ZIP within an [age](https://age-encryption.org/v1) file: once that
    /// is opened, every system reads what is inside. It cannot be resumed.
    pub fn create_age(to: Destination, opener: Opener, created_at: DateTime<Utc>) -> Self {
        let (parts, parts_in) = mpsc::channel(PARTS);
        let (free, spare) = spare_parts();
        let zip = move || {
            let age = opener.wrap(Parts::new(parts, spare))?;
            Ok(Zip::new(Out::Age(Box::new(age)), created_at))
        };
        let upload = Upload::new(to.clone(), free).of("application/octet-stream").run(parts_in);
        let pipe = Pipe::open(zip, keys(None), workers(), upload);
        Self::with(to, pipe, created_at, false)
    }

    fn with(to: Destination, pipe: Pipe, created_at: DateTime<Utc>, can_be_resumed: bool) -> Self {
        let ledger = Ledger::default();
        Self { to, ledger, pipe: Some(pipe), created_at, checkpoint: None, can_be_resumed }
    }

    /// Whether it gives checkpoints.
    pub fn can_be_resumed(&self) -> bool {
        self.can_be_resumed
    }

    /// Goes on with an archive from where it stood at `checkpoint`, as if nothing had been added since.
    /// It goes where it went, under the password that it had: only the clients may be others. With it
    /// comes the note that was left there.
    ///
    /// # Errors
    /// [`ArchiveError::Gone`] if it cannot be resumed any more: it was finished or discarded, a later
    /// attempt has gone on from here, or the upload is too old. It must be begun anew then.
    pub async fn resume(
        to: Destination,
        password: Password,
        checkpoint: Checkpoint,
    ) -> Result<(Self, Vec<u8>), ArchiveError> {
        let saved = fetch(&to, &checkpoint).await?;
        let (state, [records, tail, note]) = checkpoint.open(saved).map_err(|_| ArchiveError::Gone)?;
        let (parts, parts_in) = mpsc::channel(PARTS);
        let (free, spare) = spare_parts();
        let parts = Parts::new(parts, spare)
            .resume(state.sent.len(), state.size, &tail, &state.digest)
            .map_err(|_| ArchiveError::Gone)?;
        let directory = Directory { records, entries: state.entries };
        let zip = Zip::resume(Out::Plain(parts), state.created_at, directory, state.size);
        let upload = Upload::new(to.clone(), free).resume(&checkpoint, state.sent).run(parts_in);
        let archive = Self {
            to,
            ledger: Ledger::resume(state.books),
            pipe: Some(Pipe::open(|| Ok(zip), keys(Some(password)), workers(), upload)),
            created_at: state.created_at,
            checkpoint: Some(checkpoint),
            can_be_resumed: true,
        };
        Ok((archive, note))
    }

    /// Removes what `checkpoint` leads to, when nobody will go on from there.
    ///
    /// # Errors
    /// If object storage fails; then it must be done again.
    pub async fn discard(to: &Destination, checkpoint: &Checkpoint) -> Result<(), ArchiveError> {
        discard(to, checkpoint).await
    }

    /// Gives up what came after the last [`checkpoint`](Self::checkpoint), and waits until it is gone: another
    /// process goes on from there.
    pub async fn leave(mut self) {
        // A failure of the upload was told before, or is of no matter any more.
        let _ = self.close().await;
    }

    /// Adds one record, a JSON document on a single line without its line break, to `collection`,
    /// which is `dataset:collection`.
    ///
    /// Collections best come one after the other: going back to one begins a new entry. Between files of their own
    /// collection, records share one.
    ///
    /// # Errors
    /// As [`ArchiveError`] says.
    pub async fn record(&mut self, collection: &str, json_line: &[u8]) -> Result<(), ArchiveError> {
        self.ledger.record(collection, json_line, None)?;
        self.send().await
    }

    /// Adds one record as [`record`](Self::record) does, and to a table beside it.
    ///
    /// # Errors
    /// As [`ArchiveError`] says.
    pub async fn record_with_csv(
        &mut self,
        collection: &str,
        json_line: &[u8],
        csv: Csv<'_>,
    ) -> Result<(), ArchiveError> {
        self.ledger.record(collection, json_line, Some(csv))?;
        self.send().await
    }

    /// Begins an attachment of `collection`, of exactly `length` bytes: ZIP wants to know before the
    /// first of them. Only the manifest tells its original name.
    ///
    /// # Errors
    /// [`ArchiveError::FileOpen`] if the one before has not been ended.
    pub fn begin_file(
        &mut self,
        collection: &str,
        original_name: &str,
        length: u64,
    ) -> Result<(), ArchiveError> {
        self.ledger.begin_file(collection, original_name, length)
    }

    /// Adds to the attachment begun last.
    ///
    /// # Errors
    /// As [`ArchiveError`] says.
    pub async fn file_chunk(&mut self, bytes: &[u8]) -> Result<(), ArchiveError> {
        self.ledger.file_chunk(bytes)?;
        self.send().await
    }

    /// Ends the attachment. An archive with one left open cannot be finished, since it is
    /// not known to be whole.
    ///
    /// # Errors
    /// As [`ArchiveError`] says.
    pub async fn end_file(&mut self) -> Result<(), ArchiveError> {
        self.ledger.end_file()?;
        self.send().await
    }

    /// The key of the object that it will be.
    pub fn key(&self) -> &str {
        &self.to.key
    }

    /// What the archive has been given so far.
    pub fn given(&self) -> Given {
        self.ledger.books.given
    }

    /// Waits until all that the archive was given is in object storage, and tells how another process
    /// goes on from there, be it that this one dies or that its time is up. This one may go on, too.
    /// Whoever resumes is handed `note`, which lies sealed beside the archive until then.
    ///
    /// It ends the open entry, and writes what the next part holds so far: worth doing every few
    /// minutes, not after every page. From now on, losing the archive does not remove it.
    ///
    /// # Errors
    /// As [`ArchiveError`] says; [`ArchiveError::FileOpen`] in the middle of an attachment,
    /// [`ArchiveError::NoCheckpoint`] if it [cannot be resumed](Self::can_be_resumed).
    pub async fn checkpoint(&mut self, note: Vec<u8>) -> Result<Checkpoint, ArchiveError> {
        if !self.can_be_resumed {
            return Err(ArchiveError::NoCheckpoint);
        }
        self.ledger.settle()?;
        self.send().await?;
        let (reply, answer) = oneshot::channel();
        let ask = Ask { created_at: self.created_at, books: self.ledger.books.clone(), note, reply };
        let asked = match &self.pipe {
            Some(pipe) => pipe.save(ask).await,
            None => false,
        };
        match answer.await {
            Ok(checkpoint) if asked => {
                self.checkpoint = Some(checkpoint.clone());
                Ok(checkpoint)
            }
            _ => Err(self.lose().await),
        }
    }

    /// Adds `manifest.json` and `index.html`, which `index` makes of the manifest, and waits until
    /// the archive is stored.
    ///
    /// # Errors
    /// As [`ArchiveError`] says.
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
        if let Some(checkpoint) = &self.checkpoint {
            let _ = discard(&self.to, checkpoint).await;
        }
    }

    async fn seal(
        &mut self,
        facts: Facts,
        index: impl FnOnce(&Manifest) -> String,
    ) -> Result<Finished, ArchiveError> {
        let (manifest, documents) = self.ledger.manifest(self.created_at, facts)?;
        for (name, bytes) in documents {
            self.ledger.document(&name, bytes);
        }
        let json = serde_json::to_vec_pretty(&manifest).map_err(ArchiveError::Manifest)?;
        self.ledger.document("manifest.json", json);
        self.ledger.document("index.html", index(&manifest));
        self.send().await?;
        let asked = match &self.pipe {
            Some(pipe) => pipe.finish().await,
            None => false,
        };
        let whole = self.close().await?.filter(|_| asked).ok_or(ArchiveError::Lost)?;
        Ok(Finished {
            size: whole.size,
            sha256: whole.sha256,
            entries: whole.entries,
            records: manifest.records(),
        })
    }

    async fn send(&mut self) -> Result<(), ArchiveError> {
        let sent = match &mut self.pipe {
            Some(pipe) => pipe.send(&mut self.ledger).await,
            None => false,
        };
        if sent { Ok(()) } else { Err(self.lose().await) }
    }

    /// Why the far end has failed.
    async fn lose(&mut self) -> ArchiveError {
        self.ledger.steps.clear();
        self.close().await.err().unwrap_or(ArchiveError::Lost)
    }

    async fn close(&mut self) -> Result<Option<Whole>, ArchiveError> {
        match self.pipe.take() {
            Some(pipe) => pipe.close().await,
            None => Ok(None),
        }
    }
}

/// The way of buffers back from the upload, with one on it.
fn spare_parts() -> (mpsc::Sender<Vec<u8>>, mpsc::Receiver<Vec<u8>>) {
    let (free, spare) = mpsc::channel(PARTS);
    // There is room for it.
    let _ = free.try_send(Vec::new());
    (free, spare)
}

fn keys(password: Option<Password>) -> Keys {
    let random = |_| {
        let mut salt = Salt::default();
        rand::fill(&mut salt).map_err(std::io::Error::other)?;
        Ok(salt)
    };
    Keys { password: password.map(Arc::new), salts: Arc::new(random) }
}
