//! Makes a whole entry ready in memory, so that its length is known before its header is written.

use libdeflater::{CompressionLvl, Compressor, crc32};

use crate::Password;
use crate::ae2::{Lock, Mac, OVERHEAD, Salt, Verifier};
use crate::framing::{Guard, Header, Method};

/// Up to how many bytes of an entry the buffers are kept for the next one.
const KEPT: usize = 8 << 20;

/// How the bytes of an entry are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// Made smaller, if they can be.
    Deflate,
    /// As they are, for what is compressed already.
    Store,
}

/// Compresses and locks entries one at a time, each independent of all others. Its memory is used
/// again: fresh buffers for every entry would cost as much as the encryption.
pub struct Press {
    compressor: Compressor,
    /// The bytes of the entry; encrypted in place if they are stored.
    plain: Vec<u8>,
    /// What they are compressed into. As long as it ever had to be, and touched as far as it was used.
    packed: Vec<u8>,
}

/// An entry that can be written as it is.
pub struct Sealed {
    pub(crate) header: Header,
    /// Unless it is plain.
    pub(crate) lock: Option<(Salt, Verifier, Mac)>,
    press: Press,
    /// How much of `packed` is the entry; `None` if `plain` is.
    packed: Option<usize>,
}

impl Default for Press {
    fn default() -> Self {
        // The level that the library begins with, 6: more costs time, and less costs egress, which
        // is dearer.
        let compressor = Compressor::new(CompressionLvl::default());
        Self { compressor, plain: Vec::new(), packed: Vec::new() }
    }
}

impl Press {
    /// The buffer for the bytes of the next entry.
    pub fn plain(&mut self) -> &mut Vec<u8> {
        &mut self.plain
    }

    /// Makes an entry of what is in the buffer.
    pub fn seal(mut self, name: String, coding: Coding, password: &Password, salt: Salt) -> Sealed {
        let packed = self.pack(coding);
        let plain = self.plain.len() as u64;
        let (method, body) = self.body(packed);
        let mut lock = Lock::new(password, &salt);
        lock.encrypt(body);
        let locked = body.len() as u64 + OVERHEAD;
        let header = Header { name, method, guard: Guard::Aes, plain, locked };
        Sealed { header, lock: Some((salt, lock.verifier, lock.finish())), press: self, packed }
    }

    /// Makes a plain entry of it.
    pub(crate) fn wrap(mut self, name: String, coding: Coding) -> Sealed {
        let guard = Guard::Crc(crc32(&self.plain));
        let packed = self.pack(coding);
        let plain = self.plain.len() as u64;
        let (method, body) = self.body(packed);
        let header = Header { name, method, guard, plain, locked: body.len() as u64 };
        Sealed { header, lock: None, press: self, packed }
    }

    fn pack(&mut self, coding: Coding) -> Option<usize> {
        match coding {
            Coding::Deflate => self.deflate(),
            Coding::Store => None,
        }
    }

    fn body(&mut self, packed: Option<usize>) -> (Method, &mut [u8]) {
        match packed {
            Some(length) => (Method::Deflated, &mut self.packed[..length]),
            None => (Method::Stored, self.plain.as_mut_slice()),
        }
    }

    /// The compressed length, unless that is no gain.
    fn deflate(&mut self) -> Option<usize> {
        let most = self.plain.len().saturating_sub(1);
        if self.packed.len() < most {
            // Zeroes from the kernel: memory is taken only as far as it will be written.
            self.packed = vec![0; most.max(KEPT.min(self.plain.capacity()))];
        }
        self.compressor.deflate_compress(&self.plain, &mut self.packed[..most]).ok()
    }
}

impl Sealed {
    /// The encrypted bytes.
    pub(crate) fn body(&self) -> &[u8] {
        match self.packed {
            Some(length) => &self.press.packed[..length],
            None => &self.press.plain,
        }
    }

    /// Gives the press back, with an empty buffer.
    pub fn into_press(self) -> Press {
        let mut press = self.press;
        press.plain.clear();
        // One large document must not cost its memory for the rest of the archive.
        if press.plain.capacity() > 2 * KEPT {
            press.plain = Vec::new();
        }
        if press.packed.len() > 2 * KEPT {
            press.packed = Vec::new();
        }
        press
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn method(bytes: &[u8], coding: Coding) -> Method {
        let mut press = Press::default();
        press.plain().extend_from_slice(bytes);
        press.seal("a".into(), coding, &Password::new("password".into()), [0; 16]).header.method
    }

    #[test]
    fn what_does_not_shrink_is_stored() {
        assert_eq!(method(&[b'a'; 1000], Coding::Deflate), Method::Deflated);
        assert_eq!(method(&[b'a'; 1000], Coding::Store), Method::Stored);
        assert_eq!(method(b"", Coding::Deflate), Method::Stored);
        assert_eq!(method(b"a", Coding::Deflate), Method::Stored);
        assert_eq!(method(b"\x9B\x41\x07\xD2\x5F", Coding::Deflate), Method::Stored);
    }

    #[test]
    fn a_press_forgets_the_entry_before() {
        let mut press = Press::default();
        press.plain().extend_from_slice(&[b'a'; 1000]);
        let sealed = press.seal("a".into(), Coding::Deflate, &Password::new("password".into()), [0; 16]);

        let mut press = sealed.into_press();

        assert!(press.plain().is_empty());
    }
}
