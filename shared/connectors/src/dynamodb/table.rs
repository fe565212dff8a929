//! What is known of a table: its keys and indexes from DynamoDB, the patterns of its keys from the map.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::describe_table::DescribeTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, IndexStatus, KeySchemaElement, KeyType, ScalarAttributeType, TableDescription,
};
use domain::datamap::KeyKind;

use super::Item;
use super::pattern::{Known, Pattern};
use crate::aws;

/// Settings in a namespace that are not patterns.
const TABLE: &str = "table";
const INDEX: &str = "index";
const DELIMITER: &str = "delimiter";

/// The table of one collection.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) name: String,
    /// The key attributes: the hash key, then the range key if there is one.
    pub(super) key: Vec<String>,
    pub(super) indexes: Vec<Index>,
    types: HashMap<String, ScalarAttributeType>,
    /// How the texts of key attributes are made, by attribute.
    patterns: BTreeMap<String, Pattern>,
    /// The characters that no field of a pattern can hold.
    delimiters: Vec<char>,
    /// The index that the map says to hold every item of the collection.
    complete: Option<String>,
}

/// A secondary index.
#[derive(Clone, Debug)]
pub(super) struct Index {
    pub(super) name: String,
    hash: String,
    range: Option<String>,
    /// Whether it shares the table's hash key, and is read as consistently as the table.
    pub(super) local: bool,
}

/// The way to the items that hold a value at a path.
pub(super) enum Way<'t> {
    /// The items of one hash key.
    Query {
        /// The index to ask instead of the table.
        index: Option<&'t Index>,
        hash: &'t str,
        range: Option<&'t str>,
        /// Whether the keys differ by value, so that each value is a query of its own.
        by_value: bool,
    },
    /// Every item is looked at.
    Scan,
}

/// How much a path and its value say of a key attribute.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bound {
    /// Nothing, or only how it begins.
    Open,
    /// All of it, whatever the value.
    Fixed,
    /// All of it or its beginning, by the value.
    Asked { whole: bool },
}

impl Table {
    /// Describes a table; the error is the reason why it cannot be used.
    pub(super) async fn describe(client: &Client, name: &str) -> Result<Self, String> {
        let answer = client.describe_table().table_name(name).send().await.map_err(|error| {
            match error.as_service_error() {
                Some(DescribeTableError::ResourceNotFoundException(_)) => {
                    format!("there is no table `{name}`")
                }
                _ => format!("the table `{name}` cannot be described: {}", aws::reason(&error)),
            }
        })?;
        let description = answer.table().ok_or_else(|| format!("the table `{name}` has no description"))?;
        Self::new(name, description).ok_or_else(|| format!("the table `{name}` has no key"))
    }

    fn new(name: &str, description: &TableDescription) -> Option<Self> {
        let schema = description.key_schema();
        let hash = of_type(schema, &KeyType::Hash)?;
        let range = of_type(schema, &KeyType::Range);
        let local = description
            .local_secondary_indexes()
            .iter()
            .filter_map(|index| Index::new(index.index_name()?, index.key_schema(), true));
        // An index that is still being built lacks items.
        let is_built =
            |status: Option<&IndexStatus>| status.is_none_or(|status| *status == IndexStatus::Active);
        let global = description
            .global_secondary_indexes()
            .iter()
            .filter(|index| is_built(index.index_status()))
            .filter_map(|index| Index::new(index.index_name()?, index.key_schema(), false));
        let indexes = local.chain(global).collect();
        let types = description
            .attribute_definitions()
            .iter()
            .map(|AttributeDefinition { attribute_name, attribute_type, .. }| {
                (attribute_name.clone(), attribute_type.clone())
            })
            .collect();
        Some(Self {
            name: name.to_owned(),
            key: std::iter::once(hash).chain(range).collect(),
            indexes,
            types,
            patterns: BTreeMap::new(),
            delimiters: Vec::new(),
            complete: None,
        })
    }

    /// The name of a collection's table.
    pub(super) fn name_in(namespace: &BTreeMap<String, String>) -> Option<&String> {
        namespace.get(TABLE)
    }

    /// The table as one collection uses it; the error is what is wrong with its settings.
    pub(super) fn laid_out(&self, namespace: &BTreeMap<String, String>) -> Result<Self, String> {
        let mut table = self.clone();
        for (setting, text) in namespace {
            match setting.as_str() {
                TABLE => {}
                DELIMITER => table.delimiters.extend(text.chars()),
                INDEX if self.indexes.iter().any(|index| index.name == *text) => {
                    table.complete = Some(text.clone());
                }
                INDEX => return Err(format!("the table `{}` has no index `{text}` to be read", self.name)),
                attribute => {
                    let attribute = self.key_attribute(attribute)?;
                    table.patterns.insert(attribute.to_owned(), Pattern::parse(text)?);
                }
            }
        }
        if let Some(hash) = table.patterns.get(&self.key[0]).filter(|pattern| pattern.is_open()) {
            return Err(format!(
                "the key pattern `{hash}` is only a beginning, which no hash key can be asked for"
            ));
        }
        if !namespace.contains_key(DELIMITER) {
            table.delimiters.extend(table.patterns.values().flat_map(Pattern::delimiters));
        }
        Ok(table)
    }

