//! Plans: read, applied as they were read, refused when anything has changed, and released by two.

use chrono::TimeDelta;
use domain::{PersonId, mandate::Mandate, request::Work};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::{Reply, World, send};

fn plan_path(person: Uuid) -> String {
    format!("/lethe/v1/persons/{person}/plan")
}

async fn plan(world: &World, person: Uuid, ask: Value) -> Value {
    send(world.as_admin(Method::POST, &plan_path(person)).json(&ask)).await.expect(200).json()
}

async fn apply(world: &World, person: Uuid, plan: &Value) -> Reply {
    let sha256 = plan["sha256"].as_str().unwrap();
    send(world.as_admin(Method::POST, &format!("{}/{sha256}/apply", plan_path(person)))).await
}

async fn told(world: &World, id: &Value) -> Value {
    let path = format!("/lethe/v1/requests/{}", id.as_str().unwrap());
    send(world.as_admin(Method::GET, &path)).await.expect(200).json()
}

/// Collection, method, rows found, rows changed.
fn lines(plan: &Value) -> Value {
    let line = |of: &Value| json!([of["collection"], of["method"], of["found"], of["affected"]]);
    plan["collections"].as_array().unwrap().iter().map(line).collect()
}

#[tokio::test]
async fn a_plan_says_what_would_be_done_and_changes_nothing() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    world.person_with_data("bob").await;

    let first = plan(&world, alice, json!({})).await;

    assert_eq!(lines(&first), json!([["customers", "delete", 1, 1], ["orders", "delete", 2, 2]]));
    assert_eq!((&first["affected"], &first["needs_release"]), (&json!(3), &json!(false)));
    assert!(first["collections"][0]["bytes"].as_u64().unwrap() > 20);
    // SQLite knows its rows by a number of its own.
    assert_eq!(first["collections"][0]["key"], json!(["rowid"]));
    assert!(!first.to_string().contains("alice@example.com"));
    assert_eq!(world.all_rows().await, 6);
    assert_eq!(plan(&world, alice, json!({})).await["sha256"], first["sha256"]);
    let path = format!("{}/{}", plan_path(alice), first["sha256"].as_str().unwrap());
    let kept = send(world.as_admin(Method::GET, &path)).await.expect(200).json();
    assert_eq!(kept["collections"], first["collections"]);
}

#[tokio::test]
async fn a_plan_is_applied_as_it_was_read() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    world.person_with_data("bob").await;
    let read = plan(&world, alice, json!({})).await;

    let request = apply(&world, alice, &read).await.expect(202).json();
    world.drain().await;

    assert_eq!((world.rows_of("alice@example.com").await, world.all_rows().await), (0, 3));
    let done = told(&world, &request["id"]).await;
    assert_eq!((&done["purge"]["state"], &done["purge"]["plan"]), (&json!("done"), &read["sha256"]));
}

#[tokio::test]
async fn a_plan_that_no_longer_fits_is_refused_at_the_door() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let read = plan(&world, alice, json!({})).await;
    world.add_rows("alice@example.com").await;

    let refused = apply(&world, alice, &read).await.expect(409).json();

    assert!(refused["type"].as_str().unwrap().contains("plan_changed"), "{refused}");
    assert_eq!(world.rows_of("alice@example.com").await, 6);
    world.advance(TimeDelta::days(8)).await;
    assert_eq!(apply(&world, alice, &read).await.status, 404, "a plan is forgotten after a week");
}

#[tokio::test]
async fn a_plan_that_no_longer_fits_is_refused_by_the_worker() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let read = plan(&world, alice, json!({})).await;
    let at = world.now() + TimeDelta::hours(6);
    let path = format!("/users/v1/person/{alice}/purge");
    send(world.as_admin(Method::POST, &path).json(&json!({ "suggested_purge_time": at }))).await.expect(202);
    world.drain().await;
    let ledger = world.stack.app.ledger(world.org());
    let key = ledger.key_of(&PersonId::from(alice)).await.unwrap();
    let request = ledger.erasure(key).await.unwrap().unwrap();
    let sha256 = read["sha256"].as_str().map(str::to_owned);
    let purge = request.purge().unwrap().clone().under(Mandate { plan: sha256, ..Mandate::default() });
    let id = json!(request.id);
    ledger.put_request(&request.with_work(Work::Purge(purge), world.now())).await.unwrap();
    world.add_rows("alice@example.com").await;

    world.advance(TimeDelta::hours(7)).await;

    assert_eq!(world.rows_of("alice@example.com").await, 6);
    let failed = told(&world, &id).await;
    assert_eq!(failed["purge"]["state"], "failed");
    assert!(failed["purge"]["refused_because"].as_str().unwrap().contains("no longer what the plan says"));

    // Whoever asks again, asks for what is there now.
    send(world.as_admin(Method::POST, &path).json(&json!({ "suggested_purge_time": world.now() })))
        .await
        .expect(202);
    world.drain().await;
    assert_eq!(world.rows_of("alice@example.com").await, 0);
}

