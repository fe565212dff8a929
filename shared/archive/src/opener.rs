//! Who can open an archive that lies within an age file.

use std::io::{self, Write};
use std::iter;

use age::secrecy::SecretString;
use age::stream::StreamWriter;
use age::{Encryptor, Recipient, scrypt, x25519};

use crate::Password;

/// How hard guessing a password is made: 2^16 rounds of scrypt take 64 MiB and a quarter of a second, here
/// and in the reader. More would not fit into the memory that an archive may take.
const WORK: u8 = 16;

/// What opens an age file.
pub enum Opener {
    /// Whoever knows it.
    Password(Password),
    /// Whoever has the key that belongs to this public one, `age1…`.
    Recipient(String),
}

/// Whether a text is a public key that age files can be made for.
pub fn is_recipient(text: &str) -> bool {
    text.parse::<x25519::Recipient>().is_ok()
}

impl Opener {
    /// The writer of an age file into `sink`.
    pub(crate) fn wrap<W: Write>(self, sink: W) -> io::Result<StreamWriter<W>> {
        let recipient: Box<dyn Recipient> = match self {
            Self::Password(password) => {
                let mut scrypt = scrypt::Recipient::new(SecretString::from(password.expose().to_owned()));
                scrypt.set_work_factor(WORK);
                Box::new(scrypt)
            }
            Self::Recipient(key) => Box::new(key.parse::<x25519::Recipient>().map_err(io::Error::other)?),
        };
        let encryptor = Encryptor::with_recipients(iter::once(&*recipient)).map_err(io::Error::other)?;
        encryptor.wrap_output(sink)
    }
}
