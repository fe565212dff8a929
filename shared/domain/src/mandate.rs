//! How a purge is to be carried out, and who lets it.

use serde::{Deserialize, Serialize};

use crate::{PersonKey, plan::Plan};

/// What a purge may do, beside when: by which policy, as which plan, released by whom.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Mandate {
    /// The tenant's policy by which rows are erased; the data map's own methods if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The hash of the plan that was read: if the stores hold anything else, nothing is erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// Who of the staff asked for it, as a pseudonym.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked_by: Option<PersonKey>,
    /// The plan above the blast radius that waits for a second person, or was released by one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<Release>,
    /// Why it was refused, if it was. Never holds personal data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
}

/// A plan above the blast radius.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// Its hash.
    pub plan: String,
    /// How many rows it would delete or mask.
    pub rows: u64,
    /// Who released it; nobody yet if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<PersonKey>,
}

/// What is to be done with a plan that was just made, before its first row is touched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may be carried out.
    Go,
    /// A second person must release it first.
    Wait(Release),
    /// It is not the plan that was asked for.
    Changed,
}

impl Mandate {
    /// Judges `plan`, which is what would be done now, for a tenant with this blast radius.
    #[must_use]
    pub fn judge(&self, plan: &Plan, blast_radius: u64) -> Verdict {
        if self.plan.as_ref().is_some_and(|asked| *asked != plan.sha256) {
            return Verdict::Changed;
        }
        let released = |release: &Release| release.by.is_some() && release.plan == plan.sha256;
        if plan.affected() <= blast_radius || self.release.as_ref().is_some_and(released) {
            return Verdict::Go;
        }
        Verdict::Wait(Release { plan: plan.sha256.clone(), rows: plan.affected(), by: None })
    }

    /// The hash of the plan that somebody read before it was carried out.
    #[must_use]
    pub fn approved(&self) -> Option<&str> {
        let released = self.release.as_ref().filter(|release| release.by.is_some());
        self.plan.as_deref().or(released.map(|release| release.plan.as_str()))
    }

    /// The plan that waits for a second person.
    #[must_use]
    pub fn waiting(&self) -> Option<&Release> {
        self.release.as_ref().filter(|release| release.by.is_none())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::plan::PlannedCollection;

    fn plan(rows: u64) -> Plan {
        let collection = PlannedCollection { affected: rows, ..PlannedCollection::default() };
        Plan { collections: vec![collection], ..Plan::default() }.seal()
    }

    #[test]
    fn what_was_asked_for_is_what_is_done() {
        let asked = Mandate { plan: Some(plan(3).sha256), ..Mandate::default() };

        assert_eq!(asked.judge(&plan(3), 10), Verdict::Go);
        assert_eq!(asked.judge(&plan(4), 10), Verdict::Changed);
        assert_eq!(Mandate::default().judge(&plan(4), 10), Verdict::Go);
    }

    #[test]
    fn above_the_blast_radius_the_very_plan_must_be_released() {
        let Verdict::Wait(waits) = Mandate::default().judge(&plan(11), 10) else {
            panic!("eleven rows went through a radius of ten");
        };
        assert_eq!((waits.rows, waits.by), (11, None));

        let released = Release { by: Some(PersonKey([1; 10])), ..waits.clone() };
        let released = Mandate { release: Some(released), ..Mandate::default() };
        assert_eq!(released.judge(&plan(11), 10), Verdict::Go);
        assert_eq!(released.waiting(), None);
        assert!(matches!(released.judge(&plan(12), 10), Verdict::Wait(_)));

        let unreleased = Mandate { release: Some(waits), ..Mandate::default() };
        assert!(matches!(unreleased.judge(&plan(11), 10), Verdict::Wait(_)));
    }
}
