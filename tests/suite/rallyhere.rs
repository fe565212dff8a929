//! RallyHere's dialect (`003_7e754b52a3de9fbd.txt`): purges, of others and of oneself, and restrictions.

use std::fmt::Display;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{PersonId, request::Work};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::{Reply, Setup, World, send};

fn purge(person: impl Display) -> String {
    format!("/users/v1/person/{person}/purge")
}

fn restrictions(person: impl Display) -> String {
    format!("/users/v1/person/{person}/restrictions")
}

const OWN: &str = "/users/v1/person/me/purge";

/// Queues a purge as somebody who may purge anybody.
async fn queue(world: &World, person: impl Display, body: Value) -> Reply {
    let token = world.token("clerk", &["purge:*:*"]);
    send(world.call(Method::POST, &purge(person)).bearer_auth(token).json(&body)).await
}

/// What GET says, whatever it is.
async fn look(world: &World, person: impl Display) -> Reply {
    send(world.as_admin(Method::GET, &purge(person))).await
}

async fn cancel(world: &World, person: impl Display) -> Reply {
    send(world.as_admin(Method::DELETE, &purge(person))).await
}

fn time(value: &Value) -> DateTime<Utc> {
    let text = value.as_str().unwrap();
    assert!(text.ends_with("+00:00"), "{text}");
    text.parse().unwrap()
}

fn refusal(code: &str, desc: &str) -> Value {
    json!({"auth_success": !code.starts_with("auth_"), "error_code": code, "desc": desc})
}

fn fault(loc: Value, msg: &str, kind: &str) -> Value {
    json!({"detail": [{"loc": loc, "msg": msg, "type": kind}]})
}

fn none_queued() -> Value {
    refusal("purge_not_found", "no purge is queued for the person")
}

fn begun() -> Value {
    refusal("purge_in_progress", "the purge of the person has already begun")
}

fn unknown_person() -> Value {
    refusal("person_not_found", "person not found")
}

/// Begins a purge that is due as a worker would that then falls silent.
async fn begin(world: &World, person: Uuid) {
    let ledger = world.stack.app.ledger(world.org());
    let key = ledger.key_of(&PersonId::from(person)).await.unwrap();
    let request = ledger.erasure(key).await.unwrap().unwrap();
    let claimed = request.purge().unwrap().clone().claim(world.now()).unwrap();
    ledger.put_request(&request.with_work(Work::Purge(claimed), world.now())).await.unwrap();
}

/// A person whose purge has begun and is not done.
async fn begun_purge(world: &World, name: &str) -> Uuid {
    let person = world.person_with_data(name).await;
    // Between two ticks of the scheduler, so that no other worker begins it.
    let soon = world.now() + TimeDelta::seconds(10);
    queue(world, person, json!({ "suggested_purge_time": soon })).await.expect(202);
    world.drain().await;
    world.stack.clock.advance(TimeDelta::seconds(10)).unwrap();
    begin(world, person).await;
    person
}

#[tokio::test]
async fn r01_a_purge_without_a_time_waits_for_the_grace_period() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;

    let reply = queue(&world, alice, json!({})).await.expect(202);

    assert_eq!(reply.header("content-type"), "application/json");
    assert_eq!(
        reply.json(),
        json!({
            "person_id": alice,
            "purge_on": "2026-04-01T10:00:00+00:00",
            "created_on": "2026-03-02T10:00:00+00:00",
            "last_modified_on": "2026-03-02T10:00:00+00:00",
            "status": "queued",
        })
    );
    assert_eq!(look(&world, alice).await.expect(200).json(), reply.json());
}

#[tokio::test]
async fn an_absent_time_may_be_written_as_null() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;

    let reply = queue(&world, alice, json!({"suggested_purge_time": null, "more": 1})).await.expect(202);

    assert_eq!(reply.json()["purge_on"], "2026-04-01T10:00:00+00:00");
}

#[tokio::test]
async fn without_a_grace_period_a_purge_is_due_at_once() {
    let mut setup = Setup::new();
    let tenant = json!({"org": setup.identity.org_id, "grace_days": 0});
    setup.tenants = Some(vec![serde_json::from_value(tenant).unwrap()]);
    let world = setup.begin().await;
    let alice = world.person_with_data("alice").await;

    queue(&world, alice, json!({})).await.expect(202);
    world.drain().await;

    assert_eq!(look(&world, alice).await.expect(200).json()["status"], "purged");
}

