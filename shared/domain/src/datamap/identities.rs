//! Who a person is, by the names that a data map knows.

use std::collections::BTreeMap;
use std::fmt;

/// The identity values of one person: `email`, `external_id` and so on.
///
/// Empty values are dropped: an empty value identifies nobody and must never reach a query.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Identities(BTreeMap<String, String>);

impl Identities {
    /// The value of the identity `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// All names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Identities {
    fn from_iter<T: IntoIterator<Item = (N, V)>>(pairs: T) -> Self {
        Self(
            pairs
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .filter(|(_, value)| !value.is_empty())
                .collect(),
        )
    }
}

impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Identities").field(&self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_values_are_dropped_and_no_value_is_shown() {
        let identities: Identities =
            [("email", "ada@example.org"), ("phone_number", "")].into_iter().collect();

        assert_eq!(identities.get("email"), Some("ada@example.org"));
        assert_eq!(identities.get("phone_number"), None);
        assert_eq!(format!("{identities:?}"), r#"Identities(["email"])"#);
    }
}
