//! Certificates of erasures: what they say, who gets them, and that they are verified offline.

use std::{collections::BTreeSet, fs, path::PathBuf, process::Command};

use aws_sdk_dynamodb::types::AttributeValue;
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use chrono::TimeDelta;
use domain::{
    OrgId, PersonId, RequestId,
    certificate::{KeyRing, PublicKey, Refused, Verified, verify},
    plan::Method,
    request::{Door, Kind, Request},
};
use functions::certificates;
use futures_util::future::join_all;
use reqwest::Method as Verb;
use runtime::{App, Clock, EngineSource, Entropy, Log, Parts};
use serde_json::{Value, json};
use store::keys::certificate_secret;
use tempfile::TempDir;
use uuid::Uuid;

use crate::{
    tour::program,
    world::{Reply, World, send},
};

fn path(id: RequestId) -> String {
    format!("/lethe/v1/certificates/{id}")
}

/// Registers a person with rows in the shop and purges them; gives them and the request.
async fn purged(world: &World, name: &str) -> (Uuid, RequestId) {
    let person = world.person_with_data(name).await;
    let purge = format!("/users/v1/person/{person}/purge");
    let ask = json!({"suggested_purge_time": world.now() + TimeDelta::minutes(1)});
    send(world.as_admin(Verb::POST, &purge).json(&ask)).await.expect(202);
    world.drain().await;
    world.advance(TimeDelta::minutes(2)).await;
    (person, erasure(world, person).await.id)
}

/// The erasure of a person as the ledger has it.
async fn erasure(world: &World, person: Uuid) -> Request {
    let ledger = world.stack.app.ledger(world.org());
    let key = ledger.key_of(&PersonId::from(person)).await.unwrap();
    ledger.erasure(key).await.unwrap().unwrap()
}

/// The file of a certificate, as staff gets it.
async fn file(world: &World, id: RequestId) -> String {
    let reply = send(world.as_admin(Verb::GET, &path(id))).await.expect(200);
    assert_eq!(reply.header("content-type"), "application/json");
    String::from_utf8(reply.bytes).unwrap()
}

/// The public keys of a tenant, as anybody gets them.
async fn keys(world: &World, org: OrgId) -> Reply {
    send(world.call(Verb::GET, &format!("/lethe/v1/keys/{org}"))).await.expect(200)
}

async fn ring(world: &World) -> KeyRing {
    KeyRing::read(std::str::from_utf8(&keys(world, world.org()).await.bytes).unwrap()).unwrap()
}

async fn verified(world: &World, id: RequestId) -> Verified {
    verify(&file(world, id).await, &ring(world).await).unwrap()
}

#[tokio::test]
async fn a_complete_purge_is_certified_by_what_was_done_and_tells_nothing_of_the_person() {
    let world = World::new().await;
    let began = world.now();

    let (alice, id) = purged(&world, "alice").await;

    let certificate = verified(&world, id).await.certificate;
    assert_eq!((certificate.id, certificate.tenant), (id, world.org()));
    assert_eq!((certificate.kind, certificate.door), (Kind::Erasure, Door::RallyHere));
    assert_eq!((certificate.attempts, certificate.requested_at), (1, began));
    assert!(began < certificate.executed_at && certificate.executed_at <= world.now());
    assert_eq!(certificate.searched_by, ["email"]);
    assert_eq!(certificate.backup_horizon, None);
    assert_eq!(certificate.ledger.kept_until, erasure(&world, alice).await.keep_until.unwrap());
    let mut counts: Vec<_> = certificate
        .collections
        .iter()
        .map(|one| (&*one.collection, one.method, one.found, one.erased, one.masked, one.kept, one.after))
        .collect();
    counts.sort_unstable_by_key(|count| count.0);
    assert_eq!(
        counts,
        [("customers", Method::Delete, 1, 1, 0, 0, 0), ("orders", Method::Delete, 2, 2, 0, 0, 0)]
    );
    let text = file(&world, id).await;
    for personal in ["alice", "example.com", &alice.to_string()] {
        assert!(!text.contains(personal), "{text}");
    }
}