#[tokio::test]
async fn r02_a_time_in_the_past_means_now() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let an_hour_ago = world.now() - TimeDelta::hours(1);

    let reply = queue(&world, alice, json!({ "suggested_purge_time": an_hour_ago })).await.expect(202);
    assert!(time(&reply.json()["purge_on"]) <= world.now());
    world.drain().await;

    assert_eq!(world.rows_of("alice@example.com").await, 0);
    assert_eq!(look(&world, alice).await.expect(200).json()["status"], "purged");
}

#[tokio::test]
async fn a_waiting_purge_can_be_moved_to_now() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    queue(&world, alice, json!({})).await.expect(202);

    queue(&world, alice, json!({"suggested_purge_time": 0})).await.expect(202);
    world.drain().await;

    assert_eq!(look(&world, alice).await.expect(200).json()["status"], "purged");
}

#[tokio::test]
async fn r03_unix_seconds_are_taken_as_utc() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let check = async |given: Value, expected: &str| {
        let body = json!({ "suggested_purge_time": given });
        let reply = queue(&world, alice, body.clone()).await.expect(202).json();
        assert_eq!(reply["purge_on"], expected, "{body}");
    };

    check(1_772_532_000.into(), "2026-03-03T10:00:00+00:00").await;
    check("1772532000".into(), "2026-03-03T10:00:00+00:00").await;
    check(1_772_532_000.25.into(), "2026-03-03T10:00:00.250000+00:00").await;
    check("2026-03-03T10:00:00Z".into(), "2026-03-03T10:00:00+00:00").await;
    check("2026-03-03T12:00:00+02:00".into(), "2026-03-03T10:00:00+00:00").await;
    check("2026-03-03T04:30:00.5-05:30".into(), "2026-03-03T10:00:00.500000+00:00").await;
    check("2026-03-03t10:00:00z".into(), "2026-03-03T10:00:00+00:00").await;
}

