//! A takeout: the copy of a person's data that answers an access request (GDPR Art. 15(3), 20).

use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Timestamp, locale::Locale, tenant::Tenant};

/// How far a takeout has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TakeoutState {
    /// Ordered to an address that is not the verified one; waits for a click there.
    Unconfirmed,
    /// Being collected.
    InProgress,
    /// Whole, and to be downloaded until it expires.
    Ready,
    /// Its time is over and the archive is gone.
    Expired,
    /// Given up after many attempts, or never confirmed.
    Failed,
}

/// What a takeout shall be like, beside its contents.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Form {
    /// The format of the whole.
    pub format: Format,
    /// Whether records are there as CSV as well.
    pub csv: bool,
    /// The language of the page for people.
    pub locale: Locale,
}

/// How a takeout is packed and locked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// A ZIP whose entries are encrypted (WinZip AE-2).
    #[default]
    Zip,
    /// A plain ZIP within an age file, which the password opens.
    Age,
    /// The same, opened by the key that belongs to this one.
    AgeFor(String),
}

impl Format {
    /// What names of such files end in.
    pub fn extension(&self) -> &'static str {
        match self {
            Self::Zip => "zip",
            Self::Age | Self::AgeFor(_) => "zip.age",
        }
    }
}

/// How far the work has got. Noted every minute or so, and so nowhere for what takes less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Records so far.
    pub records: u64,
    /// Bytes of records and attachments so far.
    pub bytes: u64,
    /// How many attempts it took to get this far: only those that get nowhere are counted against it.
    pub attempts: u32,
}

/// A finished archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archive {
    /// Where the object lies in the takeout bucket. Says nothing of the person.
    pub key: String,
    /// In bytes.
    pub size: u64,
    /// Of the whole archive, in hexadecimal.
    pub sha256: String,
    /// How many records it holds.
    pub records: u64,
}

/// A takeout on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Takeout {
    /// How far it has got.
    pub state: TakeoutState,
    /// Until when it can be downloaded.
    pub expires_at: Timestamp,
    /// Where the notice of the finished archive goes, if anywhere.
    pub deliver_to: Option<String>,
    /// The password, until the archive is whole.
    pub password: Option<String>,
    /// The digest of the confirmation token, while unconfirmed.
    pub confirmation: Option<[u8; 32]>,
    /// What it shall be like.
    pub form: Form,
    /// How far the work has got, if that was noted.
    pub progress: Option<Progress>,
    /// What the archive's writer needs to go on from there; as secret as the password.
    pub checkpoint: Option<String>,
    /// The archive, while it can be downloaded.
    pub archive: Option<Archive>,
    /// The digest of the token in the mail, with which the person fetches or revokes the archive.
    pub link: Option<[u8; 32]>,
    /// How often it was given out.
    pub downloads: u32,
    /// How often the work was begun.
    pub attempts: u32,
    /// When to look again if nothing has moved.
    pub retry_at: Timestamp,
}

/// Where a takeout may be delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// To the address asked for.
    To(String),
    /// To the address asked for, once confirmed at the verified one.
    AfterConfirmation(String),
    /// By download alone: nobody has verified an address to which it could be sent.
    DownloadOnly,
}

impl Delivery {
    /// Decides where a takeout asked for at `sent_to` goes. Data never goes to a stranger's
    /// address on the word of the order alone (Art. 12(6)).
    pub fn decide(sent_to: &str, verified: Option<&str>, registered: Option<&str>) -> Self {
        let same = |address: &str| address.eq_ignore_ascii_case(sent_to);
        match (verified, registered) {
            (Some(address), _) if same(address) => Self::To(sent_to.to_owned()),
            (Some(_), _) => Self::AfterConfirmation(sent_to.to_owned()),
            (None, Some(address)) if same(address) => Self::To(sent_to.to_owned()),
            (None, _) => Self::DownloadOnly,
        }
    }
}

/// Why a takeout cannot take a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TakeoutError {
    /// The step does not follow from the state.
    #[error("a takeout that is {state:?} cannot take this step")]
    WrongState {
        /// Where it stands.
        state: TakeoutState,
    },
    /// Another worker is at it.
    #[error("another worker has the takeout until {until}")]
    Leased {
        /// Until when.
        until: Timestamp,
    },
    /// It was begun as often as it may be, and the last worker fell silent: it is to be given up.
    #[error("the takeout was tried too often")]
    Exhausted,
}

