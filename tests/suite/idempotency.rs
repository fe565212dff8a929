//! `Idempotency-Key`: a call that is repeated, for whatever reason, is one call.

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::TimeDelta;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use uuid::Uuid;
use wire::Dialect;

use crate::{
    bad_input::assert_told,
    world::{Reply, World, send, takeout_order},
};

/// A call that makes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Making {
    UserTakeout,
    OwnTakeout,
    PersonConsents,
    OwnConsents,
    UserDeletion,
    CustomerDeletion,
    Purge,
    OwnPurge,
    Restriction,
    Request,
    ViewLink,
    DataPackage,
    Import,
}

use Making::{
    CustomerDeletion, DataPackage, Import, OwnConsents, OwnPurge, OwnTakeout, PersonConsents, Purge, Request,
    Restriction, UserDeletion, UserTakeout, ViewLink,
};

const ALL: [Making; 13] = [
    UserTakeout,
    OwnTakeout,
    PersonConsents,
    OwnConsents,
    UserDeletion,
    CustomerDeletion,
    Purge,
    OwnPurge,
    Restriction,
    Request,
    ViewLink,
    DataPackage,
    Import,
];

/// Everything that a person's own token may need.
const OWN_GRANTS: &[&str] = &["user:gdpr:create", "purge:person:self"];

impl Making {
    fn dialect(self) -> Dialect {
        match self {
            UserTakeout | OwnTakeout => Dialect::JsonApi,
            PersonConsents | OwnConsents => Dialect::Envelope,
            UserDeletion | CustomerDeletion => Dialect::Connect,
            Purge | OwnPurge | Restriction => Dialect::Detail,
            Request | ViewLink | DataPackage => Dialect::Management,
            Import => Dialect::Native,
        }
    }

    /// A person of this call's own, so that the calls of one world do not meet.
    async fn person(self, world: &World) -> Uuid {
        world.person_with_data(&format!("{self:?}").to_lowercase()).await
    }

    /// The body of the call, and of another by the same caller.
    fn bodies(self, person: Uuid) -> [String; 2] {
        let email = format!("{self:?}@example.com").to_lowercase();
        let bodies = match self {
            UserTakeout | OwnTakeout => [takeout_order(&email), takeout_order("other@example.com")],
            PersonConsents | OwnConsents => {
                [json!({"consent_levels": ["analytics"]}), json!({"consent_levels": ["tracking"]})]
            }
            CustomerDeletion => [json!({ "identifier": email }), json!({ "identifier": person })],
            Purge | OwnPurge => [
                json!({"suggested_purge_time": "2026-03-20T00:00:00Z"}),
                json!({"suggested_purge_time": "2026-03-21T00:00:00Z"}),
            ],
            Restriction => [json!({"type": "account_ban"}), json!({"type": "account_lockout"})],
            Request => [
                json!({"requestType": "CORRECTION", "requestRemarks": "one"}),
                json!({"requestType": "CORRECTION", "requestRemarks": "two"}),
            ],
            // These take no body, but one that differs is another call all the same.
            UserDeletion | ViewLink | DataPackage => [Value::Null, json!({})],
            Import => [json!({"person_id": "imported"}), json!({"person_id": "another"})],
        };
        bodies.map(|body| if body.is_null() { String::new() } else { body.to_string() })
    }

