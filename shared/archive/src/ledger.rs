//! Decides which bytes go into which entry, and keeps count. Pure: it gives out steps and does none.

use std::collections::VecDeque;
use std::mem;

use aws_lc_rs::digest::{Context, SHA256, digest as hash};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::manifest::{Attachment, Collection, Documents, Facts, File, Manifest};
use crate::{ArchiveError, Coding, magic};

/// Records of one collection share an entry up to this size. Every entry costs a key derivation of a thousand
/// rounds, here and in the reader: one per record would take minutes. Longer entries would only take more memory:
/// there are one being filled, one waiting, and up to two being compressed.
pub(crate) const RECORDS: usize = 4 << 20;

/// No file is held in memory that is longer.
pub(crate) const FILE: usize = 8 << 20;

/// Records are left open up to this size while files of the same collection are added, so that those which come
/// one by one, each before its file, share entries, too. More is worth an entry of its own, and memory.
const BESIDE: usize = 1 << 20;

/// Longer files go out in blocks of about this size, and hashing goes by blocks, too.
pub(crate) const BLOCK: usize = 64 << 10;

/// One thing for the ZIP writer to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Adds a whole entry.
    Entry { name: String, coding: Coding, plain: Vec<u8> },
    /// Begins an entry of so many bytes, which are stored as they are.
    Begin { name: String, length: u64 },
    /// Adds to it.
    Bytes(Vec<u8>),
    /// Ends it.
    End,
}

/// What an archive has been given so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// Records of all collections.
    pub records: u64,
    /// Bytes of records and attachments.
    pub bytes: u64,
}

/// A record as a line of a table, with its line break, and the line of the names above it.
#[derive(Clone, Copy, Debug)]
pub struct Csv<'a> {
    /// The names of the fields; the same for all records of a collection.
    pub header: &'a [u8],
    /// The record.
    pub line: &'a [u8],
}

/// The collections so far and the entries that are open.
#[derive(Default)]
pub(crate) struct Ledger {
    pub(crate) books: Books,
    /// Of one collection.
    records: Option<Entry>,
    file: Option<Entry>,
    /// A buffer for the next entry.
    pub(crate) spare: Vec<u8>,
    /// What is still to be done, in this order.
    pub(crate) steps: VecDeque<Step>,
}

/// What has been counted.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Books {
    /// Of entries that have ended.
    collections: Vec<Collection>,
    pub(crate) given: Given,
}

/// An entry that is being filled.
struct Entry {
    /// Its place in the list of collections.
    collection: usize,
    kind: Kind,
    /// What is not given out yet.
    plain: Vec<u8>,
    /// The same records as a table, if there is one.
    csv: Vec<u8>,
    /// How much of that is in the digest.
    hashed: usize,
    bytes: u64,
    digest: Context,
}

enum Kind {
    Records(u64),
    /// Given out when it is whole.
    File {
        original_name: String,
        length: u64,
    },
    /// A file too long for that. It is named with its first block.
    Stream {
        original_name: String,
        length: u64,
        name: Option<String>,
    },
}

impl Ledger {
    /// Goes on from there.
    pub(crate) fn resume(books: Books) -> Self {
        Self { books, ..Self::default() }
    }

    /// Adds a record to its collection, in a new entry if the open one is full or of another.
    pub(crate) fn record(
        &mut self,
        collection: &str,
        line: &[u8],
        csv: Option<Csv<'_>>,
    ) -> Result<(), ArchiveError> {
        if line.contains(&b'\n') {
            return Err(ArchiveError::NotOneLine);
        }
        if self.file.is_some() {
            return Err(ArchiveError::FileOpen);
        }
        let fits = self.records.as_ref().is_some_and(|open| {
            self.books.collections[open.collection].collection == collection
                && open.plain.len() + line.len() < RECORDS
                && open.csv.len() + csv.map_or(0, |csv| csv.line.len()) <= RECORDS
        });
        if !fits {
            self.close_records();
            self.records = Some(self.begin(collection, Kind::Records(0)));
        }
        if let Some(open) = &mut self.records {
            if let Kind::Records(records) = &mut open.kind {
                *records += 1;
            }
            self.books.given.records += 1;
            self.books.given.bytes += line.len() as u64 + 1;
            open.add(line);
            open.add(b"\n");
            if let Some(csv) = csv {
                if open.csv.is_empty() {
                    open.csv.extend_from_slice(csv.header);
                }
                open.csv.extend_from_slice(csv.line);
            }
        }
        Ok(())
    }

