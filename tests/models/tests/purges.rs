//! Purges, searched to the end, with all of their guards and without.
//!
//! `LETHE_DEEP=1 cargo test -p models` searches further: much of an hour instead of seconds.

#![allow(clippy::unwrap_used)]

use std::{collections::BTreeSet, time::Instant};

use models::{Bounds, Guard, HAPPENS, Harm, Purges};
use stateright::{Checker, HasDiscoveries, Model};

/// Small searches, the quickest first. With one erasure the other person is as good as not there.
const SMALL: [Bounds; 9] = [
    Bounds { asks: 1, cancels: 1, holds: 0, returns: 0, troubles: 1, ticks: 1 },
    Bounds { asks: 1, cancels: 0, holds: 1, returns: 0, troubles: 0, ticks: 0 },
    Bounds { asks: 1, cancels: 0, holds: 0, returns: 0, troubles: 1, ticks: 2 },
    Bounds { asks: 2, cancels: 1, holds: 0, returns: 0, troubles: 0, ticks: 0 },
    Bounds { asks: 2, cancels: 0, holds: 0, returns: 0, troubles: 1, ticks: 1 },
    Bounds { asks: 2, cancels: 0, holds: 0, returns: 1, troubles: 1, ticks: 1 },
    Bounds { asks: 1, cancels: 1, holds: 1, returns: 0, troubles: 0, ticks: 1 },
    Bounds { asks: 1, cancels: 0, holds: 1, returns: 0, troubles: 1, ticks: 1 },
    Bounds { asks: 2, cancels: 0, holds: 1, returns: 0, troubles: 0, ticks: 0 },
];

/// Both persons, two workers, and two of everything that goes wrong.
const DEEP: [Bounds; 5] = [
    Bounds { asks: 2, cancels: 0, holds: 1, returns: 1, troubles: 0, ticks: 1 },
    Bounds { asks: 2, cancels: 1, holds: 1, returns: 0, troubles: 0, ticks: 0 },
    Bounds { asks: 2, cancels: 1, holds: 0, returns: 0, troubles: 2, ticks: 2 },
    Bounds { asks: 1, cancels: 1, holds: 1, returns: 0, troubles: 2, ticks: 2 },
    Bounds { asks: 2, cancels: 1, holds: 1, returns: 0, troubles: 1, ticks: 1 },
];

fn is_deep() -> bool {
    std::env::var_os("LETHE_DEEP").is_some()
}

/// Searches within these bounds until there is harm; gives what was found, by name.
fn search(bounds: Bounds, without: &[Guard]) -> BTreeSet<&'static str> {
    let began = Instant::now();
    let model = Purges::new(bounds, without.iter().copied().collect());
    let search = model.checker().threads(2).finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    println!("{bounds:?} without {without:?}: {} states, {:?}", search.unique_state_count(), began.elapsed());
    for (name, path) in search.discoveries().iter().filter(|(name, _)| !HAPPENS.contains(name)) {
        println!("{name}: {:?}", path.clone().into_actions());
    }
    search.discoveries().into_keys().collect()
}

/// The harm that is found where these guards are left out, in the first search that finds any.
fn harm(without: &[Guard]) -> Option<(Bounds, BTreeSet<Harm>)> {
    SMALL.into_iter().find_map(|bounds| {
        let found = search(bounds, without);
        let harm: BTreeSet<Harm> =
            Harm::ALL.iter().filter(|(_, name)| found.contains(name)).map(|(harm, _)| *harm).collect();
        (!harm.is_empty()).then_some((bounds, harm))
    })
}

#[test]
fn whatever_comes_first_no_harm_is_done() {
    let deep = DEEP.into_iter().filter(|_| is_deep());
    let found: Vec<_> = SMALL.into_iter().chain(deep).flat_map(|bounds| search(bounds, &[])).collect();

    let found: BTreeSet<_> = found.into_iter().collect();
    assert_eq!(found, BTreeSet::from(HAPPENS), "harm, or what should happen does not");
}

#[test]
fn without_any_one_of_its_guards_harm_is_done() {
    for (guard, expected, hidden_by) in Guard::TABLE {
        let without: Vec<_> = [guard].into_iter().chain(hidden_by).collect();
        let (bounds, found) = harm(&without).unwrap_or_else(|| panic!("nobody misses {without:?}"));
        assert!(found.iter().any(|harm| expected.contains(harm)), "{without:?}: {found:?}");
        if hidden_by.is_some() {
            let found = search(bounds, &[guard]);
            assert!(found.iter().all(|name| HAPPENS.contains(name)), "{guard:?} alone: {found:?}");
        }
    }
}

#[test]
fn the_table_names_every_guard_once() {
    let named: BTreeSet<_> = Guard::TABLE.iter().map(|(guard, ..)| *guard).collect();

    assert_eq!(named.len(), Guard::TABLE.len());
    assert!(named.into_iter().map(|guard| guard as usize).eq(0..Guard::TABLE.len()));
}

#[test]
fn without_any_two_of_its_guards_harm_is_done() {
    for (at, (one, ..)) in Guard::TABLE.into_iter().enumerate().filter(|_| is_deep()) {
        for (other, ..) in Guard::TABLE.into_iter().skip(at + 1) {
            assert!(harm(&[one, other]).is_some(), "nobody misses {one:?} and {other:?}");
        }
    }
}
