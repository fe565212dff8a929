#![allow(clippy::unwrap_used)]

use chrono::{DateTime, Datelike as _, NaiveTime};
use proptest::prelude::{Strategy, any, prop, prop_assert, prop_assert_eq, proptest};

use super::*;

const KINDS: [Kind; 4] = [Kind::Access, Kind::Erasure, Kind::Correction, Kind::Restriction];

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn law<const N: usize>(regimes: [Regime; N], country: Option<Country>) -> Law {
    Law { regimes: BTreeSet::from(regimes).try_into().unwrap(), country }
}

fn gdpr(country: Country) -> Law {
    law([Regime::Gdpr], Some(country))
}

/// Checks the last day for an answer.
fn check(law: &Law, received_at: &str, last_day: &str) {
    let deadline = law.answer_by(Kind::Access, at(received_at), &Clock::default());
    assert_eq!(deadline.last_day, day(last_day), "{received_at}");
}

fn extension(told_at: &str) -> Extension {
    let told_at = at(told_at);
    let ground = ExtensionGround::Complexity;
    Extension { ground, reason: None, decided_at: told_at, told_at: Some(told_at) }
}

fn extended(told_at: &str) -> Clock {
    Clock { extension: Some(extension(told_at)), ..Clock::default() }
}

fn doubted<const N: usize>(doubts: [(&str, Option<&str>); N]) -> Clock {
    let doubts = doubts.map(|(asked, answered)| Doubt { asked_at: at(asked), answered_at: answered.map(at) });
    Clock { doubts: doubts.into(), ..Clock::default() }
}

#[test]
fn a_month_ends_with_the_day_of_its_date_or_with_its_last_day() {
    let law = Law::default();
    check(&law, "2026-03-02T00:00:00Z", "2026-04-02");
    check(&law, "2026-03-02T23:59:59Z", "2026-04-02");
    check(&law, "2026-12-15T10:00:00Z", "2027-01-15");
    // The last of February.
    check(&law, "2025-01-31T10:00:00Z", "2025-02-28");
    check(&law, "2028-01-30T10:00:00Z", "2028-02-29");
    check(&law, "2028-01-31T10:00:00Z", "2028-02-29");
    check(&law, "2028-02-29T10:00:00Z", "2028-03-29");
    check(&law, "2026-08-31T10:00:00Z", "2026-09-30");
}

#[test]
fn a_period_ends_with_a_working_day() {
    // The last of February 2026 is a Saturday.
    check(&Law::default(), "2026-01-31T10:00:00Z", "2026-03-02");
    check(&Law::default(), "2026-03-01T10:00:00Z", "2026-04-01");
    // Good Friday to Easter Monday; in Greece a week later.
    check(&Law::default(), "2026-03-03T10:00:00Z", "2026-04-03");
    check(&gdpr(Country::De), "2026-03-03T10:00:00Z", "2026-04-07");
    check(&gdpr(Country::Gr), "2026-03-03T10:00:00Z", "2026-04-03");
    check(&gdpr(Country::Gr), "2026-03-10T10:00:00Z", "2026-04-14");
    // Christmas on a Friday.
    check(&gdpr(Country::Fi), "2026-11-25T10:00:00Z", "2026-12-28");
    check(&law([Regime::UkGdpr], Some(Country::Fi)), "2026-11-25T10:00:00Z", "2026-12-29");
    // Scotland has no Easter Monday.
    check(&law([Regime::UkGdpr], None), "2026-03-03T10:00:00Z", "2026-04-06");
}

#[test]
fn days_are_those_of_the_country() {
    let deadline = gdpr(Country::Fi).answer_by(Kind::Access, at("2026-03-01T22:30:00Z"), &Clock::default());

    assert_eq!(deadline.last_day, day("2026-04-02"));
    assert_eq!(deadline.ends_at, at("2026-04-02T21:00:00Z"));
}

#[test]
fn california_counts_days() {
    let law = law([Regime::Ccpa], None);
    check(&law, "2026-03-02T12:00:00Z", "2026-04-16");
    // Memorial Day and Independence Day change nothing, nor does a Sunday.
    check(&law, "2026-05-21T12:00:00Z", "2026-07-05");
    let received_at = at("2026-05-21T12:00:00Z");

    let due = |kind| {
        let deadlines = law.deadlines(kind, received_at, &Clock::default());
        deadlines.into_iter().map(|due| (due.duty, due.last_day.to_string())).collect::<Vec<_>>()
    };

    // Memorial Day is no business day.
    let acknowledged = (Duty::Acknowledge, "2026-06-05".to_owned());
    assert_eq!(due(Kind::Erasure), [acknowledged, (Duty::Answer, "2026-07-05".to_owned())]);
    assert_eq!(due(Kind::Restriction), [(Duty::Answer, "2026-06-12".to_owned())]);
    let told = Clock { acknowledged_at: Some(received_at), ..Clock::default() };
    assert_eq!(law.deadlines(Kind::Erasure, received_at, &told).len(), 1);
}

