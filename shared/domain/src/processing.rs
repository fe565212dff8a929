//! Whether a person's data may be used for a purpose now, and why.
//!
//! The first line that holds decides:
//!
//! | # | what holds | reason | allowed | not asked where the basis is |
//! |---|---|---|---|---|
//! | 1 | the person was erased and has not come back | `erased` | no | |
//! | 2 | an erasure waits, runs, is held or has failed | `pending_purge` | no | legal obligation, vital interests |
//! | 3 | a restriction is in force (Art. 18) | `restricted` | no | vital interests |
//! | 4 | an objection that is not overridden (Art. 21) | `objected` | no | contract, legal obligation, vital interests; unless it is direct marketing |
//! | 5 | the basis is not consent | `not_required` | yes | |
//! | 6 | the consent is given (Art. 7) | `consent` | yes | |
//! | 7 | the consent was given once | `consent_withdrawn` | no | |
//! | 8 | | `no_consent` | no | |

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Timestamp,
    consent::{Consent, ConsentLevel},
    purge::PurgeState,
};

/// On what the use of data rests (Art. 6(1)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names of the law")]
pub enum Basis {
    Consent,
    Contract,
    LegalObligation,
    LegitimateInterests,
    VitalInterests,
    PublicTask,
}

impl Basis {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Consent,
        Self::Contract,
        Self::LegalObligation,
        Self::LegitimateInterests,
        Self::VitalInterests,
        Self::PublicTask,
    ];
}

/// What data is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Purpose {
    /// On what it rests.
    pub basis: Basis,
    /// The consent that it needs, if that is what it rests on.
    #[serde(default)]
    pub consent: Option<ConsentLevel>,
    /// Whether it is direct marketing.
    #[serde(default)]
    pub direct_marketing: bool,
}

impl Purpose {
    /// Whether it is direct marketing, by its own word or by the consent that it needs.
    pub fn is_direct_marketing(&self) -> bool {
        self.direct_marketing
            || matches!(self.consent, Some(ConsentLevel::Marketing | ConsentLevel::Retargeting))
    }

    /// Whether a person can object to it. The law speaks of interests and public tasks, and of
    /// direct marketing on any basis; an objection where consent was asked for is heard as well.
    pub fn is_opposable(&self) -> bool {
        self.is_direct_marketing()
            || match self.basis {
                Basis::Consent | Basis::LegitimateInterests | Basis::PublicTask => true,
                Basis::Contract | Basis::LegalObligation | Basis::VitalInterests => false,
            }
    }

    fn waits_for_purge(&self) -> bool {
        !matches!(self.basis, Basis::LegalObligation | Basis::VitalInterests)
    }

    fn can_be_restricted(&self) -> bool {
        self.basis != Basis::VitalInterests
    }
}

/// The purposes of a tenant, by name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "BTreeMap<String, Purpose>")]
pub struct Purposes(BTreeMap<String, Purpose>);

/// Why the purposes of a tenant were refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PurposeError {
    /// The name is not usable.
    #[error("a purpose has a name of 1 to 64 characters of a-z, A-Z, 0-9, '_', '-', '.'")]
    Name,
    /// Basis and consent do not fit.
    #[error("the purpose {0} names the level of its consent if, and only if, consent is its basis")]
    Consent(String),
}

impl TryFrom<BTreeMap<String, Purpose>> for Purposes {
    type Error = PurposeError;

    fn try_from(purposes: BTreeMap<String, Purpose>) -> Result<Self, PurposeError> {
        for (name, purpose) in &purposes {
            let usable = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
            if name.is_empty() || name.len() > 64 || !name.chars().all(usable) {
                return Err(PurposeError::Name);
            }
            // `none` is the refusal of all consent, not one of them.
            let given = purpose.consent.is_some_and(|level| level != ConsentLevel::None);
            if given != (purpose.basis == Basis::Consent) {
                return Err(PurposeError::Consent(name.clone()));
            }
        }
        Ok(Self(purposes))
    }
}

