//! Holds: what they keep, from when to when, and what is told of them.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    PersonId, PersonKey,
    purge::StoreOutcome,
    request::{Request, Work},
};
use functions::purges::erase;
use reqwest::Method;
use runtime::queues::{Job, Queue};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::{Reply, World, send};

const HOLDS: &str = "/lethe/v1/holds";

/// A legal hold on everything of a person, or of everybody.
fn legal(person: Option<Uuid>) -> Value {
    json!({
        "kind": "legal_hold",
        "ground": "17(3)(e)",
        "owner": "Legal department",
        "reason": "claim before the district court",
        "review_on": "2026-09-01",
        "scope": person.map_or_else(|| json!({}), |person| json!({"person_id": person})),
    })
}

fn retention(person: Uuid, until: &str) -> Value {
    json!({
        "kind": "retention",
        "ground": "§ 147 AO",
        "owner": "Accounting",
        "reason": "invoices",
        "until": until,
        "scope": {"person_id": person},
    })
}

async fn post(world: &World, body: &Value) -> Reply {
    send(world.as_admin(Method::POST, HOLDS).json(body)).await
}

/// Sets a hold and gives its id.
async fn set(world: &World, body: &Value) -> String {
    post(world, body).await.expect(201).json()["id"].as_str().unwrap().to_owned()
}

async fn lift(world: &World, id: &str) {
    send(world.as_admin(Method::DELETE, &format!("{HOLDS}/{id}"))).await.expect(204);
}

async fn get(world: &World, path: &str) -> Value {
    send(world.as_admin(Method::GET, path)).await.expect(200).json()
}

fn purge_path(person: Uuid) -> String {
    format!("/users/v1/person/{person}/purge")
}

/// Queues a purge and gives the status that the caller is told.
async fn queue(world: &World, person: Uuid, at: DateTime<Utc>) -> String {
    let body = json!({ "suggested_purge_time": at });
    let reply = send(world.as_admin(Method::POST, &purge_path(person)).json(&body)).await.expect(202);
    reply.json()["status"].as_str().unwrap().to_owned()
}

/// How the purge stands, in RallyHere's word; empty if there is none.
async fn status(world: &World, person: Uuid) -> String {
    let reply = send(world.as_admin(Method::GET, &purge_path(person))).await;
    reply.json()["status"].as_str().unwrap_or_default().to_owned()
}

async fn key(world: &World, person: Uuid) -> PersonKey {
    world.stack.app.ledger(world.org()).key_of(&PersonId::from(person)).await.unwrap()
}

async fn erasure(world: &World, person: Uuid) -> Request {
    let key = key(world, person).await;
    world.stack.app.ledger(world.org()).erasure(key).await.unwrap().unwrap()
}

/// The current erasure as our own API tells it.
async fn told(world: &World, person: Uuid) -> Value {
    get(world, &format!("/lethe/v1/requests/{}", erasure(world, person).await.id)).await
}

async fn job(world: &World, person: Uuid) -> Job {
    Job { org: world.org(), person: key(world, person).await, request: None }
}

/// Puts a message on the queue several times and waits until they are worked off.
async fn deliver(world: &World, job: Job) {
    for _ in 0..3 {
        world.stack.app.enqueue(Queue::Purges, &[job]).await.unwrap();
    }
    world.drain().await;
}

#[tokio::test]
async fn a_hold_is_set_read_lifted_and_kept_as_history() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;

    let hold = post(&world, &legal(Some(alice))).await.expect(201).json();

    let id = hold["id"].as_str().unwrap().to_owned();
    assert_eq!(
        hold,
        json!({
            "id": id,
            "kind": "legal_hold",
            "state": "active",
            "ground": "17(3)(e)",
            "owner": "Legal department",
            "reason": "claim before the district court",
            "review_on": "2026-09-01",
            "review_overdue": false,
            "until": null,
            "scope": {"is_personal": true, "person_id": alice},
            "created_at": "2026-03-02T10:00:00.000Z",
            "created_by": world.stack.identity.admin,
            "lifted_at": null,
            "lifted_by": null,
        })
    );
    let path = format!("{HOLDS}/{id}");
    assert_eq!(get(&world, &path).await, hold);

    world.advance(TimeDelta::days(1)).await;
    lift(&world, &id).await;
    world.advance(TimeDelta::days(1)).await;
    lift(&world, &id).await;
    let lifted = get(&world, &path).await;
    assert_eq!(
        (&lifted["state"], &lifted["lifted_at"]),
        (&json!("lifted"), &json!("2026-03-03T10:00:00.000Z"))
    );
    assert_eq!(lifted["lifted_by"], json!(world.stack.identity.admin));
    assert_eq!(lifted["reason"], hold["reason"]);
}

