//! What exactly is wrong with a call, and where; without what was given.

use std::fmt;

/// A step into a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The field of an object.
    Field(String),
    /// The element of a list.
    Index(usize),
}

/// Where in a call something is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum At {
    /// A part of the path.
    Path(&'static str),
    /// A query parameter.
    Query(&'static str),
    /// A header.
    Header(&'static str),
    /// The body, or a part of it.
    Body(Vec<Step>),
}

impl At {
    /// A field of the body, as dotted path: `data.attributes.password`.
    pub fn body(path: &str) -> Self {
        Self::Body(path.split('.').map(|field| Step::Field(field.to_owned())).collect())
    }

    /// The last name on the way.
    pub fn name(&self) -> String {
        match self {
            Self::Path(name) | Self::Query(name) | Self::Header(name) => (*name).to_owned(),
            Self::Body(steps) => match steps.last() {
                Some(Step::Field(name)) => name.clone(),
                Some(Step::Index(_)) => self.to_string(),
                None => "body".to_owned(),
            },
        }
    }
}

/// As `line_items[0].quantity`.
impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(name) | Self::Query(name) | Self::Header(name) => f.write_str(name),
            Self::Body(steps) if steps.is_empty() => f.write_str("body"),
            Self::Body(steps) => steps.iter().enumerate().try_for_each(|(place, step)| match step {
                Step::Field(name) if place == 0 => f.write_str(name),
                Step::Field(name) => write!(f, ".{name}"),
                Step::Index(index) => write!(f, "[{index}]"),
            }),
        }
    }
}

/// What is wrong there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is not there.
    Missing,
    /// It is there, but empty.
    Blank,
    /// The text is not JSON from this byte on.
    NotJson {
        /// Bytes before the fault.
        offset: usize,
    },
    /// It has another type: `string`, `object`, `list`, `boolean`, `number`.
    Type(&'static str),
    /// It is no UUID.
    Uuid,
    /// It is no time with an offset, or not one that can be taken.
    Time,
    /// Anything else, as a predicate: `must be at least 12 characters long`.
    Other(String),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("is required"),
            Self::Blank => f.write_str("must not be empty"),
            Self::NotJson { .. } => f.write_str("is not valid JSON"),
            Self::Type("object") => f.write_str("must be an object"),
            Self::Type(expected) => write!(f, "must be a {expected}"),
            Self::Uuid => f.write_str("must be a UUID"),
            Self::Time => f.write_str("must be a time with an offset"),
            Self::Other(predicate) => f.write_str(predicate),
        }
    }
}

/// Something wrong with a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub at: At,
    /// What.
    pub reason: Reason,
}

impl Fault {
    /// A fault.
    pub fn new(at: At, reason: Reason) -> Self {
        Self { at, reason }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.at.name(), self.reason)
    }
}
