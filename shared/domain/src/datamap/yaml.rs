//! YAML as a tree in which every node knows its line.
//!
//! Typed deserialization stops at the first mistake; reading a tree finds them all.

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use super::errors::{At, MapErrors};

/// A value and the place where it is written.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where.
    pub at: At,
    /// What.
    pub value: Yaml,
}

/// A YAML value.
#[derive(Clone, Debug)]
pub enum Yaml {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping in written order.
    Map(Vec<(Key, Node)>),
}

/// The key of a mapping's entry.
#[derive(Clone, Debug)]
pub struct Key {
    /// Where.
    pub at: At,
    /// Its text.
    pub name: String,
}

impl Node {
    /// Reads `text`, the content of `file`.
    ///
    /// # Errors
    /// If it is not YAML, or has the same key twice in a mapping.
    pub fn parse(file: &str, text: &str) -> Result<Self, MapErrors> {
        let file: Arc<str> = file.into();
        let options = serde_saphyr::options! {
            // A column may be called `no` or `on`.
            strict_booleans: true,
            with_snippet: false,
        };
        match serde_saphyr::from_str_with_options::<Spanned<Tree>>(text, options) {
            Ok(tree) => Ok(tree.value.locate(&file, tree.referenced.line())),
            Err(error) => {
                let line = error.location().map_or(1, |location| location.line());
                let at = At { file, line };
                let mut errors = MapErrors::default();
                errors.push(&at, format!("not valid YAML: {error}"));
                Err(errors)
            }
        }
    }

    /// The same as if it were written at `at`.
    pub(super) fn from_json(at: &At, json: &serde_json::Value) -> Self {
        let value = match json {
            serde_json::Value::Null => Yaml::Null,
            serde_json::Value::Bool(flag) => Yaml::Bool(*flag),
            serde_json::Value::Number(number) => number
                .as_i64()
                .map_or_else(|| Yaml::Float(number.as_f64().unwrap_or(f64::INFINITY)), Yaml::Int),
            serde_json::Value::String(text) => Yaml::Text(text.clone()),
            serde_json::Value::Array(values) => {
                Yaml::List(values.iter().map(|value| Self::from_json(at, value)).collect())
            }
            serde_json::Value::Object(fields) => Yaml::Map(
                fields
                    .iter()
                    .map(|(name, value)| {
                        (Key { at: at.clone(), name: name.clone() }, Self::from_json(at, value))
                    })
                    .collect(),
            ),
        };
        Self { at: at.clone(), value }
    }

    /// The entries of a mapping; notes an error and gives none if this is something else.
    pub fn map(&self, what: &str, errors: &mut MapErrors) -> Mapping<'_> {
        let entries = match &self.value {
            Yaml::Map(entries) => entries.as_slice(),
            Yaml::Null => &[],
            Yaml::Bool(_) | Yaml::Int(_) | Yaml::Float(_) | Yaml::Text(_) | Yaml::List(_) => {
                errors.push(&self.at, format!("{what} must be a mapping"));
                &[]
            }
        };
        Mapping { at: &self.at, entries }
    }

    /// The elements of a list; notes an error and gives none if this is something else.
    pub fn list(&self, what: &str, errors: &mut MapErrors) -> &[Self] {
        match &self.value {
            Yaml::List(nodes) => nodes,
            Yaml::Null => &[],
            Yaml::Bool(_) | Yaml::Int(_) | Yaml::Float(_) | Yaml::Text(_) | Yaml::Map(_) => {
                errors.push(&self.at, format!("{what} must be a list"));
                &[]
            }
        }
    }

    /// This as text; a whole number counts, because a name may be written as one.
    pub fn text(&self, what: &str, errors: &mut MapErrors) -> Option<String> {
        match &self.value {
            Yaml::Text(text) => Some(text.clone()),
            Yaml::Int(number) => Some(number.to_string()),
            Yaml::Null | Yaml::Bool(_) | Yaml::Float(_) | Yaml::List(_) | Yaml::Map(_) => {
                errors.push(&self.at, format!("{what} must be text"));
                None
            }
        }
    }

    /// Whether nothing is written here.
    #[must_use]
    pub const fn is_null(&self) -> bool {
        matches!(self.value, Yaml::Null)
    }
}