#[tokio::test]
async fn a_hold_that_makes_no_sense_is_refused() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let check = async |change: Value, status: u16, pointer: &str| {
        let mut body = legal(Some(alice));
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let reply = post(&world, &body).await;
        assert_eq!(
            (reply.status, &reply.json()["errors"][0]["pointer"]),
            (status, &json!(pointer)),
            "{change}"
        );
    };

    check(json!({"review_on": null}), 422, "/review_on").await;
    check(json!({"review_on": "soon"}), 422, "/review_on").await;
    check(json!({"review_on": "2026-02-30"}), 422, "/review_on").await;
    check(json!({"review_on": "+12026-01-01"}), 422, "/review_on").await;
    check(json!({"until": "2027-01-01"}), 422, "/until").await;
    check(json!({"kind": "retention", "until": "2026-03-01"}), 422, "/until").await;
    check(json!({"kind": "whim"}), 422, "/kind").await;
    check(json!({"ground": ""}), 422, "/ground").await;
    check(json!({"ground": "alice@example.com"}), 422, "/ground").await;
    check(json!({"owner": ""}), 422, "/owner").await;
    check(json!({"reason": "x".repeat(1001)}), 422, "/reason").await;
    check(json!({"reason": "a\u{0}b"}), 422, "/reason").await;
    check(json!({"scope": {"collection": "orders"}}), 422, "/scope/dataset").await;
    check(json!({"scope": {"person_id": ""}}), 422, "/scope/person_id").await;
    check(json!({"scope": {"everything": true}}), 422, "/scope/everything").await;
    check(json!({"unknown": 1}), 422, "/unknown").await;
    // Everything of everybody is held only by whoever says so.
    let mut nothing = legal(None);
    nothing.as_object_mut().unwrap().remove("scope");
    assert_eq!(post(&world, &nothing).await.expect(422).json()["errors"][0]["pointer"], "/scope");
    let nobody = post(&world, &legal(Some(Uuid::nil()))).await.expect(404).json();
    assert_eq!(nobody["type"], "urn:lethe:problem:person_not_found");

    assert_eq!(get(&world, HOLDS).await["holds"], json!([]));
}

#[tokio::test]
async fn holds_are_read_and_written_by_permission() {
    let world = World::new().await;
    let id = set(&world, &legal(None)).await;
    let path = format!("{HOLDS}/{id}");
    let check = async |method: Method, path: &str, grants: &[&str], expected: u16| {
        let token = world.token("clerk", grants);
        let call = world.call(method, path).bearer_auth(token).json(&legal(None));
        assert_eq!(send(call).await.status, expected, "{grants:?}");
    };

    check(Method::GET, HOLDS, &["lethe:holds:read"], 200).await;
    check(Method::GET, HOLDS, &["lethe:requests:read", "lethe:*"], 403).await;
    check(Method::GET, &path, &["lethe:holds:write"], 200).await;
    check(Method::POST, HOLDS, &["lethe:holds:read"], 403).await;
    check(Method::POST, HOLDS, &["lethe:holds:write"], 201).await;
    check(Method::DELETE, &path, &["lethe:holds:read"], 403).await;
    check(Method::DELETE, &path, &["lethe:holds:write"], 204).await;
}