#[test]
fn an_extension_holds_if_it_was_told_in_time() {
    let received_at = at("2026-03-31T10:00:00Z");
    let last_day = |law: &Law, kind, clock: &Clock| law.answer_by(kind, received_at, clock).last_day;
    let germany = gdpr(Country::De);

    // Due on 30 April; the last of June.
    assert_eq!(last_day(&germany, Kind::Access, &extended("2026-04-30T21:59:59Z")), day("2026-06-30"));
    assert_eq!(last_day(&germany, Kind::Access, &extended("2026-04-30T22:00:00Z")), day("2026-04-30"));
    let untold = Extension { told_at: None, ..extension("2026-04-01T10:00:00Z") };
    let untold = Clock { extension: Some(untold), ..Clock::default() };
    assert_eq!(last_day(&germany, Kind::Access, &untold), day("2026-04-30"));

    // Due on 15 May; ninety days at most, and none for a limit.
    let california = law([Regime::Ccpa], None);
    assert_eq!(last_day(&california, Kind::Access, &extended("2026-05-10T10:00:00Z")), day("2026-06-29"));
    assert_eq!(last_day(&california, Kind::Access, &extended("2026-05-17T10:00:00Z")), day("2026-05-15"));
    assert_eq!(
        last_day(&california, Kind::Restriction, &extended("2026-04-01T10:00:00Z")),
        day("2026-04-21")
    );
}

#[test]
fn a_question_who_asks_stops_the_clock_but_not_in_california() {
    let received_at = at("2026-03-02T10:00:00Z");
    let last_day = |law: &Law, clock: &Clock| law.answer_by(Kind::Access, received_at, clock).last_day;
    let ten_days = doubted([("2026-03-04T10:00:00Z", Some("2026-03-14T20:00:00Z"))]);

    // From 2 April to Sunday, 12 April.
    assert_eq!(last_day(&Law::default(), &ten_days), day("2026-04-13"));
    assert_eq!(last_day(&law([Regime::Ccpa], None), &ten_days), day("2026-04-16"));
    let minutes = doubted([("2026-03-04T10:00:00Z", Some("2026-03-04T11:00:00Z"))]);
    assert_eq!(last_day(&Law::default(), &minutes), day("2026-04-02"));

    // Asked with delay; the second with delay after the answer to the first.
    let late = doubted([("2026-03-09T10:00:01Z", Some("2026-03-19T10:00:00Z"))]);
    assert_eq!(last_day(&Law::default(), &late), day("2026-04-02"));
    let first = ("2026-03-04T10:00:00Z", Some("2026-03-08T10:00:00Z"));
    let prompt = doubted([first, ("2026-03-09T10:00:00Z", Some("2026-03-12T10:00:00Z"))]);
    assert_eq!(last_day(&Law::default(), &prompt), day("2026-04-09"));
    let late = doubted([first, ("2026-03-16T10:00:00Z", Some("2026-03-19T10:00:00Z"))]);
    assert_eq!(last_day(&Law::default(), &late), day("2026-04-06"));

    // Asked an hour before the end, which lies before the answer if whole days alone count.
    let weeks = ["2026-03-09", "2026-03-16", "2026-03-23", "2026-03-30"];
    let weeks = weeks.map(|day| at(&format!("{day}T09:00:00Z")));
    let mut doubts = Vec::from(weeks.map(|at| Doubt { asked_at: at, answered_at: Some(at) }));
    doubts
        .push(Doubt { asked_at: at("2026-04-02T23:00:00Z"), answered_at: Some(at("2026-04-03T22:00:00Z")) });
    assert_eq!(last_day(&Law::default(), &Clock { doubts, ..Clock::default() }), day("2026-04-03"));

    // Asked again each week, the last time when it is too late.
    let (week, wait) = (TimeDelta::days(7), TimeDelta::days(10));
    let weekly = (1..6).map(|weeks| received_at + week * weeks);
    let mut doubts = Vec::from_iter(weekly.map(|at| Doubt { asked_at: at, answered_at: Some(at) }));
    doubts[4].answered_at = Some(doubts[4].asked_at + wait);
    let too_late = Clock { doubts: doubts.clone(), ..Clock::default() };
    assert_eq!(last_day(&Law::default(), &too_late), day("2026-04-02"));
    doubts.remove(4);
    doubts[3].answered_at = Some(doubts[3].asked_at + wait);
    let in_time = Clock { doubts, ..Clock::default() };
    assert_eq!(last_day(&Law::default(), &in_time), day("2026-04-13"));
}

