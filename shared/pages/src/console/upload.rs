//! The form that sends a file to its bucket.

use askama::Template;

use super::Frame;
use crate::render;

/// The form.
#[derive(Clone, Debug, Template)]
#[template(path = "console/upload.html")]
pub struct Upload<'a> {
    /// What is around it.
    pub frame: Frame<'a>,
    /// What the file will be called.
    pub label: Option<String>,
    /// Where it is sent.
    pub action: String,
    /// Where that is, for the page's own policy.
    pub origin: String,
    /// What is sent before it.
    pub fields: Vec<(&'static str, String)>,
    /// The request.
    pub back: String,
}

impl Upload<'_> {
    /// The page.
    pub fn page(&self) -> String {
        render(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{HOSTILE, check_page};

    #[test]
    fn the_form_is_sound() {
        let page = Upload {
            frame: Frame::sample(),
            label: Some(HOSTILE.to_owned()),
            action: "https://bucket.example.com/".to_owned(),
            origin: "https://bucket.example.com".to_owned(),
            fields: vec![("key", HOSTILE.to_owned())],
            back: "/console/requests/0192f1c4-7d5e-7c3b-9a51-2f6d0c8e4b77".to_owned(),
        };
        let page = page.page();
        check_page(&page);
        assert!(page.contains("form-action 'self' https://bucket.example.com\""));
    }
}
