//! The handlers of the API, as far as they write: read, decide, write what nobody has changed meanwhile.

use domain::purge::{Purge, PurgeError, PurgeState};

use super::{Call, Purges, State, What};
use crate::{
    Guard,
    record::{Reach, Record, after, bars, now, tenant},
};

impl Purges {
    /// The call that has begun writes, or reads again if somebody else has written since.
    pub(super) fn write(&self, state: &mut State) {
        let Some(mut call) = state.caller else { return };
        if !call.is_fresh && self.has(Guard::Version) {
            self.read_again(state, &mut call);
            state.caller = Some(call);
            return;
        }
        state.caller = None;
        let person = &state.persons[call.person];
        let current = if call.is_fresh { person.erasure } else { call.read };
        let next = match call.what {
            What::Ask(due) => self.asked(current, due, call.hold),
            What::Cancel => current.and_then(|record| Some(record.with(&self.cancel(&record).ok()?))),
            What::HoldBack => current.and_then(|record| {
                let waits = matches!(record.state, PurgeState::Queued | PurgeState::Held);
                let bars = bars(call.hold);
                let held = record.purge().hold(bars.ids(), bars.look_at(now())).ok()?;
                (waits && bars.hold_everything()).then(|| record.with(&held))
            }),
        };
        if let Some(next) = next.filter(|next| Some(*next) != person.erasure) {
            state.put(call.person, next, None);
        }
    }

    pub(super) fn read_again(&self, state: &State, call: &mut Call) {
        let person = &state.persons[call.person];
        (call.is_fresh, call.read, call.hold) = (true, self.remembered(person.erasure), person.hold);
    }

    /// `purges::queue_erasure`.
    fn asked(&self, current: Option<Record>, due: u8, hold: Option<Reach>) -> Option<Record> {
        let suggested = Some(after(due));
        let makes_way = |record: &Record| record.makes_way() || !self.has(Guard::MakesWay);
        match current {
            Some(record) if !makes_way(&record) => {
                let purge = record.purge();
                let purge = match purge.state {
                    PurgeState::Queued | PurgeState::Held if purge.has_begun() => return None,
                    PurgeState::Running if !self.has(Guard::MoveRunning) => {
                        Purge { state: PurgeState::Queued, due: after(due), ..purge }
                    }
                    PurgeState::Queued | PurgeState::Held | PurgeState::Failed => {
                        purge.reschedule(suggested, tenant(), now()).ok()?
                    }
                    PurgeState::Running | PurgeState::Done | PurgeState::Cancelled => return None,
                };
                Some(record.with(&purge))
            }
            last => {
                let (purge, bars) = (Purge::queue(suggested, tenant(), now()), bars(hold));
                let purge = match bars.hold_everything() {
                    true => purge.hold(bars.ids(), bars.look_at(now())).ok()?,
                    false => purge,
                };
                Some(Record::of(last.map_or(0, |last| last.generation + 1), &purge, false))
            }
        }
    }

    fn cancel(&self, record: &Record) -> Result<Purge, PurgeError> {
        let purge = record.purge();
        let outcomes = purge.outcomes.clone();
        let cancelled = match purge.state {
            PurgeState::Running if !self.has(Guard::CancelRunning) => {
                Purge { state: PurgeState::Cancelled, ..purge }
            }
            PurgeState::Queued | PurgeState::Held if !self.has(Guard::CancelBegun) => {
                Purge { outcomes: Vec::new(), ..purge }.cancel()?
            }
            _ => purge.cancel()?,
        };
        Ok(Purge { outcomes, ..cancelled })
    }
}
