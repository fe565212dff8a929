//! The ZIP around the data: headers and directory, written to a sink that cannot seek.
//!
//! The lengths stand in every header, and no data descriptor follows, so that readers can go through
//! the archive from its beginning. The checksum is always 0, as AE-2 demands: it would tell about the
//! plain text. What does not fit 32 bits goes into ZIP64 fields, and only then.

use std::io::{self, ErrorKind, Write};

use chrono::{DateTime, Datelike, Timelike, Utc};

use libdeflater::Crc;

use crate::ae2::{Lock, OVERHEAD, Salt};
use crate::{Password, Sealed};

/// What a reader must be able to do: AES.
const NEEDED: u16 = 51;
/// What a reader of plain entries must be able to do: ZIP64.
const NEEDED_PLAIN: u16 = 45;
/// Made on Unix, where files have modes, by the same version.
const MADE_BY: u16 = 3 << 8 | NEEDED;
/// The name is UTF-8.
const UTF8: u16 = 0x0800;
/// The entry is encrypted.
const ENCRYPTED: u16 = 0x0001;
/// The checksum follows the entry.
const TRAILED: u16 = 0x0008;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// The method is AES; the real one stands in the extra field.
const AES: u16 = 99;
/// A regular file that its owner may read and write.
const MODE: u32 = 0o100_600 << 16;
/// Stands in a field of 32 bits whose value is in the ZIP64 extra field instead.
const ELSEWHERE: u32 = u32::MAX;

/// What is done to the bytes before they are locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Stored,
    Deflated,
}

/// What tells a reader that an entry is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guard {
    /// The MAC of what is encrypted.
    Aes,
    /// A checksum of the contents, where nothing is encrypted.
    Crc(u32),
    /// The same, behind the contents.
    LateCrc(u32),
}

/// What the header of an entry says.
pub(crate) struct Header {
    pub(crate) name: String,
    pub(crate) method: Method,
    pub(crate) guard: Guard,
    /// Length of the contents.
    pub(crate) plain: u64,
    /// Length of what the archive holds of them, with salt, verifier and MAC.
    pub(crate) locked: u64,
}

/// Writes a ZIP of encrypted entries, one after the other; of plain ones, if what is around it is encrypted.
///
/// This is the lower half of an [`Archive`](crate::Archive), for sinks other than object storage.
pub struct Zip<W: Write> {
    sink: W,
    /// Bytes written so far.
    at: u64,
    directory: Directory,
    modified: Modified,
    open: Option<Open>,
}

/// The central directory so far, as it will be written.
#[derive(Default)]
pub(crate) struct Directory {
    pub(crate) records: Vec<u8>,
    pub(crate) entries: u64,
}

/// The entry that is written as it comes.
struct Open {
    left: u64,
    by: Closer,
}

/// What the end of an entry is made of.
enum Closer {
    Lock(Box<Lock>),
    /// The entry enters the directory once its checksum is known.
    Crc {
        crc: Crc,
        header: Header,
        at: u64,
    },
}

/// Time and date of an entry.
type Modified = [u16; 2];

impl<W: Write> Zip<W> {
    /// `modified` becomes the date of every entry.
    pub fn new(sink: W, modified: DateTime<Utc>) -> Self {
        Self::resume(sink, modified, Directory::default(), 0)
    }

    /// Goes on after `at` bytes with these entries.
    pub(crate) fn resume(sink: W, modified: DateTime<Utc>, directory: Directory, at: u64) -> Self {
        Self { sink, at, directory, modified: dos(modified), open: None }
    }

    /// Adds a whole entry.
    ///
    /// # Errors
    /// If the sink fails, the name is longer than 64 KiB, or another entry is open.
    pub fn add(&mut self, entry: &Sealed) -> io::Result<()> {
        match &entry.lock {
            Some((salt, verifier, mac)) => {
                self.header(&entry.header)?;
                self.put(salt)?;
                self.put(verifier)?;
                self.put(entry.body())?;
                self.put(mac)
            }
            None => {
                self.header(&entry.header)?;
                self.put(entry.body())
            }
        }
    }

