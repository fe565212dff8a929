//! One music shop in three layouts: SQLite, PostgreSQL, and split over PostgreSQL, DynamoDB and S3. In each the
//! same person is planned, read, erased, certified, brought back by an old backup, found and erased again.
//!
//! The rows are those of the Chinook sample database where it lies beside the repository, and of a shop of the
//! same shape where it does not.

use std::{collections::BTreeMap, path::Path};

use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType,
    Projection, ProjectionType, ScalarAttributeType,
};
use chrono::TimeDelta;
use domain::{
    certificate::KeyRing,
    tenant::{MapFiles, Sweep},
};
use reqwest::Method;
use serde_json::{Value, json};
use servers::Postgres;
use sqlx::{Connection as _, Row as _, SqliteConnection};
use uuid::Uuid;

use crate::{
    tour::{LUIS, music_shop, open},
    world::{Setup, World, send},
};

/// The tables of the shop that hold personal data, parents first.
const TABLES: [&str; 3] = ["Customer", "Invoice", "InvoiceLine"];

/// A row as JSON.
type Row = serde_json::Map<String, Value>;

/// All rows of the three tables.
async fn rows(database: &Path) -> BTreeMap<&'static str, Vec<Row>> {
    let mut shop = open(database).await;
    let mut rows = BTreeMap::new();
    for table in TABLES {
        rows.insert(table, rows_of(&mut shop, table).await);
    }
    rows
}

async fn rows_of(shop: &mut SqliteConnection, table: &str) -> Vec<Row> {
    let columns = sqlx::query("SELECT name FROM pragma_table_info(?)").bind(table);
    let columns = columns.fetch_all(&mut *shop).await.unwrap();
    let pairs: Vec<String> = columns
        .iter()
        .map(|column| column.get::<String, _>(0))
        .map(|name| format!("'{name}', \"{name}\""))
        .collect();
    let text = format!("SELECT json_object({}) FROM \"{table}\" ORDER BY 1", pairs.join(", "));
    let rows = sqlx::query(sqlx::AssertSqlSafe(text)).fetch_all(shop).await.unwrap();
    rows.iter().map(|row| serde_json::from_str(row.get(0)).unwrap()).collect()
}