#[tokio::test]
async fn a_request_says_where_its_certificate_is_once_there_is_one() {
    let world = World::new().await;
    let link = async |id: &str| {
        let request = send(world.as_admin(Verb::GET, &format!("/lethe/v1/requests/{id}"))).await.expect(200);
        request.json()["certificate"].clone()
    };
    let bob = world.person_with_data("bob").await;
    let takeout = world.order_takeout(bob, "bob@example.com").await;
    let purge = format!("/users/v1/person/{bob}/purge");
    send(world.as_admin(Verb::POST, &purge).json(&json!({}))).await.expect(202);
    world.drain().await;

    let (_, id) = purged(&world, "alice").await;

    let url = format!("{}{}", world.stack.gateway, path(id));
    assert_eq!(link(&id.to_string()).await, json!(url));
    let waiting = erasure(&world, bob).await.id;
    assert_eq!((link(&takeout).await, link(&waiting.to_string()).await), (Value::Null, Value::Null));
    assert_eq!(send(world.as_admin(Verb::GET, &path(waiting))).await.status, 404);
}

#[tokio::test]
async fn a_purge_that_is_not_complete_is_not_certified() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    for statement in [
        "CREATE TABLE invoices (order_id INTEGER NOT NULL REFERENCES orders (id))",
        "INSERT INTO invoices SELECT id FROM orders",
    ] {
        sqlx::query(statement).execute(&mut world.shop().await).await.unwrap();
    }
    let purge = format!("/users/v1/person/{alice}/purge");
    let ask = json!({"suggested_purge_time": world.now()});
    send(world.as_admin(Verb::POST, &purge).json(&ask)).await.expect(202);
    world.drain().await;

    let request = erasure(&world, alice).await;
    let (app, tenant) = (&world.stack.app, world.stack.identity.tenant());
    certificates::note(app, &tenant, &request).await.unwrap();

    assert!(certificates::issue(app, &tenant, &request).await.is_err());
    assert_eq!(send(world.as_admin(Verb::GET, &path(request.id))).await.status, 404);
}

#[tokio::test]
async fn who_may_not_see_a_certificate_learns_nothing_of_it() {
    let world = World::new().await;
    let (alice, id) = purged(&world, "alice").await;
    let elsewhere = OrgId(Uuid::new_v5(&Uuid::NAMESPACE_DNS, b"elsewhere"));
    let year = TimeDelta::days(365);
    let get = async |id: RequestId, token: &str| {
        let reply = send(world.call(Verb::GET, &path(id)).bearer_auth(token)).await;
        let mut body = reply.json();
        if reply.status != 200 {
            body["instance"].take();
        }
        (reply.status, body)
    };
    let unknown = RequestId(Uuid::new_v5(&Uuid::NAMESPACE_DNS, b"unknown"));
    let staff = world.token("clerk", &["lethe:requests:read"]);
    let nothing = get(unknown, &staff).await;
    assert_eq!((nothing.0, &nothing.1["type"]), (404, &json!("urn:lethe:problem:certificate_not_found")));

    let own = get(id, &world.token(&alice.to_string(), &[])).await;
    assert_eq!((own.0, &own), (200, &get(id, &staff).await));
    for stranger in [
        world.token("903c1ff9-f2cc-435c-b242-9d8a690fcf0a", &[]),
        world.token("clerk", &["lethe:persons:read", "lethe:*"]),
        world.token_for(Some(elsewhere), &alice.to_string(), &[], year),
        world.token_for(Some(elsewhere), "clerk", &["lethe:requests:read"], year),
    ] {
        assert_eq!(get(id, &stranger).await, nothing);
    }
    let (client, secret) = world.api_client("reader", world.org(), &["lethe:requests:read"]).await;
    send(world.call(Verb::GET, &path(id)).basic_auth(client, Some(secret))).await.expect(200);
    let (client, secret) = world.api_client(&alice.to_string(), world.org(), &[]).await;
    send(world.call(Verb::GET, &path(id)).basic_auth(client, Some(secret))).await.expect(404);
    send(world.call(Verb::GET, &path(id))).await.expect(401);

    world.advance(TimeDelta::days(1097)).await;
    let staff = world.token("clerk", &["lethe:requests:read"]);
    assert_eq!(get(id, &staff).await, nothing);
    assert_eq!(get(id, &world.token(&alice.to_string(), &[])).await, nothing);
}