#[tokio::test]
async fn r04_times_without_an_offset_and_other_hostile_times_are_refused() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let expected =
        fault(json!(["body", "suggested_purge_time"]), "invalid datetime format", "value_error.datetime");

    for given in [
        r#""2026-01-01T00:00:00""#,
        r#""2026-01-01""#,
        r#""2026-03-03 10:00""#,
        r#""10:00:00Z""#,
        r#""tomorrow""#,
        r#""""#,
        r#"" 1772532000""#,
        r#""1772532000 ""#,
        r#""1772532000.5""#,
        r#""-5""#,
        r#""+5""#,
        r#""1e9""#,
        r#""0x69a6b000""#,
        r#""१७७२५३२०००""#,
        r#""NaN""#,
        r#""Infinity""#,
        r#""99999999999999999999""#,
        // Milliseconds, as number and as text.
        "1772532000000",
        r#""1772532000000""#,
        "253402300800",
        "99999999999999999999",
        "1e300",
        "-1",
        "-1e300",
        "true",
        "[]",
        "[1772532000]",
        "{}",
        r#""10000-01-01T00:00:00Z""#,
        r#""+10000-01-01T00:00:00Z""#,
        r#""1969-12-31T23:59:59Z""#,
        r#""-0001-01-01T00:00:00Z""#,
        r#""2026-02-30T00:00:00Z""#,
        r#""2026-03-03T25:00:00Z""#,
        r#""2026-03-03T10:00:60Z""#,
        r#""2026-03-03T10:00:00+25:00""#,
        r#""2026-03-03T10:00:00 UTC""#,
        r#""2026-03-03T10:00:00Z\u0000""#,
        r#""not a time""#,
    ] {
        let body = format!(r#"{{"suggested_purge_time": {given}}}"#);
        let reply = send(world.as_admin(Method::POST, &purge(alice)).body(body)).await;
        assert_eq!((reply.status, reply.json()), (422, expected.clone()), "{given}");
    }
    // A number that no machine holds is refused at its place as well.
    let body = r#"{"suggested_purge_time": 1e400}"#;
    let reply = send(world.as_admin(Method::POST, &purge(alice)).body(body)).await.expect(422).json();
    assert_eq!(reply["detail"][0]["loc"], json!(["body", "suggested_purge_time"]));
    // These are no JSON at all.
    for given in ["NaN", "Infinity", "-Infinity", "01", "+1", "0x1", "'x'"] {
        let body = format!(r#"{{"suggested_purge_time": {given}}}"#);
        let reply = send(world.as_admin(Method::POST, &purge(alice)).body(body)).await;
        assert_eq!(
            (reply.status, &reply.json()["detail"][0]["type"]),
            (422, &"value_error.jsondecode".into()),
            "{given}"
        );
    }

    assert_eq!(look(&world, alice).await.expect(404).json(), none_queued());
}

#[tokio::test]
async fn r05_a_person_is_a_uuid() {
    let world = World::new().await;
    let expected = fault(json!(["path", "person_id"]), "value is not a valid uuid", "type_error.uuid");

    for person in ["abc", "1", "%20", "903c1ff9-f2cc-435c-b242-9d8a690fcf0", "Me"] {
        for method in [Method::POST, Method::GET, Method::DELETE] {
            let call = world.as_admin(method.clone(), &purge(person)).json(&json!({}));
            assert_eq!(send(call).await.expect(422).json(), expected, "{method} {person}");
        }
        let call = world.as_admin(Method::GET, &restrictions(person));
        assert_eq!(send(call).await.expect(422).json(), expected, "{person}");
    }
}

#[tokio::test]
async fn r06_the_body_is_required_and_is_an_object() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let check = async |body: &'static str, expected: Value| {
        let reply = send(world.as_admin(Method::POST, &purge(alice)).body(body)).await;
        assert_eq!((reply.status, reply.json()), (422, expected), "{body}");
    };
    let missing = fault(json!(["body"]), "field required", "value_error.missing");
    let no_object = fault(json!(["body"]), "value is not a valid dict", "type_error.dict");

    check("", missing.clone()).await;
    check("  \n", missing).await;
    check("[]", no_object.clone()).await;
    check("null", no_object.clone()).await;
    check("5", no_object.clone()).await;
    check(r#""x""#, no_object.clone()).await;
    check("{} x", fault(json!(["body", 3]), "Expecting value: char 3", "value_error.jsondecode")).await;
    check("{,}", fault(json!(["body", 1]), "Expecting value: char 1", "value_error.jsondecode")).await;
    check(
        "{\n\"a\": 1,\n,}",
        fault(json!(["body", 10]), "Expecting value: char 10", "value_error.jsondecode"),
    )
    .await;
    let text = world.as_admin(Method::POST, &purge(alice)).header("content-type", "text/plain").body("{}");
    assert_eq!(send(text).await.expect(422).json(), no_object);
    assert_eq!(look(&world, alice).await.status, 404);
}

#[tokio::test]
async fn r07_who_may_not_is_told_why() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let grants = ["purge:*:*"];
    let check = async |call: RequestBuilder, code: &str, desc: &str| {
        let reply = send(call.json(&json!({}))).await.expect(403);
        assert_eq!(reply.json(), refusal(code, desc));
    };
    let call = || world.call(Method::POST, &purge(alice));
    let old = world.token_for(None, "clerk", &grants, TimeDelta::minutes(-2));
    let good = world.token("clerk", &grants);
    let (signed, _) = good.rsplit_once('.').unwrap();
    let forged = format!("{signed}.{}", "A".repeat(86));

    let malformed = "Invalid Authorization - malformed access token";
    check(call(), "auth_malformed_access", malformed).await;
    check(call().basic_auth("a", Some("b")), "auth_malformed_access", malformed).await;
    check(call().bearer_auth(old), "auth_token_expired", "Token is expired").await;
    check(call().bearer_auth(forged), "auth_token_sig_invalid", "Token Signature is invalid").await;
    let none = world.token("clerk", &["user:*", "purge:match:admin"]);
    check(call().bearer_auth(none), "insufficient_permissions", "Insufficient Permissions").await;
    assert_eq!(look(&world, alice).await.status, 404);
}

#[tokio::test]
async fn r08_a_far_future_is_brought_back_into_the_window() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let latest = "2026-05-31T10:00:00+00:00";

    for far in [json!("2027-01-01T00:00:00Z"), json!("9999-12-31T23:59:59Z"), json!(253_402_300_799_i64)] {
        let reply = queue(&world, alice, json!({ "suggested_purge_time": far })).await.expect(202);
        assert_eq!(reply.json()["purge_on"], latest, "{far}");
    }
}

