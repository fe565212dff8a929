//! What holds for every sequence of events, not only for those somebody thought of.

#![allow(clippy::unwrap_used)]

use chrono::TimeDelta;
use proptest::prelude::{Just, Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};

use crate::{
    HoldId, Permission, Timestamp,
    consent::{Change, Consent, ConsentLevel},
    purge::{Purge, PurgeState, StoreOutcome},
    takeout::{Archive, Delivery, Form, Takeout, TakeoutState},
    tenant::Tenant,
};

fn start() -> Timestamp {
    "2026-01-31T12:00:00Z".parse().unwrap()
}

fn tenant() -> Tenant {
    Tenant::new("af5fbd30-7ce7-4548-8b30-4cd59cb2aba1".parse().unwrap())
}

/// Something that can happen to a purge.
#[derive(Clone, Debug)]
enum Event {
    Wait(i64),
    Reschedule(Option<i64>),
    Cancel,
    Claim,
    Hold,
    LetGo,
    Found(u64),
    Left(u64),
    Fail,
    Release,
    Finish,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        (0..200_i64).prop_map(Event::Wait),
        prop::option::of(-100..4000_i64).prop_map(Event::Reschedule),
        Just(Event::Cancel),
        Just(Event::Claim),
        Just(Event::Hold),
        Just(Event::LetGo),
        (0..9_u64).prop_map(Event::Found),
        (0..3_u64).prop_map(Event::Left),
        Just(Event::Fail),
        Just(Event::Release),
        Just(Event::Finish),
    ];
    prop::collection::vec(event, 0..60)
}

fn outcome(left: u64) -> StoreOutcome {
    StoreOutcome {
        dataset: "shop".into(),
        collection: "orders".into(),
        found: left,
        after: Some(left),
        ..StoreOutcome::default()
    }
}

proptest! {
    /// No claim before its time or after a cancel; no cancel after a claim; done means verified; what has
    /// ended stays ended.
    #[test]
    fn a_purge_keeps_its_promises(suggested in prop::option::of(-100..4000_i64), events in events()) {
        let mut now = start();
        let at = |now: Timestamp, hours: Option<i64>| hours.map(|hours| now + TimeDelta::hours(hours));
        let mut purge = Purge::queue(at(now, suggested), &tenant(), now);
        let mut cancelled = false;
        let mut claimed = false;
        for event in events {
            let before = purge.clone();
            let next = match event {
                Event::Wait(hours) => {
                    now += TimeDelta::hours(hours);
                    continue;
                }
                Event::Reschedule(hours) => before.clone().reschedule(at(now, hours), &tenant(), now),
                Event::Cancel => before.clone().cancel(),
                Event::Claim => before.clone().claim(now),
                Event::Hold => before.clone().hold(vec![HoldId(uuid::Uuid::nil())], now),
                Event::LetGo => before.clone().let_go(),
                Event::Found(rows) => before.clone().plan([StoreOutcome { after: None, ..outcome(rows) }], now),
                Event::Left(rows) => before.clone().record(outcome(rows), now),
                Event::Fail => before.clone().fail(now),
                Event::Release => before.clone().release(now),
                Event::Finish => before.clone().finish(),
            };
            let Ok(next) = next else { continue };
            match event {
                Event::Claim => {
                    prop_assert!(!cancelled);
                    prop_assert!(before.due <= now);
                    claimed = true;
                }
                Event::Cancel => {
                    prop_assert!(!claimed || !before.has_begun());
                    cancelled = true;
                }
                Event::Reschedule(_) => {
                    prop_assert!(next.due >= now && next.due <= now + tenant().max_delay());
                    prop_assert!(!cancelled && next.state != PurgeState::Running);
                }
                Event::Finish => prop_assert!(next.is_verified()),
                Event::Hold | Event::LetGo => prop_assert!(!cancelled),
                Event::Wait(_) | Event::Found(_) | Event::Left(_) | Event::Fail | Event::Release => {}
            }
            // Only what is held is held by something.
            prop_assert!(next.state == PurgeState::Held || next.held_by.is_empty());
            prop_assert!(!matches!(before.state, PurgeState::Done));
            if before.state == PurgeState::Cancelled {
                prop_assert_eq!(next.state, PurgeState::Cancelled);
            }
            for outcome in &next.outcomes {
                prop_assert!(outcome.erased + outcome.kept + outcome.after.unwrap_or(0) <= outcome.found);
            }
            purge = next;
        }
    }

    /// A password outlives no archive, nothing is given out late, and every way ends.
    #[test]
    fn a_takeout_keeps_its_promises(
        confirmed_first in any::<bool>(),
        steps in prop::collection::vec((0..6_u8, 0..200_i64), 0..60),
    ) {
        let delivery = if confirmed_first {
            Delivery::To("a@example.com".into())
        } else {
            Delivery::AfterConfirmation("b@example.com".into())
        };
        let mut now = start();
        let mut takeout = Takeout::order("correct horse".into(), delivery, [7; 32], Form::default(), &tenant(), now);
        for (step, hours) in steps {
            now += TimeDelta::hours(hours);
            let archive = Archive { key: "k".into(), size: 1, sha256: String::new(), records: 0 };
            let next = match step {
                0 => takeout.clone().confirm(now),
                1 => takeout.clone().begin(now),
                2 => takeout.clone().finish(archive, [8; 32]),
                3 => takeout.clone().fail(now),
                4 => takeout.clone().release(now),
                _ => takeout.clone().expire(now),
            };
            if let Ok(next) = next {
                takeout = next;
            }
            let in_work = matches!(takeout.state, TakeoutState::Unconfirmed | TakeoutState::InProgress);
            prop_assert_eq!(takeout.password.is_some(), in_work);
            prop_assert_eq!(takeout.archive.is_some(), takeout.state == TakeoutState::Ready);
            prop_assert!(takeout.download(now).is_none() || now < takeout.expires_at);
            prop_assert!(takeout.attempts <= Takeout::MAX_ATTEMPTS + 1);
        }
    }

    /// A level has a `created_at` as old as its unbroken run of grants, and never one from the future.
    #[test]
    fn consents_remember_since_when(changes in prop::collection::vec(
        prop::collection::btree_set(prop::sample::select(vec![
            ConsentLevel::Necessary, ConsentLevel::Analytics, ConsentLevel::Marketing, ConsentLevel::Tracking,
        ]), 0..4), 1..30,
    )) {
        let mut state: Vec<Consent> = Vec::new();
        let mut since = std::collections::BTreeMap::new();
        for (minutes, levels) in (0..).zip(changes) {
            let now = start() + TimeDelta::minutes(minutes);
            let levels: Vec<ConsentLevel> = levels.into_iter().collect();
            since.retain(|level, _| levels.contains(level));
            for level in &levels {
                since.entry(*level).or_insert(now);
            }
            state = Change::Replace(levels).apply(&state, now);
            let told: std::collections::BTreeMap<_, _> =
                state.iter().map(|consent| (consent.level, consent.created_at)).collect();
            prop_assert_eq!(&told, &since);
        }
    }
}