    /// Begins an attachment of this length.
    pub(crate) fn begin_file(
        &mut self,
        collection: &str,
        original_name: &str,
        length: u64,
    ) -> Result<(), ArchiveError> {
        if self.file.is_some() {
            return Err(ArchiveError::FileOpen);
        }
        match &mut self.records {
            Some(records)
                if self.books.collections[records.collection].collection == collection
                    && records.plain.len() + records.csv.len() <= BESIDE =>
            {
                records.plain.shrink_to(BESIDE);
            }
            Some(_) | None => self.close_records(),
        }
        let original_name = original_name.to_owned();
        let kind = if length <= FILE as u64 {
            Kind::File { original_name, length }
        } else {
            Kind::Stream { original_name, length, name: None }
        };
        self.file = Some(self.begin(collection, kind));
        Ok(())
    }

    /// Adds to the attachment.
    pub(crate) fn file_chunk(&mut self, bytes: &[u8]) -> Result<(), ArchiveError> {
        if bytes.len() as u64 > self.open_file()?.left() {
            return Err(ArchiveError::WrongLength);
        }
        for block in bytes.chunks(BLOCK) {
            self.books.given.bytes += block.len() as u64;
            self.open_file()?.add(block);
            self.give_out_block();
        }
        Ok(())
    }

    /// Ends the attachment.
    pub(crate) fn end_file(&mut self) -> Result<(), ArchiveError> {
        if self.open_file()?.left() > 0 {
            return Err(ArchiveError::WrongLength);
        }
        if let Some(file) = self.file.take() {
            self.close(file);
        }
        Ok(())
    }

    /// Ends the records, so that all there is has been counted and given out.
    pub(crate) fn settle(&mut self) -> Result<(), ArchiveError> {
        if self.file.is_some() {
            return Err(ArchiveError::FileOpen);
        }
        self.close_records();
        Ok(())
    }

    /// Ends the records and tells what there is, with the files that this names. Another call would tell
    /// nothing.
    pub(crate) fn manifest(
        &mut self,
        created_at: DateTime<Utc>,
        facts: Facts,
    ) -> Result<(Manifest, Documents), ArchiveError> {
        self.settle()?;
        Ok(Manifest::new(created_at, mem::take(&mut self.books.collections), facts))
    }

    /// Adds a file about the archive, which the manifest does not list.
    pub(crate) fn document(&mut self, name: &str, text: impl Into<Vec<u8>>) {
        let (name, coding) = (name.to_owned(), Coding::Deflate);
        self.steps.push_back(Step::Entry { name, coding, plain: text.into() });
    }

    fn open_file(&mut self) -> Result<&mut Entry, ArchiveError> {
        self.file.as_mut().ok_or(ArchiveError::NoFileOpen)
    }

    fn close_records(&mut self) {
        if let Some(records) = self.records.take() {
            self.close(records);
        }
    }

    /// An entry of the collection, which is put on the list at its first use.
    fn begin(&mut self, collection: &str, kind: Kind) -> Entry {
        let known = &mut self.books.collections;
        let collection = known.iter().position(|known| known.collection == collection).unwrap_or_else(|| {
            known.push(Collection { collection: collection.to_owned(), ..Collection::default() });
            known.len() - 1
        });
        // At once instead of growing. Memory is taken only as far as it is filled.
        let mut whole = |most| {
            let mut plain = mem::take(&mut self.spare);
            plain.reserve_exact(most);
            plain
        };
        let plain = match kind {
            Kind::Records(_) => whole(RECORDS),
            Kind::File { .. } => whole(FILE),
            Kind::Stream { .. } => Vec::with_capacity(BLOCK),
        };
        let (csv, digest) = (Vec::new(), Context::new(&SHA256));
        Entry { collection, kind, plain, csv, hashed: 0, bytes: 0, digest }
    }

    /// Gives out a block of a long file if there is one, after the beginning of the file's entry.
    fn give_out_block(&mut self) {
        let Some(open) = &mut self.file else { return };
        if open.plain.len() < BLOCK {
            return;
        }
        let Kind::Stream { original_name, length, name } = &mut open.kind else { return };
        if name.is_none() {
            let collection = &self.books.collections[open.collection];
            let begun = file_name(open.collection, collection, original_name, &open.plain);
            self.steps.push_back(Step::Begin { name: begun.clone(), length: *length });
            *name = Some(begun);
        }
        open.hash();
        open.hashed = 0;
        self.steps.push_back(Step::Bytes(mem::replace(&mut open.plain, Vec::with_capacity(BLOCK))));
    }

