//! Neutral names for what a map marks `redact: name`: a person who reads their data need not learn what a
//! company calls its stores.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::model::{CollectionRef, DataMap, Field};
use crate::row::{Row, Value};

/// The names under which a package shows datasets, collections and fields.
///
/// A neutral name is the kind of thing and its place in the map, from 1: `dataset_2`, `collection_1`,
/// `field_7`.
#[derive(Clone, Debug, Default)]
pub struct Redaction {
    collections: HashMap<CollectionRef, CollectionRef>,
    fields: HashMap<CollectionRef, BTreeMap<String, Shown>>,
}

/// How a field and its parts are shown, where that is not as they are called.
#[derive(Clone, Debug)]
struct Shown {
    name: Option<Arc<str>>,
    parts: BTreeMap<String, Shown>,
}

impl Redaction {
    /// The redactions of a map.
    #[must_use]
    pub fn new(map: &DataMap) -> Self {
        let mut redaction = Self::default();
        for (d, dataset) in map.datasets.iter().enumerate() {
            let shown_dataset = neutral(dataset.redact, "dataset", d).unwrap_or_else(|| dataset.key.clone());
            for (c, collection) in dataset.collections.iter().enumerate() {
                let at = CollectionRef::new(&dataset.key, &collection.name);
                let shown =
                    neutral(collection.redact, "collection", c).unwrap_or_else(|| collection.name.clone());
                let shown = CollectionRef::new(&shown_dataset, &shown);
                if shown != at {
                    redaction.collections.insert(at.clone(), shown);
                }
                let fields = shown_fields(&collection.fields);
                if !fields.is_empty() {
                    redaction.fields.insert(at, fields);
                }
            }
        }
        redaction
    }

    /// The name under which a collection is shown.
    #[must_use]
    pub fn name<'a>(&'a self, at: &'a CollectionRef) -> &'a CollectionRef {
        self.collections.get(at).unwrap_or(at)
    }

    /// A row with the names under which its fields are shown; none if they are their own.
    #[must_use]
    pub fn row(&self, at: &CollectionRef, row: &Row) -> Option<Row> {
        let fields = self.fields.get(at)?;
        let shown = row.iter().map(|(name, value)| match fields.get(name) {
            Some(shown) => (shown.name.clone().unwrap_or_else(|| name.into()), shown.of(value)),
            None => (name.into(), value.clone()),
        });
        Some(shown.collect())
    }
}

impl Shown {
    fn of(&self, value: &Value) -> Value {
        match value {
            Value::List(values) => Value::List(values.iter().map(|value| self.of(value)).collect()),
            Value::Map(fields) => Value::Map(
                fields
                    .iter()
                    .map(|(name, value)| match self.parts.get(name) {
                        Some(shown) => (shown.name.as_deref().unwrap_or(name).to_owned(), shown.of(value)),
                        None => (name.clone(), value.clone()),
                    })
                    .collect(),
            ),
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Float(_)
            | Value::Decimal(_)
            | Value::Text(_)
            | Value::Bytes(_) => value.clone(),
        }
    }
}

/// The fields that are shown under another name, or have parts that are.
fn shown_fields(fields: &[Field]) -> BTreeMap<String, Shown> {
    let mut shown = BTreeMap::new();
    for (f, field) in fields.iter().enumerate() {
        let name = neutral(field.redact, "field", f).map(Arc::from);
        let parts = shown_fields(&field.fields);
        if name.is_some() || !parts.is_empty() {
            shown.insert(field.name.clone(), Shown { name, parts });
        }
    }
    shown
}

fn neutral(redact: bool, kind: &str, index: usize) -> Option<String> {
    redact.then(|| format!("{kind}_{}", index + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_redacted_is_shown_by_its_place() {
        let map = DataMap::load([(
            "map.yml",
            "dataset:
  - fides_key: shop
    fides_meta: {redact: name}
    collections:
      - name: customers
        fields:
          - {name: email, fides_meta: {identity: email}}
          - name: scores
            fides_meta: {redact: name}
            fields: [{name: plain}, {name: churn_risk, fides_meta: {redact: name}}]
",
        )])
        .unwrap();
        let redaction = Redaction::new(&map);
        let at = CollectionRef::new("shop", "customers");
        let risk = Value::Map(BTreeMap::from([("churn_risk".into(), 9.into()), ("plain".into(), 1.into())]));
        let row: Row = [("email", "ada".into()), ("scores", Value::List(vec![risk]))].into_iter().collect();

        let shown = redaction.row(&at, &row).unwrap();

        assert_eq!(redaction.name(&at).to_string(), "dataset_1:customers");
        assert_eq!(
            serde_json::to_string(&shown).unwrap(),
            r#"{"email":"ada","field_2":[{"field_2":9,"plain":1}]}"#
        );
        let other = CollectionRef::new("shop", "others");
        assert_eq!((redaction.name(&other), redaction.row(&other, &row)), (&other, None));
    }
}
