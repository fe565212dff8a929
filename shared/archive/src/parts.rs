//! Cuts what the ZIP writer writes into parts for the upload, and takes its SHA-256 on the way.

use std::io::{self, ErrorKind, Write};
use std::mem;

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use tokio::sync::mpsc;

use crate::ledger::sha256;

/// Length of every part but the last. Object storage takes 5 MiB at least.
pub(crate) const PART: usize = 8 << 20;

/// A piece of the archive on its way to object storage.
pub(crate) enum Part {
    More(Bytes),
    /// Ends the archive. When the channel closes without it, the archive was abandoned.
    Last(Bytes),
}

/// Size and digest of the whole archive.
pub(crate) struct Whole {
    pub(crate) size: u64,
    pub(crate) sha256: [u8; 32],
}

/// A blocking sink that hands its bytes over in parts; never call it on an async thread.
pub(crate) struct Parts {
    part: Vec<u8>,
    to: mpsc::Sender<Part>,
    size: u64,
    digest: Context,
}

impl Parts {
    pub(crate) fn new(to: mpsc::Sender<Part>) -> Self {
        Self { part: Vec::with_capacity(PART), to, size: 0, digest: Context::new(&SHA256) }
    }

    /// Hands over the last part.
    pub(crate) fn finish(self) -> io::Result<Whole> {
        self.to.blocking_send(Part::Last(self.part.into())).map_err(closed)?;
        Ok(Whole { size: self.size, sha256: sha256(self.digest) })
    }
}

impl Write for Parts {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full part leaves only when more comes, so that the last one is never empty.
        if self.part.len() == PART && !bytes.is_empty() {
            let full = mem::replace(&mut self.part, Vec::with_capacity(PART));
            self.to.blocking_send(Part::More(full.into())).map_err(closed)?;
        }
        let taken = &bytes[..bytes.len().min(PART - self.part.len())];
        self.part.extend_from_slice(taken);
        self.digest.update(taken);
        self.size += taken.len() as u64;
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The upload has ended early, and knows why.
fn closed<T>(_: T) -> io::Error {
    ErrorKind::BrokenPipe.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(total: usize) -> Vec<(usize, bool)> {
        let (to, mut from) = mpsc::channel(8);
        let mut parts = Parts::new(to);
        parts.write_all(&vec![7; total]).unwrap();
        assert_eq!(parts.finish().unwrap().size, total as u64);
        let mut lengths = Vec::new();
        while let Some(part) = from.blocking_recv() {
            lengths.push(match part {
                Part::More(bytes) => (bytes.len(), false),
                Part::Last(bytes) => (bytes.len(), true),
            });
        }
        lengths
    }

    #[test]
    fn only_the_last_part_is_short() {
        assert_eq!(lengths(10), [(10, true)]);
        assert_eq!(lengths(2 * PART + 1), [(PART, false), (PART, false), (1, true)]);
    }

    #[test]
    fn what_fills_the_parts_exactly_has_no_empty_last_one() {
        assert_eq!(lengths(PART), [(PART, true)]);
        assert_eq!(lengths(2 * PART), [(PART, false), (PART, true)]);
    }

    #[test]
    fn an_abandoned_archive_has_no_last_part() {
        let (to, mut from) = mpsc::channel(8);
        let mut parts = Parts::new(to);
        parts.write_all(b"half").unwrap();

        drop(parts);

        assert!(from.blocking_recv().is_none());
    }
}
