//! Consents at SlashID's door: what is in force, since when, and the history that proves it.

use chrono::TimeDelta;
use domain::{
    OrgId, PersonId,
    consent::{ConsentLevel, Version},
    tenant::Subjects,
};
use futures_util::future::join_all;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use store::consents::is_unbroken;

use crate::world::{Reply, World, send};

/// An opaque id, as SlashID allows.
const ALICE: &str = "user-42";

/// A world in which Alice is registered.
async fn world_with_alice() -> World {
    let world = World::new().await;
    world.register(ALICE, "alice@example.com").await;
    world
}

fn path(person: &str) -> String {
    format!("/persons/{person}/consent/gdpr")
}

/// Overwrites Alice's consents.
async fn put(world: &World, levels: &[&str]) -> Reply {
    send(world.as_slashid(Method::PUT, &path(ALICE)).json(&json!({"consent_levels": levels}))).await
}

async fn delete(world: &World, query: &str) -> Reply {
    send(world.as_slashid(Method::DELETE, &format!("{}{query}", path(ALICE)))).await
}

/// Alice's consents in force.
async fn consents(world: &World) -> Value {
    let reply = send(world.as_slashid(Method::GET, &path(ALICE))).await.expect(200);
    assert_eq!(reply.header("content-type"), "application/json");
    reply.json()
}

/// An answer with consents, given as level and time.
fn result(consents: &[(&str, &str)]) -> Value {
    let entry = |(level, at): &(&str, &str)| json!({"consent_level": level, "created_at": at});
    json!({"result": {"consents": consents.iter().map(entry).collect::<Vec<_>>()}})
}

/// Alice's whole history, which must be unbroken.
async fn history(world: &World) -> Vec<Version> {
    let ledger = world.stack.app.store().of(world.org());
    let person: PersonId = ALICE.parse().unwrap();
    let history = ledger.consent_history(ledger.key_of(&person).await.unwrap()).await.unwrap();
    assert!(is_unbroken(&history).unwrap());
    history
}

fn levels(version: &Version) -> Vec<ConsentLevel> {
    version.consents.iter().map(|consent| consent.level).collect()
}

/// The message of an error, after making sure of the envelope.
#[track_caller]
fn error(reply: &Reply, status: u16) -> String {
    assert_eq!(reply.status, status, "{}", String::from_utf8_lossy(&reply.bytes));
    assert_eq!(reply.header("content-type"), "application/json");
    let body = reply.json();
    let message = body["errors"][0]["message"].as_str().unwrap().to_owned();
    assert_eq!(body, json!({"errors": [{"httpcode": status, "message": message}]}));
    assert!(!message.is_empty());
    message
}

/// All four calls about a person.
fn calls(world: &World, person: &str) -> [RequestBuilder; 4] {
    let body = json!({"consent_levels": ["necessary"]});
    [
        world.call(Method::GET, &path(person)),
        world.call(Method::POST, &path(person)).json(&body),
        world.call(Method::PUT, &path(person)).json(&body),
        world.call(Method::DELETE, &format!("{}?deleteAll=true", path(person))),
    ]
}

/// All four calls about oneself.
fn own_calls(world: &World) -> [RequestBuilder; 4] {
    let body = json!({"consent_levels": ["necessary"]});
    [
        world.call(Method::GET, "/consent/gdpr"),
        world.call(Method::POST, "/consent/gdpr").json(&body),
        world.call(Method::PUT, "/consent/gdpr").json(&body),
        world.call(Method::DELETE, "/consent/gdpr?deleteAll=true"),
    ]
}

#[tokio::test]
async fn s01_stored_consents_begin_at_the_same_time() {
    let world = world_with_alice().await;
    world.advance(TimeDelta::microseconds(33_157)).await;

    let body = json!({"consent_levels": ["necessary", "analytics"]});
    let reply = send(world.as_slashid(Method::POST, &path(ALICE)).json(&body)).await.expect(201);

    assert_eq!(reply.header("content-type"), "application/json");
    let at = "2026-03-02T10:00:00.033157Z";
    assert_eq!(reply.json(), result(&[("necessary", at), ("analytics", at)]));
    assert_eq!(consents(&world).await, reply.json());
}