#[tokio::test]
async fn the_same_call_again_sets_the_same_hold() {
    let world = World::new().await;
    let ask = async || {
        let call = world.as_admin(Method::POST, HOLDS).header("idempotency-key", "one").json(&legal(None));
        send(call).await.expect(201).json()
    };

    assert_eq!(ask().await, ask().await);
    assert_eq!(get(&world, HOLDS).await["holds"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_purge_asked_for_under_a_hold_is_held_and_says_why() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let id = set(&world, &legal(Some(alice))).await;

    assert_eq!(queue(&world, alice, world.now()).await, "held");
    deliver(&world, job(&world, alice).await).await;
    world.advance(TimeDelta::days(100)).await;

    assert_eq!((status(&world, alice).await.as_str(), world.rows_of("alice@example.com").await), ("held", 3));
    let request = told(&world, alice).await;
    assert_eq!((&request["status"], &request["purge"]["attempts"]), (&json!("held"), &json!(0)));
    assert_eq!(
        request["purge"]["held_because"],
        json!([{
            "hold_id": id,
            "kind": "legal_hold",
            "ground": "17(3)(e)",
            "reason": "claim before the district court",
            "review_on": "2026-09-01",
        }])
    );

    lift(&world, &id).await;
    world.drain().await;
    assert_eq!(
        (status(&world, alice).await.as_str(), world.rows_of("alice@example.com").await),
        ("purged", 0)
    );
    assert_eq!(told(&world, alice).await["purge"]["held_because"], Value::Null);
}

#[tokio::test]
async fn a_hold_set_while_a_purge_waits_holds_it_at_once() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let due = world.now() + TimeDelta::hours(6);
    assert_eq!(queue(&world, alice, due).await, "queued");

    let id = set(&world, &legal(Some(alice))).await;
    assert_eq!(status(&world, alice).await, "held");
    // Lifted before its time, it waits for its time.
    lift(&world, &id).await;
    world.drain().await;
    assert_eq!(
        (status(&world, alice).await.as_str(), world.rows_of("alice@example.com").await),
        ("queued", 3)
    );

    let id = set(&world, &legal(Some(alice))).await;
    world.advance(TimeDelta::hours(7)).await;
    deliver(&world, job(&world, alice).await).await;
    assert_eq!((status(&world, alice).await.as_str(), world.rows_of("alice@example.com").await), ("held", 3));
    lift(&world, &id).await;
    world.drain().await;
    assert_eq!(
        (status(&world, alice).await.as_str(), world.rows_of("alice@example.com").await),
        ("purged", 0)
    );
}

/// A purge that a worker has claimed, and left after it had planned: it died.
async fn claimed(world: &World, person: Uuid) -> Request {
    queue(world, person, world.now() + TimeDelta::microseconds(1)).await;
    world.drain().await;
    world.stack.clock.advance(TimeDelta::microseconds(1)).unwrap();
    let (request, now) = (erasure(world, person).await, world.now());
    let purge = request.purge().unwrap().clone().claim(now).unwrap();
    let orders = StoreOutcome {
        dataset: "shop".into(),
        collection: "orders".into(),
        found: 2,
        ..StoreOutcome::default()
    };
    let purge = purge.plan([orders], now).unwrap();
    let claimed = request.with_work(Work::Purge(purge), now);
    world.stack.app.ledger(world.org()).put_request(&claimed).await.unwrap();
    claimed
}

#[tokio::test]
async fn a_hold_set_after_the_claim_stops_whoever_goes_on() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    claimed(&world, alice).await;

    let id = set(&world, &legal(Some(alice))).await;
    assert_eq!(status(&world, alice).await, "purging");
    world.advance(TimeDelta::hours(1)).await;

    assert_eq!((status(&world, alice).await.as_str(), world.rows_of("alice@example.com").await), ("held", 3));
    // It has begun: nobody can say that nothing was erased.
    assert_eq!(send(world.as_admin(Method::DELETE, &purge_path(alice))).await.status, 409);
    assert_eq!(queue(&world, alice, world.now() + TimeDelta::days(9)).await, "held");
    let person = format!("/lethe/v1/persons/{alice}");
    assert_eq!(send(world.as_admin(Method::PUT, &person).json(&json!({}))).await.status, 409);

    lift(&world, &id).await;
    world.drain().await;
    assert_eq!(
        (status(&world, alice).await.as_str(), world.rows_of("alice@example.com").await),
        ("purged", 0)
    );
}

