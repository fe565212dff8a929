//! Tests against an embedded DynamoDB.

mod faults;
mod layout;
mod masking;

use std::net::SocketAddr;

use aws_sdk_dynamodb::types::{AttributeDefinition, KeySchemaElement, KeyType};
use aws_sdk_dynamodb::types::{
    BillingMode, GlobalSecondaryIndex, LocalSecondaryIndex, Projection, ProjectionType, PutRequest,
    WriteRequest,
};
use domain::datamap::DataMap;
use futures_util::TryStreamExt as _;

use super::*;
use crate::engine::Engine;
use crate::store::Page;
use crate::testing::{Plainly as _, Recorder, Steps, clients, effects, numbers, open, person};

const CONNECTIONS: &str = "connections:\n  profiles: {kind: dynamodb}\n";

const MAP: &str = "
dataset:
- fides_key: profiles
  collections:
  - name: people
    fides_meta: {namespace: {table: people-v2}}
    fields:
    - {name: id, fides_meta: {primary_key: true}}
    - {name: email, fides_meta: {identity: email}}
    - name: devices
      fides_meta: {data_type: 'object[]'}
      fields:
      - {name: serial, fides_meta: {references: [{dataset: profiles, field: models.serial, direction: to}]}}
    - {name: balance}
  - name: orders
    fields:
    - name: customer
      fides_meta: {references: [{dataset: profiles, field: people.id, direction: from}]}
    - {name: number}
    - {name: text}
  - name: events
    fields:
    - {name: event}
    - name: person
      fides_meta: {data_type: string, references: [{dataset: profiles, field: people.id, direction: from}]}
  - name: models
    fields:
    - {name: serial, fides_meta: {primary_key: true}}
    - {name: maker}
";

async fn embedded() -> Client {
    embedded_at().await.0
}

/// An embedded DynamoDB: its client, and where it listens.
pub(crate) async fn embedded_at() -> (Client, SocketAddr) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let database = dynoxide::Database::memory().unwrap();
    tokio::spawn(dynoxide::server::serve_on(listener, database));
    (clients(&format!("http://{address}"), "http://127.0.0.1:1").dynamodb, address)
}

fn schema(keys: &[&str]) -> Vec<KeySchemaElement> {
    let parts = keys.iter().zip([KeyType::Hash, KeyType::Range]);
    parts
        .map(|(name, of)| KeySchemaElement::builder().attribute_name(*name).key_type(of).build().unwrap())
        .collect()
}

/// The indexes of a table, each named after what it is keyed by.
#[derive(Default)]
pub(crate) struct Indexes<'a> {
    pub(crate) global: &'a [&'a [&'a str]],
    pub(crate) local: &'a [[&'a str; 2]],
}

/// A table; the first key attribute is the hash key, a second one the range key. Those of indexes are texts.
pub(crate) async fn table(
    client: &Client,
    name: &str,
    keys: &[(&str, ScalarAttributeType)],
    Indexes { global, local }: Indexes<'_>,
) {
    let names: Vec<&str> = keys.iter().map(|(name, _)| *name).collect();
    let mut types: BTreeMap<&str, ScalarAttributeType> = keys.iter().cloned().collect();
    let further = global.iter().copied().flatten().chain(local.iter().flatten());
    for attribute in further {
        types.entry(*attribute).or_insert(ScalarAttributeType::S);
    }
    let definitions = types.into_iter().map(|(name, of)| {
        AttributeDefinition::builder().attribute_name(name).attribute_type(of).build().unwrap()
    });
    let keys_only = || Projection::builder().projection_type(ProjectionType::KeysOnly).build();
    let global = global.iter().map(|keys| {
        let index = GlobalSecondaryIndex::builder().index_name(format!("by-{}", keys.join("-")));
        index.set_key_schema(Some(schema(keys))).projection(keys_only()).build().unwrap()
    });
    let local = local.iter().map(|keys| {
        let index = LocalSecondaryIndex::builder().index_name(format!("by-{}", keys.join("-")));
        index.set_key_schema(Some(schema(keys))).projection(keys_only()).build().unwrap()
    });
    let some = |indexes: Vec<_>| (!indexes.is_empty()).then_some(indexes);
    let (global, local): (Vec<_>, Vec<_>) = (global.collect(), local.collect());
    client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_key_schema(Some(schema(&names)))
        .set_attribute_definitions(Some(definitions.collect()))
        .set_global_secondary_indexes(some(global))
        .set_local_secondary_indexes((!local.is_empty()).then_some(local))
        .send()
        .await
        .unwrap();
}

