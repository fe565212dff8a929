//! Policies: which data categories an access shows, and which an erasure masks and how.

use serde::{Deserialize, Serialize};

use crate::datamap::{Category, DataMap, Masking};

/// Rules under a name, by which one kind of request is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Its name.
    pub key: String,
    /// Its rules, of which the first that fits decides.
    pub rules: Vec<Rule>,
}

/// What is done with some categories.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What is done.
    pub action: Action,
    /// The categories with which it is done, and all inside them.
    pub targets: Vec<Category>,
    /// How an erasure masks them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub masking_strategy: Option<Masking>,
}

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Shows.
    Access,
    /// Erases.
    Erasure,
}

/// Why a policy was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// It would do nothing.
    #[error("a policy needs a rule")]
    NoRule,
    /// A rule would do nothing.
    #[error("rule {rule} needs a target")]
    NoTarget {
        /// Its number, from 1.
        rule: usize,
    },
    /// A target is in no taxonomy.
    #[error("rule {rule} names the unknown data category `{category}`")]
    UnknownCategory {
        /// The rule's number, from 1.
        rule: usize,
        /// The target.
        category: Category,
    },
    /// Nobody knows how to erase.
    #[error("rule {rule} is an erasure and needs a masking_strategy")]
    NoStrategy {
        /// Its number, from 1.
        rule: usize,
    },
    /// An access changes nothing.
    #[error("rule {rule} is an access and cannot have a masking_strategy")]
    Strategy {
        /// Its number, from 1.
        rule: usize,
    },
}

impl Policy {
    /// A policy for one erasure: it masks `targets` with `masking`.
    #[must_use]
    pub fn erasure_of(targets: impl IntoIterator<Item = Category>, masking: Masking) -> Self {
        let rule = Rule {
            key: None,
            action: Action::Erasure,
            targets: targets.into_iter().collect(),
            masking_strategy: Some(masking),
        };
        Self { key: "ad_hoc".to_owned(), rules: vec![rule] }
    }

    /// Checks the rules, and their targets against the categories that `map` knows.
    ///
    /// # Errors
    /// The first rule that cannot be carried out.
    pub fn check(&self, map: &DataMap) -> Result<(), PolicyError> {
        if self.rules.is_empty() {
            return Err(PolicyError::NoRule);
        }
        self.rules.iter().zip(1..).try_for_each(|(rule, number)| rule.check(number, map))
    }

    /// The categories that an access shows.
    #[must_use]
    pub fn shown(&self) -> Vec<Category> {
        self.rules_for(Action::Access).flat_map(|rule| rule.targets.iter().cloned()).collect()
    }

    /// How an erasure masks what has these categories.
    ///
    /// The first rule decides of which a target covers one of them.
    #[must_use]
    pub fn masking_of(&self, categories: &[Category]) -> Option<&Masking> {
        let mut rules = self.rules_for(Action::Erasure).filter(|rule| {
            rule.targets.iter().any(|target| categories.iter().any(|category| target.covers(category)))
        });
        rules.next()?.masking_strategy.as_ref()
    }

    fn rules_for(&self, action: Action) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(move |rule| rule.action == action)
    }
}

impl Rule {
    fn check(&self, rule: usize, map: &DataMap) -> Result<(), PolicyError> {
        if self.targets.is_empty() {
            return Err(PolicyError::NoTarget { rule });
        }
        if let Some(category) = self.targets.iter().find(|target| !map.knows(target)) {
            return Err(PolicyError::UnknownCategory { rule, category: category.clone() });
        }
        match (self.action, &self.masking_strategy) {
            (Action::Access, None) | (Action::Erasure, Some(_)) => Ok(()),
            (Action::Access, Some(_)) => Err(PolicyError::Strategy { rule }),
            (Action::Erasure, None) => Err(PolicyError::NoStrategy { rule }),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn policy(rules: serde_json::Value) -> Policy {
        serde_json::from_value(json!({"key": "p", "rules": rules})).unwrap()
    }

    fn map() -> DataMap {
        let text = "data_category: [{fides_key: user.pigeon}]\ndataset:\n- fides_key: d\n  collections:\n  \
                    - {name: a, fields: [{name: i, fides_meta: {identity: email}}]}\n";
        DataMap::load([("map.yml", text)]).unwrap()
    }

    #[test]
    fn a_policy_is_read_and_written() {
        let rules = json!([
            {"key": "show", "action": "access", "targets": ["user.contact"]},
            {"action": "erasure", "targets": ["user.pigeon"], "masking_strategy": {"strategy": "null_rewrite"}},
        ]);
        let policy = policy(rules.clone());

        assert_eq!(policy.check(&map()), Ok(()));
        assert_eq!(serde_json::to_value(&policy).unwrap(), json!({"key": "p", "rules": rules}));
        assert_eq!(policy.shown(), [Category("user.contact".into())]);
        assert_eq!(policy.masking_of(&[Category("user.pigeon.grey".into())]), Some(&Masking::NullRewrite));
        assert_eq!(policy.masking_of(&[Category("user.contact".into())]), None);
        assert_eq!(policy.masking_of(&[]), None);
    }

    #[test]
    fn what_is_no_policy_is_refused() {
        for wrong in [
            json!({"key": "p"}),
            json!({"key": "p", "rules": [], "extra": 1}),
            json!({"key": "p", "rules": [{"action": "consent", "targets": ["user"]}]}),
            json!({"key": "p", "rules": [{"action": "access", "targets": ["user"], "storage": "x"}]}),
            json!({"key": "p", "rules": [{"action": "erasure", "targets": ["user"], "masking_strategy": {"strategy": "shred"}}]}),
        ] {
            assert!(serde_json::from_value::<Policy>(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn rules_that_cannot_be_carried_out_are_refused() {
        let strategy = json!({"strategy": "null_rewrite"});
        let good = json!({"action": "access", "targets": ["user"]});
        let cases = [
            (json!([]), "a policy needs a rule"),
            (json!([good, {"action": "access", "targets": []}]), "rule 2 needs a target"),
            (
                json!([{"action": "access", "targets": ["user", "user.dove"]}]),
                "rule 1 names the unknown data category `user.dove`",
            ),
            (
                json!([{"action": "erasure", "targets": ["user"]}]),
                "rule 1 is an erasure and needs a masking_strategy",
            ),
            (
                json!([{"action": "access", "targets": ["user"], "masking_strategy": strategy}]),
                "rule 1 is an access and cannot have a masking_strategy",
            ),
        ];
        for (rules, reason) in cases {
            assert_eq!(policy(rules).check(&map()).unwrap_err().to_string(), reason);
        }
        assert_eq!(Policy::erasure_of([Category("user".into())], Masking::NullRewrite).check(&map()), Ok(()));
    }
}