    /// Begins an entry of exactly `length` bytes, which are stored as they are: for what is too large
    /// to be held in memory.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn begin(&mut self, name: String, length: u64, password: &Password, salt: Salt) -> io::Result<()> {
        let locked = length.checked_add(OVERHEAD).ok_or(ErrorKind::InvalidInput)?;
        let header = Header { name, method: Method::Stored, guard: Guard::Aes, plain: length, locked };
        let lock = Lock::new(password, &salt);
        self.header(&header)?;
        self.put(&salt)?;
        self.put(&lock.verifier)?;
        self.open = Some(Open { left: length, by: Closer::Lock(Box::new(lock)) });
        Ok(())
    }

    /// Begins such an entry that is not encrypted.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub(crate) fn begin_plain(&mut self, name: String, length: u64) -> io::Result<()> {
        let guard = Guard::LateCrc(0);
        let header = Header { name, method: Method::Stored, guard, plain: length, locked: length };
        let at = self.at;
        if self.open.is_some() {
            return Err(ErrorKind::InvalidInput.into());
        }
        self.put(&header.local(self.modified)?)?;
        self.open = Some(Open { left: length, by: Closer::Crc { crc: Crc::new(), header, at } });
        Ok(())
    }

    /// Adds to the entry begun last. Encrypts the bytes where they are.
    ///
    /// # Errors
    /// If the sink fails, or the entry were to become too long.
    pub fn write(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        let open = self.open.as_mut().ok_or(ErrorKind::InvalidInput)?;
        open.left = open.left.checked_sub(bytes.len() as u64).ok_or(ErrorKind::InvalidInput)?;
        match &mut open.by {
            Closer::Lock(lock) => lock.encrypt(bytes),
            Closer::Crc { crc, .. } => crc.update(bytes),
        }
        self.put(bytes)
    }

    /// Ends the entry begun last.
    ///
    /// # Errors
    /// If the sink fails, or the entry is too short.
    pub fn end(&mut self) -> io::Result<()> {
        match self.open.take() {
            Some(Open { left: 0, by: Closer::Lock(lock) }) => self.put(&lock.finish()),
            Some(Open { left: 0, by: Closer::Crc { crc, header, at } }) => {
                let header = Header { guard: Guard::LateCrc(crc.sum()), ..header };
                self.put(&header.trailer())?;
                self.directory.add(&header, self.modified, at)
            }
            _ => Err(ErrorKind::InvalidInput.into()),
        }
    }

    /// Writes the directory and gives the sink back.
    ///
    /// # Errors
    /// If the sink fails, or an entry is open.
    pub fn finish(mut self) -> io::Result<W> {
        if self.open.is_some() {
            return Err(ErrorKind::InvalidInput.into());
        }
        let end = self.directory.end(self.at);
        self.sink.write_all(&self.directory.records)?;
        self.sink.write_all(&end)?;
        Ok(self.sink)
    }

    /// Entries begun so far.
    pub(crate) fn entries(&self) -> u64 {
        self.directory.entries
    }

    /// The sink and what has been written into it, between two entries.
    pub(crate) fn state(&mut self) -> (&mut W, &Directory, u64) {
        (&mut self.sink, &self.directory, self.at)
    }

    fn header(&mut self, header: &Header) -> io::Result<()> {
        if self.open.is_some() {
            return Err(ErrorKind::InvalidInput.into());
        }
        let at = self.at;
        self.put(&header.local(self.modified)?)?;
        self.directory.add(header, self.modified, at)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.at += bytes.len() as u64;
        self.sink.write_all(bytes)
    }
}

impl Header {
    /// What stands before the entry.
    fn local(&self, modified: Modified) -> io::Result<Vec<u8>> {
        // Unlike the directory, a local header has either both lengths in ZIP64 or none.
        let large = self.is_large();
        let mut extra = Vec::new();
        if large {
            zip64(&mut extra, &[self.plain, self.locked]);
        }
        self.aes(&mut extra);
        let mut bytes = b"PK\x03\x04".to_vec();
        self.common(&mut bytes, modified, &extra, false)?;
        bytes.extend_from_slice(self.name.as_bytes());
        bytes.extend_from_slice(&extra);
        Ok(bytes)
    }

    fn is_large(&self) -> bool {
        // The locked length is never less than the plain one where that matters.
        self.plain.max(self.locked) >= ELSEWHERE.into()
    }

    /// What follows contents whose checksum was not known before.
    fn trailer(&self) -> Vec<u8> {
        let mut bytes = b"PK\x07\x08".to_vec();
        longs(&mut bytes, &[self.crc()]);
        if self.is_large() {
            quads(&mut bytes, &[self.locked, self.plain]);
        } else {
            longs(&mut bytes, &self.lengths());
        }
        bytes
    }

    fn crc(&self) -> u32 {
        match self.guard {
            // AE-2 has none: it would tell about the contents.
            Guard::Aes => 0,
            Guard::Crc(crc) | Guard::LateCrc(crc) => crc,
        }
    }

