//! The first page of local mode, and its outbox: the mails that were not sent.

use askama::Template;
use chrono::{DateTime, Utc};

use crate::{render, time};

/// Where everything is, and what to try first.
#[derive(Clone, Debug, Template)]
#[template(path = "local_home/home.html")]
pub struct LocalHome<'a> {
    /// What this is.
    pub title: &'a str,
    /// Where the gateway listens.
    pub gateway: &'a str,
    /// The path of the outbox.
    pub outbox: &'a str,
    /// Commands to copy.
    pub examples: Vec<Example<'a>>,
    /// All that the gateway answers to.
    pub endpoints: Vec<Endpoint<'a>>,
}

/// A command to copy into a terminal.
#[derive(Clone, Copy, Debug)]
pub struct Example<'a> {
    /// What it does.
    pub what: &'a str,
    /// The command.
    pub command: &'a str,
}

/// One endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint<'a> {
    /// The HTTP method.
    pub method: &'a str,
    /// The path with its parameters.
    pub path: &'a str,
    /// What it does.
    pub what: &'a str,
}

/// The mails that were not sent, newest first as given.
#[derive(Clone, Debug, Template)]
#[template(path = "local_home/outbox.html")]
pub struct Outbox<'a> {
    /// The path of the first page.
    pub home: &'a str,
    /// The mails.
    pub mails: Vec<OutboxMail<'a>>,
}

/// A mail in the outbox.
#[derive(Clone, Copy, Debug)]
pub struct OutboxMail<'a> {
    /// Its subject.
    pub subject: &'a str,
    /// Its recipient.
    pub to: &'a str,
    /// When it would have been sent.
    pub at: DateTime<Utc>,
    /// Its plain text.
    pub text: &'a str,
}

impl LocalHome<'_> {
    /// The page.
    pub fn page(&self) -> String {
        render(self)
    }
}

impl Outbox<'_> {
    /// The page.
    pub fn page(&self) -> String {
        render(self)
    }
}

/// A line of a mail: our mails give every link a line of its own.
struct Line<'a> {
    text: &'a str,
    is_link: bool,
}

impl OutboxMail<'_> {
    fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        self.text.lines().map(|text| Line {
            text,
            // Anything else, such as `javascript:`, stays text.
            is_link: (text.starts_with("http://") || text.starts_with("https://")) && !text.contains(' '),
        })
    }
}

impl LocalHome<'static> {
    /// An example.
    pub fn sample() -> Self {
        Self {
            title: "Lethe on this machine",
            gateway: "http://127.0.0.1:8080",
            outbox: "/_local/outbox",
            examples: vec![Example {
                what: "Store a consent",
                command: "curl -X PUT http://127.0.0.1:8080/persons/alice/consent/gdpr",
            }],
            endpoints: vec![Endpoint {
                method: "POST",
                path: "/users/v1/person/{person_id}/purge",
                what: "Queue a person for erasure",
            }],
        }
    }
}

impl Outbox<'static> {
    /// An example.
    pub fn sample() -> Self {
        Self {
            home: "/",
            mails: vec![OutboxMail {
                subject: "Your data is ready",
                to: "alice@example.com",
                at: time::sample(),
                text: "Hello,\n\nhttps://privacy.example/takeouts/0192f1c4\n\nBye.",
            }],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{HOSTILE, check_page, text_of};

    #[test]
    fn the_pages_are_sound() {
        check_page(&LocalHome::sample().page());
        check_page(&Outbox::sample().page());
        check_page(&Outbox { home: "/", mails: vec![] }.page());
    }

    #[test]
    fn a_link_in_a_mail_can_be_followed() {
        let page = Outbox::sample().page();

        assert!(page.contains(r#"<a href="https://privacy.example/takeouts/0192f1c4">"#));
        assert!(text_of(&page).contains("Hello,\n\nhttps://privacy.example/takeouts/0192f1c4\n\nBye."));
    }

    #[test]
    fn only_web_addresses_are_links() {
        let mail = OutboxMail { text: "javascript:alert(1)\n http://a b", ..Outbox::sample().mails[0] };

        let page = Outbox { home: "/", mails: vec![mail] }.page();

        assert_eq!(page.matches("<a ").count(), 1, "only the way home");
    }

    #[test]
    fn the_pages_escape_what_they_are_given() {
        let home = LocalHome {
            title: HOSTILE,
            gateway: HOSTILE,
            outbox: HOSTILE,
            examples: vec![Example { what: HOSTILE, command: HOSTILE }],
            endpoints: vec![Endpoint { method: HOSTILE, path: HOSTILE, what: HOSTILE }],
        };
        let link = format!("https://{HOSTILE}").replace(' ', "");
        let mail = |text| OutboxMail { subject: HOSTILE, to: HOSTILE, at: time::sample(), text };
        let outbox = Outbox { home: HOSTILE, mails: vec![mail(HOSTILE), mail(&link)] };

        check_page(&home.page());
        check_page(&outbox.page());
    }
}