    /// The key attribute that a setting names: by its own name, or as the table's `pk` or `sk`.
    fn key_attribute<'s>(&'s self, setting: &'s str) -> Result<&'s str, String> {
        let name = match (setting, self.key.as_slice()) {
            (own, _) if self.types.contains_key(own) => own,
            ("pk", [hash, ..]) => hash,
            ("sk", [_, range]) => range,
            _ => return Err(format!("the table `{}` has no key attribute `{setting}`", self.name)),
        };
        match self.types.get(name) {
            Some(ScalarAttributeType::S) => Ok(name),
            Some(_) | None => {
                Err(format!("the key attribute `{name}` holds no text, so it can have no pattern"))
            }
        }
    }

    /// Whether a pattern tells the collection's items from others in the table.
    pub(super) fn is_told_apart(&self) -> bool {
        self.key.iter().any(|attribute| self.patterns.contains_key(attribute))
    }

    pub(super) fn delimiters(&self) -> &[char] {
        &self.delimiters
    }

    /// Forbids the delimiters of another collection of the same table.
    pub(super) fn forbid(&mut self, delimiters: &[char]) {
        self.delimiters.extend(delimiters);
    }

    /// The type of a key attribute; other attributes have none.
    pub(super) fn key_type(&self, attribute: &str) -> Option<&ScalarAttributeType> {
        self.types.get(attribute)
    }

    /// The key attribute in which a field stands, of the table itself if there is a choice.
    pub(super) fn pattern_of(&self, field: &str) -> Option<(&str, &Pattern)> {
        let mut all: Vec<_> = self.patterns_of(field).collect();
        all.sort_by_key(|(attribute, _)| self.key.iter().all(|key| key != attribute));
        all.into_iter().next()
    }

    /// Every key attribute in which a field stands.
    pub(super) fn patterns_of(&self, field: &str) -> impl Iterator<Item = (&str, &Pattern)> {
        let patterns = self.patterns.iter().map(|(attribute, pattern)| (attribute.as_str(), pattern));
        patterns.filter(move |(_, pattern)| pattern.fields().any(|name| name == field))
    }

    /// The pattern of a key attribute.
    pub(super) fn pattern(&self, attribute: &str) -> Option<&Pattern> {
        self.patterns.get(attribute)
    }

    /// Whether a value can stand in a pattern without looking like the start of something else.
    pub(super) fn fits_pattern(&self, value: &str) -> bool {
        !value.is_empty() && !value.contains(self.delimiters.as_slice())
    }

    /// The attributes that tell which item this is and what stands in its keys.
    pub(super) fn key_attributes(&self) -> impl Iterator<Item = &str> {
        let further = self.patterns.keys().filter(|attribute| !self.key.contains(attribute));
        self.key.iter().chain(further).map(String::as_str)
    }

    /// The fields that stand in an item's keys; none if it belongs to another collection.
    pub(super) fn fields_in_keys<'t, 'i>(&'t self, item: &'i Item) -> Option<BTreeMap<&'t str, &'i str>> {
        let mut fields = BTreeMap::new();
        for attribute in &self.key {
            if let Some(pattern) = self.patterns.get(attribute) {
                let key = item.get(attribute).and_then(|value| value.as_s().ok())?;
                for (field, value) in pattern.read(key)? {
                    let same = *fields.entry(field).or_insert(value) == value;
                    if !same || !self.fits_pattern(value) {
                        return None;
                    }
                }
            }
        }
        let further = self.patterns.iter().filter(|(attribute, _)| !self.key.contains(attribute));
        for (attribute, pattern) in further {
            // An item need not be in every index.
            let key = item.get(attribute).and_then(|value| value.as_s().ok());
            for (field, value) in key.and_then(|key| pattern.read(key)).unwrap_or_default() {
                if self.fits_pattern(value) {
                    fields.entry(field).or_insert(value);
                }
            }
        }
        Some(fields)
    }

