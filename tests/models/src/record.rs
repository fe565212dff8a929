//! What the ledger holds of an erasure, small enough to keep millions of, and the way from there to the
//! domain's own types and back.
//!
//! The clock stands still: times are told in ticks from now, and those that are past are all alike, since
//! nothing asks how long ago they were.

use std::sync::LazyLock;

use chrono::TimeDelta;
use domain::{
    HoldId, OrgId, PersonKey, RequestId, Timestamp,
    hold::{Bars, Hold, HoldKind, Particulars, Scope, Terms},
    mandate::Mandate,
    plan::Method,
    purge::{Purge, PurgeState, StoreOutcome},
    request::{Attention, Door, Kind, Request, Work},
    tenant::Tenant,
};
use uuid::Uuid;

/// How many stores there are.
pub(crate) const STORES: usize = 2;
/// The names of their data sets.
const NAMES: [&str; STORES] = ["shop", "crm"];

/// How long a tick lasts: a lease is two of them.
const TICK: TimeDelta = TimeDelta::minutes(8);
/// How many ticks a worker may be silent.
pub(crate) const LEASE: u8 = 2;

static NOW: LazyLock<Timestamp> = LazyLock::new(Timestamp::default);
static TENANT: LazyLock<Tenant> = LazyLock::new(|| Tenant::new(OrgId(Uuid::nil())));

/// Now, always.
pub(crate) fn now() -> Timestamp {
    *NOW
}

/// The one tenant.
pub(crate) fn tenant() -> &'static Tenant {
    &TENANT
}

/// So many ticks from now.
pub(crate) fn after(ticks: u8) -> Timestamp {
    now() + TICK * i32::from(ticks)
}

/// How many ticks it is until then, begun ones included.
fn until(then: Timestamp) -> u8 {
    let ticks = ((then - now()).num_minutes().max(0) + TICK.num_minutes() - 1) / TICK.num_minutes();
    u8::try_from(ticks).unwrap_or(u8::MAX)
}

/// An erasure as the ledger has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Record {
    /// Which erasure of this person it is.
    pub(crate) generation: u8,
    pub(crate) state: PurgeState,
    /// Ticks until it is due.
    pub(crate) due: u8,
    /// Ticks until its lease ends.
    pub(crate) lease: u8,
    pub(crate) attempts: u8,
    /// Whether the one hold that there may be is named as what holds it.
    pub(crate) is_held_by: bool,
    pub(crate) outcomes: [Option<Noted>; STORES],
    /// Whether the stores were proven empty, and until when that is kept was noted.
    pub(crate) is_forgotten: bool,
}

/// What is noted of one store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Noted {
    pub(crate) found: u8,
    pub(crate) erased: u8,
    pub(crate) kept: u8,
    pub(crate) after: Option<u8>,
    pub(crate) has_failed: bool,
}

impl Noted {
    /// As the domain has it, for the store of this number.
    pub(crate) fn outcome(self, store: usize) -> StoreOutcome {
        StoreOutcome {
            dataset: NAMES[store].to_owned(),
            collection: String::new(),
            found: self.found.into(),
            erased: self.erased.into(),
            masked: 0,
            kept: self.kept.into(),
            kept_because: Vec::new(),
            method: Method::Delete,
            backup_days: None,
            after: self.after.map(u64::from),
            error: self.has_failed.then(String::new),
        }
    }

    fn of(outcome: &StoreOutcome) -> Self {
        let small = |count: u64| u8::try_from(count).unwrap_or(u8::MAX);
        Self {
            found: small(outcome.found),
            erased: small(outcome.erased),
            kept: small(outcome.kept),
            after: outcome.after.map(small),
            has_failed: outcome.error.is_some(),
        }
    }
}

impl Record {
    /// The purge, for the domain to decide about.
    pub(crate) fn purge(&self) -> Purge {
        let outcomes = self.outcomes.iter().enumerate();
        Purge {
            state: self.state,
            due: after(self.due),
            outcomes: outcomes.filter_map(|(store, noted)| Some((*noted)?.outcome(store))).collect(),
            attempts: self.attempts.into(),
            lease_until: after(self.lease),
            held_by: if self.is_held_by { vec![HoldId(Uuid::nil())] } else { Vec::new() },
            mandate: Mandate::default(),
        }
    }

    /// What is kept of a purge. Each of its fields is named here, so that a new one is thought about.
    pub(crate) fn of(generation: u8, purge: &Purge, is_forgotten: bool) -> Self {
        let Purge { state, due, outcomes, attempts, lease_until, held_by, mandate: _ } = purge;
        let noted = |name| outcomes.iter().find(|outcome| outcome.dataset == name).map(Noted::of);
        Self {
            generation,
            state: *state,
            due: until(*due),
            lease: until(*lease_until),
            attempts: u8::try_from(*attempts).unwrap_or(u8::MAX),
            is_held_by: !held_by.is_empty(),
            outcomes: NAMES.map(noted),
            is_forgotten,
        }
    }

    /// The same after another step of its purge.
    pub(crate) fn with(&self, purge: &Purge) -> Self {
        Self::of(self.generation, purge, self.is_forgotten)
    }

    /// The request that it is part of.
    fn request(&self) -> Request {
        let (id, key) = (RequestId(Uuid::nil()), PersonKey([0; 10]));
        let person = Uuid::nil().into();
        let request = Request::new(id, key, person, Kind::Erasure, Door::Native, now());
        let request = request.with_work(Work::Purge(self.purge()), now());
        if self.is_forgotten { request.forgotten(now(), now()) } else { request }
    }

    /// Whether another erasure may take its place.
    pub(crate) fn makes_way(&self) -> bool {
        self.request().makes_way()
    }

    /// Which scheduled worker must look at it.
    pub(crate) fn attention(&self) -> Option<(Attention, Timestamp)> {
        self.request().attention()
    }

    /// One tick later.
    pub(crate) fn tick(&mut self) {
        self.due = self.due.saturating_sub(1);
        self.lease = self.lease.saturating_sub(1);
    }
}

/// What a hold keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reach {
    /// Everything.
    All,
    /// The first store.
    First,
}

impl Reach {
    pub(crate) const BOTH: [Self; 2] = [Self::All, Self::First];

    pub(crate) fn covers(self, store: usize) -> bool {
        match self {
            Self::All => true,
            Self::First => store == 0,
        }
    }
}

/// The holds in force, as a worker reads them.
pub(crate) fn bars(hold: Option<Reach>) -> Bars {
    let hold = hold.map(|reach| Hold {
        id: HoldId(Uuid::nil()),
        person: None,
        terms: Terms {
            kind: HoldKind::LegalHold,
            ground: String::new(),
            review_on: None,
            until: None,
            scope: Scope {
                dataset: (reach == Reach::First).then(|| NAMES[0].to_owned()),
                ..Scope::default()
            },
        },
        said: Particulars::default(),
        created_at: now(),
        lifted_at: None,
        version: 1,
        keep_until: None,
    });
    Bars::of(hold, now())
}
