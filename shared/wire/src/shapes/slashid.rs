//! SlashID: the consent envelope (`001_371a57b7554a0a7f.txt`).

use domain::{
    Timestamp,
    consent::{self, Change, Consent, ConsentLevel},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Problem, Query, Reason, time};

/// An answer with a result.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
pub struct Envelope<T> {
    /// The result.
    pub result: T,
}

/// The consents in force.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Consents {
    consents: Vec<Entry>,
}

/// One consent in force.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
pub struct Entry {
    consent_level: ConsentLevel,
    #[schemars(with = "Timestamp")]
    created_at: String,
}

impl From<Consent> for Entry {
    fn from(consent: Consent) -> Self {
        Self { consent_level: consent.level, created_at: time::micros(consent.created_at) }
    }
}

impl From<Vec<Consent>> for Envelope<Consents> {
    fn from(consents: Vec<Consent>) -> Self {
        Self { result: Consents { consents: consents.into_iter().map(Entry::from).collect() } }
    }
}

/// A full set of levels to be in force from now on.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct ConsentRequest {
    #[schemars(length(min = 1))]
    consent_levels: Vec<ConsentLevel>,
}

impl ConsentRequest {
    /// The change that is asked for. `relaxed` lets `none` stand beside others, and drops it then.
    ///
    /// # Errors
    /// When the set is empty or contradicts itself.
    pub fn change(mut self, relaxed: bool) -> Result<Change, Problem> {
        if relaxed && self.consent_levels.iter().any(|level| *level != ConsentLevel::None) {
            self.consent_levels.retain(|level| *level != ConsentLevel::None);
        }
        Ok(Change::Replace(consent::levels(&self.consent_levels)?))
    }
}

/// The withdrawal that a query asks for: `deleteAll` wins over `consent_levels`.
///
/// # Errors
/// When neither is given, or a level is unknown.
pub fn withdrawal(query: &Query) -> Result<Change, Problem> {
    if query.flag("deleteAll")? {
        return Ok(Change::WithdrawAll);
    }
    let unknown = || Problem::query("consent_levels", Reason::Other("must name known consent levels".into()));
    let names = query.list("consent_levels").unwrap_or_default();
    if names.is_empty() {
        return Err(Problem::query("consent_levels", Reason::Other("or deleteAll is required".into())));
    }
    let level = |name: &str| {
        let named = serde::de::value::StrDeserializer::<serde::de::value::Error>::new(name);
        ConsentLevel::deserialize(named).map_err(|_| unknown())
    };
    names.into_iter().map(level).collect::<Result<_, _>>().map(Change::Withdraw)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn delete_all_wins() {
        let query = Query::parse("consent_levels=analytics&deleteAll=true");

        assert_eq!(withdrawal(&query).unwrap(), Change::WithdrawAll);
    }

    #[test]
    fn a_withdrawal_names_what_it_withdraws() {
        let expected = Change::Withdraw(vec![ConsentLevel::Analytics, ConsentLevel::Marketing]);
        for query in
            ["consent_levels=analytics&consent_levels=marketing", "consent_levels=analytics,marketing"]
        {
            assert_eq!(withdrawal(&Query::parse(query)).unwrap(), expected);
        }
        for query in ["", "deleteAll=false", "deleteAll=yes", "consent_levels=", "consent_levels=foo"] {
            assert!(withdrawal(&Query::parse(query)).is_err(), "{query}");
        }
    }
}
