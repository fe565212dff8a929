//! Where a purge ends if from now on nothing goes wrong, all who are at work are dead, and workers hear of
//! nothing but what the index has.

use std::sync::PoisonError;

use domain::{Timestamp, purge::PurgeState, request::Attention};
use stateright::Model as _;

use super::{Certificate, Harm, Noted, Person, Purges};
use crate::{
    Guard,
    record::{Reach, STORES, now},
};

/// More messages, and calls for each, than any purge needs.
const DELIVERIES: usize = 6;
const CALLS: usize = 60;

impl Purges {
    /// The harm that shows in what there is of a person, or that will.
    pub(super) fn fate(&self, person: &Person) -> Option<Harm> {
        let ends = || self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = ends().get(person) {
            return *known;
        }
        let end = shown(person).or_else(|| self.end(*person));
        ends().insert(*person, end);
        end
    }

    fn end(&self, person: Person) -> Option<Harm> {
        let mut state = self.init_states().pop()?;
        state.persons[0] = person;
        for _ in 0..DELIVERIES {
            if let Some(record) = &mut state.persons[0].erasure {
                (0..u8::MAX).for_each(|_| record.tick());
            }
            if self.is_told(&state.persons[0]) {
                state.workers[0] = self.begin(&state.persons[0], 0);
            }
            for _ in 0..CALLS {
                self.step(&mut state, 0, None);
            }
        }
        let [Person { erasure, rows, hold, .. }, _] = state.persons;
        let has_ended = match (erasure.map(|record| record.state), hold) {
            (None | Some(PurgeState::Done | PurgeState::Cancelled), _) => true,
            (Some(PurgeState::Held), Some(Reach::All)) => true,
            // The rest was erased.
            (Some(PurgeState::Held), Some(Reach::First)) => rows[1..] == [0; STORES - 1],
            (Some(PurgeState::Queued | PurgeState::Held | PurgeState::Running | PurgeState::Failed), _) => {
                false
            }
        };
        let stuck = || (!has_ended).then_some(Harm::Stuck);
        state.harm.or_else(|| shown(&state.persons[0])).or_else(stuck)
    }

    /// Whether `run-due-purges` or `resume-stalled` tells a worker, long after anything was to happen.
    fn is_told(&self, person: &Person) -> bool {
        let Some(record) = person.erasure else { return false };
        let is_past = |(_, at): &(Attention, Timestamp)| *at <= now();
        match record.attention().filter(is_past).map(|(attention, _)| attention) {
            Some(Attention::Purge) => record.state != PurgeState::Running || self.has(Guard::IndexRunning),
            Some(Attention::Stalled) => self.has(Guard::IndexHeld),
            Some(Attention::Expiry | Attention::Failed | Attention::Deadline | Attention::Scan) | None => {
                false
            }
        }
    }
}

/// The harm that shows in what there is of a person.
fn shown(person: &Person) -> Option<Harm> {
    // Their last erasure says nothing of who came back.
    let record = person.erasure.filter(|_| !person.is_back)?;
    let is_complete = |noted: &Noted| noted.found == 1 && noted.erased == 1;
    match record.state {
        PurgeState::Cancelled if person.rows.contains(&0) => Some(Harm::CancelledHalf),
        PurgeState::Done if person.rows.contains(&1) => Some(Harm::LeftBehind),
        PurgeState::Done if person.is_known || person.certificate != Certificate::Issued => {
            Some(Harm::NotForgotten)
        }
        PurgeState::Done if !record.outcomes.iter().flatten().all(is_complete) => Some(Harm::Counts),
        PurgeState::Queued
        | PurgeState::Held
        | PurgeState::Running
        | PurgeState::Done
        | PurgeState::Failed
        | PurgeState::Cancelled => None,
    }
}