#[tokio::test]
async fn r09_asking_again_moves_the_purge_and_keeps_when_it_was_made() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let first = queue(&world, alice, json!({})).await.expect(202).json();
    world.stack.clock.advance(TimeDelta::seconds(1)).unwrap();

    let second = queue(&world, alice, json!({})).await.expect(202).json();

    assert_eq!(second["created_on"], first["created_on"]);
    assert_eq!(time(&second["purge_on"]), time(&first["purge_on"]) + TimeDelta::seconds(1));
    assert!(time(&second["last_modified_on"]) > time(&first["last_modified_on"]));
}

#[tokio::test]
async fn r10_nothing_queued_is_not_found() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;

    assert_eq!(look(&world, alice).await.expect(404).json(), none_queued());
    queue(&world, alice, json!({})).await.expect(202);
    cancel(&world, alice).await.expect(204);
    assert_eq!(look(&world, alice).await.expect(404).json(), none_queued());
    // Who is not known has no purge either.
    assert_eq!(look(&world, Uuid::nil()).await.expect(404).json(), none_queued());
}

#[tokio::test]
async fn r11_a_purge_is_called_off_until_it_begins() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;

    assert_eq!(cancel(&world, alice).await.expect(204).bytes, b"");
    queue(&world, alice, json!({})).await.expect(202);
    cancel(&world, alice).await.expect(204);
    cancel(&world, alice).await.expect(204);
    let bob = begun_purge(&world, "bob").await;
    assert_eq!(cancel(&world, bob).await.expect(409).json(), begun());
    world.advance(TimeDelta::days(31)).await;
    assert_eq!(cancel(&world, bob).await.expect(409).json(), begun());

    assert_eq!(world.rows_of("alice@example.com").await, 3);
    assert_eq!(world.rows_of("bob@example.com").await, 0);
}

#[tokio::test]
async fn a_purge_that_was_called_off_can_be_queued_anew() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    queue(&world, alice, json!({})).await.expect(202);
    cancel(&world, alice).await.expect(204);
    world.stack.clock.advance(TimeDelta::hours(1)).unwrap();

    let reply = queue(&world, alice, json!({})).await.expect(202).json();

    assert_eq!(reply["created_on"], "2026-03-02T11:00:00+00:00");
    assert_eq!(reply["status"], "queued");
    world.advance(TimeDelta::days(31)).await;
    assert_eq!(world.rows_of("alice@example.com").await, 0);
}

#[tokio::test]
async fn r12_who_may_purge_themselves_purges_nobody_else() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let bob = world.person_with_data("bob").await;
    let token = world.token(&alice.to_string(), &["purge:person:self"]);
    let check = async |person: Uuid, method: Method, expected: u16| {
        let call = world.call(method.clone(), &purge(person)).bearer_auth(&token).json(&json!({}));
        let reply = send(call).await.expect(expected);
        if expected == 403 {
            assert_eq!(reply.json()["error_code"], "insufficient_permissions", "{method}");
        }
    };

    check(bob, Method::POST, 403).await;
    check(bob, Method::GET, 403).await;
    check(bob, Method::DELETE, 403).await;
    check(alice, Method::POST, 202).await;
    check(alice, Method::GET, 200).await;
    check(alice, Method::DELETE, 204).await;
    assert_eq!(look(&world, bob).await.status, 404);
}

#[tokio::test]
async fn grants_are_compared_segment_by_segment() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let check = async |grant: &str, expected: u16| {
        let token = world.token("clerk", &[grant]);
        let call = world.call(Method::POST, &purge(alice)).bearer_auth(token).json(&json!({}));
        assert_eq!(send(call).await.status, expected, "{grant}");
    };

    for grant in
        ["purge:*:*", "purge:*", "*", "purge:person:admin", "purge:*:admin", "purge:person:*", "*:*:*"]
    {
        check(grant, 202).await;
    }
    for grant in [
        "purge",
        "purge:person",
        "purge:person:",
        "purge:person:adm*",
        "purge:person:admin:x",
        "purge:person:self",
        "purge:**",
        "Purge:person:admin",
        " purge:person:admin",
        "purge:person:admin ",
        "purge:match:*",
        "user:*",
        ":*",
        "",
    ] {
        check(grant, 403).await;
    }
}

