//! The model: two persons, two stores, two workers, one caller at a time.
//!
//! Each action is one call of the ledger or of a store, so that anything can happen between any two. A worker
//! may be told of any person at any moment, as often as it likes: that is every queue there can be, with
//! messages that come early, late, twice, in any order or not at all, and an index that knows nothing new.
//! What must still come to an end is decided by `end`, in which workers hear of nothing but what
//! the index has.
//!
//! What is the same for persons, and for workers, whoever they are, is counted once: see `State::canonical`.

mod callers;
mod end;
mod worker;

use std::{collections::HashMap, sync::Mutex};

use domain::purge::PurgeState;
use stateright::{Model, Property};

use crate::{
    Guard, Without,
    record::{LEASE, Noted, Reach, Record, STORES, bars},
};

const PERSONS: usize = 2;
const WORKERS: usize = 2;

/// What must never happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Harm {
    /// Something was erased before its time (I2).
    Early,
    /// Something was erased after the purge was called off (I3).
    AfterCancel,
    /// A purge was called off after it had erased something (I3).
    CancelledHalf,
    /// A page was begun under a hold that was there before it (I17).
    UnderHold,
    /// The ledger forgot somebody under a hold that was there before the last reading (I17).
    ForgottenUnderHold,
    /// A worker went to work beside one that was not silent (I1).
    TwoAtOnce,
    /// A purge is done with rows left behind (I15).
    LeftBehind,
    /// A purge is done whose person is still known, or without its certificate (I1).
    NotForgotten,
    /// A second certificate, or one that says nothing (I1).
    Certificates,
    /// The counts of a purge that is done tell how often a worker died (I1).
    Counts,
    /// Somebody who came back lost what nobody had asked to erase (I4).
    CameBack,
    /// Nobody would ever finish it (I5, I10).
    Stuck,
}

impl Harm {
    /// All of them, with the name under which each is looked for.
    pub const ALL: [(Self, &'static str); 12] = [
        (Self::Early, "nothing is erased before its time"),
        (Self::AfterCancel, "nothing is erased after a cancel"),
        (Self::CancelledHalf, "nothing is cancelled half erased"),
        (Self::UnderHold, "no page is begun under a hold"),
        (Self::ForgottenUnderHold, "nobody is forgotten under a hold"),
        (Self::TwoAtOnce, "nobody works beside a worker that lives"),
        (Self::LeftBehind, "what is done leaves nothing behind"),
        (Self::NotForgotten, "whose purge is done is forgotten and certified"),
        (Self::Certificates, "there is one certificate, which says something"),
        (Self::Counts, "counts do not depend on deaths"),
        (Self::CameBack, "who comes back is left alone"),
        (Self::Stuck, "what was accepted comes to its end"),
    ];
}

/// What must happen in the model, since what never happens does no harm.
pub const HAPPENS: [&str; 3] =
    ["both are erased", "one is cancelled, the other erased", "a second attempt is at work"];

/// How much of each may happen in one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bounds {
    /// Erasures that are asked for or moved.
    pub asks: u8,
    /// Cancels.
    pub cancels: u8,
    /// Holds that are set.
    pub holds: u8,
    /// Persons who come back after they were forgotten.
    pub returns: u8,
    /// Workers and calls that die, answers that are lost, stores that fail or lie.
    pub troubles: u8,
    /// Ticks of the clock.
    pub ticks: u8,
}

/// Everything there is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct State {
    persons: [Person; PERSONS],
    workers: [Option<Turn>; WORKERS],
    caller: Option<Call>,
    left: Bounds,
    harm: Option<Harm>,
}

/// What is known of a person, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Person {
    erasure: Option<Record>,
    /// Whether the ledger still knows who they are.
    is_known: bool,
    rows: [u8; STORES],
    hold: Option<Reach>,
    certificate: Certificate,
    /// Whether they came back after their erasure, and nobody has asked for another since.
    is_back: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Certificate {
    None,
    Noted,
    Issued,
}