#[test]
fn an_open_question_keeps_the_stage() {
    let received_at = at("2026-03-02T00:00:00Z");
    let open = doubted([("2026-03-07T00:00:00Z", None)]);
    let deadline = Law::default().answer_by(Kind::Access, received_at, &open);
    let both = law([Regime::Gdpr, Regime::Ccpa], None).answer_by(Kind::Access, received_at, &open);

    assert!(deadline.is_stopped());
    assert_eq!(deadline.stage(at("2030-01-01T00:00:00Z")), None);
    assert_eq!((both.regime, both.is_stopped()), (Regime::Ccpa, false));

    // 32 days of which 5 were over, and 20 more that nobody counts.
    let closed = doubted([("2026-03-07T00:00:00Z", Some("2026-03-27T00:00:00Z"))]);
    let deadline = Law::default().answer_by(Kind::Access, received_at, &closed);
    assert_eq!(deadline.ends_at, at("2026-04-23T00:00:00Z"));
    assert_eq!(deadline.stage(at("2026-04-06T23:59:59Z")), None);
    assert_eq!(deadline.stage(at("2026-04-07T00:00:00Z")), Some(Stage::Half));
    assert_eq!(deadline.stage(at("2026-04-23T00:00:00Z")), Some(Stage::Breached));
}

#[test]
fn the_request_may_have_laws_of_its_own() {
    let clock = Clock { regimes: Some(Regime::Ccpa.into()), ..Clock::default() };
    let deadline = Law::default().answer_by(Kind::Access, at("2026-03-02T12:00:00Z"), &clock);

    assert_eq!((deadline.regime, deadline.last_day), (Regime::Ccpa, day("2026-04-16")));
}

#[test]
fn stages_come_when_their_part_is_over() {
    let received_at = at("2026-03-03T00:00:00Z");
    let deadline = Law::default().answer_by(Kind::Access, received_at, &Clock::default());
    let at = |hours| deadline.stage(received_at + TimeDelta::hours(hours));

    // 32 days.
    let whole = 768;
    assert_eq!(at(0), None);
    assert_eq!((at(whole / 2 - 1), at(whole / 2)), (None, Some(Stage::Half)));
    assert_eq!((at(614), at(615)), (Some(Stage::Half), Some(Stage::FourFifths)));
    assert_eq!((at(729), at(730)), (Some(Stage::FourFifths), Some(Stage::Near)));
    assert_eq!((at(whole - 1), at(whole)), (Some(Stage::Near), Some(Stage::Breached)));
}

#[test]
fn the_end_of_the_calendar_is_survived() {
    let last = DateTime::<chrono::Utc>::MAX_UTC;

    for regime in Regime::ALL {
        for kind in KINDS {
            let law = law([regime], Some(Country::Gr));
            for deadline in law.deadlines(kind, last, &Clock::default()) {
                assert_eq!(deadline.stage(at("2026-03-02T10:00:00Z")), None);
            }
        }
    }
}

