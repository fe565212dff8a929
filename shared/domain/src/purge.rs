//! A purge: the erasure that answers an erasure request (GDPR Art. 17).

use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    HoldId, PersonKey, Timestamp,
    mandate::{Mandate, Release},
    plan::Method,
    tenant::Tenant,
};

/// How far a purge has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PurgeState {
    /// Waits for its time.
    Queued,
    /// Waits because a hold forbids it, or what is left of it.
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StoreOutcome {
    /// The data set in the data map.
    pub dataset: String,
    /// The collection in it.
    pub collection: String,
    /// Rows found in all attempts.
    pub found: u64,
    /// Rows erased in all attempts.
    pub erased: u64,
    /// Rows masked in all attempts.
    #[serde(default)]
    pub masked: u64,
    /// Rows kept on purpose.
    pub kept: u64,
    /// Why rows are kept, with the ground; no personal data.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept_because: Vec<String>,
    /// What is done to the person's own rows.
    #[serde(default)]
    pub method: Method,
    /// For how many days after the erasure backups can still restore rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup_days: Option<u32>,
    /// Rows still to be erased at the last reading; unknown if the store could not be read.
    pub after: Option<u64>,
    /// Why it is not finished, without any personal data.
    pub error: Option<String>,
}

impl StoreOutcome {
    /// Whether the collection was verified to hold nothing more than what is kept.
    pub fn is_verified(&self) -> bool {
        self.error.is_none() && self.after == Some(0)
    }

    fn is_of(&self, other: &Self) -> bool {
        self.dataset == other.dataset && self.collection == other.collection
    }

    /// Adds what a later attempt did, which finds only what an earlier one left.
    fn go_on(&mut self, later: Self) {
        let found = self.found.max(later.found);
        let done = found.saturating_sub(later.kept + later.after.unwrap_or(found));
        let masked = match later.method {
            Method::Mask => done,
            Method::Delete | Method::Keep => self.masked.max(later.masked).min(done),
        };
        *self = Self { found, erased: done - masked, masked, ..later };
    }
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
    /// While running: when another worker may take over. While held: when to look again.
    pub lease_until: Timestamp,
    /// While held: by which holds.
    pub held_by: Vec<HoldId>,
    /// How it is carried out, and who lets it.
    pub mandate: Mandate,
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
    /// Who asked for it cannot release it.
    #[error("a purge is released by somebody other than who asked for it")]
    SamePerson,
    /// Another plan waits than the one that was read.
    #[error("another plan waits for a release")]
    OtherPlan,
}

impl Purge {
    /// How often a purge is tried before a person must look at it.
    pub const MAX_ATTEMPTS: u32 = 12;
    /// How long a worker may be silent before another takes over.
    pub const LEASE: TimeDelta = TimeDelta::minutes(16);
    /// How long a purge that waits for a second person is not looked at by anything else.
    const PATIENCE: TimeDelta = TimeDelta::days(1);

    /// A purge at the time suggested: neither in the past nor beyond the tenant's window, and
    /// after the grace period if no time is suggested.
    pub fn queue(suggested: Option<Timestamp>, tenant: &Tenant, now: Timestamp) -> Self {
        let due = Self::due(suggested, tenant, now);
        Self {
            state: PurgeState::Queued,
            due,
            outcomes: Vec::new(),
            attempts: 0,
            lease_until: due,
            held_by: Vec::new(),
            mandate: Mandate::default(),
        }
    }

    /// The same purge under a mandate.
    #[must_use]
    pub fn under(self, mandate: Mandate) -> Self {
        Self { mandate, ..self }
    }

