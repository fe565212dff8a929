//! The pages behind the link that confirms where a takeout is delivered.
//!
//! Opening the link changes nothing, because mail scanners open links: only the button does.
//! What is wrong with a link that does not work is not said, since it would tell strangers which
//! links exist.

use askama::Template;

use crate::render;

/// Asks for the confirmation. It names neither the person nor the address.
#[derive(Clone, Copy, Debug, Template)]
#[template(path = "confirm_takeout/ask.html")]
pub struct Ask<'a> {
    /// Where the button posts to: a path of ours.
    pub action: &'a str,
}

/// Says that it is confirmed.
#[derive(Clone, Copy, Debug, Template)]
#[template(path = "confirm_takeout/confirmed.html")]
pub struct Confirmed {}

/// Answers a link that was used, has expired, or never was.
#[derive(Clone, Copy, Debug, Template)]
#[template(path = "confirm_takeout/unusable.html")]
pub struct Unusable {}

impl Ask<'_> {
    /// The page.
    pub fn page(&self) -> String {
        render(self)
    }
}

impl Confirmed {
    /// The page.
    pub fn page(&self) -> String {
        render(self)
    }

    /// An example.
    pub fn sample() -> Self {
        Self {}
    }
}

impl Unusable {
    /// The page.
    pub fn page(&self) -> String {
        render(self)
    }

    /// An example.
    pub fn sample() -> Self {
        Self {}
    }
}

impl Ask<'static> {
    /// An example.
    pub fn sample() -> Self {
        Self { action: "/confirm/7f3a" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{HOSTILE, check_page};

    #[test]
    fn the_pages_are_sound() {
        check_page(&Ask::sample().page());
        check_page(&Confirmed::sample().page());
        check_page(&Unusable::sample().page());
    }

    #[test]
    fn one_button_posts() {
        let page = Ask::sample().page();

        assert_eq!(page.matches("<button").count(), 1);
        assert!(page.contains(r#"<form method="post" action="/confirm/7f3a">"#));
        assert!(page.contains("Confirm delivery"));
    }

    #[test]
    fn the_question_escapes_what_it_is_given() {
        check_page(&Ask { action: HOSTILE }.page());
    }
}
