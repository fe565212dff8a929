//! The log of the audit: everything that changes is in it, nothing personal is, and nobody changes it unnoticed.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::TimeDelta;
use domain::{
    OrgId, PersonId,
    audit::{Segment, SignedRoot, Verified, Verifier},
    certificate::{self, KeyRing},
};
use futures_util::future::join_all;
use reqwest::Method as Verb;
use serde_json::{Value, json, value::RawValue};
use store::keys;
use uuid::Uuid;

use crate::{
    tour::program,
    world::{Reply, World, send},
};

const PATH: &str = "/lethe/v1/audit";
const BUCKET: &str = "lethe-audit";

/// The log, segment by segment, as whoever may read it gets it.
async fn log(world: &World) -> Vec<Segment> {
    let mut segments = Vec::new();
    let mut next = Some(0);
    while let Some(from) = next {
        let reply = send(world.as_admin(Verb::GET, &format!("{PATH}?from={from}"))).await.expect(200);
        let Value::Object(mut page) = reply.json() else { panic!("{reply:?}") };
        let segment = page.remove("segment").unwrap();
        segments.extend(serde_json::from_value::<Option<Segment>>(segment).unwrap());
        next = page["next"].as_u64();
    }
    // Past the end there is nothing; it is where the last page led to.
    segments
}

async fn noted(world: &World) {
    assert!(world.stack.tick("note-changes").await);
}

async fn ring(world: &World) -> KeyRing {
    let keys = send(world.call(Verb::GET, &format!("/lethe/v1/keys/{}", world.org()))).await.expect(200);
    KeyRing::read(std::str::from_utf8(&keys.bytes).unwrap()).unwrap()
}

/// What somebody finds who has nothing but the segments and the public keys.
async fn verified(world: &World) -> Verified {
    let keys = ring(world).await;
    let mut verifier = Verifier::new(world.org(), &keys, &[]).unwrap();
    log(world).await.iter().for_each(|segment| verifier.take(segment).unwrap());
    verifier.end().unwrap()
}

async fn ask(world: &World, body: Value) -> Reply {
    send(world.as_admin(Verb::POST, &format!("{PATH}/verify")).json(&body)).await.expect(200)
}

async fn consent(world: &World, person: Uuid, level: &str) {
    let path = format!("/persons/{person}/consent/gdpr");
    send(world.as_slashid(Verb::POST, &path).json(&json!({"consent_levels": [level]}))).await.expect(201);
}

/// The names of the rows about a person, each as often as it is in the log.
async fn records(world: &World, person: Uuid) -> Vec<String> {
    let key = world.stack.app.ledger(world.org()).key_of(&PersonId::from(person)).await.unwrap();
    let entries = log(world).await.into_iter().flat_map(|segment| segment.entries);
    entries.filter(|entry| entry.subject.0 == Some(key)).map(|entry| entry.record).collect()
}

#[tokio::test]
async fn what_changes_is_noted_and_tells_nothing_of_the_person() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    consent(&world, alice, "necessary").await;
    consent(&world, alice, "analytics").await;
    world.order_takeout(alice, "alice@example.com").await;
    world.drain().await;
    noted(&world).await;

    let records = records(&world, alice).await;
    let kinds: BTreeSet<&str> = records.iter().map(|record| &record[..1]).collect();
    assert_eq!(kinds, ["C", "P", "R"].into());
    assert_eq!(records.iter().filter(|record| record.starts_with("C#")).count(), 2);
    let verified = verified(&world).await;
    assert_eq!(verified.root.unwrap().tenant, world.org());
    let text = serde_json::to_string(&log(&world).await).unwrap();
    for personal in ["alice", "example.com", &alice.to_string(), "analytics"] {
        assert!(!text.contains(personal), "{personal}");
    }
    let reply = ask(&world, json!({"person_id": alice})).await;
    assert_eq!(reply.json()["is_whole"], true);
    assert_eq!(reply.json()["is_end"], true);
    assert_eq!(reply.json()["unnoted"], json!([]));
    assert_eq!(reply.json()["entries"], verified.entries);
}