/// A worker at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Turn {
    person: usize,
    /// Which erasure of the person it has read.
    generation: u8,
    at: Step,
    /// Whether the erasure has not changed since it was read.
    is_fresh: bool,
    /// The erasure as it was read, where that is still asked for.
    read: Option<Record>,
    /// Which attempt was the last when the work began.
    last: u8,
    /// Which attempt this is, once it is claimed.
    attempt: Option<u8>,
    /// The holds when the work began.
    hold: Option<Reach>,
    /// What it has found and done, in each store that it has read.
    stores: [Option<Noted>; STORES],
    /// For how many ticks it has written nothing.
    quiet: u8,
    /// Whether the hold in force came while a page was on its way, which may still go.
    has_grace: bool,
}

/// What a worker does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Step {
    LookAtHeld,
    ReadHolds,
    Walk,
    Claim,
    HoldsAfterClaim,
    Erase(usize),
    Renew(usize),
    HoldsAfterPage(usize),
    ReadAgain,
    PutFail,
    HoldsBeforeForgetting,
    PutRecord,
    PutHeld,
    PutVerified,
    ClaimToForget,
    NoteFacts,
    Forget,
    ReadCertificate,
    Issue,
    Finish,
    Leave,
    PutHold,
    PutRelease,
    PutOff,
}

/// A call of the API on its way: it has read what it decides by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Call {
    person: usize,
    what: What,
    is_fresh: bool,
    read: Option<Record>,
    hold: Option<Reach>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum What {
    /// Ask for an erasure in so many ticks, or move it there.
    Ask(u8),
    Cancel,
    /// Mark what waits as held.
    HoldBack,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trouble {
    /// The worker dies before its next call.
    Dies,
    /// Its next call is not carried out.
    Refused,
    /// Its next call is carried out and its answer lost.
    AnswerLost,
    /// The store has deleted, as it says, but has not.
    Lies,
    /// The worker runs out of time.
    OutOfTime,
}

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(private_interfaces, reason = "only shown")]
pub enum Action {
    /// A call begins.
    Call(usize, What),
    /// The call that has begun writes.
    Write,
    /// The call that has begun dies.
    Drop,
    /// A hold is set.
    Hold(usize, Reach),
    /// It is lifted.
    Lift(usize),
    /// Somebody who was forgotten comes back.
    Return(usize),
    /// A worker that has nothing to do is told of a person.
    Deliver(usize),
    /// A worker makes its next call.
    Step(usize),
    /// And something goes wrong.
    Fail(usize, Trouble),
    /// Time passes.
    Tick,
}

/// Purges of two persons, with what is left out.
#[derive(Debug)]
pub struct Purges {
    bounds: Bounds,
    without: Without,
    /// Where each person whose fate was asked ends.
    ends: Mutex<HashMap<Person, Option<Harm>>>,
}

impl Purges {
    /// The model within these bounds.
    pub fn new(bounds: Bounds, without: Without) -> Self {
        Self { bounds, without, ends: Mutex::default() }
    }
}

