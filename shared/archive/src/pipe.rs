//! The two tasks behind an archive: one compresses and encrypts, the other uploads.

use std::collections::VecDeque;
use std::io;

use chrono::{DateTime, Utc};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn, spawn_blocking};

use crate::framing::Framing;
use crate::ledger::Step;
use crate::parts::{Parts, Whole};
use crate::upload::{Outcome, upload};
use crate::{ArchiveError, Destination, Password};

/// Blocks in flight: 1 MiB, enough that the two sides seldom wait for each other.
const STEPS: usize = 16;

/// Parts in flight. With one being filled and one being sent there are three in memory.
const PARTS: usize = 1;

/// Takes steps at one end, and stores the archive at the other.
///
/// Dropped early, it stores nothing: the writer meets the end of the steps without a `Finish`,
/// so that the upload meets the end of the parts without a last one, and throws away what it has.
pub(crate) struct Pipe {
    steps: mpsc::Sender<Step>,
    writer: JoinHandle<io::Result<Option<Whole>>>,
    upload: JoinHandle<Result<Outcome, ArchiveError>>,
}

impl Pipe {
    pub(crate) fn open(to: Destination, password: Password, created_at: DateTime<Utc>) -> Self {
        let (steps, steps_in) = mpsc::channel(STEPS);
        let (parts, parts_in) = mpsc::channel(PARTS);
        let framing = Framing::new(Parts::new(parts), password, created_at);
        Self {
            steps,
            writer: spawn_blocking(move || write(steps_in, framing)),
            upload: spawn(upload(to, parts_in)),
        }
    }

    /// Sends the steps, and waits while the far end is busy. `false` when it has failed: then
    /// [`close`](Self::close) knows why. A step leaves the queue only once it is sent.
    pub(crate) async fn send(&self, steps: &mut VecDeque<Step>) -> bool {
        while !steps.is_empty() {
            let Ok(room) = self.steps.reserve().await else { return false };
            if let Some(step) = steps.pop_front() {
                room.send(step);
            }
        }
        true
    }

    /// Ends the steps and waits for both tasks. `None` if the archive was never finished.
    pub(crate) async fn close(self) -> Result<Option<Whole>, ArchiveError> {
        drop(self.steps);
        let written = self.writer.await.map_err(ArchiveError::Stopped);
        // When both failed, the upload failed first: to the writer it is but a broken pipe.
        self.upload.await.map_err(ArchiveError::Stopped)??;
        written?.map_err(ArchiveError::Framing)
    }
}

/// The blocking task.
fn write(mut steps: mpsc::Receiver<Step>, mut framing: Framing<Parts>) -> io::Result<Option<Whole>> {
    while let Some(step) = steps.blocking_recv() {
        match step {
            Step::Begin { name, coding } => framing.begin(&name, coding)?,
            Step::Bytes(bytes) => framing.write(&bytes)?,
            Step::Finish => return framing.finish()?.finish().map(Some),
        }
    }
    Ok(None)
}