/// Each consent level is the purpose of its name.
impl Default for Purposes {
    fn default() -> Self {
        let purpose = |(name, level): (&str, ConsentLevel)| {
            let purpose = Purpose { basis: Basis::Consent, consent: Some(level), direct_marketing: false };
            (name.to_owned(), purpose)
        };
        Self(
            [
                ("necessary", ConsentLevel::Necessary),
                ("analytics", ConsentLevel::Analytics),
                ("marketing", ConsentLevel::Marketing),
                ("retargeting", ConsentLevel::Retargeting),
                ("tracking", ConsentLevel::Tracking),
            ]
            .map(purpose)
            .into(),
        )
    }
}

impl Purposes {
    /// The purpose of this name.
    pub fn get(&self, name: &str) -> Option<&Purpose> {
        self.0.get(name)
    }

    /// All names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// An objection, as far as it decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objected {
    /// Since when.
    #[serde(rename = "t")]
    pub since: Timestamp,
    /// Whether the company's grounds override it.
    #[serde(rename = "o")]
    pub overridden: bool,
}

/// What bears on a decision in a person's own record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    /// When each restriction ends; never where there is no time.
    #[serde(rename = "r", default, skip_serializing_if = "Vec::is_empty")]
    pub restrictions: Vec<Option<Timestamp>>,
    /// Objections by purpose.
    #[serde(rename = "o", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub objections: BTreeMap<String, Objected>,
}

/// How an erasure stands, as far as it decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// How far it has got.
    pub state: PurgeState,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// When it last changed.
    pub changed_at: Timestamp,
    /// Until when its proof is kept.
    pub keep_until: Option<Timestamp>,
}

/// Everything in the ledger that bears on a decision about a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// What is in their own record; none if they are not registered.
    pub person: Option<Marks>,
    /// The consents in force.
    pub granted: Vec<Consent>,
    /// Those that are not any more, with when they were withdrawn.
    pub withdrawn: Vec<Consent>,
    /// The erasure that is, or was last, under way.
    pub erasure: Option<Erasure>,
}

/// Why data may, or may not, be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "ProcessingReason")]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the table of the module says what each means")]
pub enum Reason {
    Erased,
    PendingPurge,
    Restricted,
    Objected,
    NotRequired,
    Consent,
    ConsentWithdrawn,
    NoConsent,
}

impl Reason {
    /// Whether the data may be used.
    pub const fn allows(self) -> bool {
        match self {
            Self::NotRequired | Self::Consent => true,
            Self::Erased
            | Self::PendingPurge
            | Self::Restricted
            | Self::Objected
            | Self::ConsentWithdrawn
            | Self::NoConsent => false,
        }
    }
}

/// A decision, with since when it holds where that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Why.
    pub reason: Reason,
    /// Since when.
    pub since: Option<Timestamp>,
}

impl Standing {
    /// Whether anything is known of the person: they are registered, or it can be proven that they
    /// were erased.
    pub fn is_known(&self, now: Timestamp) -> bool {
        let is_erased = |erasure: &Erasure| erasure.state != PurgeState::Cancelled;
        self.person.is_some() || self.erasure(now).is_some_and(is_erased)
    }

    fn erasure(&self, now: Timestamp) -> Option<&Erasure> {
        self.erasure.as_ref().filter(|erasure| erasure.keep_until.is_none_or(|end| now < end))
    }

