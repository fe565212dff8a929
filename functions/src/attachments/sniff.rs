//! What a file is, by its content alone.

use domain::attachment::{FileKind, Unwanted};

/// What every scanner finds, so that a company can see that files are looked at. In two halves, lest it be found
/// in our own binaries.
const EICAR: [&[u8]; 2] = [br"X5O!P%@AP[4\PZX54(P^)7CC)7}", b"$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"];

/// What ends an archive, wherever in a file that is.
const END_OF_ZIP: &[u8] = b"PK\x05\x06";

/// What a file is.
///
/// # Errors
/// Why it is not wanted: it is none of what we take, it is two things at once, or it is the test of scanners.
pub(super) fn kind(content: &[u8]) -> Result<FileKind, Unwanted> {
    let eicar = EICAR.concat();
    if has(content, &eicar) {
        return Err(Unwanted::Harmful);
    }
    let kind = match infer::get(content).map(|kind| kind.mime_type()) {
        Some("application/pdf") => FileKind::Pdf,
        Some("image/png") => FileKind::Png,
        Some("image/jpeg") => FileKind::Jpeg,
        Some(_) => return Err(Unwanted::Kind),
        None if is_text(content) => FileKind::Text,
        None => return Err(Unwanted::Kind),
    };
    // A file that is an archive too, since those are read from their end.
    if has(content, END_OF_ZIP) {
        return Err(Unwanted::Kind);
    }
    Ok(kind)
}

/// Whether it is plain text, with nothing in it that a browser or a shell would carry out.
fn is_text(content: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(content) else { return false };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let is_plain = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    let start = text.trim_start();
    !start.is_empty() && text.chars().all(is_plain) && !start.starts_with(['<', '#', '%', '{'])
}

fn has(content: &[u8], wanted: &[u8]) -> bool {
    memchr::memmem::find(content, wanted).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content: &[u8], expected: Result<FileKind, Unwanted>) {
        assert_eq!(kind(content), expected, "{}", String::from_utf8_lossy(content));
    }

    #[test]
    fn a_file_is_what_its_content_says() {
        check(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", Ok(FileKind::Pdf));
        check(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", Ok(FileKind::Png));
        check(b"\xff\xd8\xff\xe0\0\x10JFIF\0", Ok(FileKind::Jpeg));
        check("Grüße,\r\n\tDana".as_bytes(), Ok(FileKind::Text));
        check("\u{feff}with a mark".as_bytes(), Ok(FileKind::Text));
    }

    #[test]
    fn nothing_else_is_taken() {
        let unwanted: [&[u8]; 14] = [
            b"",
            b" \n",
            b"<!DOCTYPE html><script>alert(1)</script>",
            b"  <svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
            b"\xef\xbb\xbf<html>",
            b"#!/bin/sh\nrm -rf /",
            b"%!PS-Adobe-3.0",
            b"{\\rtf1\\ansi",
            b"MZ\x90\0\x03\0\0\0",
            b"\x7fELF\x02\x01\x01\0",
            b"PK\x03\x04\x14\0\0\0",
            b"GIF89a\x01\0\x01\0",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
            b"a\0b",
        ];
        for content in unwanted {
            check(content, Err(Unwanted::Kind));
        }
    }

    #[test]
    fn a_file_is_not_two_things_at_once() {
        for start in
            [&b"%PDF-1.7\n"[..], b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0\0\x10JFIF\0", b"Dear Ada,\n"]
        {
            check(&[start, b"...PK\x05\x06\0\0\0\0"].concat(), Err(Unwanted::Kind));
            check(&[start, &EICAR.concat(), b"\n"].concat(), Err(Unwanted::Harmful));
        }
        // Scripts within images are never served as pages, and are no text either.
        check(b"\xff\xd8\xff\xe0\0\x10JFIF\0/*<script>*/", Ok(FileKind::Jpeg));
    }
}
