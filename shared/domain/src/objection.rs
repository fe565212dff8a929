//! Objections: a person does not want to be subject to a purpose any longer (GDPR Art. 21).

use serde::{Deserialize, Serialize};

use crate::{Timestamp, processing::Purpose};

/// A person's objection to one purpose. It takes effect at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objection {
    /// Since when.
    pub at: Timestamp,
    /// Who recorded it.
    pub by: String,
    /// What the company holds against it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overridden: Option<Override>,
}

/// Compelling grounds that override an objection (Art. 21(1)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// Which grounds.
    pub ground: String,
    /// Who answers for that.
    pub by: String,
    /// Since when.
    pub at: Timestamp,
}

/// Why an objection, or its overriding, was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ObjectionError {
    /// The purpose rests on a basis against which there is no objection.
    #[error("there is no objection to a purpose on this basis")]
    NoRight,
    /// An objection to direct marketing counts whatever the company says (Art. 21(2) and (3)).
    #[error("an objection to direct marketing cannot be overridden")]
    DirectMarketing,
    /// The ground is empty, too long, or has control characters.
    #[error("a ground has 1 to {} characters without control characters", Objection::LONGEST_GROUND)]
    Ground,
}

impl Objection {
    const LONGEST_GROUND: usize = 1000;

    /// An objection to `purpose` made now.
    ///
    /// # Errors
    /// [`ObjectionError::NoRight`] unless the purpose can be objected to.
    pub fn to(purpose: &Purpose, by: String, now: Timestamp) -> Result<Self, ObjectionError> {
        if purpose.is_opposable() {
            Ok(Self { at: now, by, overridden: None })
        } else {
            Err(ObjectionError::NoRight)
        }
    }

    /// The same objection, overridden.
    ///
    /// # Errors
    /// When the purpose is direct marketing, or the ground says nothing.
    pub fn overrule(
        self,
        purpose: &Purpose,
        ground: String,
        by: String,
        now: Timestamp,
    ) -> Result<Self, ObjectionError> {
        let chars = ground.chars().count();
        if purpose.is_direct_marketing() {
            return Err(ObjectionError::DirectMarketing);
        }
        if !(1..=Self::LONGEST_GROUND).contains(&chars) || ground.chars().any(char::is_control) {
            return Err(ObjectionError::Ground);
        }
        Ok(Self { overridden: Some(Override { ground, by, at: now }), ..self })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::processing::Basis;

    fn now() -> Timestamp {
        "2026-03-02T10:00:00Z".parse().unwrap()
    }

    fn purpose(basis: Basis, direct_marketing: bool) -> Purpose {
        Purpose { basis, consent: None, direct_marketing }
    }

    #[test]
    fn direct_marketing_is_never_overridden() {
        for basis in Basis::ALL {
            let purpose = purpose(basis, true);
            let objection = Objection::to(&purpose, "clerk".into(), now()).unwrap();

            let result = objection.overrule(&purpose, "profit".into(), "boss".into(), now());
            assert_eq!(result, Err(ObjectionError::DirectMarketing), "{basis:?}");
        }
    }

    #[test]
    fn only_compelling_grounds_override() {
        let purpose = purpose(Basis::LegitimateInterests, false);
        let objection = Objection::to(&purpose, "clerk".into(), now()).unwrap();
        let check = |ground: &str, expected: Option<ObjectionError>| {
            let result = objection.clone().overrule(&purpose, ground.into(), "boss".into(), now());
            assert_eq!(result.err(), expected, "{ground}");
        };

        check("fraud against other customers", None);
        check("", Some(ObjectionError::Ground));
        check("a\nb", Some(ObjectionError::Ground));
    }

    #[test]
    fn there_is_no_objection_to_what_the_law_or_a_contract_wants() {
        for basis in [Basis::Contract, Basis::LegalObligation, Basis::VitalInterests] {
            let result = Objection::to(&purpose(basis, false), "clerk".into(), now());
            assert_eq!(result, Err(ObjectionError::NoRight), "{basis:?}");
        }
    }
}