#[tokio::test]
async fn the_token_may_come_as_a_cookie() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let token = world.token(&alice.to_string(), &["purge:person:self"]);
    let check = async |cookie: String, expected: u16| {
        let call = world.call(Method::POST, &purge(alice)).header("cookie", &cookie).json(&json!({}));
        assert_eq!(send(call).await.status, expected, "{cookie}");
    };

    check(format!("Authorization={token}"), 202).await;
    check(format!("Authorization=\"Bearer {token}\""), 202).await;
    check(format!("Authorization=Bearer%20{token}"), 202).await;
    check(format!("theme=dark; Authorization={token}; lang=en"), 202).await;
    check(format!("Authorisation={token}"), 403).await;
    check(format!("theme={token}"), 403).await;
    check("Authorization=".to_owned(), 403).await;
}

#[tokio::test]
async fn a_header_counts_before_a_cookie() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let token = world.token("clerk", &["purge:*:*"]);
    let call = || world.call(Method::POST, &purge(alice)).json(&json!({}));

    let good_header = call().bearer_auth(&token).header("cookie", "Authorization=x");
    send(good_header).await.expect(202);
    let bad_header = call().bearer_auth("x").header("cookie", format!("Authorization={token}"));
    assert_eq!(send(bad_header).await.expect(403).json()["error_code"], "auth_not_jwt");
}

#[tokio::test]
async fn a_cookie_opens_no_other_dialect() {
    let world = World::new().await;
    let cookie = format!("Authorization={}", world.stack.identity.admin_token(world.now()).unwrap());

    for path in [
        "/user/2024-3/gdpr/takeouts",
        "/lethe/v1/requests",
        "/api/rest/users/x/personaldatarequest",
        "/consent/gdpr",
    ] {
        let reply = send(world.call(Method::GET, path).header("cookie", &cookie)).await;
        assert_eq!(reply.status, 401, "{path}");
    }
}

#[tokio::test]
async fn status_tells_how_far_a_purge_has_got() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let soon = world.now() + TimeDelta::seconds(10);
    let check = async |expected: &str| {
        let reply = look(&world, alice).await.expect(200).json();
        assert_eq!(reply["status"], expected);
        assert_eq!(reply["created_on"], "2026-03-02T10:00:00+00:00");
        assert_eq!(reply["purge_on"], "2026-03-02T10:00:10+00:00");
        assert_eq!(reply["person_id"], alice.to_string());
    };

    queue(&world, alice, json!({ "suggested_purge_time": soon })).await.expect(202);
    world.drain().await;
    check("queued").await;
    world.stack.clock.advance(TimeDelta::seconds(10)).unwrap();
    begin(&world, alice).await;
    check("purging").await;
    // The worker fell silent; another takes over.
    world.advance(TimeDelta::minutes(20)).await;
    check("purged").await;
    // The proof is kept for three years, and then no longer.
    world.advance(TimeDelta::days(1095)).await;
    check("purged").await;
    world.advance(TimeDelta::days(2)).await;
    assert_eq!(look(&world, alice).await.expect(404).json(), none_queued());
    assert_eq!(cancel(&world, alice).await.expect(404).json(), unknown_person());
}

#[tokio::test]
async fn a_begun_purge_is_neither_moved_nor_queued_again() {
    let world = World::new().await;
    let alice = begun_purge(&world, "alice").await;
    let own = world.token(&alice.to_string(), &["purge:person:self"]);
    let later = json!({"suggested_purge_time": world.now() + TimeDelta::days(9)});

    let before = look(&world, alice).await.expect(200).json();
    assert_eq!(before["status"], "purging");
    assert_eq!(queue(&world, alice, later.clone()).await.expect(202).json(), before);
    // Where a conflict is documented, it is told.
    let call = |method| world.call(method, OWN).bearer_auth(&own).json(&later);
    assert_eq!(send(call(Method::POST)).await.expect(409).json(), begun());
    assert_eq!(send(call(Method::DELETE)).await.expect(409).json(), begun());
    assert_eq!(send(call(Method::GET)).await.expect(200).json(), before);
}

