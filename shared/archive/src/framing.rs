//! The ZIP around the data: deflate, AES-256, headers. The only place that knows the ZIP crate.

use std::io::{self, Write};

use chrono::{DateTime, Datelike, Timelike, Utc};
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{AesMode, CompressionMethod, ZipWriter};

use crate::Password;

/// How the bytes of an entry are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Deflate,
    /// As they are, for what is compressed already.
    Store,
}

/// Writes encrypted entries, one after the other, to a sink that cannot seek.
pub(crate) struct Framing<W: Write> {
    zip: ZipWriter<StreamWriter<W>>,
    password: Password,
    modified: zip::DateTime,
}

impl<W: Write> Framing<W> {
    /// `created_at` becomes the date of every entry.
    pub(crate) fn new(sink: W, password: Password, created_at: DateTime<Utc>) -> Self {
        Self { zip: ZipWriter::new_stream(sink), password, modified: dos(created_at) }
    }

    /// Starts an entry, after ending the one before.
    pub(crate) fn begin(&mut self, name: &str, coding: Coding) -> io::Result<()> {
        let (method, level) = match coding {
            // More costs time and less costs egress, which is dearer.
            Coding::Deflate => (CompressionMethod::Deflated, Some(6)),
            Coding::Store => (CompressionMethod::Stored, None),
        };
        let options = SimpleFileOptions::default()
            .compression_method(method)
            .compression_level(level)
            .last_modified_time(self.modified)
            // The length is unknown when the header is written; without this 4 GiB would end it.
            .large_file(true)
            .with_aes_encryption(AesMode::Aes256, self.password.expose());
        Ok(self.zip.start_file(name, options)?)
    }

    /// Adds to the entry begun last.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.zip.write_all(bytes)
    }

    /// Writes the directory and gives the sink back.
    pub(crate) fn finish(self) -> io::Result<W> {
        Ok(self.zip.finish()?.into_inner())
    }
}

/// The ZIP date; the earliest there is when ZIP cannot say it.
fn dos(at: DateTime<Utc>) -> zip::DateTime {
    // Each of the five fits a byte, whatever the date; a year beyond u16 is beyond ZIP, too.
    let small = |number: u32| u8::try_from(number).unwrap_or_default();
    zip::DateTime::from_date_and_time(
        u16::try_from(at.year()).unwrap_or_default(),
        small(at.month()),
        small(at.day()),
        small(at.hour()),
        small(at.minute()),
        small(at.second()),
    )
    .unwrap_or_default()
}
