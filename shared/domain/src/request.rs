//! A request of a person: one record, whatever door it came through (design: one ledger).

use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    AttachmentId, PersonId, PersonKey, RequestId, Timestamp,
    attachment::{Attachment, FileState, Purpose},
    deadline::{Clock, Deadline, Doubt, Duty, Extension, ExtensionGround, Law, Regimes, Stage},
    identity::{Agent, Fact, Identity, IdentityError, SentCode},
    purge::{Purge, PurgeState, StoreOutcome},
    takeout::{Takeout, TakeoutState},
};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A copy of the data (Art. 15, 20).
    Access,
    /// Erasure (Art. 17).
    Erasure,
    /// Correction (Art. 16).
    Correction,
    /// Restriction of processing (Art. 18).
    Restriction,
}

/// The dialect through which a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names of the vendors")]
pub enum Door {
    Pace,
    Instacart,
    #[serde(rename = "rallyhere")]
    RallyHere,
    Trivore,
    Native,
}

/// How a request stands, in one word for all kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "RequestStatus")]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Waits for a person to deal with it.
    Open,
    /// Lethe is at it, or will be at a set time.
    InProgress,
    /// Something forbids going on.
    Held,
    /// Done.
    Completed,
    /// Given up; a person must look at it.
    Failed,
    /// Called off.
    Cancelled,
}

/// Why nothing is done about a request (Art. 12(4), (5)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The person could not be identified (Art. 11(2), 12(6)).
    NotIdentified,
    /// It is manifestly unfounded (Art. 12(5)).
    Unfounded,
    /// It is excessive, mostly because it repeats others (Art. 12(5)).
    Excessive,
    /// The law makes an exception (such as Art. 15(4), 17(3)).
    Exempt,
}

/// What became of a request that a person closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// What was asked for is done.
    #[default]
    Done,
    /// Some of it is done; the comment says what is not, and why.
    Partly,
    /// Nothing is done.
    Refused(Refusal),
}

impl Outcome {
    /// Whether it is done.
    pub fn is_done(&self) -> bool {
        *self == Self::Done
    }
}

/// How a person closed a request in the console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmation {
    /// What became of it.
    pub outcome: Outcome,
    /// When.
    pub at: Timestamp,
    /// The name of the person who confirmed.
    pub by: String,
    /// Internal remarks; never shown to the data subject.
    pub remarks: Option<String>,
    /// The comment for the data subject.
    pub comment: Option<String>,
}

/// What Lethe itself does about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// Nothing: people deal with it.
    Manual,
    /// It builds a takeout.
    Takeout(Takeout),
    /// It carries out a purge.
    Purge(Purge),
}

/// A mail that is to be sent about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Template {
    /// The takeout can be downloaded.
    TakeoutReady,
    /// The takeout is to go to another address; please confirm.
    ConfirmAddress,
    /// The takeout can be downloaded by whoever reads another address than this one.
    TakeoutElsewhere,
    /// The takeout could not be built.
    TakeoutFailed,
    /// The purge is queued for a time.
    PurgeQueued,
    /// Everything is erased.
    PurgeDone,
    /// The request was received.
    Received,
    /// The answer needs more time.
    Extended,
    /// A person has closed the request.
    Confirmed,
    /// A code that proves who reads it.
    OneTimeCode,
}

/// A mail on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What it says.
    pub template: Template,
    /// Where it goes; forgotten once sent.
    pub to: Option<String>,
    /// A secret part of the mail, such as a confirmation token; forgotten once sent.
    pub secret: Option<String>,
    /// When it was sent.
    pub sent_at: Option<Timestamp>,
    /// When to send it again if nothing has moved.
    pub retry_at: Timestamp,
}

/// A request and all that is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Unique within the tenant.
    pub id: RequestId,
    /// The pseudonym under which it is stored.
    pub person: PersonKey,
    /// The person; absent once they are forgotten.
    pub person_id: Option<PersonId>,
    /// What is asked for.
    pub kind: Kind,
    /// The dialect through which it came.
    pub door: Door,
    /// When it was received: the moment from which the law counts (Art. 12(3)).
    pub received_at: Timestamp,
    /// When it last changed.
    pub changed_at: Timestamp,
    /// 1 when new; rises with each change, and each change names the one before.
    pub version: u64,
    /// What was said when it was made; absent once the person is forgotten.
    pub remarks: Option<String>,
    /// What the time for it depends on, beside when it was received.
    pub clock: Clock,
    /// What is known of who makes it.
    pub identity: Identity,
    /// Files that staff attached to it.
    pub attachments: Vec<Attachment>,
    /// How a person closed it.
    pub confirmation: Option<Confirmation>,
    /// What Lethe does about it.
    pub work: Work,
    /// Mails about it.
    pub notices: Vec<Notice>,
    /// Until when it is kept as proof; set once the person is forgotten.
    pub keep_until: Option<Timestamp>,
}

