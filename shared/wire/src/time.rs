//! Times as the dialects write and read them.

use chrono::{DateTime, SecondsFormat, Utc};
use domain::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de};

/// Whole seconds, `Z` (PACE).
pub fn seconds(at: Timestamp) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Milliseconds, `Z` (Trivore, native).
pub fn millis(at: Timestamp) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Microseconds, `Z` (SlashID).
pub fn micros(at: Timestamp) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// As pydantic v1 prints: `+00:00`, microseconds unless they are zero (RallyHere).
pub fn offset(at: Timestamp) -> String {
    let format = if at.timestamp_subsec_micros() == 0 { SecondsFormat::Secs } else { SecondsFormat::Micros };
    at.to_rfc3339_opts(format, false)
}

/// The last second of the year 9999, beyond which no time is taken.
const LAST: i64 = 253_402_300_799;

/// Reads a time as RallyHere's callers write it: RFC 3339 with an offset, or Unix seconds as
/// number or digits. Large numbers are not taken for milliseconds: that would turn a far future
/// into a near one, and purge at once.
pub fn read(text: &str) -> Option<Timestamp> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().and_then(unix);
    }
    let at = DateTime::parse_from_rfc3339(text).ok()?.with_timezone(&Utc);
    // A leap second has no Unix time, and pydantic refuses it as well.
    let is_leap = at.timestamp_subsec_nanos() >= 1_000_000_000;
    ((0..=LAST).contains(&at.timestamp()) && !is_leap).then_some(at)
}

fn unix(seconds: i64) -> Option<Timestamp> {
    (0..=LAST).contains(&seconds).then(|| DateTime::from_timestamp(seconds, 0)).flatten()
}

/// A time with an offset, or Unix seconds, which are taken for UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(inline, with = "Written")]
pub struct Time(pub Timestamp);

/// The forms in which [`read`] takes a time.
#[derive(JsonSchema)]
#[schemars(inline, untagged)]
#[expect(dead_code, reason = "only its form is told")]
enum Written {
    Text(Timestamp),
    Seconds(#[schemars(range(min = 0, max = LAST))] f64),
}

/// What the deserialiser says of a time that it cannot take; the fault is known by it.
pub(crate) const NOT_A_TIME: &str = "not a time";

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        fn taken<E: de::Error>(at: Option<Timestamp>) -> Result<Time, E> {
            at.map(Time).ok_or_else(|| E::custom(NOT_A_TIME))
        }

        impl de::Visitor<'_> for Visitor {
            type Value = Time;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(NOT_A_TIME)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Time, E> {
                taken(read(text))
            }

            fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<Time, E> {
                taken(unix(seconds))
            }

            fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Time, E> {
                taken(i64::try_from(seconds).ok().and_then(unix))
            }

            fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<Time, E> {
                // Everything in this range is exact to the microsecond and fits.
                let in_range = (0.0..=LAST as f64).contains(&seconds);
                taken(in_range.then(|| DateTime::from_timestamp_micros((seconds * 1e6) as i64)).flatten())
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn check(json: &str, expected: Option<&str>) {
        let read: Option<Time> = serde_json::from_str(json).ok();
        assert_eq!(read.map(|time| micros(time.0)).as_deref(), expected, "{json}");
    }

    #[test]
    fn times_are_aware_and_numbers_are_seconds() {
        check(r#""2026-01-01T00:00:00Z""#, Some("2026-01-01T00:00:00.000000Z"));
        check(r#""2026-01-01T02:00:00.5+02:00""#, Some("2026-01-01T00:00:00.500000Z"));
        check("1767225600", Some("2026-01-01T00:00:00.000000Z"));
        check("1767225600.25", Some("2026-01-01T00:00:00.250000Z"));
        check(r#""1767225600""#, Some("2026-01-01T00:00:00.000000Z"));
        check("0", Some("1970-01-01T00:00:00.000000Z"));
        for refused in [
            r#""2026-01-01T00:00:00""#,
            r#""2026-01-01""#,
            r#""tomorrow""#,
            r#""2026-03-31T23:59:60Z""#,
            r#""""#,
            "1767225600000",
            "253402300800",
            "-1",
            "1e300",
            "true",
            "[]",
            "{}",
            r#""NaN""#,
            r#""-5""#,
            r#""99999999999999999999""#,
            r#""10000-01-01T00:00:00Z""#,
        ] {
            check(refused, None);
        }
    }

    #[test]
    fn each_dialect_prints_times_in_its_own_form() {
        let at = "2026-01-01T00:00:00.123456Z".parse().unwrap();

        assert_eq!(seconds(at), "2026-01-01T00:00:00Z");
        assert_eq!(millis(at), "2026-01-01T00:00:00.123Z");
        assert_eq!(micros(at), "2026-01-01T00:00:00.123456Z");
    }

    #[test]
    fn the_years_1970_to_9999_are_read_to_their_last_second() {
        for (text, seconds) in [
            ("0", Some(0)),
            ("253402300799", Some(253_402_300_799)),
            ("253402300800", None),
            ("1970-01-01T00:00:00Z", Some(0)),
            ("1969-12-31T23:59:59Z", None),
            ("9999-12-31T23:59:59.999999Z", Some(253_402_300_799)),
            ("9999-12-31T23:59:59-00:01", None),
            ("", None),
            ("+5", None),
        ] {
            assert_eq!(read(text).map(|at| at.timestamp()), seconds, "{text}");
        }
        check("253402300799.0", Some("9999-12-31T23:59:59.000000Z"));
        check("253402300799.5", None);
        check("-0.5", None);
        check("0.0", Some("1970-01-01T00:00:00.000000Z"));
    }

    #[test]
    fn pydantic_prints_no_empty_microseconds() {
        assert_eq!(offset("2026-01-01T00:00:00Z".parse().unwrap()), "2026-01-01T00:00:00+00:00");
        assert_eq!(offset("2026-01-01T00:00:00.25Z".parse().unwrap()), "2026-01-01T00:00:00.250000+00:00");
    }
}
