//! What DynamoDB says about a table: its keys and indexes.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::describe_table::DescribeTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, KeySchemaElement, KeyType, ScalarAttributeType, TableDescription,
};

use crate::aws;

/// A table that the map names.
pub(super) struct Table {
    pub(super) name: String,
    /// The key attributes: the hash key, then the range key if there is one.
    pub(super) key: Vec<String>,
    /// Index names by hash key.
    indexes: HashMap<String, String>,
    types: HashMap<String, ScalarAttributeType>,
}

/// The way to the items that hold a value in a field.
pub(super) enum Way<'t> {
    /// The field is the table's hash key.
    Hash,
    /// The field is the hash key of this index.
    Index(&'t str),
    /// There is no index: every item is looked at.
    Scan,
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
        let indexes = description
            .global_secondary_indexes()
            .iter()
            .filter_map(|index| {
                let hash = of_type(index.key_schema(), &KeyType::Hash)?;
                Some((hash, index.index_name()?.to_owned()))
            })
            .collect();
        let types = description
            .attribute_definitions()
            .iter()
            .map(|AttributeDefinition { attribute_name, attribute_type, .. }| {
                (attribute_name.clone(), attribute_type.clone())
            })
            .collect();
        let key = std::iter::once(hash).chain(range).collect();
        Some(Self { name: name.to_owned(), key, indexes, types })
    }

    pub(super) fn way(&self, field: &str) -> Way<'_> {
        if self.key.first().is_some_and(|hash| hash == field) {
            return Way::Hash;
        }
        self.indexes.get(field).map_or(Way::Scan, |index| Way::Index(index))
    }

    /// The type of a key attribute; other attributes have none.
    pub(super) fn key_type(&self, field: &str) -> Option<&ScalarAttributeType> {
        self.types.get(field)
    }
}

fn of_type(schema: &[KeySchemaElement], key_type: &KeyType) -> Option<String> {
    let element = schema.iter().find(|element| element.key_type() == key_type)?;
    Some(element.attribute_name().to_owned())
}
