//! What an access shows: the fields of the wanted categories.

use std::collections::{BTreeMap, HashMap};

use super::model::{Category, CollectionRef, DataMap};
use super::treatment::placed;
use crate::row::{Row, Value};

/// The part of every collection that is shown.
#[derive(Clone, Debug)]
pub struct Selection(Option<HashMap<CollectionRef, Pick>>);

/// The part of a value that is shown.
#[derive(Clone, Debug)]
enum Pick {
    All,
    Parts(BTreeMap<String, Pick>),
}

impl Selection {
    /// What has a category that one of `targets` covers; everything if there are none.
    ///
    /// A category of a collection keeps its rows whole, one of an object keeps the object whole.
    /// A field without a category has that of the object, collection or dataset around it.
    #[must_use]
    pub fn new(map: &DataMap, targets: &[Category]) -> Self {
        if targets.is_empty() {
            return Self(None);
        }
        let wanted = |categories: &[Category]| {
            categories.iter().any(|category| targets.iter().any(|target| target.covers(category)))
        };
        let mut picks = HashMap::new();
        for (at, dataset, collection) in map.collections() {
            if wanted(&collection.data_categories) {
                picks.insert(at, Pick::All);
                continue;
            }
            let mut pick = Pick::Parts(BTreeMap::new());
            for placed in placed(dataset, collection) {
                if placed.is_value() && wanted(placed.categories) {
                    pick.add(placed.path.split('.'));
                }
            }
            if matches!(&pick, Pick::Parts(parts) if !parts.is_empty()) {
                picks.insert(at, pick);
            }
        }
        Self(Some(picks))
    }

    /// Whether anything of a collection is shown.
    #[must_use]
    pub fn shows(&self, at: &CollectionRef) -> bool {
        self.0.as_ref().is_none_or(|picks| picks.contains_key(at))
    }

    /// What is shown of a row; nothing if nothing of its collection is.
    ///
    /// Objects and arrays of which nothing is left are dropped. A row of which nothing is left is shown
    /// empty: that there is one is part of the answer.
    #[must_use]
    pub fn cut(&self, at: &CollectionRef, row: Row) -> Option<Row> {
        let Some(picks) = &self.0 else {
            return Some(row);
        };
        match picks.get(at)? {
            Pick::All => Some(row),
            Pick::Parts(parts) => Some(
                row.into_iter()
                    .filter_map(|(name, value)| Some((name.clone(), parts.get(&*name)?.of(value)?)))
                    .collect(),
            ),
        }
    }
}

impl Pick {
    /// Adds what lies at the end of these steps, whole.
    fn add<'p>(&mut self, mut steps: impl Iterator<Item = &'p str>) {
        match (self, steps.next()) {
            (Self::All, _) => {}
            (pick, None) => *pick = Self::All,
            (Self::Parts(parts), Some(step)) => {
                parts.entry(step.to_owned()).or_insert(Self::Parts(BTreeMap::new())).add(steps);
            }
        }
    }

    /// What this leaves of a value; nothing if that is an empty object or array.
    fn of(&self, value: Value) -> Option<Value> {
        let left = match (self, value) {
            (Self::All, value) => value,
            (Self::Parts(_), Value::List(values)) => {
                Value::List(values.into_iter().filter_map(|value| self.of(value)).collect())
            }
            (Self::Parts(parts), Value::Map(fields)) => Value::Map(
                fields
                    .into_iter()
                    .filter_map(|(name, value)| {
                        let left = parts.get(&name)?.of(value)?;
                        Some((name, left))
                    })
                    .collect(),
            ),
            // The map calls it an object, but it is a single value that nobody has categorised.
            (
                Self::Parts(_),
                Value::Null
                | Value::Bool(_)
                | Value::Int(_)
                | Value::Float(_)
                | Value::Decimal(_)
                | Value::Text(_)
                | Value::Bytes(_),
            ) => return None,
        };
        let empty = match &left {
            Value::List(values) => values.is_empty(),
            Value::Map(fields) => fields.is_empty(),
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Float(_)
            | Value::Decimal(_)
            | Value::Text(_)
            | Value::Bytes(_) => false,
        };
        (!empty).then_some(left)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Just, Strategy, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};
    use serde_json::json;

    use super::*;

    const MAP: &str = "\
dataset:
  - fides_key: shop
    data_categories: [user]
    collections:
      - name: customers
        fields:
          - {name: id, data_categories: [user.unique_id]}
          - {name: email, data_categories: [user.contact.email], fides_meta: {identity: email}}
          - {name: note}
          - name: address
            data_categories: [user.contact.address]
            fields: [{name: street}, {name: city, data_categories: [user.contact.address.city]}]
          - name: cards
            fields:
              - {name: number, data_categories: [user.financial.credit_card]}
              - {name: label}
      - name: visits
        data_categories: [user.behavior]
        fields: [{name: email, data_categories: [user.contact.email], fides_meta: {identity: email}}, {name: page}]
