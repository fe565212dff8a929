//! Masking: the places named, and nothing else, whatever happens in between.

use aws_sdk_dynamodb::types::ScalarAttributeType::{N, S};
use domain::row::{Place, Step};

use super::*;

const MAP: &str = "
dataset:
- fides_key: crm
  collections:
  - name: people
    fides_meta: {namespace: {GSI1PK: 'EMAIL#{email}', GSI2PK: 'LOGIN#{email}#WEB'}}
    lethe: {erase: mask}
    data_categories: [user]
    fields:
    - {name: id, fides_meta: {primary_key: true}}
    - name: email
      fides_meta:
        identity: email
        data_type: string
        masking_strategy_override: {strategy: random_string_rewrite, configuration: {length: 20}}
    - {name: name}
    - {name: tags}
    - {name: devices, fides_meta: {data_type: 'object[]'}, fields: [{name: serial}, {name: model}]}
    - {name: visits, fides_meta: {read_only: true}, data_categories: [system.operations]}
";

fn ada(name: &str, visits: usize) -> Item {
    let device = |serial: &str| AttributeValue::M(item([("serial", text(serial)), ("model", text("m"))]));
    item([
        ("id", number(7)),
        ("GSI1PK", text("EMAIL#ada@example.org")),
        ("GSI2PK", text("LOGIN#ada@example.org#WEB")),
        ("email", text("ada@example.org")),
        ("name", text(name)),
        ("tags", AttributeValue::Ss(vec!["a".into(), "b".into()])),
        ("devices", AttributeValue::L(vec![device("s-1"), device("s-2")])),
        ("visits", number(visits)),
        ("unknown", text("to the map")),
    ])
}

async fn crm() -> (Client, DynamoDb) {
    let client = embedded().await;
    let indexes = Indexes { global: &[&["GSI1PK"], &["GSI2PK"]], ..Indexes::default() };
    table(&client, "people", &[("id", N)], indexes).await;
    let others = (70..120).map(|id: usize| {
        let mut other = ada("Ada", 1);
        other.insert("id".to_owned(), number(id));
        other.insert("GSI1PK".to_owned(), text(&format!("EMAIL#ada@example.org{id}")));
        other
    });
    put(&client, "people", others.chain([ada("Ada", 1)]).collect()).await;
    let store = store(&client, MAP).await;
    (client, store)
}

async fn seven(client: &Client) -> Item {
    client.get_item().table_name("people").key("id", number(7)).send().await.unwrap().item.unwrap()
}

fn place(path: &str) -> Place {
    let step = |step: &str| step.parse().map_or_else(|_| Step::Field(step.into()), Step::Index);
    Place(path.split('.').map(step).collect())
}

fn asked() -> Asked {
    let want = ["email", "name", "tags", "devices"];
    Asked::new("people", "email", &["ada@example.org"], &want)
}

async fn mask(store: &DynamoDb, found: &Found, set: &[(&str, Value)]) -> Result<u64, Fault> {
    let set = set.iter().map(|(path, value)| (place(path), value.clone())).collect();
    store.mask(&asked().question(), &[Change { found, set }]).await
}

#[tokio::test]
async fn only_the_places_named_are_set() {
    let (client, store) = crm().await;
    let (rows, _) = asked().of(&store).await.unwrap();
    assert_eq!(rows.len(), 1);
    // Written after the row was read; nothing of it may be lost.
    put(&client, "people", vec![ada("Ada", 2)]).await;

    let set = [
        ("name", Value::Null),
        ("tags", Value::Null),
        ("devices.1.serial", "x".into()),
        ("email", "masked".into()),
    ];
    assert_eq!(mask(&store, &rows[0], &set).await.unwrap(), 1);

    let mut expected = ada("Ada", 2);
    expected.insert("name".into(), AttributeValue::Null(true));
    expected.insert("tags".into(), AttributeValue::Null(true));
    expected.insert("email".into(), text("masked"));
    expected.insert("GSI1PK".into(), text("EMAIL#masked"));
    expected.insert("GSI2PK".into(), text("LOGIN#masked#WEB"));
    let Some(AttributeValue::L(devices)) = expected.get_mut("devices") else { panic!("a list") };
    let AttributeValue::M(second) = &mut devices[1] else { panic!("a map") };
    second.insert("serial".into(), text("x"));
    assert_eq!(seven(&client).await, expected);
}

#[tokio::test]
async fn what_changed_since_it_was_read_is_left_to_the_next_reading() {
    let (client, store) = crm().await;
    let (rows, _) = asked().of(&store).await.unwrap();
    let changed = ada("Augusta", 1);
    put(&client, "people", vec![changed.clone()]).await;

    let set = [("name", Value::Null), ("devices.0.serial", Value::Null)];
    assert_eq!(mask(&store, &rows[0], &set).await.unwrap(), 0);
    assert_eq!(seven(&client).await, changed);

    // Nor is an item touched that has gone to somebody else, or has gone.
    let mut given_away = ada("Ada", 1);
    given_away.insert("GSI1PK".into(), text("EMAIL#bob@example.org"));
    put(&client, "people", vec![given_away.clone()]).await;
    assert_eq!(mask(&store, &rows[0], &set).await.unwrap(), 0);
    assert_eq!(seven(&client).await, given_away);
    client.delete_item().table_name("people").key("id", number(7)).send().await.unwrap();
    assert_eq!(mask(&store, &rows[0], &set).await.unwrap(), 0);
}

