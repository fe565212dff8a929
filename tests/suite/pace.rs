//! Takeouts at PACE's door: orders, lists, archives, and to whom they go.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::Stdio,
};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE},
};
use chrono::TimeDelta;
use domain::tenant::{Subjects, Tenant};
use local::TokenRequest;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::process::Command;
use uuid::Uuid;

use crate::world::{PASSWORD, Reply, World, send, takeout_order};

const MEDIA_TYPE: &str = "application/vnd.api+json";
const ALICE: &str = "alice@example.com";
/// An address that nobody has registered.
const ELSEWHERE: &str = "elsewhere@example.net";
/// An id as a caller may choose it.
const CHOSEN: &str = "c0daf39b-4df5-4241-9e7d-b1b85f829090";

/// A token with both scopes, after `change`.
fn token(world: &World, change: impl FnOnce(&mut TokenRequest)) -> String {
    let mut request = TokenRequest {
        sub: "support".to_owned(),
        org: None,
        permissions: Vec::new(),
        scopes: vec!["user:gdpr:create".to_owned(), "user:gdpr:read".to_owned()],
        linked_identities: vec!["default".to_owned()],
        expires_in: TimeDelta::days(365),
    };
    change(&mut request);
    world.stack.identity.token(&request, world.now()).unwrap()
}

/// All six calls about a person and a takeout: first the ordering ones, then the reading ones.
fn calls(world: &World, person: Uuid, takeout: &str) -> [RequestBuilder; 6] {
    let post = |path: &str| {
        let order = takeout_order(ALICE).to_string();
        world.call(Method::POST, path).header("content-type", MEDIA_TYPE).body(order)
    };
    let get = |path: &str| world.call(Method::GET, path);
    [
        post(&format!("/user/2024-3/gdpr/{person}/takeouts")),
        post("/user/2024-3/gdpr/takeouts"),
        get(&format!("/user/2024-3/gdpr/{person}/takeouts")),
        get("/user/2024-3/gdpr/takeouts"),
        get(&format!("/user/2024-3/gdpr/{person}/takeouts/{takeout}")),
        get(&format!("/user/2024-3/gdpr/takeouts/{takeout}")),
    ]
}

async fn order(world: &World, person: Uuid, body: &Value) -> Reply {
    let path = format!("/gdpr/{person}/takeouts");
    send(world.as_pace(Method::POST, &path).body(body.to_string())).await
}

/// An order under an id of the caller's choice.
fn order_as(id: &str, send_to: &str) -> Value {
    let mut order = takeout_order(send_to);
    order["data"]["id"] = id.into();
    order
}

async fn list(world: &World, person: Uuid, query: &str) -> Reply {
    send(world.as_pace(Method::GET, &format!("/gdpr/{person}/takeouts{query}"))).await
}

/// Status by status, newest first.
async fn statuses(world: &World, person: Uuid) -> Vec<String> {
    let listed = list(world, person, "").await.expect(200).json();
    let takeouts = listed["data"].as_array().unwrap();
    takeouts.iter().map(|one| one["attributes"]["status"].as_str().unwrap().to_owned()).collect()
}

async fn download(world: &World, person: Uuid, takeout: &str) -> Reply {
    send(world.as_pace(Method::GET, &format!("/gdpr/{person}/takeouts/{takeout}"))).await
}

/// The errors of an answer, after making sure of what all of them have.
#[track_caller]
fn errors(reply: &Reply, status: u16) -> Vec<Value> {
    assert_eq!(reply.status, status, "{}", String::from_utf8_lossy(&reply.bytes));
    assert_eq!(reply.header("content-type"), MEDIA_TYPE);
    let id = reply.header("request-id");
    assert_eq!((id.len(), id.parse::<xid::Id>().unwrap().to_string()), (20, id.to_owned()));
    let errors = reply.json()["errors"].as_array().unwrap().clone();
    assert!(!errors.is_empty());
    for error in &errors {
        assert_eq!((&error["id"], &error["status"]), (&id.into(), &status.to_string().into()));
        assert!(!error["title"].as_str().unwrap().is_empty());
    }
    errors
}

#[track_caller]
fn error(reply: &Reply, status: u16) -> Value {
    let errors = errors(reply, status);
    assert_eq!(errors.len(), 1, "{errors:?}");
    errors[0].clone()
}

#[tokio::test]
async fn p01_an_order_is_answered_with_a_takeout_of_thirteen_days() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    // The vendor's own example puts a placeholder where the id goes.
    let body = order_as("string", ALICE);

    let path = format!("/user/2024-3/gdpr/{alice}/takeouts");
    let call = world.call(Method::POST, &path).header("content-type", MEDIA_TYPE).body(body.to_string());
    let reply = send(call.bearer_auth(token(&world, |_| {}))).await.expect(200);

    assert_eq!(reply.header("content-type"), MEDIA_TYPE);
    let id: Uuid = reply.json()["data"]["id"].as_str().unwrap().parse().unwrap();
    let expected = json!({"data": {
        "type": "GDPRTakeout",
        "id": id,
        "attributes": {
            "creationDate": "2026-03-02T10:00:00Z",
            "expirationDate": "2026-03-15T10:00:00Z",
            "status": "inProgress",
        },
    }});
    assert_eq!(reply.json(), expected);
}

#[tokio::test]
async fn p02_a_call_without_a_bearer_is_unauthorized() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;

    for call in calls(&world, alice, CHOSEN) {
        assert_eq!(error(&send(call).await, 401)["title"], "Unauthorized");
    }
    assert!(statuses(&world, alice).await.is_empty());
}

#[tokio::test]
async fn a_token_that_is_no_good_is_unauthorized() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let good = token(&world, |_| {});
    let expired = token(&world, |request| request.expires_in = TimeDelta::days(-1));

    for bad in [&expired, &good[..good.len() - 4], "x", "a.b.c"] {
        for call in calls(&world, alice, CHOSEN) {
            assert_eq!(error(&send(call.bearer_auth(bad)).await, 401)["title"], "user token is invalid");
        }
    }
}

