//! Decides which bytes go into which entry, and keeps count. Pure: it gives out steps and does none.

use std::collections::VecDeque;
use std::mem;

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use chrono::{DateTime, Utc};

use crate::framing::Coding;
use crate::manifest::{Attachment, Collection, Facts, File, Manifest};
use crate::{ArchiveError, magic};

/// Records of one collection share an entry up to this size. Every entry costs a key derivation
/// of a thousand rounds, here and in the reader: one per record would take minutes.
pub(crate) const ENTRY: u64 = 8 << 20;

/// Bytes travel to the blocking task in blocks of about this size, not one record at a time.
pub(crate) const BLOCK: usize = 64 << 10;

/// One thing for the ZIP writer to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Starts an entry, after ending the one before.
    Begin { name: String, coding: Coding },
    /// Adds to the entry.
    Bytes(Bytes),
    /// Ends the archive.
    Finish,
}

/// The entries so far and the one that is open.
#[derive(Default)]
pub(crate) struct Ledger {
    collections: Vec<Collection>,
    open: Option<Entry>,
    entries: u64,
    /// What is still to be done, in this order.
    pub(crate) steps: VecDeque<Step>,
}

/// The entry that is being filled.
struct Entry {
    /// Its place in the list of collections.
    collection: usize,
    kind: Kind,
    /// Given with the first block, whose bytes may decide the extension and the coding.
    name: Option<String>,
    block: Vec<u8>,
    bytes: u64,
    digest: Context,
}

enum Kind {
    Records(u64),
    File { original_name: String },
}

impl Ledger {
    /// Adds a record to its collection, in a new entry if the open one is full or of another.
    pub(crate) fn record(&mut self, collection: &str, line: &[u8]) -> Result<(), ArchiveError> {
        if line.contains(&b'\n') {
            return Err(ArchiveError::NotOneLine);
        }
        if self.file_is_open() {
            return Err(ArchiveError::FileOpen);
        }
        let length = line.len() as u64 + 1;
        let fits = self.open.as_ref().is_some_and(|open| {
            self.collections[open.collection].collection == collection && open.bytes + length <= ENTRY
        });
        if !fits {
            self.close();
            self.open = Some(Entry::new(self.number(collection), Kind::Records(0)));
        }
        if let Some(open) = &mut self.open {
            if let Kind::Records(records) = &mut open.kind {
                *records += 1;
            }
            open.block.extend_from_slice(line);
            open.block.push(b'\n');
            open.bytes += length;
        }
        self.flush_if_full();
        Ok(())
    }

    /// Begins an attachment.
    pub(crate) fn begin_file(&mut self, collection: &str, original_name: &str) -> Result<(), ArchiveError> {
        if self.file_is_open() {
            return Err(ArchiveError::FileOpen);
        }
        self.close();
        let kind = Kind::File { original_name: original_name.to_owned() };
        self.open = Some(Entry::new(self.number(collection), kind));
        Ok(())
    }

    /// Adds to the attachment.
    pub(crate) fn file_chunk(&mut self, bytes: &[u8]) -> Result<(), ArchiveError> {
        match &mut self.open {
            Some(open) if open.is_file() => {
                open.block.extend_from_slice(bytes);
                open.bytes += bytes.len() as u64;
            }
            _ => return Err(ArchiveError::NoFileOpen),
        }
        self.flush_if_full();
        Ok(())
    }

    /// Ends the attachment.
    pub(crate) fn end_file(&mut self) -> Result<(), ArchiveError> {
        if !self.file_is_open() {
            return Err(ArchiveError::NoFileOpen);
        }
        self.close();
        Ok(())
    }

    /// Ends the records and tells what there is. Another call would tell nothing.
    pub(crate) fn manifest(
        &mut self,
        created_at: DateTime<Utc>,
        facts: Facts,
    ) -> Result<Manifest, ArchiveError> {
        if self.file_is_open() {
            return Err(ArchiveError::FileOpen);
        }
        self.close();
        Ok(Manifest::new(created_at, mem::take(&mut self.collections), facts))
    }

    /// Adds a file about the archive, which the manifest does not list.
    pub(crate) fn document(&mut self, name: &str, text: impl Into<Bytes>) {
        self.entries += 1;
        self.steps.push_back(Step::Begin { name: name.to_owned(), coding: Coding::Deflate });
        self.steps.push_back(Step::Bytes(text.into()));
    }

    /// Entries given out so far.
    pub(crate) fn entries(&self) -> u64 {
        self.entries
    }

    fn file_is_open(&self) -> bool {
        self.open.as_ref().is_some_and(Entry::is_file)
    }

    /// The place of the collection in the list, where it is put at its first use.
    fn number(&mut self, collection: &str) -> usize {
        self.collections.iter().position(|known| known.collection == collection).unwrap_or_else(|| {
            self.collections.push(Collection { collection: collection.to_owned(), ..Collection::default() });
            self.collections.len() - 1
        })
    }

    fn flush_if_full(&mut self) {
        if self.open.as_ref().is_some_and(|open| open.block.len() >= BLOCK) {
            self.flush();
        }
    }

    /// Gives the block out, after the entry's beginning if it is the first.
    fn flush(&mut self) {
        let Some(open) = &mut self.open else { return };
        if open.name.is_none() {
            let (name, coding) = open.begin(&self.collections[open.collection]);
            open.name = Some(name.clone());
            self.entries += 1;
            self.steps.push_back(Step::Begin { name, coding });
        }
        if !open.block.is_empty() {
            open.digest.update(&open.block);
            let block = mem::replace(&mut open.block, Vec::with_capacity(BLOCK));
            self.steps.push_back(Step::Bytes(block.into()));
        }
    }