    fn lengths(&self) -> [u32; 2] {
        if self.is_large() {
            return [ELSEWHERE; 2];
        }
        [self.locked, self.plain].map(|length| u32::try_from(length).unwrap_or(ELSEWHERE))
    }

    /// The fields that local header and directory have in common.
    fn common(
        &self,
        bytes: &mut Vec<u8>,
        [time, date]: Modified,
        extra: &[u8],
        is_late: bool,
    ) -> io::Result<()> {
        let real = match self.method {
            Method::Stored => STORED,
            Method::Deflated => DEFLATED,
        };
        let (needed, flags, method) = match self.guard {
            Guard::Aes => (NEEDED, UTF8 | ENCRYPTED, AES),
            Guard::Crc(_) => (NEEDED_PLAIN, UTF8, real),
            Guard::LateCrc(_) => (NEEDED_PLAIN, UTF8 | TRAILED, real),
        };
        let crc = match self.guard {
            Guard::LateCrc(_) if !is_late => 0,
            Guard::Aes | Guard::Crc(_) | Guard::LateCrc(_) => self.crc(),
        };
        let name = u16::try_from(self.name.len()).map_err(|_| ErrorKind::InvalidInput)?;
        shorts(bytes, &[needed, flags, method, time, date]);
        longs(bytes, &[crc]);
        longs(bytes, &self.lengths());
        // At most 28 and 15 bytes long.
        shorts(bytes, &[name, extra.len() as u16]);
        Ok(())
    }

    /// The extra field that tells version, strength and real method of what is encrypted.
    fn aes(&self, extra: &mut Vec<u8>) {
        if self.guard != Guard::Aes {
            return;
        }
        shorts(extra, &[0x9901, 7, 2]);
        extra.extend_from_slice(b"AE\x03");
        shorts(
            extra,
            &[match self.method {
                Method::Stored => STORED,
                Method::Deflated => DEFLATED,
            }],
        );
    }
}

impl Directory {
    fn add(&mut self, header: &Header, modified: Modified, at: u64) -> io::Result<()> {
        let offset = u32::try_from(at).unwrap_or(ELSEWHERE);
        let mut large = Vec::new();
        if header.is_large() {
            large.extend([header.plain, header.locked]);
        }
        if offset == ELSEWHERE {
            large.push(at);
        }
        let mut extra = Vec::new();
        if !large.is_empty() {
            zip64(&mut extra, &large);
        }
        header.aes(&mut extra);
        let bytes = &mut self.records;
        bytes.extend_from_slice(b"PK\x01\x02");
        shorts(bytes, &[MADE_BY]);
        header.common(bytes, modified, &extra, true)?;
        // No comment, on the first disk, not known to be text.
        shorts(bytes, &[0, 0, 0]);
        longs(bytes, &[MODE, offset]);
        bytes.extend_from_slice(header.name.as_bytes());
        bytes.extend_from_slice(&extra);
        self.entries += 1;
        Ok(())
    }

    /// What stands behind the directory if that begins at `at`.
    fn end(&self, at: u64) -> Vec<u8> {
        let length = self.records.len() as u64;
        let entries = u16::try_from(self.entries).unwrap_or(u16::MAX);
        let places = [length, at].map(|place| u32::try_from(place).unwrap_or(ELSEWHERE));
        let mut bytes = Vec::new();
        if entries == u16::MAX || places.contains(&ELSEWHERE) {
            bytes.extend_from_slice(b"PK\x06\x06");
            // The length of this record from here on.
            quads(&mut bytes, &[44]);
            shorts(&mut bytes, &[MADE_BY, NEEDED]);
            longs(&mut bytes, &[0, 0]);
            quads(&mut bytes, &[self.entries, self.entries, length, at]);
            bytes.extend_from_slice(b"PK\x06\x07");
            longs(&mut bytes, &[0]);
            quads(&mut bytes, &[at + length]);
            longs(&mut bytes, &[1]);
        }
        bytes.extend_from_slice(b"PK\x05\x06");
        shorts(&mut bytes, &[0, 0, entries, entries]);
        longs(&mut bytes, &places);
        shorts(&mut bytes, &[0]);
        bytes
    }
}

/// The ZIP64 extra field.
fn zip64(extra: &mut Vec<u8>, values: &[u64]) {
    // Three values at most.
    shorts(extra, &[1, size_of_val(values) as u16]);
    quads(extra, values);
}

fn shorts(bytes: &mut Vec<u8>, values: &[u16]) {
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}

fn longs(bytes: &mut Vec<u8>, values: &[u32]) {
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}