#[tokio::test]
async fn each_call_needs_its_scope() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let with = |scope: &str| token(&world, |request| request.scopes = vec![scope.to_owned()]);
    let (create, read) = (with("user:gdpr:create"), with("user:gdpr:read"));

    for (place, call) in calls(&world, alice, CHOSEN).into_iter().enumerate() {
        let (wrong, missing) =
            if place < 2 { (&read, "user:gdpr:create") } else { (&create, "user:gdpr:read") };
        let title = format!("Forbidden - requires scope \"{missing}\"");
        assert_eq!(error(&send(call.bearer_auth(wrong)).await, 403)["title"], title);
    }
    // Stars are for other dialects.
    for call in calls(&world, alice, CHOSEN) {
        error(&send(call.bearer_auth(with("user:gdpr:*"))).await, 403);
    }
}

#[tokio::test]
async fn p03_a_missing_linked_identity_is_told_in_the_vendors_words() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let unlinked = token(&world, |request| {
        request.sub = alice.to_string();
        request.linked_identities = vec!["another".to_owned()];
    });

    for call in calls(&world, alice, CHOSEN) {
        let reply = send(call.bearer_auth(&unlinked)).await.expect(401);

        let expected = json!({"errors": [{
            "id": reply.header("request-id"),
            "title": "Missing linked identity for authorized access",
            "detail": "Linked identity is needed to access this resource, please check why the user does not have a linked identity",
            "status": "401",
            "code": "missing-linked-identity",
        }]});
        assert_eq!(reply.json(), expected);
    }
}

#[tokio::test]
async fn a_tenant_that_requires_no_linked_identity_asks_for_none() {
    let world = World::with(|tenant| tenant.required_identities.clear()).await;
    let alice = world.person_with_data("alice").await;
    let unlinked = token(&world, |request| request.linked_identities = Vec::new());

    let [call, ..] = calls(&world, alice, CHOSEN);

    send(call.bearer_auth(unlinked)).await.expect(200);
}

