//! `index.html` inside a takeout: what a person sees first after unpacking.
//!
//! It is opened from a disk, without a network, so that it stands alone; its links lead to the
//! files beside it.

use askama::Template;
use chrono::{DateTime, Utc};

use crate::{render, time};

/// What is in the archive, and how to read it.
#[derive(Clone, Debug, Template)]
#[template(path = "takeout_index.html")]
pub struct TakeoutIndex<'a> {
    /// When the archive was made.
    pub created_at: DateTime<Utc>,
    /// The program that made it.
    pub generator: &'a str,
    /// The collections that were searched, also those without data.
    pub collections: Vec<Collection<'a>>,
    /// What else the person must be told: purposes, recipients, retention, rights, complaint.
    pub facts: Vec<Fact<'a>>,
}

/// What the archive holds of one collection.
#[derive(Clone, Debug, Default)]
pub struct Collection<'a> {
    /// What people call it.
    pub name: &'a str,
    /// What it holds.
    pub description: &'a str,
    /// Categories of personal data.
    pub categories: Vec<&'a str>,
    /// Where the data comes from.
    pub origin: &'a str,
    /// Records in all files together.
    pub records: u64,
    /// Files of records.
    pub files: Vec<File<'a>>,
    /// Files of other kinds.
    pub attachments: Vec<Attachment<'a>>,
}

/// A file of records.
#[derive(Clone, Copy, Debug)]
pub struct File<'a> {
    /// Its path in the archive.
    pub name: &'a str,
    /// How many it holds.
    pub records: u64,
}

/// A file that belongs to a collection.
#[derive(Clone, Copy, Debug)]
pub struct Attachment<'a> {
    /// Its path in the archive.
    pub name: &'a str,
    /// What it was called where it came from.
    pub original_name: &'a str,
    /// Its length.
    pub bytes: u64,
}

/// One answer that the law asks for.
#[derive(Clone, Copy, Debug)]
pub struct Fact<'a> {
    /// What it is about.
    pub title: &'a str,
    /// The answer; lines are kept.
    pub text: &'a str,
}

impl TakeoutIndex<'_> {
    /// The page.
    pub fn page(&self) -> String {
        render(self)
    }

    fn found(&self) -> impl Iterator<Item = &Collection<'_>> {
        self.collections.iter().filter(|collection| !collection.is_empty())
    }

    fn not_found(&self) -> impl Iterator<Item = &Collection<'_>> {
        self.collections.iter().filter(|collection| collection.is_empty())
    }

    fn nothing_found(&self) -> bool {
        self.found().next().is_none()
    }

    fn all_found(&self) -> bool {
        self.not_found().next().is_none()
    }
}

impl Collection<'_> {
    fn is_empty(&self) -> bool {
        self.records == 0 && self.attachments.is_empty()
    }
}

impl Attachment<'_> {
    /// The length as people say it.
    fn size(&self) -> String {
        let units = ["kB", "MB", "GB", "TB"];
        let mut size = self.bytes as f64;
        let mut name = "bytes";
        for unit in units {
            if size < 1000.0 {
                break;
            }
            size /= 1000.0;
            name = unit;
        }
        if name == "bytes" { format!("{} bytes", self.bytes) } else { format!("{size:.1} {name}") }
    }
}

impl TakeoutIndex<'static> {
    /// An example.
    pub fn sample() -> Self {
        Self {
            created_at: time::sample(),
            generator: "Lethe 0.1.0",
            collections: vec![
                Collection {
                    name: "Customers",
                    description: "Who you are to the shop.",
                    categories: vec!["user.name", "user.contact.email"],
                    origin: "provided",
                    records: 1,
                    files: vec![File { name: "data/01-0001.ndjson", records: 1 }],
                    attachments: vec![Attachment {
                        name: "files/01-0001.jpg",
                        original_name: "portrait.jpg",
                        bytes: 183_201,
                    }],
                },
                Collection {
                    name: "Newsletter",
                    description: "What you subscribed to.",
                    ..Collection::default()
                },
            ],
            facts: vec![Fact {
                title: "Your rights",
                text: "You may ask for correction or erasure,\nand complain.",
            }],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{HOSTILE, check_page, text_of};

    #[test]
    fn the_index_is_sound() {
        let page = TakeoutIndex::sample().page();

        check_page(&page);
        assert!(page.contains(r#"href="data/01-0001.ndjson""#));
        let text = text_of(&page);
        for words in
            ["1 May 2026, 12:00 UTC", "Customers", "portrait.jpg", "183.2 kB", "user.name", "Newsletter"]
        {
            assert!(text.contains(words), "{words} is missing from {text}");
        }
    }

    #[test]
    fn a_person_without_data_is_told_so() {
        let page = TakeoutIndex { collections: vec![], facts: vec![], ..TakeoutIndex::sample() }.page();

        check_page(&page);
        assert!(text_of(&page).contains("No personal data was found"));
    }

    #[test]
    fn the_index_escapes_what_it_is_given() {
        let page = TakeoutIndex {
            created_at: time::sample(),
            generator: HOSTILE,
            collections: vec![Collection {
                name: HOSTILE,
                description: HOSTILE,
                categories: vec![HOSTILE],
                origin: HOSTILE,
                records: 1,
                files: vec![File { name: HOSTILE, records: 1 }],
                attachments: vec![Attachment { name: HOSTILE, original_name: HOSTILE, bytes: 1 }],
            }],
            facts: vec![Fact { title: HOSTILE, text: HOSTILE }],
        }
        .page();

        check_page(&page);
        // Once more in the table, once more for the title and the link of each file.
        assert!(text_of(&page).matches(HOSTILE).count() >= 9);
    }

    #[test]
    fn sizes_are_said_as_people_say_them() {
        let size = |bytes| Attachment { name: "", original_name: "", bytes }.size();

        assert_eq!(size(0), "0 bytes");
        assert_eq!(size(999), "999 bytes");
        assert_eq!(size(1_000), "1.0 kB");
        assert_eq!(size(5_300_000_000), "5.3 GB");
    }
}