#[test]
fn settings_name_regimes_and_country() {
    let read = |text| serde_json::from_str::<Law>(text).map_err(drop);

    assert_eq!(read("{}"), Ok(Law::default()));
    let both = r#"{"regimes": ["ccpa", "gdpr"], "country": "FI"}"#;
    assert_eq!(read(both), Ok(law([Regime::Gdpr, Regime::Ccpa], Some(Country::Fi))));
    assert_eq!(read(r#"{"regimes": []}"#), Err(()));
    assert_eq!(read(r#"{"country": "XX"}"#), Err(()));
}

#[test]
fn a_clock_keeps_what_it_knows_but_the_reason() {
    let mut clock = doubted([("2026-03-04T10:00:00Z", None)]);
    clock.extension = Some(Extension { reason: Some("Many.".into()), ..extension("2026-03-05T10:00:00Z") });
    let kept = serde_json::to_value(&clock).unwrap();

    assert!(!kept.to_string().contains("Many"));
    let reason = None;
    let extension = clock.extension.clone().map(|extension| Extension { reason, ..extension });
    assert_eq!(serde_json::from_value::<Clock>(kept).unwrap(), Clock { extension, ..clock });
    assert_eq!(serde_json::to_string(&Clock::default()).unwrap(), "{}");
    assert_eq!(serde_json::from_str::<Clock>("{}").unwrap(), Clock::default());
}

/// Every moment of the years 1990 to 2089.
fn moments() -> impl Strategy<Value = Timestamp> {
    (631_152_000..3_786_912_000_i64).prop_map(|seconds| DateTime::from_timestamp(seconds, 0).unwrap())
}

fn laws() -> impl Strategy<Value = Law> {
    let regimes = prop::sample::subsequence(&Regime::ALL, 1..=Regime::ALL.len());
    let country = prop::option::of(prop::sample::select(&Country::ALL));
    (regimes, country).prop_map(|(regimes, country)| Law {
        regimes: BTreeSet::from_iter(regimes).try_into().unwrap(),
        country,
    })
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop::sample::select(&KINDS)
}

/// A request and whatever can happen to its clock: laws, when it was received, questions one after the
/// other, the last perhaps open, and an extension told or not.
fn requests() -> impl Strategy<Value = (Law, Kind, Timestamp, Clock)> {
    let minutes = |days: i64| 0..days * 24 * 60;
    let doubts = prop::collection::vec((minutes(10), minutes(40)), 0..8);
    let told = prop::option::of(prop::option::of(minutes(120)));
    (laws(), kinds(), moments(), doubts, any::<bool>(), told).prop_map(
        |(law, kind, received_at, times, is_open, told)| {
            let mut since = received_at;
            let mut doubts = Vec::new();
            for (delay, wait) in times {
                let asked_at = since + TimeDelta::minutes(delay);
                since = asked_at + TimeDelta::minutes(wait);
                doubts.push(Doubt { asked_at, answered_at: Some(since) });
            }
            if let Some(last) = doubts.last_mut().filter(|_| is_open) {
                last.answered_at = None;
            }
            let extension = told.map(|told| Extension {
                ground: ExtensionGround::Number,
                reason: None,
                decided_at: received_at,
                told_at: told.map(|minutes| received_at + TimeDelta::minutes(minutes)),
            });
            (law, kind, received_at, Clock { doubts, extension, ..Clock::default() })
        },
    )
}

/// The shortest time that any law gives for an answer, and for a word that a request was received.
fn least(regime: Regime, duty: Duty, kind: Kind) -> TimeDelta {
    let days = match (regime, duty, kind) {
        (_, Duty::Acknowledge, _) => 12,
        (Regime::Gdpr | Regime::UkGdpr, Duty::Answer, _) => 28,
        (Regime::Ccpa, Duty::Answer, Kind::Restriction) => 19,
        (Regime::Ccpa, Duty::Answer, Kind::Access | Kind::Erasure | Kind::Correction) => 45,
    };
    // Days begin and end as early as they do anywhere in the country.
    TimeDelta::days(days) - TimeDelta::hours(2)
}

proptest! {
    #[test]
    fn the_last_day_has_the_date_of_receipt_or_ends_its_month(received_at in moments()) {
        let month = |day: NaiveDate| day.year() * 12 + i32::try_from(day.month()).unwrap();
        let received = received_at.date_naive();
        let deadline = Law::default().answer_by(Kind::Access, received_at, &Clock::default());
        // No weekend is longer than two days.
        let mut ends = (0..3).map(|rolled| deadline.last_day - Days::new(rolled));

        prop_assert_eq!(deadline.ends_at.time(), NaiveTime::MIN);
        let is_due = |day: NaiveDate| {
            let is_last = (day + Days::new(1)).day() == 1;
            let is_same = day.day() == received.day() || (is_last && day.day() < received.day());
            is_same && month(day) == month(received) + 1
        };
        prop_assert!(ends.any(is_due));
    }

    #[test]
    fn who_comes_later_is_never_due_earlier(law in laws(), kind in kinds(), one in moments(), wait in 0..5_000_000_i64) {
        let due = |received_at| law.answer_by(kind, received_at, &Clock::default()).ends_at;

        prop_assert!(due(one) <= due(one + TimeDelta::seconds(wait)));
    }

    #[test]
    fn nobody_has_less_time_than_the_law_gives((law, kind, received_at, clock) in requests()) {
        for deadline in law.deadlines(kind, received_at, &clock) {
            prop_assert!(deadline.ends_at - received_at >= least(deadline.regime, deadline.duty, kind));
        }
    }

    #[test]
    fn a_period_under_the_gdpr_ends_with_a_working_day_and_has_two((law, kind, received_at, clock) in requests()) {
        for deadline in law.deadlines(kind, received_at, &clock) {
            let calendar = deadline.regime.calendar(law.country);
            let days = calendar.day_of(received_at).iter_days().skip(1);
            let working = days.take_while(|day| *day <= deadline.last_day);
            prop_assert!(working.filter(|day| calendar.is_working_day(*day)).take(2).count() == 2);
            let is_moved = deadline.regime != Regime::Ccpa || deadline.duty == Duty::Acknowledge;
            prop_assert!(!is_moved || calendar.is_working_day(deadline.last_day));
        }
    }

    #[test]
    fn an_extension_gives_two_months_at_most((law, kind, received_at, clock) in requests()) {
        let plain = Clock { extension: None, ..clock.clone() };
        let pairs = law.deadlines(kind, received_at, &plain).into_iter()
            .zip(law.deadlines(kind, received_at, &clock));
        for (plain, own) in pairs {
            let more = own.last_day - plain.last_day;
            let told = clock.extension.as_ref().and_then(|extension| extension.told_at);
            let is_in_time = told.is_some_and(|told| told < plain.ends_at);
            prop_assert!(is_in_time || more.is_zero());
            prop_assert!(more >= TimeDelta::zero());
            match own.regime {
                // Two months, and to the next working day.
                Regime::Gdpr | Regime::UkGdpr => prop_assert!(more <= TimeDelta::days(62 + 6)),
                Regime::Ccpa => prop_assert!(more.is_zero() || more == TimeDelta::days(45)),
            }
        }
    }

    #[test]
    fn questions_give_no_more_time_than_they_took((law, kind, received_at, clock) in requests()) {
        let unasked = Clock { doubts: Vec::new(), ..clock.clone() };
        // An extension may be in time because of them.
        let (clock, unasked) = (Clock { extension: None, ..clock }, Clock { extension: None, ..unasked });
        let took: TimeDelta = clock.doubts.iter()
            .filter_map(|doubt| Some(doubt.answered_at? - doubt.asked_at)).sum();
        let pairs = law.deadlines(kind, received_at, &unasked).into_iter()
            .zip(law.deadlines(kind, received_at, &clock));
        for (unasked, own) in pairs {
            prop_assert!(own.last_day >= unasked.last_day);
            prop_assert!(own.last_day - unasked.last_day <= took + TimeDelta::days(7));
            prop_assert!(own.regime != Regime::Ccpa || own == unasked);
        }
    }

    #[test]
    fn another_law_never_gives_more_time((law, kind, received_at, clock) in requests(), more in prop::sample::select(&Regime::ALL)) {
        let mut regimes = BTreeSet::from(law.regimes.clone());
        regimes.insert(more);
        let stricter = Law { regimes: regimes.try_into().unwrap(), ..law.clone() };
        let key = |law: &Law| {
            let deadline = law.answer_by(kind, received_at, &clock);
            (deadline.is_stopped(), deadline.ends_at)
        };

        prop_assert!(key(&stricter) <= key(&law));
    }

    #[test]
    fn stages_never_go_back((law, kind, received_at, clock) in requests(), hours in 0..5000_i64, more in 0..2000_i64) {
        for deadline in law.deadlines(kind, received_at, &clock) {
            let at = |hours| deadline.stage(received_at + TimeDelta::hours(hours));
            prop_assert!(at(hours) <= at(hours + more));
        }
    }

    #[test]
    fn it_is_too_late_at_the_end_and_not_before((law, kind, received_at, clock) in requests(), early in 1..100_000_i64) {
        for deadline in law.deadlines(kind, received_at, &clock).into_iter().filter(|due| !due.is_stopped()) {
            prop_assert_eq!(deadline.stage(deadline.ends_at), Some(Stage::Breached));
            prop_assert!(deadline.stage(deadline.ends_at - TimeDelta::seconds(early)) < Some(Stage::Breached));
        }
    }

    #[test]
    fn the_clock_that_stands_still_breaks_no_law((law, kind, received_at, clock) in requests(), hours in 0..9000_i64) {
        for deadline in law.deadlines(kind, received_at, &clock).into_iter().filter(Deadline::is_stopped) {
            prop_assert!(deadline.stage(received_at + TimeDelta::hours(hours)) < Some(Stage::Breached));
        }
    }

    #[test]
    fn nothing_is_half_over_before_the_first_look((law, kind, received_at, clock) in requests()) {
        for deadline in law.deadlines(kind, received_at, &clock) {
            prop_assert_eq!(deadline.stage(received_at + law.first_look()), None);
        }
    }
}