/// The store of the first dataset of a map.
async fn store(client: &Client, map: &str) -> DynamoDb {
    let map = DataMap::load([("map.yml", map)]).unwrap();
    let mut errors = MapErrors::default();
    let store = DynamoDb::open(&map.datasets[0], client.clone(), &mut errors).await;
    assert_eq!(errors.to_string(), "");
    store.unwrap()
}

/// Why the store of a map cannot be opened.
async fn refused(client: &Client, map: &str) -> String {
    let map = DataMap::load([("map.yml", map)]).unwrap();
    let mut errors = MapErrors::default();
    DynamoDb::open(&map.datasets[0], client.clone(), &mut errors).await;
    errors.to_string()
}

async fn engine(client: &Client, map: &str, connections: &str) -> Engine {
    let mut clients = crate::testing::no_clients();
    clients.dynamodb = client.clone();
    open(map, connections, std::path::Path::new("/"), clients).await.unwrap()
}

/// A question, with what it borrows.
struct Asked {
    collection: &'static str,
    path: &'static str,
    values: Vec<Value>,
    want: Vec<String>,
}

impl Asked {
    fn new(collection: &'static str, path: &'static str, values: &[&str], want: &[&str]) -> Self {
        let values = values.iter().map(|value| Value::from(*value)).collect();
        Self { collection, path, values, want: want.iter().map(|field| (*field).to_owned()).collect() }
    }