    /// Whether the person's data may be used for `purpose`, which the tenant calls `name`.
    pub fn decide(&self, name: &str, purpose: &Purpose, now: Timestamp) -> Decision {
        let decided = |reason, since| Decision { reason, since };
        if let Some(erasure) = self.erasure(now) {
            match erasure.state {
                PurgeState::Done if self.person.is_none() => {
                    return decided(Reason::Erased, Some(erasure.changed_at));
                }
                PurgeState::Queued | PurgeState::Held | PurgeState::Running | PurgeState::Failed
                    if purpose.waits_for_purge() =>
                {
                    return decided(Reason::PendingPurge, Some(erasure.asked_at));
                }
                PurgeState::Queued
                | PurgeState::Held
                | PurgeState::Running
                | PurgeState::Failed
                | PurgeState::Done
                | PurgeState::Cancelled => {}
            }
        }
        if let Some(Marks { restrictions, objections }) = &self.person {
            let in_force = |end: &Option<Timestamp>| end.is_none_or(|end| now < end);
            if purpose.can_be_restricted() && restrictions.iter().any(in_force) {
                return decided(Reason::Restricted, None);
            }
            let objected = objections.get(name).filter(|_| purpose.is_opposable());
            // What was overridden for another purpose of this name does not count against direct
            // marketing.
            let counts = |objected: &&Objected| !objected.overridden || purpose.is_direct_marketing();
            if let Some(objected) = objected.filter(counts) {
                return decided(Reason::Objected, Some(objected.since));
            }
        }
        let Some(level) = purpose.consent else { return decided(Reason::NotRequired, None) };
        let since = |consents: &[Consent]| {
            consents.iter().find(|consent| consent.level == level).map(|consent| consent.created_at)
        };
        match (since(&self.granted), since(&self.withdrawn)) {
            (Some(at), _) => decided(Reason::Consent, Some(at)),
            (None, Some(at)) => decided(Reason::ConsentWithdrawn, Some(at)),
            (None, None) => decided(Reason::NoConsent, None),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use chrono::TimeDelta;
    use proptest::prelude::{Strategy, any, prop, prop_assert, prop_assert_eq, proptest};

    use super::*;

    fn now() -> Timestamp {
        "2026-03-02T10:00:00Z".parse().unwrap()
    }

    fn purposes(json: &str) -> Result<Purposes, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn consent_is_named_where_it_is_the_basis_and_nowhere_else() {
        assert!(purposes(r#"{"ads": {"basis": "consent", "consent": "marketing"}}"#).is_ok());
        assert!(purposes(r#"{"tax": {"basis": "legal_obligation"}}"#).is_ok());
        for refused in [
            r#"{"ads": {"basis": "consent"}}"#,
            r#"{"ads": {"basis": "consent", "consent": "none"}}"#,
            r#"{"tax": {"basis": "contract", "consent": "necessary"}}"#,
            r#"{"tax law": {"basis": "contract"}}"#,
            r#"{"": {"basis": "contract"}}"#,
            r#"{"tax": {"basis": "contract", "unknown": 1}}"#,
        ] {
            assert!(purposes(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn without_settings_each_level_is_the_purpose_of_its_name() {
        let purposes = Purposes::default();

        assert_eq!(purposes.names().count(), 5);
        assert!(purposes.get("none").is_none());
        assert!(Purposes::try_from(purposes.0.clone()).is_ok());
        assert!(purposes.get("marketing").unwrap().is_direct_marketing());
    }

    #[test]
    fn a_restriction_that_is_over_bars_nothing() {
        let purpose = Purpose { basis: Basis::Contract, consent: None, direct_marketing: false };
        let check = |ends: &[Option<Timestamp>], expected: Reason| {
            let person = Some(Marks { restrictions: ends.to_vec(), ..Marks::default() });
            let standing = Standing { person, ..Standing::default() };
            assert_eq!(standing.decide("x", &purpose, now()).reason, expected, "{ends:?}");
        };

        check(&[], Reason::NotRequired);
        check(&[Some(now())], Reason::NotRequired);
        check(&[Some(now()), Some(now() + TimeDelta::seconds(1))], Reason::Restricted);
        check(&[None], Reason::Restricted);
    }

    #[test]
    fn whoever_comes_back_after_an_erasure_is_not_erased() {
        let purpose = *Purposes::default().get("analytics").unwrap();
        let erasure = Some(Erasure {
            state: PurgeState::Done,
            asked_at: now() - TimeDelta::days(2),
            changed_at: now() - TimeDelta::days(1),
            keep_until: Some(now() + TimeDelta::days(1)),
        });
        let gone = Standing { erasure, ..Standing::default() };
        let back = Standing { person: Some(Marks::default()), ..gone.clone() };

        assert_eq!(
            gone.decide("analytics", &purpose, now()),
            Decision { reason: Reason::Erased, since: Some(now() - TimeDelta::days(1)) }
        );
        assert_eq!(back.decide("analytics", &purpose, now()).reason, Reason::NoConsent);
        assert!(gone.is_known(now()) && !gone.is_known(now() + TimeDelta::days(1)));
    }

    fn purpose() -> impl Strategy<Value = Purpose> {
        let level = prop::sample::select(vec![
            ConsentLevel::Necessary,
            ConsentLevel::Analytics,
            ConsentLevel::Marketing,
        ]);
        (prop::sample::select(Basis::ALL.to_vec()), level, any::<bool>()).prop_map(
            |(basis, level, direct_marketing)| {
                let consent = (basis == Basis::Consent).then_some(level);
                Purpose { basis, consent, direct_marketing }
            },
        )
    }

    fn standing() -> impl Strategy<Value = Standing> {
        let hours = || (-3..3_i64).prop_map(|hours| now() + TimeDelta::hours(hours));
        let state = prop::sample::select(vec![
            PurgeState::Queued,
            PurgeState::Held,
            PurgeState::Running,
            PurgeState::Done,
            PurgeState::Failed,
            PurgeState::Cancelled,
        ]);
        let erasure = (state, prop::option::of(hours())).prop_map(|(state, keep_until)| Erasure {
            state,
            asked_at: now(),
            changed_at: now(),
            keep_until,
        });
        let marks = (prop::collection::vec(prop::option::of(hours()), 0..2), prop::option::of(any::<bool>()));
        let marks = marks.prop_map(|(restrictions, overridden)| Marks {
            restrictions,
            objections: overridden
                .map(|overridden| ("x".to_owned(), Objected { since: now(), overridden }))
                .into_iter()
                .collect(),
        });
        let consents = || {
            let level = prop::sample::select(vec![
                ConsentLevel::None,
                ConsentLevel::Necessary,
                ConsentLevel::Analytics,
                ConsentLevel::Marketing,
            ]);
            let consent = level.prop_map(|level| Consent { level, created_at: now() });
            prop::collection::vec(consent, 0..3)
        };
        (prop::option::of(marks), consents(), consents(), prop::option::of(erasure)).prop_map(
            |(person, granted, withdrawn, erasure)| Standing { person, granted, withdrawn, erasure },
        )
    }

    proptest! {
        /// What allows is looked at from every side: nothing that forbids is there.
        #[test]
        fn nothing_is_allowed_against_a_reason_that_forbids(purpose in purpose(), standing in standing()) {
            let decision = standing.decide("x", &purpose, now());
            if !decision.reason.allows() {
                return Ok(());
            }
            let kept = |erasure: &Erasure| erasure.keep_until.is_none_or(|end| now() < end);
            let erasure = standing.erasure.filter(kept).map(|erasure| erasure.state);
            let pending = [PurgeState::Queued, PurgeState::Held, PurgeState::Running, PurgeState::Failed];
            if erasure.is_some_and(|state| pending.contains(&state)) {
                prop_assert!(matches!(purpose.basis, Basis::LegalObligation | Basis::VitalInterests));
            }
            prop_assert!(erasure != Some(PurgeState::Done) || standing.person.is_some());
            if let Some(marks) = &standing.person {
                let restricted = marks.restrictions.iter().any(|end| end.is_none_or(|end| now() < end));
                prop_assert!(!restricted || purpose.basis == Basis::VitalInterests);
                if let Some(objected) = marks.objections.get("x") {
                    prop_assert!(!purpose.is_opposable() || objected.overridden);
                    prop_assert!(!purpose.is_direct_marketing());
                }
            }
            match purpose.consent {
                Some(level) => prop_assert!(standing.granted.iter().any(|consent| consent.level == level)),
                None => prop_assert_eq!(decision.reason, Reason::NotRequired),
            }
        }

        /// A consent for one thing is none for another, and what concerns another purpose does not count.
        #[test]
        fn a_purpose_depends_on_nothing_but_its_own(purpose in purpose(), standing in standing()) {
            let mut other = standing.clone();
            other.granted.retain(|consent| Some(consent.level) == purpose.consent);
            other.withdrawn.retain(|consent| Some(consent.level) == purpose.consent);
            if let Some(marks) = &mut other.person {
                marks.objections.insert("y".into(), Objected { since: now(), overridden: false });
            }
            prop_assert_eq!(standing.decide("x", &purpose, now()), other.decide("x", &purpose, now()));
        }
    }
}
