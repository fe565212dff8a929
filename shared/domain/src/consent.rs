//! Consent: an append-only history in which the last state is the current one (GDPR Art. 7).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// A class of data use that a person may allow, as in `001_371a57b7554a0a7f.txt`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the documentation the seed gives")]
pub enum ConsentLevel {
    None,
    Necessary,
    Analytics,
    Marketing,
    Retargeting,
    Tracking,
}

/// A level that is granted, and since when without a break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// What is allowed.
    #[serde(rename = "l")]
    pub level: ConsentLevel,
    /// When it was first granted in this unbroken run.
    #[serde(rename = "t")]
    pub created_at: Timestamp,
}

/// What a change of consent asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Exactly these levels from now on.
    Replace(Vec<ConsentLevel>),
    /// These levels no more.
    Withdraw(Vec<ConsentLevel>),
    /// No level any more.
    WithdrawAll,
}

/// Why a set of levels was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConsentError {
    /// Clearing is a deletion, not an empty grant.
    #[error("at least one consent level is required")]
    Empty,
    /// `none` contradicts any other level.
    #[error("the consent level none must stand alone")]
    NoneWithOthers,
}

/// One state in a person's consent history; it is the state, the event and the audit record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// 1 for the first, without gaps.
    pub number: u64,
    /// When the change was made.
    pub at: Timestamp,
    /// Who made it: a client or subject id.
    pub by: String,
    /// Everything granted from now on, in the order of the enum.
    pub consents: Vec<Consent>,
    /// What was granted before and is not any more, with when it was withdrawn. Follows from the
    /// versions before.
    pub withdrawn: Vec<Consent>,
    /// The hash of the version before; zeros for the first.
    pub previous: [u8; 32],
}

/// What is withdrawn once `consents` are all that is granted after `before`.
pub fn withdrawn(before: Option<&Version>, consents: &[Consent], now: Timestamp) -> Vec<Consent> {
    let Some(before) = before else { return Vec::new() };
    let just_now = before.consents.iter().map(|consent| Consent { created_at: now, ..*consent });
    let mut withdrawn: Vec<Consent> = before.withdrawn.iter().copied().chain(just_now).collect();
    withdrawn.retain(|old| !consents.iter().any(|consent| consent.level == old.level));
    withdrawn.sort_unstable_by_key(|consent| consent.level);
    withdrawn
}

/// Checks a full set of levels. Duplicates are folded, the order is the enum's.
///
/// # Errors
/// An empty set, or `none` beside others.
pub fn levels(given: &[ConsentLevel]) -> Result<Vec<ConsentLevel>, ConsentError> {
    let mut levels = given.to_vec();
    levels.sort_unstable();
    levels.dedup();
    match levels.as_slice() {
        [] => Err(ConsentError::Empty),
        [ConsentLevel::None, _, ..] => Err(ConsentError::NoneWithOthers),
        [_, ..] => Ok(levels),
    }
}

impl Change {
    /// What is granted after the change. A level that stays keeps its `created_at`; one that
    /// comes, or comes back, gets `now`.
    pub fn apply(&self, current: &[Consent], now: Timestamp) -> Vec<Consent> {
        match self {
            Self::Replace(levels) => levels
                .iter()
                .map(|&level| {
                    let kept = current.iter().find(|consent| consent.level == level);
                    kept.copied().unwrap_or(Consent { level, created_at: now })
                })
                .collect(),
            Self::Withdraw(levels) => {
                current.iter().filter(|consent| !levels.contains(&consent.level)).copied().collect()
            }
            Self::WithdrawAll => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::ConsentLevel::{Analytics, Marketing, Necessary, None, Tracking};
    use super::*;

    fn at(second: u32) -> Timestamp {
        format!("2026-01-01T00:00:{second:02}Z").parse().unwrap()
    }

    #[test]
    fn a_level_that_stays_keeps_its_time_and_one_that_returns_gets_a_new_one() {
        let first = Change::Replace(vec![Necessary, Analytics]).apply(&[], at(1));
        let second = Change::Replace(vec![Analytics, Marketing]).apply(&first, at(2));
        let third = Change::Replace(vec![Necessary, Analytics]).apply(&second, at(3));

        let time = |state: &[Consent], level| state.iter().find(|c| c.level == level).map(|c| c.created_at);
        assert_eq!(time(&second, Analytics), Some(at(1)));
        assert_eq!(time(&second, Marketing), Some(at(2)));
        assert_eq!(time(&second, Necessary), Option::None);
        assert_eq!(time(&third, Necessary), Some(at(3)));
        assert_eq!(time(&third, Analytics), Some(at(1)));
    }

    #[test]
    fn withdrawal_takes_away_only_what_is_named() {
        let state = Change::Replace(vec![Necessary, Analytics]).apply(&[], at(1));

        let left = Change::Withdraw(vec![Analytics, Tracking]).apply(&state, at(2));

        assert_eq!(left, vec![Consent { level: Necessary, created_at: at(1) }]);
        assert!(Change::WithdrawAll.apply(&state, at(2)).is_empty());
    }

    #[test]
    fn what_is_withdrawn_is_remembered_until_it_is_granted_again() {
        let version = |consents: Vec<Consent>, withdrawn| Version {
            number: 1,
            at: at(1),
            by: "x".into(),
            consents,
            withdrawn,
            previous: [0; 32],
        };
        let levels = |state: &[Consent]| state.iter().map(|c| (c.level, c.created_at)).collect::<Vec<_>>();
        let first = version(Change::Replace(vec![Necessary, Analytics]).apply(&[], at(1)), Vec::new());
        assert!(withdrawn(Option::None, &first.consents, at(1)).is_empty());

        let fewer = Change::Withdraw(vec![Analytics]).apply(&first.consents, at(2));
        let second = version(fewer.clone(), withdrawn(Some(&first), &fewer, at(2)));
        assert_eq!(levels(&second.withdrawn), [(Analytics, at(2))]);

        let third = withdrawn(Some(&second), &[], at(3));
        assert_eq!(levels(&third), [(Necessary, at(3)), (Analytics, at(2))]);
        let again = Change::Replace(vec![Analytics]).apply(&fewer, at(4));
        assert_eq!(levels(&withdrawn(Some(&second), &again, at(4))), [(Necessary, at(4))]);
    }

    #[test]
    fn sets_are_checked_and_folded() {
        assert_eq!(levels(&[Analytics, Necessary, Analytics]), Ok(vec![Necessary, Analytics]));
        assert_eq!(levels(&[None]), Ok(vec![None]));
        assert_eq!(levels(&[]), Err(ConsentError::Empty));
        assert_eq!(levels(&[Necessary, None]), Err(ConsentError::NoneWithOthers));
    }
}
