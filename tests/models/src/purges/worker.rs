//! A worker, call by call, as `purges::erase` makes them.

use domain::purge::{Purge, PurgeError, PurgeState, StoreOutcome};

use super::{Certificate, Harm, Person, Purges, State, Step, Trouble, Turn, is_all};
use crate::{
    Guard,
    record::{LEASE, Noted, Record, STORES, after, bars, now, tenant},
};

/// How an attempt to write a step of a purge ended.
enum Written {
    /// It is written.
    Yes,
    /// Others were first: it is to be tried again by what they wrote.
    Again,
    /// It is no longer this worker's, or not yet; or the step does not follow.
    No,
}

impl Purges {
    fn claim(&self, record: &Record) -> Result<Purge, PurgeError> {
        let mut purge = record.purge();
        let due = purge.due;
        if !self.has(Guard::Due) {
            purge.due = now();
        }
        if purge.state == PurgeState::Running {
            if !self.has(Guard::Takeover) {
                return Err(PurgeError::WrongState { state: purge.state });
            }
            if !self.has(Guard::Lease) {
                purge.lease_until = now();
            }
        }
        Ok(Purge { due, ..purge.claim(now())? })
    }

    /// `erase::handle`, up to where it knows that there is something to do.
    pub(super) fn begin(&self, person: &Person, no: usize) -> Option<Turn> {
        let record = person.erasure?;
        let at = match (record.state, record.is_forgotten) {
            (PurgeState::Held, _) => Step::LookAtHeld,
            _ if self.claim(&record).is_err() => return None,
            (_, true) if self.has(Guard::ClaimedFirst) => Step::ClaimToForget,
            (_, true) => Step::NoteFacts,
            (_, false) => Step::ReadHolds,
        };
        Some(Turn {
            person: no,
            generation: record.generation,
            at,
            is_fresh: true,
            read: if at == Step::LookAtHeld { Some(record) } else { self.remembered(Some(record)) },
            last: record.attempts,
            attempt: None,
            hold: None,
            stores: [None; STORES],
            quiet: 0,
            has_grace: false,
        })
    }

    /// `erase::try_amend`, but for the reading again, which is a step of its own.
    fn amend(
        &self,
        state: &mut State,
        worker: usize,
        step: impl FnOnce(Purge) -> Result<Purge, PurgeError>,
    ) -> Written {
        let Some(mut turn) = state.workers[worker] else { return Written::No };
        let current = state.persons[turn.person].erasure;
        if !turn.is_fresh && self.has(Guard::Version) {
            turn.is_fresh = true;
            state.workers[worker] = Some(turn);
            return Written::Again;
        }
        // An erasure that is no longer the current one has ended.
        let read = if turn.is_fresh { current } else { turn.read };
        let Some(record) = read.filter(|record| record.generation == turn.generation) else {
            return Written::No;
        };
        let claimed = match turn.attempt {
            Some(attempt) => {
                let is_ours = record.attempts == attempt || !self.has(Guard::Turn);
                is_ours.then(|| record.purge())
            }
            None => {
                let is_news = record.attempts != turn.last && self.has(Guard::Last);
                self.claim(&record).ok().filter(|_| !is_news)
            }
        };
        let Some(Ok(purge)) = claimed.map(step) else { return Written::No };
        let next = record.with(&purge);
        if turn.attempt.is_none() {
            let lives =
                |other: &Turn| other.person == turn.person && other.attempt.is_some() && other.quiet < LEASE;
            if state.workers.iter().flatten().any(lives) {
                state.harm = Some(Harm::TwoAtOnce);
            }
            (turn.attempt, turn.last) = (Some(next.attempts), 0);
        }
        (turn.quiet, turn.read) = (0, self.remembered(Some(next)));
        state.workers[worker] = Some(turn);
        state.put(turn.person, next, Some(worker));
        Written::Yes
    }