#[tokio::test]
async fn above_the_blast_radius_two_people_decide() {
    let world = World::with(|tenant| tenant.blast_radius = 2).await;
    let alice = world.person_with_data("alice").await;
    world.person_with_data("bob").await;
    let read = plan(&world, alice, json!({})).await;
    assert_eq!(read["needs_release"], json!(true));
    let request = apply(&world, alice, &read).await.expect(202).json();
    world.drain().await;

    let waiting = told(&world, &request["id"]).await;
    assert_eq!(waiting["purge"]["state"], "held");
    assert_eq!(waiting["purge"]["waits_for_release"], json!({"plan": read["sha256"], "rows": 3}));
    world.advance(TimeDelta::days(3)).await;
    assert_eq!(world.all_rows().await, 6, "nothing happens by itself");

    let path = format!("/lethe/v1/requests/{}/release", request["id"].as_str().unwrap());
    let (id, secret) = world.api_client("second", world.org(), &["lethe:purges:release"]).await;
    let other = || world.call(Method::POST, &path).basic_auth(&id, Some(&secret));
    let body = json!({"plan": read["sha256"]});
    send(world.as_admin(Method::POST, &path).json(&body)).await.expect(403);
    send(other().json(&json!({"plan": "0".repeat(64)}))).await.expect(409);
    assert_eq!(world.all_rows().await, 6);
    send(other().json(&body)).await.expect(202);
    world.drain().await;

    assert_eq!((world.rows_of("alice@example.com").await, world.all_rows().await), (0, 3));
    assert_eq!(told(&world, &request["id"]).await["purge"]["state"], "done");
    send(other().json(&body)).await.expect(409);
}

#[tokio::test]
async fn a_release_is_for_the_plan_that_was_read() {
    let world = World::with(|tenant| tenant.blast_radius = 2).await;
    let alice = world.person_with_data("alice").await;
    let path = format!("/users/v1/person/{alice}/purge");
    let now = json!({ "suggested_purge_time": world.now() });
    send(world.as_admin(Method::POST, &path).json(&now)).await.expect(202);
    world.drain().await;
    let ledger = world.stack.app.ledger(world.org());
    let key = ledger.key_of(&PersonId::from(alice)).await.unwrap();
    let id = json!(ledger.erasure(key).await.unwrap().unwrap().id);
    let waiting = told(&world, &id).await;
    world.add_rows("alice@example.com").await;

    let release = format!("/lethe/v1/requests/{}/release", id.as_str().unwrap());
    let plan = json!({"plan": waiting["purge"]["waits_for_release"]["plan"]});
    send(world.as_admin(Method::POST, &release).json(&plan)).await.expect(202);
    world.drain().await;

    assert_eq!(world.rows_of("alice@example.com").await, 6, "six rows are not the three that were released");
    let waiting = told(&world, &id).await;
    assert_eq!(waiting["purge"]["waits_for_release"]["rows"], 6);
}

/// A tenant with these policies.
async fn with_policies(policies: Value) -> World {
    World::with(|tenant| tenant.policies = serde_json::from_value(policies).unwrap()).await
}

fn null(targets: &[&str]) -> Value {
    json!([{"key": "anonymise", "rules": [{
        "action": "erasure", "targets": targets, "masking_strategy": {"strategy": "null_rewrite"},
    }]}])
}

#[tokio::test]
async fn a_policy_masks_what_it_targets() {
    let world = with_policies(null(&["user.name"])).await;
    let alice = world.person_with_data("alice").await;
    world.person_with_data("bob").await;

    let read = plan(&world, alice, json!({"policy": "anonymise"})).await;
    assert_eq!(lines(&read), json!([["customers", "mask", 1, 1], ["orders", "keep", 2, 0]]));
    let request = apply(&world, alice, &read).await.expect(202).json();
    world.drain().await;

    let names: Vec<Option<String>> = sqlx::query_scalar("SELECT name FROM customers ORDER BY id")
        .fetch_all(&mut world.shop().await)
        .await
        .unwrap();
    assert_eq!(names, [None, Some("Somebody".to_owned())]);
    assert_eq!(world.all_rows().await, 6);
    let done = told(&world, &request["id"]).await;
    assert_eq!(done["purge"]["state"], "done");
    assert_eq!(done["purge"]["stores"][0]["masked"], 1);
    assert_eq!(done["purge"]["policy"], "anonymise");
}

#[tokio::test]
async fn what_would_end_half_done_is_refused_before_it_begins() {
    // The address may not be null.
    let world = with_policies(null(&["user.contact"])).await;
    let alice = world.person_with_data("alice").await;

    let read = plan(&world, alice, json!({"policy": "anonymise"})).await;
    assert!(read["refusals"][0].as_str().unwrap().contains("email"), "{read}");
    let refused = apply(&world, alice, &read).await.expect(409).json();
    assert!(refused["type"].as_str().unwrap().contains("plan_refused"), "{refused}");
    let unknown =
        send(world.as_admin(Method::POST, &plan_path(alice)).json(&json!({"policy": "none"}))).await;
    assert_eq!(unknown.status, 422);
    assert_eq!(world.rows_of("alice@example.com").await, 3);
}