/// Orders with exactly these headers, over a connection of its own: clients like to add headers.
async fn order_with(world: &World, person: Uuid, headers: &[(&str, &str)]) -> u16 {
    let address = world.stack.gateway.strip_prefix("http://").unwrap().to_owned();
    let body = order_as(CHOSEN, ELSEWHERE).to_string();
    let mut message = format!(
        "POST /user/2024-3/gdpr/{person}/takeouts HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         content-length: {}\r\nauthorization: Bearer {}\r\n",
        body.len(),
        token(world, |_| {}),
    );
    for (name, value) in headers {
        message.push_str(&format!("{name}: {value}\r\n"));
    }
    message.push_str(&format!("\r\n{body}"));
    let exchange = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(message.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    let answer = exchange.await.unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn p04_a_body_must_be_of_the_vendors_media_type() {
    async fn check(world: &World, person: Uuid, content_type: Option<&str>, expected: u16) {
        let headers: Vec<_> = content_type.map(|value| ("content-type", value)).into_iter().collect();
        assert_eq!(order_with(world, person, &headers).await, expected, "{content_type:?}");
    }
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;

    check(&world, alice, None, 415).await;
    check(&world, alice, Some("application/json"), 415).await;
    check(&world, alice, Some("text/plain"), 415).await;
    check(&world, alice, Some("application/vnd.api+json; charset=utf-8"), 415).await;
    check(&world, alice, Some("application/vnd.api+json; ext=\"https://example.com/x\""), 415).await;
    assert!(statuses(&world, alice).await.is_empty());
    check(&world, alice, Some("application/vnd.api+json; profile=\"https://example.com/x\""), 200).await;
    check(&world, alice, Some("Application/VND.api+json"), 200).await;
    check(&world, alice, Some(MEDIA_TYPE), 200).await;

    let json = world.as_admin(Method::POST, &format!("/user/2024-3/gdpr/{alice}/takeouts"));
    let reply = send(json.json(&takeout_order(ALICE))).await;
    let title = r#"request needs to be send with "Content-Type" header, containing value: "application/vnd.api+json""#;
    assert_eq!(error(&reply, 415)["title"], title);
}

#[tokio::test]
async fn p05_an_answer_is_given_to_whoever_can_take_it() {
    async fn check(world: &World, person: Uuid, accept: Option<&str>, expected: u16) {
        let headers = [("content-type", MEDIA_TYPE)].into_iter().chain(accept.map(|value| ("accept", value)));
        let headers: Vec<_> = headers.collect();
        assert_eq!(order_with(world, person, &headers).await, expected, "{accept:?}");
    }
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;

    check(&world, alice, Some("text/html"), 406).await;
    check(&world, alice, Some("application/json"), 406).await;
    check(&world, alice, Some("*/*;q=0"), 406).await;
    check(&world, alice, Some("application/vnd.api+json; charset=utf-8"), 406).await;
    assert!(statuses(&world, alice).await.is_empty());
    check(&world, alice, None, 200).await;
    check(&world, alice, Some("*/*"), 200).await;
    check(&world, alice, Some("application/*"), 200).await;
    check(&world, alice, Some("text/html, */*;q=0.1"), 200).await;
    check(&world, alice, Some(MEDIA_TYPE), 200).await;

    let [call, ..] = calls(&world, alice, CHOSEN);
    let reply = send(call.bearer_auth(token(&world, |_| {})).header("accept", "text/html")).await;
    let title =
        r#"request needs to be send with "Accept" header, containing value: "application/vnd.api+json""#;
    assert_eq!(error(&reply, 406)["title"], title);
}

#[tokio::test]
async fn a_strict_tenant_takes_the_exact_media_type_only() {
    async fn check(world: &World, person: Uuid, headers: &[(&str, &str)], expected: u16) {
        assert_eq!(order_with(world, person, headers).await, expected, "{headers:?}");
    }
    let world = World::with(|tenant| tenant.strict_accept = true).await;
    let alice = world.person_with_data("alice").await;
    let content = ("content-type", MEDIA_TYPE);

    check(&world, alice, &[content], 406).await;
    check(&world, alice, &[content, ("accept", "*/*")], 406).await;
    check(&world, alice, &[content, ("accept", "application/*")], 406).await;
    check(
        &world,
        alice,
        &[
            ("content-type", "application/vnd.api+json; profile=\"https://example.com/x\""),
            ("accept", MEDIA_TYPE),
        ],
        415,
    )
    .await;
    check(&world, alice, &[content, ("accept", MEDIA_TYPE)], 200).await;
}

#[tokio::test]
async fn p06_a_body_that_is_no_json_cannot_be_parsed() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let path = format!("/gdpr/{alice}/takeouts");

    for body in ["{", "nope", "{\"data\":{}} {}", "{'data':{}}", "\u{feff}{}"] {
        let reply = send(world.as_pace(Method::POST, &path).body(body)).await;
        let title = error(&reply, 422)["title"].as_str().unwrap().to_owned();
        assert!(title.starts_with("can't parse content: "), "{body}: {title}");
    }
}

#[tokio::test]
async fn p07_what_is_missing_is_pointed_at() {
    async fn check(world: &World, person: Uuid, body: Value, expected: &[(&str, &str)]) {
        let reply = order(world, person, &body).await;
        let errors = errors(&reply, 422);
        let told: Vec<_> = errors
            .iter()
            .map(|error| {
                (error["title"].as_str().unwrap(), error["source"]["pointer"].as_str().unwrap_or("none"))
            })
            .collect();
        assert_eq!(told, expected, "{body}");
        assert!(errors.iter().all(|error| error["detail"].is_string()), "{errors:?}");
    }
    const TYPE: (&str, &str) = ("Type is invalid", "/data/type");
    const PASSWORD_: (&str, &str) = ("Password is invalid", "/data/attributes/password");
    const SENT_TO: (&str, &str) = ("SentTo is invalid", "/data/attributes/sentto");
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let with = |attributes: Value| json!({"data": {"type": "GDPRTakeout", "attributes": attributes}});

    check(&world, alice, with(json!({"sentTo": ALICE})), &[PASSWORD_]).await;
    check(&world, alice, with(json!({"password": PASSWORD})), &[SENT_TO]).await;
    check(&world, alice, with(json!({"password": null, "sentTo": null})), &[PASSWORD_, SENT_TO]).await;
    check(&world, alice, with(json!({"password": 1, "sentTo": ALICE})), &[PASSWORD_]).await;
    check(&world, alice, with(json!({"password": PASSWORD, "sentTo": [ALICE]})), &[SENT_TO]).await;
    check(&world, alice, json!({"data": {"type": "GDPRTakeout"}}), &[PASSWORD_, SENT_TO]).await;
    check(&world, alice, json!({"data": {}}), &[TYPE, PASSWORD_, SENT_TO]).await;
    let mut other = takeout_order(ALICE);
    other["data"]["type"] = "Takeout".into();
    check(&world, alice, other, &[TYPE]).await;
    check(&world, alice, json!({}), &[("Data is invalid", "/data")]).await;
    check(&world, alice, json!({"data": [takeout_order(ALICE)["data"]]}), &[("Data is invalid", "/data")])
        .await;
    check(&world, alice, json!([]), &[("Body is invalid", "")]).await;
    let empty = send(world.as_pace(Method::POST, &format!("/gdpr/{alice}/takeouts"))).await;
    assert_eq!(error(&empty, 422)["source"]["pointer"], "");
    assert!(statuses(&world, alice).await.is_empty());
}

#[tokio::test]
async fn a_password_must_be_long_enough() {
    async fn check(world: &World, person: Uuid, password: &str, expected: u16) {
        let mut body = order_as(CHOSEN, ELSEWHERE);
        body["data"]["attributes"]["password"] = password.into();
        let reply = order(world, person, &body).await;
        assert_eq!(reply.status, expected, "{password}");
        if expected == 422 {
            assert_eq!(error(&reply, 422)["source"]["pointer"], "/data/attributes/password");
            let text = String::from_utf8_lossy(&reply.bytes).into_owned();
            assert!(password.is_empty() || !text.contains(password), "{text}");
        }
    }
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    check(&world, alice, "", 422).await;
    check(&world, alice, "11-letters!", 422).await;
    check(&world, alice, &"x".repeat(257), 422).await;
    // Characters count, not bytes.
    check(&world, alice, "ünï-çødé-11", 422).await;
    check(&world, alice, "12-letters!!", 200).await;
    check(&world, alice, &"x".repeat(256), 200).await;

    let lax = World::with(|tenant| {
        *tenant = serde_json::from_value(json!({
            "org": tenant.org, "required_identities": ["default"], "password_floor": 1,
        }))
        .unwrap();
    })
    .await;
    let alice = lax.person_with_data("alice").await;
    check(&lax, alice, "seven-7", 422).await;
    check(&lax, alice, "eight-88", 200).await;
}

#[tokio::test]
async fn an_address_must_be_one_plain_address() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;

    for address in
        ["", "string", "a@b@c", "Alice <a@example.com>", "a@x.com,b@x.com", "a@x.com\r\nbcc: b@x.com"]
    {
        let reply = order(&world, alice, &takeout_order(address)).await;
        assert_eq!(error(&reply, 422)["source"]["pointer"], "/data/attributes/sentto", "{address}");
    }
}

