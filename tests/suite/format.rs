//! The form in which the ledger keeps its rows, over releases: while one is rolled out, functions of two read
//! and write the same table. So the next finishes what this one began, and this one reads what the next wrote.
//!
//! `tests/fixtures/format` holds what each release wrote, and what it answered about it. A new version writes its
//! own, which is committed with it; none is ever written again.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
    path::{Path, PathBuf},
};

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use chrono::{DateTime, TimeDelta, Utc};
use domain::tenant::Tenant;
use local::{Identity, VirtualClock};
use reqwest::Method;
use serde_json::{Map, Value, json};
use store::consents::is_unbroken;
use tempfile::TempDir;
use uuid::Uuid;

use crate::world::{START, Setup, World, send};

const TABLES: [&str; 2] = ["lethe", "lethe-keys"];
/// The file of the data folder that opens what is sealed.
const MASTER_KEY: &str = "master.key";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/format")
}

/// A world on a folder, at a time.
async fn world(data: &Path, at: DateTime<Utc>) -> World {
    let mut setup = Setup::new();
    setup.identity = Identity::sample().unwrap();
    setup.clock = VirtualClock::standing_at(at);
    setup.data = Some(data.to_owned());
    let mut tenant: Tenant = setup.identity.tenant();
    // Six rows of one person wait for a release.
    tenant.blast_radius = 3;
    tenant.purposes = serde_json::from_value(json!({"fraud": {"basis": "legitimate_interests"}})).unwrap();
    setup.tenants = Some(vec![tenant]);
    setup.begin().await
}

/// Somebody at each step of everything that takes more than one.
struct People {
    alice: Uuid,
    bob: Uuid,
    carol: Uuid,
    dora: Uuid,
    emil: Uuid,
    fritz: Uuid,
    hanna: Uuid,
}

impl People {
    fn new() -> Self {
        let of = |name: &str| Uuid::new_v5(&Uuid::NAMESPACE_DNS, name.as_bytes());
        Self {
            alice: of("alice"),
            bob: of("bob"),
            carol: of("carol"),
            dora: of("dora"),
            emil: of("emil"),
            fritz: of("fritz"),
            hanna: of("hanna"),
        }
    }
}

fn purge_of(person: Uuid) -> String {
    format!("/users/v1/person/{person}/purge")
}

fn consents_of(person: Uuid) -> String {
    format!("/persons/{person}/consent/gdpr")
}

async fn queue(world: &World, person: Uuid, at: DateTime<Utc>) {
    let ask = json!({"suggested_purge_time": at});
    send(world.as_admin(Method::POST, &purge_of(person)).json(&ask)).await.expect(202);
}

async fn consent(world: &World, person: Uuid, levels: &[&str]) {
    let ask = json!({"consent_levels": levels});
    send(world.as_slashid(Method::PUT, &consents_of(person)).json(&ask)).await.expect(200);
}

