//! Where an unfinished archive stands, so that another process can go on with it.
//!
//! What is needed for that can be long: the directory, the counts, what fills no part yet. It lies in
//! object storage next to the archive, sealed under a key of its own, and the checkpoint is the key.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use crate::ledger::Books;

/// Where an archive stood at a moment, and the key to what is needed to go on from there.
///
/// As secret as the password: what it opens holds the names of attachments. It survives being
/// serialised. A new checkpoint replaces the last but one, so only the latest two lead anywhere.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The object that the archive will be.
    key: String,
    /// The multipart upload, if one has begun.
    pub(crate) upload: Option<String>,
    /// How many were saved before this one.
    pub(crate) number: u32,
    secret: Secret,
}

/// Locks a single state.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Secret(#[serde(with = "hex::serde")] [u8; 32]);

/// The state that a checkpoint opens.
#[derive(Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) books: Books,
    pub(crate) entries: u64,
    /// Bytes so far, in parts and in the tail.
    pub(crate) size: u64,
    /// The inner state of the digest of these bytes.
    #[serde(with = "hex::serde")]
    pub(crate) digest: Vec<u8>,
    /// The parts in object storage.
    pub(crate) sent: Vec<Sent>,
    /// Lengths of the directory and of the tail, behind which comes the note.
    pub(crate) directory: usize,
    pub(crate) tail: usize,
}

/// A part in object storage.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Sent {
    pub(crate) e_tag: Option<String>,
    pub(crate) crc32: Option<String>,
}

/// A state on its way into object storage.
pub(crate) struct Save {
    /// Without the parts, which the upload knows.
    pub(crate) state: State,
    /// Directory, tail and note.
    pub(crate) bytes: Vec<u8>,
    pub(crate) reply: oneshot::Sender<Checkpoint>,
}

/// What was saved cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("what was saved of the archive cannot be read")]
pub(crate) struct Unreadable;

impl Checkpoint {
    pub(crate) fn new(key: String, upload: Option<String>, number: u32) -> Result<Self, Unspecified> {
        let mut secret = Secret([0; 32]);
        rand::fill(&mut secret.0)?;
        Ok(Self { key, upload, number, secret })
    }

    /// The key of the object that the archive will be: the destination to resume to.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Where the state lies.
    pub(crate) fn place(&self) -> String {
        place(&self.key, self.number)
    }

    /// Makes a state unreadable to whoever has not this checkpoint.
    pub(crate) fn seal(&self, state: &State, mut bytes: Vec<u8>) -> Result<Vec<u8>, Unreadable> {
        let from = bytes.len();
        serde_json::to_writer(&mut bytes, state).map_err(|_| Unreadable)?;
        let length = (bytes.len() - from) as u64;
        bytes.extend_from_slice(&length.to_le_bytes());
        self.lock()?
            .seal_in_place_append_tag(once(), Aad::from(self.place()), &mut bytes)
            .map_err(|_| Unreadable)?;
        Ok(bytes)
    }

    /// The state, and with it the directory, the tail and the note.
    pub(crate) fn open(&self, mut sealed: Vec<u8>) -> Result<(State, [Vec<u8>; 3]), Unreadable> {
        let bytes = self
            .lock()?
            .open_in_place(once(), Aad::from(self.place()), &mut sealed)
            .map_err(|_| Unreadable)?;
        let (rest, length) = bytes.split_last_chunk::<8>().ok_or(Unreadable)?;
        let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| Unreadable)?;
        let at = rest.len().checked_sub(length).ok_or(Unreadable)?;
        let (rest, state) = rest.split_at(at);
        let state: State = serde_json::from_slice(state).map_err(|_| Unreadable)?;
        let (directory, rest) = rest.split_at_checked(state.directory).ok_or(Unreadable)?;
        let (tail, note) = rest.split_at_checked(state.tail).ok_or(Unreadable)?;
        let pieces = [directory, tail, note].map(<[u8]>::to_vec);
        Ok((state, pieces))
    }

    fn lock(&self) -> Result<LessSafeKey, Unreadable> {
        let secret = Zeroizing::new(self.secret.0);
        UnboundKey::new(&AES_256_GCM, secret.as_ref()).map(LessSafeKey::new).map_err(|_| Unreadable)
    }
}

/// Where states lie. There are two places: while the newest is written, the one before is whole.
pub(crate) fn place(key: &str, number: u32) -> String {
    format!("{key}.state-{}", number % 2)
}

/// Every secret locks a single state, so that this is used with it only once.
fn once() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

impl fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checkpoint")
            .field("key", &self.key)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        State {
            created_at: DateTime::UNIX_EPOCH,
            books: Books::default(),
            entries: 3,
            size: 9,
            digest: vec![1, 2],
            sent: Vec::new(),
            directory: 4,
            tail: 4,
        }
    }

    #[test]
    fn a_state_opens_with_its_checkpoint_alone() {
        let checkpoint = Checkpoint::new("a.zip".into(), None, 0).unwrap();
        let sealed = checkpoint.seal(&state(), b"dir.tailnote".to_vec()).unwrap();

        let copy: Checkpoint = serde_json::from_str(&serde_json::to_string(&checkpoint).unwrap()).unwrap();
        let (state, pieces) = copy.open(sealed.clone()).unwrap();

        assert_eq!(
            (state.entries, pieces),
            (3, ["dir.", "tail", "note"].map(|piece| piece.as_bytes().to_vec()))
        );
        let other = Checkpoint::new("a.zip".into(), None, 0).unwrap();
        assert!(other.open(sealed.clone()).is_err());
        let elsewhere = Checkpoint { key: "b.zip".into(), ..checkpoint.clone() };
        assert!(elsewhere.open(sealed.clone()).is_err());
        for cut in [0, 1, 15, 16, sealed.len() - 1] {
            assert!(checkpoint.open(sealed[..cut].to_vec()).is_err(), "{cut}");
        }
    }

    #[test]
    fn the_secret_is_not_printed() {
        let checkpoint = Checkpoint::new("a.zip".into(), Some("id".into()), 1).unwrap();

        assert_eq!(format!("{checkpoint:?}"), r#"Checkpoint { key: "a.zip", number: 1, .. }"#);
        assert_eq!(checkpoint.place(), "a.zip.state-1");
    }
}
