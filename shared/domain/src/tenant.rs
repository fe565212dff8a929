//! A tenant's settings: what the law and the contracts leave to the company to decide.

use std::{collections::BTreeSet, path::PathBuf};

use chrono::TimeDelta;
use serde::Deserialize;

use crate::{OrgId, deadline::Law, locale::Locale, policy::Policy, processing::Purposes};

/// Whether persons must be registered before anything can be asked for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subjects {
    /// An unknown id gets the dialect's own not-found answer.
    Registered,
    /// The first request for an id creates the person.
    Open,
}

/// What the sweep for persons who came back does with what it finds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sweep {
    /// It tells.
    #[default]
    Report,
    /// It erases them again.
    Erase,
}

/// The files of a data map.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MapFiles {
    /// The data map itself.
    pub files: Vec<PathBuf>,
    /// The connections file.
    #[serde(default)]
    pub connections: Option<PathBuf>,
}

/// What persons are told beside their data (Art. 15(1)), in the company's own words. What is not here they
/// are told to ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Information {
    /// Who is responsible, and how to reach them.
    pub controller: Option<String>,
    /// Who receives data.
    pub recipients: Option<String>,
    /// How long data is kept, or by what that is decided.
    pub retention: Option<String>,
    /// Where data comes from that the person did not give.
    pub source: Option<String>,
    /// Automated decisions, and the logic behind them.
    pub automated_decisions: Option<String>,
    /// Other countries that data goes to, and what protects it there.
    pub transfers: Option<String>,
    /// The authority to complain to.
    pub authority: Option<String>,
}

/// The settings of one tenant.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tenant {
    /// The tenant.
    pub org: OrgId,
    /// Under what law requests are answered.
    #[serde(default)]
    pub law: Law,
    /// The language in which persons are written to.
    #[serde(default)]
    pub locale: Locale,
    /// Registered or open subjects.
    #[serde(default = "registered")]
    pub subjects: Subjects,
    /// Linked identities without which no takeout is given (`000_c2491cd37c7c1d0e.txt`).
    #[serde(default)]
    pub required_identities: BTreeSet<String>,
    /// Days between a purge request without a time and its execution.
    #[serde(default = "days::<30>")]
    grace_days: u16,
    /// Days beyond which no purge can be put off.
    #[serde(default = "days::<90>")]
    max_delay_days: u16,
    /// Days for which a takeout can be downloaded, 1 to 30.
    #[serde(default = "days::<13>")]
    takeout_days: u16,
    /// How many takeouts of one person may be ordered in 24 hours, at least 1.
    #[serde(default = "takeouts_a_day")]
    takeouts_a_day: u16,
    /// Days for which a closed request is kept as proof.
    #[serde(default = "days::<1096>")]
    proof_days: u16,
    /// Fewest characters of a takeout password, never under 8.
    #[serde(default = "password_floor")]
    password_floor: u8,
    /// Origins to which a personal data view may lead back.
    #[serde(default)]
    pub return_origins: BTreeSet<String>,
    /// Whether deletions may be asked for through the Instacart dialect.
    #[serde(default = "yes")]
    pub erasure_enabled: bool,
    /// Whether PACE calls must carry exactly the vendor's `Accept` header, as in conformance runs.
    #[serde(default)]
    pub strict_accept: bool,
    /// Whether `none` may stand beside other consent levels.
    #[serde(default)]
    pub relaxed_none: bool,
    /// What data is used for, and what that needs.
    #[serde(default)]
    pub purposes: Purposes,
    /// Whether whoever was erased is refused when registered anew, rather than only pointed out.
    #[serde(default)]
    pub refuse_erased: bool,
    /// How many rows one purge may touch before a person must release it.
    #[serde(default = "blast_radius")]
    pub blast_radius: u64,
    /// What is done about rows of erased persons that came back.
    #[serde(default)]
    pub sweep: Sweep,
    /// The tenant's own data map, in place of the installation's.
    #[serde(default)]
    pub data_map: Option<MapFiles>,
    /// What persons are told beside their data.
    #[serde(default)]
    pub information: Information,
    /// Policies that a purge may name instead of the data map's own methods.
    #[serde(default)]
    pub policies: Vec<Policy>,
}

fn registered() -> Subjects {
    Subjects::Registered
}

fn days<const N: u16>() -> u16 {
    N
}

fn takeouts_a_day() -> u16 {
    10
}

fn password_floor() -> u8 {
    12
}

fn blast_radius() -> u64 {
    10_000
}

fn yes() -> bool {
    true
}

impl Tenant {
    /// Default settings.
    pub fn new(org: OrgId) -> Self {
        Self {
            org,
            law: Law::default(),
            locale: Locale::default(),
            subjects: registered(),
            required_identities: BTreeSet::new(),
            grace_days: days::<30>(),
            max_delay_days: days::<90>(),
            takeout_days: days::<13>(),
            takeouts_a_day: takeouts_a_day(),
            proof_days: days::<1096>(),
            password_floor: password_floor(),
            return_origins: BTreeSet::new(),
            erasure_enabled: yes(),
            strict_accept: false,
            relaxed_none: false,
            purposes: Purposes::default(),
            refuse_erased: false,
            blast_radius: blast_radius(),
            sweep: Sweep::default(),
            information: Information::default(),
            data_map: None,
            policies: Vec::new(),
        }
    }

    /// The policy with this key.
    pub fn policy(&self, key: &str) -> Option<&Policy> {
        self.policies.iter().find(|policy| policy.key == key)
    }

    /// The same settings for another tenant.
    #[must_use]
    pub fn of(self, org: OrgId) -> Self {
        Self { org, ..self }
    }

    /// Time between a purge request without a time and its execution.
    pub fn grace(&self) -> TimeDelta {
        TimeDelta::days(self.grace_days.into()).min(self.max_delay())
    }

    /// The furthest ahead a purge may be put.
    pub fn max_delay(&self) -> TimeDelta {
        TimeDelta::days(self.max_delay_days.into())
    }

    /// How long a takeout can be downloaded.
    pub fn takeout_life(&self) -> TimeDelta {
        TimeDelta::days(self.takeout_days.clamp(1, 30).into())
    }

    /// How many takeouts of one person may be ordered in 24 hours.
    pub fn takeouts_a_day(&self) -> usize {
        self.takeouts_a_day.max(1).into()
    }

    /// How long a closed request is kept as proof.
    pub fn proof_life(&self) -> TimeDelta {
        TimeDelta::days(self.proof_days.into())
    }

    /// Fewest characters of a takeout password. WinZip AES stretches a password with only 1,000
    /// rounds, so the floor is never under 8.
    pub fn password_floor(&self) -> usize {
        self.password_floor.max(8).into()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn settings_stay_inside_what_is_safe() {
        let tenant: Tenant = serde_json::from_str(
            r#"{"org":"af5fbd30-7ce7-4548-8b30-4cd59cb2aba1","takeout_days":99,"takeouts_a_day":0,"password_floor":1,"grace_days":200}"#,
        )
        .unwrap();

        assert_eq!(tenant.takeout_life(), TimeDelta::days(30));
        assert_eq!(tenant.takeouts_a_day(), 1);
        assert_eq!(tenant.password_floor(), 8);
        assert_eq!(tenant.grace(), TimeDelta::days(90));
    }
}
