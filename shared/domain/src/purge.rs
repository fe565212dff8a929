//! A purge: the erasure that answers an erasure request (GDPR Art. 17).

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::{Timestamp, tenant::Tenant};

/// How far a purge has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PurgeState {
    /// Waits for its time.
    Queued,
    /// Waits because something forbids it.
    Held,
    /// Being carried out; can no longer be cancelled.
    Running,
    /// Everything erased and verified.
    Done,
    /// Given up after many attempts; a person must look at it.
    Failed,
    /// Called off before it began.
    Cancelled,
}

/// What became of one collection of one store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreOutcome {
    /// The data set in the data map.
    pub dataset: String,
    /// The collection in it.
    pub collection: String,
    /// Rows found in all attempts.
    pub found: u64,
    /// Rows erased in all attempts.
    pub erased: u64,
    /// Rows kept on purpose.
    pub kept: u64,
    /// Rows still there at the last reading; unknown if the store could not be read.
    pub after: Option<u64>,
    /// Why it is not finished, without any personal data.
    pub error: Option<String>,
}

/// A purge on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purge {
    /// How far it has got.
    pub state: PurgeState,
    /// Not started before this moment.
    pub due: Timestamp,
    /// Outcome by store and collection, as far as known.
    pub outcomes: Vec<StoreOutcome>,
    /// How often the work was begun.
    pub attempts: u32,
    /// While running: when another worker may take over.
    pub lease_until: Timestamp,
}

/// Why a purge was refused a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PurgeError {
    /// It is not yet time.
    #[error("the purge is not due before {due}")]
    NotDue {
        /// When it is.
        due: Timestamp,
    },
    /// It has begun, so it can be neither moved nor called off.
    #[error("the purge has already begun")]
    Begun,
    /// Another worker is at it.
    #[error("another worker has the purge until {until}")]
    Leased {
        /// Until when.
        until: Timestamp,
    },
    /// The step does not follow from the state.
    #[error("a purge that is {state:?} cannot take this step")]
    WrongState {
        /// Where it stands.
        state: PurgeState,
    },
}

impl Purge {
    /// How often a purge is tried before a person must look at it.
    pub const MAX_ATTEMPTS: u32 = 12;
    /// How long a worker may be silent before another takes over.
    pub const LEASE: TimeDelta = TimeDelta::minutes(16);

    /// A purge at the time suggested: neither in the past nor beyond the tenant's window, and
    /// after the grace period if no time is suggested.
    pub fn queue(suggested: Option<Timestamp>, tenant: &Tenant, now: Timestamp) -> Self {
        let due = Self::due(suggested, tenant, now);
        Self { state: PurgeState::Queued, due, outcomes: Vec::new(), attempts: 0, lease_until: due }
    }

    fn due(suggested: Option<Timestamp>, tenant: &Tenant, now: Timestamp) -> Timestamp {
        suggested.unwrap_or(now + tenant.grace()).clamp(now, now + tenant.max_delay())
    }

    /// The same purge at another time. A failed one may be queued anew.
    ///
    /// # Errors
    /// Once it has begun or ended.
    pub fn reschedule(
        self,
        suggested: Option<Timestamp>,
        tenant: &Tenant,
        now: Timestamp,
    ) -> Result<Self, PurgeError> {
        let due = Self::due(suggested, tenant, now);
        match self.state {
            PurgeState::Queued | PurgeState::Held => Ok(Self { due, ..self }),
            PurgeState::Failed => Ok(Self { state: PurgeState::Queued, due, attempts: 0, ..self }),
            PurgeState::Running => Err(PurgeError::Begun),
            state @ (PurgeState::Done | PurgeState::Cancelled) => Err(PurgeError::WrongState { state }),
        }
    }

    /// Calls it off.
    ///
    /// # Errors
    /// Once it has begun.
    pub fn cancel(self) -> Result<Self, PurgeError> {
        match self.state {
            PurgeState::Queued | PurgeState::Held | PurgeState::Cancelled => {
                Ok(Self { state: PurgeState::Cancelled, ..self })
            }
            PurgeState::Running | PurgeState::Failed | PurgeState::Done => Err(PurgeError::Begun),
        }
    }