#[tokio::test]
async fn p08_a_parameter_of_the_wrong_form_is_named() {
    async fn check(world: &World, method: Method, path: &str, parameter: &str) {
        let body = takeout_order(ALICE).to_string();
        let call = world.as_admin(method, path).header("content-type", MEDIA_TYPE).body(body);
        let told = error(&send(call).await, 400);
        assert_eq!(told["source"], json!({"parameter": parameter}), "{path}");
        assert_eq!(told["title"], format!("invalid value for {parameter}"), "{path}");
        assert!(told["detail"].is_string());
    }
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;

    check(&world, Method::POST, "/user/2024-3/gdpr/not-a-uuid/takeouts", "userID").await;
    check(&world, Method::GET, "/user/2024-3/gdpr/not-a-uuid/takeouts", "userID").await;
    check(&world, Method::GET, &format!("/user/2024-3/gdpr/not-a-uuid/takeouts/{CHOSEN}"), "userID").await;
    check(&world, Method::GET, &format!("/user/2024-3/gdpr/{alice}/takeouts/7"), "takeoutID").await;
    check(&world, Method::GET, "/user/2024-3/gdpr/takeouts/7", "takeoutID").await;
    check(&world, Method::POST, &format!("/user/latest/gdpr/{alice}/takeouts"), "version").await;
    for query in ["page[size]=0", "page[size]=101", "page%5Bsize%5D=x", "page[size]=1&page[size]=2"] {
        check(&world, Method::GET, &format!("/user/2024-3/gdpr/{alice}/takeouts?{query}"), "page[size]")
            .await;
    }
    let negative = format!("/user/2024-4/gdpr/{alice}/takeouts?page[number]=-1");
    check(&world, Method::GET, &negative, "page[number]").await;
}

#[tokio::test]
async fn an_unknown_person_is_not_found() {
    let world = World::new().await;
    let nobody = Uuid::from_u128(7);
    let own = token(&world, |request| request.sub = nobody.to_string());

    for call in calls(&world, nobody, CHOSEN) {
        error(&send(call.bearer_auth(&own)).await, 404);
    }
}

#[tokio::test]
async fn an_open_tenant_gets_to_know_a_person_by_the_first_order() {
    let world = World::with(|tenant| tenant.subjects = Subjects::Open).await;
    let somebody = Uuid::from_u128(7);

    order(&world, somebody, &takeout_order(ALICE)).await.expect(200);
    world.drain().await;

    assert_eq!(statuses(&world, somebody).await, ["ready"]);
    // Nobody has said whose address that is.
    assert!(world.mails_to(ALICE).is_empty());
}

#[tokio::test]
async fn a_tenant_sees_nothing_of_another() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let takeout = world.order_takeout(alice, ALICE).await;
    world.drain().await;
    let foreign = token(&world, |request| {
        request.sub = alice.to_string();
        request.org = Some("af5fbd30-7ce7-4548-8b30-4cd59cb2aba1".parse().unwrap());
    });

    for call in calls(&world, alice, &takeout) {
        error(&send(call.bearer_auth(&foreign)).await, 404);
    }
}

#[tokio::test]
async fn p09_there_is_no_archive_unless_it_is_ready() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let bob = world.person_with_data("bob").await;
    let held = world.order_takeout(alice, ELSEWHERE).await;
    let ready = world.order_takeout(alice, ALICE).await;
    world.drain().await;

    error(&download(&world, alice, &held).await, 404);
    error(&download(&world, alice, CHOSEN).await, 404);
    error(&download(&world, bob, &ready).await, 404);
    download(&world, alice, &ready).await.expect(200);
}

#[tokio::test]
async fn p09_an_archive_is_gone_after_thirteen_days() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let takeout = world.order_takeout(alice, ALICE).await;
    world.drain().await;
    let s3 = world.stack.app.clients().s3();
    let objects = || async {
        s3.list_objects_v2().bucket("lethe-takeouts").send().await.unwrap().key_count().unwrap_or_default()
    };

    world.advance(TimeDelta::days(13) - TimeDelta::seconds(1)).await;
    download(&world, alice, &takeout).await.expect(200);
    assert_eq!((statuses(&world, alice).await, objects().await), (vec!["ready".to_owned()], 1));

    world.advance(TimeDelta::seconds(1)).await;
    error(&download(&world, alice, &takeout).await, 404);
    world.advance(TimeDelta::hours(1)).await;
    assert_eq!((statuses(&world, alice).await, objects().await), (vec!["expired".to_owned()], 0));
}

#[tokio::test]
async fn a_tenant_may_shorten_the_life_of_takeouts() {
    let world = World::with(|tenant| {
        let settings = json!({"org": tenant.org, "takeout_days": 2});
        *tenant = serde_json::from_value::<Tenant>(settings).unwrap();
    })
    .await;
    let alice = world.person_with_data("alice").await;

    let takeout = order(&world, alice, &takeout_order(ALICE)).await.expect(200).json();

    assert_eq!(takeout["data"]["attributes"]["expirationDate"], "2026-03-04T10:00:00Z");
}

/// Runs a program; whether it succeeded.
async fn run(program: &str, args: &[&str]) -> bool {
    let output = Command::new(program).args(args).stdin(Stdio::null()).output().await.unwrap();
    output.status.success()
}

/// An entry as the archive's directory shows it to anybody.
struct Entry {
    name: String,
    flags: u16,
    method: u16,
    crc: u32,
    extra: Vec<u8>,
}

