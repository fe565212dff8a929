//! Masking strategies, as a map names them for one field and a policy for categories.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::errors::{At, MapErrors};
use super::yaml::{Mapping, Node, Yaml};

/// How a field is masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub enum Masking {
    /// It becomes null.
    NullRewrite,
    /// It becomes a fixed text.
    StringRewrite {
        /// The text.
        value: String,
        /// What is added to it.
        suffix: Option<String>,
    },
    /// It becomes random letters and digits.
    RandomStringRewrite {
        /// How many.
        length: u32,
        /// What is added to them.
        suffix: Option<String>,
    },
    /// It becomes the digest of its text and a salt, in hexadecimal.
    Hash {
        /// By which function.
        algorithm: Digest,
        /// What is added to it.
        suffix: Option<String>,
    },
    /// It becomes the keyed digest of its text and a salt, in hexadecimal.
    Hmac {
        /// By which function.
        algorithm: Digest,
        /// What is added to it.
        suffix: Option<String>,
    },
    /// It becomes its text encrypted with AES-256-GCM, in base64.
    AesEncrypt {
        /// What is added to it.
        suffix: Option<String>,
    },
    /// It stays.
    Preserve,
}

/// A digest function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Digest {
    /// SHA-256.
    #[default]
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Digest {
    const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA-256",
            Self::Sha512 => "SHA-512",
        }
    }

    /// How many hexadecimal digits one has.
    const fn digits(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }
}

impl Masking {
    /// The length of a random text if nobody names one.
    const LENGTH: u32 = 30;

    /// The strategy named `strategy`, for a policy.
    ///
    /// # Errors
    /// If there is no such strategy or it cannot be configured like this.
    ///
    /// ```
    /// use domain::datamap::Masking;
    /// use serde_json::json;
    ///
    /// let suffix = json!({"format_preservation": {"suffix": "@masked.example"}});
    /// assert_eq!(
    ///     Masking::parse("aes_encrypt", Some(&suffix)),
    ///     Ok(Masking::AesEncrypt { suffix: Some("@masked.example".into()) })
    /// );
    /// assert_eq!(Masking::parse("shred", None), Err("unknown masking strategy `shred`".into()));
    /// ```
    pub fn parse(strategy: &str, configuration: Option<&serde_json::Value>) -> Result<Self, String> {
        let nowhere = At { file: Arc::from(""), line: 1 };
        let configuration = configuration.map(|configuration| Node::from_json(&nowhere, configuration));
        let mut errors = MapErrors::default();
        let masking = Self::configured(strategy, configuration.as_ref(), &nowhere, &mut errors);
        match (masking, errors.0.is_empty()) {
            (Some(masking), true) => Ok(masking),
            (Some(_) | None, _) => {
                let reasons: Vec<String> = errors.0.into_iter().map(|error| error.reason).collect();
                Err(reasons.join("; "))
            }
        }
    }

    /// Reads a `masking_strategy_override` of a field.
    pub(super) fn read(node: &Node, errors: &mut MapErrors) -> Option<Self> {
        let map = node.map("masking_strategy_override", errors);
        let name = map.required("strategy", "masking_strategy_override", errors)?;
        let masking = Self::configured(&name, map.get("configuration"), &node.at, errors)?;
        if masking.needs_secret() {
            errors.push(
                &node.at,
                format!("`{name}` needs a secret and cannot override the strategy of a field"),
            );
            return None;
        }
        Some(masking)
    }

    fn configured(
        strategy: &str,
        configuration: Option<&Node>,
        at: &At,
        errors: &mut MapErrors,
    ) -> Option<Self> {
        let settings: &[&str] = match strategy {
            "null_rewrite" | "preserve" => &[],
            "string_rewrite" => &["rewrite_value", "format_preservation"],
            "random_string_rewrite" => &["length", "format_preservation"],
            "hash" | "hmac" => &["algorithm", "format_preservation"],
            "aes_encrypt" => &["mode", "format_preservation"],
            _ => {
                errors.push(at, format!("unknown masking strategy `{strategy}`"));
                return None;
            }
        };
        let map = configuration.map_or(Mapping::empty(at), |node| node.map("configuration", errors));
        map.only(settings, &format!("the configuration of {strategy}"), errors);
        let suffix = suffix(map, errors);
        Some(match strategy {
            "string_rewrite" => Self::StringRewrite {
                value: map.required("rewrite_value", "string_rewrite", errors)?,
                suffix,
            },
            "random_string_rewrite" => Self::RandomStringRewrite {
                length: match map.get("length") {
                    None => Self::LENGTH,
                    Some(length) => positive(length, "length", errors)?,
                },
                suffix,
            },
            "hash" => Self::Hash { algorithm: algorithm(map, errors)?, suffix },
            "hmac" => Self::Hmac { algorithm: algorithm(map, errors)?, suffix },
            "aes_encrypt" => {
                if let Some(mode) = map.text("mode", errors)
                    && mode != "GCM"
                {
                    errors.push(map.at, format!("mode can only be `GCM`, not `{mode}`"));
                }
                Self::AesEncrypt { suffix }
            }
            "preserve" => Self::Preserve,
            // All other names were refused above.
            _ => Self::NullRewrite,
        })
    }