    /// A worker claims it: a queued one that is due, or a running one whose worker fell silent.
    ///
    /// # Errors
    /// See [`PurgeError`]. Whoever gets an error has nothing to do.
    pub fn claim(self, now: Timestamp) -> Result<Self, PurgeError> {
        match self.state {
            PurgeState::Queued if now < self.due => Err(PurgeError::NotDue { due: self.due }),
            PurgeState::Running if now < self.lease_until => {
                Err(PurgeError::Leased { until: self.lease_until })
            }
            PurgeState::Queued | PurgeState::Running => Ok(Self {
                state: PurgeState::Running,
                attempts: self.attempts + 1,
                lease_until: now + Self::LEASE,
                ..self
            }),
            state @ (PurgeState::Held | PurgeState::Done | PurgeState::Failed | PurgeState::Cancelled) => {
                Err(PurgeError::WrongState { state })
            }
        }
    }

    /// Notes, before anything is erased, how many rows each collection has. Only the first attempt
    /// sees them all, so what is known stays: then the outcome does not depend on how often a
    /// worker died.
    ///
    /// # Errors
    /// Unless it is running.
    pub fn plan(
        mut self,
        found: impl IntoIterator<Item = (String, String, u64)>,
        now: Timestamp,
    ) -> Result<Self, PurgeError> {
        match self.state {
            PurgeState::Running => {
                for (dataset, collection, found) in found {
                    if !self
                        .outcomes
                        .iter()
                        .any(|known| known.dataset == dataset && known.collection == collection)
                    {
                        let outcome = StoreOutcome {
                            dataset,
                            collection,
                            found,
                            erased: 0,
                            kept: 0,
                            after: None,
                            error: None,
                        };
                        self.outcomes.push(outcome);
                    }
                }
                Ok(Self { lease_until: now + Self::LEASE, ..self })
            }
            state => Err(PurgeError::WrongState { state }),
        }
    }

    /// Notes what an attempt did in one collection, and that its worker still lives.
    ///
    /// # Errors
    /// Unless it is running.
    pub fn record(mut self, outcome: StoreOutcome, now: Timestamp) -> Result<Self, PurgeError> {
        match self.state {
            PurgeState::Running => {
                let same = |known: &&mut StoreOutcome| {
                    known.dataset == outcome.dataset && known.collection == outcome.collection
                };
                match self.outcomes.iter_mut().find(same) {
                    Some(known) => {
                        known.found = known.found.max(outcome.found);
                        known.kept = outcome.kept;
                        known.after = outcome.after;
                        known.error = outcome.error;
                        // A later attempt finds only what an earlier one left.
                        let left = known.kept + known.after.unwrap_or(known.found);
                        known.erased = known.found.saturating_sub(left);
                    }
                    None => self.outcomes.push(outcome),
                }
                Ok(Self { lease_until: now + Self::LEASE, ..self })
            }
            state => Err(PurgeError::WrongState { state }),
        }
    }

    /// Whether every collection was verified to hold nothing more than what is kept.
    pub fn is_verified(&self) -> bool {
        self.outcomes.iter().all(|outcome| outcome.error.is_none() && outcome.after == Some(0))
    }

    /// Everything is erased and verified.
    ///
    /// # Errors
    /// Unless it is running and verified.
    pub fn finish(self) -> Result<Self, PurgeError> {
        match self.state {
            PurgeState::Running if self.is_verified() => Ok(Self { state: PurgeState::Done, ..self }),
            state => Err(PurgeError::WrongState { state }),
        }
    }

    /// An attempt ended without everything verified. The next is due later each time; after the
    /// last the purge has failed.
    ///
    /// # Errors
    /// Unless it is running.
    pub fn fail(self, now: Timestamp) -> Result<Self, PurgeError> {
        match self.state {
            PurgeState::Running if self.attempts >= Self::MAX_ATTEMPTS => {
                Ok(Self { state: PurgeState::Failed, ..self })
            }
            PurgeState::Running => {
                Ok(Self { lease_until: now + TimeDelta::minutes(1 << self.attempts.min(9)), ..self })
            }
            state => Err(PurgeError::WrongState { state }),
        }
    }

