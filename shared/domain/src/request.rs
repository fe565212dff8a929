//! A request of a person: one record, whatever door it came through (design: one ledger).

use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    PersonId, PersonKey, RequestId, Timestamp,
    deadline::{Deadline, Stage},
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

/// How a person closed a request in the console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmation {
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Template {
    /// The takeout can be downloaded.
    TakeoutReady,
    /// The takeout is to go to another address; please confirm.
    ConfirmAddress,
    /// The takeout could not be built.
    TakeoutFailed,
    /// The purge is queued for a time.
    PurgeQueued,
    /// Everything is erased.
    PurgeDone,
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
}

impl Attention {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::Purge, Self::Expiry, Self::Stalled, Self::Failed, Self::Deadline];
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
        }
        Self { version: self.version + 1, ..self }
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
        let moving = [work, mail].into_iter().flatten().min_by_key(|(_, at)| *at);
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

    /// How far the law's time for it has run, unless Lethe will answer in time by itself: it is open, and
    /// no purge is set for a time before the deadline.
    pub fn stage(&self, now: Timestamp) -> Option<Stage> {
        let deadline = Deadline::of(self.received_at);
        let is_set = |purge: &Purge| {
            purge.state == PurgeState::Queued && now <= purge.due && purge.due < deadline.ends_at()
        };
        let waits = self.is_open() && !self.purge().is_some_and(is_set);
        deadline.stage(now).filter(|_| waits)
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
        Self {
            version: self.version + 1,
            changed_at: if self.keep_until.is_some() { self.changed_at } else { now },
            person_id: None,
            remarks: None,
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
    use crate::{takeout::Delivery, tenant::Tenant};

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

        // Received on the last of January: due with the last of February.
        assert_eq!(purge_in(28).stage(later(20)), None);
        assert_eq!(purge_in(29).stage(later(20)), Some(Stage::Half));
        assert_eq!(purge_in(28).stage(later(29)), Some(Stage::Breached), "it should have begun");
        assert_eq!(request(Kind::Correction).stage(later(28)), Some(Stage::Near));
        assert_eq!(request(Kind::Correction).forgotten(now(), now()).stage(later(29)), None);
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
