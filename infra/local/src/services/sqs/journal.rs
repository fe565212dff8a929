//! The journal of messages: one file for each that was sent and not yet deleted, and one for the queues.
//!
//! A receipt handle of rustack is the Base64 of `<message id>:<time>:<random>`, which spares us a table of
//! receipts. A version that changes this fails the test of deletion across a restart.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use chrono::{DateTime, Utc};
use rustack_sqs_core::provider::{RustackSqs, SqsSnapshot};
use rustack_sqs_model::{error::SqsError, input::SendMessageInput, output::SendMessageOutput};
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, MutexGuard};

use super::queue_name;
use crate::services::{Clock, StartError, folder};

/// A folder of messages.
pub(super) struct Journal {
    queues: PathBuf,
    messages: PathBuf,
    clock: Clock,
    next: AtomicU64,
    turn: Mutex<()>,
}

/// A message as it was sent; the queue in it is where it is now.
#[derive(Serialize, Deserialize)]
struct Record {
    /// When it was sent.
    at: DateTime<Utc>,
    /// The order among messages of the same moment.
    place: u64,
    message: SendMessageInput,
}

impl Journal {
    /// Restores the queues and messages of the folder.
    pub(super) async fn open(folder: PathBuf, clock: Clock, queues: &RustackSqs) -> Result<Self, StartError> {
        let failed = |source| StartError::Folder { folder: folder.clone(), source };
        let refused = |error: SqsError| StartError::Sqs { reason: error.message };
        let damaged =
            |file, error: serde_json::Error| StartError::Damaged { file, reason: error.to_string() };

        let messages = folder.join("messages");
        std::fs::create_dir_all(&messages).map_err(failed)?;
        let journal = Self {
            queues: folder.join("queues.json"),
            messages,
            clock,
            next: AtomicU64::default(),
            turn: Mutex::default(),
        };

        if let Some(content) = folder::read(&journal.queues).await.map_err(failed)? {
            let snapshot: SqsSnapshot =
                serde_json::from_slice(&content).map_err(|error| damaged(journal.queues.clone(), error))?;
            queues.import_snapshot(snapshot).await.map_err(refused)?;
        }

        let mut records = Vec::new();
        for (path, content) in folder::json_files(&journal.messages).map_err(failed)? {
            let record: Record =
                serde_json::from_slice(&content).map_err(|error| damaged(path.clone(), error))?;
            records.push((path, record));
        }
        records.sort_by_key(|(_, record)| (record.at, record.place));
        let now = (journal.clock)();
        for (path, Record { at, mut message, .. }) in records {
            message.delay_seconds = message.delay_seconds.map(|delay| {
                let passed = (now - at).num_seconds().clamp(0, delay.into());
                // Fits, being at most the delay.
                delay - i32::try_from(passed).unwrap_or(delay)
            });
            match journal.send(queues, message).await {
                Ok(_) => {}
                // Its queue is gone, and so is whoever would have received it.
                Err(error) if error.code.status_code().is_client_error() => {}
                Err(error) => return Err(refused(error)),
            }
            // Only now, so that a crash repeats the message and does not lose it.
            folder::remove(&path).await.map_err(failed)?;
        }
        Ok(journal)
    }

    /// Waits for one's turn to change something. Without turns, a message that is received and deleted at once
    /// could be noted after its deletion, and come back with the next start.
    pub(super) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Sends a message and notes it.
    pub(super) async fn send(
        &self,
        queues: &RustackSqs,
        message: SendMessageInput,
    ) -> Result<SendMessageOutput, SqsError> {
        let output = queues.send_message(message.clone()).await?;
        if let Some(id) = &output.message_id {
            self.sent(id, message).await?;
        }
        Ok(output)
    }

    /// Notes a message that was sent.
    pub(super) async fn sent(&self, id: &str, message: SendMessageInput) -> Result<(), SqsError> {
        let place = self.next.fetch_add(1, Ordering::Relaxed);
        self.write(id, &Record { at: (self.clock)(), place, message }).await
    }

    /// Notes that a message is in another queue now.
    pub(super) async fn moved(&self, id: &str, queue_url: &str) -> Result<(), SqsError> {
        let Some(content) = folder::read(&self.file(id)).await.map_err(failure)? else { return Ok(()) };
        let mut record: Record = serde_json::from_slice(&content).map_err(failure)?;
        record.message.queue_url = queue_url.to_owned();
        // It has waited once already.
        record.message.delay_seconds = None;
        self.write(id, &record).await
    }

    /// Forgets the message of a receipt.
    pub(super) async fn deleted(&self, receipt: &str) -> Result<(), SqsError> {
        let Ok(decoded) = BASE64.decode(receipt) else { return Ok(()) };
        let Some((id, _)) = std::str::from_utf8(&decoded).ok().and_then(|text| text.split_once(':')) else {
            return Ok(());
        };
        folder::remove(&self.file(id)).await.map_err(failure)
    }

    /// Forgets all messages of a queue.
    pub(super) async fn emptied(&self, queue_url: &str) -> Result<(), SqsError> {
        for (path, content) in folder::json_files(&self.messages).map_err(failure)? {
            let record: Record = serde_json::from_slice(&content).map_err(failure)?;
            if queue_name(&record.message.queue_url) == queue_name(queue_url) {
                folder::remove(&path).await.map_err(failure)?;
            }
        }
        Ok(())
    }

    /// Notes which queues there are, with their settings.
    pub(super) async fn save_queues(&self, queues: &RustackSqs) -> Result<(), SqsError> {
        let snapshot = queues.export_snapshot().await?;
        let content = serde_json::to_vec_pretty(&snapshot).map_err(failure)?;
        folder::replace(&self.queues, &content).await.map_err(failure)
    }

    async fn write(&self, id: &str, record: &Record) -> Result<(), SqsError> {
        let content = serde_json::to_vec(record).map_err(failure)?;
        folder::replace(&self.file(id), &content).await.map_err(failure)
    }

    fn file(&self, id: &str) -> PathBuf {
        // An id is a UUID; anything else in a forged receipt must not lead out of the folder.
        let name: String = id.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        self.messages.join(name).with_extension("json")
    }
}

fn failure(error: impl std::fmt::Display) -> SqsError {
    SqsError::internal_error(format!("the journal of messages: {error}"))
}
