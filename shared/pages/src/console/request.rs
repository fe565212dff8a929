//! The manager of one request: what was asked, what is done about it, and how it is closed.

use askama::Template;
use chrono::{DateTime, Utc};

use super::{Badge, Frame, person::Store};
use crate::render;

/// One request.
#[derive(Clone, Debug, Template)]
#[template(path = "console/request.html")]
pub struct Request<'a> {
    /// What is around it.
    pub frame: Frame<'a>,
    /// Its page.
    pub path: String,
    /// Its id.
    pub id: String,
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
    /// By when it must be answered.
    pub deadline: DateTime<Utc>,
    /// How it stands.
    pub status: Badge,
    /// How much time is left, if any is needed.
    pub time_left: Option<Badge>,
    /// What was said when it was made.
    pub remarks: Option<String>,
    /// What Lethe does about it, in words.
    pub work: Option<String>,
    /// What was done to each collection.
    pub stores: Vec<Store>,
    /// How it was closed.
    pub confirmed: Option<Confirmed>,
    /// What can be started for it.
    pub start: Option<Start>,
    /// How it can be closed, if the reader may.
    pub confirm: Option<Confirm>,
    /// Who acts for the person, and whether they may.
    pub agent: Option<(String, Badge)>,
    /// What its time depends on, in words.
    pub clock: Vec<Event>,
    /// How its time can be changed, if the reader may.
    pub time: Option<Time>,
    /// Its files.
    pub files: Vec<File>,
    /// Where one is attached, if the reader may.
    pub attach: Option<String>,
    /// Mails about it.
    pub mails: Vec<Mail>,
    /// Where the person reads how it stands.
    pub receipt: String,
}

/// How a request was closed.
#[derive(Clone, Debug)]
pub struct Confirmed {
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub by: String,
    /// What became of it.
    pub outcome: &'static str,
    /// What the staff noted for themselves.
    pub remarks: Option<String>,
    /// What the person was told.
    pub comment: Option<String>,
}

/// What can be started for a request.
#[derive(Clone, Debug)]
pub struct Start {
    /// Where.
    pub path: String,
    /// The words of the button.
    pub button: &'static str,
    /// What it will do.
    pub what: &'static str,
}

/// The form that closes a request.
#[derive(Clone, Debug)]
pub struct Confirm {
    /// Where it is sent.
    pub path: String,
    /// The version that the reader saw: if somebody changes it meanwhile, they are told.
    pub version: i64,
    /// Whether there is an address to notify.
    pub can_notify: bool,
}

/// Something on which the time for a request depends.
#[derive(Clone, Debug)]
pub struct Event {
    /// When it happened.
    pub at: DateTime<Utc>,
    /// What.
    pub what: String,
}

/// The form that changes the time for a request.
#[derive(Clone, Debug)]
pub struct Time {
    /// Where it is sent.
    pub path: String,
    /// The version that the reader saw.
    pub version: i64,
    /// Whether more time can still be won.
    pub can_extend: bool,
    /// Whether the person was asked who they are and has not answered.
    pub is_in_doubt: bool,
    /// Whether there is an address that is known to be the person's.
    pub can_mail_code: bool,
    /// Where it is noted who acts for the person.
    pub agent: String,
    /// Whether somebody was named whose mandate can be accepted.
    pub can_accept: bool,
}

/// A file of a request.
#[derive(Clone, Debug)]
pub struct File {
    /// Where it is fetched, if it can be.
    pub path: Option<String>,
    /// What it is called.
    pub label: String,
    /// What it is for.
    pub purpose: &'static str,
    /// What it is, and how large.
    pub size: String,
    /// How it stands, unless it is kept.
    pub status: Option<Badge>,
    /// Who attached it.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Where it is taken away, if the reader may.
    pub remove: Option<String>,
}

/// A mail about a request.
#[derive(Clone, Debug)]
pub struct Mail {
    /// What it says.
    pub what: &'static str,
    /// When it was sent.
    pub sent: Option<DateTime<Utc>>,
}

impl Request<'_> {
    /// The page.
    pub fn page(&self) -> String {
        render(self)
    }
}

impl Request<'static> {
    /// An example.
    pub fn sample() -> Self {
        let at = crate::time::sample();
        let row = super::RequestRow::sample();
        Self {
            frame: Frame { here: super::Here::Requests, ..Frame::sample() },
            path: row.path.clone(),
            id: "0192f1c4-7d5e-7c3b-9a51-2f6d0c8e4b77".to_owned(),
            kind: row.kind,
            door: row.door,
            person: row.person,
            person_path: row.person_path,
            received: at,
            deadline: at,
            status: row.status,
            time_left: row.time_left,
            remarks: Some("Called support.\nWants everything gone.".to_owned()),
            work: Some("Lethe collects the data.".to_owned()),
            stores: Vec::new(),
            confirmed: None,
            start: Some(Start {
                path: format!("{}/purge", row.path),
                button: "Plan the erasure",
                what: "Nothing is erased before you have seen the plan.",
            }),
            confirm: Some(Confirm { path: format!("{}/confirm", row.path), version: 1, can_notify: true }),
            clock: vec![Event { at, what: "The person was asked who they are".to_owned() }],
            time: Some(Time {
                path: format!("{}/clock", row.path),
                version: 1,
                can_extend: true,
                is_in_doubt: false,
                can_mail_code: true,
                agent: format!("{}/agent", row.path),
                can_accept: true,
            }),
            agent: Some(("Bo Berg".to_owned(), Badge::new(super::Tone::Soon, "mandate to be checked"))),
            files: vec![File {
                path: Some(format!("{}/attachments/1", row.path)),
                label: "Letter of 2 March".to_owned(),
                purpose: "for the person",
                size: "PDF, 81 KB".to_owned(),
                status: None,
                by: "Dana Dahl".to_owned(),
                at,
                remove: Some(format!("{}/attachments/1/remove", row.path)),
            }],
            attach: Some(format!("{}/attachments", row.path)),
            mails: vec![Mail { what: "Receipt", sent: Some(at) }, Mail { what: "Confirmation", sent: None }],
            receipt: "/receipt?code=AAAA".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{HOSTILE, check_page};

    #[test]
    fn the_manager_is_sound() {
        check_page(&Request::sample().page());
        let closed = Confirmed {
            at: crate::time::sample(),
            by: HOSTILE.to_owned(),
            outcome: "done",
            remarks: Some(HOSTILE.to_owned()),
            comment: Some(HOSTILE.to_owned()),
        };
        let page = Request {
            confirmed: Some(closed),
            start: None,
            confirm: None,
            time: None,
            person: None,
            agent: Some((HOSTILE.to_owned(), Badge::new(super::super::Tone::Good, "accepted"))),
            remarks: Some(HOSTILE.to_owned()),
            files: vec![File {
                path: None,
                label: HOSTILE.to_owned(),
                by: HOSTILE.to_owned(),
                remove: None,
                status: Some(Badge::new(super::super::Tone::Late, "refused")),
                ..Request::sample().files.remove(0)
            }],
            attach: None,
            ..Request::sample()
        };
        check_page(&page.page());
    }

    #[test]
    fn without_the_right_there_is_no_form_but_to_sign_out() {
        let mut page = Request { start: None, confirm: None, time: None, attach: None, ..Request::sample() };
        page.files[0].remove = None;
        let page = page.page();

        assert_eq!(page.matches("<form").count(), 1);
    }
}