/// Puts something of everything into the ledger, and stops in the middle of what can be in the middle.
async fn live(world: &World, people: &People) {
    let now = world.now();
    let post = async |path: &str, body: Value| send(world.as_admin(Method::POST, path).json(&body)).await;
    let People { alice, bob, carol, dora, emil, fritz, hanna } = *people;
    for (name, person) in
        [("alice", alice), ("bob", bob), ("dora", dora), ("emil", emil), ("fritz", fritz), ("hanna", hanna)]
    {
        world.register(&person.to_string(), &format!("{name}@example.com")).await;
    }
    // Alice stays: consents, an objection, a restriction, requests of every kind, a takeout that can be had and
    // one that waits for a click, a link to her data, an answer under a key.
    consent(world, alice, &["necessary", "analytics"]).await;
    consent(world, alice, &["necessary"]).await;
    let objection = format!("/lethe/v1/persons/{alice}/objections/fraud");
    send(world.as_admin(Method::PUT, &objection).json(&json!({"reason": "I never consented"}))).await;
    let ban = json!({"type": "account_lockout", "expiration": now + TimeDelta::days(30)});
    post(&format!("/users/v1/person/{alice}/restrictions"), ban).await.expect(201);
    world.order_takeout(alice, "alice@example.com").await;
    world.order_takeout(alice, "elsewhere@example.net").await;
    let requests = format!("/api/rest/users/{alice}/personaldatarequest");
    for kind in ["DATA_RETRIEVAL", "REMOVAL", "CORRECTION", "PROCESSING_RESTRICTION"] {
        let ask = json!({"requestType": kind, "requestRemarks": "By telephone."});
        let call = world.as_trivore(Method::POST, &requests).header("idempotency-key", kind);
        send(call.json(&ask)).await.expect(201);
    }
    send(world.as_trivore(Method::POST, &format!("{requests}/view-uri"))).await.expect(200);
    // Bob's purge has time, Carol's waits for a second person, Dora's is done, Emil's was called off, Fritz's has
    // a store that fails, Hanna's is held.
    assert_eq!(world.person_with_data("carol").await, carol);
    world.add_rows("carol@example.com").await;
    world.add_rows("fritz@example.com").await;
    for statement in [
        "CREATE TABLE invoices (order_id INTEGER NOT NULL REFERENCES orders (id))",
        "INSERT INTO invoices SELECT id FROM orders",
    ] {
        sqlx::query(statement).execute(&mut world.shop().await).await.unwrap();
    }
    consent(world, dora, &["necessary"]).await;
    queue(world, bob, now + TimeDelta::days(20)).await;
    queue(world, carol, now).await;
    queue(world, dora, now).await;
    queue(world, fritz, now).await;
    queue(world, emil, now + TimeDelta::days(2)).await;
    send(world.as_admin(Method::DELETE, &purge_of(emil))).await;
    let hold = json!({
        "kind": "legal_hold", "ground": "17(3)(e)", "owner": "Legal department", "reason": "a claim",
        "review_on": "2026-09-01", "scope": {"person_id": hanna},
    });
    post("/lethe/v1/holds", hold).await.expect(201);
    queue(world, hanna, now).await;
    post(&format!("/lethe/v1/persons/{carol}/plan"), json!({})).await.expect(200);
    world.drain().await;
}

/// What is asked about all of it, with whoever may ask.
async fn answers(world: &World, people: &People) -> BTreeMap<String, Value> {
    // Fritz's purge goes on as soon as somebody looks for what stalled.
    let People { alice, bob, carol, dora, emil, fritz: _, hanna } = *people;
    let mut answers = BTreeMap::new();
    let mut note = async |path: String| {
        let call = match path.split('/').nth(1) {
            Some("persons") => world.as_slashid(Method::GET, &path),
            Some("api") => world.as_trivore(Method::GET, &path),
            _ => world.as_admin(Method::GET, &path),
        };
        let answer = send(call).await;
        // A refusal names its call, which is another each time.
        let body: Value = match answer.status {
            200 => answer.json(),
            _ => Value::Null,
        };
        answers.insert(path, json!({"status": answer.status, "body": body}));
    };
    for person in [alice, bob, carol, dora, emil, hanna] {
        note(purge_of(person)).await;
        note(consents_of(person)).await;
        note(format!("/lethe/v1/persons/{person}")).await;
        note(format!("/lethe/v1/persons/{person}/processing?purpose=fraud")).await;
        note(format!("/users/v1/person/{person}/restrictions")).await;
        note(format!("/api/rest/users/{person}/personaldatarequest")).await;
        note(format!("/user/2024-3/gdpr/{person}/takeouts")).await;
        note(format!("/lethe/v1/requests?person_id={person}")).await;
    }
    let ledger = world.stack.app.ledger(world.org());
    let dora = ledger.key_of(&dora.into()).await.unwrap();
    let erasure = ledger.erasure(dora).await.unwrap().unwrap().id;
    note(format!("/lethe/v1/certificates/{erasure}")).await;
    note("/lethe/v1/holds".to_owned()).await;
    note("/lethe/v1/requests?kind=access".to_owned()).await;
    note(format!("/lethe/v1/keys/{}", world.org())).await;
    answers
}

