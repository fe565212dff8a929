//! A person's data as a password-protected ZIP, streamed into object storage at flat memory.
//!
//! Records come in one by one, the archive goes out part by part, and neither is ever held whole:
//!
//! ```text
//!                    ╭▶ Press ─╮
//! Archive ── Ledger ─┤ deflate, ├─▶ Zip ─────▶ Parts ──▶ Upload
//!  async     4 MiB   │ AES-256  │   headers,   8 MiB     one PutObject,
//!            entries ╰▶ Press ─╯    in order   SHA-256   or a multipart upload
//! ```
//!
//! The left and the right end are async, the middle is blocking tasks, as many presses as processors,
//! two at most; bounded channels between them make a slow upload slow the reading down. It all works
//! on a single-threaded runtime. Files longer than an entry are encrypted as they come and never held.
//!
//! An entry is compressed before its header is written. So its length is known there, readers can go
//! through the archive from its beginning, and entries do not depend on each other.
//!
//! Every entry is WinZip AE-2 with AES-256, which 7-Zip, bsdtar, Keka and WinZip open, and Windows
//! Explorer does not. ZIP leaves names readable, so that they are numbers only:
//!
//! ```text
//! data/01-0001.ndjson     up to 4 MiB of records of the first collection, one JSON document a line
//! data/01-0001.csv        the same as a table, if that is asked for
//! files/02-0001.jpg       an attachment of the second
//! schema/01.json          the JSON Schema of records of the first
//! manifest.json           which collection is which: counts, original names, SHA-256 of every file
//! index.html              the same for people
//! ```
//!
//! Deliberately not here: which data is exported, what the index looks like, who may have it, and
//! how good a password must be.
//!
//! # Example
//!
//! ```no_run
//! # async fn example(s3: aws_sdk_s3::Client, now: chrono::DateTime<chrono::Utc>) -> Result<(), archive::ArchiveError> {
//! use archive::{Archive, Destination, Facts, Password};
//!
//! let to = Destination { s3, bucket: "takeouts".into(), key: "acme/0192f1c4.zip".into() };
//! let mut archive = Archive::create(to, Password::new("correct horse battery".into()), now);
//! archive.record("shop:orders", br#"{"total":12}"#).await?;
//! archive.begin_file("shop:invoices", "invoice 12.pdf", 8)?;
//! archive.file_chunk(b"%PDF-1.7").await?;
//! archive.end_file().await?;
//!
//! let finished = archive.finish(Facts::default(), |manifest| format!("{} records", manifest.records())).await?;
//! assert_eq!(finished.records, 1);
//! # Ok(())
//! # }
//! ```

mod ae2;
mod archive;
mod checkpoint;
mod error;
mod framing;
mod ledger;
mod magic;
mod manifest;
mod opener;
mod parts;
mod password;
mod pipe;
mod press;
mod upload;

pub use ae2::Salt;
pub use archive::{Archive, Finished};
pub use checkpoint::Checkpoint;
pub use error::ArchiveError;
pub use framing::Zip;
pub use ledger::{Csv, Given};
pub use manifest::{About, Attachment, Collection, Document, Facts, File, Manifest};
pub use opener::{Opener, is_recipient};
pub use password::Password;
pub use press::{Coding, Press, Sealed};
pub use upload::Destination;