/// Lets everybody else take so many turns first.
async fn step_back(turns: usize) {
    for _ in 0..turns {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn whenever_a_hold_comes_no_page_goes_after_it() {
    let world = World::new().await;
    let app = &world.stack.app;
    let mut seen = BTreeSet::new();

    for round in 0..30 {
        let name = format!("person{round}");
        let email = format!("{name}@example.com");
        let person = world.person_with_data(&name).await;
        queue(&world, person, world.now() + TimeDelta::microseconds(1)).await;
        world.drain().await;
        world.stack.clock.advance(TimeDelta::microseconds(1)).unwrap();
        let job = job(&world, person).await;

        let hold = async {
            step_back(round * 4).await;
            (post(&world, &legal(Some(person))).await.status, world.rows_of(&email).await)
        };
        let ((answer, rows), erased) = tokio::join!(hold, erase::handle(app.clone(), job));
        erased.unwrap();
        let (status, left) = (status(&world, person).await, world.rows_of(&email).await);
        seen.insert(status.clone());
        match (answer, status.as_str()) {
            // The page that was on its way went; the customer's row is another one.
            (201, "held") => assert!(left == rows || rows == 3 && left == 1, "{round}: {rows} {left}"),
            // Too late: everything was erased already, and the person is forgotten or about to be.
            (201 | 404 | 409, "purged") => assert_eq!(left, 0, "{round}"),
            other => panic!("{round}: {other:?}"),
        }
        if status == "held" {
            world.advance(TimeDelta::hours(2)).await;
            deliver(&world, job).await;
            assert_eq!(world.rows_of(&email).await, left, "{round}");
        }
    }

    assert!(seen.contains("held"), "{seen:?}");
}

#[tokio::test]
async fn a_hold_on_the_whole_tenant_holds_everybody() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let bob = world.person_with_data("bob").await;
    queue(&world, alice, world.now() + TimeDelta::hours(1)).await;
    let id = set(&world, &legal(None)).await;

    assert_eq!(queue(&world, bob, world.now()).await, "held");
    world.advance(TimeDelta::days(2)).await;
    assert_eq!((status(&world, alice).await.as_str(), status(&world, bob).await.as_str()), ("held", "held"));
    assert_eq!(world.all_rows().await, 6);

    lift(&world, &id).await;
    world.advance(TimeDelta::minutes(70)).await;
    assert_eq!(
        (status(&world, alice).await.as_str(), status(&world, bob).await.as_str()),
        ("purged", "purged")
    );
    assert_eq!(world.all_rows().await, 0);
}

#[tokio::test]
async fn a_retention_ends_by_itself() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let id = set(&world, &retention(alice, "2026-03-04")).await;
    assert_eq!(queue(&world, alice, world.now()).await, "held");

    // The day itself counts.
    world.advance(TimeDelta::days(2) + TimeDelta::hours(13)).await;
    assert_eq!((status(&world, alice).await.as_str(), world.rows_of("alice@example.com").await), ("held", 3));
    world.advance(TimeDelta::hours(1) + TimeDelta::minutes(5)).await;

    assert_eq!(
        (status(&world, alice).await.as_str(), world.rows_of("alice@example.com").await),
        ("purged", 0)
    );
    let hold = get(&world, &format!("{HOLDS}/{id}")).await;
    assert_eq!((&hold["state"], &hold["lifted_at"]), (&json!("ended"), &Value::Null));
}

#[tokio::test]
async fn the_last_of_several_holds_counts() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let mut holds = Vec::new();
    for body in [legal(Some(alice)), legal(None), retention(alice, "2026-03-20")] {
        holds.push(set(&world, &body).await);
    }
    assert_eq!(queue(&world, alice, world.now()).await, "held");

    assert_eq!(told(&world, alice).await["purge"]["held_because"].as_array().unwrap().len(), 3);
    for id in &holds[..2] {
        lift(&world, id).await;
        world.advance(TimeDelta::days(1)).await;
        assert_eq!((status(&world, alice).await.as_str(), world.all_rows().await), ("held", 3));
    }
    assert_eq!(told(&world, alice).await["purge"]["held_because"][0]["until"], "2026-03-20");
    world.advance(TimeDelta::days(20)).await;
    assert_eq!((status(&world, alice).await.as_str(), world.all_rows().await), ("purged", 0));
}

#[tokio::test]
async fn a_purge_held_before_it_began_can_be_called_off() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let id = set(&world, &legal(Some(alice))).await;
    queue(&world, alice, world.now()).await;

    send(world.as_admin(Method::DELETE, &purge_path(alice))).await.expect(204);
    lift(&world, &id).await;
    world.advance(TimeDelta::days(40)).await;

    assert_eq!((status(&world, alice).await.as_str(), world.rows_of("alice@example.com").await), ("", 3));
}

/// A hold on a part of the shop.
fn part(mut body: Value, scope: &Value) -> Value {
    body["scope"].as_object_mut().unwrap().extend(scope.as_object().unwrap().clone());
    body
}