#[tokio::test]
async fn s02_a_level_that_stays_keeps_its_time() {
    let world = world_with_alice().await;
    let (first, second, third) =
        ("2026-03-02T10:00:00.000000Z", "2026-03-02T10:00:01.000000Z", "2026-03-02T10:00:02.000000Z");
    put(&world, &["necessary", "analytics"]).await.expect(200);

    world.advance(TimeDelta::seconds(1)).await;
    let changed = put(&world, &["analytics", "marketing"]).await.expect(200);
    assert_eq!(changed.json(), result(&[("analytics", first), ("marketing", second)]));

    // What was dropped and comes back has begun anew.
    world.advance(TimeDelta::seconds(1)).await;
    let changed = put(&world, &["necessary", "analytics"]).await.expect(200);
    assert_eq!(changed.json(), result(&[("necessary", third), ("analytics", first)]));
    assert_eq!(consents(&world).await, changed.json());
}

#[tokio::test]
async fn overwriting_with_the_same_changes_nothing() {
    let world = world_with_alice().await;
    let before = put(&world, &["tracking", "necessary", "tracking"]).await.expect(200).json();

    world.advance(TimeDelta::days(1)).await;
    let after = put(&world, &["necessary", "tracking"]).await.expect(200).json();

    assert_eq!(before, after);
    let at = "2026-03-02T10:00:00.000000Z";
    assert_eq!(after, result(&[("necessary", at), ("tracking", at)]));
}

#[tokio::test]
async fn post_and_put_do_the_same() {
    let world = world_with_alice().await;
    put(&world, &["necessary", "analytics"]).await.expect(200);

    let body = json!({"consent_levels": ["retargeting"]});
    send(world.as_slashid(Method::POST, &path(ALICE)).json(&body)).await.expect(201);

    assert_eq!(consents(&world).await, result(&[("retargeting", "2026-03-02T10:00:00.000000Z")]));
}

