//! The languages in which persons are written to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A language; English where another is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Locale {
    /// English.
    #[default]
    En,
    /// German.
    De,
    /// Finnish.
    Fi,
}

impl Locale {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::En, Self::De, Self::Fi];

    /// The language of a tag such as `de-AT` (RFC 5646), as far as we speak it.
    pub fn of(tag: &str) -> Self {
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        Self::ALL.into_iter().find(|locale| primary.eq_ignore_ascii_case(locale.tag())).unwrap_or_default()
    }

    /// Its tag.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::De => "de",
            Self::Fi => "fi",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_speaks_another_language_is_written_to_in_english() {
        let known = ["de-AT", "DE", "fi_FI", "en-GB"].map(Locale::of);
        assert_eq!(known, [Locale::De, Locale::De, Locale::Fi, Locale::En]);
        assert_eq!(["sv", "", "deu", "-de"].map(Locale::of), [Locale::En; 4]);
    }
}