impl Takeout {
    /// How often a takeout is tried before a person must look at it.
    pub const MAX_ATTEMPTS: u32 = 8;
    /// How long a worker may be silent before another takes over.
    pub const PATIENCE: TimeDelta = TimeDelta::minutes(16);

    /// How long it takes until another may be ordered, if as many as may be, `most`, were within 24 hours.
    pub fn until_next(
        ordered: impl Iterator<Item = Timestamp>,
        most: usize,
        now: Timestamp,
    ) -> Option<TimeDelta> {
        let mut leaves: Vec<_> = ordered
            .map(|at| at + TimeDelta::days(1) - now)
            .filter(|left| *left > TimeDelta::zero())
            .collect();
        leaves.sort_unstable();
        let place = leaves.len().checked_sub(most)?;
        leaves.get(place).copied()
    }

    /// A takeout ordered now. `confirmation` is the digest of the token that is mailed when the
    /// delivery must be confirmed.
    pub fn order(
        password: String,
        delivery: Delivery,
        confirmation: [u8; 32],
        form: Form,
        tenant: &Tenant,
        now: Timestamp,
    ) -> Self {
        let (state, deliver_to, confirmation) = match delivery {
            Delivery::To(address) => (TakeoutState::InProgress, Some(address), None),
            Delivery::AfterConfirmation(address) => {
                (TakeoutState::Unconfirmed, Some(address), Some(confirmation))
            }
            Delivery::DownloadOnly => (TakeoutState::InProgress, None, None),
        };
        let expires_at = now + tenant.takeout_life();
        let retry_at = match state {
            TakeoutState::Unconfirmed => expires_at,
            TakeoutState::InProgress | TakeoutState::Ready | TakeoutState::Expired | TakeoutState::Failed => {
                now + TimeDelta::minutes(2)
            }
        };
        Self {
            state,
            expires_at,
            deliver_to,
            password: Some(password),
            confirmation,
            form,
            progress: None,
            checkpoint: None,
            archive: None,
            link: None,
            downloads: 0,
            attempts: 0,
            retry_at,
        }
    }

    /// The person agreed to the delivery at their verified address.
    ///
    /// # Errors
    /// Unless it waited for that.
    pub fn confirm(self, now: Timestamp) -> Result<Self, TakeoutError> {
        match self.state {
            TakeoutState::Unconfirmed if now < self.expires_at => Ok(Self {
                state: TakeoutState::InProgress,
                confirmation: None,
                retry_at: now + TimeDelta::minutes(2),
                ..self
            }),
            state => Err(TakeoutError::WrongState { state }),
        }
    }

    /// A worker begins, or begins again, to collect.
    ///
    /// # Errors
    /// Unless it is in progress and no other worker is at it.
    pub fn begin(self, now: Timestamp) -> Result<Self, TakeoutError> {
        match self.state {
            TakeoutState::InProgress if self.attempts > 0 && now < self.retry_at => {
                Err(TakeoutError::Leased { until: self.retry_at })
            }
            TakeoutState::InProgress if self.vain_attempts() > Self::MAX_ATTEMPTS => {
                Err(TakeoutError::Exhausted)
            }
            TakeoutState::InProgress => {
                Ok(Self { attempts: self.attempts + 1, retry_at: now + Self::PATIENCE, ..self })
            }
            state => Err(TakeoutError::WrongState { state }),
        }
    }

    /// How often it was tried since it last got further.
    fn vain_attempts(&self) -> u32 {
        self.attempts - self.progress.map_or(0, |progress| progress.attempts.min(self.attempts))
    }

    /// The worker has got so far, and `checkpoint` tells how to go on from there. It may be silent for a
    /// while again.
    ///
    /// # Errors
    /// Unless it is in progress.
    pub fn note(
        self,
        records: u64,
        bytes: u64,
        checkpoint: Option<String>,
        now: Timestamp,
    ) -> Result<Self, TakeoutError> {
        match self.state {
            TakeoutState::InProgress => {
                let is_further = self.progress.is_none_or(|before| before.bytes < bytes);
                let attempts = match self.progress {
                    Some(before) if !is_further => before.attempts,
                    Some(_) | None => self.attempts,
                };
                let progress = Some(Progress { records, bytes, attempts });
                Ok(Self { progress, checkpoint, retry_at: now + Self::PATIENCE, ..self })
            }
            state => Err(TakeoutError::WrongState { state }),
        }
    }

