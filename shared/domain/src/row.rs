//! Rows as stores hand them over: an ordered list of named values.
//!
//! A value serializes straight to the JSON that goes into a takeout.
//! `Debug` shows kinds and field names only, so that no log line or panic can leak what a row holds.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::io;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
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

    /// Adds to `found` what is at `path` below this one, which is at `here`.
    fn locate<'a>(
        &'a self,
        path: &[&str],
        end: End,
        here: &mut Vec<Step>,
        found: &mut Vec<(Place, &'a Self)>,
    ) {
        match (self, path) {
            (Self::List(values), [_, ..]) => Self::locate_each(values, path, end, here, found),
            (Self::List(values), []) if end == End::Element => {
                Self::locate_each(values, path, end, here, found);
            }
            (Self::Map(fields), [first, rest @ ..]) => {
                if let Some(value) = fields.get(*first) {
                    here.push(Step::Field((*first).into()));
                    value.locate(rest, end, here, found);
                    here.pop();
                }
            }
            (value, []) => found.push((Place(here.clone()), value)),
            (_, [_, ..]) => {}
        }
    }

    fn locate_each<'a>(
        values: &'a [Self],
        path: &[&str],
        end: End,
        here: &mut Vec<Step>,
        found: &mut Vec<(Place, &'a Self)>,
    ) {
        for (index, value) in values.iter().enumerate() {
            here.push(Step::Index(index));
            value.locate(path, end, here, found);
            here.pop();
        }
    }

    /// Cuts the arrays on `path` to the elements under which a value satisfies `keep`; says whether any does.
    fn cut(&mut self, path: &[&str], keep: &dyn Fn(&Self) -> bool) -> bool {
        match (self, path) {
            (Self::List(values), _) => {
                values.retain_mut(|value| value.cut(path, keep));
                !values.is_empty()
            }
            (Self::Map(fields), [first, rest @ ..]) => {
                fields.get_mut(*first).is_some_and(|value| value.cut(rest, keep))
            }
            (value, []) => keep(value),
            (_, [_, ..]) => false,
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

impl From<serde_json::Value> for Value {
    fn from(json: serde_json::Value) -> Self {
        match json {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(flag) => Self::Bool(flag),
            serde_json::Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
                (Some(whole), _, _) => Self::Int(whole),
                (None, None, Some(float)) => Self::Float(Float(float)),
                (None, Some(_), _) | (None, None, None) => Self::Decimal(number.to_string()),
            },
            serde_json::Value::String(text) => Self::Text(text),
            serde_json::Value::Array(values) => Self::List(values.into_iter().map(Self::from).collect()),
            serde_json::Value::Object(fields) => {
                Self::Map(fields.into_iter().map(|(name, value)| (name, Self::from(value))).collect())
            }
        }
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

/// Where in a row a value is: names of fields and indexes of array elements.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place(pub Vec<Step>);

/// One step on the way to a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Into the field of this name.
    Field(Arc<str>),
    /// Into the array's element at this index.
    Index(usize),
}

/// What a path that ends in an array means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// The array as one value.
    Whole,
    /// Each of its elements.
    Element,
}

/// One row: its fields in the order in which the data map names them.
///
/// Names are shared, so that the rows of a long answer do not each hold their own.
#[derive(Clone, Default, PartialEq, Eq, JsonSchema)]
#[schemars(inline, with = "BTreeMap<String, serde_json::Value>")]
pub struct Row(Vec<(Arc<str>, Value)>);

impl Row {
    /// A row without fields.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a field at the end.
    pub fn push(&mut self, field: impl Into<Arc<str>>, value: Value) {
        self.0.push((field.into(), value));
    }

    /// The value of a top-level field.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.0.iter().find(|(name, _)| **name == *field).map(|(_, value)| value)
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

    /// The places of what a dotted path names, with the value there: an object or array at its end is one
    /// value, arrays on the way are walked.
    ///
    /// ```
    /// use domain::row::{Row, Value};
    ///
    /// let row: Row = [("tags", Value::List(vec!["a".into(), "b".into()]))].into_iter().collect();
    /// assert_eq!(row.places("tags").len(), 1);
    /// assert_eq!(row.elements("tags").len(), 2);
    /// ```
    #[must_use]
    pub fn places(&self, path: &str) -> Vec<(Place, &Value)> {
        self.locate(path, End::Whole)
    }

    /// Like [`Row::places`], but an array at the end of the path gives a place for each element.
    #[must_use]
    pub fn elements(&self, path: &str) -> Vec<(Place, &Value)> {
        self.locate(path, End::Element)
    }

    fn locate(&self, path: &str, end: End) -> Vec<(Place, &Value)> {
        let mut found = Vec::new();
        let mut steps = path.split('.');
        if let Some(first) = steps.next()
            && let Some((name, value)) = self.0.iter().find(|(name, _)| **name == *first)
        {
            let rest: Vec<&str> = steps.collect();
            value.locate(&rest, end, &mut vec![Step::Field(name.clone())], &mut found);
        }
        found
    }

    /// Cuts every array on a dotted path to the elements under which some value at the path satisfies `keep`.
    /// Arrays elsewhere stay whole.
    pub fn cut(&mut self, path: &str, keep: &dyn Fn(&Value) -> bool) {
        let mut steps = path.split('.');
        if let Some(first) = steps.next()
            && let Some((_, value)) = self.0.iter_mut().find(|(name, _)| **name == *first)
        {
            value.cut(&steps.collect::<Vec<_>>(), keep);
        }
    }

    /// How many bytes this is as JSON.
    #[must_use]
    pub fn size(&self) -> u64 {
        let mut bytes = Bytes(0);
        // Rows always have a JSON form, and counting does not fail.
        let _ = serde_json::to_writer(&mut bytes, self);
        bytes.0
    }

    /// The fields in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }
}

/// A writer that only counts.
struct Bytes(u64);

impl io::Write for Bytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl IntoIterator for Row {
    type Item = (Arc<str>, Value);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<N: Into<Arc<str>>> FromIterator<(N, Value)> for Row {
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
    use proptest::prelude::{Just, Strategy, any, prop, prop_assert_eq, prop_oneof, proptest};

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

    fn line(id: i64, tags: &[&str]) -> Value {
        let tags = Value::List(tags.iter().map(|tag| Value::from(*tag)).collect());
        Value::Map(BTreeMap::from([("id".into(), Value::Int(id)), ("tags".into(), tags)]))
    }

    fn order() -> Row {
        [("lines", Value::List(vec![line(1, &["a", "b"]), line(2, &["b"])])), ("note", "n".into())]
            .into_iter()
            .collect()
    }

    fn place(steps: &[&str]) -> Place {
        let step = |step: &&str| step.parse().map_or_else(|_| Step::Field((*step).into()), Step::Index);
        Place(steps.iter().map(step).collect())
    }

    #[test]
    fn a_place_names_every_index_on_the_way() {
        let row = order();
        let places = |path: &str| row.places(path).into_iter().map(|(place, _)| place).collect::<Vec<_>>();
        let elements =
            |path: &str| row.elements(path).into_iter().map(|(place, _)| place).collect::<Vec<_>>();

        assert_eq!(places("note"), [place(&["note"])]);
        assert_eq!(elements("note"), [place(&["note"])]);
        assert_eq!(places("lines"), [place(&["lines"])]);
        assert_eq!(elements("lines"), [place(&["lines", "0"]), place(&["lines", "1"])]);
        assert_eq!(places("lines.tags"), [place(&["lines", "0", "tags"]), place(&["lines", "1", "tags"])]);
        assert_eq!(
            elements("lines.tags"),
            [
                place(&["lines", "0", "tags", "0"]),
                place(&["lines", "0", "tags", "1"]),
                place(&["lines", "1", "tags", "0"]),
            ]
        );
        assert_eq!(row.elements("lines.tags")[2].1, &Value::from("b"));
        assert!(places("lines.name").is_empty() && places("note.x").is_empty() && places("x").is_empty());
    }

    #[test]
    fn a_cut_leaves_the_elements_that_lead_to_a_match() {
        let cut = |path: &str, wanted: Value| {
            let mut row = order();
            row.cut(path, &|value| *value == wanted);
            serde_json::to_value(&row).unwrap()["lines"].clone()
        };
        let one = serde_json::json!({"id": 1, "tags": ["a", "b"]});
        let two = serde_json::json!({"id": 2, "tags": ["b"]});

        assert_eq!(cut("lines.id", 2.into()), serde_json::json!([two]));
        assert_eq!(cut("lines.tags", "b".into()), serde_json::json!([{"id": 1, "tags": ["b"]}, two]));
        assert_eq!(cut("lines.tags", "a".into()), serde_json::json!([{"id": 1, "tags": ["a"]}]));
        assert_eq!(cut("lines.id", 3.into()), serde_json::json!([]));
        // What is on no path stays whole.
        assert_eq!(cut("note", "other".into()), serde_json::json!([one, two]));
        assert_eq!(cut("absent", "other".into()), serde_json::json!([one, two]));
    }

    #[test]
    fn json_becomes_a_value_without_losing_a_digit() {
        let value = |text: &str| Value::from(serde_json::from_str::<serde_json::Value>(text).unwrap());

        assert_eq!(value("-9223372036854775808"), Value::Int(i64::MIN));
        assert_eq!(value("18446744073709551615"), Value::Decimal("18446744073709551615".into()));
        assert_eq!(value("1.5"), Value::Float(Float(1.5)));
        let text = r#"{"a":[null,true,"x"],"b":{"c":-1}}"#;
        assert_eq!(serde_json::to_string(&value(text)).unwrap(), text);
    }

    /// Any value that JSON can hold.
    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            "\\PC{0,5}".prop_map(Value::Text),
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
                prop::collection::btree_map("[ab]", inner, 0..3).prop_map(Value::Map),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_size_is_that_of_the_json(value in values(), name in "\\PC{0,5}") {
            let row: Row = [(name, value)].into_iter().collect();
            let json = serde_json::to_string(&row).unwrap();
            prop_assert_eq!(row.size(), json.len() as u64);
            let back = Value::from(serde_json::from_str::<serde_json::Value>(&json).unwrap());
            prop_assert_eq!(serde_json::to_string(&back).unwrap(), json);
        }

        /// A cut to all keeps all; a cut to some keeps exactly the matching values in arrays.
        #[test]
        fn a_cut_takes_what_does_not_match_and_nothing_else(value in values(), bound in any::<i64>()) {
            for path in ["f", "f.a", "f.a.b"] {
                let row: Row = [("f", value.clone())].into_iter().collect();
                let keep = |value: &Value| *value > Value::Int(bound);
                let mut cut = row.clone();
                cut.cut(path, &keep);
                let is_in_array = |place: &Place| place.0.iter().any(|step| matches!(step, Step::Index(_)));
                let found = row.elements(path).into_iter();
                let kept = found.filter(|(place, value)| !is_in_array(place) || keep(value));
                let kept: Vec<&Value> = kept.map(|(_, value)| value).collect();
                let left: Vec<&Value> = cut.elements(path).into_iter().map(|(_, value)| value).collect();
                prop_assert_eq!(left, kept);
            }
        }
    }
}