    /// The name of the strategy.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NullRewrite => "null_rewrite",
            Self::StringRewrite { .. } => "string_rewrite",
            Self::RandomStringRewrite { .. } => "random_string_rewrite",
            Self::Hash { .. } => "hash",
            Self::Hmac { .. } => "hmac",
            Self::AesEncrypt { .. } => "aes_encrypt",
            Self::Preserve => "preserve",
        }
    }

    /// Whether it puts a text in place of the value.
    #[must_use]
    pub const fn makes_text(&self) -> bool {
        match self {
            Self::StringRewrite { .. }
            | Self::RandomStringRewrite { .. }
            | Self::Hash { .. }
            | Self::Hmac { .. }
            | Self::AesEncrypt { .. } => true,
            Self::NullRewrite | Self::Preserve => false,
        }
    }

    /// Whether every value becomes the same.
    #[must_use]
    pub const fn is_constant(&self) -> bool {
        match self {
            Self::NullRewrite | Self::StringRewrite { .. } => true,
            Self::RandomStringRewrite { .. }
            | Self::Hash { .. }
            | Self::Hmac { .. }
            | Self::AesEncrypt { .. }
            | Self::Preserve => false,
        }
    }

    /// Whether the result depends on secrets of the request.
    const fn needs_secret(&self) -> bool {
        match self {
            Self::Hash { .. } | Self::Hmac { .. } | Self::AesEncrypt { .. } => true,
            Self::NullRewrite
            | Self::StringRewrite { .. }
            | Self::RandomStringRewrite { .. }
            | Self::Preserve => false,
        }
    }

    /// How many characters its texts have.
    pub(super) fn width(&self) -> Width {
        let fixed = |length: usize, suffix: &Option<String>| {
            Width::Fixed(length + suffix.as_ref().map_or(0, |suffix| suffix.chars().count()))
        };
        match self {
            Self::NullRewrite | Self::Preserve => Width::Fixed(0),
            Self::StringRewrite { value, suffix } => fixed(value.chars().count(), suffix),
            Self::RandomStringRewrite { length, suffix } => {
                fixed(usize::try_from(*length).unwrap_or(usize::MAX), suffix)
            }
            Self::Hash { algorithm, suffix } | Self::Hmac { algorithm, suffix } => {
                fixed(algorithm.digits(), suffix)
            }
            Self::AesEncrypt { .. } => Width::Grows,
        }
    }
}

/// How long the texts of a strategy are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Width {
    /// So many characters, whatever the value.
    Fixed(usize),
    /// Longer than the value.
    Grows,
}

/// A strategy as it is written in a policy.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    strategy: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    configuration: Option<serde_json::Value>,
}

impl TryFrom<Written> for Masking {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        Self::parse(&written.strategy, written.configuration.as_ref())
    }
}

impl From<Masking> for Written {
    fn from(masking: Masking) -> Self {
        let strategy = masking.name().to_owned();
        let (setting, suffix): (Option<(&str, serde_json::Value)>, _) = match masking {
            Masking::NullRewrite | Masking::Preserve => (None, None),
            Masking::StringRewrite { value, suffix } => (Some(("rewrite_value", value.into())), suffix),
            Masking::RandomStringRewrite { length, suffix } => (Some(("length", length.into())), suffix),
            Masking::Hash { algorithm, suffix } | Masking::Hmac { algorithm, suffix } => {
                (Some(("algorithm", algorithm.name().into())), suffix)
            }
            Masking::AesEncrypt { suffix } => (Some(("mode", "GCM".into())), suffix),
        };
        let suffix = suffix.map(|suffix| ("format_preservation", serde_json::json!({ "suffix": suffix })));
        let configuration: serde_json::Map<_, _> =
            setting.into_iter().chain(suffix).map(|(name, value)| (name.to_owned(), value)).collect();
        let configuration = (!configuration.is_empty()).then_some(configuration.into());
        Self { strategy, configuration }
    }
}

fn suffix(configuration: Mapping<'_>, errors: &mut MapErrors) -> Option<String> {
    let format = configuration.get("format_preservation")?.map("format_preservation", errors);
    format.only(&["suffix"], "format_preservation", errors);
    format.text("suffix", errors)
}

fn algorithm(configuration: Mapping<'_>, errors: &mut MapErrors) -> Option<Digest> {
    match configuration.text("algorithm", errors).as_deref() {
        None => Some(Digest::default()),
        Some("SHA-256") => Some(Digest::Sha256),
        Some("SHA-512") => Some(Digest::Sha512),
        Some(other) => {
            let reason = format!("algorithm must be SHA-256 or SHA-512, not `{other}`");
            errors.push(configuration.at, reason);
            None
        }
    }
}

