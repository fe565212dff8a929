//! What is said once, right after a takeout was started: its password.

use askama::Template;

use super::Frame;
use crate::render;

/// A takeout was started.
#[derive(Clone, Copy, Debug, Template)]
#[template(path = "console/started.html")]
pub struct Started<'a> {
    /// What is around it.
    pub frame: Frame<'a>,
    /// The request.
    pub request: &'a str,
    /// The password of the archive. It is shown nowhere else.
    pub password: &'a str,
}

impl Started<'_> {
    /// The page.
    pub fn page(&self) -> String {
        render(self)
    }
}

impl Started<'static> {
    /// An example.
    pub fn sample() -> Self {
        Self { frame: Frame::sample(), request: "/console/requests/7f3a", password: "kiva-9482-tuuli-1177" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{HOSTILE, check_page};

    #[test]
    fn the_page_is_sound() {
        check_page(&Started::sample().page());
        check_page(&Started { password: HOSTILE, ..Started::sample() }.page());
    }
}
