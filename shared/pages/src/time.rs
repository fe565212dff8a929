//! Moments, as people read them.

use chrono::{DateTime, Datelike as _, NaiveDate, Utc};
use domain::locale::Locale;

/// `1 May 2026, 12:00 UTC`
pub(crate) fn moment(at: &DateTime<Utc>) -> String {
    at.format("%-d %B %Y, %H:%M UTC").to_string()
}

/// `1 May 2026`
pub(crate) fn day(at: &DateTime<Utc>) -> String {
    at.format("%-d %B %Y").to_string()
}

/// A moment, in a language.
pub(crate) fn moment_in(locale: Locale, at: DateTime<Utc>) -> String {
    let day = day_in(locale, at.date_naive());
    match locale {
        Locale::En => moment(&at),
        Locale::De => format!("{day}, {} Uhr UTC", at.format("%H:%M")),
        Locale::Fi => format!("{day} klo {} UTC", at.format("%-H.%M")),
    }
}

/// A day, in a language.
pub(crate) fn day_in(locale: Locale, day: NaiveDate) -> String {
    match locale {
        Locale::En => day.format("%-d %B %Y").to_string(),
        Locale::De => {
            let month = MONATE.get(day.month0() as usize).copied().unwrap_or_default();
            format!("{}. {month} {}", day.day(), day.year())
        }
        // Written out, the month would need its case.
        Locale::Fi => day.format("%-d.%-m.%Y").to_string(),
    }
}

const MONATE: [&str; 12] = [
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
];

/// `2026-05-01T12:00:00Z`, for machines.
pub(crate) fn stamp(at: &DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The moment of every sample.
pub(crate) fn sample() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + chrono::TimeDelta::days(20_574) + chrono::TimeDelta::hours(12)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_by_people_and_machines() {
        assert_eq!(moment(&sample()), "1 May 2026, 12:00 UTC");
        assert_eq!(stamp(&sample()), "2026-05-01T12:00:00Z");
    }

    #[test]
    fn moments_are_read_in_every_language() {
        let moments = Locale::ALL.map(|locale| moment_in(locale, sample()));

        assert_eq!(
            moments,
            ["1 May 2026, 12:00 UTC", "1. Mai 2026, 12:00 Uhr UTC", "1.5.2026 klo 12.00 UTC"]
        );
    }
}
