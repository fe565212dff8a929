//! Working days of the countries by whose law time is counted.
//!
//! A day that is missing here makes us earlier than we must be; one that is wrongly here would make us
//! late. So a holiday is what the law of 2026 makes one each year in the whole country: nothing regional,
//! no eves, no days that are proclaimed or moved from year to year. For the same reason days begin and end
//! as early as they do anywhere in the country, in summer as in winter, and no time zone is asked for.

use chrono::{Datelike as _, NaiveDate, NaiveTime, TimeDelta, Weekday};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// The countries of the European Economic Area, the United Kingdom and the United States, by ISO 3166.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the codes of ISO 3166")]
pub enum Country {
    At,
    Be,
    Bg,
    Cy,
    Cz,
    De,
    Dk,
    Ee,
    Es,
    Fi,
    Fr,
    Gb,
    Gr,
    Hr,
    Hu,
    Ie,
    Is,
    It,
    Li,
    Lt,
    Lu,
    Lv,
    Mt,
    Nl,
    No,
    Pl,
    Pt,
    Ro,
    Se,
    Si,
    Sk,
    Us,
}

/// A day of any year: a hundred times its month, and its day.
type Date = u32;

/// The day of this weekday between two days, of which there are no more than seven.
type Between = (Weekday, Date, Date);

/// What is a holiday, unless it always is a Saturday or a Sunday.
struct Holidays {
    dates: &'static [Date],
    /// Which Easter the days after it are counted from.
    church: Church,
    /// Days after Easter Sunday.
    easter: &'static [i64],
    between: &'static [Between],
}

#[derive(Clone, Copy)]
enum Church {
    Western,
    Orthodox,
}

impl Country {
    /// All of them.
    pub const ALL: [Self; 32] = [
        Self::At,
        Self::Be,
        Self::Bg,
        Self::Cy,
        Self::Cz,
        Self::De,
        Self::Dk,
        Self::Ee,
        Self::Es,
        Self::Fi,
        Self::Fr,
        Self::Gb,
        Self::Gr,
        Self::Hr,
        Self::Hu,
        Self::Ie,
        Self::Is,
        Self::It,
        Self::Li,
        Self::Lt,
        Self::Lu,
        Self::Lv,
        Self::Mt,
        Self::Nl,
        Self::No,
        Self::Pl,
        Self::Pt,
        Self::Ro,
        Self::Se,
        Self::Si,
        Self::Sk,
        Self::Us,
    ];

    /// Hours that its clocks are ahead of UTC: the fewest and the most, wherever and whenever. The law of
    /// the United States that we know is California's.
    const fn ahead(self) -> (i64, i64) {
        match self {
            Self::Is => (0, 0),
            Self::Pt => (-1, 1),
            Self::Gb | Self::Ie => (0, 1),
            Self::Es => (0, 2),
            Self::Bg | Self::Cy | Self::Ee | Self::Fi | Self::Gr | Self::Lt | Self::Lv | Self::Ro => (2, 3),
            Self::Us => (-8, -7),
            Self::At
            | Self::Be
            | Self::Cz
            | Self::De
            | Self::Dk
            | Self::Fr
            | Self::Hr
            | Self::Hu
            | Self::It
            | Self::Li
            | Self::Lu
            | Self::Mt
            | Self::Nl
            | Self::No
            | Self::Pl
            | Self::Se
            | Self::Si
            | Self::Sk => (1, 2),
        }
    }

