//! The demo shop: that its data map leads to all that is a person's and to nothing else.

use std::{
    path::PathBuf,
    process::Command,
    sync::{Arc, Mutex},
};

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::TimeDelta;
use local::{DemoPerson, Identity, Options, Stack, VirtualClock};
use reqwest::{Client, Method};
use runtime::{Clients, Log};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};
use tempfile::TempDir;

use crate::world::{PASSWORD, START, World, send};

#[tokio::test]
async fn a_takeout_holds_all_that_the_three_stores_have() {
    let world = demo(TempDir::new().unwrap(), Start::first()).await;
    let bruno = person(&world, "c-1003");

    let id = world.order_takeout(bruno.id, bruno.email).await;
    world.drain().await;
    let path = format!("/gdpr/{}/takeouts/{id}", bruno.id);
    let zip = send(world.as_pace(Method::GET, &path)).await.expect(200).bytes;

    let (_unpacked, manifest) = unpack(&zip);
    let mut records: Vec<(&str, u64)> = collections(&manifest)
        .map(|collection| {
            (collection["collection"].as_str().unwrap(), collection["records"].as_u64().unwrap())
        })
        .collect();
    records.sort_unstable();
    let expected = [
        ("lethe:record", 0),
        // His own, and the one to which he sent a gift.
        ("shop:addresses", 2),
        ("shop:customers", 1),
        ("shop:order_items", 7),
        ("shop:orders", 4),
        ("shop:products", 5),
        ("support:messages", 2),
        ("uploads:files", 3),
    ];
    assert_eq!(records, expected);
    let files = collections(&manifest).find(|collection| collection["collection"] == "uploads:files");
    let mut names: Vec<_> = files.unwrap()["attachments"].as_array().unwrap().iter().collect();
    names.sort_unstable_by_key(|file| file["original_name"].as_str());
    let names: Vec<_> = names.into_iter().map(|file| &file["original_name"]).collect();
    assert_eq!(names, ["avatar.png", "notes/delivery.txt", "wishlist.txt"]);
}

#[tokio::test]
async fn a_purge_spares_whom_one_lives_with_and_lasts() {
    let start = Start::first();
    let world = demo(TempDir::new().unwrap(), start.clone()).await;
    let (ada, erik) = (person(&world, "c-1001"), person(&world, "c-1002"));
    let before = (left_of(&world, &ada).await, left_of(&world, &erik).await);
    assert_eq!(before.0, Left { customers: 1, orders: 5, items: 9, messages: 3, objects: 3 });
    assert_eq!(before.1, Left { customers: 1, orders: 4, items: 6, messages: 1, objects: 2 });
    let everything = all(&world).await;

    let now = json!({"suggested_purge_time": world.now()});
    let path = format!("/users/v1/person/{}/purge", ada.id);
    send(world.as_admin(Method::POST, &path).json(&now)).await.expect(202);
    world.advance(TimeDelta::hours(1)).await;

    let purge = send(world.as_admin(Method::GET, &path)).await.expect(200).json();
    assert_eq!(purge["status"], "purged");
    assert_eq!(left_of(&world, &ada).await, Left::default());
    assert_eq!(left_of(&world, &erik).await, before.1);
    let street = "SELECT count(*) FROM addresses JOIN customers c ON c.address_id = addresses.id \
                  WHERE c.external_id = 'c-1002' AND street = 'Storgatan 14'";
    assert_eq!(count(&world, street.to_owned()).await, 1);
    assert_eq!(all(&world).await, everything - before.0.sum());

    // The folder is started again, by the same people and later.
    let World { stack, folder, .. } = world;
    stack.stop().await;
    let world = demo(folder, start).await;
    assert_eq!(left_of(&world, &ada).await, Left::default());
    assert_eq!(left_of(&world, &erik).await, before.1);
    assert_eq!(all(&world).await, everything - before.0.sum());
    assert!(world.stack.demo_people.iter().all(|person| person.id != ada.id));
    assert_eq!(world.stack.demo_people.len(), 11);
    send(world.as_admin(Method::GET, &format!("/lethe/v1/persons/{}", ada.id))).await.expect(404);
    send(world.as_admin(Method::GET, &format!("/lethe/v1/persons/{}", erik.id))).await.expect(200);
}

#[tokio::test]
async fn a_start_that_broke_off_is_made_good() {
    let folder = TempDir::new().unwrap();
    let draft = folder.path().join("demo.draft");
    std::fs::create_dir(&draft).unwrap();
    std::fs::write(draft.join("shop.sqlite"), "half of a database").unwrap();

    let world = demo(folder, Start::first()).await;

    assert!(!draft.exists());
    assert_eq!(count(&world, "SELECT count(*) FROM orders".to_owned()).await, 40);
}

#[tokio::test]
async fn the_examples_work_on_somebody_of_the_demo_without_a_folder_too() {
    let world = run(None, TempDir::new().unwrap(), Start::first()).await;

    let first = world.stack.demo_people[0];
    let token = world.stack.identity.admin_token(world.now()).unwrap();
    let examples = world.stack.examples();
    assert_eq!(examples.len(), 3);
    for (what, command) in examples {
        assert!(command.contains(&first.id.to_string()), "{what}");
        // As a reader would, with the token in the variable that the example names.
        let command = format!("{command} --silent --show-error --fail-with-body");
        let run = tokio::process::Command::new("sh").arg("-c").arg(command).env("TOKEN", &token).output();
        let answer = run.await.unwrap();
        assert!(answer.status.success(), "{what}: {}", String::from_utf8_lossy(&answer.stdout));
    }
    world.advance(TimeDelta::days(31)).await;
    let path = format!("/users/v1/person/{}/purge", first.id);
    let purge = send(world.as_admin(Method::GET, &path)).await.expect(200).json();
    assert_eq!(purge["status"], "purged");
}