/// The directory of an archive.
fn entries(zip: &[u8]) -> Vec<Entry> {
    let u16_at = |at: usize| u16::from_le_bytes(zip[at..at + 2].try_into().unwrap());
    let u32_at = |at: usize| u32::from_le_bytes(zip[at..at + 4].try_into().unwrap());
    let end = zip.windows(4).rposition(|bytes| bytes == b"PK\x05\x06").unwrap();
    let mut at = u32_at(end + 16) as usize;
    let mut found = Vec::new();
    for _ in 0..u16_at(end + 10) {
        assert_eq!(&zip[at..at + 4], b"PK\x01\x02");
        let [name, extra, comment] = [28, 30, 32].map(|place| usize::from(u16_at(at + place)));
        let names = at + 46;
        found.push(Entry {
            name: String::from_utf8(zip[names..names + name].to_vec()).unwrap(),
            flags: u16_at(at + 8),
            method: u16_at(at + 10),
            crc: u32_at(at + 16),
            extra: zip[names + name..names + name + extra].to_vec(),
        });
        at = names + name + extra + comment;
    }
    found
}

/// Every collection of an unpacked archive with the rows of its files.
fn collections(folder: &Path) -> Vec<(String, Vec<Value>)> {
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let manifest: Value = serde_json::from_str(&read("manifest.json")).unwrap();
    let collections = manifest["collections"].as_array().unwrap().iter().map(|collection| {
        let files = collection["files"].as_array().unwrap();
        let text: String = files.iter().map(|file| read(file["name"].as_str().unwrap())).collect();
        let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(collection["records"], rows.len());
        (collection["collection"].as_str().unwrap().to_owned(), rows)
    });
    collections.collect()
}

#[tokio::test]
async fn p10_an_archive_opens_with_its_password_and_no_other() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    world.person_with_data("bob").await;
    let takeout = world.order_takeout(alice, ALICE).await;
    world.drain().await;

    let reply = download(&world, alice, &takeout).await.expect(200);

    assert_eq!(reply.header("content-type"), "application/zip");
    assert_eq!(reply.header("content-disposition"), "attachment; filename=\"takeout.zip\"");
    assert_eq!(reply.header("cache-control"), "no-store");
    let zip = world.folder.path().join("takeout.zip");
    std::fs::write(&zip, &reply.bytes).unwrap();
    let zip = zip.to_str().unwrap();
    for (program, name) in [("7z", "seven"), ("bsdtar", "libarchive")] {
        let folder = world.folder.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        let into = folder.to_str().unwrap();
        let open = async |password: &str| match program {
            "7z" => run("7z", &["x", "-y", &format!("-p{password}"), &format!("-o{into}"), zip]).await,
            _ => run("bsdtar", &["-x", "-f", zip, "-C", into, "--passphrase", password]).await,
        };
        assert!(!open("wrong horse battery").await, "{program}");
        assert!(open(PASSWORD).await, "{program}");
        let found = collections(&folder);
        let rows = |name: &str| &found.iter().find(|(collection, _)| collection == name).unwrap().1;
        assert_eq!((rows("shop:customers").len(), rows("shop:orders").len()), (1, 2), "{program}");
        assert_eq!(rows("shop:customers")[0]["email"], ALICE);
        assert!(folder.join("index.html").exists());
    }
}

#[tokio::test]
async fn p10_every_entry_is_encrypted_and_names_nobody() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let takeout = world.order_takeout(alice, ALICE).await;
    world.drain().await;

    let zip = download(&world, alice, &takeout).await.expect(200).bytes;

    let entries = entries(&zip);
    // Our own record, customers, orders, a schema of each, the manifest, the index.
    assert_eq!(entries.len(), 8);
    for Entry { name, flags, method, crc, extra } in entries {
        assert_eq!((flags & 1, method, crc), (1, 99, 0), "{name}");
        // WinZip's field: AE-2, of the vendor "AE", with keys of 256 bits.
        let field = [0x01, 0x99, 7, 0, 2, 0, b'A', b'E', 3];
        assert!(extra.windows(field.len()).any(|bytes| bytes == field), "{name}");
        assert!(
            name.chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '/' | '-' | '.')),
            "{name}"
        );
        assert!(!name.contains("alice") && !name.contains(&alice.to_string()), "{name}");
    }
    assert!(!contains(&zip, ALICE.as_bytes()) && !contains(&zip, PASSWORD.as_bytes()));
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|bytes| bytes == part)
}

/// How a text may look inside a longer one: plain, in hexadecimal, in Base64 at each of the three
/// places where it can begin, without the letters that its neighbours share.
fn spellings(text: &str) -> Vec<String> {
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    let base64 = |engine: &base64::engine::GeneralPurpose| {
        [0, 2, 3]
            .iter()
            .enumerate()
            .map(|(before, &first)| {
                let encoded = engine.encode(format!("{}{text}", "-".repeat(before)));
                encoded[first..(before + text.len()) * 8 / 6].to_owned()
            })
            .collect::<Vec<_>>()
    };
    [vec![text.to_owned(), hex.to_uppercase(), hex], base64(&STANDARD), base64(&URL_SAFE)].concat()
}

#[test]
fn a_spelling_is_found_inside_a_longer_text() {
    for before in 0..6 {
        let text = STANDARD.encode(format!("{}{PASSWORD}#", "x".repeat(before)));
        assert!(spellings(PASSWORD).iter().any(|spelling| text.contains(spelling)), "{before}");
    }
}

#[tokio::test]
async fn p10_password_and_addresses_are_readable_nowhere() {
    async fn check(world: &World, takeout: &str) {
        let stored = [world.items("lethe").await, world.items("lethe-keys").await].concat().join("\n");
        let log = world.log.lock().unwrap().join("\n");
        // The scan does see what is there.
        assert!(stored.contains(takeout));
        for secret in [PASSWORD, ALICE, ELSEWHERE] {
            for spelling in spellings(secret) {
                assert!(!stored.contains(&spelling), "the table holds {spelling}");
                assert!(!log.contains(&spelling), "the log holds {spelling}");
            }
        }
    }
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;

    // A held takeout keeps password and both addresses, a finished one some of them.
    let held = world.order_takeout(alice, ELSEWHERE).await;
    check(&world, &held).await;
    let ready = world.order_takeout(alice, ALICE).await;
    world.drain().await;
    check(&world, &ready).await;
    // An answer that is kept for repeats, and one that refuses.
    let path = format!("/gdpr/{alice}/takeouts");
    let keyed = world.as_pace(Method::POST, &path).header("idempotency-key", "one");
    send(keyed.body(takeout_order(ALICE).to_string())).await.expect(200);
    order(&world, alice, &json!({"data": {"type": PASSWORD, "attributes": {"sentTo": ALICE}}}))
        .await
        .expect(422);
    world.advance(TimeDelta::days(14)).await;
    check(&world, &ready).await;
}