    async fn call(self, world: &World, person: Uuid) -> RequestBuilder {
        let own = |method, path: &str| {
            let token = world.token(&person.to_string(), OWN_GRANTS);
            world.call(method, path).bearer_auth(token)
        };
        match self {
            UserTakeout => world.as_pace(Method::POST, &format!("/gdpr/{person}/takeouts")),
            OwnTakeout => own(Method::POST, "/user/2024-3/gdpr/takeouts")
                .header("content-type", Dialect::JsonApi.media_type()),
            PersonConsents => world.as_slashid(Method::POST, &format!("/persons/{person}/consent/gdpr")),
            OwnConsents => own(Method::POST, "/consent/gdpr"),
            UserDeletion => {
                let path = format!("/v2/fulfillment/users/{person}/privacy_request");
                world.as_instacart(Method::POST, &path).await
            }
            CustomerDeletion => world.as_instacart(Method::POST, "/v2/compliance/customers/delete").await,
            Purge => world.as_admin(Method::POST, &format!("/users/v1/person/{person}/purge")),
            OwnPurge => own(Method::POST, "/users/v1/person/me/purge"),
            Restriction => world.as_admin(Method::POST, &format!("/users/v1/person/{person}/restrictions")),
            Request => {
                world.as_trivore(Method::POST, &format!("/api/rest/users/{person}/personaldatarequest"))
            }
            ViewLink => {
                let path = format!("/api/rest/users/{person}/personaldatarequest/view-uri");
                world.as_trivore(Method::POST, &path)
            }
            DataPackage => world.as_trivore(Method::POST, &format!("/api/rest/v1/user/{person}/mydata")),
            Import => world.as_admin(Method::POST, "/lethe/v1/persons/bulk"),
        }
    }

    /// Makes the call under a key and waits for all that follows from it.
    async fn make(self, world: &World, person: Uuid, key: &str, body: &str) -> Reply {
        let call = self.call(world, person).await.header("idempotency-key", key).body(body.to_owned());
        let reply = send(call).await;
        world.drain().await;
        reply
    }
}

/// What the ledger holds beside the answers that are kept for repeats.
async fn records(world: &World) -> Vec<String> {
    let mut items = world.items("lethe").await;
    items.retain(|item| !item.contains("#K#"));
    items
}

#[tokio::test]
async fn a_repeat_gets_the_same_answer_and_makes_nothing() {
    let world = World::new().await;
    for making in ALL {
        let person = making.person(&world).await;
        let [body, _] = making.bodies(person);

        let first = making.make(&world, person, "key", &body).await;
        let after_first = records(&world).await;
        let again = making.make(&world, person, "key", &body).await;

        assert!((200..300).contains(&first.status), "{making:?}: {}", String::from_utf8_lossy(&first.bytes));
        assert_eq!((again.status, &again.bytes), (first.status, &first.bytes), "{making:?}");
        assert_eq!(again.header("content-type"), first.header("content-type"), "{making:?}");
        assert_eq!(again.header("idempotency-replayed"), "true", "{making:?}");
        assert_eq!(records(&world).await, after_first, "{making:?}");
    }
}

#[tokio::test]
async fn a_key_that_was_used_for_something_else_is_a_conflict() {
    let world = World::new().await;
    for making in ALL {
        let person = making.person(&world).await;
        let [body, other] = making.bodies(person);
        making.make(&world, person, "key", &body).await;
        let before = world.items("lethe").await;

        let reply = making.make(&world, person, "key", &other).await;

        assert_told(making.dialect(), &reply, &format!("{making:?}"));
        assert_eq!(reply.status, 409, "{making:?}");
        assert_eq!(world.items("lethe").await, before, "{making:?}");
    }
}

#[tokio::test]
async fn another_path_or_query_under_the_same_key_is_a_conflict_too() {
    let world = World::new().await;
    let [alice, bob] = [world.person_with_data("alice").await, world.person_with_data("bob").await];
    let [body, _] = Request.bodies(alice);
    assert_eq!(Request.make(&world, alice, "key", &body).await.status, 201);
    assert_eq!(Request.make(&world, bob, "key", &body).await.status, 409);

    let link = async |query: &str| {
        let path = format!("/api/rest/users/{alice}/personaldatarequest/view-uri{query}");
        send(world.as_trivore(Method::POST, &path).header("idempotency-key", "key")).await.status
    };
    assert_eq!(link("").await, 200);
    assert_eq!(link("?returnUri=https://app.example.com").await, 409);
}