    /// How to find the items that hold a value at `path`.
    pub(super) fn way(&self, path: &str) -> Way<'_> {
        let (hash, range) = (self.key[0].as_str(), self.key.get(1).map(String::as_str));
        let tables = std::iter::once((None, hash, range));
        let indexes = self.indexes.iter().map(|index| (Some(index), &*index.hash, index.range.as_deref()));
        let ranked = tables.chain(indexes).filter_map(|(index, hash, range)| {
            let asked = |bound| matches!(bound, Bound::Asked { .. });
            let by_hash = self.bound(hash, path);
            let by_range = range.map_or(Bound::Open, |range| self.bound(range, path));
            let global = index.is_some_and(|index| !index.local);
            if global && !self.is_complete(index?) {
                return None;
            }
            let rank = match by_hash {
                Bound::Asked { whole: true } => u8::from(global),
                Bound::Fixed if asked(by_range) => 2 + u8::from(global),
                Bound::Fixed if index.is_none() => 4,
                Bound::Fixed | Bound::Asked { whole: false } | Bound::Open => return None,
            };
            Some((rank, Way::Query { index, hash, range, by_value: asked(by_hash) || asked(by_range) }))
        });
        ranked.min_by_key(|(rank, _)| *rank).map_or(Way::Scan, |(_, way)| way)
    }

    /// Whether a global index holds every item that has its hash key.
    ///
    /// It does not if items can lack its range key: then it is a list of some of them.
    fn is_complete(&self, index: &Index) -> bool {
        let always_there = |range: &String| self.key.contains(range);
        self.complete.as_ref() == Some(&index.name)
            || self.patterns.contains_key(&index.hash)
            || index.range.as_ref().is_none_or(always_there)
    }

    fn bound(&self, attribute: &str, path: &str) -> Bound {
        let Some(pattern) = self.patterns.get(attribute) else {
            return if attribute == path { Bound::Asked { whole: true } } else { Bound::Open };
        };
        let with_any = pattern.with(path, "any");
        let asked = with_any != pattern.start();
        match with_any {
            Known::Whole(_) if asked => Bound::Asked { whole: true },
            Known::Whole(_) => Bound::Fixed,
            Known::Start(_) if asked => Bound::Asked { whole: false },
            Known::Start(_) => Bound::Open,
        }
    }

    /// What is known of a key attribute of the items that hold `value` at `path`.
    pub(super) fn key_of(&self, attribute: &str, path: &str, value: &str) -> Option<Known> {
        let known = self.patterns.get(attribute)?.with(path, value);
        (known != Known::Start(String::new())).then_some(known)
    }

    /// What a field is among the keys of the collection.
    pub(super) fn kind(&self, path: &str) -> KeyKind {
        let mut bounds = self.key.iter().map(|attribute| self.bound(attribute, path));
        let whole = bounds.clone().all(|bound| matches!(bound, Bound::Asked { whole: true } | Bound::Fixed));
        let asked = bounds.any(|bound| matches!(bound, Bound::Asked { .. }));
        if whole && asked { KeyKind::Primary } else { KeyKind::Plain }
    }

    /// Whether a field is part of the table's key.
    pub(super) fn is_in_key(&self, path: &str) -> bool {
        let stands_in = |attribute: &String| {
            self.patterns.get(attribute).is_some_and(|pattern| pattern.fields().any(|field| field == path))
        };
        self.key.iter().any(|attribute| attribute == path || stands_in(attribute))
    }
}

impl Index {
    fn new(name: &str, schema: &[KeySchemaElement], local: bool) -> Option<Self> {
        let hash = of_type(schema, &KeyType::Hash)?;
        Some(Self { name: name.to_owned(), hash, range: of_type(schema, &KeyType::Range), local })
    }
}

