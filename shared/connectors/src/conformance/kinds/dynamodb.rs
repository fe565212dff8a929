//! DynamoDB: a table for each collection.

use std::collections::HashMap;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, ScalarAttributeType};
use serde_json::{Value, json};

use crate::conformance::fixture::{Dump, Fixture, Patience, notes_of_other_types, sorted};
use crate::conformance::gate::Gate;
use crate::conformance::world::{Field, LEAF, Of, Row, Table};
use crate::dynamodb::Item;
use crate::dynamodb::tests::{Indexes, embedded_at, exact, put, table};
use crate::engine::Clients;
use crate::testing::patient;

pub(in crate::conformance) struct DynamoDb {
    /// To the database itself.
    client: Client,
    gate: Gate,
}

#[async_trait]
impl Fixture for DynamoDb {
    const CRASHES: usize = 8;
    // More than a page; each is deleted by a request of its own.
    const MANY: usize = 1_100;

    async fn start() -> Self {
        let (client, address) = embedded_at().await;
        Self { client, gate: Gate::to(address).await }
    }

    fn of_other_types() -> Vec<Row> {
        notes_of_other_types([json!(1), json!(true), json!(null), json!({"id": "1"})])
    }

    /// Numbers with a fraction are decimals, which JSON does not hold exactly.
    fn shown(_: &Table, row: &Row) -> Row {
        fn exact(value: &Value) -> Value {
            match value {
                Value::Number(number) if number.is_f64() => number.to_string().into(),
                Value::Object(fields) => {
                    fields.iter().map(|(name, value)| (name.clone(), exact(value))).collect()
                }
                other => other.clone(),
            }
        }
        row.iter().map(|(name, value)| (name.clone(), exact(value))).collect()
    }

    fn connection(&self, _: Patience) -> String {
        "{kind: dynamodb}".to_owned()
    }

    fn clients(&self, patience: Patience) -> Clients {
        let address = format!("http://{}", self.gate.address);
        patient(&address, "http://127.0.0.1:1", patience == Patience::Short)
    }

    async fn fill(&self, tables: &[&Table]) {
        for of in tables {
            let key: Vec<_> = of.key(true).into_iter().map(|field| (field.name, scalar(field))).collect();
            // Attributes of indexes are texts that are there and not empty; the leaf's could be anything.
            let is_indexed = |field: &&Field| field.is_entry() && field.is_required;
            let indexed: Vec<[&str; 1]> =
                of.fields.iter().filter(is_indexed).map(|field| [field.name]).collect();
            let global: Vec<&[&str]> = indexed.iter().map(<[&str; 1]>::as_slice).collect();
            table(&self.client, of.name, &key, Indexes { global: &global, ..Indexes::default() }).await;
            put(&self.client, of.name, of.rows.iter().map(item).collect()).await;
        }
    }

    async fn put(&self, table: &Table, rows: &[Row]) {
        put(&self.client, table.name, rows.iter().map(item).collect()).await;
    }

    async fn remove(&self, table: &Table, rows: &[Row]) {
        for row in rows {
            let key =
                table.key(true).into_iter().map(|field| (field.name.to_owned(), attribute(&row[field.name])));
            let delete = self.client.delete_item().table_name(table.name).set_key(Some(key.collect()));
            delete.send().await.unwrap();
        }
    }

    async fn dump(&self, tables: &[&Table]) -> Dump {
        let mut dump = Dump::new();
        for table in tables {
            let mut rows = Vec::new();
            let mut pages = self.client.scan().table_name(table.name).into_paginator().items().send();
            while let Some(item) = pages.next().await {
                let item = item.unwrap().into_iter();
                rows.push(item.map(|(name, value)| (name, Value::from(exact(&value)))).collect());
            }
            dump.insert(table.name.to_owned(), sorted(rows));
        }
        dump
    }

    async fn lose(&self) {
        self.client.delete_table().table_name(LEAF).send().await.unwrap();
    }

    async fn stop(&self) {
        self.gate.shut();
    }

    async fn hang(&self) {
        self.gate.hang();
    }

    async fn mend(&self) {
        self.gate.open();
    }
}

fn scalar(field: &Field) -> ScalarAttributeType {
    match field.of {
        Of::Integer | Of::Float => ScalarAttributeType::N,
        Of::Text | Of::Loose => ScalarAttributeType::S,
        Of::Flag | Of::Document(_) | Of::Incomparable => unreachable!("no key has this type"),
    }
}

fn item(row: &Row) -> Item {
    row.iter().map(|(name, value)| (name.clone(), attribute(value))).collect()
}

fn attribute(value: &Value) -> AttributeValue {
    match value {
        Value::Null => AttributeValue::Null(true),
        Value::Bool(flag) => AttributeValue::Bool(*flag),
        Value::Number(number) => AttributeValue::N(number.to_string()),
        Value::String(text) => AttributeValue::S(text.clone()),
        Value::Array(values) => AttributeValue::L(values.iter().map(attribute).collect()),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (name.clone(), attribute(value)));
            AttributeValue::M(fields.collect::<HashMap<_, _>>())
        }
    }
}