#[tokio::test]
async fn keys_that_nobody_can_use_are_refused() {
    let world = World::new().await;
    for making in ALL {
        let person = making.person(&world).await;
        let [body, _] = making.bodies(person);
        let before = world.items("lethe").await;

        for key in ["", " ", &"k".repeat(256), &"k".repeat(300)] {
            let reply = making.make(&world, person, key, &body).await;
            assert_told(making.dialect(), &reply, &format!("{making:?} under {key:?}"));
        }

        assert_eq!(world.items("lethe").await, before, "{making:?}");
        assert!(making.make(&world, person, &"k".repeat(255), &body).await.status < 300, "{making:?}");
    }
}

#[tokio::test]
async fn a_call_that_died_before_it_answered_is_finished_by_its_repeat() {
    let world = World::new().await;
    for making in ALL {
        let person = making.person(&world).await;
        let [body, _] = making.bodies(person);
        let first = making.make(&world, person, "key", &body).await;
        let after_first = shapes(&world).await;

        forget_answers(&world).await;
        let again = making.make(&world, person, "key", &body).await;

        assert_eq!(shapes(&world).await, after_first, "{making:?}");
        match making {
            // A takeout has gone on meanwhile; it is still the same.
            UserTakeout | OwnTakeout => {
                assert_eq!(again.json()["data"]["id"], first.json()["data"]["id"], "{making:?}");
            }
            // What was new is known by now.
            Import => assert_eq!(
                (first.json()["status"].as_u64(), again.json()["status"].as_u64()),
                (Some(201), Some(200))
            ),
            _ => assert_eq!((again.status, &again.bytes), (first.status, &first.bytes), "{making:?}"),
        }
        // From now on the answer is known again.
        let third = making.make(&world, person, "key", &body).await;
        assert_eq!((third.status, &third.bytes), (again.status, &again.bytes), "{making:?}");
    }
}

/// The places of all records, but those of the consent history, in which a repeat is noted.
async fn shapes(world: &World) -> Vec<String> {
    let place = |item: String| {
        let mut attributes: Vec<_> =
            item.split(';').filter(|text| text.starts_with("pk=") || text.starts_with("sk=")).collect();
        attributes.sort_unstable();
        attributes.join(" ")
    };
    records(world).await.into_iter().map(place).filter(|place| !place.contains("sk=C#")).collect()
}

/// Takes the kept answers away, as if every call had died right before it answered.
async fn forget_answers(world: &World) {
    let table = world.stack.app.clients().dynamodb();
    let items = table.scan().table_name("lethe").into_paginator().items().send().try_collect().await.unwrap();
    let is_reply = |value: &AttributeValue| value.as_s().is_ok_and(|pk| pk.contains("#K#"));
    for mut item in items.into_iter().filter(|item| item.get("pk").is_some_and(is_reply)) {
        item.remove("answer");
        table.put_item().table_name("lethe").set_item(Some(item)).send().await.unwrap();
    }
}

#[tokio::test]
async fn the_same_key_of_another_caller_or_route_is_another_key() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let [remarks, other] = Request.bodies(alice);
    let path = format!("/api/rest/users/{alice}/personaldatarequest");
    let ask = async |call: RequestBuilder, body: &str| {
        send(call.header("idempotency-key", "key").body(body.to_owned())).await.expect(201).json()
    };
    let bearer = |sub: &str| {
        let token = world.token(sub, &["ACCOUNT_MODIFY_PERSONAL_DATA_REQUESTS"]);
        world.call(Method::POST, &path).bearer_auth(token)
    };
    // The name of a client in a token does not make its bearer that client.
    let (client, _) = world.stack.identity.trivore_basic();

    let by_client = ask(world.as_trivore(Method::POST, &path), &remarks).await;
    let by_clerk = ask(bearer("clerk"), &other).await;
    let by_another = ask(bearer("another"), &remarks).await;
    let by_namesake = ask(bearer(client), &other).await;

    let mut ids = [&by_client, &by_clerk, &by_another, &by_namesake].map(|made| made["id"].to_string());
    ids.sort();
    assert!(ids.windows(2).all(|pair| pair[0] != pair[1]), "{ids:?}");
    for making in [UserDeletion, ViewLink, DataPackage] {
        let [body, _] = making.bodies(alice);
        assert_eq!(making.make(&world, alice, "key", &body).await.status, 200, "{making:?}");
    }
    let restrict = Restriction.make(&world, alice, "key", &Restriction.bodies(alice)[0]).await;
    assert_eq!(restrict.status, 201);
}