    /// Ends an entry and writes it into the books.
    fn close(&mut self, mut open: Entry) {
        open.hash();
        let Entry { collection: number, kind, plain, csv, bytes, digest, .. } = open;
        let collection = &mut self.books.collections[number];
        let sha256 = hex::encode(digest.finish());
        let (name, original_name) = match kind {
            Kind::Records(records) => {
                let place = format!("data/{:02}-{:04}", number + 1, collection.files.len() + 1);
                let name = format!("{place}.ndjson");
                collection.records += records;
                collection.files.push(File { name: name.clone(), records, bytes, sha256 });
                self.steps.push_back(Step::Entry { name, coding: Coding::Deflate, plain });
                if !csv.is_empty() {
                    let name = format!("{place}.csv");
                    let sha256 = hex::encode(hash(&SHA256, &csv));
                    let bytes = csv.len() as u64;
                    collection.csv.push(File { name: name.clone(), records, bytes, sha256 });
                    self.steps.push_back(Step::Entry { name, coding: Coding::Deflate, plain: csv });
                }
                return;
            }
            Kind::File { original_name, .. } => {
                let name = file_name(number, collection, &original_name, &plain);
                let coding =
                    if magic::compressed(&plain).is_some() { Coding::Store } else { Coding::Deflate };
                self.steps.push_back(Step::Entry { name: name.clone(), coding, plain });
                (name, original_name)
            }
            Kind::Stream { original_name, name, .. } => {
                if !plain.is_empty() {
                    self.steps.push_back(Step::Bytes(plain));
                }
                self.steps.push_back(Step::End);
                // It is longer than a block, with which it was named.
                (name.unwrap_or_default(), original_name)
            }
        };
        collection.attachments.push(Attachment { name, original_name, bytes, sha256 });
    }
}

/// Numbers and a known extension, because ZIP leaves names readable to anyone who has the archive but
/// not the password.
fn file_name(number: usize, collection: &Collection, original_name: &str, head: &[u8]) -> String {
    let extension = magic::extension(original_name, head);
    format!("files/{:02}-{:04}.{extension}", number + 1, collection.attachments.len() + 1)
}

impl Entry {
    /// How much of the file is still to come.
    fn left(&self) -> u64 {
        match self.kind {
            Kind::Records(_) => 0,
            Kind::File { length, .. } | Kind::Stream { length, .. } => length.saturating_sub(self.bytes),
        }
    }

    fn add(&mut self, bytes: &[u8]) {
        self.plain.extend_from_slice(bytes);
        self.bytes += bytes.len() as u64;
        // While they are still in the cache.
        if self.plain.len() - self.hashed >= BLOCK {
            self.hash();
        }
    }

