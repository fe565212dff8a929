//! A person, as customer care sees them.

use askama::Template;
use chrono::{DateTime, Utc};

use super::{Badge, Frame, RequestRow};
use crate::render;

/// All that the ledger knows of a person.
#[derive(Clone, Debug, Template)]
#[template(path = "console/person.html")]
pub struct Person<'a> {
    /// What is around it.
    pub frame: Frame<'a>,
    /// The person's own page.
    pub path: String,
    /// Their id; nobody once they are forgotten.
    pub id: Option<String>,
    /// What identifies them.
    pub identities: Vec<Identity>,
    /// Their consents in force.
    pub consents: Vec<Consent>,
    /// How the consents changed, newest first.
    pub history: Vec<Change>,
    /// Their requests, newest first; nothing if the reader may not see them.
    pub requests: Option<Vec<RequestRow>>,
    /// The erasure that is, or was last, under way.
    pub purge: Option<Purge>,
    /// What forbids an erasure.
    pub holds: Vec<Hold>,
    /// What restricts the use of their data.
    pub restrictions: Vec<String>,
    /// Where a request is made, if the reader may.
    pub make: Option<String>,
}

/// Something that identifies a person.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Whether it was verified to be theirs.
    pub is_verified: bool,
}

/// A consent in force.
#[derive(Clone, Debug)]
pub struct Consent {
    /// To what.
    pub level: String,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// A change of the consents.
#[derive(Clone, Debug)]
pub struct Change {
    /// When.
    pub at: DateTime<Utc>,
    /// Who made it.
    pub by: String,
    /// What was in force from then on.
    pub levels: String,
}

/// An erasure.
#[derive(Clone, Debug)]
pub struct Purge {
    /// Its request.
    pub path: String,
    /// How it stands.
    pub status: Badge,
    /// When it is due.
    pub due: DateTime<Utc>,
    /// What was done to each collection.
    pub stores: Vec<Store>,
    /// Where it is called off, while it may be, by whoever may.
    pub call_off: Option<String>,
    /// The plan that waits for a release, and where to release it.
    pub release: Option<Release>,
    /// Where its certificate is verified.
    pub certificate: Option<String>,
}

/// What was done to a collection.
#[derive(Clone, Debug)]
pub struct Store {
    /// Which.
    pub name: String,
    /// How many rows were found.
    pub found: u64,
    /// How many are gone or masked.
    pub done: u64,
    /// How many are kept.
    pub kept: u64,
    /// Why it is not finished, or why rows are kept.
    pub remark: String,
}

/// A plan that waits for somebody to release it.
#[derive(Clone, Debug)]
pub struct Release {
    /// Where.
    pub path: String,
    /// Its hash.
    pub plan: String,
    /// How many rows it would touch.
    pub rows: u64,
    /// Whether the reader may release it.
    pub may: bool,
}

/// A legal hold or a duty of retention.
#[derive(Clone, Debug)]
pub struct Hold {
    /// What kind, and by what law.
    pub what: String,
    /// Why.
    pub why: String,
    /// Until when, if that is known.
    pub until: String,
}

impl Person<'_> {
    /// The page.
    pub fn page(&self) -> String {
        render(self)
    }
}

impl Person<'static> {
    /// An example.
    pub fn sample() -> Self {
        let at = crate::time::sample();
        Self {
            frame: Frame { here: super::Here::Persons, ..Frame::sample() },
            path: "/console/persons/00112233445566778899".to_owned(),
            id: Some("903c1ff9-f2cc-435c-b242-9d8a690fcf0a".to_owned()),
            identities: vec![Identity {
                name: "email".to_owned(),
                value: "alice@example.com".to_owned(),
                is_verified: true,
            }],
            consents: vec![Consent { level: "necessary".to_owned(), since: at }],
            history: vec![Change { at, by: "client:shop".to_owned(), levels: "necessary".to_owned() }],
            requests: Some(vec![RequestRow::sample()]),
            purge: Some(Purge {
                path: RequestRow::sample().path,
                status: Badge::new(super::Tone::Busy, "waits for its time"),
                due: at,
                stores: vec![Store {
                    name: "shop.customers".to_owned(),
                    found: 1,
                    done: 1,
                    kept: 0,
                    remark: String::new(),
                }],
                call_off: Some("/console/persons/00112233445566778899/call-off".to_owned()),
                release: Some(Release {
                    path: "/console/requests/7f3a/release".to_owned(),
                    plan: "8cb00f9e".to_owned(),
                    rows: 12_000,
                    may: true,
                }),
                certificate: Some("/receipt?code=AAAA".to_owned()),
            }),
            holds: vec![Hold {
                what: "retention under § 147 AO".to_owned(),
                why: "Invoices".to_owned(),
                until: "31 December 2030".to_owned(),
            }],
            restrictions: vec!["account_ban".to_owned()],
            make: Some("/console/persons/00112233445566778899/requests".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{HOSTILE, check_page};

    #[test]
    fn the_page_of_a_person_is_sound() {
        check_page(&Person::sample().page());
        let forgotten = Person {
            id: None,
            identities: Vec::new(),
            consents: Vec::new(),
            history: Vec::new(),
            requests: None,
            purge: None,
            holds: Vec::new(),
            restrictions: Vec::new(),
            make: None,
            ..Person::sample()
        };
        check_page(&forgotten.page());
    }

    #[test]
    fn the_page_of_a_person_escapes_what_it_is_given() {
        let hostile = || HOSTILE.to_owned();
        let mut page = Person::sample();
        page.id = Some(hostile());
        page.identities[0] = Identity { name: hostile(), value: hostile(), is_verified: false };
        page.history[0].by = hostile();
        page.holds[0] = Hold { what: hostile(), why: hostile(), until: hostile() };
        page.restrictions = vec![hostile()];
        check_page(&page.page());
    }
}