#[tokio::test]
async fn keys_are_for_everybody_and_a_tenant_without_any_is_like_none() {
    let world = World::new().await;
    let nobody = OrgId(Uuid::new_v5(&Uuid::NAMESPACE_DNS, b"nobody"));
    let (before, unknown) = (keys(&world, world.org()).await, keys(&world, nobody).await);
    assert_eq!((before.json(), unknown.json()), (json!({"keys": []}), json!({"keys": []})));

    purged(&world, "alice").await;

    let known = keys(&world, world.org()).await;
    assert_eq!(known.header("content-type"), "application/jwk-set+json");
    assert_eq!(known.header("cache-control"), "public, max-age=300");
    let known = known.json();
    assert_eq!(known["keys"].as_array().unwrap().len(), 1);
    let names: BTreeSet<&String> = known["keys"][0].as_object().unwrap().keys().collect();
    assert_eq!(names.into_iter().collect::<Vec<_>>(), ["alg", "crv", "kid", "kty", "use", "x"]);
    assert_eq!(send(world.call(Verb::GET, "/lethe/v1/keys/nonsense")).await.status, 400);
}

#[tokio::test]
async fn another_key_signs_what_comes_and_the_last_still_verifies_what_was() {
    let world = World::new().await;
    let (_, first) = purged(&world, "alice").await;
    let secrets = async || {
        let items = world.items("lethe-keys").await;
        items.into_iter().filter(|item| item.contains("CERT#")).collect::<Vec<_>>()
    };
    let before = secrets().await;
    let ask = |token: String| send(world.call(Verb::POST, "/lethe/v1/keys").bearer_auth(token));
    ask(world.token("clerk", &["lethe:requests:read", "lethe:keys:read"])).await.expect(403);

    let made = ask(world.token("clerk", &["lethe:keys:write"])).await.expect(201).json();

    let (_, second) = purged(&world, "bob").await;
    let (old, new) = (verified(&world, first).await.key, verified(&world, second).await.key);
    assert_ne!(old, new);
    let known: Vec<Value> = keys(&world, world.org()).await.json()["keys"].as_array().unwrap().clone();
    assert_eq!(known, [json!(old.jwk()), made]);
    assert_eq!(json!(new.jwk()), known[1]);
    // What signs nothing any more is nowhere.
    let after = secrets().await;
    assert_eq!((before.len(), after.len()), (1, 1));
    assert_ne!(before, after);
}

#[tokio::test]
async fn a_certificate_is_verified_by_no_other_tenants_key() {
    let world = World::new().await;
    let (_, id) = purged(&world, "alice").await;
    let elsewhere = OrgId(Uuid::new_v5(&Uuid::NAMESPACE_DNS, b"elsewhere"));
    let clerk = world.token_for(Some(elsewhere), "clerk", &["lethe:keys:write"], TimeDelta::days(1));
    let made = send(world.call(Verb::POST, "/lethe/v1/keys").bearer_auth(clerk)).await.expect(201);

    let theirs = KeyRing::read(std::str::from_utf8(&made.bytes).unwrap()).unwrap();

    assert_eq!(verify(&file(&world, id).await, &theirs), Err(Refused::UnknownKey));
    assert_eq!(keys(&world, elsewhere).await.json()["keys"], json!([made.json()]));
}

#[tokio::test]
async fn whoever_comes_at_once_gets_the_same_key_and_the_same_certificate() {
    let world = World::new().await;
    let ledger = world.stack.app.ledger(world.org());

    let signers = join_all((0..16).map(|_| ledger.certificate_signer())).await;
    let kids: BTreeSet<String> = signers.into_iter().map(|key| key.unwrap().public().id()).collect();
    assert_eq!(kids.len(), 1);
    assert_eq!(ledger.certificate_keys().await.unwrap().len(), 1);

    let (alice, id) = purged(&world, "alice").await;
    let before = file(&world, id).await;
    let request = erasure(&world, alice).await;
    world.advance(TimeDelta::hours(1)).await;
    let (app, tenant) = (&world.stack.app, world.stack.identity.tenant());
    for issued in join_all((0..16).map(|_| certificates::issue(app, &tenant, &request))).await {
        issued.unwrap();
    }
    assert_eq!(file(&world, id).await, before);

    // A key that is replaced meanwhile: whatever signs, its public half is known.
    let both = join_all(
        (0..8).map(|_| async { tokio::join!(ledger.replace_certificate_key(), ledger.certificate_signer()) }),
    )
    .await;
    let known = ledger.certificate_keys().await.unwrap();
    for (made, signer) in both {
        // One that was made at the same place by somebody else, and retired since, is refused.
        assert!(made.is_err() || known.contains(&made.unwrap()));
        assert!(signer.is_err() || known.contains(&signer.unwrap().public()));
    }
    assert!(known.contains(&ledger.certificate_signer().await.unwrap().public()));
}

/// The `SubjectPublicKeyInfo` of a key, as PEM.
fn pem(key: &PublicKey) -> String {
    let head = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    let body = STANDARD.encode([&head[..], key.as_bytes()].concat());
    format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n")
}

