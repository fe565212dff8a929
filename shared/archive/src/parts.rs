//! Cuts what the ZIP writer writes into parts for the upload, and takes its SHA-256 on the way.

use std::io::{self, ErrorKind, Write};
use std::mem;

use bytes::Bytes;
use sha2::digest::common::hazmat::{SerializableState, SerializedState};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use crate::checkpoint::{Save, Unreadable};

/// Length of the first parts, of which there are two in memory. Object storage takes 5 MiB at least.
pub(crate) const PART: usize = 8 << 20;

/// After so many parts they become twice as long, so that their number suffices for long archives.
const SAME: usize = 2_000;

/// Length of the longest parts.
const LONGEST: usize = 64 << 20;

/// A piece of the archive on its way to object storage.
pub(crate) enum Part {
    More(Bytes),
    /// Writes down where the archive stands.
    Save(Box<Save>),
    /// Ends the archive. When the channel closes without it, the archive was abandoned.
    Last(Bytes),
}

/// Size, digest and number of entries of the whole archive.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) size: u64,
    pub(crate) sha256: [u8; 32],
    pub(crate) entries: u64,
}

/// A blocking sink that hands its bytes over in parts; never call it on an async thread.
pub(crate) struct Parts {
    part: Vec<u8>,
    /// How many have been handed over.
    sent: usize,
    to: mpsc::Sender<Part>,
    /// Buffers that the upload has done with. Waiting for one is waiting for the upload.
    spare: mpsc::Receiver<Vec<u8>>,
    size: u64,
    digest: Sha256,
}

impl Parts {
    pub(crate) fn new(to: mpsc::Sender<Part>, spare: mpsc::Receiver<Vec<u8>>) -> Self {
        Self { part: Vec::with_capacity(PART), sent: 0, to, spare, size: 0, digest: Sha256::new() }
    }

    /// Goes on after so many parts, and bytes altogether, with what is not in any part yet.
    pub(crate) fn resume(
        self,
        sent: usize,
        size: u64,
        tail: &[u8],
        digest: &[u8],
    ) -> Result<Self, Unreadable> {
        let digest = SerializedState::<Sha256>::try_from(digest).map_err(|_| Unreadable)?;
        let digest = Sha256::deserialize(&digest).map_err(|_| Unreadable)?;
        let mut part = self.part;
        part.extend_from_slice(tail);
        Ok(Self { part, sent, size, digest, ..self })
    }

    /// What is not in any part yet, and the digest so far.
    pub(crate) fn state(&self) -> (&[u8], Vec<u8>) {
        (&self.part, self.digest.serialize().to_vec())
    }

    /// Hands over what shall be saved, behind all full parts.
    pub(crate) fn save(&mut self, save: Save) -> io::Result<()> {
        self.to.blocking_send(Part::Save(Box::new(save))).map_err(closed)
    }

    /// Hands over the last part.
    pub(crate) fn finish(self, entries: u64) -> io::Result<Whole> {
        self.to.blocking_send(Part::Last(self.part.into())).map_err(closed)?;
        Ok(Whole { size: self.size, sha256: self.digest.finalize().into(), entries })
    }
}

impl Write for Parts {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = length(self.sent);
        // A full part leaves only when more comes, so that the last one is never empty.
        if self.part.len() >= length && !bytes.is_empty() {
            let mut next = self.spare.blocking_recv().ok_or(ErrorKind::BrokenPipe)?;
            next.clear();
            next.reserve_exact(self::length(self.sent + 1));
            let full = mem::replace(&mut self.part, next);
            self.to.blocking_send(Part::More(full.into())).map_err(closed)?;
            self.sent += 1;
            return self.write(bytes);
        }
        let taken = &bytes[..bytes.len().min(length - self.part.len())];
        self.part.extend_from_slice(taken);
        self.digest.update(taken);
        self.size += taken.len() as u64;
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Length of the part that comes after so many.
fn length(sent: usize) -> usize {
    LONGEST.min(PART << (sent / SAME).min(8))
}

/// The upload has ended early, and knows why.
fn closed<T>(_: T) -> io::Error {
    ErrorKind::BrokenPipe.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes the parts, and gives their buffers back.
    fn lengths(total: usize) -> Vec<(usize, bool)> {
        let (to, mut from) = mpsc::channel(8);
        let (back, spare) = mpsc::channel(8);
        for _ in 0..8 {
            back.try_send(Vec::new()).unwrap();
        }
        let mut parts = Parts::new(to, spare);
        parts.write_all(&vec![7; total]).unwrap();
        assert_eq!(parts.finish(0).unwrap().size, total as u64);
        let mut lengths = Vec::new();
        while let Some(part) = from.blocking_recv() {
            lengths.push(match part {
                Part::More(bytes) => (bytes.len(), false),
                Part::Last(bytes) => (bytes.len(), true),
                Part::Save(_) => unreachable!("nothing is saved"),
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
        let (_back, spare) = mpsc::channel(1);
        let mut parts = Parts::new(to, spare);
        parts.write_all(b"half").unwrap();

        drop(parts);

        assert!(from.blocking_recv().is_none());
    }

    #[test]
    fn ten_thousand_parts_hold_three_hundred_gibibytes() {
        let total: usize = (0..10_000).map(length).sum();

        assert!(total > 300 << 30, "{total}");
        assert_eq!((length(0), length(SAME), length(9_999)), (PART, 2 * PART, LONGEST));
    }

    #[test]
    fn a_digest_goes_on_where_it_stood() {
        let (to, _from) = mpsc::channel(1);
        let (_back, spare) = mpsc::channel(1);
        let mut parts = Parts::new(to.clone(), spare);
        parts.write_all(b"some").unwrap();
        let (tail, digest) = parts.state();
        let (_back, spare) = mpsc::channel(1);

        let mut resumed = Parts::new(to, spare).resume(0, 4, tail, &digest).unwrap();
        resumed.write_all(b" more").unwrap();

        assert_eq!(resumed.finish(0).unwrap().sha256, *Sha256::digest(b"some more"));
    }
}
