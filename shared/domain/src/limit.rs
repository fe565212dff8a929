//! How often something may be done: a bucket of tokens that fills again, told by one moment (the generic cell
//! rate algorithm).

use chrono::TimeDelta;

use crate::Timestamp;

/// So many times at once, and once more whenever so much time has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// How often at once.
    pub burst: i32,
    /// After what time once more.
    pub every: TimeDelta,
}

impl Limit {
    /// Takes a token from a bucket that is full again at `full_at`: when it is full again then.
    ///
    /// # Errors
    /// When the next token is there, if none is now.
    pub fn take(self, full_at: Option<Timestamp>, now: Timestamp) -> Result<Timestamp, Timestamp> {
        let whole = self.every * self.burst;
        let full_at = full_at.map_or(now, |at| at.max(now)) + self.every;
        if full_at - now <= whole { Ok(full_at) } else { Err(full_at - whole) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: Limit = Limit { burst: 5, every: TimeDelta::seconds(10) };

    fn at(millis: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + TimeDelta::milliseconds(millis)
    }

    proptest! {
        #[test]
        fn no_more_is_taken_than_the_bucket_has_had(steps in prop::collection::vec(0i64..20_000, 1..200)) {
            let (mut now, mut full_at, mut taken) = (0, None, Vec::new());
            for step in steps {
                now += step;
                match LIMIT.take(full_at, at(now)) {
                    Ok(next) => {
                        full_at = Some(next);
                        taken.push(now);
                    }
                    // Whoever comes when they were told to is let through.
                    Err(retry_at) => {
                        prop_assert!(retry_at > at(now) && LIMIT.take(full_at, retry_at).is_ok());
                    }
                }
            }
            for (place, start) in taken.iter().enumerate() {
                for (number, end) in taken[place..].iter().enumerate() {
                    prop_assert!(i64::try_from(number).unwrap() < 5 + (end - start) / 10_000 + 1);
                }
            }
        }
    }

    #[test]
    fn a_bucket_left_alone_is_full_again() {
        let mut full_at = None;
        for _ in 0..5 {
            full_at = Some(LIMIT.take(full_at, at(0)).unwrap());
        }

        assert_eq!(LIMIT.take(full_at, at(0)), Err(at(10_000)));
        assert_eq!(LIMIT.take(full_at, at(9_999)), Err(at(10_000)));
        assert_eq!(LIMIT.take(full_at, at(50_000)), Ok(at(60_000)));
    }
}
