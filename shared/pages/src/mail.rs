//! Every mail that we send.
//!
//! A mail says that something has happened and where to look. It holds no personal data: not in
//! the subject, and in the body only the remark that staff wrote for the person.

use askama::Template;
use chrono::{DateTime, Utc};

use crate::{render, time};

/// A mail that is ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The same for every recipient.
    pub subject: String,
    /// For those who read plain text.
    pub text: String,
    /// The same as HTML.
    pub html: String,
}

/// The takeout can be fetched.
#[derive(Clone, Debug)]
pub struct TakeoutReady<'a> {
    /// Our own endpoint, never the storage.
    pub link: &'a str,
    /// When the archive is deleted.
    pub expires: DateTime<Utc>,
}

/// A takeout is to go to an address that we do not know; sent to the one that we do.
#[derive(Clone, Debug)]
pub struct ConfirmAddress<'a> {
    /// The page with the button.
    pub link: &'a str,
    /// When the link stops working.
    pub expires: DateTime<Utc>,
}

/// The takeout could not be made.
#[derive(Clone, Copy, Debug)]
pub struct TakeoutFailed {}

/// The person's data will be erased.
#[derive(Clone, Debug)]
pub struct PurgeQueued {
    /// Not before this moment.
    pub due: DateTime<Utc>,
}

/// The person's data has been erased.
#[derive(Clone, Debug)]
pub struct PurgeDone<'a> {
    /// The number of the request, by which it can be asked about.
    pub receipt: &'a str,
}

/// Staff have dealt with a request.
#[derive(Clone, Debug)]
pub struct RequestConfirmed<'a> {
    /// What staff wrote for the person; may be empty.
    pub comment_for_user: &'a str,
    /// Who confirmed it.
    pub confirmed_by: &'a str,
}

/// Gives a view its subject and its two templates.
macro_rules! mail {
    ($view:ident $(<$of:lifetime>)?, $subject:literal, $text:literal, $html:literal) => {
        impl $(<$of>)? $view $(<$of>)? {
            /// The mail.
            pub fn mail(&self) -> Mail {
                #[derive(Template)]
                #[template(path = $text)]
                struct Text<'mail $(, $of)?> {
                    #[allow(dead_code, reason = "not every mail says something of its own")]
                    mail: &'mail $view $(<$of>)?,
                }

                #[derive(Template)]
                #[template(path = $html)]
                struct Html<'mail $(, $of)?> {
                    #[allow(dead_code, reason = "not every mail says something of its own")]
                    mail: &'mail $view $(<$of>)?,
                    subject: &'static str,
                }

                Mail {
                    subject: $subject.to_owned(),
                    text: render(&Text { mail: self }),
                    html: render(&Html { mail: self, subject: $subject }),
                }
            }
        }
    };
}

mail!(TakeoutReady<'a>, "Your data is ready", "mail/takeout_ready.txt", "mail/takeout_ready.html");
mail!(
    ConfirmAddress<'a>,
    "Please confirm where your data is sent",
    "mail/confirm_address.txt",
    "mail/confirm_address.html"
);
mail!(TakeoutFailed, "We could not prepare your data", "mail/takeout_failed.txt", "mail/takeout_failed.html");
mail!(PurgeQueued, "Your data will be erased", "mail/purge_queued.txt", "mail/purge_queued.html");
mail!(PurgeDone<'a>, "Your data has been erased", "mail/purge_done.txt", "mail/purge_done.html");
mail!(
    RequestConfirmed<'a>,
    "Your request has been answered",
    "mail/request_confirmed.txt",
    "mail/request_confirmed.html"
);

impl TakeoutReady<'static> {
    /// An example.
    pub fn sample() -> Self {
        Self { link: "https://privacy.example/takeouts/0192f1c4", expires: time::sample() }
    }
}

impl ConfirmAddress<'static> {
    /// An example.
    pub fn sample() -> Self {
        Self { link: "https://privacy.example/confirm/7f3a", expires: time::sample() }
    }
}

impl TakeoutFailed {
    /// An example.
    pub fn sample() -> Self {
        Self {}
    }
}

impl PurgeQueued {
    /// An example.
    pub fn sample() -> Self {
        Self { due: time::sample() }
    }
}

impl PurgeDone<'static> {
    /// An example.
    pub fn sample() -> Self {
        Self { receipt: "0192f1c4-7d5e-7c3b-9a51-2f6d0c8e4b77" }
    }
}

impl RequestConfirmed<'static> {
    /// An example.
    pub fn sample() -> Self {
        Self { comment_for_user: "We have corrected your date of birth.", confirmed_by: "Privacy team" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{HOSTILE, check_page, text_of};

    fn samples() -> Vec<Mail> {
        vec![
            TakeoutReady::sample().mail(),
            ConfirmAddress::sample().mail(),
            TakeoutFailed::sample().mail(),
            PurgeQueued::sample().mail(),
            PurgeDone::sample().mail(),
            RequestConfirmed::sample().mail(),
        ]
    }

    #[test]
    fn every_mail_is_sound() {
        for mail in samples() {
            check_page(&mail.html);
            assert!(!mail.subject.contains(['\r', '\n']), "{}", mail.subject);
            assert!(mail.subject.len() < 60, "{}", mail.subject);
            assert!(mail.text.lines().all(|line| line.chars().count() <= 78), "{}", mail.text);
            assert!(!mail.text.contains(['<', '{']), "{}", mail.text);
            assert!(!mail.text.contains("\n\n\n"), "{}", mail.text);
        }
    }

    #[test]
    fn both_parts_say_the_same() {
        for mail in samples() {
            let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            let html = words(&text_of(&mail.html));
            for paragraph in mail.text.split("\n\n") {
                let paragraph = words(paragraph);
                assert!(html.contains(&paragraph), "{paragraph:?} is not in {html:?}");
            }
        }
    }

    #[test]
    fn a_mail_escapes_what_it_is_given() {
        let comment = RequestConfirmed { comment_for_user: HOSTILE, confirmed_by: HOSTILE }.mail();
        let receipt = PurgeDone { receipt: HOSTILE }.mail();
        let link = TakeoutReady { link: HOSTILE, ..TakeoutReady::sample() }.mail();
        let confirm = ConfirmAddress { link: HOSTILE, ..ConfirmAddress::sample() }.mail();

        for mail in [comment, receipt, link, confirm] {
            check_page(&mail.html);
            assert!(text_of(&mail.html).contains(HOSTILE));
            assert!(mail.text.contains(HOSTILE), "plain text is not escaped");
            assert!(!mail.subject.contains(HOSTILE));
        }
    }

    #[test]
    fn a_takeout_mail_names_a_reader_for_every_platform() {
        let mail = TakeoutReady::sample().mail();

        for part in [mail.text, text_of(&mail.html)] {
            for word in ["7-Zip", "Keka", "The Unarchiver", "bsdtar", "1 May 2026, 12:00 UTC"] {
                assert!(part.contains(word), "{word} is missing");
            }
        }
    }

    #[test]
    fn an_empty_comment_leaves_no_quotation() {
        let mail = RequestConfirmed { comment_for_user: "", confirmed_by: "Privacy team" }.mail();

        assert!(!mail.html.contains("<blockquote"));
        assert!(!mail.text.contains("wrote"));
    }
}
