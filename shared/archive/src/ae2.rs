//! WinZip AE-2: what locks the bytes of an entry. Only put together here; the primitives are others'.

use aes::Aes256;
use aws_lc_rs::hmac::{self, HMAC_SHA1_FOR_LEGACY_USE_ONLY};
use ctr::Ctr128LE;
use ctr::cipher::{KeyIvInit, StreamCipher};
use pbkdf2::pbkdf2_hmac;
use sha1::Sha1;
use zeroize::Zeroizing;

use crate::Password;

/// What makes the key of an entry its own. Two entries must never have the same one.
pub type Salt = [u8; 16];

/// What tells a reader at once that the password is wrong, most of the time.
pub(crate) type Verifier = [u8; 2];

/// What tells a reader that not a bit has changed: the first half of an HMAC-SHA1.
pub(crate) type Mac = [u8; 10];

/// How much longer locking makes an entry.
pub(crate) const OVERHEAD: u64 = (size_of::<Salt>() + size_of::<Verifier>() + size_of::<Mac>()) as u64;

/// Rounds of key derivation, which the format fixes.
const ROUNDS: u32 = 1_000;

const KEY: usize = 32;

/// Bytes are encrypted and authenticated in strips that stay in the nearest cache between the two.
const STRIP: usize = 16 << 10;

/// Locks one entry.
pub(crate) struct Lock {
    cipher: Ctr128LE<Aes256>,
    mac: hmac::Context,
    pub(crate) verifier: Verifier,
}

impl Lock {
    pub(crate) fn new(password: &Password, salt: &Salt) -> Self {
        let mut derived = Zeroizing::new([0; 2 * KEY + size_of::<Verifier>()]);
        pbkdf2_hmac::<Sha1>(password.expose().as_bytes(), salt, ROUNDS, derived.as_mut());
        let (keys, verifier) = derived.split_at(2 * KEY);
        let (encryption, authentication) = keys.split_at(KEY);

        let mut key = Zeroizing::new([0; KEY]);
        key.copy_from_slice(encryption);
        // The counter is little-endian and begins at one.
        let mut counter = [0; 16];
        counter[0] = 1;
        let mac = hmac::Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, authentication);
        Self {
            cipher: Ctr128LE::new((&*key).into(), &counter.into()),
            mac: hmac::Context::with_key(&mac),
            verifier: [verifier[0], verifier[1]],
        }
    }

    /// Encrypts the next bytes of the entry where they are.
    pub(crate) fn encrypt(&mut self, bytes: &mut [u8]) {
        for strip in bytes.chunks_mut(STRIP) {
            self.cipher.apply_keystream(strip);
            self.mac.update(strip);
        }
    }

    pub(crate) fn finish(self) -> Mac {
        let mut mac = Mac::default();
        mac.copy_from_slice(&self.mac.sign().as_ref()[..size_of::<Mac>()]);
        mac
    }
}
