//! One ledger, five doors: what is asked for at one is seen through the others, and what is
//! forgotten is forgotten at all of them.

use chrono::TimeDelta;
use domain::PersonId;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::{World, send, takeout_order};

/// What each door says of a person.
struct Doors<'a> {
    world: &'a World,
    person: Uuid,
}

impl Doors<'_> {
    async fn ask(&self, call: RequestBuilder) -> (u16, Value) {
        let reply = send(call).await;
        let body = if reply.bytes.is_empty() { Value::Null } else { reply.json() };
        (reply.status, body)
    }

    async fn pace(&self) -> (u16, Value) {
        let path = format!("/gdpr/{}/takeouts", self.person);
        self.ask(self.world.as_pace(Method::GET, &path)).await
    }

    async fn slashid(&self) -> (u16, Value) {
        let path = format!("/persons/{}/consent/gdpr", self.person);
        self.ask(self.world.as_slashid(Method::GET, &path)).await
    }

    /// How the deletion of whoever `identifier` names stands.
    async fn instacart(&self, identifier: &str) -> (u16, Value) {
        let ask = json!({"identifiers": [identifier]});
        let call = self.world.as_instacart(Method::POST, "/v2/compliance/customers/deletion/status").await;
        let (status, body) = self.ask(call.json(&ask)).await;
        (status, if status == 200 { body["results"][0]["status"].clone() } else { body })
    }

    async fn rallyhere(&self) -> (u16, Value) {
        let path = format!("/users/v1/person/{}/purge", self.person);
        self.ask(self.world.as_admin(Method::GET, &path)).await
    }

    async fn restrictions(&self) -> (u16, Value) {
        let path = format!("/users/v1/person/{}/restrictions", self.person);
        self.ask(self.world.as_admin(Method::GET, &path)).await
    }

    async fn trivore(&self) -> (u16, Value) {
        let path = format!("/api/rest/users/{}/personaldatarequest", self.person);
        self.ask(self.world.as_trivore(Method::GET, &path)).await
    }

    /// What Trivore gives a person of their own.
    async fn mydata(&self) -> (u16, Value) {
        let path = format!("/api/rest/v1/user/{}/mydata/user", self.person);
        self.ask(self.world.as_trivore(Method::GET, &path)).await
    }

    async fn native(&self) -> Value {
        let path = format!("/lethe/v1/requests?person_id={}", self.person);
        self.ask(self.world.as_admin(Method::GET, &path)).await.1["requests"].clone()
    }

    /// Queues the purge; at once, or after the tenant's grace period.
    async fn purge(&self, at_once: bool) -> Value {
        // The vendor's client says "at once" by a time in the past.
        let ask = if at_once {
            json!({"suggested_purge_time": self.world.now() - TimeDelta::hours(1)})
        } else {
            json!({})
        };
        let path = format!("/users/v1/person/{}/purge", self.person);
        let reply = send(self.world.as_admin(Method::POST, &path).json(&ask)).await.expect(202).json();
        self.world.drain().await;
        reply
    }

    /// Records a personal data request at Trivore.
    async fn record(&self, kind: &str, remarks: &str) -> Value {
        let path = format!("/api/rest/users/{}/personaldatarequest", self.person);
        let ask = json!({"requestType": kind, "requestRemarks": remarks});
        send(self.world.as_trivore(Method::POST, &path).json(&ask)).await.expect(201).json()
    }
}

async fn world_with_alice() -> (World, Uuid) {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    (world, alice)
}

#[tokio::test]
async fn a_takeout_ordered_at_pace_is_a_data_retrieval_at_trivore() {
    let (world, alice) = world_with_alice().await;
    let doors = Doors { world: &world, person: alice };

    let id = world.order_takeout(alice, "alice@example.com").await;
    world.drain().await;

    let (_, list) = doors.trivore().await;
    assert_eq!((&list[0]["id"], &list[0]["requestType"]), (&id.clone().into(), &"DATA_RETRIEVAL".into()));
    let native = doors.native().await;
    assert_eq!((&native[0]["id"], &native[0]["door"]), (&json!(id), &json!("pace")));
    assert_eq!((&native[0]["kind"], &native[0]["status"]), (&json!("access"), &json!("completed")));
    assert_eq!(doors.pace().await.1["data"][0]["attributes"]["status"], "ready");
    let zip = send(world.as_pace(Method::GET, &format!("/gdpr/{alice}/takeouts/{id}"))).await.expect(200);
    assert_eq!(zip.header("content-type"), "application/zip");
    assert_eq!(&zip.bytes[..2], b"PK");
}

