//! Our own API: persons, and requests of every kind and door.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Reply, World, send};

const PERSON: &str = "/lethe/v1/persons/alice";

async fn put(world: &World, body: Value) -> Reply {
    send(world.as_admin(Method::PUT, PERSON).json(&body)).await
}

/// Problem details that point at `place`.
#[track_caller]
fn assert_problem(reply: &Reply, status: u16, slug: &str, place: Option<(&str, &str)>) {
    assert_eq!(reply.status, status, "{}", String::from_utf8_lossy(&reply.bytes));
    assert_eq!(reply.header("content-type"), "application/problem+json");
    let body = reply.json();
    assert_eq!(body["type"], format!("urn:lethe:problem:{slug}"), "{body}");
    assert_eq!(body["status"], status);
    assert_eq!(body["instance"], format!("urn:lethe:call:{}", reply.header("request-id")));
    match place {
        Some((kind, place)) => assert_eq!(body["errors"][0][kind], place, "{body}"),
        None => assert!(body["errors"].is_null(), "{body}"),
    }
}

#[tokio::test]
async fn a_person_is_registered_replaced_read_and_taken_out() {
    let world = World::new().await;
    let first = json!({
        "identities": {"email": "alice@example.com", "phone_number": "+358401234567"},
        "verified": ["email"],
        "linked_identities": ["default"],
    });

    let made = put(&world, first).await.expect(201).json();
    assert_eq!(
        made,
        json!({
            "person_id": "alice",
            "identities": {"email": "alice@example.com", "phone_number": "+358401234567"},
            "verified": ["email"],
            "linked_identities": ["default"],
            "created_at": "2026-03-02T10:00:00.000Z",
            "changed_at": "2026-03-02T10:00:00.000Z",
        })
    );
    world.advance(TimeDelta::hours(1)).await;
    let replaced = put(&world, json!({"identities": {"email": "a@example.com"}})).await.expect(200).json();
    assert_eq!(replaced["identities"], json!({"email": "a@example.com"}));
    assert_eq!((&replaced["verified"], &replaced["linked_identities"]), (&json!([]), &json!([])));
    assert_eq!(
        (&replaced["created_at"], &replaced["changed_at"]),
        (&made["created_at"], &json!("2026-03-02T11:00:00.000Z"))
    );
    assert_eq!(send(world.as_admin(Method::GET, PERSON)).await.expect(200).json(), replaced);

    let gone = send(world.as_admin(Method::DELETE, PERSON)).await.expect(204);
    assert!(gone.bytes.is_empty());
    for method in [Method::GET, Method::DELETE] {
        assert_problem(&send(world.as_admin(method, PERSON)).await, 404, "person_not_found", None);
    }
}

#[tokio::test]
async fn a_person_is_refused_as_a_whole_when_a_part_is_wrong() {
    let world = World::new().await;
    let check = async |body: Value, pointer: &str| {
        assert_problem(&put(&world, body).await, 422, "invalid_field", Some(("pointer", pointer)));
    };

    check(json!({"unknown": 1}), "/unknown").await;
    check(json!({"identities": {"email": "a@example.com"}, "person_id": "bob"}), "/person_id").await;
    check(json!({"identities": {"email": "a@example.com"}, "verified": ["phone_number"]}), "/verified").await;
    check(json!({"verified": ["email"]}), "/verified").await;
    check(json!({"identities": {"email": "no address"}}), "/identities/email").await;
    check(json!({"identities": {"email": "Alice <a@example.com>"}}), "/identities/email").await;
    check(json!({"identities": {"phone_number": ""}}), "/identities/phone_number").await;
    check(json!({"identities": {"phone_number": "1\n2"}}), "/identities/phone_number").await;
    check(json!({"identities": {"phone_number": "x".repeat(321)}}), "/identities/phone_number").await;
    check(json!({"identities": {"a b": "x"}}), "/identities").await;
    check(json!({"identities": {"": "x"}}), "/identities").await;
    check(json!({"identities": []}), "/identities").await;
    check(json!({"identities": {"email": 7}}), "/identities/email").await;
    let many: serde_json::Map<_, _> = (0..65).map(|n| (format!("id{n}"), json!("x"))).collect();
    check(json!({"identities": many}), "/identities").await;

    assert_problem(&send(world.as_admin(Method::GET, PERSON)).await, 404, "person_not_found", None);
}

