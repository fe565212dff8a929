//! What a file may be called, and whether it is compressed already, without trusting its name.

/// Extensions that say nothing about a person, however the file came by them.
const NEUTRAL: &[&str] = &[
    "aac", "avif", "bmp", "csv", "doc", "docx", "eml", "flac", "gif", "gz", "heic", "htm", "html", "ics",
    "jpeg", "jpg", "json", "m4a", "md", "mov", "mp3", "mp4", "odp", "ods", "odt", "ogg", "parquet", "pdf",
    "png", "ppt", "pptx", "rtf", "svg", "tar", "tif", "tiff", "tsv", "txt", "vcf", "wav", "webm", "webp",
    "xls", "xlsx", "xml", "yaml", "yml", "zip", "zst",
];

/// Formats that deflate cannot make smaller: where their mark stands, the mark, the extension.
const COMPRESSED: &[(usize, &[u8], &str)] = &[
    (0, b"\xFF\xD8\xFF", "jpg"),
    (0, b"\x89PNG\r\n\x1A\n", "png"),
    (0, b"GIF8", "gif"),
    (8, b"WEBP", "webp"),
    (4, b"ftypheic", "heic"),
    (4, b"ftypmif1", "heic"),
    (4, b"ftypavif", "avif"),
    (4, b"ftypM4A", "m4a"),
    (4, b"ftypqt", "mov"),
    (4, b"ftyp", "mp4"),
    (0, b"\x1A\x45\xDF\xA3", "webm"),
    (0, b"ID3", "mp3"),
    (0, b"\xFF\xFB", "mp3"),
    (0, b"OggS", "ogg"),
    (0, b"fLaC", "flac"),
    (0, b"PK\x03\x04", "zip"),
    (0, b"\x1F\x8B", "gz"),
    (0, b"\x28\xB5\x2F\xFD", "zst"),
    (0, b"7z\xBC\xAF\x27\x1C", "7z"),
    (0, b"\xFD7zXZ\x00", "xz"),
    (0, b"BZh", "bz2"),
    (0, b"Rar!\x1A\x07", "rar"),
    (0, b"PAR1", "parquet"),
];

/// The extension of the format that `head`, the first bytes of a file, shows to be compressed.
pub(crate) fn compressed(head: &[u8]) -> Option<&'static str> {
    COMPRESSED
        .iter()
        .find(|(at, mark, _)| head.get(*at..).is_some_and(|rest| rest.starts_with(mark)))
        .map(|(_, _, extension)| *extension)
}

/// An extension by which people can open the file: one of a fixed list, never free text.
pub(crate) fn extension(original_name: &str, head: &[u8]) -> &'static str {
    let given = original_name.rsplit_once('.').map(|(_, extension)| extension);
    given
        .and_then(|given| NEUTRAL.iter().copied().find(|neutral| neutral.eq_ignore_ascii_case(given)))
        .or_else(|| compressed(head))
        .unwrap_or("bin")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extension_is_never_a_value_of_the_person() {
        assert_eq!(extension("cv.alice-liddell", b"%PDF"), "bin");
        assert_eq!(extension("Alice.JPG", b""), "jpg");
        assert_eq!(extension("avatar", b"\x89PNG\r\n\x1A\n...."), "png");
        assert_eq!(extension("letter.docx", b"PK\x03\x04"), "docx");
    }

    #[test]
    fn compressed_formats_are_known_by_their_marks() {
        assert_eq!(compressed(b"\xFF\xD8\xFF\xE0\0\x10JFIF"), Some("jpg"));
        assert_eq!(compressed(b"RIFF\x10\0\0\0WEBPVP8 "), Some("webp"));
        assert_eq!(compressed(b"\0\0\0\x18ftypheic\0\0\0\0"), Some("heic"));
        assert_eq!(compressed(b"\0\0\0\x18ftypisom\0\0\0\0"), Some("mp4"));
        assert_eq!(compressed(b"plain text"), None);
        assert_eq!(compressed(b""), None);
    }
}