    #[rustfmt::skip]
    const fn holidays(self) -> Holidays {
        use Church::{Orthodox, Western};
        use Weekday::{Fri, Mon, Thu, Tue};
        let (church, dates, easter, between): (Church, &[Date], &[i64], &[Between]) = match self {
            Self::At => (Western, &[101, 106, 501, 815, 1026, 1101, 1208, 1225, 1226], &[1, 39, 50, 60], &[]),
            Self::Be => (Western, &[101, 501, 721, 815, 1101, 1111, 1225], &[1, 39, 50], &[]),
            Self::Bg => (Orthodox, &[101, 303, 501, 506, 524, 906, 922, 1224, 1225, 1226], &[-2, 1], &[]),
            Self::Cy => (
                Orthodox, &[101, 106, 325, 401, 501, 815, 1001, 1028, 1225, 1226], &[-48, -2, 1, 50], &[],
            ),
            Self::Cz => (
                Western, &[101, 501, 508, 705, 706, 928, 1028, 1117, 1224, 1225, 1226], &[-2, 1], &[],
            ),
            Self::De => (Western, &[101, 501, 1003, 1225, 1226], &[-2, 1, 39, 50], &[]),
            Self::Dk => (Western, &[101, 1225, 1226], &[-3, -2, 1, 39, 50], &[]),
            Self::Ee => (Western, &[101, 224, 501, 623, 624, 820, 1224, 1225, 1226], &[-2], &[]),
            // Regions may replace 6 January.
            Self::Es => (Western, &[101, 501, 815, 1012, 1101, 1206, 1208, 1225], &[-2], &[]),
            Self::Fi => (Western, &[101, 106, 501, 1206, 1225, 1226], &[-2, 1, 39], &[]),
            Self::Fr => (Western, &[101, 501, 508, 714, 815, 1101, 1111, 1225], &[1, 39, 50], &[]),
            // What Scotland, Northern Ireland, England and Wales have in common. A holiday at a weekend
            // is made up for.
            Self::Gb => (
                Western, &[101, 1225, 1226], &[-2],
                &[
                    (Mon, 102, 103), (Mon, 501, 507), (Mon, 525, 531), (Mon, 1227, 1228),
                    (Tue, 1227, 1228),
                ],
            ),
            Self::Gr => (Orthodox, &[101, 106, 325, 501, 815, 1028, 1225, 1226], &[-48, -2, 1, 50], &[]),
            Self::Hr => (
                Western, &[101, 106, 501, 530, 622, 805, 815, 1101, 1118, 1225, 1226], &[1, 60], &[],
            ),
            Self::Hu => (Western, &[101, 315, 501, 820, 1023, 1101, 1224, 1225, 1226], &[-2, 1, 50], &[]),
            // Saint Brigid's Day is the first Monday of February, or its first day if that is a Friday.
            Self::Ie => (
                Western, &[101, 317, 1225, 1226], &[1],
                &[
                    (Fri, 201, 201), (Mon, 201, 203), (Mon, 205, 207), (Mon, 501, 507), (Mon, 601, 607),
                    (Mon, 801, 807), (Mon, 1025, 1031),
                ],
            ),
            Self::Is => (
                Western, &[101, 501, 617, 1225, 1226], &[-3, -2, 1, 39, 50],
                &[(Thu, 419, 425), (Mon, 801, 807)],
            ),
            Self::It => (Western, &[101, 106, 425, 501, 602, 815, 1101, 1208, 1225, 1226], &[1], &[]),
            Self::Li => (Western, &[101, 106, 501, 815, 908, 1101, 1208, 1225, 1226], &[1, 39, 50, 60], &[]),
            Self::Lt => (
                Western, &[101, 216, 311, 501, 624, 706, 815, 1101, 1102, 1224, 1225, 1226], &[1], &[],
            ),
            Self::Lu => (Western, &[101, 501, 509, 623, 815, 1101, 1225, 1226], &[1, 39, 50], &[]),
            Self::Lv => (Western, &[101, 501, 504, 623, 624, 1118, 1224, 1225, 1226, 1231], &[-2, 1], &[]),
            Self::Mt => (
                Western, &[101, 210, 319, 331, 501, 607, 629, 815, 908, 921, 1208, 1213, 1225], &[-2], &[],
            ),
            Self::Nl => (Western, &[101, 427, 1225, 1226], &[-2, 1, 39, 50], &[]),
            Self::No => (Western, &[101, 501, 517, 1225, 1226], &[-3, -2, 1, 39, 50], &[]),
            Self::Pl => (Western, &[101, 106, 501, 503, 815, 1101, 1111, 1224, 1225, 1226], &[1, 60], &[]),
            Self::Pt => (Western, &[101, 425, 501, 610, 815, 1005, 1101, 1201, 1208, 1225], &[-2, 60], &[]),
            Self::Ro => (
                Orthodox, &[101, 102, 106, 107, 124, 501, 601, 815, 1130, 1201, 1225, 1226], &[-2, 1, 50],
                &[],
            ),
            Self::Se => (Western, &[101, 106, 501, 606, 1225, 1226], &[-2, 1, 39], &[]),
            Self::Si => (
                Western, &[101, 102, 208, 427, 501, 502, 625, 815, 1031, 1101, 1225, 1226], &[1], &[],
            ),
            // Less what has been a working day in one of the last years.
            Self::Sk => (Western, &[101, 106, 501, 705, 829, 1101, 1224, 1225, 1226], &[-2, 1], &[]),
            // 5 U.S.C. 6103. What falls on a Sunday is kept on Monday; that federal offices are closed
            // on the Friday before a Saturday makes no holiday of it.
            Self::Us => (
                Western, &[101, 619, 704, 1111, 1225], &[],
                &[
                    (Mon, 102, 102), (Mon, 115, 121), (Mon, 215, 221), (Mon, 525, 531), (Mon, 620, 620),
                    (Mon, 705, 705), (Mon, 901, 907), (Mon, 1008, 1014), (Mon, 1112, 1112),
                    (Thu, 1122, 1128), (Mon, 1226, 1226),
                ],
            ),
        };
        Holidays { dates, church, easter, between }
    }
}