/// The same tables with the same rows in PostgreSQL, foreign keys included.
fn fill(server: &Postgres, tables: &[&'static str], rows: &BTreeMap<&'static str, Vec<Row>>) {
    server.create_database("music");
    for table in tables {
        let first = &rows[table][0];
        let column = |(name, value): (&String, &Value)| {
            let of = match (name.as_str(), value) {
                (name, _) if *name == format!("{table}Id") => "integer PRIMARY KEY",
                ("CustomerId", _) => "integer NOT NULL REFERENCES \"Customer\"",
                ("InvoiceId", _) => "integer NOT NULL REFERENCES \"Invoice\"",
                (name, _) if name.ends_with("Id") => "integer",
                ("Quantity", _) => "integer",
                (_, Value::Number(_)) => "numeric",
                _ => "text",
            };
            format!("\"{name}\" {of}")
        };
        let columns: Vec<String> = first.iter().map(column).collect();
        server.sql("music", &format!("CREATE TABLE \"{table}\" ({})", columns.join(", ")));
        insert(server, table, &rows[table]);
    }
}

fn insert(server: &Postgres, table: &str, rows: &[Row]) {
    let json = serde_json::to_string(rows).unwrap().replace('\'', "''");
    server.sql(
        "music",
        &format!(
            "INSERT INTO \"{table}\" SELECT * FROM json_populate_recordset(NULL::\"{table}\", '{json}') \
             ON CONFLICT DO NOTHING"
        ),
    );
}

fn dump(server: &Postgres, table: &str) -> String {
    server.sql(
        "music",
        &format!(
            "SELECT row_to_json(t) FROM \"{table}\" t ORDER BY 1::text COLLATE \"C\", row_to_json(t)::text"
        ),
    )
}

/// The person's rows of each table: one customer, their invoices, the lines of those.
fn own(rows: &BTreeMap<&'static str, Vec<Row>>) -> BTreeMap<&'static str, Vec<Row>> {
    let is = |row: &Row, name: &str, among: &[Row]| among.iter().any(|own| own[name] == row[name]);
    let customers: Vec<Row> = rows["Customer"].iter().filter(|row| row["Email"] == LUIS).cloned().collect();
    let invoices: Vec<Row> =
        rows["Invoice"].iter().filter(|row| is(row, "CustomerId", &customers)).cloned().collect();
    let lines: Vec<Row> =
        rows["InvoiceLine"].iter().filter(|row| is(row, "InvoiceId", &invoices)).cloned().collect();
    BTreeMap::from([("Customer", customers), ("Invoice", invoices), ("InvoiceLine", lines)])
}

/// Plans, applies, verifies the certificate from its file alone; then what `restore` brings back is found by the
/// sweep and erased again. `left` tells everything that the stores hold, in any form.
async fn flow<D: PartialEq + std::fmt::Debug>(
    world: &World,
    counts: &[u64],
    others: D,
    left: impl AsyncFn() -> D,
    restore: impl AsyncFn(),
) {
    let luis = Uuid::new_v5(&Uuid::NAMESPACE_DNS, LUIS.as_bytes());
    world.register(&luis.to_string(), LUIS).await;
    let path = format!("/lethe/v1/persons/{luis}/plan");
    let before = left().await;
    let plan = send(world.as_admin(Method::POST, &path).json(&json!({}))).await.expect(200).json();
    let affected: Vec<u64> =
        plan["collections"].as_array().unwrap().iter().map(|of| of["affected"].as_u64().unwrap()).collect();
    assert_eq!(affected, counts, "{plan}");
    assert_eq!(left().await, before, "a plan changes nothing");

    let apply = format!("{path}/{}/apply", plan["sha256"].as_str().unwrap());
    let request = send(world.as_admin(Method::POST, &apply)).await.expect(202).json();
    world.drain().await;
    assert_eq!(left().await, others, "every other row is as before");

    let id = request["id"].as_str().unwrap();
    let file = send(world.as_admin(Method::GET, &format!("/lethe/v1/certificates/{id}"))).await.expect(200);
    let keys = send(world.call(Method::GET, &format!("/lethe/v1/keys/{}", world.org()))).await.expect(200);
    let ring = KeyRing::read(std::str::from_utf8(&keys.bytes).unwrap()).unwrap();
    let text = String::from_utf8(file.bytes).unwrap();
    domain::certificate::verify(&text, &ring).unwrap();
    assert!(!text.contains(LUIS));

    restore().await;
    assert_ne!(left().await, others);
    world.advance(TimeDelta::hours(25)).await;
    assert_eq!(left().await, others, "the sweep erased them again");
}

/// A world whose tenant has the map and connections of this folder, opened when first needed, and erases again
/// whom the sweep finds.
async fn world(folder: &Path) -> World {
    let mut setup = Setup::new();
    setup.with_shop = false;
    let mut tenant = setup.identity.tenant();
    tenant.sweep = Sweep::Erase;
    let connections = Some(folder.join("connections.yml"));
    tenant.data_map = Some(MapFiles { files: vec![folder.join("datamap.yml")], connections });
    setup.tenants = Some(vec![tenant]);
    setup.begin().await
}

#[tokio::test(flavor = "multi_thread")]
async fn in_sqlite() {
    let folder = music_shop().await;
    let database = folder.path().join("chinook.sqlite");
    let before = rows(&database).await;
    let own = own(&before);
    let others: BTreeMap<_, Vec<Row>> = before
        .iter()
        .map(|(table, rows)| (*table, rows.iter().filter(|row| !own[table].contains(row)).cloned().collect()))
        .collect();
    let world = world(folder.path()).await;
    let counts = TABLES.map(|table| own[table].len() as u64);

    let restore = async || {
        let mut shop = open(&database).await;
        for table in TABLES {
            let json = serde_json::to_string(&own[table]).unwrap();
            let list = |column: &dyn Fn(&String) -> String| {
                own[table][0].keys().map(column).collect::<Vec<_>>().join(", ")
            };
            let columns = list(&|name| format!("\"{name}\""));
            let values = list(&|name| format!("value ->> '{name}'"));
            let text = format!("INSERT INTO \"{table}\" ({columns}) SELECT {values} FROM json_each(?)");
            sqlx::query(sqlx::AssertSqlSafe(text)).bind(json).execute(&mut shop).await.unwrap();
        }
        shop.close().await.unwrap();
    };
    flow(&world, &counts, others, async || rows(&database).await, restore).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_postgresql() {
    let folder = music_shop().await;
    let before = rows(&folder.path().join("chinook.sqlite")).await;
    let own = own(&before);
    let server = Postgres::start();
    fill(&server, &TABLES, &before);
    let connections =
        format!("connections:\n  chinook: {{kind: postgres, url: \"{}\"}}\n", server.url("music"));
    std::fs::write(folder.path().join("connections.yml"), connections).unwrap();
    let tables = async || TABLES.map(|table| dump(&server, table));
    let whole = tables().await;
    let world = world(folder.path()).await;
    let counts = TABLES.map(|table| own[table].len() as u64);
    // What is to be left: everything without the person's rows.
    let gone = |table: &str, line: &str| {
        let line: Row = serde_json::from_str(line).unwrap();
        let id = format!("{table}Id");
        own[table].iter().any(|own| own[&id] == line[&id])
    };
    let others = [0, 1, 2].map(|i| {
        let kept = whole[i].lines().filter(|line| !gone(TABLES[i], line));
        kept.map(|line| format!("{line}\n")).collect::<String>()
    });
    let lines = async || {
        tables().await.map(|table| table.lines().map(|line| format!("{line}\n")).collect::<String>())
    };

    let restore = async || TABLES.iter().for_each(|table| insert(&server, table, &own[table]));
    flow(&world, &counts, others, lines, restore).await;
}

const SPLIT: &str = r#"
dataset:
  - fides_key: people
    collections:
      - name: Customer
        fields:
          - {name: CustomerId, fides_meta: {primary_key: true, data_type: integer}}
          - {name: Email, data_categories: [user.contact.email], fides_meta: {identity: email, data_type: string}}
          - {name: FirstName, data_categories: [user.name]}
  - fides_key: sales
    collections:
      - name: Invoice
        fields:
          - {name: InvoiceId, fides_meta: {primary_key: true, data_type: integer}}
          - name: CustomerId
            fides_meta: {data_type: integer, references: [{dataset: people, field: Customer.CustomerId, direction: from}]}
      - name: InvoiceLine
        fields:
          - name: InvoiceId
            fides_meta: {data_type: integer, references: [{dataset: sales, field: Invoice.InvoiceId, direction: from}]}
          - {name: InvoiceLineId, fides_meta: {data_type: integer}}
  - fides_key: uploads
    collections:
      - name: files
        fields:
          - name: customer_id
            fides_meta: {references: [{dataset: people, field: Customer.CustomerId, direction: from}]}
          - {name: key}
          - {name: size}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn split_over_three_stores() {
    let folder = music_shop().await;
    let before = rows(&folder.path().join("chinook.sqlite")).await;
    let own = own(&before);
    let server = Postgres::start();
    fill(&server, &["Customer"], &before);
    let connections = format!(
        "connections:\n  people: {{kind: postgres, url: \"{}\"}}\n  sales: {{kind: dynamodb}}\n  \
         uploads: {{kind: s3_objects, bucket: uploads, key: \"customers/{{customer_id}}/\"}}\n",
        server.url("music")
    );
    std::fs::write(folder.path().join("connections.yml"), connections).unwrap();
    std::fs::write(folder.path().join("datamap.yml"), SPLIT).unwrap();
    let world = world(folder.path()).await;
    let (dynamodb, s3) = (world.stack.app.clients().dynamodb(), world.stack.app.clients().s3());
    table(dynamodb, "Invoice", ("InvoiceId", None), "CustomerId").await;
    table(dynamodb, "InvoiceLine", ("InvoiceId", Some("InvoiceLineId")), "Quantity").await;
    s3.create_bucket().bucket("uploads").send().await.unwrap();
    for name in ["Invoice", "InvoiceLine"] {
        put(dynamodb, name, &before[name]).await;
    }
    let upload = async |customer: &Value| {
        for name in ["photo.jpg", "notes.txt"] {
            let key = format!("customers/{customer}/{name}");
            s3.put_object().bucket("uploads").key(key).body(b"theirs".to_vec().into()).send().await.unwrap();
        }
    };
    for row in &before["Customer"] {
        upload(&row["CustomerId"]).await;
    }
    let left = async || {
        let mut objects: Vec<String> = Vec::new();
        let mut pages = s3.list_objects_v2().bucket("uploads").into_paginator().send();
        while let Some(page) = pages.next().await {
            objects
                .extend(page.unwrap().contents().iter().filter_map(|object| object.key().map(str::to_owned)));
        }
        let customers = dump(&server, "Customer");
        (customers, world.items("Invoice").await, world.items("InvoiceLine").await, objects)
    };
    let luis = own["Customer"][0]["CustomerId"].clone();
    let (customers, invoices, lines, objects) = left().await;
    let invoice_ids: Vec<String> = own["Invoice"].iter().map(|row| row["InvoiceId"].to_string()).collect();
    let of_luis = |item: &String| {
        let has = |name: &str, value: &str| item.contains(&format!("{name}={value};"));
        has("CustomerId", &luis.to_string()) || invoice_ids.iter().any(|id| has("InvoiceId", id))
    };
    let others = (
        customers.lines().filter(|line| !line.contains(LUIS)).collect::<Vec<_>>().join("\n"),
        invoices.into_iter().filter(|item| !of_luis(item)).collect::<Vec<_>>(),
        lines.into_iter().filter(|item| !of_luis(item)).collect::<Vec<_>>(),
        objects.into_iter().filter(|key| !key.starts_with(&format!("customers/{luis}/"))).collect::<Vec<_>>(),
    );
    let trimmed = async || {
        let (customers, invoices, lines, objects) = left().await;
        (customers.trim_end().to_owned(), invoices, lines, objects)
    };
    let restore = async || {
        insert(&server, "Customer", &own["Customer"]);
        for name in ["Invoice", "InvoiceLine"] {
            put(dynamodb, name, &own[name]).await;
        }
        upload(&luis).await;
    };
    let counts = [1, own["Invoice"].len() as u64, own["InvoiceLine"].len() as u64, 2];
    flow(&world, &counts, others, trimmed, restore).await;
}

/// A table with a number as hash key, perhaps another as range key, and an index on a third.
async fn table(
    client: &aws_sdk_dynamodb::Client,
    name: &str,
    (hash, range): (&str, Option<&str>),
    indexed: &str,
) {
    let number = |name: &str| {
        let definition = AttributeDefinition::builder().attribute_name(name);
        definition.attribute_type(ScalarAttributeType::N).build().unwrap()
    };
    let part =
        |name: &str, of| KeySchemaElement::builder().attribute_name(name).key_type(of).build().unwrap();
    let index = GlobalSecondaryIndex::builder()
        .index_name("other")
        .key_schema(part(indexed, KeyType::Hash))
        .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build())
        .build()
        .unwrap();
    let mut create = client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(number(hash))
        .attribute_definitions(number(indexed))
        .key_schema(part(hash, KeyType::Hash))
        .global_secondary_indexes(index);
    if let Some(range) = range {
        create = create.attribute_definitions(number(range)).key_schema(part(range, KeyType::Range));
    }
    create.send().await.unwrap();
}

async fn put(client: &aws_sdk_dynamodb::Client, table: &str, rows: &[Row]) {
    for row in rows {
        let mut put = client.put_item().table_name(table);
        for (name, value) in row {
            let value = match value {
                Value::Null => continue,
                Value::Number(number) => AttributeValue::N(number.to_string()),
                other => AttributeValue::S(other.as_str().unwrap_or_default().to_owned()),
            };
            put = put.item(name, value);
        }
        put.send().await.unwrap();
    }
}