#[tokio::test]
async fn p11_the_same_id_is_the_same_takeout() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let body = order_as(CHOSEN, ALICE);

    // At once, and again when it is long ready.
    let (first, second) = tokio::join!(order(&world, alice, &body), order(&world, alice, &body));
    world.drain().await;
    world.advance(TimeDelta::hours(1)).await;
    let third = order(&world, alice, &body).await.expect(200).json();
    world.drain().await;

    assert_eq!(first.expect(200).json()["data"]["id"], CHOSEN);
    assert_eq!(second.expect(200).json()["data"]["id"], CHOSEN);
    assert_eq!(third["data"]["attributes"]["status"], "ready");
    assert_eq!(third["data"]["attributes"]["creationDate"], "2026-03-02T10:00:00Z");
    assert_eq!(statuses(&world, alice).await, ["ready"]);
    assert_eq!(world.mails_to(ALICE).len(), 1);
}

#[tokio::test]
async fn an_id_of_another_user_is_taken() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let bob = world.person_with_data("bob").await;
    order(&world, alice, &order_as(CHOSEN, ALICE)).await.expect(200);

    let reply = order(&world, bob, &order_as(&CHOSEN.to_uppercase(), "bob@example.com")).await;

    error(&reply, 409);
    assert!(statuses(&world, bob).await.is_empty());
}

#[tokio::test]
async fn an_id_of_a_request_of_another_kind_is_taken() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let purge =
        send(world.as_admin(Method::POST, &format!("/users/v1/person/{alice}/purge")).json(&json!({})));
    purge.await.expect(202);
    let requests = send(world.as_admin(Method::GET, "/lethe/v1/requests")).await.expect(200).json();
    let text = requests.to_string();
    let id = text.split("\"id\":\"").nth(1).unwrap().split('"').next().unwrap();

    let reply = order(&world, alice, &order_as(id, ALICE)).await;

    error(&reply, 409);
    assert!(statuses(&world, alice).await.is_empty());
}

#[tokio::test]
async fn a_repeat_under_an_idempotency_key_is_answered_alike() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let path = format!("/gdpr/{alice}/takeouts");
    let keyed = |body: Value| {
        let call = world.as_pace(Method::POST, &path).header("idempotency-key", "a key");
        send(call.body(body.to_string()))
    };

    let first = keyed(takeout_order(ALICE)).await.expect(200);
    let again = keyed(takeout_order(ALICE)).await.expect(200);
    let other = keyed(takeout_order(ELSEWHERE)).await;

    assert_eq!(first.json(), again.json());
    assert_eq!((first.header("idempotency-replayed"), again.header("idempotency-replayed")), ("", "true"));
    assert_eq!(again.header("content-type"), MEDIA_TYPE);
    error(&other, 409);
    world.drain().await;
    assert_eq!(statuses(&world, alice).await, ["ready"]);
}

#[tokio::test]
async fn takeouts_are_listed_newest_first_and_paged_if_asked() {
    async fn check(world: &World, person: Uuid, query: &str, expected: &[&String]) {
        let listed = list(world, person, query).await.expect(200);
        assert_eq!(listed.header("content-type"), MEDIA_TYPE);
        let listed = listed.json();
        let ids: Vec<_> = listed["data"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
        assert_eq!(ids, expected, "{query}");
    }
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    check(&world, alice, "", &[]).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        // Held ones, for nothing is to be built here.
        ids.insert(0, world.order_takeout(alice, ELSEWHERE).await);
        world.advance(TimeDelta::seconds(1)).await;
    }
    let [third, second, first] = &ids[..] else { panic!() };

    check(&world, alice, "", &[third, second, first]).await;
    check(&world, alice, "?page[size]=2", &[third, second]).await;
    check(&world, alice, "?page[number]=1&page[size]=2", &[first]).await;
    check(&world, alice, "?page%5Bnumber%5D=2&page%5Bsize%5D=1", &[first]).await;
    check(&world, alice, "?page[number]=0", &[third, second, first]).await;
    check(&world, alice, "?page[number]=9", &[]).await;
}

#[tokio::test]
async fn persons_order_list_and_download_their_own() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let bob = world.person_with_data("bob").await;
    let bobs = world.order_takeout(bob, "bob@example.com").await;
    let own = token(&world, |request| request.sub = alice.to_string());
    let call = |method, path: &str| {
        world.call(method, &format!("/user/2024-4/gdpr/takeouts{path}")).bearer_auth(&own)
    };

    let body = takeout_order(ALICE).to_string();
    let ordered =
        send(call(Method::POST, "").header("content-type", MEDIA_TYPE).body(body)).await.expect(200);
    world.drain().await;

    let id = ordered.json()["data"]["id"].as_str().unwrap().to_owned();
    let listed = send(call(Method::GET, "")).await.expect(200).json();
    let listed = listed["data"].as_array().unwrap();
    assert_eq!((listed.len(), &listed[0]["id"]), (1, &id.clone().into()));
    let archive = send(call(Method::GET, &format!("/{id}"))).await.expect(200);
    assert_eq!(archive.header("content-type"), "application/zip");
    error(&send(call(Method::GET, &format!("/{bobs}"))).await, 404);
}