#[tokio::test]
async fn one_s_own_purge_is_reached_as_me() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let bob = world.person_with_data("bob").await;
    let token = world.token(&alice.to_string(), &["purge:person:self"]);
    let call = |method| world.call(method, OWN).bearer_auth(&token);

    assert_eq!(send(call(Method::GET)).await.expect(404).json(), none_queued());
    send(call(Method::DELETE)).await.expect(204);
    let first = send(call(Method::POST).json(&json!({}))).await.expect(202).json();
    assert_eq!(first["person_id"], alice.to_string());
    assert_eq!(send(call(Method::GET)).await.expect(200).json(), first);
    world.stack.clock.advance(TimeDelta::seconds(1)).unwrap();
    // One that is queued and has not begun is moved here as well.
    let again = send(call(Method::POST).json(&json!({"suggested_purge_time": "2026-03-09T00:00:00Z"}))).await;
    let again = again.expect(202).json();
    assert_eq!(
        (&again["created_on"], &again["purge_on"]),
        (&first["created_on"], &"2026-03-09T00:00:00+00:00".into())
    );
    assert_eq!(look(&world, bob).await.status, 404);
    send(call(Method::DELETE)).await.expect(204);
    assert_eq!(look(&world, alice).await.status, 404);
    assert_eq!(send(call(Method::POST)).await.expect(422).json()["detail"][0]["loc"], json!(["body"]));
}

#[tokio::test]
async fn looking_at_and_calling_off_one_s_own_purge_needs_no_permission_but_queueing_does() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let token = world.token(&alice.to_string(), &[]);
    let call = |method| world.call(method, OWN).bearer_auth(&token).json(&json!({}));

    let reply = send(call(Method::POST)).await.expect(403).json();
    assert_eq!(reply["error_code"], "insufficient_permissions");
    queue(&world, alice, json!({})).await.expect(202);
    send(call(Method::GET)).await.expect(200);
    send(call(Method::DELETE)).await.expect(204);
}

#[tokio::test]
async fn me_is_a_person() {
    let world = World::new().await;
    let check = async |token: &str| {
        for method in [Method::POST, Method::GET, Method::DELETE] {
            let call = world.call(method.clone(), OWN).bearer_auth(token).json(&json!({}));
            let reply = send(call).await.expect(403).json();
            assert_eq!(
                reply,
                refusal("auth_token_invalid_claim", "Token contained invalid claim value: sub"),
                "{method}"
            );
        }
    };

    check(&world.token("clerk", &["purge:*:*"])).await;
    // Programs are nobody, even if their client is named like a person.
    let (id, secret) = world.stack.identity.instacart_client();
    let ask = json!({"client_id": id, "client_secret": secret, "grant_type": "client_credentials"});
    let reply = send(world.call(Method::POST, "/v2/oauth/token").json(&ask)).await.expect(200).json();
    let token = reply["access_token"].as_str().unwrap();
    for method in [Method::GET, Method::DELETE] {
        let reply = send(world.call(method, OWN).bearer_auth(token)).await.expect(403).json();
        assert_eq!(reply["error_code"], "auth_token_invalid_claim");
    }
}

#[tokio::test]
async fn an_unknown_person_is_not_found() {
    let world = World::new().await;
    let nobody = Uuid::nil();
    let own = world.token(&nobody.to_string(), &["purge:person:self"]);

    assert_eq!(queue(&world, nobody, json!({})).await.expect(404).json(), unknown_person());
    assert_eq!(cancel(&world, nobody).await.expect(404).json(), unknown_person());
    let calls = [
        world.call(Method::POST, OWN).bearer_auth(&own).json(&json!({})),
        world.call(Method::DELETE, OWN).bearer_auth(&own),
        world.as_admin(Method::GET, &restrictions(nobody)),
        world.as_admin(Method::POST, &restrictions(nobody)).json(&json!({"type": "account_ban"})),
        world.as_admin(Method::DELETE, &restrictions(nobody)),
    ];
    for call in calls {
        assert_eq!(send(call).await.expect(404).json(), unknown_person());
    }
    assert_eq!(send(world.call(Method::GET, OWN).bearer_auth(&own)).await.expect(404).json(), none_queued());
}

