//! Looking a person up, by whatever identifies them.

use askama::Template;

use super::Frame;
use crate::render;

/// The question, and once it is asked, who was found.
#[derive(Clone, Debug, Template)]
#[template(path = "console/persons.html")]
pub struct Persons<'a> {
    /// What is around it.
    pub frame: Frame<'a>,
    /// Whether it is asked for whom to make a request.
    pub is_for_request: bool,
    /// Who was found; nothing before it is asked.
    pub found: Option<Vec<Found>>,
}

/// Somebody who was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// Their page.
    pub path: String,
    /// Their id.
    pub id: String,
    /// What identifies them, by name.
    pub identities: Vec<(String, String)>,
}

impl Persons<'_> {
    /// The page.
    pub fn page(&self) -> String {
        render(self)
    }
}

impl Persons<'static> {
    /// An example.
    pub fn sample() -> Self {
        let identities = vec![("email".to_owned(), "alice@example.com".to_owned())];
        let found = Found {
            path: "/console/persons/00112233445566778899".to_owned(),
            id: "903c1ff9-f2cc-435c-b242-9d8a690fcf0a".to_owned(),
            identities,
        };
        Self {
            frame: Frame { here: super::Here::Persons, ..Frame::sample() },
            is_for_request: true,
            found: Some(vec![found]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{HOSTILE, check_page};

    #[test]
    fn the_search_is_sound_and_escapes_what_it_is_given() {
        check_page(&Persons::sample().page());
        check_page(&Persons { found: None, is_for_request: false, ..Persons::sample() }.page());
        check_page(&Persons { found: Some(Vec::new()), ..Persons::sample() }.page());
        let identities = vec![(HOSTILE.to_owned(), HOSTILE.to_owned())];
        let found = Found { path: HOSTILE.to_owned(), id: HOSTILE.to_owned(), identities };
        check_page(&Persons { found: Some(vec![found]), ..Persons::sample() }.page());
    }
}
