//! By when a request must be answered (GDPR Art. 12(3)), and how much of that time is over.
//!
//! One month, counted as Regulation (EEC, Euratom) 1182/71, Art. 3 says: the day of receipt does not
//! count, and the month ends with the day of the same date, or with the last day of a month that has
//! no such date. Days are those of UTC. Deliberately absent: holidays, which only ever lengthen it,
//! and extensions.

use chrono::{DateTime, Months, NaiveTime, TimeDelta};

use crate::Timestamp;

/// The time in which a request must be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    received_at: Timestamp,
    ends_at: Timestamp,
}

/// How much of the time is over: at least this part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Half.
    Half,
    /// Four fifths.
    FourFifths,
    /// All but a twentieth.
    Near,
    /// All of it.
    Breached,
}

impl Stage {
    /// All of them, in the order in which they come.
    pub const ALL: [Self; 4] = [Self::Half, Self::FourFifths, Self::Near, Self::Breached];

    /// In thousandths of the time.
    const fn share(self) -> i64 {
        match self {
            Self::Half => 500,
            Self::FourFifths => 800,
            Self::Near => 950,
            Self::Breached => 1000,
        }
    }
}

impl Deadline {
    /// By then, half of the time of whatever was received before is over: a month has at most 31 days,
    /// and the day of receipt comes on top.
    pub const HALF: TimeDelta = TimeDelta::days(16);

    /// No request has more time than this.
    pub const LONGEST: TimeDelta = TimeDelta::days(32);

    /// The time for what was received at this moment.
    pub fn of(received_at: Timestamp) -> Self {
        let last_day = received_at.date_naive().checked_add_months(Months::new(1));
        let ends_at =
            last_day.and_then(|day| day.succ_opt()).map(|day| day.and_time(NaiveTime::MIN).and_utc());
        // Where the calendar ends, nothing is due any more.
        Self { received_at, ends_at: ends_at.unwrap_or(DateTime::<chrono::Utc>::MAX_UTC) }
    }

    /// The first moment that is too late.
    pub fn ends_at(&self) -> Timestamp {
        self.ends_at
    }

    /// How far it has run; nothing before half of it is over.
    pub fn stage(&self, now: Timestamp) -> Option<Stage> {
        let whole = (self.ends_at - self.received_at).num_milliseconds();
        let over = (now - self.received_at).num_milliseconds();
        let has_come =
            |stage: &Stage| i128::from(over) * 1000 >= i128::from(whole) * i128::from(stage.share());
        Stage::ALL.into_iter().rev().find(has_come)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use chrono::Datelike as _;
    use proptest::prelude::{Strategy, prop_assert, prop_assert_eq, proptest};

    use super::*;

    fn check(received_at: &str, ends_at: &str) {
        let deadline = Deadline::of(received_at.parse().unwrap());
        assert_eq!(deadline.ends_at(), ends_at.parse::<Timestamp>().unwrap(), "{received_at}");
    }

    #[test]
    fn a_month_ends_with_the_day_of_its_date_or_with_its_last_day() {
        check("2026-03-02T10:00:00Z", "2026-04-03T00:00:00Z");
        check("2026-03-02T00:00:00Z", "2026-04-03T00:00:00Z");
        check("2026-03-02T23:59:59Z", "2026-04-03T00:00:00Z");
        check("2026-12-15T10:00:00Z", "2027-01-16T00:00:00Z");
        check("2026-01-31T10:00:00Z", "2026-03-01T00:00:00Z");
        check("2028-01-30T10:00:00Z", "2028-03-01T00:00:00Z");
        check("2028-02-29T10:00:00Z", "2028-03-30T00:00:00Z");
        check("2026-08-31T10:00:00Z", "2026-10-01T00:00:00Z");
    }

    #[test]
    fn stages_come_when_their_part_is_over() {
        let received_at: Timestamp = "2026-03-03T00:00:00Z".parse().unwrap();
        let deadline = Deadline::of(received_at);
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

        assert_eq!(Deadline::of(last).ends_at(), last);
        assert_eq!(Deadline::of(last).stage("2026-03-02T10:00:00Z".parse().unwrap()), None);
    }

    /// Every moment of the years 1970 to 2200.
    fn moments() -> impl Strategy<Value = Timestamp> {
        (0..7_258_118_400_i64).prop_map(|seconds| DateTime::from_timestamp(seconds, 0).unwrap())
    }

    proptest! {
        #[test]
        fn the_last_day_has_the_date_of_receipt_or_ends_its_month(received_at in moments()) {
            let ends_at = Deadline::of(received_at).ends_at();
            let last_day = (ends_at - TimeDelta::nanoseconds(1)).date_naive();

            prop_assert_eq!(ends_at.time(), NaiveTime::MIN);
            let months = |day: chrono::NaiveDate| day.year() * 12 + i32::try_from(day.month()).unwrap();
            prop_assert_eq!(months(last_day), months(received_at.date_naive()) + 1);
            let is_same = last_day.day() == received_at.day();
            let is_last = last_day.day() < received_at.day() && ends_at.day() == 1;
            prop_assert!(is_same || is_last);
        }

        #[test]
        fn who_comes_later_is_never_due_earlier(one in moments(), other in moments()) {
            let (first, second) = (one.min(other), one.max(other));

            prop_assert!(Deadline::of(first).ends_at() <= Deadline::of(second).ends_at());
        }

        #[test]
        fn stages_never_go_back(received_at in moments(), hours in 0..1000_i64, more in 0..1000_i64) {
            let deadline = Deadline::of(received_at);
            let at = |hours| deadline.stage(received_at + TimeDelta::hours(hours));

            prop_assert!(at(hours) <= at(hours + more));
        }

        #[test]
        fn half_is_over_in_time(received_at in moments()) {
            let deadline = Deadline::of(received_at);

            prop_assert!(deadline.stage(received_at + Deadline::HALF) >= Some(Stage::Half));
            prop_assert!(deadline.ends_at() - received_at <= Deadline::LONGEST);
        }
    }
}
