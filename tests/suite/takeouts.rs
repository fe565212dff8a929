//! Takeouts as their readers and their builders meet them: contents, delivery, and work that takes long.

use std::{
    future::poll_fn,
    path::{Path, PathBuf},
    process::Command,
    task::Poll,
};

use aws_lc_rs::digest::{SHA256, digest};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    PersonId, RequestId,
    request::{Door, Kind, Request, Work},
    takeout::{Delivery, Form, Takeout, TakeoutState},
};
use functions::takeouts::build;
use reqwest::Method;
use runtime::{App, queues::Job};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    canary::forms,
    world::{PASSWORD, World, send, takeout_order},
};

mod crashes;

const ALICE: &str = "alice@example.com";

/// Rows enough that they are read in several pages.
async fn add_orders(world: &World, count: u32) {
    let insert = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) \
                  INSERT INTO orders (customer_id, total) SELECT (SELECT id FROM customers WHERE email = ?), i FROM n";
    sqlx::query(insert).bind(count).bind(ALICE).execute(&mut world.shop().await).await.unwrap();
}

/// Orders a takeout with wishes, and gives its id once it is ready.
async fn ordered(world: &World, person: Uuid, meta: Value) -> String {
    let mut order = takeout_order(ALICE);
    order["meta"] = meta;
    let call = world.as_pace(Method::POST, &format!("/gdpr/{person}/takeouts"));
    let reply = send(call.body(order.to_string())).await.expect(200);
    world.drain().await;
    reply.json()["data"]["id"].as_str().unwrap().to_owned()
}

/// A takeout of which no queue was told.
async fn untold(world: &World, person: Uuid, number: u64) -> Job {
    let ledger = world.stack.app.store().of(world.org());
    let id: PersonId = person.to_string().parse().unwrap();
    let key = ledger.key_of(&id).await.unwrap();
    let tenant = world.stack.app.config().tenant(world.org()).unwrap();
    let request = RequestId::of(key, number);
    let now = world.now();
    let delivery = Delivery::To(ALICE.to_owned());
    let takeout = Takeout::order(PASSWORD.to_owned(), delivery, [0; 32], Form::default(), &tenant, now);
    let mut request = Request::new(request, key, id, Kind::Access, Door::Pace, now);
    request.work = Work::Takeout(takeout);
    ledger.create_request(&request).await.unwrap();
    Job { org: world.org(), person: key, request: Some(request.id) }
}

async fn takeout_of(world: &World, job: Job) -> Takeout {
    let ledger = world.stack.app.store().of(job.org);
    let request = ledger.request(job.person, job.request.unwrap()).await.unwrap().unwrap();
    request.takeout().unwrap().clone()
}

/// Gives the job to the worker in an invocation that ends at `deadline`.
async fn invoke(app: &App, job: Job, deadline: Option<DateTime<Utc>>) {
    let event = json!({"Records": [{"messageId": "m", "body": json!([job]).to_string()}]});
    let event = serde_json::from_value(event).unwrap();
    build::worker().batch(app, event, deadline).await;
}

async fn download(world: &World, person: Uuid, id: &str) -> Vec<u8> {
    send(world.as_pace(Method::GET, &format!("/gdpr/{person}/takeouts/{id}"))).await.expect(200).bytes
}

/// Unpacks an archive into a folder of its own.
fn unpacked(world: &World, archive: &[u8]) -> PathBuf {
    let (zip, folder) = (world.folder.path().join("takeout.zip"), world.folder.path().join("takeout"));
    std::fs::write(&zip, archive).unwrap();
    let mut unzip = Command::new("7z");
    unzip.args(["x", "-y", "-bd"]).arg(format!("-p{PASSWORD}")).arg(format!("-o{}", folder.display()));
    let output = unzip.arg(&zip).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    folder
}

fn text(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap()
}

fn manifest(folder: &Path) -> Value {
    serde_json::from_str(&text(folder, "manifest.json")).unwrap()
}