/// A whole number above zero.
pub(super) fn positive(node: &Node, what: &str, errors: &mut MapErrors) -> Option<u32> {
    let number = match &node.value {
        Yaml::Int(number) => u32::try_from(*number).ok().filter(|number| *number > 0),
        Yaml::Null | Yaml::Bool(_) | Yaml::Float(_) | Yaml::Text(_) | Yaml::List(_) | Yaml::Map(_) => None,
    };
    if number.is_none() {
        errors.push(&node.at, format!("{what} must be a whole number above zero"));
    }
    number
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_strategy_is_read_and_written_in_one_form() {
        let suffix = || json!({"suffix": "@x"});
        let cases = [
            (json!({"strategy": "null_rewrite"}), Masking::NullRewrite),
            (json!({"strategy": "preserve"}), Masking::Preserve),
            (
                json!({"strategy": "string_rewrite",
                       "configuration": {"rewrite_value": "x", "format_preservation": suffix()}}),
                Masking::StringRewrite { value: "x".into(), suffix: Some("@x".into()) },
            ),
            (
                json!({"strategy": "random_string_rewrite", "configuration": {"length": 5}}),
                Masking::RandomStringRewrite { length: 5, suffix: None },
            ),
            (
                json!({"strategy": "hash", "configuration": {"algorithm": "SHA-512"}}),
                Masking::Hash { algorithm: Digest::Sha512, suffix: None },
            ),
            (
                json!({"strategy": "hmac",
                       "configuration": {"algorithm": "SHA-256", "format_preservation": suffix()}}),
                Masking::Hmac { algorithm: Digest::Sha256, suffix: Some("@x".into()) },
            ),
            (
                json!({"strategy": "aes_encrypt", "configuration": {"mode": "GCM"}}),
                Masking::AesEncrypt { suffix: None },
            ),
        ];
        for (written, masking) in cases {
            assert_eq!(serde_json::from_value::<Masking>(written.clone()).unwrap(), masking);
            assert_eq!(serde_json::to_value(&masking).unwrap(), written);
            assert_eq!(written["strategy"], masking.name());
        }
    }

    #[test]
    fn defaults_are_those_of_the_format() {
        let parse = |strategy| Masking::parse(strategy, None).unwrap();

        assert_eq!(parse("random_string_rewrite"), Masking::RandomStringRewrite { length: 30, suffix: None });
        assert_eq!(parse("hash"), Masking::Hash { algorithm: Digest::Sha256, suffix: None });
        assert_eq!(parse("hmac"), Masking::Hmac { algorithm: Digest::Sha256, suffix: None });
        assert_eq!(parse("aes_encrypt"), Masking::AesEncrypt { suffix: None });
    }

    #[test]
    fn what_is_not_configured_right_is_refused_with_its_reasons() {
        let cases = [
            ("shred", json!(null), "unknown masking strategy `shred`"),
            ("string_rewrite", json!(null), "string_rewrite has no rewrite_value"),
            ("hash", json!("SHA-256"), "configuration must be a mapping"),
            ("hash", json!({"algorithm": "MD5"}), "algorithm must be SHA-256 or SHA-512, not `MD5`"),
            ("aes_encrypt", json!({"mode": "CBC"}), "mode can only be `GCM`, not `CBC`"),
            ("random_string_rewrite", json!({"length": 1.5}), "length must be a whole number above zero"),
            (
                "null_rewrite",
                json!({"suffix": "x"}),
                "the configuration of null_rewrite takes no settings, so not `suffix`",
            ),
            (
                "hmac",
                json!({"suffix": "x", "algorithm": "MD5"}),
                "the configuration of hmac has no setting `suffix`; expected one of: algorithm, format_preservation; \
                 algorithm must be SHA-256 or SHA-512, not `MD5`",
            ),
            (
                "hmac",
                json!({"format_preservation": {"prefix": "x"}}),
                "format_preservation has no setting `prefix`; expected one of: suffix",
            ),
        ];
        for (strategy, configuration, reason) in cases {
            assert_eq!(Masking::parse(strategy, Some(&configuration)), Err(reason.to_owned()));
        }
        let extra = json!({"strategy": "null_rewrite", "config": {}});
        assert!(serde_json::from_value::<Masking>(extra).is_err());
    }

    #[test]
    fn only_fixed_results_are_constant_and_only_texts_are_texts() {
        let text = Masking::StringRewrite { value: "x".into(), suffix: None };
        let random = Masking::RandomStringRewrite { length: 1, suffix: None };
        let of = |masking: &Masking| (masking.makes_text(), masking.is_constant());

        assert_eq!(of(&Masking::NullRewrite), (false, true));
        assert_eq!(of(&Masking::Preserve), (false, false));
        assert_eq!(of(&text), (true, true));
        assert_eq!(of(&random), (true, false));
        for secret in ["hash", "hmac", "aes_encrypt"] {
            assert_eq!(of(&Masking::parse(secret, None).unwrap()), (true, false));
        }
    }
}
