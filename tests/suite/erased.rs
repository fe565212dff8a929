//! Who was erased is not brought back unnoticed.

use chrono::TimeDelta;
use domain::OrgId;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::{World, send};

const CHECK: &str = "/lethe/v1/check";

async fn purge(world: &World, person: Uuid) {
    let body = json!({"suggested_purge_time": world.now()});
    let path = format!("/users/v1/person/{person}/purge");
    send(world.as_admin(Method::POST, &path).json(&body)).await.expect(202);
    world.drain().await;
}

/// What is told of these identities: since when they are erased, if they are.
async fn check(world: &World, identities: &[(&str, &str)]) -> Vec<Option<String>> {
    let identities: Vec<Value> =
        identities.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
    let ask = json!({ "identities": identities });
    let reply = send(world.as_admin(Method::POST, CHECK).json(&ask)).await.expect(200).json();
    let results = reply["results"].as_array().unwrap();
    assert_eq!(results.len(), identities.len());
    let told = results.iter().map(|result| {
        let fields = result.as_object().unwrap();
        assert_eq!(fields.len(), if fields["erased"] == true { 2 } else { 1 }, "{result}");
        fields.get("erased_at").map(|at| at.as_str().unwrap().to_owned())
    });
    told.collect()
}

async fn put(world: &World, id: &str, email: &str) -> crate::world::Reply {
    let body = json!({"identities": {"email": email, "shoe_size": "43"}});
    send(world.as_admin(Method::PUT, &format!("/lethe/v1/persons/{id}")).json(&body)).await
}

#[tokio::test]
async fn whoever_was_erased_is_known_by_all_that_identified_them() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    world.person_with_data("bob").await;
    let asked = [
        ("email", "alice@example.com"),
        ("email", "Alice@Example.com"),
        ("other_name", "alice@example.com"),
        ("person_id", &*alice.to_string()),
        ("person_id", &*alice.to_string().to_uppercase()),
        ("email", "bob@example.com"),
        ("email", "nobody@example.com"),
        ("email", "alice@example.com"),
    ];
    assert_eq!(check(&world, &asked).await, vec![None; 8]);

    purge(&world, alice).await;

    let at = Some("2026-03-02T10:00:00.000Z".to_owned());
    let expected = [&at, &at, &at, &at, &at, &None, &None, &at].map(Clone::clone);
    assert_eq!(check(&world, &asked).await, expected);
    // Nobody is told of another tenant's persons.
    let token = world.token_for(Some(OrgId(Uuid::nil())), "x", &["lethe:persons:read"], TimeDelta::hours(1));
    let ask = json!({"identities": [{"name": "email", "value": "alice@example.com"}]});
    let theirs = send(world.call(Method::POST, CHECK).bearer_auth(token).json(&ask)).await.expect(200).json();
    assert_eq!(theirs, json!({"results": [{"erased": false}]}));
    // Proof has an end too, whether or not the table drops it in time.
    world.advance(TimeDelta::days(1097)).await;
    assert_eq!(check(&world, &asked).await, vec![None; 8]);
}

#[tokio::test]
async fn whoever_was_only_taken_out_of_the_registry_was_not_erased() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    send(world.as_admin(Method::DELETE, &format!("/lethe/v1/persons/{alice}"))).await.expect(204);

    let asked = [("email", "alice@example.com"), ("person_id", &*alice.to_string())];
    assert_eq!(check(&world, &asked).await, [None, None]);
}

#[tokio::test]
async fn as_many_identities_as_fit_are_checked_and_no_more() {
    let world = World::new().await;
    let check = async |ask: Value, pointer: &str| {
        let reply = send(world.as_admin(Method::POST, CHECK).json(&ask)).await.expect(422).json();
        assert_eq!(reply["errors"][0]["pointer"], pointer, "{ask}");
    };
    let identity = |value: &str| json!({"name": "email", "value": value});

    check(json!({"identities": []}), "/identities").await;
    check(json!({"identities": vec![identity("x"); 101]}), "/identities").await;
    check(json!({"identities": [identity("")]}), "/identities").await;
    check(json!({"identities": [identity(&"x".repeat(321))]}), "/identities").await;
    check(json!({"identities": [["email", "x"]]}), "/identities/0").await;
    check(json!({"identities": [{"name": "email"}]}), "/identities/0/value").await;
    let many: Vec<Value> = (0..100).map(|number| identity(&format!("x{number}"))).collect();
    let reply =
        send(world.as_admin(Method::POST, CHECK).json(&json!({ "identities": many }))).await.expect(200);
    assert_eq!(reply.json()["results"].as_array().unwrap().len(), 100);
}

#[tokio::test]
async fn whoever_comes_back_is_pointed_out_once() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    purge(&world, alice).await;

    let back = put(&world, &alice.to_string(), "alice@example.com").await.expect(201).json();
    assert_eq!(back["erased_before"], json!(["person_id", "email"]));
    let again = put(&world, &alice.to_string(), "alice@example.com").await.expect(200).json();
    assert_eq!(again["erased_before"], Value::Null);
    let other = put(&world, "other", "ALICE@example.com").await.expect(201).json();
    assert_eq!(other["erased_before"], json!(["email"]));
    assert_eq!(
        put(&world, "third", "third@example.com").await.expect(201).json()["erased_before"],
        Value::Null
    );
    // What was erased stays erased: old data of theirs must not come back with them.
    assert!(check(&world, &[("email", "alice@example.com")]).await[0].is_some());

    let line = r#"{"person_id":"fourth","identities":{"email":"alice@example.com"}}"#;
    let bulk =
        send(world.as_admin(Method::POST, "/lethe/v1/persons/bulk").body(line)).await.expect(200).json();
    assert_eq!((&bulk["status"], &bulk["erased_before"]), (&json!(201), &json!(["email"])));
}

#[tokio::test]
async fn a_tenant_may_refuse_whoever_comes_back() {
    let world = World::with(|tenant| tenant.refuse_erased = true).await;
    let alice = world.person_with_data("alice").await;
    purge(&world, alice).await;

    for (id, told) in [(alice.to_string(), "person_id, email"), ("other".to_owned(), ": email")] {
        let refused = put(&world, &id, "alice@example.com").await.expect(409).json();
        assert_eq!(refused["type"], "urn:lethe:problem:identity_erased");
        assert!(refused["detail"].as_str().unwrap().ends_with(told), "{refused}");
        assert_eq!(send(world.as_admin(Method::GET, &format!("/lethe/v1/persons/{id}"))).await.status, 404);
    }
    let line = r#"{"person_id":"third","identities":{"email":"alice@example.com"}}"#;
    let bulk =
        send(world.as_admin(Method::POST, "/lethe/v1/persons/bulk").body(line)).await.expect(200).json();
    assert_eq!((&bulk["status"], bulk["error"].is_string()), (&json!(409), true));
    put(&world, "other", "other@example.com").await.expect(201);
}
