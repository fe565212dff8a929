//! The pages behind the link with which a person fetches their takeout.
//!
//! Opening the link gives nothing out, because mail scanners open links: only the button does. What is
//! wrong with a link that does not work is not said, since it would tell strangers which links exist.

use askama::Template;
use chrono::{DateTime, Utc};

use crate::render;

/// Offers the archive, and says what opens it. It names nobody.
#[derive(Clone, Debug, Template)]
#[template(path = "download_takeout/download.html")]
pub struct Download<'a> {
    /// Where the button that downloads posts to: a path of ours.
    pub download: &'a str,
    /// Where the button that deletes posts to: the same.
    pub revoke: &'a str,
    /// The origin that the first one leads to in the end.
    pub bucket: &'a str,
    /// Whether it is an age file rather than a ZIP.
    pub is_age: bool,
    /// The length of the archive in bytes.
    pub size: u64,
    /// The SHA-256 of the archive in hexadecimal.
    pub sha256: &'a str,
    /// When it is deleted.
    pub expires: DateTime<Utc>,
}

/// Says that it was deleted.
#[derive(Clone, Copy, Debug, Template)]
#[template(path = "download_takeout/revoked.html")]
pub struct Revoked {}

/// Answers a link that does not work any more, or never did.
#[derive(Clone, Copy, Debug, Template)]
#[template(path = "download_takeout/gone.html")]
pub struct Gone {}

impl Download<'_> {
    /// The page.
    pub fn page(&self) -> String {
        render(self)
    }

    fn megabytes(&self) -> String {
        format!("{:.1}", self.size as f64 / 1e6)
    }
}

impl Revoked {
    /// The page.
    pub fn page(&self) -> String {
        render(self)
    }
}

impl Gone {
    /// The page.
    pub fn page(&self) -> String {
        render(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{HOSTILE, check_page, text_of};
    use crate::time;

    fn sample() -> Download<'static> {
        Download {
            download: "?token=7f3a",
            revoke: "revoke?token=7f3a",
            bucket: "https://bucket.example",
            is_age: false,
            size: 12_345_678,
            sha256: "c0ffee",
            expires: time::sample(),
        }
    }

    #[test]
    fn the_pages_are_sound() {
        check_page(&sample().page());
        check_page(&Download { is_age: true, ..sample() }.page());
        check_page(&Revoked {}.page());
        check_page(&Gone {}.page());
    }

    #[test]
    fn a_free_program_is_named_for_each_platform() {
        let text = text_of(&sample().page());

        for words in ["Windows", "7-Zip", "macOS", "Keka", "Linux", "Android", "iPhone", "12.3 MB", "c0ffee"]
        {
            assert!(text.contains(words), "{words} is missing from {text}");
        }
    }

    #[test]
    fn the_buttons_post_and_may_lead_to_the_bucket() {
        let page = sample().page();

        assert!(page.contains(r#"<form method="post" action="?token=7f3a">"#));
        assert!(page.contains(r#"<form method="post" action="revoke?token=7f3a">"#));
        assert!(page.contains("form-action 'self' https://bucket.example\""));
    }

    #[test]
    fn the_page_escapes_what_it_is_given() {
        check_page(&Download { download: HOSTILE, revoke: HOSTILE, sha256: HOSTILE, ..sample() }.page());
    }
}