#[tokio::test]
async fn both_spellings_of_a_path_share_their_keys() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let [body, _] = Request.bodies(alice);
    let first = Request.make(&world, alice, "key", &body).await.expect(201);

    let path = format!("/api/rest/v1/user/{alice}/personaldatarequests");
    let again = send(world.as_trivore(Method::POST, &path).header("idempotency-key", "key").body(body)).await;

    assert_eq!((again.status, &again.bytes), (first.status, &first.bytes));
}

#[tokio::test]
async fn a_key_counts_for_a_day() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let [body, other] = Request.bodies(alice);
    let id = |reply: Reply| reply.expect(201).json()["id"].as_str().unwrap().to_owned();
    let first = id(Request.make(&world, alice, "key", &body).await);

    world.advance(TimeDelta::hours(23)).await;
    assert_eq!(id(Request.make(&world, alice, "key", &body).await), first);

    world.advance(TimeDelta::hours(1)).await;
    let second = id(Request.make(&world, alice, "key", &other).await);
    assert_ne!(second, first);
    assert_eq!(id(Request.make(&world, alice, "key", &other).await), second);
    world.advance(TimeDelta::hours(25)).await;
    assert_ne!(id(Request.make(&world, alice, "key", &other).await), second);
}

#[tokio::test]
async fn what_was_refused_may_be_tried_again() {
    let world = World::new().await;
    let [body, _] = Purge.bodies(Uuid::nil());
    let alice = Uuid::new_v5(&Uuid::NAMESPACE_DNS, b"alice");
    assert_eq!(Purge.make(&world, alice, "key", &body).await.status, 404);

    world.person_with_data("alice").await;

    assert_eq!(Purge.make(&world, alice, "key", &body).await.status, 202);
}

#[tokio::test]
async fn repeats_at_the_same_moment_are_one_call() {
    let world = World::new().await;
    for making in [UserTakeout, UserDeletion, Purge, Request, ViewLink] {
        let person = making.person(&world).await;
        let [body, _] = making.bodies(person);
        let one = || making.make(&world, person, "key", &body);

        let replies = futures_util::future::join_all((0..6).map(|_| one())).await;

        let shown: Vec<_> = replies.iter().map(|reply| String::from_utf8_lossy(&reply.bytes)).collect();
        assert!(replies.iter().all(|reply| reply.status < 300), "{making:?}: {shown:?}");
        if matches!(making, UserTakeout | Purge | Request) {
            let kind = if making == Request { "correction" } else { "" };
            let path = format!("/lethe/v1/requests?person_id={person}&kind={kind}");
            let path = path.trim_end_matches("&kind=");
            let list = send(world.as_admin(Method::GET, path)).await.expect(200).json();
            assert_eq!(list["requests"].as_array().unwrap().len(), 1, "{making:?}");
        }
    }
}

#[tokio::test]
async fn an_answer_about_a_forgotten_person_is_forgotten() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let [body, _] = Request.bodies(alice);
    Request.make(&world, alice, "key", &body).await.expect(201);
    let now = json!({"suggested_purge_time": world.now()});
    let purge = format!("/users/v1/person/{alice}/purge");
    send(world.as_admin(Method::POST, &purge).json(&now)).await.expect(202);
    world.drain().await;

    assert_eq!(Request.make(&world, alice, "key", &body).await.status, 404);
}