#[tokio::test]
async fn a_token_that_names_no_person_has_no_takeouts_of_its_own() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let [_, post, _, list, _, download] = calls(&world, alice, CHOSEN);

    for call in [post, list, download] {
        error(&send(call.bearer_auth(token(&world, |_| {}))).await, 401);
    }
}

#[tokio::test]
async fn a_takeout_for_the_verified_address_is_delivered_at_once() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;

    let id = world.order_takeout(alice, "Alice@Example.com").await;
    world.drain().await;

    let mails = world.mails_to("Alice@Example.com");
    assert_eq!(mails.len(), 1);
    // The link leads to us, never into the bucket.
    let link = format!("{}/lethe/v1/takeouts/download?token=", world.stack.gateway);
    assert!(mails[0].1.contains(&link) && !mails[0].1.contains(&id), "{}", mails[0].1);
}

#[tokio::test]
async fn without_a_verified_address_a_takeout_goes_to_the_registered_one_or_nowhere() {
    let world = World::new().await;
    let carol = Uuid::from_u128(3);
    let body = json!({"identities": {"email": "carol@example.com"}});
    let path = format!("/lethe/v1/persons/{carol}");
    send(world.as_admin(Method::PUT, &path).json(&body)).await.expect(201);

    world.order_takeout(carol, ELSEWHERE).await;
    world.drain().await;
    assert_eq!(statuses(&world, carol).await, ["ready"]);
    assert_eq!((world.mails_to(ELSEWHERE).len(), world.mails_to("carol@example.com").len()), (0, 0));

    world.order_takeout(carol, "carol@example.com").await;
    world.drain().await;
    assert_eq!((world.mails_to(ELSEWHERE).len(), world.mails_to("carol@example.com").len()), (0, 1));
}

/// The confirmation link in the one mail to Alice.
fn confirmation_link(world: &World) -> String {
    let mails = world.mails_to(ALICE);
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert!(!mails[0].1.contains(ELSEWHERE));
    let link = mails[0].1.split_whitespace().find(|word| word.contains("/lethe/v1/takeouts/confirm?token="));
    link.unwrap().to_owned()
}

#[tokio::test]
async fn a_takeout_for_a_foreign_address_waits_for_the_person() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let id = world.order_takeout(alice, ELSEWHERE).await;
    world.drain().await;
    world.advance(TimeDelta::days(2)).await;

    assert_eq!(statuses(&world, alice).await, ["inProgress"]);
    assert!(world.mails_to(ELSEWHERE).is_empty());
    error(&download(&world, alice, &id).await, 404);

    let link = confirmation_link(&world);
    // Mail scanners open links: that changes nothing.
    for _ in 0..2 {
        let page = send(world.http.get(&link)).await.expect(200);
        assert!(page.header("content-type").starts_with("text/html"));
        world.drain().await;
        assert_eq!(statuses(&world, alice).await, ["inProgress"]);
    }

    let page = send(world.http.post(&link)).await.expect(200);
    world.drain().await;
    let text = String::from_utf8(page.bytes.clone()).unwrap();
    assert!(text.contains("Delivery confirmed") && !text.contains(ELSEWHERE));
    assert_eq!((page.header("cache-control"), page.header("referrer-policy")), ("no-store", "no-referrer"));
    assert_eq!(statuses(&world, alice).await, ["ready"]);
    assert_eq!(world.mails_to(ELSEWHERE).len(), 1);
    let told = world.mails_to(ALICE);
    assert_eq!((told.len(), told[1].0.as_str()), (2, "Your data was sent to another address"));
    assert!(!told[1].1.contains(ELSEWHERE) && !told[1].1.contains("token="));
    download(&world, alice, &id).await.expect(200);
}

#[tokio::test]
async fn the_page_before_the_confirmation_posts_to_itself() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    world.order_takeout(alice, ELSEWHERE).await;
    world.drain().await;
    let link = confirmation_link(&world);

    let page = String::from_utf8(send(world.http.get(&link)).await.expect(200).bytes).unwrap();

    let action = page.split("action=\"").nth(1).unwrap().split('"').next().unwrap();
    let target = link.parse::<reqwest::Url>().unwrap().join(action).unwrap();
    assert_eq!(target.as_str(), link);
    send(world.http.post(target)).await.expect(200);
    let hostile = format!("{}/lethe/v1/takeouts/confirm?token=%22%3E%3Cscript%3E", world.stack.gateway);
    let page = String::from_utf8(send(world.http.get(hostile)).await.expect(200).bytes).unwrap();
    assert!(!page.contains("<script"));
}

#[tokio::test]
async fn a_link_that_does_not_work_does_not_say_why() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    world.order_takeout(alice, ELSEWHERE).await;
    world.drain().await;
    let link = confirmation_link(&world);

    // Somebody clicks twice: one click counts.
    let (one, two) = tokio::join!(send(world.http.post(&link)), send(world.http.post(&link)));
    world.drain().await;
    let mut clicks = [one.status, two.status];
    clicks.sort_unstable();
    assert_eq!(clicks, [200, 410]);

    let used = send(world.http.post(&link)).await.expect(410);
    assert!(String::from_utf8_lossy(&used.bytes).contains("This link does not work"));
    assert!(used.header("content-type").starts_with("text/html"));
    let (confirm, token) = link.split_once("token=").unwrap();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(token).unwrap();
    // Each part of the token in turn is another's: tenant, person, request, secret.
    let forged = [0, 16, 32, 48].map(|place| {
        let mut bytes = bytes.clone();
        bytes[place] ^= 1;
        format!("{confirm}token={}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes))
    });
    let damaged = ["", "x", "%20", &token[1..]].map(|token| format!("{confirm}token={token}"));
    for bad in forged.iter().chain(&damaged) {
        assert_eq!(send(world.http.post(bad)).await.expect(410).bytes, used.bytes, "{bad}");
    }
    world.drain().await;
    assert_eq!(statuses(&world, alice).await, ["ready"]);
    assert_eq!(world.mails_to(ELSEWHERE).len(), 1);
}