    /// Nobody can go on from where it stood: the next attempt begins anew.
    #[must_use]
    pub fn restarted(self) -> Self {
        Self { progress: None, checkpoint: None, ..self }
    }

    /// The archive is whole, and whoever has the token of this digest may fetch it. The password is
    /// destroyed with this step.
    ///
    /// # Errors
    /// Unless it is in progress.
    pub fn finish(self, archive: Archive, link: [u8; 32]) -> Result<Self, TakeoutError> {
        match self.state {
            TakeoutState::InProgress => Ok(Self {
                state: TakeoutState::Ready,
                password: None,
                checkpoint: None,
                archive: Some(archive),
                link: Some(link),
                ..self
            }),
            state => Err(TakeoutError::WrongState { state }),
        }
    }

    /// An attempt failed. The next is due later each time; after the last the takeout has failed.
    ///
    /// # Errors
    /// Unless it is in progress.
    pub fn fail(self, now: Timestamp) -> Result<Self, TakeoutError> {
        match self.state {
            TakeoutState::InProgress if self.vain_attempts() >= Self::MAX_ATTEMPTS => {
                Ok(Self { state: TakeoutState::Failed, password: None, checkpoint: None, ..self })
            }
            TakeoutState::InProgress => {
                let retry_at = now + TimeDelta::minutes(1 << self.vain_attempts().min(8));
                Ok(Self { retry_at, ..self })
            }
            state => Err(TakeoutError::WrongState { state }),
        }
    }

    /// Its worker is known to be dead, so that another may begin at once.
    ///
    /// # Errors
    /// Unless it is in progress.
    pub fn release(self, now: Timestamp) -> Result<Self, TakeoutError> {
        match self.state {
            TakeoutState::InProgress => Ok(Self { retry_at: now, ..self }),
            state => Err(TakeoutError::WrongState { state }),
        }
    }

    /// Its time is over.
    ///
    /// # Errors
    /// Before that time, or if it is over already.
    pub fn expire(self, now: Timestamp) -> Result<Self, TakeoutError> {
        match self.state {
            TakeoutState::Ready if self.expires_at <= now => Ok(self.end(TakeoutState::Expired)),
            TakeoutState::Unconfirmed if self.expires_at <= now => Ok(self.end(TakeoutState::Failed)),
            state => Err(TakeoutError::WrongState { state }),
        }
    }

    /// The person wants it gone.
    ///
    /// # Errors
    /// Unless it can be downloaded.
    pub fn revoke(self, now: Timestamp) -> Result<Self, TakeoutError> {
        match self.state {
            TakeoutState::Ready if now < self.expires_at => {
                Ok(Self { expires_at: now, ..self }.end(TakeoutState::Expired))
            }
            state => Err(TakeoutError::WrongState { state }),
        }
    }

    /// It is given out once more.
    #[must_use]
    pub fn given_out(self) -> Self {
        Self { downloads: self.downloads.saturating_add(1), ..self }
    }

    fn end(self, state: TakeoutState) -> Self {
        Self { state, ..self }.without_secrets()
    }

    /// What is left of it when nobody can fetch it any more: what it was, and what became of it.
    #[must_use]
    pub fn without_secrets(self) -> Self {
        Self {
            deliver_to: None,
            password: None,
            confirmation: None,
            form: Form::default(),
            checkpoint: None,
            archive: None,
            link: None,
            ..self
        }
    }