";

    #[track_caller]
    fn check(targets: &[&str], collection: &str, expected: serde_json::Value) {
        let map = DataMap::load([("map.yml", MAP)]).unwrap();
        let targets: Vec<Category> = targets.iter().map(|key| Category((*key).to_owned())).collect();
        let selection = Selection::new(&map, &targets);
        let at = CollectionRef::new("shop", collection);
        let row = match collection {
            "customers" => json!({
                "id": 1, "email": "ada@example.org", "note": null,
                "address": {"street": "High St", "city": "York", "undeclared": 1},
                "cards": [{"number": "4", "label": "own"}, {"label": "none"}],
            }),
            _ => json!({"email": "ada@example.org", "page": "/"}),
        };
        let cut = selection.cut(&at, row_of(row));
        assert_eq!(selection.shows(&at), cut.is_some());
        assert_eq!(serde_json::to_value(&cut).unwrap(), expected);
    }

    fn row_of(json: serde_json::Value) -> Row {
        match Value::from(json) {
            Value::Map(fields) => fields.into_iter().collect(),
            other => panic!("{other:?} is no row"),
        }
    }

    #[test]
    fn a_category_keeps_what_it_is_on() {
        check(&["user.contact.email"], "customers", json!({"email": "ada@example.org"}));
        // On an object it keeps the object whole, on a collection the row.
        check(
            &["user.contact.address"],
            "customers",
            json!({"address": {"street": "High St", "city": "York", "undeclared": 1}}),
        );
        check(&["user.behavior"], "visits", json!({"email": "ada@example.org", "page": "/"}));
        // On a nested leaf it keeps just that, and drops what it leaves empty.
        check(&["user.contact.address.city"], "customers", json!({"address": {"city": "York"}}));
        check(&["user.financial"], "customers", json!({"cards": [{"number": "4"}]}));
        check(&["user.contact.email"], "visits", json!({"email": "ada@example.org"}));
        check(
            &["user.contact.address.city", "user.unique_id"],
            "customers",
            json!({"id": 1, "address": {"city": "York"}}),
        );
    }

    #[test]
    fn what_has_no_category_has_that_around_it() {
        check(
            &["user"],
            "customers",
            json!({
                "id": 1, "email": "ada@example.org", "note": null,
                "address": {"street": "High St", "city": "York", "undeclared": 1},
                "cards": [{"number": "4", "label": "own"}, {"label": "none"}],
            }),
        );
    }

    #[test]
    fn a_collection_without_a_match_does_not_appear_and_a_row_without_one_is_empty() {
        check(&["user.financial"], "visits", json!(null));
        check(&["user.contact.organization"], "customers", json!(null));

        let map = DataMap::load([("map.yml", MAP)]).unwrap();
        let selection = Selection::new(&map, &[Category("user.financial".into())]);
        let at = CollectionRef::new("shop", "customers");
        for json in
            [json!({"id": 1}), json!({"cards": []}), json!({"cards": [{"label": "x"}]}), json!({"cards": 1})]
        {
            assert_eq!(selection.cut(&at, row_of(json)), Some(Row::new()));
        }
    }

    #[test]
    fn no_target_shows_everything() {
        let selection = Selection::new(&DataMap::default(), &[]);
        let at = CollectionRef::new("shop", "nowhere");
        let row = row_of(json!({"empty": [], "deep": {"empty": {}}}));

        assert!(selection.shows(&at));
        assert_eq!(selection.cut(&at, row.clone()), Some(row));
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![Just(Value::Null), (0..9_i64).prop_map(Value::Int)];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
                prop::collection::btree_map("street|city|number|label", inner, 0..4).prop_map(Value::Map),
            ]
        })
    }

    proptest! {
        /// A cut is idempotent, adds nothing, and more targets show no less.
        #[test]
        fn a_cut_only_takes_away(
            fields in prop::collection::btree_map("id|email|note|address|cards", values(), 0..5),
            targets in prop::collection::vec(prop::sample::select(vec![
                "user.contact", "user.contact.address.city", "user.financial", "user.unique_id",
            ]), 1..4),
        ) {
            let map = DataMap::load([("map.yml", MAP)]).unwrap();
            let at = CollectionRef::new("shop", "customers");
            let row: Row = fields.into_iter().collect();
            let targets: Vec<Category> = targets.into_iter().map(|key| Category(key.to_owned())).collect();
            let some = Selection::new(&map, &targets[..1]).cut(&at, row.clone()).unwrap();
            let selection = Selection::new(&map, &targets);
            let more = selection.cut(&at, row.clone()).unwrap();

            prop_assert_eq!(selection.cut(&at, more.clone()), Some(more.clone()));
            prop_assert!(some.size() <= more.size() && more.size() <= row.size());
            for (name, _) in some.iter() {
                prop_assert!(more.get(name).is_some() && row.get(name).is_some());
            }
            // All values of a wanted plain field are there, and none of another.
            for (path, category) in [
                ("address.city", "user.contact.address.city"),
                ("cards.number", "user.financial"),
                ("id", "user.unique_id"),
            ] {
                let category = Category(category.to_owned());
                if targets.iter().any(|target| target.covers(&category)) {
                    prop_assert_eq!(keys(&more, path), keys(&row, path));
                }
            }
            prop_assert!(more.get("note").is_none() && more.values("cards.label").is_empty());
        }
    }

    fn keys<'r>(row: &'r Row, path: &str) -> Vec<&'r Value> {
        row.values(path).into_iter().filter(|value| value.is_key()).collect()
    }
}