/// Rows kept, and why, by collection.
async fn kept(world: &World, person: Uuid) -> Vec<(String, u64, u64, Value)> {
    let request = told(world, person).await;
    let stores = request["purge"]["stores"].as_array().unwrap();
    let mut kept: Vec<_> = stores
        .iter()
        .map(|store| {
            let count = |name: &str| store[name].as_u64().unwrap();
            let name = store["collection"].as_str().unwrap().to_owned();
            (name, count("erased"), count("kept"), store["kept_because"].clone())
        })
        .collect();
    kept.sort_by(|one, other| one.0.cmp(&other.0));
    kept
}

#[tokio::test]
async fn what_a_hold_does_not_cover_is_erased_and_the_rest_when_it_is_lifted() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let id =
        set(&world, &part(legal(Some(alice)), &json!({"dataset": "shop", "collection": "customers"}))).await;

    assert_eq!(queue(&world, alice, world.now()).await, "queued");
    world.drain().await;

    assert_eq!((status(&world, alice).await.as_str(), world.rows_of("alice@example.com").await), ("held", 1));
    let because = json!(["held: legal hold under 17(3)(e)"]);
    let expected = [("customers".to_owned(), 0, 1, because), ("orders".to_owned(), 2, 0, Value::Null)];
    assert_eq!(kept(&world, alice).await, expected);
    let request = told(&world, alice).await;
    assert_eq!(request["status"], "held");
    assert_eq!(request["purge"]["held_because"][0]["reason"], "claim before the district court");
    // Nobody is told that it is done, and who is left can be found again.
    assert_eq!(world.mails_to("alice@example.com").len(), 0);
    send(world.as_admin(Method::GET, &format!("/lethe/v1/persons/{alice}"))).await.expect(200);
    // It has begun, and goes on by itself alone.
    assert_eq!(send(world.as_admin(Method::DELETE, &purge_path(alice))).await.status, 409);
    let before = erasure(&world, alice).await.purge().unwrap().attempts;
    deliver(&world, job(&world, alice).await).await;
    world.advance(TimeDelta::days(3)).await;
    assert_eq!(erasure(&world, alice).await.purge().unwrap().attempts, before);

    lift(&world, &id).await;
    world.drain().await;
    assert_eq!((status(&world, alice).await.as_str(), world.all_rows().await), ("purged", 0));
    let erased: u64 = kept(&world, alice).await.iter().map(|(_, erased, ..)| erased).sum();
    assert_eq!(erased, 3);
    assert_eq!(world.mails_to("alice@example.com").len(), 1);
}

#[tokio::test]
async fn what_leads_to_rows_that_are_held_stays_with_them() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let id = set(&world, &part(legal(Some(alice)), &json!({"category": "user.financial"}))).await;

    queue(&world, alice, world.now()).await;
    world.drain().await;
    assert_eq!((status(&world, alice).await.as_str(), world.rows_of("alice@example.com").await), ("held", 3));

    lift(&world, &id).await;
    world.drain().await;
    assert_eq!((status(&world, alice).await.as_str(), world.all_rows().await), ("purged", 0));
}

#[tokio::test]
async fn a_hold_on_what_a_person_does_not_have_holds_nothing_of_theirs() {
    let world = World::new().await;
    let alice = Uuid::new_v5(&Uuid::NAMESPACE_DNS, b"alice");
    world.register(&alice.to_string(), "alice@example.com").await;
    set(&world, &part(legal(None), &json!({"dataset": "shop", "collection": "customers"}))).await;

    queue(&world, alice, world.now()).await;
    world.drain().await;

    assert_eq!(status(&world, alice).await, "purged");
}

#[tokio::test]
async fn a_hold_on_something_unknown_holds_everything() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let unknown = [
        json!({"dataset": "shpo"}),
        json!({"dataset": "shop", "collection": "invoices"}),
        json!({"category": "user.x"}),
    ];
    let mut holds = Vec::new();
    for scope in &unknown {
        holds.push(set(&world, &part(legal(Some(alice)), scope)).await);
    }
    queue(&world, alice, world.now()).await;
    world.drain().await;

    for id in holds {
        assert_eq!((status(&world, alice).await.as_str(), world.all_rows().await), ("held", 3));
        lift(&world, &id).await;
        world.drain().await;
    }
    assert_eq!((status(&world, alice).await.as_str(), world.all_rows().await), ("purged", 0));
}