#[tokio::test]
async fn where_subjects_are_open_the_first_request_makes_the_person() {
    let mut setup = Setup::new();
    let tenant = json!({"org": setup.identity.org_id, "subjects": "open"});
    setup.tenants = Some(vec![serde_json::from_value(tenant).unwrap()]);
    let world = setup.begin().await;
    let stranger = Uuid::max();

    assert_eq!(look(&world, stranger).await.status, 404);
    cancel(&world, stranger).await.expect(204);
    queue(&world, stranger, json!({"suggested_purge_time": 0})).await.expect(202);
    world.drain().await;
    assert_eq!(look(&world, stranger).await.expect(200).json()["status"], "purged");
}

/// The restrictions in force, as the dialect lists them.
async fn listed(world: &World, person: Uuid) -> Vec<Value> {
    let reply = send(world.as_admin(Method::GET, &restrictions(person))).await.expect(200).json();
    reply["restrictions"].as_array().unwrap().clone()
}

async fn restrict(world: &World, person: Uuid, body: Value) -> Reply {
    send(world.as_admin(Method::POST, &restrictions(person)).json(&body)).await
}

async fn lift(world: &World, person: Uuid, query: &str) -> Reply {
    send(world.as_admin(Method::DELETE, &format!("{}{query}", restrictions(person)))).await
}

fn pending_deletion() -> Value {
    json!({"type": "account_pending_deletion", "reason": "pending_deletion", "expiration": null})
}

#[tokio::test]
async fn r13_a_purge_restricts_until_it_is_done_or_called_off() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;

    assert_eq!(listed(&world, alice).await, Vec::<Value>::new());
    queue(&world, alice, json!({})).await.expect(202);
    assert_eq!(listed(&world, alice).await, [pending_deletion()]);
    cancel(&world, alice).await.expect(204);
    assert_eq!(listed(&world, alice).await, Vec::<Value>::new());
    let bob = begun_purge(&world, "bob").await;
    assert_eq!(listed(&world, bob).await, [pending_deletion()]);
    world.advance(TimeDelta::minutes(20)).await;
    let gone = send(world.as_admin(Method::GET, &restrictions(bob))).await.expect(404);
    assert_eq!(gone.json(), unknown_person());
}

#[tokio::test]
async fn the_restriction_of_a_purge_can_be_neither_set_nor_lifted_by_hand() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;

    let reply = restrict(&world, alice, json!({"type": "account_pending_deletion"})).await.expect(422).json();
    assert_eq!(
        reply,
        fault(json!(["body", "type"]), "follows from a purge and cannot be set by hand", "value_error")
    );
    queue(&world, alice, json!({})).await.expect(202);
    lift(&world, alice, "").await.expect(204);
    assert_eq!(listed(&world, alice).await, [pending_deletion()]);
    assert_eq!(look(&world, alice).await.expect(200).json()["status"], "queued");
}

#[tokio::test]
async fn restrictions_are_set_replaced_and_end() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let until = "2026-03-03T10:00:00Z";

    let ban = json!({"type": "account_ban", "reason": "cheating", "expiration": until, "issuer_type": "admin", "issuer": "eve"});
    let reply = restrict(&world, alice, ban).await.expect(201);
    let banned =
        json!({"type": "account_ban", "reason": "cheating", "expiration": "2026-03-03T10:00:00+00:00"});
    assert_eq!(reply.json(), banned);
    assert_eq!(listed(&world, alice).await, std::slice::from_ref(&banned));

    // Another issuer's of the same type stands beside it.
    restrict(&world, alice, json!({"type": "account_ban"})).await.expect(201);
    let plain = json!({"type": "account_ban", "reason": null, "expiration": null});
    assert_eq!(listed(&world, alice).await, [banned, plain.clone()]);

    // The same type by the same issuer takes the place of what was.
    let softer = json!({"type": "account_ban", "reason": "spam", "expiration": 1_772_532_000, "issuer_type": "admin", "issuer": "eve"});
    restrict(&world, alice, softer).await.expect(201);
    let softer = json!({"type": "account_ban", "reason": "spam", "expiration": "2026-03-03T10:00:00+00:00"});
    assert_eq!(listed(&world, alice).await, [plain.clone(), softer]);

    world.advance(TimeDelta::days(1)).await;
    assert_eq!(listed(&world, alice).await, [plain]);
}