#[tokio::test]
async fn persons_are_read_and_written_by_permission() {
    let world = World::new().await;
    world.register("alice", "alice@example.com").await;
    let check = async |method: Method, grants: &[&str], allowed: bool| {
        let token = world.token("clerk", grants);
        let call = world.call(method, PERSON).bearer_auth(token).json(&json!({}));
        let reply = send(call).await;
        assert_eq!(reply.status != 403, allowed, "{grants:?}");
        if !allowed {
            assert_problem(&reply, 403, "insufficient_permissions", None);
        }
    };

    check(Method::GET, &["lethe:persons:read"], true).await;
    check(Method::GET, &["lethe:persons:write"], true).await;
    check(Method::GET, &["lethe:requests:read", "lethe:*"], false).await;
    check(Method::PUT, &["lethe:persons:read"], false).await;
    check(Method::DELETE, &["lethe:persons:read"], false).await;
    check(Method::PUT, &["lethe:persons:write"], true).await;
    check(Method::DELETE, &["lethe:persons:write"], true).await;
}

#[tokio::test]
async fn each_line_of_an_import_has_its_own_result() {
    let world = World::new().await;
    let lines = [
        r#"{"person_id":"p1","identities":{"email":"p1@example.com"},"verified":["email"]}"#,
        r#"{"person_id":"p2"}"#,
        "",
        r#"{"person_id":"p3""#,
        r#"{"person_id":"p4","unknown":1}"#,
        r#"{"person_id":"p5","verified":["email"]}"#,
        r#"{"identities":{}}"#,
        r#"{"person_id":""}"#,
        "[]",
        r#"{"person_id":"p1","identities":{"email":"p1@example.org"}}"#,
        "\r",
        r#"{"person_id":"p6"}"#,
    ];

    let call = world.as_admin(Method::POST, "/lethe/v1/persons/bulk").body(lines.join("\n"));
    let reply = send(call.header("content-type", "application/x-ndjson")).await.expect(200);

    assert_eq!(reply.header("content-type"), "application/x-ndjson");
    let results: Vec<Value> = String::from_utf8(reply.bytes)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let seen: Vec<_> = results
        .iter()
        .map(|result| {
            let id = result["person_id"].as_str();
            assert_eq!(result["error"].is_string(), result["status"].as_u64().unwrap() >= 400, "{result}");
            (result["line"].as_u64().unwrap(), result["status"].as_u64().unwrap(), id)
        })
        .collect();
    assert_eq!(
        seen,
        [
            (1, 201, Some("p1")),
            (2, 201, Some("p2")),
            (4, 400, None),
            (5, 422, None),
            (6, 422, Some("p5")),
            (7, 422, None),
            (8, 422, None),
            (9, 422, None),
            (10, 200, Some("p1")),
            (12, 201, Some("p6")),
        ]
    );
    let status =
        async |id: &str| send(world.as_admin(Method::GET, &format!("/lethe/v1/persons/{id}"))).await.status;
    for (id, expected) in [("p1", 200), ("p2", 200), ("p3", 404), ("p4", 404), ("p5", 404), ("p6", 200)] {
        assert_eq!(status(id).await, expected, "{id}");
    }
}

#[tokio::test]
async fn an_import_of_nothing_or_too_much_is_refused() {
    let world = World::new().await;
    let import =
        async |body: String| send(world.as_admin(Method::POST, "/lethe/v1/persons/bulk").body(body)).await;

    for blank in ["", "\n", " \r\n\t\n"] {
        assert_problem(&import(blank.to_owned()).await, 422, "invalid_field", Some(("pointer", "")));
    }
    assert_problem(&import("\n".repeat(10_000) + "{}").await, 413, "too_large", None);
    assert_problem(&import(" ".repeat(5 * 1024 * 1024 + 1)).await, 413, "too_large", None);
}

#[tokio::test]
async fn nobody_is_taken_out_while_their_purge_waits() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let (person, purge) = (format!("/lethe/v1/persons/{alice}"), format!("/users/v1/person/{alice}/purge"));
    let remarks = json!({"requestType": "CORRECTION", "requestRemarks": "my name is misspelt"});
    let requests = format!("/api/rest/users/{alice}/personaldatarequest");
    send(world.as_trivore(Method::POST, &requests).json(&remarks)).await.expect(201);
    send(world.as_admin(Method::POST, &purge).json(&json!({}))).await.expect(202);

    assert_problem(&send(world.as_admin(Method::DELETE, &person)).await, 409, "purge_in_progress", None);
    send(world.as_admin(Method::GET, &person)).await.expect(200);

    send(world.as_admin(Method::DELETE, &purge)).await.expect(204);
    send(world.as_admin(Method::DELETE, &person)).await.expect(204);
    // The stores are the purge's business, not the registry's.
    assert_eq!(world.rows_of("alice@example.com").await, 3);
    // What is left proves that requests were made, and has an end.
    let list = send(world.as_admin(Method::GET, "/lethe/v1/requests")).await.expect(200).json();
    assert_eq!(list["requests"].as_array().unwrap().len(), 2);
    for request in list["requests"].as_array().unwrap() {
        assert_eq!((&request["person_id"], &request["remarks"]), (&Value::Null, &Value::Null));
        assert!(request["kept_until"].is_string(), "{request}");
    }
    world.advance(TimeDelta::days(1097)).await;
    let list = send(world.as_admin(Method::GET, "/lethe/v1/requests")).await.expect(200).json();
    assert_eq!(list["requests"], json!([]));
}

