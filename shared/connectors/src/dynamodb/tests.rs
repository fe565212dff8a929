//! Tests against an embedded DynamoDB.

use aws_sdk_dynamodb::types::{AttributeDefinition, KeySchemaElement, KeyType, ScalarAttributeType};
use aws_sdk_dynamodb::types::{
    BillingMode, GlobalSecondaryIndex, Projection, ProjectionType, PutRequest, WriteRequest,
};
use domain::datamap::DataMap;

use super::*;
use crate::engine::Engine;
use crate::fault::EngineError;
use crate::testing::{Recorder, Steps, clients, effects, numbers, open, person};

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
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let database = dynoxide::Database::memory().unwrap();
    tokio::spawn(dynoxide::server::serve_on(listener, database));
    clients(&format!("http://{address}"), "http://127.0.0.1:1").dynamodb
}

fn part(name: &str, key_type: KeyType) -> KeySchemaElement {
    KeySchemaElement::builder().attribute_name(name).key_type(key_type).build().unwrap()
}

fn attribute(name: &str, of: ScalarAttributeType) -> AttributeDefinition {
    AttributeDefinition::builder().attribute_name(name).attribute_type(of).build().unwrap()
}

/// A table; the first attribute is the hash key, a second one the range key; `index` is an index of its own.
async fn table(client: &Client, name: &str, keys: &[(&str, ScalarAttributeType)], index: Option<&str>) {
    let mut create = client.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    for ((key, of), key_type) in keys.iter().zip([KeyType::Hash, KeyType::Range]) {
        create = create.key_schema(part(key, key_type)).attribute_definitions(attribute(key, of.clone()));
    }
    if let Some(field) = index {
        let keys_only = Projection::builder().projection_type(ProjectionType::KeysOnly).build();
        let index = GlobalSecondaryIndex::builder()
            .index_name(format!("by-{field}"))
            .key_schema(part(field, KeyType::Hash))
            .projection(keys_only)
            .build()
            .unwrap();
        create = create
            .attribute_definitions(attribute(field, ScalarAttributeType::S))
            .global_secondary_indexes(index);
    }
    create.send().await.unwrap();
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

async fn put(client: &Client, table: &str, items: Vec<Item>) {
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

async fn dump(client: &Client) -> BTreeMap<String, Vec<String>> {
    let mut dump = BTreeMap::new();
    for table in ["people-v2", "orders", "events", "models"] {
        let mut rows = Vec::new();
        let mut pages = client.scan().table_name(table).into_paginator().items().send();
        while let Some(item) = pages.next().await {
            let item: BTreeMap<_, _> = item.unwrap().into_iter().collect();
            rows.push(format!("{item:?}"));
        }
        rows.sort();
        dump.insert(table.to_owned(), rows);
    }
    dump
}

fn devices(serial: &str) -> AttributeValue {
    let device = HashMap::from([("serial".to_owned(), text(serial))]);
    AttributeValue::L(vec![AttributeValue::M(device)])
}

/// Ada (7) with 1,200 orders and 300 events, and neighbours that look like her.
async fn profiles() -> (Client, Engine) {
    use ScalarAttributeType::{N, S};
    let client = embedded().await;
    table(&client, "people-v2", &[("id", N)], Some("email")).await;
    table(&client, "orders", &[("customer", N), ("number", N)], None).await;
    table(&client, "events", &[("event", S)], None).await;
    table(&client, "models", &[("serial", S)], None).await;

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

    let mut clients = crate::testing::no_clients();
    clients.dynamodb = client.clone();
    let engine = open(MAP, CONNECTIONS, std::path::Path::new("/"), clients).await.unwrap();
    (client, engine)
}

#[tokio::test]
async fn every_page_is_read_by_key_by_index_and_by_scan() {
    let (_client, engine) = profiles().await;
    let mut sink = Recorder::default();

    let counts = engine.access(&person("email", "ada@example.org"), &mut sink).await.unwrap();

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
async fn erasing_takes_the_persons_own_items_and_nothing_else() {
    let (client, engine) = profiles().await;
    let mut expected = dump(&client).await;
    let own = |table: &str, row: &str| match table {
        "people-v2" => row.contains(r#""id": N("7")"#),
        "orders" => row.contains(r#""customer": N("7")"#),
        "events" => row.contains(r#""person": S("7")"#),
        _ => false,
    };
    for (table, rows) in &mut expected {
        rows.retain(|row| !own(table, row));
    }
    let ada = person("email", "ada@example.org");

    let stopped = engine.erase(&ada, &mut Steps::stop_from(2)).await;
    assert!(matches!(stopped, Err(EngineError::Interrupted(_))));
    let erasure = engine.erase(&ada, &mut Steps::default()).await.unwrap();

    assert!(erasure.complete());
    let [people, _, _, models] = effects(&erasure)[..] else { panic!("four collections") };
    assert_eq!(people, ("people", 1, 1, 0));
    assert_eq!(models, ("models", 1, 0, 1));
    let after = dump(&client).await;
    for table in ["people-v2", "orders", "events", "models"] {
        assert!(after[table] == expected[table], "{table}");
    }
    assert!(engine.erase(&ada, &mut Steps::default()).await.unwrap().complete());
}

#[tokio::test]
async fn an_item_that_changed_hands_is_not_deleted() {
    let (client, engine) = profiles().await;
    let map = engine.map().clone();
    let mut errors = MapErrors::default();
    let store = DynamoDb::open(&map.datasets[0], client.clone(), &mut errors).await.unwrap();
    let (values, want) = ([Value::from("7")], ["person".to_owned()]);
    let question = Question { collection: "events", field: "person", values: &values, want: &want };
    let page = store.page(&question, Cursor::default()).await.unwrap();
    let rows = &page.rows[..2];
    let Some(Value::Text(first)) = rows[0].key.first() else { panic!("a text key") };

    let given_away = item([("event", text(first)), ("person", text("70"))]);
    put(&client, "events", vec![given_away]).await;

    assert_eq!(store.erase(&question, rows).await.unwrap(), 1);
    let left = client.get_item().table_name("events").key("event", text(first)).send().await.unwrap();
    assert_eq!(left.item().unwrap()["person"], text("70"));
}

#[tokio::test]
async fn more_values_than_one_filter_takes_are_compared_here() {
    let (client, engine) = profiles().await;
    let mut errors = MapErrors::default();
    let store = DynamoDb::open(&engine.map().datasets[0], client, &mut errors).await.unwrap();
    let values: Vec<Value> = (0..150).map(|i| Value::from(i.to_string().as_str())).collect();
    let want = ["person".to_owned()];
    let question = Question { collection: "events", field: "person", values: &values, want: &want };

    let mut items = 0;
    let mut cursor = Some(Cursor::default());
    while let Some(from) = cursor {
        let page = store.page(&question, from).await.unwrap();
        items += page.rows.len();
        cursor = page.next;
    }
    assert_eq!(items, 900);
}

#[tokio::test]
async fn missing_tables_are_refused_at_open_and_lost_ones_later() {
    let client = embedded().await;
    let mut clients = crate::testing::no_clients();
    clients.dynamodb = client;
    let refused = open(MAP, CONNECTIONS, std::path::Path::new("/"), clients).await.unwrap_err();
    let refused = refused.to_string();
    assert_eq!(refused.lines().next(), Some("map.yml:5: there is no table `people-v2`"));
    assert_eq!(refused.lines().count(), 4);

    let (client, engine) = profiles().await;
    client.delete_table().table_name("orders").send().await.unwrap();
    let ada = person("email", "ada@example.org");
    let erasure = engine.erase(&ada, &mut Steps::default()).await.unwrap();
    assert!(!erasure.complete());
    let reasons: Vec<_> = erasure.collections.iter().map(|done| done.error.as_deref()).collect();
    assert_eq!(
        reasons,
        [
            Some("not erased, because profiles:orders is not done"),
            Some("Query: ResourceNotFoundException"),
            None,
            None
        ]
    );
    assert_eq!(effects(&erasure)[2], ("events", 300, 300, 0));
}

#[tokio::test]
async fn one_table_is_one_collection() {
    let text = MAP
        .replace("- fides_key: profiles\n", "- fides_key: profiles\n  fides_meta: {namespace: {table: t}}\n");
    let map = DataMap::load([("map.yml", text.as_str())]).unwrap();
    let mut errors = MapErrors::default();

    let store = DynamoDb::open(&map.datasets[0], embedded().await, &mut errors).await;

    assert!(store.is_none());
    assert_eq!(errors.to_string(), "map.yml:3: one table cannot hold several collections");
}