/// The rows of a collection.
fn rows(folder: &Path, collection: &str) -> Vec<Value> {
    let manifest = manifest(folder);
    let collections = manifest["collections"].as_array().unwrap();
    let found = collections.iter().find(|found| found["collection"] == collection).unwrap();
    let files = found["files"].as_array().unwrap().iter();
    let lines: Vec<String> = files.map(|file| text(folder, file["name"].as_str().unwrap())).collect();
    lines.iter().flat_map(|lines| lines.lines()).map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What lies in the bucket of takeouts, and how many uploads are under way there.
async fn bucket(world: &World) -> (Vec<String>, usize) {
    let s3 = world.stack.app.clients().s3();
    let objects = s3.list_objects_v2().bucket("lethe-takeouts").send().await.unwrap();
    let uploads = s3.list_multipart_uploads().bucket("lethe-takeouts").send().await.unwrap();
    let names = objects.contents().iter().filter_map(|object| object.key()).map(str::to_owned);
    (names.collect(), uploads.uploads().len())
}

/// The whole of Alice's takeout is there, and nothing else.
async fn check_whole(world: &World, job: Job, orders: usize) {
    let takeout = takeout_of(world, job).await;
    assert_eq!(takeout.state, TakeoutState::Ready);
    let archive = takeout.archive.unwrap();
    let (objects, uploads) = bucket(world).await;
    assert_eq!((objects.as_slice(), uploads), ([archive.key.clone()].as_slice(), 0));
    let bytes = world.stack.app.store().takeouts().read(&archive.key).await.unwrap();
    assert_eq!(archive.sha256, hex::encode(digest(&SHA256, &bytes)));
    let folder = unpacked(world, &bytes);
    let mut ids: Vec<i64> =
        rows(&folder, "shop:orders").iter().map(|row| row["id"].as_i64().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), rows(&folder, "shop:orders").len()), (orders, orders));
    assert_eq!(rows(&folder, "shop:customers").len(), 1);
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn what_takes_longer_than_an_invocation_is_gone_on_with_by_the_next() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    add_orders(&world, 3_500).await;
    let job = untold(&world, alice, 7).await;

    // Its time is up after the first page.
    invoke(&world.stack.app, job, Some(world.now())).await;
    world.drain().await;

    let takeout = takeout_of(&world, job).await;
    assert_eq!(takeout.attempts, 2, "one that stopped, and one that went on");
    assert!(takeout.progress.is_some());
    check_whole(&world, job, 3_502).await;
    assert_eq!(world.mails_to(ALICE).len(), 1);
}

#[tokio::test]
async fn how_far_it_has_got_is_shown() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    add_orders(&world, 3_500).await;
    let job = untold(&world, alice, 7).await;

    // The first invocation stops, and whoever would go on is told nothing.
    let key = job.person;
    build_until(&world, job, |takeout| takeout.progress.is_some()).await;

    let listed =
        send(world.as_pace(Method::GET, &format!("/gdpr/{alice}/takeouts"))).await.expect(200).json();
    let so_far = &listed["data"][0]["meta"];
    assert!(so_far["records"].as_u64().unwrap() >= 1, "{listed}");
    let requests = send(world.as_admin(Method::GET, "/lethe/v1/requests")).await.expect(200).json();
    assert_eq!(requests["requests"][0]["takeout"]["records"], so_far["records"]);
    assert_eq!(requests["requests"][0]["takeout"]["bytes_so_far"], so_far["bytes"]);
    let line = format!("{} records, {} bytes so far", so_far["records"], so_far["bytes"]);
    let told =
        world.log.lock().unwrap().iter().any(|said| said.contains(&line) && said.contains(&key.to_string()));
    assert!(told, "{line}");
}

/// Lets the worker build in an invocation without time, until its record is as wanted; there it dies.
async fn build_until(world: &World, job: Job, wanted: impl Fn(&Takeout) -> bool) {
    let app = world.stack.app.clone();
    for polls in (1..).step_by(20) {
        let done = dies_at(polls, invoke(&world.stack.app, job, Some(world.now()))).await;
        if wanted(&takeout_of(world, job).await) {
            return;
        }
        assert!(!done, "it came to its end");
        // Others may begin at once.
        release(&app, job).await;
    }
}

async fn release(app: &App, job: Job) {
    let ledger = app.store().of(job.org);
    let request = ledger.request(job.person, job.request.unwrap()).await.unwrap().unwrap();
    let takeout = request.takeout().unwrap().clone();
    if let Ok(takeout) = takeout.release(app.now()) {
        ledger.put_request(&request.with_work(Work::Takeout(takeout), app.now())).await.unwrap();
    }
}