#[tokio::test]
async fn a_deletion_asked_for_at_instacart_is_a_purge_at_every_door() {
    let (world, alice) = world_with_alice().await;
    let doors = Doors { world: &world, person: alice };
    assert_eq!(doors.rallyhere().await.0, 404);

    let path = format!("/v2/fulfillment/users/{alice}/privacy_request");
    send(world.as_instacart(Method::POST, &path).await).await.expect(200);
    world.drain().await;

    let (status, purge) = doors.rallyhere().await;
    assert_eq!((status, &purge["status"]), (200, &json!("queued")));
    assert_eq!(purge["purge_on"], "2026-04-01T10:00:00+00:00");
    let restrictions = doors.restrictions().await.1;
    assert_eq!(restrictions["restrictions"][0]["type"], "account_pending_deletion");
    let trivore = doors.trivore().await.1;
    assert_eq!((&trivore[0]["requestType"], &trivore[0]["confirmTime"]), (&json!("REMOVAL"), &Value::Null));
    let native = doors.native().await;
    assert_eq!((&native[0]["door"], &native[0]["kind"]), (&json!("instacart"), &json!("erasure")));
    assert_eq!((&native[0]["id"], &native[0]["status"]), (&trivore[0]["id"], &json!("in_progress")));
}

#[tokio::test]
async fn a_purge_queued_at_rallyhere_is_a_deletion_at_every_door() {
    let (world, alice) = world_with_alice().await;
    let doors = Doors { world: &world, person: alice };
    assert_eq!(doors.instacart("alice@example.com").await.0, 400);

    doors.purge(false).await;

    for identifier in ["alice@example.com", "ALICE@example.com", &alice.to_string()] {
        assert_eq!(doors.instacart(identifier).await, (200, json!("pending")), "{identifier}");
    }
    assert_eq!(doors.trivore().await.1[0]["requestType"], "REMOVAL");
    let native = doors.native().await;
    assert_eq!((&native[0]["door"], &native[0]["status"]), (&json!("rallyhere"), &json!("in_progress")));

    world.advance(TimeDelta::days(31)).await;
    for identifier in ["alice@example.com", &alice.to_string()] {
        assert_eq!(doors.instacart(identifier).await, (200, json!("completed")), "{identifier}");
    }
    assert_eq!(doors.rallyhere().await.1["status"], "purged");
    assert_eq!(doors.trivore().await.1[0]["requestType"], "REMOVAL");
    assert_eq!(doors.native().await[0]["status"], "completed");
}