    /// The archive, if it may be given out at `now`. Decided by the clock, never by whether the
    /// object still lies in the bucket.
    pub fn download(&self, now: Timestamp) -> Option<&Archive> {
        match self.state {
            TakeoutState::Ready if now < self.expires_at => self.archive.as_ref(),
            TakeoutState::Unconfirmed
            | TakeoutState::InProgress
            | TakeoutState::Ready
            | TakeoutState::Expired
            | TakeoutState::Failed => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn now() -> Timestamp {
        "2023-08-01T14:27:08Z".parse().unwrap()
    }

    fn ordered(delivery: Delivery) -> Takeout {
        let tenant = Tenant::new("af5fbd30-7ce7-4548-8b30-4cd59cb2aba1".parse().unwrap());
        Takeout::order("correct horse".into(), delivery, [1; 32], Form::default(), &tenant, now())
    }

    fn archive() -> Archive {
        Archive { key: "k".into(), size: 1, sha256: String::new(), records: 0 }
    }

    #[test]
    fn a_takeout_lives_thirteen_days() {
        let takeout = ordered(Delivery::To("a@example.com".into()));

        assert_eq!(takeout.expires_at.to_rfc3339(), "2023-08-14T14:27:08+00:00");
    }

    #[test]
    fn data_goes_to_no_stranger() {
        let to = |address: &str| Delivery::To(address.to_owned());
        assert_eq!(Delivery::decide("A@example.com", Some("a@example.com"), None), to("A@example.com"));
        assert_eq!(Delivery::decide("a@example.com", None, Some("a@example.com")), to("a@example.com"));
        assert_eq!(Delivery::decide("b@example.com", None, Some("a@example.com")), Delivery::DownloadOnly);
        assert_eq!(Delivery::decide("b@example.com", None, None), Delivery::DownloadOnly);
        assert_eq!(
            Delivery::decide("b@example.com", Some("a@example.com"), Some("a@example.com")),
            Delivery::AfterConfirmation("b@example.com".into())
        );
    }

    #[test]
    fn another_may_be_ordered_when_one_of_the_last_is_a_day_old() {
        let wait = |hours_ago: &[i64], most| {
            let ordered = hours_ago.iter().map(|hours| now() - TimeDelta::hours(*hours));
            Takeout::until_next(ordered, most, now()).map(|wait| wait.num_hours())
        };

        assert_eq!(wait(&[], 1), None);
        assert_eq!(wait(&[1, 2], 3), None);
        assert_eq!(wait(&[1, 2, 23], 3), Some(1));
        assert_eq!(wait(&[1, 2, 24], 3), None);
        assert_eq!(wait(&[23, 1, 2, 0], 3), Some(22));
    }

    #[test]
    fn the_password_dies_with_the_work() {
        let ready = ordered(Delivery::DownloadOnly).begin(now()).unwrap().finish(archive(), [2; 32]).unwrap();
        let mut failing = ordered(Delivery::DownloadOnly);
        while failing.state == TakeoutState::InProgress {
            let then = failing.retry_at;
            failing = failing.begin(then).unwrap().fail(then).unwrap();
        }

        assert_eq!(ready.password, None);
        assert_eq!((failing.state, failing.password), (TakeoutState::Failed, None));
    }

    #[test]
    fn only_attempts_that_get_nowhere_count() {
        let mut long = ordered(Delivery::DownloadOnly);
        for step in 0..50 {
            let then = long.retry_at;
            long = long.begin(then).unwrap().note(step, step, Some(String::new()), then).unwrap();
            long = long.release(then).unwrap();
        }
        assert_eq!(long.progress, Some(Progress { records: 49, bytes: 49, attempts: 50 }));

        let mut runs = 0;
        while long.state == TakeoutState::InProgress {
            let then = long.retry_at;
            long = long.begin(then).unwrap().note(49, 49, None, then).unwrap().fail(then).unwrap();
            runs += 1;
        }
        assert_eq!(runs, Takeout::MAX_ATTEMPTS);
    }

    #[test]
    fn what_is_revoked_is_given_out_no_more() {
        let ready = ordered(Delivery::DownloadOnly).begin(now()).unwrap().finish(archive(), [2; 32]).unwrap();

        let revoked = ready.revoke(now()).unwrap();

        assert_eq!((revoked.state, revoked.expires_at), (TakeoutState::Expired, now()));
        assert!(revoked.download(now()).is_none() && revoked.link.is_none());
        assert!(revoked.revoke(now()).is_err());
    }

    #[test]
    fn an_unconfirmed_takeout_collects_nothing() {
        let waiting = ordered(Delivery::AfterConfirmation("b@example.com".into()));

        assert!(waiting.clone().begin(now()).is_err());
        assert!(waiting.clone().confirm(waiting.expires_at).is_err());
        assert_eq!(waiting.confirm(now()).unwrap().state, TakeoutState::InProgress);
    }

    #[test]
    fn nothing_is_given_out_after_its_time() {
        let ready = ordered(Delivery::DownloadOnly).begin(now()).unwrap().finish(archive(), [2; 32]).unwrap();
        let end = ready.expires_at;

        assert!(ready.download(end - TimeDelta::seconds(1)).is_some());
        assert!(ready.download(end).is_none());
        assert!(ready.clone().expire(end - TimeDelta::seconds(1)).is_err());
        assert_eq!(ready.expire(end).unwrap().archive, None);
    }
}