    /// The lease is given up early, so that the next delivery goes on where this one stopped.
    ///
    /// # Errors
    /// Unless it is running.
    pub fn release(self, now: Timestamp) -> Result<Self, PurgeError> {
        match self.state {
            PurgeState::Running => Ok(Self { lease_until: now, ..self }),
            state => Err(PurgeError::WrongState { state }),
        }
    }

    /// Whether it has begun and not yet ended.
    pub fn is_running(&self) -> bool {
        self.state == PurgeState::Running
    }

    /// Whether the person's account is restricted by this purge.
    pub fn restricts(&self) -> bool {
        match self.state {
            PurgeState::Queued | PurgeState::Held | PurgeState::Running | PurgeState::Failed => true,
            PurgeState::Done | PurgeState::Cancelled => false,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn now() -> Timestamp {
        "2026-01-31T12:00:00Z".parse().unwrap()
    }

    fn tenant() -> Tenant {
        Tenant::new("af5fbd30-7ce7-4548-8b30-4cd59cb2aba1".parse().unwrap())
    }

    fn in_hours(hours: i64) -> Purge {
        Purge::queue(Some(now() + TimeDelta::hours(hours)), &tenant(), now())
    }

    fn outcome(erased: u64, after: u64) -> StoreOutcome {
        StoreOutcome {
            dataset: "shop".into(),
            collection: "orders".into(),
            found: erased + after,
            erased,
            kept: 0,
            after: Some(after),
            error: None,
        }
    }

    #[test]
    fn a_purge_is_due_neither_in_the_past_nor_beyond_the_window() {
        assert_eq!(in_hours(-1).due, now());
        assert_eq!(in_hours(24 * 365).due, now() + TimeDelta::days(90));
        assert_eq!(Purge::queue(None, &tenant(), now()).due, now() + TimeDelta::days(30));
    }

    #[test]
    fn nothing_starts_before_its_time() {
        let purge = in_hours(6);

        assert!(matches!(purge.clone().claim(now() + TimeDelta::hours(5)), Err(PurgeError::NotDue { .. })));
        assert!(purge.claim(now() + TimeDelta::hours(6)).is_ok());
    }

    #[test]
    fn a_cancelled_purge_never_starts_and_a_started_one_is_never_cancelled() {
        assert!(in_hours(0).cancel().unwrap().claim(now()).is_err());
        assert_eq!(in_hours(0).claim(now()).unwrap().cancel(), Err(PurgeError::Begun));
    }

    #[test]
    fn only_a_silent_worker_loses_its_purge() {
        let running = in_hours(0).claim(now()).unwrap();

        assert!(matches!(running.clone().claim(now()), Err(PurgeError::Leased { .. })));
        assert_eq!(running.claim(now() + Purge::LEASE).unwrap().attempts, 2);
    }

    #[test]
    fn done_means_verified() {
        let planned = [("shop".to_owned(), "orders".to_owned(), 4)];
        let running = in_hours(0).claim(now()).unwrap().plan(planned, now()).unwrap();
        let running = running.record(outcome(3, 1), now()).unwrap();
        assert!(running.clone().finish().is_err());

        let again = running.record(outcome(1, 0), now()).unwrap();
        assert_eq!((again.outcomes[0].found, again.outcomes[0].erased), (4, 4));
        assert_eq!(again.finish().unwrap().state, PurgeState::Done);
    }

    #[test]
    fn attempts_end_somewhere() {
        let mut purge = in_hours(0);
        let mut time = now();
        while purge.state != PurgeState::Failed {
            purge = purge.claim(time).unwrap().fail(time).unwrap();
            time = purge.lease_until;
        }

        assert_eq!(purge.attempts, Purge::MAX_ATTEMPTS);
        assert_eq!(purge.reschedule(None, &tenant(), time).unwrap().state, PurgeState::Queued);
    }
}