#[tokio::test]
async fn requests_recorded_at_trivore_are_seen_at_every_door() {
    let (world, alice) = world_with_alice().await;
    let doors = Doors { world: &world, person: alice };

    let mut ids = Vec::new();
    for kind in ["DATA_RETRIEVAL", "REMOVAL", "CORRECTION", "PROCESSING_RESTRICTION"] {
        world.advance(TimeDelta::minutes(1)).await;
        ids.insert(0, doors.record(kind, "x").await["id"].clone());
    }

    let takeouts = doors.pace().await.1;
    assert_eq!(takeouts["data"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&takeouts["data"][0]["id"], &takeouts["data"][0]["attributes"]["status"]),
        (&ids[3], &json!("inProgress"))
    );
    assert_eq!(doors.instacart("alice@example.com").await, (200, json!("pending")));
    // It opened a request and nothing else: people deal with it.
    assert_eq!(doors.rallyhere().await.0, 404);
    assert_eq!(doors.restrictions().await.1, json!({"restrictions": []}));
    let native = doors.native().await;
    let seen: Vec<_> = native.as_array().unwrap().iter().map(|request| request["id"].clone()).collect();
    assert_eq!(seen, ids);
    let kinds: Vec<_> =
        native.as_array().unwrap().iter().map(|request| request["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["restriction", "correction", "erasure", "access"]);
    for request in native.as_array().unwrap() {
        assert_eq!((&request["door"], &request["status"]), (&json!("trivore"), &json!("open")));
    }
}

#[tokio::test]
async fn consents_given_at_slashid_are_part_of_a_persons_data() {
    let (world, alice) = world_with_alice().await;
    let doors = Doors { world: &world, person: alice };
    let path = format!("/persons/{alice}/consent/gdpr");
    for levels in [json!(["necessary", "analytics"]), json!(["necessary"])] {
        let ask = json!({ "consent_levels": levels });
        send(world.as_slashid(Method::PUT, &path).json(&ask)).await.expect(200);
    }

    let (_, record) = doors.mydata().await;

    let history = record["consents"].as_array().unwrap();
    let levels: Vec<Vec<&str>> = history
        .iter()
        .map(|version| {
            let granted = version["granted"].as_array().unwrap();
            granted.iter().map(|consent| consent["consent_level"].as_str().unwrap()).collect()
        })
        .collect();
    assert_eq!(levels, [vec!["necessary", "analytics"], vec!["necessary"]]);
}

const PHONE: &str = "+358401234567";
const REMARKS: &str = "call me at my summer cottage";

/// A person of whom every door knows something.
async fn known_everywhere(doors: &Doors<'_>) {
    let Doors { world, person: alice } = doors;
    let person = json!({
        "identities": {"email": "alice@example.com", "phone_number": PHONE},
        "verified": ["email"],
        "linked_identities": ["default"],
    });
    let path = format!("/lethe/v1/persons/{alice}");
    send(world.as_admin(Method::PUT, &path).json(&person)).await.expect(200);
    for key in ["one", "two"] {
        let path = format!("/gdpr/{alice}/takeouts");
        let order = world.as_pace(Method::POST, &path).body(takeout_order("alice@example.com").to_string());
        send(order.header("idempotency-key", format!("{alice} {key}"))).await.expect(200);
    }
    // One that waits for ever at the verified address.
    world.order_takeout(*alice, "elsewhere@example.org").await;
    let levels = json!({"consent_levels": ["analytics", "marketing"]});
    let path = format!("/persons/{alice}/consent/gdpr");
    send(world.as_slashid(Method::POST, &path).json(&levels)).await.expect(201);
    let path = format!("/users/v1/person/{alice}/restrictions");
    let ban = json!({"type": "account_ban", "reason": REMARKS, "issuer": "alice@example.com"});
    send(world.as_admin(Method::POST, &path).json(&ban)).await.expect(201);
    for kind in ["DATA_RETRIEVAL", "REMOVAL", "CORRECTION", "PROCESSING_RESTRICTION"] {
        doors.record(kind, REMARKS).await;
    }
    let path = format!(
        "/api/rest/users/{alice}/personaldatarequest/view-uri?returnUri=https://app.example.com/{alice}"
    );
    send(world.as_trivore(Method::POST, &path)).await.expect(200);
    // A purge that was called off, beside the one that will be carried out.
    doors.purge(false).await;
    send(world.as_admin(Method::DELETE, &format!("/users/v1/person/{alice}/purge"))).await.expect(204);
    world.drain().await;
}

#[tokio::test]
async fn after_a_purge_no_door_knows_the_person() {
    let (world, alice) = world_with_alice().await;
    let doors = Doors { world: &world, person: alice };
    known_everywhere(&doors).await;
    doors.purge(true).await;

    assert_eq!(world.rows_of("alice@example.com").await, 0);
    // Each door has its own words for somebody whom it does not know.
    let (status, body) = doors.pace().await;
    assert_eq!((status, &body["errors"][0]["status"]), (404, &json!("404")));
    assert_eq!(
        doors.slashid().await,
        (404, json!({"errors": [{"httpcode": 404, "message": "person not found"}]}))
    );
    let unknown = json!({"error": {"message": "User Not Found", "code": 1001}, "meta": {"key": "user_id"}});
    let path = format!("/v2/fulfillment/users/{alice}/privacy_request");
    assert_eq!(doors.ask(world.as_instacart(Method::POST, &path).await).await, (400, unknown));
    let call = world.as_instacart(Method::POST, "/v2/compliance/customers/delete").await;
    let (status, body) = doors.ask(call.json(&json!({"identifier": "alice@example.com"}))).await;
    assert_eq!((status, &body["error"]["code"]), (400, &json!(1001)));
    let path = format!("/users/v1/person/{alice}/purge");
    let (status, body) = doors.ask(world.as_admin(Method::POST, &path).json(&json!({}))).await;
    assert_eq!((status, &body["error_code"]), (404, &json!("person_not_found")));
    assert_eq!(doors.restrictions().await.0, 404);
    let unknown = json!({"errorMessage": "Person not found.", "statusCode": 404});
    assert_eq!(doors.mydata().await, (404, unknown.clone()));
    let path = format!("/api/rest/users/{alice}/personaldatarequest");
    let ask = json!({"requestType": "REMOVAL", "requestRemarks": "x"});
    assert_eq!(doors.ask(world.as_trivore(Method::POST, &path).json(&ask)).await, (404, unknown.clone()));
    assert_eq!(doors.ask(world.as_trivore(Method::POST, &format!("{path}/view-uri"))).await, (404, unknown));
    let path = format!("/lethe/v1/persons/{alice}");
    let (status, body) = doors.ask(world.as_admin(Method::GET, &path)).await;
    assert_eq!((status, &body["type"]), (404, &json!("urn:lethe:problem:person_not_found")));
}

#[tokio::test]
async fn after_a_purge_the_doors_show_that_there_were_requests_and_nothing_else() {
    let (world, alice) = world_with_alice().await;
    let doors = Doors { world: &world, person: alice };
    known_everywhere(&doors).await;
    doors.purge(true).await;

    let (status, purge) = doors.rallyhere().await;
    assert_eq!((status, &purge["status"]), (200, &json!("purged")));
    let (status, list) = doors.trivore().await;
    assert_eq!((status, list.as_array().unwrap().len()), (200, 9));
    for request in list.as_array().unwrap() {
        for name in ["requestRemarks", "confirmBy", "confirmRemarks", "commentForUser"] {
            assert_eq!(request[name], Value::Null, "{name} of {request}");
        }
        let path = format!("/api/rest/users/{alice}/personaldatarequest/{}", request["id"].as_str().unwrap());
        assert_eq!(doors.ask(world.as_trivore(Method::GET, &path)).await, (200, request.clone()));
        let path = format!("/lethe/v1/requests/{}", request["id"].as_str().unwrap());
        let (status, native) = doors.ask(world.as_admin(Method::GET, &path)).await;
        assert_eq!((status, &native["id"]), (200, &request["id"]));
        assert_eq!((&native["person_id"], &native["remarks"]), (&Value::Null, &Value::Null));
        assert_eq!(native["kept_until"], "2029-03-02T10:00:00.000Z");
        let text = native.to_string();
        for personal in ["example.", PHONE, REMARKS, &alice.to_string()] {
            assert!(!text.contains(personal), "{text}");
        }
    }
    assert_eq!(doors.native().await.as_array().unwrap().len(), 9);
}

#[tokio::test]
async fn after_a_purge_nothing_personal_is_left_anywhere() {
    let (world, alice) = world_with_alice().await;
    let doors = Doors { world: &world, person: alice };
    known_everywhere(&doors).await;
    doors.purge(true).await;

    let canaries =
        ["alice@example.com", "elsewhere@example.org", "Somebody", PHONE, REMARKS, &alice.to_string()];
    let log = world.log.lock().unwrap().clone();
    assert!(!log.is_empty());
    for text in world.items("lethe").await.iter().chain(&world.items("lethe-keys").await).chain(&log) {
        for canary in canaries {
            assert!(!text.contains(canary), "{canary} in {text}");
        }
    }
    // What sealed the rest is destroyed, so that it is gone from every backup too.
    let key = world.stack.app.ledger(world.org()).key_of(&PersonId::from(alice)).await.unwrap();
    assert!(
        world
            .items("lethe-keys")
            .await
            .iter()
            .all(|item| !item.contains(&key.to_string()) && !item.contains("#R#"))
    );
    let s3 = world.stack.app.clients().s3();
    let objects = s3.list_objects_v2().bucket("lethe-takeouts").send().await.unwrap();
    assert!(objects.contents().is_empty());
    // Neither consents nor the link are left of the person's own records.
    let own: Vec<_> =
        world.items("lethe").await.into_iter().filter(|item| item.contains(&format!("#P#{key};"))).collect();
    assert_eq!(own.len(), 9);
    assert!(own.iter().all(|item| item.contains("sk=R")), "{own:?}");
}

#[tokio::test]
async fn a_purge_leaves_everybody_else_alone() {
    let (world, alice) = world_with_alice().await;
    let bob = world.person_with_data("bob").await;
    let (doors, others) = (Doors { world: &world, person: alice }, Doors { world: &world, person: bob });
    known_everywhere(&doors).await;
    others.record("CORRECTION", "bob's own").await;
    world.order_takeout(bob, "bob@example.com").await;
    world.drain().await;
    let before = (others.pace().await, others.slashid().await, others.trivore().await, others.native().await);

    doors.purge(true).await;

    let after = (others.pace().await, others.slashid().await, others.trivore().await, others.native().await);
    assert_eq!(after, before);
    assert_eq!(world.rows_of("bob@example.com").await, 3);
}

#[tokio::test]
async fn proof_has_an_end() {
    let (world, alice) = world_with_alice().await;
    let doors = Doors { world: &world, person: alice };
    known_everywhere(&doors).await;
    doors.purge(true).await;
    let id = doors.native().await[0]["id"].as_str().unwrap().to_owned();

    world.advance(TimeDelta::days(1095)).await;
    assert_eq!(doors.rallyhere().await.1["status"], "purged");

    world.advance(TimeDelta::days(2)).await;
    assert_eq!(doors.rallyhere().await.0, 404);
    assert_eq!(doors.trivore().await.0, 404);
    assert_eq!(doors.native().await, json!([]));
    assert_eq!(doors.instacart("alice@example.com").await.0, 400);
    assert_eq!(doors.instacart(&alice.to_string()).await.0, 400);
    let path = format!("/lethe/v1/requests/{id}");
    assert_eq!(doors.ask(world.as_admin(Method::GET, &path)).await.0, 404);
    let path = "/lethe/v1/requests";
    assert_eq!(doors.ask(world.as_admin(Method::GET, path)).await.1["requests"], json!([]));
}

#[tokio::test]
async fn whoever_comes_back_starts_empty_and_can_be_purged_again() {
    let (world, alice) = world_with_alice().await;
    let doors = Doors { world: &world, person: alice };
    known_everywhere(&doors).await;
    doors.purge(true).await;
    let first = doors.rallyhere().await.1;

    world.advance(TimeDelta::days(1)).await;
    world.register(&alice.to_string(), "alice@example.com").await;
    world.add_rows("alice@example.com").await;
    assert_eq!(doors.slashid().await, (200, json!({"result": {"consents": []}})));
    assert_eq!(doors.restrictions().await, (200, json!({"restrictions": []})));
    let record = doors.mydata().await.1;
    assert_eq!(
        (&record["identities"], &record["consents"]),
        (&json!({"email": "alice@example.com"}), &json!([]))
    );
    assert!(!record.to_string().contains(REMARKS));

    let queued = doors.purge(false).await;
    assert_eq!(
        (&queued["status"], &queued["created_on"]),
        (&json!("queued"), &json!("2026-03-03T10:00:00+00:00"))
    );
    assert_eq!(doors.instacart("alice@example.com").await, (200, json!("pending")));
    assert_eq!(world.rows_of("alice@example.com").await, 3);
    doors.purge(true).await;

    let second = doors.rallyhere().await.1;
    assert_eq!((&first["status"], &second["status"]), (&json!("purged"), &json!("purged")));
    assert_eq!(second["created_on"], queued["created_on"]);
    assert_eq!(world.rows_of("alice@example.com").await, 0);
    assert_eq!(doors.slashid().await.0, 404);
    // The proof of both is kept.
    let erasures = format!("/lethe/v1/requests?person_id={alice}&door=rallyhere&status=completed");
    let (_, list) = doors.ask(world.as_admin(Method::GET, &erasures)).await;
    assert_eq!(list["requests"].as_array().unwrap().len(), 2);
}