fn of_type(schema: &[KeySchemaElement], key_type: &KeyType) -> Option<String> {
    let element = schema.iter().find(|element| element.key_type() == key_type)?;
    Some(element.attribute_name().to_owned())
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::{GlobalSecondaryIndexDescription, LocalSecondaryIndexDescription};

    use super::*;

    fn schema(keys: &[&str]) -> Vec<KeySchemaElement> {
        let parts = keys.iter().zip([KeyType::Hash, KeyType::Range]);
        parts
            .map(|(name, of)| KeySchemaElement::builder().attribute_name(*name).key_type(of).build().unwrap())
            .collect()
    }

    /// A table keyed by `pk` and `sk`, with indexes named after their keys, laid out by `namespace`.
    fn table(namespace: &[(&str, &str)]) -> Result<Table, String> {
        let names = ["pk", "sk", "GSI1PK", "GSI1SK", "email", "team", "date", "size"];
        let attributes = names.map(|name| {
            let of = if name == "size" { ScalarAttributeType::N } else { ScalarAttributeType::S };
            AttributeDefinition::builder().attribute_name(name).attribute_type(of).build().unwrap()
        });
        let global =
            [&["GSI1PK", "GSI1SK"][..], &["email"], &["team", "date"], &["size", "sk"]].map(|keys| {
                GlobalSecondaryIndexDescription::builder()
                    .index_name(keys.join("-"))
                    .set_key_schema(Some(schema(keys)))
                    .build()
            });
        let local = LocalSecondaryIndexDescription::builder()
            .index_name("pk-date")
            .set_key_schema(Some(schema(&["pk", "date"])))
            .build();
        let description = TableDescription::builder()
            .set_key_schema(Some(schema(&["pk", "sk"])))
            .set_attribute_definitions(Some(attributes.to_vec()))
            .set_global_secondary_indexes(Some(global.to_vec()))
            .local_secondary_indexes(local)
            .build();
        let namespace = namespace.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        Table::new("app", &description).unwrap().laid_out(&namespace.collect())
    }

    /// Checks by which index, if any, a path is found: `table`, the index's name, or `scan`.
    fn check(namespace: &[(&str, &str)], path: &str, expected: &str) {
        let table = table(namespace).unwrap();
        let way = match table.way(path) {
            Way::Query { index, .. } => index.map_or("table", |index| &index.name),
            Way::Scan => "scan",
        };
        assert_eq!(way, expected, "{path} in {namespace:?}");
    }

    #[test]
    fn the_cheapest_complete_way_is_taken() {
        check(&[], "pk", "table");
        check(&[], "sk", "scan");
        check(&[], "name", "scan");
        check(&[], "email", "email");
        check(&[], "email.home", "scan");
        // Its range key is in every item.
        check(&[], "size", "size-sk");
        // Items can lack a date.
        check(&[], "team", "scan");
        check(&[("index", "team-date")], "team", "team-date");

        let user = ("pk", "USER#{id}");
        check(&[user], "id", "table");
        check(&[user], "name", "scan");
        check(&[user, ("GSI1PK", "EMAIL#{mail}")], "mail", "GSI1PK-GSI1SK");
        check(&[("pk", "TENANT#{tenant}#USER#{id}")], "id", "scan");

        let org = ("pk", "ORG#1");
        check(&[org, ("sk", "USER#{id}")], "id", "table");
        check(&[org, ("sk", "USER#{id}#NOTE#{note}")], "id", "table");
        check(&[org], "date", "pk-date");
        check(&[org], "email", "email");
        check(&[org], "name", "table");
    }

    #[test]
    fn a_field_that_fixes_the_whole_key_is_the_key() {
        let kind = |namespace: &[(&str, &str)], path: &str| table(namespace).unwrap().kind(path);
        let user = ("pk", "USER#{id}");

        assert_eq!(kind(&[user, ("sk", "PROFILE")], "id"), KeyKind::Primary);
        assert_eq!(kind(&[user, ("sk", "USER#{id}")], "id"), KeyKind::Primary);
        assert_eq!(kind(&[("pk", "ORG#1"), ("sk", "USER#{id}")], "id"), KeyKind::Primary);
        assert_eq!(kind(&[user, ("sk", "ORDER#")], "id"), KeyKind::Plain);
        assert_eq!(kind(&[user], "id"), KeyKind::Plain);
        assert_eq!(kind(&[user, ("sk", "PROFILE")], "sk"), KeyKind::Plain);
        assert_eq!(kind(&[], "pk"), KeyKind::Plain);
    }

    #[test]
    fn delimiters_are_those_beside_the_fields_unless_the_map_names_them() {
        let told = table(&[("pk", "my-app|USER#{id}"), ("sk", "ORDER:")]).unwrap();
        let named = table(&[("pk", "user-{id}"), ("delimiter", "#")]).unwrap();

        assert!(told.fits_pattern("a-b@c.d"));
        for value in ["a#b", "a:b", ""] {
            assert!(!told.fits_pattern(value), "{value:?}");
        }
        assert!(named.fits_pattern("550e8400-e29b"));
        assert!(!table(&[("pk", "user-{id}")]).unwrap().fits_pattern("550e8400-e29b"));
    }

    #[test]
    fn keys_that_contradict_each_other_are_of_another_collection() {
        let table = table(&[("pk", "USER#{id}"), ("sk", "PROFILE#{id}")]).unwrap();
        let fields = |pk: &str, sk: &str| {
            let text = |text: &str| aws_sdk_dynamodb::types::AttributeValue::S(text.to_owned());
            let item = Item::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))]);
            table.fields_in_keys(&item).map(|fields| fields.len())
        };

        assert_eq!(fields("USER#7", "PROFILE#7"), Some(1));
        assert_eq!(fields("USER#7", "PROFILE#8"), None);
        assert_eq!(fields("USER#7#X", "PROFILE#7#X"), None);
    }
}
