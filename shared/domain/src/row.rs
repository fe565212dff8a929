//! Rows as stores hand them over: an ordered list of named values.
//!
//! A value serializes straight to the JSON that goes into a takeout.
//! `Debug` shows kinds and field names only, so that no log line or panic can leak what a row holds.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Serialize, Serializer};

/// One value of a row.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// No value.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A binary floating-point number.
    Float(Float),
    /// A number as the store's own text, because no machine number holds it exactly.
    Decimal(String),
    /// Text.
    Text(String),
    /// Raw bytes; base64 in JSON.
    Bytes(Vec<u8>),
    /// Several values in order.
    List(Vec<Value>),
    /// Named values.
    Map(BTreeMap<String, Value>),
}

/// A float with total order and equality, so that values can be members of key sets.
#[derive(Clone, Copy)]
pub struct Float(pub f64);

impl Value {
    /// The one form of all values that a store treats as equal: `42.0` is `42`, and so is the decimal `42`.
    #[must_use]
    pub fn canonical(&self) -> Self {
        match self {
            Self::Float(float) => float.whole().map_or_else(|| self.clone(), Self::Int),
            Self::Decimal(text) => text.parse().map_or_else(|_| self.clone(), Self::Int),
            Self::Null
            | Self::Bool(_)
            | Self::Int(_)
            | Self::Text(_)
            | Self::Bytes(_)
            | Self::List(_)
            | Self::Map(_) => self.clone(),
        }
    }

    /// Whether this can be looked up in a store: a single value that is there.
    ///
    /// Empty text identifies nobody: rows that share an empty reference have nothing in common.
    #[must_use]
    pub fn is_key(&self) -> bool {
        match self {
            Self::Null | Self::List(_) | Self::Map(_) => false,
            Self::Text(text) => !text.is_empty(),
            Self::Bytes(bytes) => !bytes.is_empty(),
            Self::Bool(_) | Self::Int(_) | Self::Float(_) | Self::Decimal(_) => true,
        }
    }

    /// Adds to `found` the single values at `path` below this one, walking through lists.
    fn collect<'a>(&'a self, path: &[&str], found: &mut Vec<&'a Self>) {
        match (self, path) {
            (Self::List(values), _) => values.iter().for_each(|value| value.collect(path, found)),
            (Self::Map(fields), [first, rest @ ..]) => {
                if let Some(value) = fields.get(*first) {
                    value.collect(rest, found);
                }
            }
            (value, []) => found.push(value),
            (_, [_, ..]) => {}
        }
    }

    const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float",
            Self::Decimal(_) => "decimal",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "list",
            Self::Map(_) => "map",
        }
    }
}

impl Float {
    /// The largest whole number up to which every whole number has an exact float.
    const EXACT: f64 = 9_007_199_254_740_992.0;

    /// The whole number that this is, if it is one and exactly so.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "the range is checked just before")]
    pub fn whole(self) -> Option<i64> {
        (self.0.fract() == 0.0 && self.0.abs() <= Self::EXACT).then_some(self.0 as i64)
    }
}

impl PartialEq for Float {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Float {}

impl PartialOrd for Float {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Float {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl Hash for Float {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(value) => serializer.serialize_i64(*value),
            Self::Float(value) => serializer.serialize_f64(value.0),
            Self::Decimal(text) | Self::Text(text) => serializer.serialize_str(text),
            Self::Bytes(bytes) => serializer.serialize_str(&STANDARD.encode(bytes)),
            Self::List(values) => serializer.collect_seq(values),
            Self::Map(fields) => serializer.collect_map(fields),
        }
    }
}

/// One row: its fields in the order in which the data map names them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Row(Vec<(String, Value)>);

impl Row {
    /// A row without fields.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a field at the end.
    pub fn push(&mut self, field: impl Into<String>, value: Value) {
        self.0.push((field.into(), value));
    }

    /// The value of a top-level field.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.0.iter().find(|(name, _)| name == field).map(|(_, value)| value)
    }

    /// Every single value at a dotted path, walking through objects and lists.
    ///
    /// ```
    /// use domain::row::{Row, Value};
    ///
    /// let row: Row = [("tags", Value::List(vec!["a".into(), "b".into()]))].into_iter().collect();
    /// assert_eq!(row.values("tags").len(), 2);
    /// assert!(row.values("tags.name").is_empty());
    /// ```
    #[must_use]
    pub fn values(&self, path: &str) -> Vec<&Value> {
        let mut steps = path.split('.');
        let Some(value) = steps.next().and_then(|first| self.get(first)) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        value.collect(&steps.collect::<Vec<_>>(), &mut found);
        found
    }

    /// The fields in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}

impl<N: Into<String>> FromIterator<(N, Value)> for Row {
    fn from_iter<T: IntoIterator<Item = (N, Value)>>(fields: T) -> Self {
        Self(fields.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_json_in_field_order() {
        let row: Row = [
            ("z", Value::Int(9_007_199_254_740_993)),
            ("a", Value::Decimal("0.10".into())),
            ("b", Value::Bytes(vec![0, 255])),
            ("c", Value::List(vec![Value::Null, Value::Bool(true), Value::Float(Float(1.5))])),
            ("d", Value::Map(BTreeMap::from([("x".into(), Value::Text("ü".into()))]))),
        ]
        .into_iter()
        .collect();

        assert_eq!(
            serde_json::to_string(&row).unwrap(),
            r#"{"z":9007199254740993,"a":"0.10","b":"AP8=","c":[null,true,1.5],"d":{"x":"ü"}}"#
        );
    }

    #[test]
    fn debug_shows_kinds_and_never_values() {
        let row: Row = [("Email", Value::from("ada@example.org"))].into_iter().collect();

        assert_eq!(format!("{row:?}"), r#"{"Email": text}"#);
    }

    #[test]
    fn equal_numbers_are_one_key_and_texts_are_not_numbers() {
        assert_eq!(Value::Float(Float(42.0)).canonical(), Value::Int(42));
        assert_eq!(Value::Float(Float(-0.0)).canonical(), Value::Int(0));
        assert_eq!(Value::Decimal("42".into()).canonical(), Value::Int(42));
        assert_eq!(Value::Float(Float(42.5)).canonical(), Value::Float(Float(42.5)));
        assert_eq!(Value::from("42").canonical(), Value::from("42"));
    }

    #[test]
    fn zero_and_false_are_keys_but_null_and_empty_are_not() {
        assert!(Value::Int(0).is_key());
        assert!(Value::Bool(false).is_key());
        assert!(!Value::Null.is_key());
        assert!(!Value::from("").is_key());
    }

    #[test]
    fn a_path_walks_through_objects_and_lists() {
        let line = |id: i64| Value::Map(BTreeMap::from([("id".into(), Value::Int(id))]));
        let row: Row = [("lines", Value::List(vec![line(1), line(2)]))].into_iter().collect();

        assert_eq!(row.values("lines.id"), [&Value::Int(1), &Value::Int(2)]);
        assert!(row.values("lines.name").is_empty());
        assert!(row.values("absent.id").is_empty());
    }
}