/// A file of this content in a folder.
fn put(folder: &TempDir, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    path
}

#[tokio::test]
async fn the_program_verifies_with_a_file_and_a_key_alone() {
    let world = World::new().await;
    let (_, id) = purged(&world, "alice").await;
    let key = verified(&world, id).await.key;
    let folder = TempDir::new().unwrap();
    let good = put(&folder, "certificate.json", file(&world, id).await);
    let set = put(&folder, "keys.json", keys(&world, world.org()).await.bytes);
    let check = |certificate: &PathBuf, key: &PathBuf| {
        let run =
            Command::new(program()).arg("verify").arg(certificate).arg("--key").arg(key).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (run.status.code(), text(&run.stdout), text(&run.stderr))
    };

    for key in
        [&set, &put(&folder, "key.json", json!(key.jwk()).to_string()), &put(&folder, "key.pem", pem(&key))]
    {
        let (code, told, error) = check(&good, key);
        assert_eq!((code, error.as_str()), (Some(0), ""));
        assert!(told.starts_with("The certificate is genuine"), "{told}");
        let row = told.lines().find(|line| line.starts_with("shop:orders")).unwrap();
        assert_eq!(
            row.split_whitespace().collect::<Vec<_>>(),
            ["shop:orders", "delete", "2", "2", "0", "0", "0", "not", "known"]
        );
    }

    let other = world.stack.app.ledger(world.org()).replace_certificate_key().await.unwrap();
    let changed = fs::read_to_string(&good).unwrap().replace("\"erased\":2", "\"erased\":3");
    let bad = put(&folder, "changed.json", changed);
    for (certificate, key, reason) in [
        (&bad, &set, "not what was signed"),
        (&good, &put(&folder, "other.pem", pem(&other)), "not signed with a key that was given"),
        (&set, &set, "not an object of"),
        (&good, &good, "expected an Ed25519 public key"),
        (&folder.path().join("nowhere"), &set, "cannot be read"),
        (&put(&folder, "bytes", [0xff, 0xfe]), &set, "cannot be read"),
    ] {
        let (code, told, error) = check(certificate, key);
        assert_eq!((code, told.as_str()), (Some(2), ""), "{error}");
        assert!(error.starts_with("refused: ") && error.contains(reason), "{error}");
    }
}

#[tokio::test]
async fn other_peoples_tools_verify_it_too() {
    let world = World::new().await;
    let (_, id) = purged(&world, "alice").await;
    let key = verified(&world, id).await.key;
    let file: Value = serde_json::from_str(&file(&world, id).await).unwrap();
    let (message, signature) = file["jws"].as_str().unwrap().rsplit_once('.').unwrap();
    let folder = TempDir::new().unwrap();
    let key = put(&folder, "key.pem", pem(&key));
    let signature = put(&folder, "signature", URL_SAFE_NO_PAD.decode(signature).unwrap());
    let openssl = |message: &str| {
        let message = put(&folder, "message", message);
        let mut command = Command::new("openssl");
        command.args(["pkeyutl", "-verify", "-pubin", "-rawin", "-inkey"]).arg(&key);
        command.arg("-in").arg(message).arg("-sigfile").arg(&signature);
        command.output().unwrap().status.success()
    };

    assert!(openssl(message));
    assert!(!openssl(&message.replace('.', ",")));
    let payload = message.split_once('.').unwrap().1;
    let said: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    assert_eq!(said, file["certificate"]);
}

#[tokio::test]
async fn a_lost_key_is_replaced_and_what_it_signed_is_still_verified() {
    let world = World::new().await;
    let (_, first) = purged(&world, "alice").await;
    let (app, org) = (&world.stack.app, world.org());
    let place = AttributeValue::S(certificate_secret(org, 1).pk);
    let delete = app.clients().dynamodb().delete_item().table_name("lethe-keys");
    delete.key("pk", place).send().await.unwrap();

    // A function that is started since remembers nothing.
    let clock = world.stack.clock.clone();
    let fresh = App::new(Parts {
        config: app.config().clone(),
        clients: app.clients().clone(),
        clock: Clock::new(move || clock.now()),
        entropy: Entropy::system(),
        log: Log::new(|_| ()),
        engine: EngineSource::Configured,
    });
    let key = fresh.ledger(org).certificate_signer().await.unwrap().public();

    assert_ne!(key, verified(&world, first).await.key);
    assert_eq!(fresh.ledger(org).certificate_keys().await.unwrap().last(), Some(&key));
}