#[tokio::test]
async fn s03_what_is_no_set_of_levels_is_refused() {
    async fn check(world: &World, body: &str, message: &str) {
        let own = world.token(ALICE, &[]);
        for method in [Method::POST, Method::PUT] {
            let call = world.as_slashid(method.clone(), &path(ALICE)).body(body.to_owned());
            assert_eq!(error(&send(call).await, 400), message, "{body}");
            let call = world.call(method, "/consent/gdpr").bearer_auth(&own).body(body.to_owned());
            assert_eq!(error(&send(call).await, 400), message, "{body}");
        }
    }
    let world = world_with_alice().await;
    let known = "must be one of `none`, `necessary`, `analytics`, `marketing`, `retargeting`, `tracking`";
    let known = format!("consent_levels[0] {}", known.replace('`', ""));

    check(&world, r#"{"consent_levels":["foo"]}"#, &known).await;
    check(&world, r#"{"consent_levels":["Necessary"]}"#, &known).await;
    check(&world, r#"{"consent_levels":[]}"#, "consent_levels must not be empty").await;
    check(&world, "{}", "consent_levels is required").await;
    check(&world, r#"{"consent_levels":null}"#, "consent_levels must be a list").await;
    check(&world, r#"{"consent_levels":"necessary"}"#, "consent_levels must be a list").await;
    check(&world, r#"{"consent_levels":[1]}"#, "consent_levels[0] is not valid").await;
    let both = "consent_levels must hold none alone";
    check(&world, r#"{"consent_levels":["none","necessary"]}"#, both).await;
    check(&world, "nope", "body is not valid JSON").await;
    check(&world, "", "body is required").await;
    check(&world, r#"["necessary"]"#, "body must be an object").await;
    assert!(history(&world).await.is_empty());
}

#[tokio::test]
async fn a_body_of_another_media_type_is_refused() {
    let world = world_with_alice().await;

    let call = world.as_slashid(Method::PUT, &path(ALICE)).header("content-type", "text/plain");

    error(&send(call.body(r#"{"consent_levels":["necessary"]}"#)).await, 400);
}

#[tokio::test]
async fn none_stands_alone_and_may_be_taken_back() {
    let world = world_with_alice().await;
    let at = "2026-03-02T10:00:00.000000Z";

    assert_eq!(put(&world, &["none", "none"]).await.expect(200).json(), result(&[("none", at)]));
    assert_eq!(put(&world, &["marketing"]).await.expect(200).json(), result(&[("marketing", at)]));
}

#[tokio::test]
async fn a_relaxed_tenant_drops_none_beside_others() {
    let world = World::with(|tenant| tenant.relaxed_none = true).await;
    world.register(ALICE, "alice@example.com").await;
    let at = "2026-03-02T10:00:00.000000Z";

    let mixed = put(&world, &["none", "necessary"]).await.expect(200).json();
    let alone = put(&world, &["none"]).await.expect(200).json();

    assert_eq!((mixed, alone), (result(&[("necessary", at)]), result(&[("none", at)])));
    error(&put(&world, &[]).await, 400);
}

#[tokio::test]
async fn s04_an_unknown_person_is_not_found() {
    let world = World::new().await;

    for call in calls(&world, "nobody") {
        let call = call
            .header("SlashID-API-Key", world.stack.identity.slashid_api_key())
            .header("SlashID-OrgID", world.org().to_string());
        assert_eq!(error(&send(call).await, 404), "person not found");
    }
    for call in own_calls(&world) {
        let reply = send(call.bearer_auth(world.token("nobody", &[]))).await;
        assert_eq!(error(&reply, 404), "person not found");
    }
}

#[tokio::test]
async fn an_open_tenant_gets_to_know_a_person_by_the_first_consent() {
    let world = World::with(|tenant| tenant.subjects = Subjects::Open).await;
    let at = "2026-03-02T10:00:00.000000Z";

    assert_eq!(consents(&world).await, result(&[]));
    put(&world, &["necessary"]).await.expect(200);

    assert_eq!(consents(&world).await, result(&[("necessary", at)]));
}

#[tokio::test]
async fn s05_levels_are_withdrawn_by_repeated_names_or_a_list() {
    async fn check(world: &World, query: &str, left: &[(&str, &str)]) {
        put(world, &["analytics", "marketing", "tracking"]).await.expect(200);
        let reply = delete(world, query).await.expect(204);
        assert_eq!((reply.bytes.len(), reply.header("content-type")), (0, ""), "{query}");
        assert_eq!(consents(world).await, result(left), "{query}");
        delete(world, "?deleteAll=true").await.expect(204);
    }
    let world = world_with_alice().await;
    let at = "2026-03-02T10:00:00.000000Z";

    check(&world, "?consent_levels=analytics&consent_levels=marketing", &[("tracking", at)]).await;
    check(&world, "?consent_levels=analytics,marketing", &[("tracking", at)]).await;
    check(&world, "?consent_levels=analytics%2Cmarketing&consent_levels=tracking", &[]).await;
    check(&world, "?consent_levels=analytics,marketing,tracking,tracking", &[]).await;
    let rest = [("analytics", at), ("marketing", at), ("tracking", at)];
    check(&world, "?consent_levels=necessary", &rest).await;
    check(&world, "?consent_levels=analytics&deleteAll=false", &rest[1..]).await;
    check(&world, "?consent_levels=analytics&deleteAll=true", &[]).await;
}

#[tokio::test]
async fn withdrawing_what_was_never_given_is_no_error() {
    let world = world_with_alice().await;

    delete(&world, "?consent_levels=analytics").await.expect(204);
    delete(&world, "?deleteAll=true").await.expect(204);

    assert_eq!(consents(&world).await, result(&[]));
}

#[tokio::test]
async fn a_withdrawal_must_say_of_what() {
    let world = world_with_alice().await;
    put(&world, &["necessary"]).await.expect(200);

    for query in [
        "",
        "?",
        "?deleteAll=false",
        "?deleteAll=1",
        "?deleteall=true",
        "?consent_levels=",
        "?consent_levels=foo",
        "?consent_levels=necessary,foo",
        "?deleteAll=true&deleteAll=true",
    ] {
        error(&delete(&world, query).await, 400);
    }
    assert_eq!(history(&world).await.len(), 1);
}

#[tokio::test]
async fn s06_the_history_keeps_grants_and_withdrawals() {
    use ConsentLevel::{Analytics, Necessary};
    let world = world_with_alice().await;
    put(&world, &["necessary", "analytics"]).await.expect(200);
    world.advance(TimeDelta::days(1)).await;
    delete(&world, "?consent_levels=analytics").await.expect(204);
    world.advance(TimeDelta::days(1)).await;

    let reply = delete(&world, "?deleteAll=true").await.expect(204);

    assert!(reply.bytes.is_empty());
    assert_eq!(consents(&world).await, result(&[]));
    let history = history(&world).await;
    let states: Vec<_> = history.iter().map(levels).collect();
    assert_eq!(states, [vec![Necessary, Analytics], vec![Necessary], vec![]]);
    let days: Vec<_> = history.iter().map(|version| (version.at - history[0].at).num_days()).collect();
    assert_eq!(days, [0, 1, 2]);
    assert!(history.iter().all(|version| version.by == "client:slashid"));
}

#[tokio::test]
async fn a_history_that_was_tampered_with_is_broken() {
    let world = world_with_alice().await;
    for level in ["necessary", "analytics", "marketing"] {
        put(&world, &[level]).await.expect(200);
    }
    let history = history(&world).await;

    let mut changed = history.clone();
    changed[0].consents.clear();
    let mut shortened = history.clone();
    shortened.remove(1);

    assert_eq!(history.len(), 3);
    assert!(!is_unbroken(&changed).unwrap());
    assert!(!is_unbroken(&shortened).unwrap());
}

#[tokio::test]
async fn s07_a_person_without_a_consent_has_an_empty_list() {
    let world = world_with_alice().await;

    assert_eq!(consents(&world).await, json!({"result": {"consents": []}}));
}

#[tokio::test]
async fn s08_a_call_names_its_organisation() {
    let world = world_with_alice().await;

    for org in [None, Some(""), Some("not-a-uuid"), Some("42")] {
        for mut call in calls(&world, ALICE) {
            call = call.header("SlashID-API-Key", world.stack.identity.slashid_api_key());
            if let Some(org) = org {
                call = call.header("SlashID-OrgID", org);
            }
            assert!(error(&send(call).await, 400).starts_with("SlashID-OrgID"), "{org:?}");
        }
    }
}

/// The key of a further API client.
async fn api_key(world: &World, id: &str, org: OrgId, grants: &[&str]) -> String {
    let (id, secret) = world.api_client(id, org, grants).await;
    format!("{id}.{secret}")
}

#[tokio::test]
async fn s08_a_key_opens_its_own_organisation_only() {
    async fn check(world: &World, key: Option<&str>, org: OrgId) {
        for mut call in calls(world, ALICE) {
            call = call.header("SlashID-OrgID", org.to_string());
            if let Some(key) = key {
                call = call.header("SlashID-API-Key", key);
            }
            error(&send(call).await, 401);
        }
    }
    let world = world_with_alice().await;
    let own = world.stack.identity.slashid_api_key();
    let other_org: OrgId = "af5fbd30-7ce7-4548-8b30-4cd59cb2aba1".parse().unwrap();
    let grants = ["consent:gdpr:read", "consent:gdpr:write"];
    let other = api_key(&world, "other", other_org, &grants).await;

    check(&world, None, world.org()).await;
    check(&world, Some("slashid.wrong"), world.org()).await;
    check(&world, Some("nobody.secret"), world.org()).await;
    check(&world, Some("slashid"), world.org()).await;
    check(&world, Some(""), world.org()).await;
    check(&world, Some(&other), world.org()).await;
    check(&world, Some(&own), other_org).await;
    check(&world, Some(&own), OrgId(uuid::Uuid::from_u128(1))).await;
    assert!(history(&world).await.is_empty());

    // At home the key works, and Alice is nobody there.
    for call in calls(&world, ALICE) {
        let call = call.header("SlashID-API-Key", &other).header("SlashID-OrgID", other_org.to_string());
        error(&send(call).await, 404);
    }
}

#[tokio::test]
async fn a_member_reads_and_does_not_write() {
    let world = world_with_alice().await;
    let member = api_key(&world, "member", world.org(), &["consent:gdpr:read"]).await;
    let nothing = api_key(&world, "nothing", world.org(), &[]).await;

    for (place, call) in calls(&world, ALICE).into_iter().enumerate() {
        let call = call.header("SlashID-OrgID", world.org().to_string());
        let with = |key: &str| call.try_clone().unwrap().header("SlashID-API-Key", key);
        error(&send(with(&nothing)).await, 403);
        let reply = send(with(&member)).await;
        if place == 0 {
            reply.expect(200);
        } else {
            error(&reply, 403);
        }
    }
    assert!(history(&world).await.is_empty());
}

#[tokio::test]
async fn s05_to_s08_persons_change_their_own_consents() {
    let world = world_with_alice().await;
    let call = |method: Method, query: &str| {
        world
            .call(method, &format!("/consent/gdpr{query}"))
            .bearer_auth(world.token(ALICE, &[]))
            .header("SlashID-SdkVersion", "@slashid/slashid 3.29.0")
    };
    let want = |levels: &[&str]| json!({"consent_levels": levels});
    let at = "2026-03-02T10:00:00.000000Z";

    let empty = send(call(Method::GET, "")).await.expect(200).json();
    let stored =
        send(call(Method::POST, "").json(&want(&["necessary", "analytics"]))).await.expect(201).json();
    let replaced =
        send(call(Method::PUT, "").json(&want(&["analytics", "tracking"]))).await.expect(200).json();
    let gone = send(call(Method::DELETE, "?consent_levels=tracking")).await.expect(204);
    let left = send(call(Method::GET, "")).await.expect(200).json();

    assert_eq!(empty, result(&[]));
    assert_eq!(stored, result(&[("necessary", at), ("analytics", at)]));
    assert_eq!(replaced, result(&[("analytics", at), ("tracking", at)]));
    assert!(gone.bytes.is_empty());
    assert_eq!(left, result(&[("analytics", at)]));
    // One history, whoever asks; the person is not named in it.
    assert_eq!(consents(&world).await, left);
    let history = history(&world).await;
    assert_eq!(history.len(), 3);
    assert!(history.iter().all(|version| version.by == "bearer"));
}

#[tokio::test]
async fn ones_own_consents_need_a_good_bearer() {
    let world = world_with_alice().await;
    let expired = world.token_for(None, ALICE, &[], TimeDelta::days(-1));
    let key = world.stack.identity.slashid_api_key();

    for call in own_calls(&world) {
        let with = || call.try_clone().unwrap();
        error(&send(with()).await, 401);
        error(&send(with().bearer_auth(&expired)).await, 401);
        error(&send(with().bearer_auth("x")).await, 401);
        let keyed = with().header("SlashID-API-Key", &key).header("SlashID-OrgID", world.org().to_string());
        error(&send(keyed).await, 401);
    }
    assert!(history(&world).await.is_empty());
}

#[tokio::test]
async fn an_id_may_hold_any_visible_character() {
    let world = world_with_alice().await;
    let id = "auth0|jörg/1 %";
    let encoded = "auth0%7Cj%C3%B6rg%2F1%20%25";
    world.register(encoded, "joerg@example.com").await;

    let body = json!({"consent_levels": ["necessary"]});
    send(world.as_slashid(Method::POST, &path(encoded)).json(&body)).await.expect(201);

    let own =
        send(world.call(Method::GET, "/consent/gdpr").bearer_auth(world.token(id, &[]))).await.expect(200);
    assert_eq!(own.json(), result(&[("necessary", "2026-03-02T10:00:00.000000Z")]));
}

#[tokio::test]
async fn of_eight_writers_at_once_one_is_last() {
    let world = world_with_alice().await;
    let sets: [&[&str]; 8] = [
        &["none"],
        &["necessary"],
        &["necessary", "analytics"],
        &["necessary", "marketing"],
        &["necessary", "retargeting"],
        &["analytics", "tracking"],
        &["marketing", "tracking"],
        &["necessary", "analytics", "marketing", "retargeting", "tracking"],
    ];

    let replies = join_all(sets.iter().map(|levels| put(&world, levels))).await;

    for reply in replies {
        reply.expect(200);
    }
    let at = "2026-03-02T10:00:00.000000Z";
    let written = sets.map(|set| result(&set.iter().map(|level| (*level, at)).collect::<Vec<_>>()));
    assert!(written.contains(&consents(&world).await));
    assert_eq!(history(&world).await.len(), 8);
}

#[tokio::test]
async fn every_answer_tells_its_request_id() {
    let world = world_with_alice().await;
    let given = "cbgmhslmp1o9or9kh1p0";

    let good =
        send(world.as_slashid(Method::GET, &path(ALICE)).header("request-id", given)).await.expect(200);
    let bad = send(world.call(Method::GET, &path(ALICE))).await.expect(400);

    assert_eq!(good.header("request-id"), given);
    assert!(bad.header("request-id").parse::<xid::Id>().is_ok());
}

#[tokio::test]
async fn a_repeat_under_an_idempotency_key_is_answered_alike() {
    let world = world_with_alice().await;
    let keyed = |levels: &[&str]| {
        let call = world.as_slashid(Method::POST, &path(ALICE)).header("idempotency-key", "a key");
        send(call.json(&json!({"consent_levels": levels})))
    };

    let first = keyed(&["necessary"]).await.expect(201);
    put(&world, &["tracking"]).await.expect(200);
    let again = keyed(&["necessary"]).await.expect(201);
    let other = keyed(&["marketing"]).await;

    assert_eq!((first.json(), again.header("idempotency-replayed")), (again.json(), "true"));
    error(&other, 409);
    // The repeat was answered, not carried out: what came after it stands.
    assert_eq!(consents(&world).await, result(&[("tracking", "2026-03-02T10:00:00.000000Z")]));
}