    /// Ends the open entry, if any, and writes it into the list.
    fn close(&mut self) {
        self.flush();
        let Some(Entry { collection, kind, name, bytes, digest, .. }) = self.open.take() else { return };
        // `flush` has just given the name.
        let name = name.unwrap_or_default();
        let sha256 = hex::encode(sha256(digest));
        let collection = &mut self.collections[collection];
        match kind {
            Kind::Records(records) => {
                collection.records += records;
                collection.files.push(File { name, records, bytes, sha256 });
            }
            Kind::File { original_name } => {
                collection.attachments.push(Attachment { name, original_name, bytes, sha256 });
            }
        }
    }
}

impl Entry {
    fn new(collection: usize, kind: Kind) -> Self {
        Self { collection, kind, name: None, block: Vec::new(), bytes: 0, digest: Context::new(&SHA256) }
    }

    fn is_file(&self) -> bool {
        matches!(self.kind, Kind::File { .. })
    }

    /// Name and coding. The name is made of numbers and a known extension, because ZIP leaves it
    /// readable to anyone who has the archive but not the password.
    fn begin(&self, collection: &Collection) -> (String, Coding) {
        let number = self.collection + 1;
        match &self.kind {
            Kind::Records(_) => {
                let part = collection.files.len() + 1;
                (format!("data/{number:02}-{part:04}.ndjson"), Coding::Deflate)
            }
            Kind::File { original_name } => {
                let part = collection.attachments.len() + 1;
                let extension = magic::extension(original_name, &self.block);
                let coding =
                    if magic::compressed(&self.block).is_some() { Coding::Store } else { Coding::Deflate };
                (format!("files/{number:02}-{part:04}.{extension}"), coding)
            }
        }
    }
}

/// Ends a SHA-256.
pub(crate) fn sha256(digest: Context) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest.finish().as_ref());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(ledger: &mut Ledger) -> Manifest {
        ledger.manifest(DateTime::UNIX_EPOCH, Facts::default()).unwrap()
    }

    fn begun(ledger: &Ledger) -> Vec<(&str, Coding)> {
        ledger
            .steps
            .iter()
            .filter_map(|step| match step {
                Step::Begin { name, coding } => Some((name.as_str(), *coding)),
                _ => None,
            })
            .collect()
    }

    fn file(ledger: &mut Ledger, name: &str, bytes: &[u8]) {
        ledger.begin_file("crm:files", name).unwrap();
        ledger.file_chunk(bytes).unwrap();
        ledger.end_file().unwrap();
    }

    #[test]
    fn records_share_an_entry_until_it_is_full() {
        let mut ledger = Ledger::default();
        let line = vec![b'1'; (ENTRY / 4) as usize - 1];

        for _ in 0..5 {
            ledger.record("shop:orders", &line).unwrap();
        }

        let manifest = manifest(&mut ledger);
        let files: Vec<_> = manifest.collections[0]
            .files
            .iter()
            .map(|file| (file.name.as_str(), file.records, file.bytes))
            .collect();
        assert_eq!(files, [("data/01-0001.ndjson", 4, ENTRY), ("data/01-0002.ndjson", 1, ENTRY / 4)]);
        assert_eq!(manifest.records(), 5);
    }

    #[test]
    fn interleaved_collections_open_new_parts() {
        let mut ledger = Ledger::default();

        for collection in ["a:x", "b:y", "a:x"] {
            ledger.record(collection, b"{}").unwrap();
        }

        let manifest = manifest(&mut ledger);
        assert_eq!(
            begun(&ledger).iter().map(|(name, _)| *name).collect::<Vec<_>>(),
            ["data/01-0001.ndjson", "data/02-0001.ndjson", "data/01-0002.ndjson"]
        );
        assert_eq!(manifest.collections.iter().map(|it| it.records).collect::<Vec<_>>(), [2, 1]);
    }

    #[test]
    fn what_is_compressed_already_is_stored() {
        let mut ledger = Ledger::default();

        file(&mut ledger, "Alice in Oxford.jpg", b"\xFF\xD8\xFF\xE0");
        file(&mut ledger, "alice.liddell", b"plain");
        file(&mut ledger, "empty.txt", b"");

        assert_eq!(
            begun(&ledger),
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

        ledger.begin_file("crm:files", "avatar").unwrap();
        for byte in b"\x89PNG\r\n\x1A\n" {
            ledger.file_chunk(&[*byte]).unwrap();
        }
        ledger.end_file().unwrap();

        assert_eq!(begun(&ledger), [("files/01-0001.png", Coding::Store)]);
    }

    #[test]
    fn calls_out_of_order_are_refused() {
        let mut ledger = Ledger::default();
        assert!(matches!(ledger.file_chunk(b"x"), Err(ArchiveError::NoFileOpen)));
        assert!(matches!(ledger.end_file(), Err(ArchiveError::NoFileOpen)));
        assert!(matches!(ledger.record("a:x", b"{\n}"), Err(ArchiveError::NotOneLine)));

        ledger.begin_file("a:x", "file").unwrap();

        assert!(matches!(ledger.begin_file("a:x", "other"), Err(ArchiveError::FileOpen)));
        assert!(matches!(ledger.record("a:x", b"{}"), Err(ArchiveError::FileOpen)));
        assert!(matches!(
            ledger.manifest(DateTime::UNIX_EPOCH, Facts::default()),
            Err(ArchiveError::FileOpen)
        ));
    }

    #[test]
    fn a_block_is_given_out_before_the_entry_ends() {
        let mut ledger = Ledger::default();

        ledger.record("a:x", &vec![b'1'; BLOCK]).unwrap();

        assert_eq!(ledger.steps.len(), 2);
        assert!(matches!(&ledger.steps[1], Step::Bytes(bytes) if bytes.len() == BLOCK + 1));
    }
}