/// Which scheduled worker must look at a request, or at a note about one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Attention {
    /// A purge whose time has come, until it has ended: `run-due-purges`.
    Purge,
    /// A takeout whose time is over: `expire-takeouts`.
    Expiry,
    /// Work that should have moved by then: `resume-stalled`.
    Stalled,
    /// A purge that was given up: `check-deadlines` tells people.
    Failed,
    /// A note that the request is still open although half of its time is over: the same.
    Deadline,
    /// A file that was attached and is to be looked at: `scan-attachments`.
    Scan,
}

impl Attention {
    /// All kinds.
    pub const ALL: [Self; 6] =
        [Self::Purge, Self::Expiry, Self::Stalled, Self::Failed, Self::Deadline, Self::Scan];
}

/// Why the time for a request cannot be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClockError {
    /// It needs none any more.
    #[error("the request is already closed")]
    Closed,
    /// There is at most one extension.
    #[error("the request is already extended")]
    Extended,
    /// The person would be told too late, or the law knows no extension for it.
    #[error("there is no time left in which an extension could be told")]
    TooLate,
    /// The person must be told why.
    #[error("a reason was expected")]
    NoReason,
    /// They were asked already.
    #[error("a question who the person is waits for its answer")]
    InDoubt,
    /// Nobody asked them.
    #[error("no question who the person is waits for an answer")]
    NotInDoubt,
}

/// How long a queue has to have a mail sent before it is told again.
const MAIL_PATIENCE: TimeDelta = TimeDelta::minutes(2);