#[tokio::test]
async fn a_person_taken_out_and_registered_anew_can_be_purged() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let (person, purge) = (format!("/lethe/v1/persons/{alice}"), format!("/users/v1/person/{alice}/purge"));
    send(world.as_admin(Method::POST, &purge).json(&json!({}))).await.expect(202);
    send(world.as_admin(Method::DELETE, &purge)).await.expect(204);
    send(world.as_admin(Method::DELETE, &person)).await.expect(204);

    world.register(&alice.to_string(), "alice@example.com").await;
    let now = json!({"suggested_purge_time": world.now()});
    send(world.as_admin(Method::POST, &purge).json(&now)).await.expect(202);
    world.drain().await;

    assert_eq!(world.rows_of("alice@example.com").await, 0);
    assert_eq!(send(world.as_admin(Method::GET, &purge)).await.expect(200).json()["status"], "purged");
}

#[tokio::test]
async fn the_list_is_filtered_by_everything_it_says() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let bob = world.person_with_data("bob").await;
    for kind in ["DATA_RETRIEVAL", "REMOVAL", "CORRECTION", "PROCESSING_RESTRICTION"] {
        let path = format!("/api/rest/users/{alice}/personaldatarequest");
        let ask = json!({"requestType": kind, "requestRemarks": "x"});
        send(world.as_trivore(Method::POST, &path).json(&ask)).await.expect(201);
    }
    world.advance(TimeDelta::hours(1)).await;
    world.order_takeout(bob, "bob@example.com").await;
    world.drain().await;
    world.advance(TimeDelta::hours(1)).await;
    let purge = format!("/users/v1/person/{bob}/purge");
    send(world.as_admin(Method::POST, &purge).json(&json!({}))).await.expect(202);

    let check = async |query: &str, expected: usize| {
        let path = format!("/lethe/v1/requests?{query}");
        let reply = send(world.as_admin(Method::GET, &path)).await.expect(200).json();
        assert_eq!(reply["requests"].as_array().unwrap().len(), expected, "{query}");
        assert_eq!(reply["next_cursor"], Value::Null, "{query}");
    };
    check("", 6).await;
    for (kind, expected) in [("access", 2), ("erasure", 2), ("correction", 1), ("restriction", 1)] {
        check(&format!("kind={kind}"), expected).await;
    }
    for (door, expected) in [("pace", 1), ("instacart", 0), ("rallyhere", 1), ("trivore", 4), ("native", 0)] {
        check(&format!("door={door}"), expected).await;
    }
    for (status, expected) in
        [("open", 4), ("in_progress", 1), ("held", 0), ("completed", 1), ("failed", 0), ("cancelled", 0)]
    {
        check(&format!("status={status}"), expected).await;
    }
    check(&format!("person_id={alice}"), 4).await;
    check(&format!("person_id={bob}"), 2).await;
    check("person_id=nobody", 0).await;
    check(&format!("person_id={alice}&kind=erasure"), 1).await;
    check("from=2026-03-02T11:00:00Z", 2).await;
    check("to=2026-03-02T11:00:00Z", 4).await;
    check("from=2026-03-02T11:00:00Z&to=2026-03-02T12:00:00Z", 1).await;
    check("from=2026-03-02T12:00:00.000001Z", 0).await;
    check("from=2026-03-03T00:00:00Z&to=2026-03-01T00:00:00Z", 0).await;
    check(&format!("from=2026-03-03T00:00:00Z&to=2026-03-01T00:00:00Z&person_id={bob}"), 0).await;
    check("kind=access&door=pace&status=completed&limit=200&unknown=x", 1).await;
}

#[tokio::test]
async fn a_filter_that_cannot_be_read_is_refused() {
    let world = World::new().await;
    let check = async |query: &str, parameter: &str| {
        let reply = send(world.as_admin(Method::GET, &format!("/lethe/v1/requests?{query}"))).await;
        assert_problem(&reply, 400, "invalid_parameter", Some(("parameter", parameter)));
    };

    check("kind=x", "kind").await;
    check("kind=", "kind").await;
    check("kind=access&kind=erasure", "kind").await;
    check("door=Pace", "door").await;
    check("status=done", "status").await;
    check("from=yesterday", "from").await;
    check("from=2026-03-02T10:00:00", "from").await;
    check("to=99999999999999", "to").await;
    check("person_id=", "person_id").await;
    check("person_id=%00", "person_id").await;
    for limit in ["0", "201", "-1", "ten", "", "1e2", "99999999999999999999999"] {
        check(&format!("limit={limit}"), "limit").await;
    }
    // The last three are Base64 of what is nearly a cursor.
    for cursor in ["", "x", "%F0%9F%8D%8F", "bm9ib2R5", "Iw", "MjAyNi0wMy0wMlQxMDowMDowMFojeA"] {
        check(&format!("cursor={cursor}"), "cursor").await;
    }
}