fn quads(bytes: &mut Vec<u8>, values: &[u64]) {
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}

/// Time and date as ZIP says them; the earliest there is when it cannot.
fn dos(at: DateTime<Utc>) -> Modified {
    let (year, month, day) = match u16::try_from(at.year() - 1980) {
        // Seven bits of years.
        Ok(year @ 0..128) => (year, at.month() as u16, at.day() as u16),
        _ => return [0, 1 << 5 | 1],
    };
    let time = (at.hour() as u16) << 11 | (at.minute() as u16) << 5 | (at.second() as u16 / 2);
    [time, year << 9 | month << 5 | day]
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Cursor, Read, Seek, SeekFrom};
    use std::process::Command;

    use proptest::collection::vec;
    use proptest::prelude::{Strategy, any, prop_oneof};
    use proptest::{prop_assert_eq, proptest};
    use zip::ZipArchive;

    use super::*;
    use crate::{Coding, Press};

    const PASSWORD: &str = "correct horse battery";

    fn password() -> Password {
        Password::new(PASSWORD.into())
    }

    fn now() -> DateTime<Utc> {
        "2026-05-01T12:34:56Z".parse().unwrap()
    }

    fn salt(number: usize) -> Salt {
        (number as u128).to_le_bytes()
    }

    fn sealed(number: usize, name: &str, coding: Coding, plain: &[u8]) -> Sealed {
        let mut press = Press::default();
        press.plain().extend_from_slice(plain);
        press.seal(name.into(), coding, &password(), salt(number))
    }

    /// Any text of a few characters.
    fn name() -> impl Strategy<Value = String> {
        vec(any::<char>(), 0..20).prop_map(String::from_iter)
    }

    /// An independent reader's view of the entry.
    fn read<R: Read + Seek>(archive: &mut ZipArchive<R>, number: usize) -> (String, Vec<u8>) {
        let mut entry = archive.by_index_decrypt(number, PASSWORD.as_bytes()).unwrap();
        let mut plain = Vec::new();
        entry.read_to_end(&mut plain).unwrap();
        (entry.name().unwrap().into_owned(), plain)
    }

    proptest! {
        #[test]
        fn an_independent_reader_finds_what_was_written(
            entries in vec((name(), any::<bool>(), any::<bool>(), prop_oneof![
                vec(any::<u8>(), 0..300),
                vec(any::<u8>(), 0..3).prop_map(|few| few.repeat(20_000)),
            ]), 0..6)
        ) {
            let mut zip = Zip::new(Vec::new(), now());
            for (number, (name, deflate, whole, plain)) in entries.iter().enumerate() {
                if *whole {
                    let coding = if *deflate { Coding::Deflate } else { Coding::Store };
                    zip.add(&sealed(number, name, coding, plain)).unwrap();
                } else {
                    zip.begin(name.clone(), plain.len() as u64, &password(), salt(number)).unwrap();
                    for strip in plain.clone().chunks_mut(7_001) {
                        zip.write(strip).unwrap();
                    }
                    zip.end().unwrap();
                }
            }
            let bytes = zip.finish().unwrap();

            let mut archive = ZipArchive::new(Cursor::new(bytes)).unwrap();
            // It shows the last of entries of the same name only.
            let last = |name: &str| entries.iter().rfind(|(other, ..)| other == name).unwrap();
            for number in 0..archive.len() {
                let (name, plain) = read(&mut archive, number);
                prop_assert_eq!(&plain, &last(&name).3);
            }
            for (name, ..) in &entries {
                prop_assert_eq!(archive.index_for_name(name).is_some(), true);
            }
        }
    }

    #[test]
    fn a_header_has_zip64_fields_only_where_it_must() {
        let check = |plain: u64, large: bool| {
            let (method, guard) = (Method::Stored, Guard::Aes);
            let header = Header { name: "a".into(), method, guard, plain, locked: plain + OVERHEAD };
            let local = header.local([0, 0]).unwrap();
            assert_eq!(local.len(), 30 + 1 + 11 + if large { 20 } else { 0 }, "{plain}");
            let mut directory = Directory::default();
            directory.add(&header, [0, 0], 7).unwrap();
            assert_eq!(directory.records.len(), 46 + 1 + 11 + if large { 20 } else { 0 }, "{plain}");
            for lengths in [&local[18..26], &directory.records[20..28]] {
                assert_eq!(lengths == [0xFF; 8], large, "{plain}");
            }
            if large {
                let told = [plain + OVERHEAD, plain];
                let extra = [1u16, 16].map(u16::to_le_bytes).concat();
                assert_eq!(local[31..35], extra);
                assert_eq!(local[35..51], [told[1], told[0]].map(u64::to_le_bytes).concat());
                assert_eq!(directory.records[47..51], extra);
            }
        };
        let most = u64::from(u32::MAX) - 1 - OVERHEAD;
        check(0, false);
        check(most, false);
        check(most + 1, true);
        check(u64::from(u32::MAX), true);
        check(1 << 40, true);
    }

    #[test]
    fn the_directory_has_an_end_of_64_bits_only_where_it_must() {
        let check = |entries: u64, at: u64, large: bool| {
            let end = Directory { records: Vec::new(), entries }.end(at);
            assert_eq!(end.len(), if large { 56 + 20 + 22 } else { 22 }, "{entries} {at}");
        };
        check(0, 0, false);
        check(65_534, 0, false);
        check(65_535, 0, true);
        check(1, u64::from(u32::MAX) - 1, false);
        check(1, u64::from(u32::MAX), true);
    }

    #[test]
    fn readers_find_entries_beyond_four_gibibytes() {
        const FAR: u64 = (4 << 30) + 12_345;
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut zip = Zip::new(File::create(file.path()).unwrap(), now());
        zip.add(&sealed(0, "near", Coding::Store, b"by")).unwrap();
        // A hole, as if there were other entries, takes no room on the disk.
        zip.sink.seek(SeekFrom::Start(FAR)).unwrap();
        zip.at = FAR;
        zip.add(&sealed(1, "far", Coding::Deflate, &b"{}\n".repeat(1000))).unwrap();
        zip.add(&sealed(2, "further", Coding::Store, b"away")).unwrap();
        zip.finish().unwrap();

        let mut archive = ZipArchive::new(File::open(file.path()).unwrap()).unwrap();
        assert!(read(&mut archive, 1) == ("far".into(), b"{}\n".repeat(1000)));
        assert_eq!(read(&mut archive, 2), ("further".into(), b"away".to_vec()));
        let (password, path) = (format!("-p{PASSWORD}"), file.path());
        let tested = Command::new("7z").args(["t", &password]).arg(path).output().unwrap();
        assert!(String::from_utf8_lossy(&tested.stdout).contains("Files: 3"), "{tested:?}");
    }

    #[test]
    fn readers_find_more_entries_than_sixteen_bits_count() {
        const ENTRIES: usize = 65_540;
        let mut zip = Zip::new(Vec::new(), now());
        // They may share a salt, since they share the contents.
        let mut entry = sealed(0, "", Coding::Store, b"same");
        for number in 0..ENTRIES {
            entry.header.name = format!("files/01-{number:06}.bin");
            zip.add(&entry).unwrap();
        }
        let bytes = zip.finish().unwrap();

        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &bytes).unwrap();
        let mut archive = ZipArchive::new(Cursor::new(bytes)).unwrap();
        assert_eq!(archive.len(), ENTRIES);
        assert_eq!(read(&mut archive, ENTRIES - 1), ("files/01-065539.bin".into(), b"same".to_vec()));
        for (program, arguments) in [("7z", ["l", "-ba"]), ("bsdtar", ["-t", "-f"])] {
            let listed = Command::new(program).args(arguments).arg(file.path()).output().unwrap();
            assert_eq!(listed.stdout.split(|byte| *byte == b'\n').count(), ENTRIES + 1, "{program}");
        }
    }

    #[test]
    fn entries_are_of_the_length_that_was_said() {
        let mut zip = Zip::new(Vec::new(), now());
        assert!(zip.write(&mut [0]).is_err());
        assert!(zip.end().is_err());
        zip.begin("a".into(), 2, &password(), salt(0)).unwrap();
        assert!(zip.add(&sealed(1, "b", Coding::Store, b"")).is_err());
        assert!(zip.write(&mut [0; 3]).is_err());
        zip.write(&mut [0]).unwrap();
        assert!(zip.end().is_err());
        let mut zip = Zip::new(Vec::new(), now());
        zip.begin("a".into(), 2, &password(), salt(0)).unwrap();
        assert!(zip.finish().is_err());
    }

    #[test]
    fn dates_are_those_that_zip_can_say() {
        assert_eq!(dos(now()), [12 << 11 | 34 << 5 | 28, 46 << 9 | 5 << 5 | 1]);
        for beyond in ["1979-12-31T23:59:59Z", "2108-01-01T00:00:00Z"] {
            assert_eq!(dos(beyond.parse().unwrap()), [0, 33]);
        }
    }
}