/// All items of a table, as DynamoDB writes them in JSON.
async fn items(world: &World, table: &str) -> Vec<Value> {
    let scan = world.stack.app.clients().dynamodb().scan().table_name(table).consistent_read(true);
    let items: Vec<_> = scan.into_paginator().items().send().try_collect().await.unwrap();
    let mut items: Vec<Value> = items.iter().map(|item| told(item)["M"].clone()).collect();
    items.sort_by_key(|item| (item["pk"]["S"].to_string(), item["sk"]["S"].to_string()));
    items
}

fn told(item: &HashMap<String, AttributeValue>) -> Value {
    fn value(of: &AttributeValue) -> Value {
        match of {
            AttributeValue::S(text) => json!({ "S": text }),
            AttributeValue::N(number) => json!({ "N": number }),
            AttributeValue::Bool(bool) => json!({ "BOOL": bool }),
            AttributeValue::B(bytes) => json!({"B": BASE64.encode(bytes)}),
            AttributeValue::L(all) => json!({"L": all.iter().map(value).collect::<Vec<_>>()}),
            AttributeValue::M(map) => told(map),
            AttributeValue::Null(_) => json!({"NULL": true}),
            other => panic!("no row has such a value: {other:?}"),
        }
    }
    json!({"M": item.iter().map(|(name, of)| (name.clone(), value(of))).collect::<Map<_, _>>()})
}

fn read(map: &Value) -> HashMap<String, AttributeValue> {
    fn value(of: &Value) -> AttributeValue {
        let (kind, of) = of.as_object().unwrap().iter().next().unwrap();
        let text = || of.as_str().unwrap().to_owned();
        match kind.as_str() {
            "S" => AttributeValue::S(text()),
            "N" => AttributeValue::N(text()),
            "BOOL" => AttributeValue::Bool(of.as_bool().unwrap()),
            "B" => AttributeValue::B(Blob::new(BASE64.decode(text()).unwrap())),
            "L" => AttributeValue::L(of.as_array().unwrap().iter().map(value).collect()),
            "M" => AttributeValue::M(read(of)),
            "NULL" => AttributeValue::Null(true),
            other => panic!("{other} is no kind of value"),
        }
    }
    map.as_object().unwrap().iter().map(|(name, of)| (name.clone(), value(of))).collect()
}

/// What a release left behind.
async fn release(version: &str) -> Value {
    let data = TempDir::new().unwrap();
    let (world, people) = (world(data.path(), START.parse().unwrap()).await, People::new());
    live(&world, &people).await;
    let mut tables = Map::new();
    for table in TABLES {
        tables.insert(table.to_owned(), items(&world, table).await.into());
    }
    json!({
        "version": version,
        "at": world.now(),
        "master_key": BASE64.encode(fs::read(data.path().join(MASTER_KEY)).unwrap()),
        "tables": tables,
        "answers": answers(&world, &people).await,
    })
}

/// All releases so far, this one included.
async fn releases() -> Vec<Value> {
    let version = env!("CARGO_PKG_VERSION");
    let own = folder().join(format!("{version}.json"));
    if !own.exists() {
        fs::create_dir_all(folder()).unwrap();
        fs::write(&own, format!("{:#}\n", release(version).await)).unwrap();
        panic!("{} was missing and is there now: commit it with the version", own.display());
    }
    let files = fs::read_dir(folder()).unwrap();
    files.map(|file| serde_json::from_slice(&fs::read(file.unwrap().path()).unwrap()).unwrap()).collect()
}

/// A world that finds the rows of a release, each after `change`.
async fn world_of(release: &Value, data: &Path, change: impl Fn(&mut Value)) -> World {
    let at = release["at"].as_str().unwrap().parse().unwrap();
    let master_key = BASE64.decode(release["master_key"].as_str().unwrap()).unwrap();
    fs::write(data.join(MASTER_KEY), master_key).unwrap();
    let before = world(data, at).await;
    for table in TABLES {
        for item in release["tables"][table].as_array().unwrap() {
            let mut item = item.clone();
            change(&mut item);
            let put = before.stack.app.clients().dynamodb().put_item().table_name(table);
            put.set_item(Some(read(&item))).send().await.unwrap();
        }
    }
    // What the first knew of keys it knew of its own.
    before.stack.stop().await;
    world(data, at).await
}