    /// The next call of a worker.
    pub(super) fn step(&self, state: &mut State, worker: usize, trouble: Option<Trouble>) {
        let Some(turn) = state.workers[worker] else { return };
        match trouble {
            Some(Trouble::Dies) => state.workers[worker] = None,
            // A store that fails fails its collection alone.
            Some(Trouble::Refused) => match turn.at {
                Step::Erase(store) => {
                    let mut turn = Turn { at: Step::Renew(store), ..turn };
                    if let Some(noted) = &mut turn.stores[store] {
                        noted.has_failed = true;
                    }
                    state.workers[worker] = Some(turn);
                }
                Step::LookAtHeld | Step::PutOff => state.workers[worker] = None,
                _ => state.workers[worker] = Some(Turn { at: Step::PutOff, ..turn }),
            },
            Some(Trouble::AnswerLost) => {
                self.call(state, worker, false);
                if let Some(after) = &mut state.workers[worker] {
                    // What it has not heard of it has not read.
                    *after = Turn { at: Step::PutOff, is_fresh: false, attempt: turn.attempt, ..*after };
                }
            }
            Some(Trouble::Lies) => self.call(state, worker, true),
            Some(Trouble::OutOfTime) => state.workers[worker] = Some(Turn { at: Step::Leave, ..turn }),
            None => self.call(state, worker, false),
        }
    }

