//! How bytes are sealed: AES-256-GCM, with the key's name and the caller's context authenticated.
//!
//! A sealed blob is version 1, the length of the name, the name, the nonce, the ciphertext and its tag.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::rand;

use super::Context;

const VERSION: u8 = 1;

/// The key everything is sealed under.
pub(super) struct MasterKey(LessSafeKey);

/// A blob taken apart, not yet opened.
pub(super) struct Sealed {
    /// The key it claims to be sealed by.
    pub(super) key_name: String,
    nonce: [u8; NONCE_LEN],
    ciphertext: Vec<u8>,
}

impl MasterKey {
    /// Takes 32 bytes as the key.
    pub(super) fn new(bytes: &[u8; 32]) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, bytes).expect("AES-256 takes any 32 bytes");
        Self(LessSafeKey::new(key))
    }

    /// Seals `plaintext`; `None` if the name is too long or the library fails.
    pub(super) fn seal(&self, name: &str, context: &Context, plaintext: &[u8]) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).ok()?;
        let mut ciphertext = plaintext.to_vec();
        self.0
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(bound(name, context)),
                &mut ciphertext,
            )
            .ok()?;
        let mut blob = vec![VERSION, u8::try_from(name.len()).ok()?];
        blob.extend_from_slice(name.as_bytes());
        blob.extend_from_slice(&nonce);
        blob.append(&mut ciphertext);
        Some(blob)
    }

    /// Opens what [`MasterKey::seal`] made with the same context.
    pub(super) fn open(&self, sealed: Sealed, context: &Context) -> Option<Vec<u8>> {
        let Sealed { key_name, nonce, mut ciphertext } = sealed;
        let aad = Aad::from(bound(&key_name, context));
        let nonce = Nonce::assume_unique_for_key(nonce);
        let length = self.0.open_in_place(nonce, aad, &mut ciphertext).ok()?.len();
        ciphertext.truncate(length);
        Some(ciphertext)
    }
}

impl Sealed {
    /// Takes a blob apart; `None` if it is none of ours.
    pub(super) fn parse(blob: &[u8]) -> Option<Self> {
        let (&[version, length], rest) = blob.split_first_chunk()?;
        let (name, rest) = rest.split_at_checked(length.into())?;
        let (&nonce, ciphertext) = rest.split_first_chunk()?;
        let key_name = std::str::from_utf8(name).ok()?.to_owned();
        (version == VERSION).then(|| Self { key_name, nonce, ciphertext: ciphertext.to_vec() })
    }
}

/// What is authenticated but not hidden. JSON of a sorted map is the same bytes for the same facts, and no two
/// different facts share them.
fn bound(name: &str, context: &Context) -> Vec<u8> {
    serde_json::to_vec(&(name, context)).expect("strings are always JSON")
}