/// The entries of a mapping. An entry without a value counts as absent.
#[derive(Clone, Copy, Debug)]
pub struct Mapping<'a> {
    /// Where the mapping begins.
    pub at: &'a At,
    entries: &'a [(Key, Node)],
}

impl<'a> Mapping<'a> {
    /// A mapping without entries, in place of one that is not written.
    #[must_use]
    pub const fn empty(at: &'a At) -> Self {
        Self { at, entries: &[] }
    }

    /// The value under `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&'a Node> {
        self.entries.iter().find(|(entry, node)| entry.name == key && !node.is_null()).map(|(_, node)| node)
    }

    /// All entries in written order.
    pub fn iter(&self) -> impl Iterator<Item = &'a (Key, Node)> {
        self.entries.iter()
    }

    /// The text under `key`, if any.
    pub fn text(&self, key: &str, errors: &mut MapErrors) -> Option<String> {
        self.get(key)?.text(key, errors)
    }

    /// The text under `key`, which must be there and not empty.
    pub fn required(&self, key: &str, what: &str, errors: &mut MapErrors) -> Option<String> {
        let Some(node) = self.get(key) else {
            errors.push(self.at, format!("{what} has no {key}"));
            return None;
        };
        let text = node.text(key, errors)?;
        if text.is_empty() {
            errors.push(&node.at, format!("{key} must not be empty"));
            return None;
        }
        Some(text)
    }

    /// The texts of the list under `key`, each with its place.
    pub fn texts(&self, key: &str, errors: &mut MapErrors) -> Vec<(At, String)> {
        let Some(node) = self.get(key) else {
            return Vec::new();
        };
        node.list(key, errors)
            .iter()
            .filter_map(|node| Some((node.at.clone(), node.text(key, errors)?)))
            .collect()
    }

    /// The flag under `key`; `false` if absent.
    pub fn flag(&self, key: &str, errors: &mut MapErrors) -> bool {
        match self.get(key).map(|node| (&node.at, &node.value)) {
            None => false,
            Some((_, Yaml::Bool(flag))) => *flag,
            Some((at, _)) => {
                errors.push(at, format!("{key} must be true or false"));
                false
            }
        }
    }

    /// Notes an error for every key that is not among `known`.
    pub fn only(&self, known: &[&str], what: &str, errors: &mut MapErrors) {
        for (key, _) in self.entries {
            if !known.contains(&key.name.as_str()) {
                let name = &key.name;
                let reason = match known {
                    [] => format!("{what} takes no settings, so not `{name}`"),
                    known => {
                        format!("{what} has no setting `{name}`; expected one of: {}", known.join(", "))
                    }
                };
                errors.push(&key.at, reason);
            }
        }
    }
}

/// The tree as the deserializer gives it: lines, but no file name yet.
enum Tree {
    Leaf(Yaml),
    List(Vec<Spanned<Tree>>),
    Map(Vec<(Spanned<String>, Spanned<Tree>)>),
}

impl Tree {
    fn locate(self, file: &Arc<str>, line: u64) -> Node {
        let value = match self {
            Self::Leaf(value) => value,
            Self::List(nodes) => Yaml::List(
                nodes.into_iter().map(|node| node.value.locate(file, node.referenced.line())).collect(),
            ),
            Self::Map(entries) => Yaml::Map(
                entries
                    .into_iter()
                    .map(|(key, node)| {
                        let at = At { file: file.clone(), line: key.referenced.line() };
                        let node = node.value.locate(file, node.referenced.line());
                        (Key { at, name: key.value }, node)
                    })
                    .collect(),
            ),
        };
        Node { at: At { file: file.clone(), line }, value }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Leaf(Yaml::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Leaf(Yaml::Int(value)))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Tree, E> {
        let value = i64::try_from(value).map_err(|_| E::custom("the number is too large"))?;
        Ok(Tree::Leaf(Yaml::Int(value)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Leaf(Yaml::Float(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Leaf(Yaml::Text(value.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Leaf(Yaml::Null))
    }

    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree::Leaf(Yaml::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Tree, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = seq.next_element()? {
            nodes.push(node);
        }
        Ok(Tree::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            if key.value.is_empty() {
                return Err(A::Error::custom("a key must not be empty"));
            }
            entries.push((key, map.next_value()?));
        }
        Ok(Tree::Map(entries))
    }
}