/// What two starts have in common.
#[derive(Clone)]
struct Start {
    clock: VirtualClock,
    identity: Identity,
}

impl Start {
    fn first() -> Self {
        let clock = VirtualClock::standing_at(START.parse().unwrap());
        Self { clock, identity: Identity::generate().unwrap() }
    }
}

/// A world on the demo in a folder.
async fn demo(folder: TempDir, start: Start) -> World {
    run(Some(folder.path().to_owned()), folder, start).await
}

/// A world on the demo that keeps its state there, if anywhere.
async fn run(data: Option<PathBuf>, folder: TempDir, start: Start) -> World {
    let log = Arc::<Mutex<Vec<String>>>::default();
    let lines = Arc::clone(&log);
    let stack = Stack::start(Options {
        data,
        port: 0,
        datamaps: Vec::new(),
        connections: None,
        secrets: Default::default(),
        demo: true,
        clock: start.clock,
        identity: start.identity,
        tenants: None,
        issuers: Vec::new(),
        scanner: None,
        log: Log::new(move |line| lines.lock().unwrap().push(line)),
        http: Clients::https(None),
        works: true,
        elsewhere: None,
    })
    .await
    .unwrap();
    World { stack, http: Client::new(), folder, log, _moto: None }
}

fn person(world: &World, external_id: &str) -> DemoPerson {
    *world.stack.demo_people.iter().find(|person| person.external_id == external_id).unwrap()
}

/// Unpacks a takeout and reads its manifest.
fn unpack(zip: &[u8]) -> (TempDir, Value) {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("takeout.zip");
    std::fs::write(&file, zip).unwrap();
    let unpacked = Command::new("7z")
        .args(["x", "-y", "-bd"])
        .arg(format!("-p{PASSWORD}"))
        .arg(format!("-o{}", folder.path().display()))
        .arg(&file)
        .output()
        .unwrap_or_else(|error| panic!("7z is needed for this test: {error}"));
    assert!(unpacked.status.success(), "{}", String::from_utf8_lossy(&unpacked.stdout));
    let manifest = std::fs::read(folder.path().join("manifest.json")).unwrap();
    (folder, serde_json::from_slice(&manifest).unwrap())
}

fn collections(manifest: &Value) -> impl Iterator<Item = &Value> {
    manifest["collections"].as_array().unwrap().iter()
}

/// What the stores hold of one person, looked up without the data map.
#[derive(Debug, Default, PartialEq, Eq)]
struct Left {
    customers: i64,
    orders: i64,
    items: i64,
    messages: i64,
    objects: i64,
}

impl Left {
    fn sum(&self) -> i64 {
        self.customers + self.orders + self.items + self.messages + self.objects
    }
}

async fn left_of(world: &World, person: &DemoPerson) -> Left {
    let number = person.external_id.strip_prefix("c-").unwrap();
    let orders = format!("orders WHERE customer_id = {number}");
    Left {
        customers: count(world, format!("SELECT count(*) FROM customers WHERE id = {number}")).await,
        orders: count(world, format!("SELECT count(*) FROM {orders}")).await,
        items: count(
            world,
            format!("SELECT count(*) FROM order_items WHERE order_id IN (SELECT id FROM {orders})"),
        )
        .await,
        messages: messages(world, Some((number, person.email))).await,
        objects: objects(world, &format!("users/{}/", person.external_id)).await,
    }
}

/// Everything that a purge may take from.
async fn all(world: &World) -> i64 {
    let mut rows = 0;
    for table in ["customers", "orders", "order_items", "addresses", "products"] {
        rows += count(world, format!("SELECT count(*) FROM {table}")).await;
    }
    rows + messages(world, None).await + objects(world, "").await
}

async fn count(world: &World, sql: String) -> i64 {
    let file = world.folder.path().join("demo/shop.sqlite");
    let mut shop = SqliteConnection::connect(&format!("sqlite://{}", file.display())).await.unwrap();
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut shop).await.unwrap()
}

async fn messages(world: &World, of: Option<(&str, &str)>) -> i64 {
    let scan = world.stack.app.clients().dynamodb().scan().table_name("demo-messages");
    let items = scan.send().await.unwrap().items.unwrap_or_default();
    let is_theirs = |item: &&std::collections::HashMap<String, AttributeValue>| {
        of.is_none_or(|(number, email)| {
            item["customer_id"].as_n().unwrap() == number || item["email"].as_s().unwrap() == email
        })
    };
    i64::try_from(items.iter().filter(is_theirs).count()).unwrap()
}

async fn objects(world: &World, prefix: &str) -> i64 {
    let list = world.stack.app.clients().s3().list_objects_v2().bucket("demo-uploads").prefix(prefix);
    i64::try_from(list.send().await.unwrap().contents().len()).unwrap()
}
