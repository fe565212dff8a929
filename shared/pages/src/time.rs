//! Moments, as people read them.

use chrono::{DateTime, Utc};

/// `1 May 2026, 12:00 UTC`
pub(crate) fn moment(at: &DateTime<Utc>) -> String {
    at.format("%-d %B %Y, %H:%M UTC").to_string()
}

/// `1 May 2026`
pub(crate) fn day(at: &DateTime<Utc>) -> String {
    at.format("%-d %B %Y").to_string()
}

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
}