impl Model for Purges {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let person = Person {
            erasure: None,
            is_known: true,
            rows: [1; STORES],
            hold: None,
            certificate: Certificate::None,
            is_back: false,
        };
        vec![State {
            persons: [person; PERSONS],
            workers: [None; WORKERS],
            caller: None,
            left: self.bounds,
            harm: None,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.harm.is_some() {
            return;
        }
        let left = state.left;
        match state.caller {
            Some(_) => actions.extend([Action::Write, Action::Drop]),
            None => {
                for (no, person) in state.persons.iter().enumerate().filter(|(_, person)| person.is_known) {
                    if left.asks > 0 {
                        actions.extend([Action::Call(no, What::Ask(0)), Action::Call(no, What::Ask(1))]);
                    }
                    if left.cancels > 0 && person.erasure.is_some() {
                        actions.push(Action::Call(no, What::Cancel));
                    }
                    let waits = |record: Record| record.state == PurgeState::Queued;
                    if person.hold == Some(Reach::All) && person.erasure.is_some_and(waits) {
                        actions.push(Action::Call(no, What::HoldBack));
                    }
                }
            }
        }
        for (no, person) in state.persons.iter().enumerate() {
            match person.hold {
                None if left.holds > 0 && person.is_known => {
                    actions.extend(Reach::BOTH.map(|reach| Action::Hold(no, reach)));
                }
                Some(_) => actions.push(Action::Lift(no)),
                None => {}
            }
            if left.returns > 0 && person.is_in(PurgeState::Done) && !person.is_known {
                actions.push(Action::Return(no));
            }
        }
        for (no, worker) in state.workers.iter().enumerate() {
            match worker {
                // Workers are alike: it is the first that is told.
                None if no == 0 || state.workers[no - 1].is_some() => {
                    let asked = (0..PERSONS).filter(|person| state.persons[*person].erasure.is_some());
                    actions.extend(asked.map(Action::Deliver));
                }
                None => {}
                Some(turn) => {
                    actions.push(Action::Step(no));
                    if left.troubles > 0 {
                        use Trouble::{AnswerLost, Dies, Lies, OutOfTime, Refused};
                        actions.extend([Dies, Refused].map(|trouble| Action::Fail(no, trouble)));
                        if turn.at.writes() {
                            actions.push(Action::Fail(no, AnswerLost));
                        }
                        if matches!(turn.at, Step::Erase(_)) {
                            actions.push(Action::Fail(no, Lies));
                        }
                        if matches!(turn.at, Step::HoldsAfterPage(_)) {
                            actions.push(Action::Fail(no, OutOfTime));
                        }
                    }
                }
            }
        }
        if left.ticks > 0 {
            actions.push(Action::Tick);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Call(person, what) => {
                match what {
                    What::Ask(_) => state.left.asks -= 1,
                    What::Cancel => state.left.cancels -= 1,
                    What::HoldBack => {}
                }
                let mut call = Call { person, what, is_fresh: false, read: None, hold: None };
                self.read_again(&state, &mut call);
                state.caller = Some(call);
            }
            Action::Write => self.write(&mut state),
            Action::Drop => state.caller = None,
            Action::Hold(person, reach) => {
                state.left.holds -= 1;
                state.persons[person].hold = Some(reach);
                for turn in state.workers.iter_mut().flatten().filter(|turn| turn.person == person) {
                    turn.has_grace = turn.attempt.is_some();
                }
            }
            Action::Lift(person) => {
                state.persons[person].hold = None;
                for turn in state.workers.iter_mut().flatten().filter(|turn| turn.person == person) {
                    turn.has_grace = false;
                }
            }
            Action::Return(person) => {
                state.left.returns -= 1;
                let back = &mut state.persons[person];
                (back.is_known, back.rows, back.is_back) = (true, [1; STORES], true);
            }
            Action::Deliver(person) => {
                let free = state.workers.iter().position(Option::is_none)?;
                state.workers[free] = Some(self.begin(&state.persons[person], person)?);
            }
            Action::Step(worker) => self.step(&mut state, worker, None),
            Action::Fail(worker, trouble) => {
                state.left.troubles -= 1;
                self.step(&mut state, worker, Some(trouble));
            }
            Action::Tick => {
                state.left.ticks -= 1;
                for record in state.persons.iter_mut().filter_map(|person| person.erasure.as_mut()) {
                    record.tick();
                }
                for turn in state.workers.iter_mut().flatten() {
                    // Nobody asks how long one is silent that has claimed nothing.
                    turn.quiet = if turn.attempt.is_some() { LEASE.min(turn.quiet + 1) } else { 0 };
                    if let Some(read) = &mut turn.read {
                        read.tick();
                    }
                }
                if let Some(read) = state.caller.as_mut().and_then(|call| call.read.as_mut()) {
                    read.tick();
                }
            }
        }
        if state == *last {
            return None;
        }
        let changed = state.persons.iter().zip(&last.persons).filter(|(person, last)| person != last);
        let harm = changed.map(|(person, _)| person).find_map(|person| self.fate(person));
        state.harm = state.harm.or(harm);
        Some(state.canonical())
    }

    fn properties(&self) -> Vec<Property<Self>> {
        fn holds<const N: usize>(_: &Purges, state: &State) -> bool {
            state.harm != Some(Harm::ALL[N].0)
        }
        let conditions: [fn(&Self, &State) -> bool; Harm::ALL.len()] = [
            holds::<0>,
            holds::<1>,
            holds::<2>,
            holds::<3>,
            holds::<4>,
            holds::<5>,
            holds::<6>,
            holds::<7>,
            holds::<8>,
            holds::<9>,
            holds::<10>,
            holds::<11>,
        ];
        let never =
            Harm::ALL.iter().zip(conditions).map(|((_, name), is_met)| Property::always(name, is_met));
        let happens: [fn(&Self, &State) -> bool; HAPPENS.len()] = [
            |_, state| state.persons.iter().all(|person| person.is_in(PurgeState::Done)),
            |_, state| {
                state.persons.iter().any(|person| person.is_in(PurgeState::Cancelled))
                    && state.persons.iter().any(|person| person.is_in(PurgeState::Done))
            },
            |_, state| state.workers.iter().flatten().any(|turn| turn.attempt == Some(2)),
        ];
        let sometimes = HAPPENS.iter().zip(happens).map(|(name, is_met)| Property::sometimes(name, is_met));
        never.chain(sometimes).collect()
    }
}

impl Step {
    /// Whether it writes the erasure.
    fn writes(self) -> bool {
        match self {
            Self::Claim
            | Self::Renew(_)
            | Self::PutFail
            | Self::PutRecord
            | Self::PutHeld
            | Self::PutVerified
            | Self::ClaimToForget
            | Self::Forget
            | Self::Issue
            | Self::Finish
            | Self::PutHold
            | Self::PutRelease => true,
            Self::LookAtHeld
            | Self::ReadHolds
            | Self::Walk
            | Self::HoldsAfterClaim
            | Self::Erase(_)
            | Self::HoldsAfterPage(_)
            | Self::ReadAgain
            | Self::HoldsBeforeForgetting
            | Self::NoteFacts
            | Self::ReadCertificate
            | Self::Leave
            | Self::PutOff => false,
        }
    }
}

impl Person {
    fn is_in(&self, wanted: PurgeState) -> bool {
        self.erasure.is_some_and(|record| record.state == wanted)
    }
}

impl State {
    /// The one state that stands for all that differ by the names of persons and workers alone.
    fn canonical(mut self) -> Self {
        self.workers.sort_unstable();
        let mut other = self.clone();
        other.persons.swap(0, 1);
        for turn in other.workers.iter_mut().flatten() {
            turn.person = 1 - turn.person;
        }
        if let Some(call) = &mut other.caller {
            call.person = 1 - call.person;
        }
        other.workers.sort_unstable();
        self.min(other)
    }

    /// Writes an erasure: everybody else who has read it has read an old one.
    fn put(&mut self, person: usize, record: Record, writer: Option<usize>) {
        let is_new = |last: Record| last.generation != record.generation;
        if self.persons[person].erasure.is_some_and(is_new) {
            self.persons[person].certificate = Certificate::None;
            self.persons[person].is_back = false;
        }
        self.persons[person].erasure = Some(record);
        for (no, turn) in self.workers.iter_mut().enumerate() {
            if let Some(turn) = turn.as_mut().filter(|turn| turn.person == person) {
                turn.is_fresh = writer == Some(no);
            }
        }
        if let Some(call) = self.caller.as_mut().filter(|call| call.person == person) {
            call.is_fresh = false;
        }
    }
}

impl Purges {
    fn has(&self, guard: Guard) -> bool {
        !self.without.has(guard)
    }

    /// What is remembered of a reading: nothing where every write names the version that it read, because
    /// then an old reading writes nothing.
    fn remembered(&self, record: Option<Record>) -> Option<Record> {
        record.filter(|_| !self.has(Guard::Version))
    }
}

fn is_all(hold: Option<Reach>) -> bool {
    bars(hold).hold_everything()
}
