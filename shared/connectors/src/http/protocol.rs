//! The words of the protocol: what is asked, and the answers, which are taken exactly or not at all.

use std::collections::BTreeMap;

use domain::datamap::Scalar;
use domain::row::{Place, Step, Value};
use serde::{Deserialize, Serialize, Serializer};

/// What a service can be asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Describe,
    Find,
    Export,
    Erase,
    Verify,
}

impl Verb {
    /// The last part of its path, and its name in reasons.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Describe => "describe",
            Self::Find => "find",
            Self::Export => "export",
            Self::Erase => "erase",
            Self::Verify => "verify",
        }
    }
}

/// The question that all calls about rows begin with.
#[derive(Serialize)]
pub(super) struct Which<'a> {
    pub(super) collection: &'a str,
    /// The dotted path that holds one of the values.
    pub(super) field: &'a str,
    pub(super) values: &'a [&'a Value],
}

/// Nothing more to say.
#[derive(Serialize)]
pub(super) struct Nothing {}

/// `find` and `export`: a page of rows.
#[derive(Serialize)]
pub(super) struct Read<'a> {
    #[serde(flatten)]
    pub(super) which: Which<'a>,
    pub(super) fields: &'a [String],
    pub(super) limit: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) after: Option<&'a str>,
}

/// `erase`: rows to delete or to mask.
#[derive(Serialize)]
pub(super) struct Erase<'a> {
    #[serde(flatten)]
    pub(super) which: Which<'a>,
    pub(super) method: Method,
    pub(super) rows: Vec<Target<'a>>,
}

/// What is done to rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Method {
    Delete,
    Mask,
}

/// One row to be erased.
#[derive(Serialize)]
pub(super) struct Target<'a> {
    pub(super) key: &'a Value,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) set: Vec<Set<'a>>,
}

/// One new value.
#[derive(Serialize)]
pub(super) struct Set<'a> {
    pub(super) at: At<'a>,
    pub(super) value: &'a Value,
    /// What was read there, if the place lies in an array whose elements may have moved since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) was: Option<&'a Value>,
}

/// A place as a list of names and indexes.
pub(super) struct At<'a>(pub(super) &'a Place);

impl Serialize for At<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(untagged)]
        enum Part<'a> {
            Name(&'a str),
            Index(usize),
        }
        serializer.collect_seq(self.0.0.iter().map(|step| match step {
            Step::Field(name) => Part::Name(name),
            Step::Index(index) => Part::Index(*index),
        }))
    }
}

/// The answer to `describe`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Description {
    pub(super) collections: BTreeMap<String, Described>,
}

/// A collection of the service.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Described {
    /// The fields by which its rows are told apart.
    #[serde(default)]
    pub(super) key: Vec<String>,
    /// What can be done to its rows.
    pub(super) methods: Vec<Method>,
    /// Its fields by dotted path.
    pub(super) fields: BTreeMap<String, DescribedField>,
}

/// A field of a collection.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DescribedField {
    pub(super) r#type: Option<FieldType>,
    /// Whether rows can be found by it.
    #[serde(default)]
    pub(super) find: bool,
    #[serde(default)]
    pub(super) unique: bool,
    #[serde(default = "yes")]
    pub(super) nullable: bool,
    /// How many characters it holds at most.
    pub(super) length: Option<u32>,
}

const fn yes() -> bool {
    true
}

/// What values a field holds, or the elements of its arrays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum FieldType {
    String,
    Integer,
    Float,
    Boolean,
    Object,
}

impl From<FieldType> for Scalar {
    fn from(of: FieldType) -> Self {
        match of {
            FieldType::String => Self::String,
            FieldType::Integer => Self::Integer,
            FieldType::Float => Self::Float,
            FieldType::Boolean => Self::Boolean,
            FieldType::Object => Self::Object,
        }
    }
}

/// The answer to `find` and `export`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rows {
    pub(super) rows: Vec<AnsweredRow>,
    /// Where the next page begins; none after the last, which must be said.
    #[serde(deserialize_with = "Option::deserialize")]
    pub(super) next: Option<String>,
}

/// A row and the service's own key of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AnsweredRow {
    pub(super) key: String,
    pub(super) row: serde_json::Map<String, serde_json::Value>,
}

/// The answer to `erase`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Results {
    pub(super) results: Vec<Done>,
}

/// What became of one row.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Done {
    pub(super) key: String,
    pub(super) outcome: Outcome,
    pub(super) reason: Option<Reason>,
}

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    /// The row was deleted or masked.
    Done,
    /// It was gone or another's by then, and was left as it is.
    Unchanged,
    /// It is the person's and stays.
    Failed,
}

/// Why a row stays, in one of a few words: a sentence of the service's own could hold anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reason {
    /// A duty or a dispute keeps it.
    Held,
    /// Somebody else is changing it.
    Locked,
    /// Something else refers to it.
    Referenced,
    /// The new value does not fit.
    Invalid,
    /// Anything else.
    Other,
}

impl Reason {
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Locked => "locked",
            Self::Referenced => "referred to by something else",
            Self::Invalid => "the new value does not fit",
            Self::Other => "for a reason that the service knows",
        }
    }
}

/// The answer to `verify`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Left {
    /// How many rows still hold one of the values.
    pub(super) rows: u64,
}

/// The answer to anything that takes longer than a call.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pending {
    pub(super) operation: String,
}