/// Polls `work` so often and no more. Whether it came to its end.
async fn dies_at(polls: usize, work: impl Future<Output = ()>) -> bool {
    let mut work = std::pin::pin!(work);
    let mut polled = 0;
    poll_fn(|context| {
        polled += 1;
        match work.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(true),
            Poll::Pending if polled >= polls => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

#[tokio::test]
async fn a_worker_may_die_at_any_moment() {
    let mut ended = false;
    for polls in [1, 4, 9, 16, 25, 40, 60, 90, 140, 400, 100_000] {
        let world = World::new().await;
        let alice = world.person_with_data("alice").await;
        add_orders(&world, 2_500).await;
        let job = untold(&world, alice, 7).await;

        ended = dies_at(polls, invoke(&world.stack.app, job, Some(world.now()))).await;
        // The queue delivers again what was not done with, and somebody notices that nothing moves.
        for _ in 0..2 {
            world.advance(TimeDelta::minutes(30)).await;
            invoke(&world.stack.app, job, None).await;
            world.drain().await;
        }

        check_whole(&world, job, 2_502).await;
        assert_eq!(world.mails_to(ALICE).len(), 1, "{polls}");
    }
    assert!(ended, "none came to its end");
}

#[tokio::test]
async fn records_are_as_their_schemas_say() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let id = ordered(&world, alice, json!({})).await;

    let folder = unpacked(&world, &download(&world, alice, &id).await);

    let manifest = manifest(&folder);
    assert_eq!(manifest["data_map"].as_str().unwrap().len(), 64);
    assert!(manifest["generator"].as_str().unwrap().starts_with("Lethe "));
    let mut checked = 0;
    for collection in manifest["collections"].as_array().unwrap() {
        let schema: Value =
            serde_json::from_str(&text(&folder, collection["schema"]["name"].as_str().unwrap())).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let name = collection["collection"].as_str().unwrap();
        let found = match name {
            "lethe:record" => vec![serde_json::from_str(&text(&folder, "files/01-0001.json")).unwrap()],
            name => rows(&folder, name),
        };
        for row in &found {
            assert!(validator.is_valid(row), "{name}: {row}");
            checked += 1;
        }
        assert!(!validator.is_valid(&json!({"another": 1})) || name == "lethe:record", "{name}");
    }
    assert_eq!(checked, 4);
    let listed = ["files", "attachments"].iter().flat_map(|kind| {
        manifest["collections"].as_array().unwrap().iter().filter_map(|it| it[*kind].as_array()).flatten()
    });
    for file in listed {
        let bytes = std::fs::read(folder.join(file["name"].as_str().unwrap())).unwrap();
        assert_eq!(file["sha256"], hex::encode(digest(&SHA256, &bytes)));
    }
}

#[tokio::test]
async fn a_takeout_may_be_german_and_have_tables() {
    let world =
        World::with(|tenant| tenant.information.controller = Some("Shop GmbH, Bonn".to_owned())).await;
    let alice = world.person_with_data("alice").await;
    let id = ordered(&world, alice, json!({"csv": true, "locale": "de"})).await;

    let folder = unpacked(&world, &download(&world, alice, &id).await);

    let index = text(&folder, "index.html");
    for words in ["Ihre personenbezogenen Daten", "Shop GmbH, Bonn", ALICE, "Ihre Rechte", "shop:orders"] {
        assert!(index.contains(words), "{words}");
    }
    assert!(!index.contains("<script"));
    let manifest = manifest(&folder);
    let customers =
        manifest["collections"].as_array().unwrap().iter().find(|it| it["collection"] == "shop:customers");
    let csv = text(&folder, customers.unwrap()["csv"][0]["name"].as_str().unwrap());
    assert_eq!(csv, "id,email,name\r\n1,alice@example.com,Somebody\r\n");
}

#[tokio::test]
async fn a_takeout_may_be_an_age_file() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let (key, public) = age_key(&world);

    let id = ordered(&world, alice, json!({"format": "age", "recipient": public})).await;
    let call = world.as_pace(Method::GET, &format!("/gdpr/{alice}/takeouts/{id}"));
    let link = send(call).await.expect(307).header("location").to_owned();
    let reply = send(world.http.get(link)).await.expect(200);

    assert_eq!(reply.header("content-type"), "application/octet-stream");
    assert_eq!(reply.header("content-disposition"), "attachment; filename=\"takeout.zip.age\"");
    let (sealed, zip) = (world.folder.path().join("takeout.zip.age"), world.folder.path().join("inside.zip"));
    std::fs::write(&sealed, &reply.bytes).unwrap();
    let opened =
        Command::new("age").arg("-d").arg("-i").arg(key).arg("-o").arg(&zip).arg(&sealed).output().unwrap();
    assert!(opened.status.success(), "{opened:?}");
    let folder = unpacked(&world, &std::fs::read(zip).unwrap());
    assert_eq!(rows(&folder, "shop:orders").len(), 2);
}

/// A new key pair: the file of the secret half, and the public one.
fn age_key(world: &World) -> (PathBuf, String) {
    let path = world.folder.path().join("age.key");
    let made = Command::new("age-keygen").arg("-o").arg(&path).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let text = std::fs::read_to_string(&path).unwrap();
    let public = text.lines().find_map(|line| line.strip_prefix("# public key: ")).unwrap().to_owned();
    (path, public)
}

#[tokio::test]
async fn only_so_many_takeouts_are_ordered_a_day() {
    let world = World::with(|tenant| {
        let settings = json!({"org": tenant.org, "required_identities": ["default"], "takeouts_a_day": 2});
        *tenant = serde_json::from_value(settings).unwrap();
    })
    .await;
    let (alice, bob) = (world.person_with_data("alice").await, world.person_with_data("bob").await);
    let order = async |person: Uuid, id: &str| {
        let mut order = takeout_order(ALICE);
        order["data"]["id"] = id.into();
        let call = world.as_pace(Method::POST, &format!("/gdpr/{person}/takeouts"));
        send(call.body(order.to_string())).await
    };
    let id = "0192f1c4-7d5e-7c3b-9a51-2f6d0c8e4b77";
    order(alice, id).await.expect(200);
    world.advance(TimeDelta::hours(1)).await;
    order(alice, "string").await.expect(200);

    let refused = order(alice, "string").await.expect(429);
    assert_eq!(refused.header("retry-after"), (23 * 3600).to_string());
    // What was ordered before is not ordered again, and others are others.
    order(alice, id).await.expect(200);
    order(bob, "string").await.expect(200);
    world.advance(TimeDelta::hours(23)).await;
    order(alice, "string").await.expect(200);
    order(alice, "string").await.expect(429);
}

#[tokio::test]
async fn wishes_that_cannot_be_met_are_refused() {
    async fn check(world: &World, person: Uuid, meta: Value, pointer: &str) {
        let mut order = takeout_order(ALICE);
        order["meta"] = meta.clone();
        let call = world.as_pace(Method::POST, &format!("/gdpr/{person}/takeouts"));
        let refused = send(call.body(order.to_string())).await.expect(422).json();
        assert_eq!(refused["errors"][0]["source"]["pointer"], pointer, "{meta}");
    }
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;

    check(&world, alice, json!({"locale": "fr"}), "/meta/locale").await;
    check(&world, alice, json!({"format": "rar"}), "/meta/format").await;
    check(&world, alice, json!({"format": "age", "recipient": "age1nobody"}), "/meta/recipient").await;
    check(&world, alice, json!({"recipient": "age1nobody"}), "/meta/recipient").await;
}

/// The link in the one mail to Alice.
fn link(world: &World) -> String {
    let mails = world.mails_to(ALICE);
    assert_eq!(mails.len(), 1, "{mails:?}");
    let found =
        mails[0].1.split_whitespace().find(|word| word.contains("/lethe/v1/takeouts/download?token="));
    found.unwrap().to_owned()
}

async fn downloads(world: &World, id: &str) -> u64 {
    let request =
        send(world.as_admin(Method::GET, &format!("/lethe/v1/requests/{id}"))).await.expect(200).json();
    request["takeout"]["downloads"].as_u64().unwrap()
}

#[tokio::test]
async fn the_link_in_the_mail_leads_to_a_page_that_gives_the_archive_out() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let id = ordered(&world, alice, json!({})).await;
    let link = link(&world);

    // Mail scanners open links.
    for _ in 0..2 {
        let page = send(world.http.get(&link)).await.expect(200);
        let html = String::from_utf8(page.bytes.clone()).unwrap();
        assert!(html.contains("7-Zip") && html.contains("Keka") && !html.contains("X-Amz"));
        assert_eq!(
            (page.header("cache-control"), page.header("referrer-policy")),
            ("no-store", "no-referrer")
        );
        assert!(page.header("content-security-policy").contains("form-action 'self' http://127.0.0.1:"));
    }
    assert_eq!(downloads(&world, &id).await, 0);

    let reply = send(world.http.post(&link)).await.expect(303);
    let at = reply.header("location").to_owned();
    let archive = send(world.http.get(&at)).await.expect(200);
    let folder = unpacked(&world, &archive.bytes);
    assert_eq!(rows(&folder, "shop:orders").len(), 2);
    assert!(at.contains("X-Amz-Expires=300"));
    assert_eq!(downloads(&world, &id).await, 1);
    download(&world, alice, &id).await;
    assert_eq!(downloads(&world, &id).await, 2);
    // A part of it: from the bucket, whoever asks.
    let part = send(world.http.get(&at).header("range", "bytes=0-3")).await.expect(206);
    assert_eq!(part.bytes, b"PK\x03\x04");
    let call = world.as_pace(Method::GET, &format!("/gdpr/{alice}/takeouts/{id}"));
    let elsewhere = send(call.header("range", "bytes=4-9")).await.expect(307);
    let part =
        send(world.http.get(elsewhere.header("location")).header("range", "bytes=4-9")).await.expect(206);
    assert_eq!(part.bytes, archive.bytes[4..10]);
}