impl Request {
    /// A request received now.
    pub fn new(
        id: RequestId,
        person: PersonKey,
        person_id: PersonId,
        kind: Kind,
        door: Door,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            person,
            person_id: Some(person_id),
            kind,
            door,
            received_at: now,
            changed_at: now,
            version: 1,
            remarks: None,
            clock: Clock::default(),
            identity: Identity::default(),
            attachments: Vec::new(),
            confirmation: None,
            work: Work::Manual,
            notices: Vec::new(),
            keep_until: None,
        }
    }

    /// The takeout, if Lethe builds one.
    pub fn takeout(&self) -> Option<&Takeout> {
        match &self.work {
            Work::Takeout(takeout) => Some(takeout),
            Work::Manual | Work::Purge(_) => None,
        }
    }

    /// The purge, if Lethe carries one out.
    pub fn purge(&self) -> Option<&Purge> {
        match &self.work {
            Work::Purge(purge) => Some(purge),
            Work::Manual | Work::Takeout(_) => None,
        }
    }

    /// The next version of the request, with other work.
    #[must_use]
    pub fn with_work(self, work: Work, now: Timestamp) -> Self {
        Self { work, ..self.touched(now) }
    }

    /// The next version, with one more mail to send.
    #[must_use]
    pub fn with_notice(
        mut self,
        template: Template,
        to: String,
        secret: Option<String>,
        now: Timestamp,
    ) -> Self {
        let retry_at = now + MAIL_PATIENCE;
        self.notices.push(Notice { template, to: Some(to), secret, sent_at: None, retry_at });
        self
    }

    fn touched(self, now: Timestamp) -> Self {
        Self { version: self.version + 1, changed_at: now, ..self }
    }

    /// The next version, in which the mail at `index` is sent and its address forgotten.
    #[must_use]
    pub fn notice_sent(mut self, index: usize, now: Timestamp) -> Self {
        if let Some(notice) = self.notices.get_mut(index) {
            notice.sent_at = Some(now);
            notice.to = None;
            notice.secret = None;
            if notice.template == Template::Extended {
                self.clock.tell_extension(now);
            }
        }
        Self { version: self.version + 1, ..self }
    }

    /// The next version, for which more time is taken. It is won once the person is told, by the mail
    /// [`Template::Extended`] or as staff note with [`Self::extension_told`].
    ///
    /// # Errors
    /// When it is closed or extended already, when it is too late, and without a reason.
    pub fn extended(
        self,
        law: &Law,
        ground: ExtensionGround,
        reason: &str,
        now: Timestamp,
    ) -> Result<Self, ClockError> {
        if !self.is_open() {
            return Err(ClockError::Closed);
        }
        if self.clock.extension.is_some() {
            return Err(ClockError::Extended);
        }
        if self.extended_by(law, now).is_none() {
            return Err(ClockError::TooLate);
        }
        let reason = reason.trim();
        if reason.is_empty() {
            return Err(ClockError::NoReason);
        }
        let extension = Extension { ground, reason: Some(reason.to_owned()), decided_at: now, told_at: None };
        let mut next = self.touched(now);
        next.clock.extension = Some(extension);
        Ok(next)
    }

    /// The next version, in which the person was told of the extension by other means than our mail.
    #[must_use]
    pub fn extension_told(self, now: Timestamp) -> Self {
        let mut next = self.touched(now);
        next.clock.tell_extension(now);
        next
    }

    /// The next version, in which the person was told that it was received by other means than our mail.
    #[must_use]
    pub fn acknowledged(self, now: Timestamp) -> Self {
        let mut next = self.touched(now);
        next.clock.acknowledged_at.get_or_insert(now);
        next
    }

    /// The next version, which is answered under these laws rather than under its tenant's.
    #[must_use]
    pub fn answered_under(self, regimes: Regimes, now: Timestamp) -> Self {
        let mut next = self.touched(now);
        next.clock.regimes = Some(regimes);
        next
    }

    /// The next version, in which the person was asked who they are.
    ///
    /// # Errors
    /// When it is closed, or the last question has no answer yet.
    pub fn doubted(self, now: Timestamp) -> Result<Self, ClockError> {
        if !self.is_open() {
            return Err(ClockError::Closed);
        }
        if self.clock.is_in_doubt() {
            return Err(ClockError::InDoubt);
        }
        let mut next = self.touched(now);
        next.clock.doubts.push(Doubt { asked_at: now, answered_at: None });
        Ok(next)
    }

    /// The next version, in which the person has answered who they are.
    ///
    /// # Errors
    /// When they were not asked.
    pub fn doubt_answered(self, now: Timestamp) -> Result<Self, ClockError> {
        let mut next = self.touched(now);
        let open = next.clock.doubts.last_mut().filter(|doubt| doubt.answered_at.is_none());
        let doubt = open.ok_or(ClockError::NotInDoubt)?;
        doubt.answered_at = Some(now.max(doubt.asked_at));
        Ok(next)
    }

    /// The next version, in which the mails not yet sent are due again later.
    #[must_use]
    pub fn notices_deferred(mut self, now: Timestamp) -> Self {
        for notice in self.notices.iter_mut().filter(|notice| notice.sent_at.is_none()) {
            notice.retry_at = now + TimeDelta::minutes(15);
        }
        Self { version: self.version + 1, ..self }
    }

    /// The same version without mails that were not sent: what they would say no longer holds.
    #[must_use]
    pub fn without_pending_notices(mut self) -> Self {
        self.notices.retain(|notice| notice.sent_at.is_some());
        self
    }

    /// The next version, in which a code was sent to the person, in place of any before. Who was not asked yet
    /// who they are is asked by it.
    ///
    /// # Errors
    /// When it is closed, when nobody of the staff doubts who the person is, and when too many were sent.
    pub fn code_sent(self, code: SentCode, by: Option<&str>, now: Timestamp) -> Result<Self, IdentityError> {
        let is_asked = self.clock.is_in_doubt();
        let next = match by {
            Some(_) if !is_asked => self.doubted(now).map_err(|_| IdentityError::NotInDoubt)?,
            Some(_) | None if is_asked && self.is_open() => self.touched(now),
            Some(_) | None => return Err(IdentityError::NotInDoubt),
        };
        let sent = next.identity.trail.iter().filter(|step| step.what == Fact::CodeSent).count();
        if sent >= SentCode::MOST {
            return Err(IdentityError::NoMoreCodes);
        }
        // What is still on its way says a code that no longer works.
        let mut next = next.without_pending(Template::OneTimeCode);
        next.identity.code = Some(code);
        next.identity.note(Fact::CodeSent, by, now);
        Ok(next)
    }

    /// The next version, in which somebody entered what has this digest: if it is the code, the question who the
    /// person is has its answer; if not, one try less is left.
    ///
    /// # Errors
    /// When there is no code that could be entered.
    pub fn code_tried(self, digest: [u8; 32], now: Timestamp) -> Result<Self, IdentityError> {
        let code = self.identity.code.filter(|code| code.works(now)).ok_or(IdentityError::NoCode)?;
        if code.digest == digest {
            let mut next = self.doubt_answered(now).map_err(|_| IdentityError::NotInDoubt)?;
            next.identity.code = None;
            next.identity.note(Fact::CodeEntered, None, now);
            return Ok(next);
        }
        let mut next = Self { version: self.version + 1, ..self };
        next.identity.code = Some(SentCode { misses: code.misses + 1, ..code });
        next.identity.note(Fact::CodeMissed, None, now);
        Ok(next)
    }

    /// The next version, in which staff have seen who the person is.
    ///
    /// # Errors
    /// When nobody asked them.
    pub fn seen_by_staff(self, by: &str, now: Timestamp) -> Result<Self, ClockError> {
        let mut next = self.doubt_answered(now)?;
        next.identity.code = None;
        next.identity.note(Fact::SeenByStaff, Some(by), now);
        Ok(next)
    }

    /// The next version, which says who acts for the person. Their mandate is to be accepted anew.
    ///
    /// # Errors
    /// When it is closed.
    pub fn agent_named(self, name: &str, by: &str, now: Timestamp) -> Result<Self, IdentityError> {
        if !self.is_open() {
            return Err(IdentityError::NotInDoubt);
        }
        let mut next = self.touched(now);
        next.identity.agent = Some(Agent { name: Some(name.to_owned()), is_accepted: false });
        next.identity.note(Fact::AgentNamed, Some(by), now);
        Ok(next)
    }

    /// The next version, in which staff have accepted the mandate of whoever acts for the person: it is among
    /// the files that are kept.
    ///
    /// # Errors
    /// When it is closed, nobody was named, or there is no mandate.
    pub fn mandate_accepted(self, by: &str, now: Timestamp) -> Result<Self, IdentityError> {
        let is_kept = |file: &Attachment| {
            file.purpose == Purpose::Mandate && matches!(file.state, FileState::Kept { .. })
        };
        if !self.is_open() || !self.attachments.iter().any(is_kept) {
            return Err(IdentityError::NoMandate);
        }
        let mut next = self.touched(now);
        let agent = next.identity.agent.as_mut().filter(|agent| !agent.is_accepted);
        agent.ok_or(IdentityError::NoMandate)?.is_accepted = true;
        next.identity.note(Fact::MandateAccepted, Some(by), now);
        Ok(next)
    }

    /// Whether the person must still be told that it was received, and nothing is on its way that says so.
    pub fn owes_receipt(&self, law: &Law) -> bool {
        let says_so = |notice: &Notice| matches!(notice.template, Template::Received | Template::PurgeQueued);
        self.deadlines(law).iter().any(|deadline| deadline.duty == Duty::Acknowledge)
            && !self.notices.iter().any(says_so)
    }

    /// Whether files can be attached: while it is open to the staff, and nobody is being erased by it, for then
    /// they would go at once.
    pub fn takes_attachments(&self) -> bool {
        self.confirmation.is_none()
            && self.keep_until.is_none()
            && self.purge().is_none()
            && self.attachments.len() < Attachment::MOST
    }

    /// The next version, for which a file is awaited; none if it takes no more. Whoever reads the request to
    /// close it has seen no other than before.
    #[must_use]
    pub fn awaiting(mut self, attachment: Attachment) -> Option<Self> {
        self.takes_attachments().then(|| {
            self.attachments.push(attachment);
            Self { version: self.version + 1, ..self }
        })
    }

    /// One of its files.
    pub fn attachment(&self, id: AttachmentId) -> Option<&Attachment> {
        self.attachments.iter().find(|attachment| attachment.id == id)
    }

    /// The next version, in which an awaited file has come this far; none if it is not awaited any more.
    #[must_use]
    pub fn attachment_is(mut self, id: AttachmentId, state: FileState) -> Option<Self> {
        let attachment = self.attachments.iter_mut().find(|attachment| attachment.id == id)?;
        let was_awaited = attachment.is_awaited();
        attachment.state = state;
        was_awaited.then(|| Self { version: self.version + 1, ..self })
    }

    /// The next version, without a file; none if it has no such.
    #[must_use]
    pub fn without_attachment(mut self, id: AttachmentId) -> Option<Self> {
        let before = self.attachments.len();
        self.attachments.retain(|attachment| attachment.id != id);
        (self.attachments.len() < before).then(|| Self { version: self.version + 1, ..self })
    }

    /// The same version without mails of a kind that were not sent.
    fn without_pending(mut self, template: Template) -> Self {
        self.notices.retain(|notice| notice.template != template || notice.sent_at.is_some());
        self
    }

    /// Whether a mail should have been sent by now.
    pub fn is_mail_late(&self, now: Timestamp) -> bool {
        self.pending_notices().any(|(_, notice)| notice.retry_at <= now)
    }

    /// The mails not yet sent, with their places.
    pub fn pending_notices(&self) -> impl Iterator<Item = (usize, &Notice)> {
        self.notices.iter().enumerate().filter(|(_, notice)| notice.sent_at.is_none())
    }

    /// How the request stands.
    pub fn status(&self) -> Status {
        if self.confirmation.is_some() {
            return Status::Completed;
        }
        match &self.work {
            Work::Manual if self.keep_until.is_some() => Status::Completed,
            Work::Manual => Status::Open,
            Work::Takeout(takeout) => match takeout.state {
                TakeoutState::Unconfirmed => Status::Held,
                TakeoutState::InProgress => Status::InProgress,
                TakeoutState::Ready | TakeoutState::Expired => Status::Completed,
                TakeoutState::Failed => Status::Failed,
            },
            Work::Purge(purge) => match purge.state {
                PurgeState::Queued | PurgeState::Running => Status::InProgress,
                PurgeState::Held => Status::Held,
                PurgeState::Done => Status::Completed,
                PurgeState::Failed => Status::Failed,
                PurgeState::Cancelled => Status::Cancelled,
            },
        }
    }

    /// The next version, closed by a person; none if it is closed already.
    #[must_use]
    pub fn confirmed(self, confirmation: Confirmation) -> Option<Self> {
        let now = confirmation.at;
        let is_open = self.confirmation.is_none() && self.keep_until.is_none();
        is_open.then(|| Self { confirmation: Some(confirmation), ..self.touched(now) })
    }

    /// The next version, in which nothing has changed but that the indexes know of it: no queue could
    /// be told of the first.
    #[must_use]
    pub fn noticed(self, now: Timestamp) -> Self {
        self.touched(now)
    }

    /// Whether a queue alone knows what is to be done next, because the request was only just made:
    /// whoever makes it tells the queue before they answer, so that no index need be written.
    fn is_entrusted(&self) -> bool {
        self.version == 1
    }

    /// Whether it stands in the list of all requests: a takeout from when its collecting begins.
    pub fn is_listed(&self) -> bool {
        let is_waiting = |takeout: &Takeout| takeout.state == TakeoutState::InProgress;
        !(self.is_entrusted() && self.takeout().is_some_and(is_waiting))
    }

    /// Whether somebody of the staff must do something before it can go on or be closed: confirm it, release
    /// it, or look at what was given up.
    pub fn awaits_staff(&self) -> bool {
        if self.confirmation.is_some() {
            return false;
        }
        let to_confirm =
            self.keep_until.is_none() && (self.door == Door::Trivore || self.work == Work::Manual);
        to_confirm
            || match &self.work {
                Work::Manual => false,
                Work::Takeout(takeout) => takeout.state == TakeoutState::Failed && self.keep_until.is_none(),
                Work::Purge(purge) => match purge.state {
                    PurgeState::Held => purge.mandate.waiting().is_some(),
                    PurgeState::Failed => true,
                    PurgeState::Queued | PurgeState::Running | PurgeState::Done | PurgeState::Cancelled => {
                        false
                    }
                },
            }
    }

    /// When it may be tidied away: one that nobody ever took up, long after every queue has forgotten
    /// it, and one that is kept as proof no longer.
    pub fn tidied_at(&self) -> Option<Timestamp> {
        let abandoned = (!self.is_listed()).then(|| self.received_at + TimeDelta::days(30));
        self.keep_until.or(abandoned)
    }

    /// Which worker must look at the request, and from when on.
    pub fn attention(&self) -> Option<(Attention, Timestamp)> {
        let is_being_told =
            self.pending_notices().any(|(_, notice)| notice.retry_at <= self.changed_at + MAIL_PATIENCE);
        let work = match &self.work {
            Work::Manual => None,
            Work::Takeout(takeout) => match takeout.state {
                TakeoutState::InProgress if self.is_entrusted() => None,
                TakeoutState::InProgress => Some((Attention::Stalled, takeout.retry_at)),
                TakeoutState::Unconfirmed | TakeoutState::Ready => {
                    Some((Attention::Expiry, takeout.expires_at))
                }
                TakeoutState::Expired | TakeoutState::Failed => None,
            },
            Work::Purge(purge) => match purge.state {
                // One that runs stays where it was, until the person has been told of its end: moving
                // it in the index would cost more than asking now and then whether its worker lives.
                PurgeState::Queued | PurgeState::Running => Some((Attention::Purge, purge.due)),
                PurgeState::Done if is_being_told => Some((Attention::Purge, purge.due)),
                PurgeState::Held => Some((Attention::Stalled, purge.lease_until)),
                PurgeState::Done | PurgeState::Failed | PurgeState::Cancelled => None,
            },
        };
        let mail = self
            .pending_notices()
            .filter(|_| !self.is_entrusted())
            .map(|(_, notice)| (Attention::Stalled, notice.retry_at))
            .min_by_key(|(_, at)| *at);
        // A purge that was given up waits for people, who may be told by the very mail that is due.
        let failed = || self.purge().filter(|purge| purge.state == PurgeState::Failed);
        // Files of somebody who is being erased are deleted, not looked at.
        let awaited = self.attachments.iter().filter(|file| file.is_awaited() && self.purge().is_none());
        let file = awaited.map(|file| (Attention::Scan, file.asked_at)).min_by_key(|(_, at)| *at);
        let moving = [work, mail, file].into_iter().flatten().min_by_key(|(_, at)| *at);
        moving.or_else(|| failed().map(|_| (Attention::Failed, self.changed_at)))
    }

    /// Whether it is neither answered nor called off.
    pub fn is_open(&self) -> bool {
        match self.status() {
            Status::Open | Status::InProgress | Status::Held => true,
            // What a forgotten person had ordered is over; an erasure that failed is not.
            Status::Failed => self.keep_until.is_none() || self.purge().is_some(),
            Status::Completed | Status::Cancelled => false,
        }
    }

    /// What is owed to the person under the law of its tenant, and by when.
    pub fn deadlines(&self, law: &Law) -> Vec<Deadline> {
        // Both mails say that it was received, and what becomes of it.
        let says_so = |template| matches!(template, Template::Received | Template::PurgeQueued);
        let was_told = self.notices.iter().any(|notice| notice.sent_at.is_some() && says_so(notice.template));
        let mut deadlines = law.deadlines(self.kind, self.received_at, &self.clock);
        deadlines.retain(|deadline| deadline.duty != Duty::Acknowledge || !was_told);
        deadlines
    }

    /// By when it must be answered.
    pub fn deadline(&self, law: &Law) -> Deadline {
        law.answer_by(self.kind, self.received_at, &self.clock)
    }

    /// By when it must be answered if the person is told of an extension now; nothing if that is too late.
    pub fn extended_by(&self, law: &Law, now: Timestamp) -> Option<Deadline> {
        law.extended_by(self.kind, self.received_at, &self.clock, now)
    }

    /// How far the law's time for it has run, under the strictest law, unless Lethe will answer in time by
    /// itself: it is open, and no purge is set for a time before the deadline.
    pub fn stage(&self, law: &Law, now: Timestamp) -> Option<Stage> {
        if !self.is_open() {
            return None;
        }
        let is_set =
            |purge: &Purge, end| purge.state == PurgeState::Queued && now <= purge.due && purge.due < end;
        let waits = |deadline: &Deadline| match deadline.duty {
            Duty::Acknowledge => true,
            Duty::Answer => !self.purge().is_some_and(|purge| is_set(purge, deadline.ends_at)),
        };
        let deadlines = self.deadlines(law).into_iter();
        deadlines.filter(waits).filter_map(|deadline| deadline.stage(now)).max()
    }

    /// What is kept of the request once the person is erased: that it was made, when, and what
    /// became of it; nothing that tells who the person is.
    #[must_use]
    pub fn forgotten(self, keep_until: Timestamp, now: Timestamp) -> Self {
        let work = match self.work {
            Work::Manual => Work::Manual,
            Work::Takeout(takeout) => Work::Takeout(Takeout {
                state: match takeout.state {
                    TakeoutState::Ready | TakeoutState::Expired => TakeoutState::Expired,
                    TakeoutState::Unconfirmed | TakeoutState::InProgress | TakeoutState::Failed => {
                        TakeoutState::Failed
                    }
                },
                ..takeout.without_secrets()
            }),
            Work::Purge(purge) => Work::Purge(purge),
        };
        let confirmation = self.confirmation.map(|confirmation| Confirmation {
            remarks: None,
            comment: None,
            ..confirmation
        });
        let extension = self.clock.extension.map(|extension| Extension { reason: None, ..extension });
        let clock = Clock { extension, ..self.clock };
        Self {
            version: self.version + 1,
            changed_at: if self.keep_until.is_some() { self.changed_at } else { now },
            person_id: None,
            remarks: None,
            clock,
            identity: self.identity.forgotten(),
            attachments: Vec::new(),
            confirmation,
            work,
            keep_until: Some(self.keep_until.unwrap_or(keep_until)),
            notices: self.notices.into_iter().filter(|notice| notice.sent_at.is_some()).collect(),
            ..self
        }
    }

    /// Whether the request may still be shown: proof has an end too.
    pub fn is_kept(&self, now: Timestamp) -> bool {
        self.keep_until.is_none_or(|end| now < end)
    }

    /// Whether another erasure may take the place of this one: it has ended, or it has failed to
    /// forget somebody who has come back since.
    pub fn makes_way(&self) -> bool {
        self.purge().is_none_or(|purge| match purge.state {
            PurgeState::Done | PurgeState::Cancelled => true,
            PurgeState::Failed => self.keep_until.is_some(),
            PurgeState::Queued | PurgeState::Held | PurgeState::Running => false,
        })
    }

    /// The outcome of a purge, by store.
    pub fn outcomes(&self) -> &[StoreOutcome] {
        self.purge().map_or(&[], |purge| &purge.outcomes)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{deadline::Regime, takeout::Delivery, tenant::Tenant};

    fn now() -> Timestamp {
        "2026-01-31T12:00:00Z".parse().unwrap()
    }

    fn request(kind: Kind) -> Request {
        let id = "c0daf39b-4df5-4241-9e7d-b1b85f829090".parse().unwrap();
        Request::new(id, PersonKey([1; 10]), "alice".parse().unwrap(), kind, Door::Pace, now())
    }

    fn tenant() -> Tenant {
        Tenant::new("af5fbd30-7ce7-4548-8b30-4cd59cb2aba1".parse().unwrap())
    }

    #[test]
    fn a_pending_mail_asks_for_attention_before_the_expiry_does() {
        let takeout = Takeout::order(
            "secret".into(),
            Delivery::DownloadOnly,
            [0; 32],
            crate::takeout::Form::default(),
            &tenant(),
            now(),
        );
        let archive = crate::takeout::Archive { key: "k".into(), size: 1, sha256: String::new(), records: 0 };
        let ready = request(Kind::Access)
            .with_work(Work::Takeout(takeout.finish(archive, [0; 32]).unwrap()), now())
            .with_notice(Template::TakeoutReady, "a@example.com".into(), None, now());

        assert_eq!(ready.attention(), Some((Attention::Stalled, now() + TimeDelta::minutes(2))));
        let sent = ready.notice_sent(0, now());
        assert_eq!(sent.attention(), Some((Attention::Expiry, now() + TimeDelta::days(13))));
        assert_eq!(sent.notices[0].to, None);
    }

    #[test]
    fn a_purge_that_was_given_up_shows_once_its_mails_are_sent() {
        // The first version of a request is in no index for its mails.
        let mut given_up = request(Kind::Erasure).noticed(now());
        let purge = Purge::queue(None, &tenant(), now());
        given_up.work = Work::Purge(Purge { state: PurgeState::Failed, ..purge });
        let told = given_up.clone().with_notice(Template::PurgeQueued, "a@example.com".into(), None, now());

        assert_eq!(given_up.attention(), Some((Attention::Failed, now())));
        assert_eq!(told.attention(), Some((Attention::Stalled, now() + TimeDelta::minutes(2))));
        assert_eq!(told.notice_sent(0, now()).attention(), Some((Attention::Failed, now())));
    }

    #[test]
    fn a_purge_set_before_the_deadline_keeps_nobody_waiting() {
        let purge_in = |days| {
            let mut request = request(Kind::Erasure);
            request.work = Work::Purge(Purge::queue(Some(now() + TimeDelta::days(days)), &tenant(), now()));
            request
        };
        let later = |days| now() + TimeDelta::days(days);

        // Received on the last of January: due with the last of February, which is a Saturday.
        let law = Law::default();
        assert_eq!(purge_in(30).stage(&law, later(20)), None);
        assert_eq!(purge_in(31).stage(&law, later(20)), Some(Stage::Half));
        assert_eq!(purge_in(30).stage(&law, later(31)), Some(Stage::Breached), "it should have begun");
        assert_eq!(request(Kind::Correction).stage(&law, later(29)), Some(Stage::Near));
        assert_eq!(request(Kind::Correction).forgotten(now(), now()).stage(&law, later(31)), None);
    }

    #[test]
    fn a_purge_that_is_set_is_still_to_be_acknowledged_where_the_law_says_so() {
        let law = Law { regimes: Regime::Ccpa.into(), country: None };
        let mut request = request(Kind::Erasure);
        request.work = Work::Purge(Purge::queue(Some(now() + TimeDelta::days(40)), &tenant(), now()));
        let told = request.clone().with_notice(Template::PurgeQueued, "a@example.com".into(), None, now());
        let later = now() + TimeDelta::days(20);

        assert_eq!(request.stage(&law, later), Some(Stage::Breached));
        assert_eq!(told.stage(&law, later), Some(Stage::Breached), "the mail is not sent yet");
        assert_eq!(told.notice_sent(0, now()).stage(&law, later), None);
        assert_eq!(request.clone().acknowledged(now()).stage(&law, later), None);
        assert_eq!(request.answered_under(Regime::Gdpr.into(), now()).stage(&law, later), Some(Stage::Half));
    }

    #[test]
    fn an_extension_holds_once_the_person_is_told_of_it() {
        let law = Law::default();
        let day = |text: &str| text.parse::<chrono::NaiveDate>().unwrap();
        let extended = request(Kind::Access)
            .extended(&law, ExtensionGround::Complexity, " Four archives. ", now())
            .unwrap()
            .with_notice(Template::Extended, "a@example.com".into(), None, now());

        assert_eq!(extended.clock.extension.as_ref().unwrap().reason.as_deref(), Some("Four archives."));
        assert_eq!(extended.deadline(&law).last_day, day("2026-03-02"));
        let in_time = extended.clone().notice_sent(0, "2026-03-02T23:59:59Z".parse().unwrap());
        assert_eq!(in_time.deadline(&law).last_day, day("2026-04-30"));
        let late = extended.clone().notice_sent(0, "2026-03-03T00:00:00Z".parse().unwrap());
        assert_eq!(late.deadline(&law).last_day, day("2026-03-02"));
        assert_eq!(extended.clone().extension_told(now()).deadline(&law).last_day, day("2026-04-30"));
        assert_eq!(extended.forgotten(now(), now()).clock.extension.unwrap().reason, None);
    }

    #[test]
    fn an_extension_is_one_and_has_its_reason_and_time() {
        let law = Law::default();
        let extend = |request: Request, reason, now| {
            request.extended(&law, ExtensionGround::Number, reason, now).map(|_| ())
        };
        let open = request(Kind::Access);
        let extended = open.clone().extended(&law, ExtensionGround::Number, "Many.", now()).unwrap();
        let closed = open.clone().forgotten(now(), now());

        assert_eq!(extend(open.clone(), "Many.", now()), Ok(()));
        assert_eq!(extend(open.clone(), " \n", now()), Err(ClockError::NoReason));
        assert_eq!(extend(extended, "Many.", now()), Err(ClockError::Extended));
        assert_eq!(extend(closed, "Many.", now()), Err(ClockError::Closed));
        let limit = Request { kind: Kind::Restriction, ..open.clone() };
        let ccpa = Law { regimes: Regime::Ccpa.into(), country: None };
        assert_eq!(limit.extended(&ccpa, ExtensionGround::Number, "Many.", now()), Err(ClockError::TooLate));
        let end = open.deadline(&law).ends_at;
        assert_eq!(extend(open.clone(), "Many.", end - TimeDelta::seconds(1)), Ok(()));
        assert_eq!(extend(open, "Many.", end), Err(ClockError::TooLate));
    }

    #[test]
    fn one_question_follows_the_answer_to_the_other() {
        let asked = request(Kind::Access).doubted(now()).unwrap();
        let later = now() + TimeDelta::days(3);

        assert!(asked.deadline(&Law::default()).is_stopped());
        assert_eq!(asked.clone().doubted(later), Err(ClockError::InDoubt));
        let answered = asked.doubt_answered(later).unwrap();
        assert_eq!(answered.clone().doubt_answered(later), Err(ClockError::NotInDoubt));
        assert_eq!(answered.doubted(later).unwrap().clock.doubts.len(), 2);
    }

    #[test]
    fn a_code_answers_who_the_person_is_once_in_time_and_after_few_tries() {
        let (right, wrong) = ([1; 32], [2; 32]);
        let code = SentCode { digest: right, sent_at: now(), misses: 0 };
        let law = Law::default();
        let unasked = request(Kind::Access);
        assert_eq!(unasked.clone().code_sent(code, None, now()), Err(IdentityError::NotInDoubt));
        let asked = unasked.code_sent(code, Some("Dana"), now()).unwrap();
        assert!(asked.deadline(&law).is_stopped());

        let later = now() + TimeDelta::minutes(14);
        let missed = asked.clone().code_tried(wrong, later).unwrap();
        assert!(missed.clock.is_in_doubt());
        let proved = missed.code_tried(right, later).unwrap();
        assert!(!proved.clock.is_in_doubt());
        assert_eq!(proved.clone().code_tried(right, later), Err(IdentityError::NoCode), "it works once");
        let told: Vec<Fact> = proved.identity.trail.iter().map(|step| step.what).collect();
        assert_eq!(told, [Fact::CodeSent, Fact::CodeMissed, Fact::CodeEntered]);

        let late = now() + SentCode::LIFE;
        assert_eq!(asked.clone().code_tried(right, late), Err(IdentityError::NoCode));
        let mut guessed = asked.clone();
        for _ in 0..SentCode::MISSES {
            guessed = guessed.code_tried(wrong, later).unwrap();
        }
        assert_eq!(guessed.clone().code_tried(right, later), Err(IdentityError::NoCode));
        // Another one works again, but not without end.
        let mut again = guessed.code_sent(code, None, now()).unwrap();
        assert!(again.clone().code_tried(right, later).is_ok());
        for _ in 2..SentCode::MOST {
            again = again.code_sent(code, None, now()).unwrap();
        }
        assert_eq!(again.code_sent(code, None, now()), Err(IdentityError::NoMoreCodes));
    }

    #[test]
    fn a_mandate_is_accepted_for_whom_was_named_and_if_there_is_one() {
        let named = request(Kind::Access).agent_named("Bo Berg", "Dana", now()).unwrap();
        assert_eq!(named.clone().mandate_accepted("Dana", now()), Err(IdentityError::NoMandate));
        let file = Attachment {
            id: AttachmentId(uuid::Uuid::nil()),
            purpose: Purpose::Mandate,
            label: None,
            by: "Dana".into(),
            asked_at: now(),
            state: FileState::Kept { kind: crate::attachment::FileKind::Pdf, size: 1 },
        };
        let mut with_file = named;
        with_file.attachments.push(file);

        let accepted = with_file.mandate_accepted("Dana", now()).unwrap();
        assert!(accepted.identity.agent.as_ref().unwrap().is_accepted);
        assert!(accepted.clone().mandate_accepted("Dana", now()).is_err());
        let other = accepted.clone().agent_named("Cy", "Dana", now()).unwrap();
        assert!(!other.identity.agent.unwrap().is_accepted);
        let kept = accepted.forgotten(now(), now());
        assert_eq!(kept.identity.agent, Some(Agent { name: None, is_accepted: true }));
        assert_eq!((kept.identity.trail.len(), kept.attachments.len()), (2, 0));
    }

    #[test]
    fn what_is_kept_tells_nothing_of_the_person() {
        let mut open = request(Kind::Correction);
        open.remarks = Some("call me at 555".into());

        let kept = open.forgotten(now() + TimeDelta::days(3), now());

        assert_eq!((&kept.remarks, &kept.person_id), (&None, &None));
        assert_eq!(kept.status(), Status::Completed);
        assert!(!kept.is_kept(now() + TimeDelta::days(3)));
    }

    #[test]
    fn forgetting_twice_changes_nothing_but_the_version() {
        let once = request(Kind::Correction).forgotten(now(), now());
        let twice = once.clone().forgotten(now() + TimeDelta::days(9), now() + TimeDelta::days(1));

        assert_eq!(Request { version: once.version, ..twice }, once);
    }
}