/// The same decision as [`Permission::granted_by`], written as plainly as possible.
fn oracle(grant: &[&str], need: &[&str], has_wildcards: bool) -> bool {
    match (grant, need) {
        ([], []) => true,
        (["*"], [_, ..]) if has_wildcards => true,
        (["*", grant @ ..], [_, need @ ..]) if has_wildcards => oracle(grant, need, true),
        ([given, grant @ ..], [needed, need @ ..]) if given == needed => oracle(grant, need, has_wildcards),
        _ => false,
    }
}

#[test]
fn permissions_match_as_the_oracle_says_for_every_grant_of_up_to_four_segments() {
    const WORDS: [&str; 10] =
        ["purge", "person", "user", "gdpr", "read", "restriction", "self", "admin", "*", ""];
    let mut grants: Vec<Vec<&str>> = WORDS.iter().map(|word| vec![*word]).collect();
    for _ in 1..4 {
        let longer = grants.iter().flat_map(|grant| {
            WORDS.iter().map(move |word| grant.iter().copied().chain([*word]).collect::<Vec<_>>())
        });
        let longer: Vec<_> = longer.collect();
        grants.extend(longer);
    }
    grants.sort();
    grants.dedup();

    for grant in &grants {
        let written = grant.join(":");
        for need in Permission::ALL {
            let segments: Vec<&str> = need.name().split(':').collect();
            let is_rallyhere = matches!(segments[..], ["purge", ..] | ["user", "restriction", ..]);
            assert_eq!(
                need.granted_by(&written),
                oracle(grant, &segments, is_rallyhere),
                "{written} for {}",
                need.name()
            );
        }
    }
}

proptest! {
    /// Spaces and capitals are part of a name: what differs by them is another permission.
    #[test]
    fn a_grant_is_taken_as_it_is_written(
        need in prop::sample::select(Permission::ALL),
        at in any::<prop::sample::Index>(),
        change in prop::sample::select(vec![" ", "\t", "\u{a0}", "\u{200b}", "\0", ":", "", "x"]),
        flips in any::<bool>(),
    ) {
        let name = need.name();
        prop_assert!(need.granted_by(name));
        let at = at.index(name.len());
        let (head, tail) = name.split_at(at);
        let changed = match flips {
            true if tail.starts_with(|c: char| c.is_ascii_lowercase()) => {
                format!("{head}{}{}", tail[..1].to_uppercase(), &tail[1..])
            }
            true => format!("{head}{}{}", tail[..1].to_lowercase(), &tail[1..]),
            false => format!("{head}{change}{tail}"),
        };
        prop_assert_eq!(need.granted_by(&changed), changed == name);
    }
}