#[tokio::test]
async fn a_takeout_can_be_deleted_with_the_link() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let id = ordered(&world, alice, json!({})).await;
    let link = link(&world);
    let revoke = link.replace("takeouts/download?", "takeouts/revoke?");

    let other = send(world.http.post(format!("{}AAAA", &revoke[..revoke.len() - 4]))).await.expect(410);
    assert_eq!(bucket(&world).await.0.len(), 1);
    send(world.http.post(&revoke)).await.expect(200);

    assert_eq!(bucket(&world).await, (Vec::new(), 0));
    for call in [world.http.get(&link), world.http.post(&link), world.http.post(&revoke)] {
        assert_eq!(send(call).await.expect(410).bytes, other.bytes);
    }
    send(world.as_pace(Method::GET, &format!("/gdpr/{alice}/takeouts/{id}"))).await.expect(404);
    let listed =
        send(world.as_pace(Method::GET, &format!("/gdpr/{alice}/takeouts"))).await.expect(200).json();
    assert_eq!(listed["data"][0]["attributes"]["status"], "expired");
}

#[tokio::test]
async fn a_link_ends_with_its_takeout() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    ordered(&world, alice, json!({})).await;
    let link = link(&world);

    world.advance(TimeDelta::days(13)).await;

    send(world.http.get(&link)).await.expect(410);
    send(world.http.post(&link)).await.expect(410);
    world.advance(TimeDelta::hours(1)).await;
    assert_eq!(bucket(&world).await, (Vec::new(), 0));
}

#[tokio::test]
async fn passwords_and_addresses_lie_nowhere() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    add_orders(&world, 2_500).await;
    let job = untold(&world, alice, 7).await;
    build_until(&world, job, |takeout| takeout.progress.is_some()).await;

    let tables = [world.items("lethe").await, world.items("lethe-keys").await].concat();
    let log = world.log.lock().unwrap().clone();
    let (objects, _) = bucket(&world).await;
    let s3 = world.stack.app.clients().s3();
    let mut found =
        tables.iter().chain(&log).chain(&objects).map(|text| text.clone().into_bytes()).collect::<Vec<_>>();
    for key in &objects {
        let object = s3.get_object().bucket("lethe-takeouts").key(key).send().await.unwrap();
        found.push(format!("{:?}", object.metadata()).into_bytes());
        found.push(object.body.collect().await.unwrap().into_bytes().to_vec());
    }
    assert!(!objects.is_empty(), "where it stands lies there, sealed");
    for secret in [PASSWORD, ALICE] {
        for form in forms(secret) {
            for text in &found {
                assert!(!text.windows(form.len()).any(|some| some == form), "{secret}");
            }
        }
    }
}