impl Church {
    /// Easter Sunday; nothing before 1583 and after 9999.
    fn easter(self, year: i32) -> Option<NaiveDate> {
        match self {
            Self::Western => {
                let easter = computus::gregorian(year).ok()?;
                NaiveDate::from_ymd_opt(easter.year, easter.month, easter.day)
            }
            Self::Orthodox => {
                let easter = computus::julian(year).ok()?;
                // By how much the Julian calendar is behind, from March of a century's first year on.
                let behind = year / 100 - year / 400 - 2;
                let julian = NaiveDate::from_ymd_opt(easter.year, easter.month, easter.day)?;
                julian.checked_add_signed(TimeDelta::days(behind.into()))
            }
        }
    }
}

impl Holidays {
    fn contain(&self, day: NaiveDate) -> bool {
        let date = day.month() * 100 + day.day();
        let is_between =
            |(weekday, from, to): &Between| day.weekday() == *weekday && (*from..=*to).contains(&date);
        let after_easter = || self.church.easter(day.year()).map(|easter| (day - easter).num_days());
        self.dates.contains(&date)
            || self.between.iter().any(is_between)
            || after_easter().is_some_and(|days| self.easter.contains(&days))
    }
}

/// How days are counted in a country; where none is known, in UTC and with weekends alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calendar(pub Option<Country>);

impl Calendar {
    /// The day on which something happened; where the country has several at a time, the earliest.
    pub fn day_of(self, at: Timestamp) -> NaiveDate {
        let (fewest, _) = self.0.map_or((0, 0), Country::ahead);
        at.checked_add_signed(TimeDelta::hours(fewest)).unwrap_or(at).date_naive()
    }

    /// The first moment after a day. Where the calendar ends, nothing is over any more.
    pub fn end_of(self, day: NaiveDate) -> Timestamp {
        let (_, most) = self.0.map_or((0, 0), Country::ahead);
        let midnight = day.succ_opt().map(|next| next.and_time(NaiveTime::MIN).and_utc());
        midnight.and_then(|end| end.checked_sub_signed(TimeDelta::hours(most))).unwrap_or(Timestamp::MAX_UTC)
    }

    /// Whether people work: it is neither at a weekend nor a holiday.
    pub fn is_working_day(self, day: NaiveDate) -> bool {
        let is_weekend = matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
        !is_weekend && !self.0.is_some_and(|country| country.holidays().contain(day))
    }

    /// The day itself, or the next on which people work.
    pub fn working_day_from(self, day: NaiveDate) -> NaiveDate {
        day.iter_days().find(|day| self.is_working_day(*day)).unwrap_or(NaiveDate::MAX)
    }