    fn call(&self, state: &mut State, worker: usize, store_lies: bool) {
        let Some(mut turn) = state.workers[worker] else { return };
        let person = state.persons[turn.person];
        // Whether no hold was set since the work began.
        let is_unbarred = bars(turn.hold).include(&bars(person.hold).ids());
        let next = |state: &mut State, at: Step| {
            if let Some(turn) = &mut state.workers[worker] {
                turn.at = at;
            }
        };
        // Where a write leads, or no more to do if it was the last.
        let put = |state: &mut State, written: Written, at: Option<Step>| match (written, at) {
            (Written::Yes, None) => state.workers[worker] = None,
            (Written::Yes, Some(at)) => next(state, at),
            (Written::Again, _) => {}
            (Written::No, _) => next(state, Step::PutOff),
        };
        match turn.at {
            Step::LookAtHeld => self.look_at_held(state, worker),
            Step::ReadHolds => {
                turn.hold = person.hold;
                let is_held = bars(turn.hold).hold_everything() && self.has(Guard::HeldFirst);
                turn.at = if is_held { Step::PutHold } else { Step::Walk };
                state.workers[worker] = Some(turn);
            }
            // The person is read, and with them all stores; then the holds again.
            Step::Walk => {
                for (store, noted) in turn.stores.iter_mut().enumerate() {
                    let kept = if turn.hold.is_some_and(|hold| hold.covers(store)) && !is_all(turn.hold) {
                        person.rows[store]
                    } else {
                        0
                    };
                    *noted = Some(Noted { found: person.rows[store], kept, ..Noted::default() });
                }
                turn.at = match (person.is_known, is_unbarred) {
                    // There is nothing to search by.
                    (false, _) if self.has(Guard::Nobody) => {
                        turn.stores = [None; STORES];
                        Step::HoldsBeforeForgetting
                    }
                    (false, _) => Step::PutOff,
                    (true, false) => Step::Leave,
                    (true, true) => Step::Claim,
                };
                state.workers[worker] = Some(turn);
            }
            Step::Claim => {
                let planned = turn.stores;
                let written = self.amend(state, worker, |mut purge| {
                    if !self.has(Guard::FirstPlan) {
                        purge.outcomes.clear();
                    }
                    purge.plan(outcomes(planned), now())
                });
                put(state, written, Some(Step::HoldsAfterClaim));
            }
            Step::HoldsAfterClaim => {
                let goes_on = is_unbarred || !self.has(Guard::HeldAfterClaim);
                next(state, if goes_on { Step::Erase(0) } else { Step::Leave });
            }
            Step::Erase(store) => {
                let lease = after(LEASE - turn.quiet);
                let claimed = Purge { lease_until: lease, ..Purge::queue(None, tenant(), now()) };
                let is_ageing = claimed.is_lease_ageing(now());
                turn.at = if is_ageing { Step::Renew(store) } else { Step::HoldsAfterPage(store) };
                let is_kept = turn.stores[store].is_some_and(|noted| noted.kept > 0);
                if !is_kept && person.rows[store] > 0 {
                    state.harm = harm_of_erasing(&person, &turn, store);
                    turn.has_grace = false;
                    if !store_lies {
                        state.persons[turn.person].rows[store] = 0;
                    }
                }
                state.workers[worker] = Some(turn);
            }
            Step::Renew(store) => {
                let written = self.amend(state, worker, |purge| purge.plan([], now()));
                put(state, written, Some(Step::HoldsAfterPage(store)));
            }
            Step::HoldsAfterPage(store) => {
                let at = match is_unbarred || !self.has(Guard::HeldAfterPage) {
                    false => Step::Leave,
                    true if store + 1 < STORES => Step::Erase(store + 1),
                    true => Step::ReadAgain,
                };
                next(state, at);
            }
            Step::ReadAgain => {
                for (noted, rows) in turn.stores.iter_mut().flatten().zip(person.rows) {
                    let left = if self.has(Guard::ReadAgain) { rows - noted.kept.min(rows) } else { 0 };
                    noted.after = (!noted.has_failed).then_some(left);
                    noted.has_failed |= left > 0;
                }
                turn.has_grace = false;
                let is_verified = outcomes(turn.stores).all(|outcome| outcome.is_verified());
                let goes_on = is_verified || !self.has(Guard::Verified);
                turn.at = if goes_on { Step::HoldsBeforeForgetting } else { Step::PutFail };
                state.workers[worker] = Some(turn);
            }
            Step::PutFail => {
                let written = self.amend(state, worker, |purge| recorded(purge, &turn)?.fail(now()));
                put(state, written, None);
            }
            Step::HoldsBeforeForgetting => {
                // The holds came after the reading.
                let holds_rows = turn.stores.iter().flatten().any(|noted| noted.kept > 0);
                let at = if !is_unbarred && self.has(Guard::HeldBeforeForgetting) {
                    Step::PutRecord
                } else if holds_rows && self.has(Guard::HoldsRows) {
                    Step::PutHeld
                } else if self.has(Guard::NotedFirst) {
                    Step::PutVerified
                } else {
                    Step::NoteFacts
                };
                next(state, at);
            }
            Step::PutRecord => {
                let written = self.amend(state, worker, |purge| recorded(purge, &turn));
                put(state, written, Some(Step::Leave));
            }
            Step::PutHeld => {
                let bars = bars(turn.hold);
                let step = |purge| recorded(purge, &turn)?.hold(bars.ids(), bars.look_at(now()));
                let written = self.amend(state, worker, step);
                put(state, written, None);
            }
            Step::PutVerified => {
                let written = self.amend(state, worker, |purge| recorded(purge, &turn));
                if let (Written::Yes, Some(record)) = (&written, &mut state.persons[turn.person].erasure) {
                    record.is_forgotten = true;
                    let holds_rows = person.hold.is_some_and(|hold| is_all(Some(hold)) || person.rows[0] > 0);
                    if holds_rows && !turn.has_grace {
                        state.harm = Some(Harm::ForgottenUnderHold);
                    }
                }
                let at = if self.has(Guard::ForgottenFirst) { Step::NoteFacts } else { Step::Finish };
                put(state, written, Some(at));
            }
            Step::ClaimToForget => {
                let written = self.amend(state, worker, Ok);
                put(state, written, Some(Step::NoteFacts));
            }
            Step::NoteFacts => {
                if person.certificate == Certificate::None && self.has(Guard::FactsFirst) {
                    self.note(state, turn.person);
                }
                next(state, Step::Forget);
            }
            Step::Forget => {
                if person.is_back {
                    state.harm = Some(Harm::CameBack);
                }
                state.persons[turn.person].is_known = false;
                (turn.at, turn.hold) = (Step::ReadCertificate, None);
                if self.has(Guard::NotedFirst) {
                    turn.stores = [None; STORES];
                }
                state.workers[worker] = Some(turn);
            }
            Step::ReadCertificate => {
                if person.certificate == Certificate::None && !self.has(Guard::FactsFirst) {
                    self.note(state, turn.person);
                }
                let at = match state.persons[turn.person].certificate {
                    Certificate::Issued => Step::Finish,
                    Certificate::Noted => Step::Issue,
                    Certificate::None => Step::PutOff,
                };
                next(state, at);
            }
            Step::Issue => {
                if person.certificate == Certificate::Issued && !self.has(Guard::OneCertificate) {
                    state.harm = Some(Harm::Certificates);
                }
                state.persons[turn.person].certificate = Certificate::Issued;
                next(state, Step::Finish);
            }
            Step::Finish => {
                let written = self.amend(state, worker, |mut purge| {
                    if !self.has(Guard::NotedFirst) {
                        purge = recorded(purge, &turn)?;
                    }
                    let finished = purge.clone().finish();
                    if finished.is_err() && !self.has(Guard::Finish) && purge.state == PurgeState::Running {
                        return Ok(Purge { state: PurgeState::Done, ..purge });
                    }
                    finished
                });
                put(state, written, None);
            }
            Step::Leave => {
                turn.hold = person.hold;
                turn.at = if is_all(turn.hold) { Step::PutHold } else { Step::PutRelease };
                state.workers[worker] = Some(turn);
            }
            Step::PutHold => {
                let bars = bars(turn.hold);
                let written = self.amend(state, worker, |purge| purge.hold(bars.ids(), bars.look_at(now())));
                put(state, written, None);
            }
            Step::PutRelease => {
                let written = self.amend(state, worker, |purge| purge.release(now()));
                put(state, written, None);
            }
            Step::PutOff => {
                let Some(current) = person.erasure else { return };
                let (generation, read) = (current.generation, self.remembered(Some(current)));
                state.workers[worker] = Some(Turn { is_fresh: true, generation, read, ..turn });
                let _ = self.amend(state, worker, |purge| purge.fail(now()));
                state.workers[worker] = None;
            }
        }
    }

