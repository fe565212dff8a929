//! A page that says one thing, and where to go from there.

use askama::Template;

use crate::render;

/// One thing that is to be said.
#[derive(Clone, Copy, Debug, Template)]
#[template(path = "message.html")]
pub struct Message<'a> {
    /// What it is, in a few words.
    pub title: &'a str,
    /// What it means for whoever reads it.
    pub text: &'a str,
    /// A name that belongs to it, such as that of a permission.
    pub detail: Option<&'a str>,
    /// Where to go.
    pub way: Option<Way<'a>>,
}

/// A link to a page of ours.
#[derive(Clone, Copy, Debug)]
pub struct Way<'a> {
    /// Its path.
    pub path: &'a str,
    /// What is there.
    pub text: &'a str,
}

impl Message<'_> {
    /// The page.
    pub fn page(&self) -> String {
        render(self)
    }
}

impl Message<'static> {
    /// An example.
    pub fn sample() -> Self {
        Self {
            title: "You may not do this",
            text: "Your account lacks a permission for it.",
            detail: Some("ACCOUNT_VIEW"),
            way: Some(Way { path: "/console", text: "Back to the overview" }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{HOSTILE, check_page, text_of};

    #[test]
    fn the_page_is_sound_whatever_it_says() {
        check_page(&Message::sample().page());
        let hostile = Message { title: HOSTILE, text: HOSTILE, detail: Some(HOSTILE), way: None }.page();
        check_page(&hostile);
        assert!(text_of(&hostile).contains(HOSTILE));
    }
}