    fn hash(&mut self) {
        self.digest.update(&self.plain[self.hashed..]);
        self.hashed = self.plain.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(ledger: &mut Ledger) -> Manifest {
        ledger.manifest(DateTime::UNIX_EPOCH, Facts::default()).unwrap().0
    }

    fn entries(ledger: &Ledger) -> Vec<(&str, Coding)> {
        ledger
            .steps
            .iter()
            .filter_map(|step| match step {
                Step::Entry { name, coding, .. } => Some((name.as_str(), *coding)),
                Step::Begin { name, .. } => Some((name.as_str(), Coding::Store)),
                Step::Bytes(_) | Step::End => None,
            })
            .collect()
    }

    fn file(ledger: &mut Ledger, name: &str, bytes: &[u8]) {
        ledger.begin_file("crm:files", name, bytes.len() as u64).unwrap();
        ledger.file_chunk(bytes).unwrap();
        ledger.end_file().unwrap();
    }

    #[test]
    fn records_share_an_entry_until_it_is_full() {
        let mut ledger = Ledger::default();
        let line = vec![b'1'; RECORDS / 4 - 1];

        for _ in 0..5 {
            ledger.record("shop:orders", &line, None).unwrap();
        }

        let manifest = manifest(&mut ledger);
        let files: Vec<_> = manifest.collections[0]
            .files
            .iter()
            .map(|file| (file.name.as_str(), file.records, file.bytes))
            .collect();
        let entry = RECORDS as u64;
        assert_eq!(files, [("data/01-0001.ndjson", 4, entry), ("data/01-0002.ndjson", 1, entry / 4)]);
        assert_eq!(manifest.records(), 5);
    }

    #[test]
    fn interleaved_collections_open_new_parts() {
        let mut ledger = Ledger::default();

        for collection in ["a:x", "b:y", "a:x"] {
            ledger.record(collection, b"{}", None).unwrap();
        }

        let manifest = manifest(&mut ledger);
        assert_eq!(
            entries(&ledger).iter().map(|(name, _)| *name).collect::<Vec<_>>(),
            ["data/01-0001.ndjson", "data/02-0001.ndjson", "data/01-0002.ndjson"]
        );
        assert_eq!(manifest.collections.iter().map(|it| it.records).collect::<Vec<_>>(), [2, 1]);
    }

    #[test]
    fn records_between_files_share_an_entry_until_it_is_worth_one() {
        let mut ledger = Ledger::default();
        let line = vec![b'1'; BESIDE / 4 - 1];

        for number in 0..6 {
            ledger.record("crm:files", &line, None).unwrap();
            file(&mut ledger, "a.txt", &[number]);
        }

        let manifest = manifest(&mut ledger);
        let files: Vec<_> = manifest.collections[0].files.iter().map(|file| file.records).collect();
        assert_eq!(files, [5, 1]);
        let files = manifest.collections[0].attachments.iter().map(|file| file.name.as_str());
        assert_eq!(files.collect::<Vec<_>>()[4..], ["files/01-0005.txt", "files/01-0006.txt"]);
        assert_eq!(entries(&ledger)[4].0, "data/01-0001.ndjson");
        assert_eq!(entries(&ledger).last().unwrap().0, "data/01-0002.ndjson");
    }

    #[test]
    fn what_is_compressed_already_is_stored() {
        let mut ledger = Ledger::default();

        file(&mut ledger, "Alice in Oxford.jpg", b"\xFF\xD8\xFF\xE0");
        file(&mut ledger, "alice.liddell", b"plain");
        file(&mut ledger, "empty.txt", b"");

        assert_eq!(
            entries(&ledger),
            [
                ("files/01-0001.jpg", Coding::Store),
                ("files/01-0002.bin", Coding::Deflate),
                ("files/01-0003.txt", Coding::Deflate),
            ]
        );
        assert_eq!(manifest(&mut ledger).collections[0].attachments[0].original_name, "Alice in Oxford.jpg");
    }

    #[test]
    fn the_first_bytes_decide_even_when_they_come_one_by_one() {
        let mut ledger = Ledger::default();

        ledger.begin_file("crm:files", "avatar", 8).unwrap();
        for byte in b"\x89PNG\r\n\x1A\n" {
            ledger.file_chunk(&[*byte]).unwrap();
        }
        ledger.end_file().unwrap();

        assert_eq!(entries(&ledger), [("files/01-0001.png", Coding::Store)]);
    }

    #[test]
    fn calls_out_of_order_are_refused() {
        let mut ledger = Ledger::default();
        assert!(matches!(ledger.file_chunk(b"x"), Err(ArchiveError::NoFileOpen)));
        assert!(matches!(ledger.end_file(), Err(ArchiveError::NoFileOpen)));
        assert!(matches!(ledger.record("a:x", b"{\n}", None), Err(ArchiveError::NotOneLine)));

        ledger.begin_file("a:x", "file", 2).unwrap();

        assert!(matches!(ledger.begin_file("a:x", "other", 0), Err(ArchiveError::FileOpen)));
        assert!(matches!(ledger.record("a:x", b"{}", None), Err(ArchiveError::FileOpen)));
        assert!(matches!(
            ledger.manifest(DateTime::UNIX_EPOCH, Facts::default()),
            Err(ArchiveError::FileOpen)
        ));
    }

    #[test]
    fn a_long_file_is_given_out_as_it_comes() {
        let length = FILE as u64 + 1;
        let mut ledger = Ledger::default();
        ledger.begin_file("crm:files", "film", length).unwrap();

        ledger.file_chunk(b"\0\0\0\x18ftypisom").unwrap();
        assert!(ledger.steps.is_empty());
        ledger.file_chunk(&vec![0; BLOCK]).unwrap();

        let begun = Step::Begin { name: "files/01-0001.mp4".into(), length };
        assert_eq!(ledger.steps.pop_front(), Some(begun));
        assert!(matches!(&ledger.steps[0], Step::Bytes(bytes) if bytes.len() == BLOCK + 12));

        ledger.file_chunk(&vec![0; FILE - BLOCK - 11]).unwrap();
        ledger.end_file().unwrap();

        let given: usize = ledger
            .steps
            .iter()
            .map(|step| match step {
                Step::Bytes(bytes) => bytes.len(),
                _ => 0,
            })
            .sum();
        assert_eq!(given as u64, length);
        assert_eq!(ledger.steps.back(), Some(&Step::End));
        assert_eq!(manifest(&mut ledger).collections[0].attachments[0].bytes, length);
    }

    #[test]
    fn a_file_has_the_length_that_was_said() {
        let mut ledger = Ledger::default();
        ledger.begin_file("a:x", "file", 3).unwrap();

        ledger.file_chunk(b"ab").unwrap();
        assert!(matches!(ledger.end_file(), Err(ArchiveError::WrongLength)));
        assert!(matches!(ledger.file_chunk(b"cd"), Err(ArchiveError::WrongLength)));
        ledger.file_chunk(b"c").unwrap();
        ledger.end_file().unwrap();

        assert_eq!(manifest(&mut ledger).collections[0].attachments[0].bytes, 3);
    }

    #[test]
    fn what_was_given_is_known_at_any_time() {
        let mut ledger = Ledger::default();
        file(&mut ledger, "a.txt", b"four");

        ledger.record("a:x", b"{}", None).unwrap();

        assert_eq!(ledger.books.given, Given { records: 1, bytes: 4 + 3 });
    }
}
