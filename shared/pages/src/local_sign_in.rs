//! The sign-in page of local mode: who of the demo's staff is it?

use askama::Template;

use crate::render;

/// Everybody there is.
#[derive(Clone, Copy, Debug, Template)]
#[template(path = "local_sign_in.html")]
pub struct LocalSignIn<'a> {
    /// Where the choice is sent.
    pub action: &'a str,
    /// What is sent along, as names and values.
    pub kept: &'a [(&'a str, &'a str)],
    /// Who can be chosen.
    pub choices: &'a [Choice<'a>],
}

/// Somebody of the staff.
#[derive(Clone, Copy, Debug)]
pub struct Choice<'a> {
    /// Their id.
    pub sub: &'a str,
    /// Their name.
    pub name: &'a str,
    /// What they do.
    pub role: &'a str,
}

impl LocalSignIn<'_> {
    /// The page.
    pub fn page(&self) -> String {
        render(self)
    }
}

impl LocalSignIn<'static> {
    /// An example.
    pub fn sample() -> Self {
        Self {
            action: "/_local/oidc/authorize",
            kept: &[("state", "7f3a")],
            choices: &[Choice { sub: "staff-dana", name: "Dana Dahl", role: "Data protection officer" }],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{HOSTILE, check_page};

    #[test]
    fn the_page_is_sound() {
        check_page(&LocalSignIn::sample().page());
        let kept = [(HOSTILE, HOSTILE)];
        let choices = [Choice { sub: HOSTILE, name: HOSTILE, role: HOSTILE }];
        check_page(&LocalSignIn { action: HOSTILE, kept: &kept, choices: &choices }.page());
    }
}
