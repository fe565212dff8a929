//! Files that staff attach to a request: what the person is answered with, what proves something, and the
//! mandate of whoever acts for them.
//!
//! A file comes into quarantine first. It is kept once its content is of a kind that we take, and once a
//! scanner has found nothing, where there is one.

use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AttachmentId, Timestamp};

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// A part of the answer: the person sees it in their own view once the request is confirmed.
    Answer,
    /// For the staff alone.
    Internal,
    /// What shows that somebody may act for the person; for the staff alone.
    Mandate,
}

/// What a file is, by its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names of the formats")]
pub enum FileKind {
    Pdf,
    Png,
    Jpeg,
    Text,
}

impl FileKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Pdf, Self::Png, Self::Jpeg, Self::Text];

    /// Its media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Text => "text/plain; charset=utf-8",
        }
    }

    /// What names of such files end in.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Pdf => "pdf",
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Text => "txt",
        }
    }
}

/// Why a file was deleted rather than kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unwanted {
    /// Its content is of no kind that we take, or of two at once.
    Kind,
    /// It is known to do harm.
    Harmful,
    /// The scanner could not look at it, or did not in time.
    Unscanned,
}

/// How far a file has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileState {
    /// It is in quarantine, or not yet there.
    Awaited,
    /// It is kept.
    Kept {
        /// What it is.
        kind: FileKind,
        /// How large it is, in bytes.
        size: u64,
    },
    /// It is deleted.
    Refused(Unwanted),
}

/// A file that belongs to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Unique within the request.
    pub id: AttachmentId,
    /// What it is for.
    pub purpose: Purpose,
    /// What staff call it.
    pub label: Option<String>,
    /// Who of the staff attached it.
    pub by: String,
    /// When they began to.
    pub asked_at: Timestamp,
    /// How far it has come.
    pub state: FileState,
}

impl Attachment {
    /// The most that a file may have, in bytes.
    pub const LARGEST: u64 = 10 * 1024 * 1024;
    /// How many files a request may have.
    pub const MOST: usize = 20;
    /// How long the form works by which a file comes.
    pub const FORM_LIFE: TimeDelta = TimeDelta::minutes(10);
    /// How long it is waited for a file, with time for one that is on its way when the form ends.
    const ARRIVAL: TimeDelta = TimeDelta::minutes(20);
    /// How long a scanner may take.
    const SCAN: TimeDelta = TimeDelta::hours(2);

    /// Whether it is still to be looked at.
    pub fn is_awaited(&self) -> bool {
        self.state == FileState::Awaited
    }

    /// Whether nothing will come any more.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.is_awaited() && now >= self.asked_at + Self::ARRIVAL
    }

    /// Whether its scanner has had its time.
    pub fn is_unscanned(&self, now: Timestamp) -> bool {
        self.is_awaited() && now >= self.asked_at + Self::SCAN
    }
}
