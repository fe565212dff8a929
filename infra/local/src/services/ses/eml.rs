//! Mails as files: enough of the format to be opened by any mail program, and to find one's way in a raw mail.

use std::fmt::Write;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use super::Mail;

/// What can be told of a raw mail without decoding it.
pub(super) struct Read {
    pub(super) from: String,
    pub(super) to: Vec<String>,
    pub(super) subject: String,
    pub(super) body: String,
}

/// The mail in the format of RFC 5322, with both its parts.
pub(super) fn write(mail: &Mail) -> String {
    let mut out = String::new();
    let mut header = |name: &str, value: &str| {
        // A line break in a value would start a new header.
        out.extend([name, ": ", &value.replace(['\r', '\n'], " "), "\r\n"]);
    };
    header("From", &mail.from);
    header("To", &mail.to.join(", "));
    header("Subject", &encoded_word(&mail.subject));
    header("Date", &mail.at.to_rfc2822());
    header("Message-ID", &format!("<{}@outbox.local>", mail.id));
    header("MIME-Version", "1.0");
    let boundary = format!("=_{}", mail.id);
    header("Content-Type", &format!("multipart/alternative; boundary=\"{boundary}\""));
    for (kind, text) in [("plain", &mail.text), ("html", &mail.html)] {
        let Some(text) = text else { continue };
        let text = quoted_printable(text);
        out.push_str(&format!(
            "\r\n--{boundary}\r\nContent-Type: text/{kind}; charset=utf-8\r\n\
             Content-Transfer-Encoding: quoted-printable\r\n\r\n{text}"
        ));
    }
    out.push_str(&format!("\r\n--{boundary}--\r\n"));
    out
}

/// Reads the headers that matter of a raw mail; the body stays as it is.
pub(super) fn read(raw: &str) -> Read {
    let (head, body) = raw.split_once("\r\n\r\n").or_else(|| raw.split_once("\n\n")).unwrap_or((raw, ""));
    // A line that begins with a space continues the one before.
    let unfolded = head.replace("\r\n", "\n").replace("\n ", " ").replace("\n\t", " ");
    let header = |wanted: &str| {
        unfolded
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value.trim().to_owned())
            .unwrap_or_default()
    };
    let to = header("To");
    let to = to.split(',').map(|address| address.trim().to_owned()).filter(|address| !address.is_empty());
    Read { from: header("From"), to: to.collect(), subject: header("Subject"), body: body.to_owned() }
}

/// A header value as it is if it is ASCII, else as Base64 words (RFC 2047).
fn encoded_word(value: &str) -> String {
    if value.is_ascii() {
        return value.to_owned();
    }
    // A word may have 75 characters; 45 bytes make 60. It must not cut a character in two.
    let mut words: Vec<String> = vec![String::new()];
    for character in value.chars() {
        match words.last_mut() {
            Some(word) if word.len() + character.len_utf8() <= 45 => word.push(character),
            _ => words.push(character.into()),
        }
    }
    let words = words.iter().map(|word| format!("=?utf-8?B?{}?=", BASE64.encode(word)));
    words.collect::<Vec<_>>().join(" ")
}

/// Text in ASCII lines of at most 76 characters (RFC 2045), still legible for the most part.
fn quoted_printable(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let mut width = 0;
        let last = line.len().saturating_sub(1);
        for (at, byte) in line.bytes().enumerate() {
            let plain =
                matches!(byte, b'!'..=b'<' | b'>'..=b'~') || (matches!(byte, b' ' | b'\t') && at < last);
            let needed = if plain { 1 } else { 3 };
            // One column is left for the mark that the line goes on.
            if width + needed > 75 {
                out.push_str("=\r\n");
                width = 0;
            }
            width += needed;
            if plain {
                out.push(byte.into());
            } else {
                // Writing to a string cannot fail.
                let _ = write!(out, "={byte:02X}");
            }
        }
        out.push_str("\r\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{encoded_word, quoted_printable, write};
    use crate::services::Mail;

    #[test]
    fn a_mail_is_written_with_both_parts() {
        let mail = Mail {
            id: "000001".into(),
            at: "2024-05-01T12:00:00Z".parse().unwrap(),
            from: "privacy@example.com".into(),
            to: vec!["alice@example.com".into()],
            subject: "Hello\r\nBcc: eve@example.com".into(),
            text: Some("Hi".into()),
            html: Some("<p>Hi</p>".into()),
        };

        let expected = "From: privacy@example.com\r\nTo: alice@example.com\r\n\
            Subject: Hello  Bcc: eve@example.com\r\nDate: Wed, 1 May 2024 12:00:00 +0000\r\n\
            Message-ID: <000001@outbox.local>\r\nMIME-Version: 1.0\r\n\
            Content-Type: multipart/alternative; boundary=\"=_000001\"\r\n\
            \r\n--=_000001\r\nContent-Type: text/plain; charset=utf-8\r\n\
            Content-Transfer-Encoding: quoted-printable\r\n\r\nHi\r\n\
            \r\n--=_000001\r\nContent-Type: text/html; charset=utf-8\r\n\
            Content-Transfer-Encoding: quoted-printable\r\n\r\n<p>Hi</p>\r\n\
            \r\n--=_000001--\r\n";
        assert_eq!(write(&mail), expected);
    }

    #[test]
    fn only_ascii_leaves() {
        assert_eq!(encoded_word("Hello"), "Hello");
        assert_eq!(encoded_word("Grüße"), "=?utf-8?B?R3LDvMOfZQ==?=");
        assert_eq!(quoted_printable("a=ü \n"), "a=3D=C3=BC=20\r\n");
    }

    #[test]
    fn no_line_is_longer_than_76() {
        let long = quoted_printable(&"ü".repeat(100));

        assert!(long.lines().all(|line| line.len() <= 76));
        assert!(encoded_word(&"ü".repeat(100)).split(' ').all(|word| word.len() <= 75));
    }
}