#[tokio::test]
async fn nobody_is_taken_out_of_the_registry_under_a_hold() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let person = format!("/lethe/v1/persons/{alice}");
    let check = async |body: Value, expected: u16| {
        let id = set(&world, &body).await;
        let reply = send(world.as_admin(Method::DELETE, &person)).await;
        assert_eq!(reply.status, expected, "{body}");
        lift(&world, &id).await;
    };
    let shop = json!({"dataset": "shop"});

    check(legal(Some(alice)), 409).await;
    check(legal(None), 409).await;
    check(part(legal(Some(alice)), &shop), 409).await;
    // Part of everybody's stores is not the registry.
    check(part(legal(None), &shop), 204).await;
}

#[tokio::test]
async fn what_is_kept_of_a_hold_tells_nothing_of_the_person() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let mut body = legal(Some(alice));
    body["reason"] = json!("Alice of example.com against us");
    let id = set(&world, &body).await;
    queue(&world, alice, world.now()).await;
    lift(&world, &id).await;
    world.drain().await;
    assert_eq!(status(&world, alice).await, "purged");

    let hold = get(&world, &format!("{HOLDS}/{id}")).await;
    assert_eq!((&hold["state"], &hold["ground"]), (&json!("lifted"), &json!("17(3)(e)")));
    for name in ["reason", "owner", "created_by", "lifted_by"] {
        assert_eq!(hold[name], Value::Null, "{name}");
    }
    assert_eq!(hold["scope"], json!({"is_personal": true}));
    let log = world.log.lock().unwrap().clone();
    for text in world.items("lethe").await.iter().chain(&world.items("lethe-keys").await).chain(&log) {
        assert!(!text.contains("Alice of") && !text.contains(&alice.to_string()), "{text}");
    }
    // Proof has an end too.
    world.advance(TimeDelta::days(1097)).await;
    assert_eq!(send(world.as_admin(Method::GET, &format!("{HOLDS}/{id}"))).await.status, 404);
    assert_eq!(get(&world, HOLDS).await["holds"], json!([]));
}

#[tokio::test]
async fn what_is_said_of_a_hold_is_sealed() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    set(&world, &legal(Some(alice))).await;
    set(&world, &legal(None)).await;

    for item in world.items("lethe").await {
        for canary in ["district court", "Legal department", &alice.to_string()] {
            assert!(!item.contains(canary), "{item}");
        }
    }
}

#[tokio::test]
async fn holds_are_listed_by_what_is_asked_for() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let bob = world.person_with_data("bob").await;
    let mut all = Vec::new();
    for body in [legal(Some(alice)), legal(Some(bob)), retention(bob, "2026-03-10"), legal(None)] {
        world.advance(TimeDelta::seconds(1)).await;
        all.push(set(&world, &body).await);
    }
    lift(&world, &all[1]).await;
    let check = async |query: &str, expected: &[usize]| {
        let reply = get(&world, &format!("{HOLDS}?{query}")).await;
        let ids: Vec<&str> =
            reply["holds"].as_array().unwrap().iter().map(|hold| hold["id"].as_str().unwrap()).collect();
        assert_eq!(ids, expected.iter().map(|place| all[*place].as_str()).collect::<Vec<_>>(), "{query}");
    };

    check("", &[3, 2, 1, 0]).await;
    check(&format!("person_id={alice}"), &[0]).await;
    check(&format!("person_id={bob}"), &[2, 1]).await;
    check("person_id=nobody", &[]).await;
    check("state=active", &[3, 2, 0]).await;
    check("state=lifted", &[1]).await;
    check("state=ended", &[]).await;
    check("review_overdue=true", &[]).await;
    world.advance(TimeDelta::days(200)).await;
    check("state=ended", &[2]).await;
    check("review_overdue=true", &[3, 0]).await;
    check(&format!("person_id={alice}&review_overdue=true&state=active"), &[0]).await;

    for (filter, expected) in [(String::new(), vec![3, 2, 1, 0]), (format!("&person_id={bob}"), vec![2, 1])] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = get(&world, &format!("{HOLDS}?limit=1{filter}{cursor}")).await;
            seen.extend(
                page["holds"].as_array().unwrap().iter().map(|hold| hold["id"].as_str().unwrap().to_owned()),
            );
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(seen, expected.into_iter().map(|place| all[place].clone()).collect::<Vec<_>>());
    }
    for (query, parameter) in [
        ("state=x", "state"),
        ("review_overdue=1", "review_overdue"),
        ("limit=0", "limit"),
        ("cursor=x", "cursor"),
    ] {
        let reply = send(world.as_admin(Method::GET, &format!("{HOLDS}?{query}"))).await.expect(400).json();
        assert_eq!(reply["errors"][0]["parameter"], parameter);
    }
}
