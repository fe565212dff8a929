//! What people must look at before the law's time is over is counted for the alarms.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::Connection as _;
use uuid::Uuid;

use crate::world::{World, send};

/// Records a request that people deal with.
async fn ask(world: &World, person: Uuid) {
    let body = json!({"requestType": "CORRECTION", "requestRemarks": "I moved."});
    let path = format!("/api/rest/users/{person}/personaldatarequest");
    send(world.as_trivore(Method::POST, &path).json(&body)).await.expect(201);
}

async fn purge(world: &World, person: Uuid, body: Value) {
    let path = format!("/users/v1/person/{person}/purge");
    send(world.as_admin(Method::POST, &path).json(&body)).await.expect(202);
    world.drain().await;
}

/// What is counted when the worker runs now, by the names of the metrics.
async fn counted(world: &World) -> Value {
    world.log.lock().unwrap().clear();
    assert!(world.stack.tick("check-deadlines").await);
    let log = world.log.lock().unwrap().clone();
    let lines = log.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut metrics: Vec<Value> = lines.filter(|line| line.get("_aws").is_some()).collect();
    assert!(metrics.len() <= 1, "{metrics:?}");
    let Some(mut line) = metrics.pop() else { return json!({}) };
    let directive = line.as_object_mut().unwrap().remove("_aws").unwrap();
    let directive = &directive["CloudWatchMetrics"][0];
    assert_eq!((&directive["Namespace"], &directive["Dimensions"]), (&json!("Lethe"), &json!([[]])));
    let names: Vec<&str> =
        directive["Metrics"].as_array().unwrap().iter().map(|one| one["Name"].as_str().unwrap()).collect();
    assert!(names.iter().all(|name| line.get(name).is_some()), "{line}");
    assert_eq!(names.len(), line.as_object().unwrap().len());
    line
}

/// How many requests are watched.
async fn watched(world: &World) -> usize {
    world.items("lethe").await.iter().filter(|item| item.contains("due_pk=DEADLINE#")).count()
}

#[tokio::test]
async fn an_open_request_is_counted_as_its_time_runs_out() {
    // Received on 2 March: due with 2 April.
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    ask(&world, alice).await;
    let after = async |days| {
        let start = crate::world::START.parse::<chrono::DateTime<chrono::Utc>>().unwrap();
        world.advance(start + TimeDelta::days(days) - world.now()).await;
        counted(&world).await
    };

    assert_eq!(after(0).await, json!({}));
    assert_eq!(after(15).await, json!({}));
    assert_eq!(after(17).await, json!({"DeadlineHalf": 1}));
    assert_eq!(after(25).await, json!({"DeadlineHalf": 1}));
    assert_eq!(after(26).await, json!({"DeadlineHalf": 1, "DeadlineFourFifths": 1}));
    let near = json!({"DeadlineHalf": 1, "DeadlineFourFifths": 1, "DeadlineNear": 1});
    assert_eq!(after(31).await, near);
    let breached =
        json!({"DeadlineHalf": 1, "DeadlineFourFifths": 1, "DeadlineNear": 1, "DeadlineBreached": 1});
    assert_eq!(after(32).await, breached);
    assert_eq!(after(100).await, breached, "until somebody deals with it");
    assert_eq!(watched(&world).await, 1);

    // Whoever is erased waits for nothing any more.
    purge(&world, alice, json!({"suggested_purge_time": world.now()})).await;

    assert_eq!(counted(&world).await, json!({}));
    assert_eq!(watched(&world).await, 0);
}

#[tokio::test]
async fn what_lethe_does_in_time_is_not_counted() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let bob = world.person_with_data("bob").await;
    let carol = world.person_with_data("carol").await;
    // Done at once; set for the last day but one; called off.
    world.order_takeout(alice, "alice@example.com").await;
    purge(&world, bob, json!({})).await;
    purge(&world, carol, json!({})).await;
    send(world.as_admin(Method::DELETE, &format!("/users/v1/person/{carol}/purge"))).await.expect(204);

    world.advance(TimeDelta::days(29)).await;

    assert_eq!(counted(&world).await, json!({}));
    assert_eq!(watched(&world).await, 1, "the purge of Bob alone is still to be done");
    world.advance(TimeDelta::days(2)).await;
    assert_eq!(counted(&world).await, json!({}));
    assert_eq!((watched(&world).await, world.rows_of("bob@example.com").await), (0, 0));
}

#[tokio::test]
async fn a_purge_set_for_after_the_deadline_is_counted() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    purge(&world, alice, json!({"suggested_purge_time": world.now() + TimeDelta::days(60)})).await;

    world.advance(TimeDelta::days(27)).await;

    assert_eq!(counted(&world).await, json!({"DeadlineHalf": 1, "DeadlineFourFifths": 1}));
}

#[tokio::test]
async fn what_was_looked_at_is_not_looked_at_again() {
    let world = World::new().await;
    for name in ["alice", "bob", "carol"] {
        let person = world.person_with_data(name).await;
        ask(&world, person).await;
        world.advance(TimeDelta::days(1)).await;
    }
    let marker = async || {
        let items = world.items("lethe").await;
        items.into_iter().find(|item| item.contains("sk=Y;"))
    };

    assert_eq!(counted(&world).await, json!({}));
    assert_eq!(marker().await, None);
    // Two of three were received more than thirteen days ago, and none has half of its time behind it.
    world.advance(TimeDelta::days(11)).await;
    assert_eq!(counted(&world).await, json!({}));
    let after_two = marker().await;
    assert!(after_two.is_some());
    assert_eq!((counted(&world).await, marker().await), (json!({}), after_two.clone()));
    assert_eq!(watched(&world).await, 2);
    world.advance(TimeDelta::days(1)).await;
    assert_eq!(counted(&world).await, json!({}));
    assert_ne!(marker().await, after_two);
    // 2 and 3 March; 4 April is a Saturday, so that the third has two days more.
    world.advance(TimeDelta::days(2)).await;
    assert_eq!(counted(&world).await, json!({"DeadlineHalf": 2}));
    world.advance(TimeDelta::days(2)).await;
    assert_eq!(counted(&world).await, json!({"DeadlineHalf": 3}));
}

#[tokio::test]
async fn a_purge_that_was_given_up_is_stuck_until_it_is_queued_anew() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let run = async |statement: &'static str| {
        let mut shop = world.shop().await;
        sqlx::query(statement).execute(&mut shop).await.unwrap();
        shop.close().await.unwrap();
    };
    run("CREATE TABLE invoices (order_id INTEGER NOT NULL REFERENCES orders (id))").await;
    run("INSERT INTO invoices SELECT id FROM orders").await;
    purge(&world, alice, json!({"suggested_purge_time": world.now()})).await;
    assert_eq!(counted(&world).await, json!({}), "it is tried again by itself");

    world.advance(TimeDelta::hours(1)).await;
    for _ in 0..12 {
        world.advance(TimeDelta::hours(9)).await;
    }

    assert_eq!(counted(&world).await, json!({"StuckPurges": 1}));
    run("DROP TABLE invoices").await;
    purge(&world, alice, json!({"suggested_purge_time": world.now()})).await;
    assert_eq!(counted(&world).await, json!({}));
    assert_eq!(world.all_rows().await, 0);
}
