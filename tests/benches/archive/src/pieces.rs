//! The ZIP writer on one thread, beside its primitives and beside the `zip` crate, into nothing.

use std::io::{self, Write};

use aes::Aes256;
use archive::{Coding, Password, Press, Salt, Zip};
use aws_lc_rs::hmac::{self, HMAC_SHA1_FOR_LEGACY_USE_ONLY};
use chrono::DateTime;
use ctr::Ctr128LE;
use ctr::cipher::{KeyIvInit, StreamCipher};
use libdeflater::{CompressionLvl, Compressor};
use zip::write::SimpleFileOptions;
use zip::{AesMode, CompressionMethod, ZipWriter};

use crate::gauge::{Bar, Report, time};
use crate::{Failure, MIB, PASSWORD, corpus};

const ROUNDS: usize = 7;
const ENTRY: usize = 8 * MIB;

/// Counts what it takes.
#[derive(Default)]
struct Nothing(u64);

impl Write for Nothing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Bars A1 and A2, as far as libraries go.
///
/// # Errors
/// If something cannot be measured.
pub fn measure(report: &mut Report) -> Result<(), Failure> {
    stored(report)?;
    deflated(report)
}

fn stored(report: &mut Report) -> Result<(), Failure> {
    let plain = corpus::picture(256 * MIB);
    let (mut of_bound, mut of_crate, mut speed) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        // Short enough for the nearest cache, where both are fastest.
        let mut block = vec![0; 16 << 10];
        let mut cipher = Ctr128LE::<Aes256>::new(&[1; 32].into(), &[1; 16].into());
        let blocks = plain.len() / block.len();
        let encrypted = time(|| {
            for _ in 0..blocks {
                cipher.apply_keystream(&mut block);
            }
            Ok(())
        })?;
        let mut mac = hmac::Context::with_key(&hmac::Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, &[1; 32]));
        let authenticated = time(|| {
            for _ in 0..blocks {
                mac.update(&block);
            }
            Ok(())
        })?;
        let ours = time(|| own(&plain, Coding::Store).map(drop))?;
        let theirs = time(|| peer(&plain, CompressionMethod::Stored).map(drop))?;
        of_bound.push((encrypted + authenticated) / ours);
        of_crate.push(theirs / ours);
        speed.push(plain.len() as f64 / ours / 1e6);
    }
    report.figure("stored: speed of AES and HMAC alone that is reached", Bar::Least(0.75), &of_bound);
    report.figure("stored: times as fast as the zip crate", Bar::Least(1.5), &of_crate);
    report.figure("stored: MB/s", Bar::None, &speed);
    Ok(())
}

fn deflated(report: &mut Report) -> Result<(), Failure> {
    let plain = corpus::records(64 * MIB);
    let (mut of_codec, mut of_crate, mut size, mut speed) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let mut codec = Compressor::new(CompressionLvl::default());
        let mut packed = vec![0; ENTRY];
        let alone = time(|| {
            for entry in plain.chunks(ENTRY) {
                codec.deflate_compress(entry, &mut packed)?;
            }
            Ok(())
        })?;
        let (mut length, mut length_of_theirs) = (0, 0);
        let ours = time(|| {
            length = own(&plain, Coding::Deflate)?;
            Ok(())
        })?;
        let theirs = time(|| {
            length_of_theirs = peer(&plain, CompressionMethod::Deflated)?;
            Ok(())
        })?;
        of_codec.push(alone / ours);
        of_crate.push(theirs / ours);
        size.push(length as f64 / length_of_theirs as f64);
        speed.push(plain.len() as f64 / ours / 1e6);
    }
    report.figure("deflated: speed of libdeflate alone that is reached", Bar::Least(0.9), &of_codec);
    report.figure("deflated: times as fast as the zip crate", Bar::Least(1.15), &of_crate);
    report.figure("deflated: size of the zip crate's archive", Bar::Most(0.98), &size);
    report.figure("deflated: MB/s", Bar::None, &speed);
    Ok(())
}

/// Our archive of `plain` in entries, into nothing, and how long it is.
///
/// # Errors
/// As those of the writer.
pub fn own(plain: &[u8], coding: Coding) -> Result<u64, Failure> {
    let password = Password::new(PASSWORD.into());
    let mut zip = Zip::new(Nothing::default(), DateTime::UNIX_EPOCH);
    let mut press = Press::default();
    for (number, entry) in (0_u128..).zip(plain.chunks(ENTRY)) {
        press.plain().extend_from_slice(entry);
        let salt: Salt = number.to_le_bytes();
        let sealed = press.seal(format!("data/01-{number:04}.ndjson"), coding, &password, salt);
        zip.add(&sealed)?;
        press = sealed.into_press();
    }
    Ok(zip.finish()?.0)
}

/// The same by the `zip` crate, which Lethe used before.
fn peer(plain: &[u8], method: CompressionMethod) -> Result<u64, Failure> {
    let mut zip = ZipWriter::new_stream(Nothing::default());
    for (number, entry) in plain.chunks(ENTRY).enumerate() {
        let options = SimpleFileOptions::default()
            .compression_method(method)
            .compression_level((method == CompressionMethod::Deflated).then_some(6))
            .large_file(true)
            .with_aes_encryption(AesMode::Aes256, PASSWORD);
        zip.start_file(format!("data/01-{number:04}.ndjson"), options)?;
        zip.write_all(entry)?;
    }
    Ok(zip.finish()?.into_inner().0)
}