    /// `erase::is_still_held`, and what `handle` does then.
    fn look_at_held(&self, state: &mut State, worker: usize) {
        let Some(turn) = state.workers[worker] else { return };
        let Some(record) = turn.read else { return };
        let (bars, purge) = (bars(state.persons[turn.person].hold), record.purge());
        let is_unchanged = !purge.held_by.is_empty() && bars.include(&purge.held_by);
        let stays = bars.hold_everything() || is_unchanged;
        let next = if stays {
            (record.lease == 0).then(|| purge.hold(bars.ids(), bars.look_at(now())))
        } else {
            (record.due > 0).then(|| purge.let_go())
        };
        let may_write = turn.is_fresh || !self.has(Guard::Version);
        if stays || next.is_some() || self.claim(&record).is_err() {
            state.workers[worker] = None;
        } else {
            let at = if record.is_forgotten { Step::ClaimToForget } else { Step::ReadHolds };
            let read = self.remembered(turn.read);
            state.workers[worker] = Some(Turn { at, read, ..turn });
        }
        if let Some(Ok(purge)) = next.filter(|_| may_write) {
            state.put(turn.person, record.with(&purge), None);
        }
    }

    fn note(&self, state: &mut State, person: usize) {
        let person = &mut state.persons[person];
        person.certificate = Certificate::Noted;
        let was_searched = |record: Record| record.outcomes != [None; STORES];
        if !person.is_known && person.erasure.is_some_and(was_searched) {
            state.harm = Some(Harm::Certificates);
        }
    }
}

fn outcomes(stores: [Option<Noted>; STORES]) -> impl Iterator<Item = StoreOutcome> {
    stores.into_iter().enumerate().filter_map(|(store, noted)| Some(noted?.outcome(store)))
}

fn recorded(purge: Purge, turn: &Turn) -> Result<Purge, PurgeError> {
    outcomes(turn.stores).try_fold(purge, |purge, outcome| purge.record(outcome, now()))
}

/// What is wrong with erasing what the person has in this store, now.
fn harm_of_erasing(person: &Person, turn: &Turn, store: usize) -> Option<Harm> {
    let record = person.erasure?;
    if person.is_back {
        Some(Harm::CameBack)
    } else if record.state == PurgeState::Cancelled {
        Some(Harm::AfterCancel)
    } else if record.due > 0 {
        Some(Harm::Early)
    } else if person.hold.is_some_and(|hold| hold.covers(store)) && !turn.has_grace {
        Some(Harm::UnderHold)
    } else {
        None
    }
}