#[tokio::test]
async fn the_log_is_verified_after_the_person_is_erased_as_before() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    consent(&world, alice, "necessary").await;
    noted(&world).await;
    let before = verified(&world).await;

    let purge = format!("/users/v1/person/{alice}/purge");
    let due = json!({"suggested_purge_time": world.now() + TimeDelta::minutes(1)});
    send(world.as_admin(Verb::POST, &purge).json(&due)).await.expect(202);
    world.drain().await;
    world.advance(TimeDelta::minutes(2)).await;
    noted(&world).await;

    let after = verified(&world).await;
    assert!(after.entries > before.entries);
    let removed = log(&world).await.into_iter().flat_map(|segment| segment.entries);
    let zeros = "0".repeat(64);
    let gone: Vec<String> =
        removed.filter(|entry| entry.commitment.0.to_string() == zeros).map(|entry| entry.record).collect();
    assert!(gone.contains(&"C#0000000001".to_owned()) && gone.contains(&"P".to_owned()), "{gone:?}");
}

#[tokio::test]
async fn changes_that_are_told_again_or_by_two_at_once_do_no_harm() {
    let world = World::new().await;
    let event = |number: u32| {
        let pk = keys::person_partition(world.org(), "00112233445566778899".parse().unwrap());
        let key = json!({"pk": {"S": pk}, "sk": {"S": format!("C#{number:010}")}});
        let mut row = key.clone();
        row["z"] = json!({"B": "AAECAwQFBgcICQoLDA0ODw=="});
        let change = json!({
            "ApproximateCreationDateTime": 1_772_445_600, "Keys": key, "NewImage": row,
            "SequenceNumber": number.to_string(), "SizeBytes": 100, "StreamViewType": "NEW_AND_OLD_IMAGES",
        });
        json!({"Records": [{
            "eventID": number.to_string(), "eventName": "INSERT", "eventVersion": "1.1",
            "eventSource": "aws:dynamodb", "awsRegion": "us-east-1", "dynamodb": change,
        }]})
    };
    noted(&world).await;
    let before = log(&world).await.last().map_or(0, |last| last.edge().size());

    let told = |number: u32| {
        let event = event(number).to_string().into_bytes();
        let world = &world;
        async move { world.stack.invoke("note-changes", &event).await.unwrap() }
    };
    join_all([told(1), told(2), told(3), told(1), told(2), told(1)]).await;

    let verified = verified(&world).await;
    assert_eq!(verified.entries, before + 6);
}

#[tokio::test]
async fn whatever_is_done_to_the_bucket_is_found() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    for level in ["necessary", "analytics", "marketing"] {
        consent(&world, alice, level).await;
        noted(&world).await;
    }
    let whole = log(&world).await;
    assert!(whole.len() >= 3);
    let last: &SignedRoot = &whole.last().unwrap().root;
    let s3 = world.stack.app.clients().s3();
    let list = s3.list_objects_v2().bucket(BUCKET).send().await.unwrap();
    // The newest first.
    let keys: Vec<String> = list.contents().iter().map(|object| object.key().unwrap().to_owned()).collect();
    let put = async |key: &str, segment: &Segment| {
        let body = serde_json::to_vec(segment).unwrap();
        s3.put_object().bucket(BUCKET).key(key).body(body.into()).send().await.unwrap();
    };
    let finding = async |roots: &[&SignedRoot]| {
        let reply = ask(&world, json!({"roots": roots})).await;
        assert_eq!(reply.json()["is_whole"], false, "{reply:?}");
        reply.json()["finding"].as_str().unwrap().to_owned()
    };
    assert_eq!(ask(&world, json!({"roots": [last]})).await.json()["is_whole"], true);

    let mut changed = whole[0].clone();
    changed.entries[0].record.push('x');
    put(keys.last().unwrap(), &changed).await;
    assert!(finding(&[]).await.contains("are not those that were signed"));
    put(keys.last().unwrap(), &whole[0]).await;

    s3.delete_object().bucket(BUCKET).key(&keys[0]).send().await.unwrap();
    assert!(finding(&[last]).await.contains("the end is missing"));
    put(&keys[0], whole.last().unwrap()).await;

    s3.delete_object().bucket(BUCKET).key(&keys[1]).send().await.unwrap();
    assert!(finding(&[]).await.contains("are missing"));
    put(&keys[1], &whole[whole.len() - 2]).await;
    assert_eq!(ask(&world, json!({"roots": [last]})).await.json()["is_whole"], true);

    let forged = SignedRoot(last.0.chars().rev().collect());
    assert!(finding(&[&forged]).await.starts_with("a root is refused"));
}