/// Whether everything that was told is still told; more may be.
fn is_within(told: &Value, now: &Value) -> bool {
    match (told, now) {
        (Value::Object(told), Value::Object(now)) => {
            told.iter().all(|(name, told)| now.get(name).is_some_and(|now| is_within(told, now)))
        }
        (Value::Array(told), Value::Array(now)) => {
            told.len() == now.len() && told.iter().zip(now).all(|(told, now)| is_within(told, now))
        }
        _ => told == now,
    }
}

/// Reads all of a release's rows, and goes on with what they began.
async fn go_on(release: &Value, change: impl Fn(&mut Value)) {
    let data = TempDir::new().unwrap();
    let (world, people) = (world_of(release, data.path(), change).await, People::new());
    let version = &release["version"];

    let now = answers(&world, &people).await;
    for (path, told) in release["answers"].as_object().unwrap() {
        assert!(is_within(told, &now[path]), "{version} {path}\ntold {told:#}\nnow {:#}", now[path]);
    }
    let status = async |person| {
        let answer = send(world.as_admin(Method::GET, &purge_of(person))).await.expect(200);
        answer.json()["status"].as_str().unwrap().to_owned()
    };
    consent(&world, people.alice, &["necessary", "marketing"]).await;
    let ledger = world.stack.app.ledger(world.org());
    let alice = ledger.key_of(&people.alice.into()).await.unwrap();
    assert!(is_unbroken(&ledger.consent_history(alice).await.unwrap()).unwrap());
    world.advance(TimeDelta::days(21)).await;
    // Neither has rows in this world, and Fritz's store works here.
    for done in [people.bob, people.dora, people.fritz] {
        assert_eq!(status(done).await, "purged");
    }
    // Nobody released the one, and the other is still held.
    for waiting in [people.carol, people.hanna] {
        assert_ne!(status(waiting).await, "purged");
    }
}

#[tokio::test]
async fn what_a_release_began_the_next_finishes() {
    for release in releases().await {
        go_on(&release, |_| ()).await;
    }
}

#[tokio::test]
async fn what_a_later_release_adds_is_no_obstacle() {
    for release in releases().await {
        let added = |item: &mut Value| {
            item["of_the_future"] = json!({"M": {"x": {"L": [{"S": "unknown"}]}}});
        };
        go_on(&release, added).await;
    }
}

/// Of each kind of row, which attributes of what type it has, at any depth.
fn shapes(release: &Value) -> BTreeSet<String> {
    fn collect(at: &str, item: &Value, shapes: &mut BTreeSet<String>) {
        for (kind, of) in item.as_object().unwrap() {
            shapes.insert(format!("{at}: {kind}"));
            match kind.as_str() {
                "M" => of.as_object().unwrap().iter().for_each(|(name, of)| {
                    collect(&format!("{at}.{}", placeless(name)), of, shapes);
                }),
                "L" => of.as_array().unwrap().iter().for_each(|of| collect(&format!("{at}[]"), of, shapes)),
                _ => {}
            }
        }
    }
    let mut all = BTreeSet::new();
    for table in TABLES {
        for item in release["tables"][table].as_array().unwrap() {
            let place = |name: &str| placeless(item[name]["S"].as_str().unwrap_or_default());
            collect(&format!("{table} {} {}", place("pk"), place("sk")), &json!({ "M": item }), &mut all);
        }
    }
    all
}

/// A key without ids, numbers and hashes: the words that say what lies there.
fn placeless(key: &str) -> String {
    let is_word = |part: &&str| part.len() < 8 && !part.bytes().any(|byte| byte.is_ascii_digit());
    key.split('#').filter(is_word).collect::<Vec<_>>().join("#")
}

#[tokio::test]
async fn what_this_release_writes_the_last_can_read() {
    let now = shapes(&release(env!("CARGO_PKG_VERSION")).await);
    for release in releases().await {
        let missing: Vec<String> = shapes(&release).difference(&now).cloned().collect();

        assert!(missing.is_empty(), "{} looks for {missing:#?}", release["version"]);
    }
}
