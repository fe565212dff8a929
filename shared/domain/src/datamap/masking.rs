//! Masking strategies as a map may name them for one field.

use super::errors::MapErrors;
use super::yaml::{Mapping, Node, Yaml};

/// How a field is masked.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// It stays.
    Preserve,
}

impl Masking {
    /// The length of a random text if the map names none.
    const LENGTH: u32 = 30;

    /// Reads a `masking_strategy_override` of a field.
    pub(super) fn read(node: &Node, errors: &mut MapErrors) -> Option<Self> {
        let map = node.map("masking_strategy_override", errors);
        let name = map.required("strategy", "masking_strategy_override", errors)?;
        let nothing = Node { at: node.at.clone(), value: Yaml::Null };
        let configuration = map.get("configuration").unwrap_or(&nothing).map("configuration", errors);
        match name.as_str() {
            "null_rewrite" => Some(Self::NullRewrite),
            "preserve" => Some(Self::Preserve),
            "string_rewrite" => Some(Self::StringRewrite {
                value: configuration.required("rewrite_value", "string_rewrite", errors)?,
                suffix: suffix(configuration, errors),
            }),
            "random_string_rewrite" => Some(Self::RandomStringRewrite {
                length: match configuration.get("length") {
                    None => Self::LENGTH,
                    Some(length) => positive(length, "length", errors)?,
                },
                suffix: suffix(configuration, errors),
            }),
            "hash" | "hmac" | "aes_encrypt" => {
                errors.push(
                    &node.at,
                    format!("`{name}` needs a secret and cannot override the strategy of a field"),
                );
                None
            }
            _ => {
                errors.push(&node.at, format!("unknown masking strategy `{name}`"));
                None
            }
        }
    }

    /// Whether it puts a text in place of the value.
    pub(super) const fn makes_text(&self) -> bool {
        match self {
            Self::StringRewrite { .. } | Self::RandomStringRewrite { .. } => true,
            Self::NullRewrite | Self::Preserve => false,
        }
    }
}

fn suffix(configuration: Mapping<'_>, errors: &mut MapErrors) -> Option<String> {
    configuration.get("format_preservation")?.map("format_preservation", errors).text("suffix", errors)
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