#[tokio::test]
async fn a_row_that_was_changed_behind_the_logs_back_is_told() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    consent(&world, alice, "necessary").await;
    noted(&world).await;

    let key = world.stack.app.ledger(world.org()).key_of(&PersonId::from(alice)).await.unwrap();
    let place = keys::consent(world.org(), key, 1);
    let update = world.stack.app.clients().dynamodb().update_item().table_name("lethe");
    update
        .key("pk", AttributeValue::S(place.pk))
        .key("sk", AttributeValue::S(place.sk))
        .update_expression("SET c = :nothing")
        .expression_attribute_values(":nothing", AttributeValue::L(Vec::new()))
        .send()
        .await
        .unwrap();

    let reply = ask(&world, json!({"person_id": alice})).await;
    assert_eq!(reply.json()["unnoted"], json!(["C#0000000001"]));
}

#[tokio::test]
async fn a_tenant_reads_its_own_log_and_nobody_without_the_permission_any() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    consent(&world, alice, "necessary").await;
    noted(&world).await;

    for (verb, path) in [(Verb::GET, PATH.to_owned()), (Verb::POST, format!("{PATH}/verify"))] {
        let token = world.token(&alice.to_string(), &[]);
        send(world.call(verb.clone(), &path).bearer_auth(token).json(&json!({}))).await.expect(403);
        send(world.call(verb, &path).json(&json!({}))).await.expect(401);
    }
    let other = world.stack.app.ledger(OrgId(Uuid::from_u128(7)));
    assert!(other.segment(0).await.unwrap().is_none());
    let whole = log(&world).await;
    let size = whole.last().unwrap().edge().size();
    let end = send(world.as_admin(Verb::GET, &format!("{PATH}?from={size}"))).await.expect(200);
    assert_eq!(end.json(), json!({"segment": null, "next": null}));
    let none = send(world.as_admin(Verb::GET, &format!("{PATH}?from=5&to=5"))).await.expect(200);
    assert_eq!(none.json(), json!({"segment": null, "next": null}));
    for bad in ["from=-1", "from=x", "to=9007199254740993", "from=1&from=2"] {
        send(world.as_admin(Verb::GET, &format!("{PATH}?{bad}"))).await.expect(400);
    }
}

#[tokio::test]
async fn whoever_has_the_files_and_the_keys_verifies_the_log_alone() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    for level in ["necessary", "analytics"] {
        consent(&world, alice, level).await;
        noted(&world).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let keys = send(world.call(Verb::GET, &format!("/lethe/v1/keys/{}", world.org()))).await.expect(200);
    std::fs::write(folder.path().join("keys.json"), &keys.bytes).unwrap();
    let mut whole = log(&world).await;
    let run = |segments: &[Segment]| {
        let files = segments.iter().enumerate().map(|(no, segment)| {
            let path = folder.path().join(format!("{no}.json"));
            std::fs::write(&path, serde_json::to_vec(segment).unwrap()).unwrap();
            path
        });
        let mut command = Command::new(program());
        command.arg("verify-log").args(files).arg("--key").arg(folder.path().join("keys.json"));
        command.output().unwrap()
    };

    whole.reverse();
    let output = run(&whole);
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8(output.stdout).unwrap().starts_with("The log is whole: "));

    whole[0].entries[0].version = Some(99);
    let output = run(&whole);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().starts_with("refused: "));
}