#[tokio::test]
async fn a_takeout_that_nobody_confirms_fails() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let id = world.order_takeout(alice, ELSEWHERE).await;
    world.drain().await;
    let link = confirmation_link(&world);

    world.advance(TimeDelta::days(13)).await;
    let late = send(world.http.post(&link)).await.expect(410);
    world.advance(TimeDelta::hours(1)).await;

    assert!(String::from_utf8_lossy(&late.bytes).contains("This link does not work"));
    assert_eq!(statuses(&world, alice).await, ["failed"]);
    error(&download(&world, alice, &id).await, 404);
    assert!(world.mails_to(ELSEWHERE).is_empty());
}

#[tokio::test]
async fn a_takeout_that_cannot_be_built_fails_and_says_so() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    sqlx::query("DROP TABLE orders").execute(&mut world.shop().await).await.unwrap();

    let id = world.order_takeout(alice, ALICE).await;
    world.drain().await;
    assert_eq!(statuses(&world, alice).await, ["inProgress"]);
    assert!(world.mails_to(ALICE).is_empty());
    for _ in 0..10 {
        world.advance(TimeDelta::hours(5)).await;
    }

    assert_eq!(statuses(&world, alice).await, ["failed"]);
    error(&download(&world, alice, &id).await, 404);
    assert_eq!(world.mails_to(ALICE).len(), 1);
    let objects = world.stack.app.clients().s3().list_objects_v2().bucket("lethe-takeouts").send().await;
    assert_eq!(objects.unwrap().key_count(), Some(0));
}

/// Adds rows of Alice's that take about this many bytes when they are compressed.
async fn add_bulk(world: &World, bytes: i64) {
    // Hexadecimal digits of chance: of each, half a byte is left.
    let insert = "INSERT INTO customers (email, name) VALUES (?, hex(randomblob(?)))";
    for _ in 0..6 {
        let insert = sqlx::query(insert).bind(ALICE).bind(bytes / 6);
        insert.execute(&mut world.shop().await).await.unwrap();
    }
}

#[tokio::test]
async fn an_archive_below_the_limit_fits_into_an_answer() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    add_bulk(&world, 3_600_000).await;
    let id = world.order_takeout(alice, ALICE).await;
    world.drain().await;

    let archive = download(&world, alice, &id).await.expect(200).bytes;

    assert!((3_600_000..4 * 1024 * 1024).contains(&archive.len()), "{}", archive.len());
    assert_eq!(entries(&archive).len(), 9);
}

#[tokio::test]
async fn a_large_archive_is_answered_with_a_link_to_it() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    add_bulk(&world, 6_000_000).await;
    let id = world.order_takeout(alice, ALICE).await;
    world.drain().await;

    let reply = download(&world, alice, &id).await.expect(307);

    assert_eq!((reply.header("content-type"), reply.bytes.len()), ("application/zip", 0));
    let link = reply.header("location").to_owned();
    let archive = send(world.http.get(&link)).await.expect(200);
    assert_eq!(archive.header("content-type"), "application/zip");
    assert_eq!(archive.header("content-disposition"), "attachment; filename=\"takeout.zip\"");
    assert!(archive.bytes.len() > 4 * 1024 * 1024);
    let zip = world.folder.path().join("takeout.zip");
    std::fs::write(&zip, &archive.bytes).unwrap();
    assert!(run("7z", &["t", &format!("-p{PASSWORD}"), zip.to_str().unwrap()]).await);
    // The link opens this object alone, and only as it was signed.
    let unsigned = link.split('?').next().unwrap();
    assert_eq!(send(world.http.get(unsigned)).await.status, 403);
    assert_eq!(send(world.http.get(link.replace("takeout.zip", "other.zip"))).await.status, 403);
    assert!(!link.contains(&alice.to_string()) && !link.contains("alice"));
}

#[tokio::test]
async fn a_request_id_is_kept_if_it_is_an_xid() {
    async fn check(world: &World, given: Option<&str>, kept: bool) {
        let mut call = world.call(Method::GET, "/user/2024-3/gdpr/takeouts");
        if let Some(given) = given {
            call = call.header("request-id", given);
        }
        let reply = send(call).await;
        error(&reply, 401);
        assert_eq!(given == Some(reply.header("request-id")), kept, "{given:?}");
    }
    let world = World::new().await;

    check(&world, Some("cbgmhslmp1o9or9kh1p0"), true).await;
    check(&world, Some("CBGMHSLMP1O9OR9KH1P0"), false).await;
    check(&world, Some("cbgmhslmp1o9or9kh1p"), false).await;
    check(&world, Some("cbgmhslmp1o9or9kh1pz"), false).await;
    check(&world, Some("zzzzzzzzzzzzzzzzzzzz"), false).await;
    check(&world, Some("903c1ff9-f2cc-435c-b242-9d8a690fcf0a"), false).await;
    check(&world, None, false).await;
    let alice = world.person_with_data("alice").await;
    let path = format!("/gdpr/{alice}/takeouts");
    let call = world.as_pace(Method::GET, &path).header("request-id", "cbgmhslmp1o9or9kh1p0");
    assert_eq!(send(call).await.expect(200).header("request-id"), "cbgmhslmp1o9or9kh1p0");
    let first = list(&world, alice, "").await;
    assert_ne!(first.header("request-id"), list(&world, alice, "").await.header("request-id"));
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let mut body = takeout_order(ALICE);
    body["padding"] = "x".repeat(64 * 1024).into();

    error(&order(&world, alice, &body).await, 413);
}
