//! The personal data view.
//!
//! Opening its link shows a button and changes nothing, because mail scanners open links: only the button
//! uses the link. A link that does not work is answered with one page, whatever is wrong with it.

use askama::Template;
use chrono::{DateTime, Utc};

use crate::{console::Badge, render};

/// The button.
#[derive(Clone, Copy, Debug, Template)]
#[template(path = "portal/open.html")]
pub struct Open<'a> {
    /// Where it posts to.
    pub action: &'a str,
}

/// A link that was used, has expired, was replaced, or never was; or a view that is over.
#[derive(Clone, Copy, Debug, Template)]
#[template(path = "portal/unusable.html")]
pub struct Unusable {}

/// What a person sees of themselves.
#[derive(Clone, Debug, Template)]
#[template(path = "portal/view.html")]
pub struct View {
    /// Until when it can be seen.
    pub until: DateTime<Utc>,
    /// Their requests, newest first.
    pub requests: Vec<Request>,
    /// Their consents in force, with since when.
    pub consents: Vec<(String, DateTime<Utc>)>,
    /// Where they came from.
    pub return_uri: Option<String>,
}

/// A request, as the person sees it.
#[derive(Clone, Debug)]
pub struct Request {
    /// What they asked for.
    pub kind: &'static str,
    /// When it was received.
    pub received: DateTime<Utc>,
    /// By when they get an answer, while they wait for it.
    pub deadline: Option<DateTime<Utc>>,
    /// How it stands.
    pub status: Badge,
    /// When it was answered, and what they were told.
    pub answered: Option<(DateTime<Utc>, Option<String>)>,
    /// Until when a takeout can be fetched.
    pub takeout_until: Option<DateTime<Utc>>,
    /// Files that are a part of the answer.
    pub files: Vec<Attached>,
    /// Its receipt.
    pub receipt: String,
}

/// A file that is a part of an answer.
#[derive(Clone, Debug)]
pub struct Attached {
    /// Where it is fetched.
    pub path: String,
    /// What it is called.
    pub label: String,
    /// What it is, and how large.
    pub size: String,
}

impl Open<'_> {
    /// The page.
    pub fn page(&self) -> String {
        render(self)
    }
}

impl Unusable {
    /// The page.
    pub fn page(&self) -> String {
        render(self)
    }
}

impl View {
    /// The page.
    pub fn page(&self) -> String {
        render(self)
    }

    /// An example.
    pub fn sample() -> Self {
        let at = crate::time::sample();
        Self {
            until: at,
            requests: vec![Request {
                kind: "Correction of your data",
                received: at,
                deadline: Some(at),
                status: Badge::new(crate::console::Tone::Good, "answered"),
                answered: Some((at, Some("We have corrected your date of birth.".to_owned()))),
                takeout_until: Some(at),
                files: vec![Attached {
                    path: "/personal-data-view/requests/1/attachments/2".to_owned(),
                    label: "Letter of 2 March".to_owned(),
                    size: "PDF, 81 KB".to_owned(),
                }],
                receipt: "/receipt?code=AAAA".to_owned(),
            }],
            consents: vec![("necessary".to_owned(), at)],
            return_uri: Some("https://app.example.com/".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{HOSTILE, check_page};

    #[test]
    fn the_pages_are_sound_and_escape_what_they_are_given() {
        check_page(&Open { action: "/personal-data-view?ssdt=AAAA" }.page());
        check_page(&Open { action: HOSTILE }.page());
        check_page(&Unusable {}.page());
        check_page(&View::sample().page());
        let mut view = View::sample();
        view.requests[0].answered = Some((crate::time::sample(), Some(HOSTILE.to_owned())));
        view.return_uri = Some(HOSTILE.to_owned());
        view.requests[0].files[0].label = HOSTILE.to_owned();
        check_page(&view.page());
        check_page(
            &View { requests: Vec::new(), consents: Vec::new(), return_uri: None, ..View::sample() }.page(),
        );
    }
}