#[tokio::test]
async fn the_engine_masks_a_person_and_leaves_the_others_byte_for_byte() {
    let (client, _) = crm().await;
    let mut expected = items(&client, "people").await;
    let engine = engine(&client, MAP, "connections:\n  crm: {kind: dynamodb}\n").await;
    let who = person("email", "ada@example.org");

    let erasure = engine.wipe(&who, &mut Steps::default()).await.unwrap();

    assert!(erasure.complete(), "{erasure:?}");
    assert_eq!(erasure.collections[0].masked, 1);
    let after = items(&client, "people").await;
    expected.retain(|item| !item.contains(r#""id": N("7")"#));
    let kept: Vec<_> = after.iter().filter(|item| !item.contains(r#""id": N("7")"#)).cloned().collect();
    assert!(kept == expected);
    let seven = seven(&client).await;
    assert_eq!((&seven["name"], &seven["visits"]), (&AttributeValue::Null(true), &number(1)));
    let email = seven["email"].as_s().unwrap();
    assert_eq!((email.len(), &seven["GSI1PK"]), (20, &text(&format!("EMAIL#{email}"))));
    assert_eq!(engine.wipe(&who, &mut Steps::default()).await.unwrap().collections[0].found, 0);
}

#[tokio::test]
async fn an_item_outside_of_the_index_is_masked_where_it_holds_the_field() {
    let (client, store) = crm().await;
    let mut outside = ada("Ada", 1);
    outside.retain(|name, _| !name.starts_with("GSI"));
    put(&client, "people", vec![outside]).await;
    let asked = Asked { values: vec![Value::Int(7)], ..Asked::new("people", "id", &[], &["id", "email"]) };
    let (rows, _) = asked.of(&store).await.unwrap();
    assert_eq!(rows[0].row.get("email"), Some(&"ada@example.org".into()));

    let changes = [Change { found: &rows[0], set: vec![(place("email"), "masked".into())] }];
    assert_eq!(store.mask(&asked.question(), &changes).await.unwrap(), 1);

    let seven = seven(&client).await;
    assert_eq!((&seven["email"], seven.get("GSI1PK")), (&text("masked"), None));
}

#[tokio::test]
async fn keys_cannot_be_masked_and_index_keys_not_with_nothing() {
    let (_, store) = crm().await;
    let (rows, _) = asked().of(&store).await.unwrap();

    let facts = |path: &str| {
        let facts = store.facts("people", path);
        (facts.in_key, facts.nullable, facts.text)
    };
    assert_eq!(facts("id"), (true, false, Some(false)));
    assert_eq!(facts("email"), (false, false, Some(true)));
    assert_eq!(facts("GSI1PK"), (false, false, Some(true)));
    assert_eq!(facts("name"), (false, true, None));
    let nothing = mask(&store, &rows[0], &[("email", Value::Null)]).await;
    assert_eq!(nothing, Err(Fault::new("only a text can stand in the key of an index")));
    let delimiter = mask(&store, &rows[0], &[("email", "x#y".into())]).await;
    assert_eq!(delimiter, Err(Fault::new("a value that cannot stand in the key of an item")));
}

#[tokio::test]
async fn items_of_400_kb_with_a_hundred_places_are_masked_and_deleted() {
    let client = embedded().await;
    table(&client, "people", &[("id", S)], Indexes::default()).await;
    let device = |i: usize| {
        let owner = if i == 60 { "ada@example.org" } else { "nobody" };
        let fields = [("owner", text(owner)), ("serial", text(&format!("{i:0>3900}")))];
        AttributeValue::M(item(fields))
    };
    let large = item([("id", text("a")), ("devices", AttributeValue::L((0..100).map(device).collect()))]);
    put(&client, "people", vec![large]).await;
    let store = store(
        &client,
        "
dataset:
- fides_key: crm
  collections:
  - name: people
    fields:
    - name: devices
      fides_meta: {data_type: 'object[]'}
      fields: [{name: owner, fides_meta: {identity: email}}, {name: serial}]
",
    )
    .await;
    let asked = Asked::new("people", "devices.owner", &["ada@example.org"], &["devices"]);
    let (rows, read_units) = asked.of(&store).await.unwrap();
    assert!(rows.len() == 1 && read_units >= 95.0, "{read_units}");
    let found = &rows[0];

    // More places than one call sets, that by which the item was found among them.
    let places = (0..100).flat_map(|i| ["owner", "serial"].map(|name| place(&format!("devices.{i}.{name}"))));
    let set = places.map(|place| (place, Value::Null)).collect();
    assert_eq!(store.mask(&asked.question(), &[Change { found, set }]).await.unwrap(), 1);
    let stored = client.get_item().table_name("people").key("id", text("a")).send().await.unwrap();
    let blank = AttributeValue::M(item([
        ("owner", AttributeValue::Null(true)),
        ("serial", AttributeValue::Null(true)),
    ]));
    assert_eq!(stored.item.unwrap()["devices"], AttributeValue::L(vec![blank; 100]));

    let another = item([("id", text("b")), ("devices", AttributeValue::L((0..100).map(device).collect()))]);
    put(&client, "people", vec![another]).await;
    let (rows, _) = asked.of(&store).await.unwrap();
    assert_eq!(store.delete(&asked.question(), &rows).await.unwrap(), 1);
    assert_eq!(items(&client, "people").await.len(), 1);
}
