//! The console of the staff: what all its pages share, and a module for each screen.
//!
//! A page shows only what its view says: whoever fills a view decides what the reader may see and do, and
//! a form that is not allowed is not there.

pub mod dashboard;
pub mod person;
pub mod persons;
pub mod plan;
pub mod request;
pub mod requests;
pub mod started;
pub mod upload;

use chrono::{DateTime, Utc};

/// What is around every page of somebody who is signed in.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// How they are called.
    pub who: &'a str,
    /// What their forms carry.
    pub form_token: &'a str,
    /// Which part of the console the page belongs to.
    pub here: Here,
    /// Whether they see the requests of all persons.
    pub sees_requests: bool,
    /// Whether they look persons up.
    pub sees_persons: bool,
}

/// A part of the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Here {
    /// The overview.
    Overview,
    /// All requests.
    Requests,
    /// The persons.
    Persons,
}

impl Frame<'static> {
    /// An example.
    pub fn sample() -> Self {
        Self {
            who: "Dana Dahl",
            form_token: "7f3a",
            here: Here::Overview,
            sees_requests: true,
            sees_persons: true,
        }
    }
}

/// How much something asks to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Not at all.
    Plain,
    /// It is done.
    Good,
    /// Something is being done.
    Busy,
    /// Soon.
    Soon,
    /// Now.
    Late,
}

impl Tone {
    /// Its class in the stylesheet.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Good => "good",
            Self::Busy => "busy",
            Self::Soon => "soon",
            Self::Late => "late",
        }
    }
}

/// A word or two about how something stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Badge {
    /// How urgent it is.
    pub tone: Tone,
    /// What it says.
    pub text: String,
}

impl Badge {
    /// A badge.
    pub fn new(tone: Tone, text: impl Into<String>) -> Self {
        Self { tone, text: text.into() }
    }

    /// How much time is left until `end`.
    pub fn time_left(end: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        let days = (end - now).num_days();
        let plural = |days: i64| if days == 1 { "1 day".to_owned() } else { format!("{days} days") };
        if end <= now {
            match (now - end).num_days() {
                0 => Self::new(Tone::Late, "overdue since today"),
                late => Self::new(Tone::Late, format!("{} overdue", plural(late))),
            }
        } else if days == 0 {
            Self::new(Tone::Late, "hours left")
        } else if days <= 7 {
            Self::new(Tone::Soon, format!("{} left", plural(days)))
        } else {
            Self::new(Tone::Plain, format!("{} left", plural(days)))
        }
    }
}

/// A request in a list.
#[derive(Clone, Debug)]
pub struct RequestRow {
    /// Where it is dealt with.
    pub path: String,
    /// What is asked for.
    pub kind: &'static str,
    /// Through which door it came.
    pub door: &'static str,
    /// Who asked; nobody once they are forgotten.
    pub person: Option<String>,
    /// Their page.
    pub person_path: String,
    /// When it was received.
    pub received: DateTime<Utc>,
    /// How it stands.
    pub status: Badge,
    /// How much time is left, if any is needed.
    pub time_left: Option<Badge>,
}

impl RequestRow {
    /// An example.
    pub fn sample() -> Self {
        Self {
            path: "/console/requests/0192f1c4-7d5e-7c3b-9a51-2f6d0c8e4b77".to_owned(),
            kind: "Erasure",
            door: "Trivore",
            person: Some("903c1ff9-f2cc-435c-b242-9d8a690fcf0a".to_owned()),
            person_path: "/console/persons/00112233445566778899".to_owned(),
            received: crate::time::sample(),
            status: Badge::new(Tone::Soon, "waits for you"),
            time_left: Some(Badge::new(Tone::Late, "3 days overdue")),
        }
    }
}

/// A choice of a select box.
#[derive(Clone, Copy, Debug)]
pub struct Choice<'a> {
    /// What is sent.
    pub value: &'a str,
    /// What is shown.
    pub text: &'a str,
    /// Whether it is chosen.
    pub is_chosen: bool,
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::time;

    fn check(hours: i64, tone: Tone, text: &str) {
        let now = time::sample();
        assert_eq!(Badge::time_left(now + TimeDelta::hours(hours), now), Badge::new(tone, text), "{hours}");
    }

    #[test]
    fn time_that_is_left_is_told_in_days() {
        check(24 * 20, Tone::Plain, "20 days left");
        check(24 * 7 + 23, Tone::Soon, "7 days left");
        check(47, Tone::Soon, "1 day left");
        check(23, Tone::Late, "hours left");
        check(0, Tone::Late, "overdue since today");
        check(-25, Tone::Late, "1 day overdue");
        check(-24 * 9, Tone::Late, "9 days overdue");
    }
}