/// An object whose values are to the byte what was sent.
type Raw = BTreeMap<String, Box<RawValue>>;

#[tokio::test]
async fn an_authority_is_handed_what_happened_and_nobody_is_named_unless_asked_for() {
    let world = World::new().await;
    let (alice, bob) = (world.person_with_data("alice").await, world.person_with_data("bob").await);
    let began = world.now();
    let purge = format!("/users/v1/person/{alice}/purge");
    let due = json!({"suggested_purge_time": world.now() + TimeDelta::minutes(1)});
    send(world.as_admin(Verb::POST, &purge).json(&due)).await.expect(202);
    world.order_takeout(bob, "bob@example.com").await;
    world.drain().await;
    world.advance(TimeDelta::minutes(2)).await;
    noted(&world).await;
    let bundle = async |query: &str| {
        send(world.as_admin(Verb::GET, &format!("{PATH}/bundle?{query}"))).await.expect(200)
    };

    let whole = bundle("").await;
    let text = String::from_utf8(whole.bytes.clone()).unwrap();
    for personal in ["alice", "bob", "example.com", &alice.to_string(), &bob.to_string()] {
        assert!(!text.contains(personal), "{personal} in {text}");
    }
    let json = whole.json();
    let cases = json["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 2);
    let erasure = cases.iter().position(|case| case["request"]["kind"] == "erasure").unwrap();
    let (erased, copied) = (&cases[erasure], &cases[1 - erasure]);
    assert_eq!(erased["timeline"][0], json!({"at": began, "event": "received"}));
    assert_eq!(erased["law"], "gdpr");
    assert!(erased["timeline"].to_string().contains(r#""mail":"purge_done""#));
    assert!(copied["timeline"].to_string().contains(r#""mail":"takeout_ready""#));
    let bundled: Raw = serde_json::from_str(&text).unwrap();
    let bundled: Vec<Raw> = serde_json::from_str(bundled["cases"].get()).unwrap();
    let file = bundled[erasure]["certificate"].get();
    let certified = certificate::verify(file, &ring(&world).await).unwrap().certificate;
    assert_eq!(json!(certified.id), erased["request"]["id"]);
    let root: SignedRoot = serde_json::from_value(json["root"].clone()).unwrap();
    assert!(root.open(&ring(&world).await).unwrap().size > 0);

    let id = copied["request"]["id"].as_str().unwrap();
    let one = bundle(&format!("request_id={id}&personal=true")).await.json();
    assert_eq!(one["cases"].as_array().unwrap().len(), 1);
    assert_eq!(one["cases"][0]["request"]["person_id"], json!(bob));
    let later = (began + TimeDelta::seconds(1)).format("%Y-%m-%dT%H:%M:%SZ");
    assert_eq!(bundle(&format!("from={later}")).await.json()["cases"], json!([]));
    assert_eq!(bundle("limit=1").await.json()["cases"].as_array().unwrap().len(), 1);

    for (bad, status) in [("request_id=x", 400), ("personal=yes", 400), ("limit=0", 400)] {
        send(world.as_admin(Verb::GET, &format!("{PATH}/bundle?{bad}"))).await.expect(status);
    }
    let unknown = Uuid::from_u128(9);
    let path = format!("{PATH}/bundle?request_id={unknown}");
    send(world.as_admin(Verb::GET, &path)).await.expect(404);
    let reader = world.token("staff", &["lethe:requests:read"]);
    send(world.call(Verb::GET, &format!("{PATH}/bundle")).bearer_auth(reader)).await.expect(403);
}