    /// The same purge after somebody asked for it again. Who says nothing of how changes nothing of it,
    /// but for what made it fail.
    #[must_use]
    pub fn asked_again(self, mandate: &Mandate) -> Self {
        if *mandate != Mandate::default() {
            return self.under(mandate.clone());
        }
        match self.mandate.refusal {
            Some(_) => {
                Self { mandate: Mandate { policy: self.mandate.policy, ..Mandate::default() }, ..self }
            }
            None => self,
        }
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
            PurgeState::Queued | PurgeState::Held if self.has_begun() => Err(PurgeError::Begun),
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
            PurgeState::Queued | PurgeState::Held if self.has_begun() => Err(PurgeError::Begun),
            PurgeState::Queued | PurgeState::Held | PurgeState::Cancelled => {
                Ok(Self { state: PurgeState::Cancelled, held_by: Vec::new(), ..self })
            }
            PurgeState::Running | PurgeState::Failed | PurgeState::Done => Err(PurgeError::Begun),
        }
    }

    /// A worker claims it: a queued or held one that is due, or a running one whose worker fell
    /// silent. Whether it is held is for the worker to find out after the claim: a hold that was
    /// set before is then seen for certain.
    ///
    /// # Errors
    /// See [`PurgeError`]. Whoever gets an error has nothing to do.
    pub fn claim(self, now: Timestamp) -> Result<Self, PurgeError> {
        match self.state {
            PurgeState::Queued | PurgeState::Held if now < self.due => {
                Err(PurgeError::NotDue { due: self.due })
            }
            PurgeState::Held if self.mandate.waiting().is_some() => {
                Err(PurgeError::WrongState { state: self.state })
            }
            PurgeState::Running if now < self.lease_until => {
                Err(PurgeError::Leased { until: self.lease_until })
            }
            PurgeState::Queued | PurgeState::Held | PurgeState::Running => Ok(Self {
                state: PurgeState::Running,
                attempts: self.attempts + 1,
                lease_until: now + Self::LEASE,
                held_by: Vec::new(),
                ..self
            }),
            state @ (PurgeState::Done | PurgeState::Failed | PurgeState::Cancelled) => {
                Err(PurgeError::WrongState { state })
            }
        }
    }

    /// These holds forbid it, or what is left of it; it is looked at again at `look_at`.
    ///
    /// # Errors
    /// Once it has ended.
    pub fn hold(self, held_by: Vec<HoldId>, look_at: Timestamp) -> Result<Self, PurgeError> {
        match self.state {
            PurgeState::Queued | PurgeState::Held | PurgeState::Running => {
                Ok(Self { state: PurgeState::Held, held_by, lease_until: look_at, ..self })
            }
            state @ (PurgeState::Done | PurgeState::Failed | PurgeState::Cancelled) => {
                Err(PurgeError::WrongState { state })
            }
        }
    }

    /// It would touch more rows than one person may decide about: it waits for a second.
    ///
    /// # Errors
    /// Unless it is running and nothing was erased yet.
    pub fn await_release(self, release: Release, now: Timestamp) -> Result<Self, PurgeError> {
        match self.state {
            PurgeState::Running if !self.has_begun() => Ok(Self {
                state: PurgeState::Held,
                mandate: Mandate { release: Some(release), ..self.mandate },
                lease_until: now + Self::PATIENCE,
                ..self
            }),
            state => Err(PurgeError::WrongState { state }),
        }
    }

    /// A second person, who has read `plan`, lets it go.
    ///
    /// # Errors
    /// When nothing waits, when another plan does, or when it is the person who asked.
    pub fn release_by(self, who: PersonKey, plan: &str) -> Result<Self, PurgeError> {
        let (PurgeState::Held, Some(waits)) = (self.state, self.mandate.waiting()) else {
            return Err(PurgeError::WrongState { state: self.state });
        };
        if waits.plan != plan {
            return Err(PurgeError::OtherPlan);
        }
        if self.mandate.asked_by == Some(who) {
            return Err(PurgeError::SamePerson);
        }
        let release = Release { by: Some(who), ..waits.clone() };
        let mandate = Mandate { release: Some(release), ..self.mandate };
        Ok(Self { state: PurgeState::Queued, mandate, ..self })
    }

    /// It cannot be carried out as asked; a person must look at it.
    ///
    /// # Errors
    /// Unless it is running and nothing was erased yet.
    pub fn refuse(self, refusal: String) -> Result<Self, PurgeError> {
        match self.state {
            PurgeState::Running if !self.has_begun() => Ok(Self {
                state: PurgeState::Failed,
                mandate: Mandate { refusal: Some(refusal), ..self.mandate },
                ..self
            }),
            state => Err(PurgeError::WrongState { state }),
        }
    }

    /// Nothing forbids it any more: it waits for its time again.
    ///
    /// # Errors
    /// Unless it is held.
    pub fn let_go(self) -> Result<Self, PurgeError> {
        match self.state {
            PurgeState::Held => Ok(Self { state: PurgeState::Queued, held_by: Vec::new(), ..self }),
            state => Err(PurgeError::WrongState { state }),
        }
    }

    /// Notes, before anything is erased, what each collection holds and what is to be done. Only the
    /// first attempt sees all rows, so what is known stays: then the outcome does not depend on how
    /// often a worker died.
    ///
    /// # Errors
    /// Unless it is running.
    pub fn plan(
        mut self,
        planned: impl IntoIterator<Item = StoreOutcome>,
        now: Timestamp,
    ) -> Result<Self, PurgeError> {
        match self.state {
            PurgeState::Running => {
                for outcome in planned {
                    if !self.outcomes.iter().any(|known| known.is_of(&outcome)) {
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
                match self.outcomes.iter_mut().find(|known| known.is_of(&outcome)) {
                    Some(known) => known.go_on(outcome),
                    None => self.outcomes.push(outcome),
                }
                Ok(Self { lease_until: now + Self::LEASE, ..self })
            }
            state => Err(PurgeError::WrongState { state }),
        }
    }

    /// Whether its worker should tell again that it lives: well before the lease ends, and not with
    /// every page.
    pub fn is_lease_ageing(&self, now: Timestamp) -> bool {
        self.lease_until - now < Self::LEASE * 2 / 3
    }

    /// Whether every collection was verified to hold nothing more than what is kept.
    pub fn is_verified(&self) -> bool {
        self.outcomes.iter().all(StoreOutcome::is_verified)
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

    /// Whether anything may have been erased.
    pub fn has_begun(&self) -> bool {
        !self.outcomes.is_empty()
    }

    /// Whether it has begun and not yet ended.
    pub fn is_running(&self) -> bool {
        match self.state {
            PurgeState::Running => true,
            PurgeState::Queued | PurgeState::Held => self.has_begun(),
            PurgeState::Done | PurgeState::Failed | PurgeState::Cancelled => false,
        }
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
            after: Some(after),
            ..StoreOutcome::default()
        }
    }

    /// What a plan says of a collection of which `found` rows are to be deleted.
    fn planned(found: u64) -> StoreOutcome {
        StoreOutcome { found, erased: 0, after: None, method: Method::Delete, ..outcome(0, 0) }
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
    fn what_is_held_can_be_called_off_until_something_may_be_erased() {
        let hold = vec![HoldId(uuid::Uuid::nil())];
        let held = in_hours(0).claim(now()).unwrap().hold(hold.clone(), now()).unwrap();
        assert_eq!((held.state, &held.held_by), (PurgeState::Held, &hold));
        assert_eq!(held.clone().cancel().unwrap().state, PurgeState::Cancelled);
        assert!(!held.is_running());

        let begun = held.claim(now()).unwrap().plan([planned(4)], now()).unwrap();
        let begun = begun.hold(hold, now()).unwrap();
        assert_eq!(begun.clone().cancel(), Err(PurgeError::Begun));
        assert_eq!(begun.clone().reschedule(None, &tenant(), now()), Err(PurgeError::Begun));
        assert!(begun.is_running());
        let let_go = begun.let_go().unwrap();
        assert_eq!((let_go.state, let_go.held_by.len()), (PurgeState::Queued, 0));
        assert_eq!(let_go.cancel(), Err(PurgeError::Begun));
    }

    #[test]
    fn what_is_held_starts_no_earlier_than_it_would_have() {
        let held = in_hours(6).hold(Vec::new(), now()).unwrap();

        assert!(matches!(held.clone().claim(now()), Err(PurgeError::NotDue { .. })));
        assert!(held.claim(now() + TimeDelta::hours(6)).is_ok());
    }

    #[test]
    fn done_means_verified() {
        let running = in_hours(0).claim(now()).unwrap().plan([planned(4)], now()).unwrap();
        let running = running.record(outcome(3, 1), now()).unwrap();
        assert!(running.clone().finish().is_err());

        let again = running.record(outcome(1, 0), now()).unwrap();
        assert_eq!((again.outcomes[0].found, again.outcomes[0].erased), (4, 4));
        assert_eq!(again.finish().unwrap().state, PurgeState::Done);
    }

    /// A purge of each state, none of which has begun.
    fn in_state(state: PurgeState) -> Purge {
        Purge { state, ..in_hours(0) }
    }

    fn begun(purge: Purge) -> Purge {
        Purge { outcomes: vec![planned(4)], ..purge }
    }

    const STATES: [PurgeState; 6] = [
        PurgeState::Queued,
        PurgeState::Held,
        PurgeState::Running,
        PurgeState::Done,
        PurgeState::Failed,
        PurgeState::Cancelled,
    ];

    #[test]
    fn each_state_takes_the_steps_that_follow_from_it() {
        use PurgeState::{Cancelled, Done, Failed, Held, Queued, Running};
        type Step = fn(Purge) -> Result<Purge, PurgeError>;
        let waiting = || Release { plan: "p".into(), rows: 9, by: None };
        let steps: [(Step, &[(PurgeState, PurgeState)]); 10] = [
            (|purge| purge.claim(now()), &[(Queued, Running), (Held, Running), (Running, Running)]),
            (|purge| purge.cancel(), &[(Queued, Cancelled), (Held, Cancelled), (Cancelled, Cancelled)]),
            (
                |purge| purge.reschedule(None, &tenant(), now()),
                &[(Queued, Queued), (Held, Held), (Failed, Queued)],
            ),
            (|purge| purge.hold(vec![], now()), &[(Queued, Held), (Held, Held), (Running, Held)]),
            (|purge| purge.let_go(), &[(Held, Queued)]),
            (|purge| purge.plan([planned(1)], now()), &[(Running, Running)]),
            (|purge| purge.record(outcome(1, 0), now()), &[(Running, Running)]),
            (|purge| purge.finish(), &[(Running, Done)]),
            (|purge| purge.release(now()), &[(Running, Running)]),
            (|purge| purge.refuse("x".into()), &[(Running, Failed)]),
        ];
        for (no, (step, expected)) in steps.into_iter().enumerate() {
            for state in STATES {
                // Nobody has it any more.
                let next = step(Purge { lease_until: now(), ..in_state(state) }).ok().map(|next| next.state);
                let expected = expected.iter().find(|(from, _)| *from == state).map(|(_, to)| *to);
                assert_eq!(next, expected, "step {no} from {state:?}");
            }
        }
        let waits = STATES.map(|state| in_state(state).await_release(waiting(), now()).is_ok());
        assert_eq!(waits, STATES.map(|state| state == Running));
        assert!(begun(in_state(Running)).await_release(waiting(), now()).is_err());
        assert!(begun(in_state(Running)).refuse("x".into()).is_err());
    }

    #[test]
    fn a_new_time_counts_and_what_has_failed_begins_anew() {
        let later = now() + TimeDelta::hours(2);
        for (state, attempts) in [(PurgeState::Queued, 3), (PurgeState::Held, 3), (PurgeState::Failed, 0)] {
            let purge = Purge { attempts: 3, ..in_state(state) };
            let moved = purge.reschedule(Some(later), &tenant(), now()).unwrap();
            assert_eq!((moved.due, moved.attempts), (later, attempts), "{state:?}");
        }
    }

    #[test]
    fn a_step_notes_what_it_is_about() {
        let (hold, later) = (vec![HoldId(uuid::Uuid::nil())], now() + TimeDelta::hours(1));
        let held = in_hours(0).hold(hold.clone(), later).unwrap();
        assert_eq!((held.lease_until, &held.held_by), (later, &hold));

        let claimed = held.clone().claim(later).unwrap();
        assert_eq!((claimed.attempts, claimed.lease_until), (1, later + Purge::LEASE));
        for freed in [claimed.clone(), held.clone().cancel().unwrap(), held.let_go().unwrap()] {
            assert!(freed.held_by.is_empty(), "{:?}", freed.state);
        }
        let refused = claimed.refuse("no such policy".into()).unwrap();
        assert_eq!(refused.mandate.refusal.as_deref(), Some("no such policy"));
    }

    #[test]
    fn it_runs_from_its_first_row_to_its_last_and_restricts_until_it_is_over() {
        use PurgeState::{Held, Queued, Running};
        for state in STATES {
            let ended = matches!(state, PurgeState::Done | PurgeState::Cancelled);
            assert_eq!(in_state(state).is_running(), state == Running, "{state:?}");
            assert_eq!(begun(in_state(state)).is_running(), matches!(state, Queued | Held | Running));
            assert_eq!(in_state(state).restricts(), !ended, "{state:?}");
        }
    }

    #[test]
    fn somebody_else_releases_the_very_plan_that_waits() {
        let [asker, other] = [1, 2].map(|no| PersonKey([no; 10]));
        let release = Release { plan: "p".into(), rows: 9, by: None };
        let asked = Mandate { asked_by: Some(asker), ..Mandate::default() };
        let running = in_hours(0).under(asked).claim(now()).unwrap();
        let waits = running.await_release(release, now()).unwrap();

        assert_eq!((waits.state, waits.lease_until), (PurgeState::Held, now() + TimeDelta::days(1)));
        assert_eq!(waits.clone().claim(now()), Err(PurgeError::WrongState { state: PurgeState::Held }));
        assert_eq!(waits.clone().release_by(other, "q"), Err(PurgeError::OtherPlan));
        assert_eq!(waits.clone().release_by(asker, "p"), Err(PurgeError::SamePerson));
        assert_eq!(
            in_hours(0).release_by(other, "p"),
            Err(PurgeError::WrongState { state: PurgeState::Queued })
        );
        let released = waits.release_by(other, "p").unwrap();
        assert_eq!(released.state, PurgeState::Queued);
        assert_eq!(released.mandate.release.as_ref().and_then(|release| release.by), Some(other));
        assert!(released.claim(now()).is_ok());
    }

    #[test]
    fn who_says_nothing_of_how_changes_nothing_of_it_but_why_it_failed() {
        let with = |mandate: Mandate| in_hours(0).under(mandate);
        let policy = Mandate { policy: Some("gdpr".into()), plan: Some("p".into()), ..Mandate::default() };
        let refused = Mandate { refusal: Some("changed".into()), ..policy.clone() };
        let again = |purge: Purge, mandate: &Mandate| purge.asked_again(mandate).mandate;

        assert_eq!(again(with(policy.clone()), &Mandate::default()), policy);
        assert_eq!(
            again(with(refused.clone()), &Mandate::default()),
            Mandate { plan: None, ..policy.clone() }
        );
        assert_eq!(again(with(refused), &policy), policy);
    }

    #[test]
    fn a_worker_tells_that_it_lives_when_a_third_of_its_lease_is_over() {
        let running = in_hours(0).claim(now()).unwrap();
        let third = Purge::LEASE / 3;

        assert!(!running.is_lease_ageing(now()) && !running.is_lease_ageing(now() + third));
        assert!(running.is_lease_ageing(now() + third + TimeDelta::seconds(1)));
        let later = now() + TimeDelta::minutes(9);
        assert_eq!(running.clone().plan([], later).unwrap().lease_until, later + Purge::LEASE);
        assert_eq!(running.clone().record(outcome(1, 0), later).unwrap().lease_until, later + Purge::LEASE);
        assert_eq!(running.release(later).unwrap().lease_until, later);
    }

    #[test]
    fn each_attempt_is_tried_again_later_than_the_one_before() {
        let waits = |attempts| {
            let failed = Purge { attempts, ..in_state(PurgeState::Running) }.fail(now()).unwrap();
            assert_eq!(failed.state, PurgeState::Running);
            (failed.lease_until - now()).num_minutes()
        };

        assert_eq!([1, 2, 8, 9, 10, 11].map(waits), [2, 4, 256, 512, 512, 512]);
        let last = Purge { attempts: 12, ..in_state(PurgeState::Running) };
        assert_eq!(last.fail(now()).unwrap().state, PurgeState::Failed);
    }

    #[test]
    fn what_is_counted_does_not_depend_on_the_attempts() {
        let running = || in_hours(0).claim(now()).unwrap().plan([planned(9)], now()).unwrap();
        let left = |found, kept, after, method| StoreOutcome { found, kept, after, method, ..outcome(0, 0) };
        let counted = |attempts: &[StoreOutcome]| {
            let done = attempts.iter().cloned().try_fold(running(), |purge, one| purge.record(one, now()));
            let StoreOutcome { found, erased, masked, kept, after, .. } = done.unwrap().outcomes.remove(0);
            (found, erased, masked, kept, after)
        };

        assert_eq!(counted(&[left(9, 2, Some(0), Method::Delete)]), (9, 7, 0, 2, Some(0)));
        assert_eq!(
            counted(&[left(9, 2, Some(3), Method::Delete), left(3, 2, Some(0), Method::Delete)]),
            (9, 7, 0, 2, Some(0))
        );
        assert_eq!(counted(&[left(9, 2, Some(0), Method::Mask)]), (9, 0, 7, 2, Some(0)));
        assert_eq!(
            counted(&[left(9, 0, Some(5), Method::Mask), left(5, 0, Some(0), Method::Delete)]),
            (9, 5, 4, 0, Some(0))
        );
        assert_eq!(counted(&[left(9, 0, None, Method::Delete)]), (9, 0, 0, 0, None));
        assert_eq!(counted(&[left(12, 0, Some(0), Method::Delete)]), (12, 12, 0, 0, Some(0)));
    }

    #[test]
    fn collections_are_told_apart_by_both_of_their_names() {
        let other = |dataset: &str, collection: &str| StoreOutcome {
            dataset: dataset.into(),
            collection: collection.into(),
            ..planned(1)
        };
        let all = [other("shop", "orders"), other("shop", "customers"), other("crm", "orders")];
        let running = in_hours(0).claim(now()).unwrap().plan(all.clone(), now()).unwrap();
        assert_eq!(running.outcomes, all);

        let again = running.plan([other("crm", "orders"), planned(7)], now()).unwrap();
        assert_eq!(again.outcomes, all);
        let done = again.record(StoreOutcome { after: Some(0), ..other("crm", "orders") }, now()).unwrap();
        assert_eq!(
            done.outcomes.iter().map(StoreOutcome::is_verified).collect::<Vec<_>>(),
            [false, false, true]
        );
        assert!(!done.is_verified());
        let unread = StoreOutcome { after: Some(0), error: Some("x".into()), ..planned(1) };
        assert!(!unread.is_verified());
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