    /// The last of so many working days after a day.
    pub fn after_working_days(self, day: NaiveDate, count: usize) -> NaiveDate {
        let working = day.iter_days().skip(1).filter(|day| self.is_working_day(*day));
        working.take(count).last().unwrap_or(day)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::{Strategy, prop, prop_assert, prop_assert_eq, proptest};

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn check(country: Country, holidays: &[&str]) {
        let calendar = Calendar(Some(country));
        for holiday in holidays {
            assert!(!calendar.is_working_day(day(holiday)), "{holiday} in {country:?}");
            assert!(Calendar(None).is_working_day(day(holiday)), "{holiday} is at a weekend");
        }
    }

    #[test]
    fn holidays_are_those_of_the_country() {
        check(Country::De, &["2026-04-03", "2026-04-06", "2026-05-14", "2026-05-25", "2028-10-03"]);
        check(Country::Fi, &["2026-01-06", "2026-05-01", "2027-12-06", "2026-05-14"]);
        check(Country::Gr, &["2026-02-23", "2026-04-10", "2026-04-13", "2026-06-01", "2027-05-03"]);
        check(Country::Is, &["2026-04-23", "2026-08-03"]);
        // Boxing Day 2026 is a Saturday; Christmas 2027 a Saturday; New Year 2028 a Saturday.
        check(Country::Gb, &["2026-12-28", "2027-12-27", "2027-12-28", "2028-01-03", "2026-05-25"]);
        check(Country::Ie, &["2026-02-02", "2030-02-01", "2026-10-26"]);
        check(Country::Us, &["2026-01-19", "2026-06-19", "2026-11-26", "2027-07-05", "2026-09-07"]);
    }

    #[test]
    fn what_is_no_holiday_everywhere_each_year_is_a_working_day() {
        let check = |country, text| assert!(Calendar(Some(country)).is_working_day(day(text)), "{text}");

        // Corpus Christi, Midsummer Eve, Easter Monday, the Monday after Saint Brigid's Friday, the Friday
        // before Independence Day on a Saturday, the western Easter Monday in Greece.
        check(Country::De, "2026-06-04");
        check(Country::Fi, "2026-06-19");
        check(Country::Gb, "2026-04-06");
        check(Country::Ie, "2030-02-04");
        check(Country::Us, "2026-07-03");
        check(Country::Gr, "2026-04-06");
    }

    #[test]
    fn a_day_ends_when_it_ends_first() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let finland = Calendar(Some(Country::Fi));
        let california = Calendar(Some(Country::Us));

        assert_eq!(finland.day_of(at("2026-03-01T22:30:00Z")), day("2026-03-02"));
        assert_eq!(finland.end_of(day("2026-04-02")), at("2026-04-02T21:00:00Z"));
        assert_eq!(california.day_of(at("2026-03-02T07:59:59Z")), day("2026-03-01"));
        assert_eq!(california.end_of(day("2026-04-02")), at("2026-04-03T07:00:00Z"));
        assert_eq!(finland.end_of(NaiveDate::MAX), Timestamp::MAX_UTC);
    }

    #[test]
    fn codes_are_those_of_iso_3166() {
        let codes = serde_json::to_string(&[Country::At, Country::Gb, Country::Us]).unwrap();

        assert_eq!(codes, r#"["AT","GB","US"]"#);
    }

    /// Every country, and none.
    pub(crate) fn calendars() -> impl Strategy<Value = Calendar> {
        prop::option::of(prop::sample::select(&Country::ALL)).prop_map(Calendar)
    }

    /// The days of the years 1990 to 2090.
    fn days() -> impl Strategy<Value = NaiveDate> {
        (0..36_525_u64).prop_map(|days| day("1990-01-01") + chrono::Days::new(days))
    }

    proptest! {
        #[test]
        fn the_next_working_day_is_the_first(calendar in calendars(), day in days()) {
            let next = calendar.working_day_from(day);

            prop_assert!(calendar.is_working_day(next));
            prop_assert!(day.iter_days().take_while(|day| *day < next).all(|day| !calendar.is_working_day(day)));
            // Good Friday to Easter Monday, with Maundy Thursday or a holiday beside it.
            prop_assert!((next - day).num_days() <= 6);
        }

        #[test]
        fn working_days_are_counted_one_by_one(calendar in calendars(), day in days(), count in 1..40_usize) {
            let last = calendar.after_working_days(day, count);

            prop_assert!(calendar.is_working_day(last));
            let between = day.iter_days().skip(1).take_while(|day| *day <= last);
            prop_assert_eq!(between.filter(|day| calendar.is_working_day(*day)).count(), count);
        }

        #[test]
        fn what_happened_lies_before_the_end_of_its_day(calendar in calendars(), day in days(), hour in 0..24_i64) {
            let at = day.and_time(NaiveTime::MIN).and_utc() + TimeDelta::hours(hour);
            let end = calendar.end_of(calendar.day_of(at));

            // Days that begin early and end early are up to three hours short.
            prop_assert!(end > at - TimeDelta::hours(3));
            prop_assert!(end - at <= TimeDelta::hours(24));
        }
    }
}