#[tokio::test]
async fn restrictions_are_lifted_by_issuer() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let set = async || {
        for (issuer_type, issuer) in [("admin", "eve"), ("admin", "fay"), ("system", "eve")] {
            let body = json!({"type": "account_lockout", "reason": format!("{issuer_type}-{issuer}"), "issuer_type": issuer_type, "issuer": issuer});
            restrict(&world, alice, body).await.expect(201);
        }
        restrict(&world, alice, json!({"type": "account_deny_auth", "reason": "nobody"})).await.expect(201);
    };
    let check = async |query: &str, left: &[&str]| {
        set().await;
        lift(&world, alice, query).await.expect(204);
        let listed = listed(&world, alice).await;
        let mut reasons: Vec<&str> = listed.iter().map(|entry| entry["reason"].as_str().unwrap()).collect();
        reasons.sort_unstable();
        assert_eq!(reasons, left, "{query}");
    };

    check("?issuer_type=admin&issuer=eve", &["admin-fay", "nobody", "system-eve"]).await;
    check("?issuer_type=admin", &["nobody", "system-eve"]).await;
    check("?issuer=eve", &["admin-fay", "nobody"]).await;
    check("?issuer=mallory", &["admin-eve", "admin-fay", "nobody", "system-eve"]).await;
    check("", &[]).await;
    let twice = lift(&world, alice, "?issuer=eve&issuer=fay").await.expect(422).json();
    assert_eq!(twice["detail"][0]["loc"], json!(["query", "issuer"]));
}

#[tokio::test]
async fn what_is_no_restriction_is_refused() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let check = async |body: Value, loc: Value, kind: &str| {
        let reply = restrict(&world, alice, body.clone()).await.expect(422).json();
        assert_eq!((&reply["detail"][0]["loc"], &reply["detail"][0]["type"]), (&loc, &kind.into()), "{body}");
    };
    let long = "x".repeat(201);

    check(json!({}), json!(["body", "type"]), "value_error.missing").await;
    check(json!({"type": "account_party"}), json!(["body", "type"]), "value_error").await;
    check(json!({"type": 5}), json!(["body", "type"]), "value_error").await;
    check(json!({"type": "account_ban", "reason": 5}), json!(["body", "reason"]), "type_error.str").await;
    check(json!({"type": "account_ban", "reason": ""}), json!(["body", "reason"]), "value_error").await;
    check(json!({"type": "account_ban", "issuer": long}), json!(["body", "issuer"]), "value_error").await;
    check(
        json!({"type": "account_ban", "expiration": "2026-03-03T10:00:00"}),
        json!(["body", "expiration"]),
        "value_error.datetime",
    )
    .await;
    assert_eq!(listed(&world, alice).await, Vec::<Value>::new());
}

#[tokio::test]
async fn restrictions_have_permissions_of_their_own() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let own = alice.to_string();
    let check = async |sub: &str, grant: &str, statuses: [u16; 3]| {
        let token = world.token(sub, &[grant]);
        let calls = [Method::GET, Method::POST, Method::DELETE];
        for (method, expected) in calls.into_iter().zip(statuses) {
            let call = world.call(method.clone(), &restrictions(alice)).bearer_auth(&token);
            let reply = send(call.json(&json!({"type": "account_ban"}))).await;
            assert_eq!(reply.status, expected, "{method} as {sub} with {grant}");
        }
    };

    check("clerk", "user:*", [200, 201, 204]).await;
    check("clerk", "user:restriction:read:any", [200, 403, 403]).await;
    check("clerk", "user:restriction:modify:any", [403, 201, 204]).await;
    check("clerk", "user:restriction:*", [200, 201, 204]).await;
    check("clerk", "user:restriction:read:self", [403, 403, 403]).await;
    check(&own, "user:restriction:read:self", [200, 403, 403]).await;
    check("clerk", "purge:*:*", [403, 403, 403]).await;
}

#[tokio::test]
async fn a_restriction_outlives_a_purge_that_is_called_off() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    restrict(&world, alice, json!({"type": "account_ban", "reason": "cheating"})).await.expect(201);
    let ban = json!({"type": "account_ban", "reason": "cheating", "expiration": null});

    queue(&world, alice, json!({})).await.expect(202);
    assert_eq!(listed(&world, alice).await, [ban.clone(), pending_deletion()]);
    cancel(&world, alice).await.expect(204);
    assert_eq!(listed(&world, alice).await, [ban]);
}