#[tokio::test]
async fn pages_have_no_gap_and_nothing_twice() {
    let world = World::new().await;
    world.register("alice", "alice@example.com").await;
    world.register("bob", "bob@example.com").await;
    let mut all = Vec::new();
    for number in 0..25 {
        // Several at the same moment, too: then the id decides.
        if number % 3 == 0 {
            world.advance(TimeDelta::milliseconds(1)).await;
        }
        let person = if number % 5 == 0 { "bob" } else { "alice" };
        let kind = if number % 2 == 0 { "REMOVAL" } else { "CORRECTION" };
        let ask = json!({"requestType": kind, "requestRemarks": "x"});
        let path = format!("/api/rest/users/{person}/personaldatarequest");
        let made = send(world.as_trivore(Method::POST, &path).json(&ask)).await.expect(201).json();
        all.push((made["id"].as_str().unwrap().to_owned(), person, kind));
    }

    let check = async |filter: &str, sizes: &[usize], expected: BTreeSet<&String>| {
        let mut seen: Vec<(String, String)> = Vec::new();
        let mut cursor = String::new();
        for (page, size) in sizes.iter().enumerate() {
            let path = format!("/lethe/v1/requests?limit=10{filter}{cursor}");
            let reply = send(world.as_admin(Method::GET, &path)).await.expect(200).json();
            let requests = reply["requests"].as_array().unwrap();
            assert_eq!(requests.len(), *size, "page {page} of {filter}");
            seen.extend(requests.iter().map(|request| {
                let text = |name: &str| request[name].as_str().unwrap().to_owned();
                (text("received_at"), text("id"))
            }));
            let next = reply["next_cursor"].as_str();
            assert_eq!(next.is_none(), page + 1 == sizes.len(), "page {page} of {filter}");
            cursor = format!("&cursor={}", next.unwrap_or_default());
        }
        assert!(seen.is_sorted_by(|one, next| one > next), "{filter}: {seen:?}");
        let ids: BTreeSet<&String> = seen.iter().map(|(_, id)| id).collect();
        assert_eq!(ids, expected, "{filter}");
    };
    let those = |wanted: fn(&(String, &str, &str)) -> bool| {
        all.iter().filter(move |request| wanted(request)).map(|(id, ..)| id).collect::<BTreeSet<_>>()
    };

    check("", &[10, 10, 5], those(|_| true)).await;
    check("&person_id=alice", &[10, 10], those(|(_, person, _)| *person == "alice")).await;
    check("&person_id=bob", &[5], those(|(_, person, _)| *person == "bob")).await;
    check("&kind=erasure", &[10, 3], those(|(_, _, kind)| *kind == "REMOVAL")).await;
    check("&from=2026-03-02T10:00:00Z", &[10, 10, 5], those(|_| true)).await;
    check("&to=2026-03-03T00:00:00Z", &[10, 10, 5], those(|_| true)).await;
}

#[tokio::test]
async fn a_request_is_found_by_its_id() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let id = world.order_takeout(alice, "alice@example.com").await;
    world.drain().await;

    let request =
        send(world.as_admin(Method::GET, &format!("/lethe/v1/requests/{id}"))).await.expect(200).json();

    assert_eq!(
        (&request["id"], &request["kind"], &request["door"], &request["status"], &request["person_id"]),
        (&json!(id), &json!("access"), &json!("pace"), &json!("completed"), &json!(alice))
    );
    assert_eq!((&request["takeout"]["state"], &request["takeout"]["records"]), (&json!("ready"), &json!(3)));
    let text = request.to_string();
    assert!(!text.contains("example.com") && !text.contains(crate::world::PASSWORD), "{text}");
    let unknown = "/lethe/v1/requests/c0daf39b-4df5-4241-9e7d-b1b85f829090";
    assert_problem(&send(world.as_admin(Method::GET, unknown)).await, 404, "request_not_found", None);
    let reply = send(world.as_admin(Method::GET, "/lethe/v1/requests/nonsense")).await;
    assert_problem(&reply, 400, "invalid_parameter", Some(("parameter", "request_id")));
}

#[tokio::test]
async fn health_is_told_to_everybody() {
    let world = World::new().await;

    let reply = send(world.call(Method::GET, "/lethe/v1/health")).await.expect(200).json();

    assert_eq!(reply["status"], "ok");
}