    fn question(&self) -> Question<'_> {
        Question { collection: self.collection, path: self.path, values: &self.values, want: &self.want }
    }

    /// All rows of the answer, and what reading them cost.
    async fn of(&self, store: &DynamoDb) -> Result<(Vec<Found>, f64), Fault> {
        let question = self.question();
        let pages: Vec<Page> = store.ask(&question).try_collect().await?;
        assert!(pages.iter().all(|page| page.rows.len() <= crate::store::PAGE));
        let read_units = pages.iter().map(|page| page.usage.read_units).sum();
        Ok((pages.into_iter().flat_map(|page| page.rows).collect(), read_units))
    }
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn number(value: usize) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn item<const N: usize>(fields: [(&str, AttributeValue); N]) -> Item {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

pub(crate) async fn put(client: &Client, table: &str, items: Vec<Item>) {
    for items in items.chunks(25) {
        let requests = items
            .iter()
            .map(|item| {
                let put = PutRequest::builder().set_item(Some(item.clone())).build().unwrap();
                WriteRequest::builder().put_request(put).build()
            })
            .collect();
        let answer = client.batch_write_item().request_items(table, requests).send().await.unwrap();
        assert!(answer.unprocessed_items().is_none_or(HashMap::is_empty));
    }
}

/// Every item of a table, exactly.
async fn items(client: &Client, table: &str) -> Vec<String> {
    let mut rows = Vec::new();
    let mut pages = client.scan().table_name(table).into_paginator().items().send();
    while let Some(item) = pages.next().await {
        rows.push(exact(&AttributeValue::M(item.unwrap())));
    }
    rows.sort();
    rows
}

/// An attribute with its type, in one way of writing.
pub(crate) fn exact(value: &AttributeValue) -> String {
    match value {
        AttributeValue::M(fields) => {
            let fields: BTreeMap<_, _> = fields.iter().map(|(name, value)| (name, exact(value))).collect();
            let fields: Vec<String> =
                fields.iter().map(|(name, value)| format!("{name:?}: {value}")).collect();
            format!("{{{}}}", fields.join(", "))
        }
        AttributeValue::L(values) => format!("{:?}", values.iter().map(exact).collect::<Vec<_>>()),
        AttributeValue::Ss(values) => {
            let mut values = values.clone();
            values.sort();
            format!("Ss({values:?})")
        }
        other => format!("{other:?}"),
    }
}

fn devices(serial: &str) -> AttributeValue {
    let device = HashMap::from([("serial".to_owned(), text(serial))]);
    AttributeValue::L(vec![AttributeValue::M(device)])
}

/// Ada (7) with 1,200 orders and 300 events, and neighbours that look like her.
async fn profiles() -> (Client, Engine) {
    use ScalarAttributeType::{N, S};
    let client = embedded().await;
    table(&client, "people-v2", &[("id", N)], Indexes { global: &[&["email"]], ..Indexes::default() }).await;
    table(&client, "orders", &[("customer", N), ("number", N)], Indexes::default()).await;
    table(&client, "events", &[("event", S)], Indexes::default()).await;
    table(&client, "models", &[("serial", S)], Indexes::default()).await;

    let ada = "ada@example.org";
    let mut people = vec![item([
        ("id", number(7)),
        ("email", text(ada)),
        ("devices", devices("m-1")),
        ("balance", AttributeValue::N("0.10".into())),
    ])];
    let look_alikes =
        ["Ada@example.org", "ada@example.or", "ada@example.orgx", " ada@example.org", "%", "ada_example.org"];
    for (i, email) in look_alikes.iter().enumerate() {
        people.push(item([("id", number(70 + i)), ("email", text(email)), ("devices", devices("m-1"))]));
    }
    put(&client, "people-v2", people).await;
    let long = "x".repeat(2_000);
    let orders =
        (0..1_200).map(|i| item([("customer", number(7)), ("number", number(i)), ("text", text(&long))]));
    let others = (70..76).map(|id| item([("customer", number(id)), ("number", number(1))]));
    put(&client, "orders", orders.chain(others).collect()).await;
    let events = (0..900).map(|i| {
        // Another attribute type is another value: the number 7 is not the text.
        let person = match i % 3 {
            0 => text("7"),
            1 => text("70"),
            _ => number(7),
        };
        item([("event", text(&format!("e{i}"))), ("person", person), ("text", text(&long))])
    });
    put(&client, "events", events.collect()).await;
    put(&client, "models", vec![item([("serial", text("m-1")), ("maker", text("Acme"))])]).await;

    let engine = engine(&client, MAP, CONNECTIONS).await;
    (client, engine)
}

#[tokio::test]
async fn every_page_is_read_by_key_by_index_and_by_scan() {
    let (_client, engine) = profiles().await;
    let mut sink = Recorder::default();

    let counts = engine.read(&person("email", "ada@example.org"), &mut sink).await.unwrap();

    assert_eq!(numbers(&counts), [("people", 1), ("orders", 1_200), ("events", 300), ("models", 1)]);
    assert_eq!(sink.rows.len(), 1_502);
    assert_eq!(
        sink.rows[0].1,
        serde_json::json!({
            "id": 7, "email": "ada@example.org", "devices": [{"serial": "m-1"}], "balance": "0.1",
        })
    );
}

#[tokio::test]
async fn an_item_that_changed_hands_is_not_deleted() {
    let (client, _) = profiles().await;
    let store = store(&client, MAP).await;
    let asked = Asked::new("events", "person", &["7"], &["person"]);
    let (rows, _) = asked.of(&store).await.unwrap();
    let Some(Value::Text(first)) = rows[0].key.first() else { panic!("a text key") };

    let given_away = item([("event", text(first)), ("person", text("70"))]);
    put(&client, "events", vec![given_away]).await;

    assert_eq!(store.delete(&asked.question(), &rows[..2]).await.unwrap(), 1);
    let left = client.get_item().table_name("events").key("event", text(first)).send().await.unwrap();
    assert_eq!(left.item().unwrap()["person"], text("70"));
}

#[tokio::test]
async fn more_values_than_one_filter_takes_are_compared_here() {
    let (client, _) = profiles().await;
    let store = store(&client, MAP).await;
    let mut asked = Asked::new("events", "person", &[], &["person"]);
    asked.values = (0..150).map(|i| Value::from(i.to_string().as_str())).collect();

    // The 300 events of the number 7 are not among them.
    assert_eq!(asked.of(&store).await.unwrap().0.len(), 600);
}

#[tokio::test]
async fn reading_costs_what_dynamodb_says() {
    let (client, _) = profiles().await;
    let store = store(&client, MAP).await;

    // 2.4 MB in items of 2 KB, half a unit each when read together.
    let mut orders = Asked::new("orders", "customer", &[], &["text"]);
    orders.values = vec![Value::Int(7)];
    orders.want.push("customer".to_owned());
    let (rows, read_units) = orders.of(&store).await.unwrap();
    assert_eq!(rows.len(), 1_200);
    assert!((580.0..640.0).contains(&read_units), "{read_units}");

    let erased = store.usage_of(&Treatment::Delete, 1_200, 2_430_000);
    assert_eq!((erased.write_units, erased.read_units), (2.0 * 2_374.0, 0.0));
    assert_eq!(store.usage_of(&Treatment::Mask(Vec::new()), 3, 30).read_units, 3.0);
}
