//! Instacart's dialect (`002_a71f3c77ddceadfa.txt`): deletions by user and by identifier, how they stand, and the
//! tokens that they are asked for with.

use chrono::TimeDelta;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::{Reply, Setup, World, send};

const DELETE: &str = "/v2/compliance/customers/delete";
const STATUS: &str = "/v2/compliance/customers/deletion/status";
const TOKEN: &str = "/v2/oauth/token";

fn privacy_request(user: impl std::fmt::Display) -> String {
    format!("/v2/fulfillment/users/{user}/privacy_request")
}

async fn ask_for(world: &World, user: impl std::fmt::Display) -> Reply {
    send(world.as_instacart(Method::POST, &privacy_request(user)).await).await
}

async fn post(world: &World, path: &str, body: Value) -> Reply {
    send(world.as_instacart(Method::POST, path).await.json(&body)).await
}

async fn status_of(world: &World, identifiers: &[&str]) -> Reply {
    post(world, STATUS, json!({ "identifiers": identifiers })).await
}

fn not_found(key: &str) -> Value {
    json!({"error": {"message": "User Not Found", "code": 1001}, "meta": {"key": key}})
}

/// The wrapper around the faults of several values.
fn issues(faults: &[(&str, &str)]) -> Value {
    let fault = |(message, key): &(&str, &str)| json!({"error": {"message": message, "code": 1001}, "meta": {"key": key}});
    let errors: Vec<Value> = faults.iter().map(fault).collect();
    json!({"error": {"message": "There were issues with your request", "code": 9999, "errors": errors}})
}

/// The erasures of a person in the ledger, as our own API tells them.
async fn erasures(world: &World, person: Uuid) -> Vec<Value> {
    let path = format!("/lethe/v1/requests?person_id={person}&kind=erasure");
    let list = send(world.as_admin(Method::GET, &path)).await.expect(200).json();
    list["requests"].as_array().unwrap().clone()
}

/// The body of a sign-in with the local client's secret.
fn sign_in(world: &World, scope: Option<&str>) -> Value {
    let (client_id, client_secret) = world.stack.identity.instacart_client();
    let mut ask =
        json!({"client_id": client_id, "client_secret": client_secret, "grant_type": "client_credentials"});
    if let Some(scope) = scope {
        ask["scope"] = scope.into();
    }
    ask
}

fn sign_in_call(world: &World, body: &Value) -> RequestBuilder {
    world.call(Method::POST, TOKEN).json(body)
}

#[tokio::test]
async fn i01_a_deletion_needs_no_body() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;

    let reply = ask_for(&world, alice).await.expect(200);

    assert_eq!(reply.json(), json!({"success": true}));
    assert_eq!(reply.header("content-type"), "application/json");
    assert_eq!(erasures(&world, alice).await[0]["door"], "instacart");
    world.advance(TimeDelta::days(31)).await;
    assert_eq!(world.rows_of("alice@example.com").await, 0);
}

#[tokio::test]
async fn a_body_that_is_sent_anyway_is_ignored() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;

    let call = world.as_instacart(Method::POST, &privacy_request(alice)).await;
    send(call.header("content-type", "text/plain").body("{not json")).await.expect(200);

    assert_eq!(erasures(&world, alice).await.len(), 1);
}

#[tokio::test]
async fn i02_an_unknown_user_is_named_by_the_key() {
    let world = World::new().await;

    for user in ["nobody", "903c1ff9-f2cc-435c-b242-9d8a690fcf0a"] {
        assert_eq!(ask_for(&world, user).await.expect(400).json(), not_found("user_id"));
    }
}

#[tokio::test]
async fn i03_asking_twice_is_one_request() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;

    ask_for(&world, alice).await.expect(200);
    let first = erasures(&world, alice).await;
    world.stack.clock.advance(TimeDelta::hours(1)).unwrap();
    let again = ask_for(&world, alice).await.expect(200);

    assert_eq!(again.json(), json!({"success": true}));
    assert_eq!(erasures(&world, alice).await[0]["purge"]["due"], first[0]["purge"]["due"]);
    assert_eq!(erasures(&world, alice).await.len(), 1);
}

#[tokio::test]
async fn a_completed_deletion_is_opened_again_only_for_data_that_came_back() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    ask_for(&world, alice).await.expect(200);
    world.advance(TimeDelta::days(31)).await;
    assert_eq!(ask_for(&world, alice).await.expect(400).json(), not_found("user_id"));

    world.person_with_data("alice").await;
    ask_for(&world, alice).await.expect(200);

    let statuses: Vec<Value> =
        erasures(&world, alice).await.into_iter().map(|request| request["status"].clone()).collect();
    assert_eq!(statuses, ["in_progress", "completed"]);
    let reply = status_of(&world, &["alice@example.com"]).await.expect(200).json();
    assert_eq!(reply["results"][0]["status"], "pending");
}

#[tokio::test]
async fn i04_without_a_valid_token_nothing_is_answered() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let unauthorized = json!({"error": {"message": "Unauthorized", "code": 401}});
    let old = world.token_for(None, "somebody", &["connect:fulfillment"], TimeDelta::seconds(-61));

    for path in [&privacy_request(alice), DELETE, STATUS] {
        let call = || world.call(Method::POST, path).json(&json!({"identifier": "x", "identifiers": ["x"]}));
        for call in [
            call(),
            call().bearer_auth(&old),
            call().bearer_auth("nonsense"),
            call().basic_auth("a", Some("b")),
        ] {
            assert_eq!(send(call).await.expect(401).json(), unauthorized, "{path}");
        }
    }
    assert_eq!(erasures(&world, alice).await.len(), 0);
}

#[tokio::test]
async fn each_scope_opens_its_own_calls_only() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let privacy = privacy_request(alice);
    let check = async |path: &str, scope: &str, expected: u16| {
        let ask = sign_in(&world, Some(scope));
        let token = send(sign_in_call(&world, &ask)).await.expect(200).json();
        let call = world.call(Method::POST, path).bearer_auth(token["access_token"].as_str().unwrap());
        let reply = send(
            call.json(&json!({"identifier": "alice@example.com", "identifiers": ["alice@example.com"]})),
        )
        .await;
        assert_eq!(reply.status, expected, "{path} with {scope}");
        if expected == 403 {
            assert_eq!(reply.json(), json!({"error": {"message": "Forbidden", "code": 403}}));
        }
    };

    check(&privacy, "connect:compliance", 403).await;
    check(&privacy, "connect:fulfillment", 200).await;
    check(DELETE, "connect:fulfillment", 403).await;
    check(DELETE, "connect:compliance", 200).await;
    check(STATUS, "connect:fulfillment", 403).await;
    check(STATUS, "connect:compliance", 200).await;
    check(STATUS, "connect:fulfillment,connect:compliance", 200).await;
    check(&privacy, "connect:compliance connect:fulfillment", 200).await;
}

#[tokio::test]
async fn i05_where_erasure_is_off_no_call_is_answered() {
    let mut setup = Setup::new();
    let tenant = json!({"org": setup.identity.org_id, "erasure_enabled": false});
    setup.tenants = Some(vec![serde_json::from_value(tenant).unwrap()]);
    let world = setup.begin().await;
    let alice = world.person_with_data("alice").await;
    let off = json!({"error": {"message": "Feature not enabled for this client", "code": 1001}, "meta": {"key": "feature_flag"}});

    assert_eq!(ask_for(&world, alice).await.expect(400).json(), off);
    let by_identifier = post(&world, DELETE, json!({"identifier": "alice@example.com"})).await;
    assert_eq!(by_identifier.expect(400).json(), off);
    assert_eq!(status_of(&world, &["alice@example.com"]).await.expect(400).json(), off);
}

#[tokio::test]
async fn i06_results_stand_in_the_order_asked_for_and_add_up() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let bob = world.person_with_data("bob").await;
    ask_for(&world, alice).await.expect(200);
    world.advance(TimeDelta::days(31)).await;
    ask_for(&world, bob).await.expect(200);
    let by_id = bob.to_string();

    let reply = status_of(&world, &["bob@example.com", "alice@example.com", &by_id]).await.expect(200);

    assert_eq!(
        reply.json(),
        json!({
            "results": [
                {"identifier": "bob@example.com", "status": "pending"},
                {"identifier": "alice@example.com", "status": "completed"},
                {"identifier": by_id, "status": "pending"},
            ],
            "summary": {"total": 3, "completed": 1, "pending": 2},
        })
    );
    // The erased person is known by what identified them and by their id alike, however it is spelt.
    let spelt = [alice.to_string().to_uppercase(), "ALICE@EXAMPLE.COM".to_owned()];
    let reply = status_of(&world, &[&spelt[0], &spelt[1]]).await.expect(200).json();
    assert_eq!(reply["summary"], json!({"total": 2, "completed": 2, "pending": 0}));
}

#[tokio::test]
async fn completed_is_told_only_after_the_deletion_is_done() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    ask_for(&world, alice).await.expect(200);
    let status = async || {
        let reply = status_of(&world, &["alice@example.com"]).await.expect(200).json();
        reply["results"][0]["status"].clone()
    };

    assert_eq!(status().await, "pending");
    world.advance(TimeDelta::days(29)).await;
    assert_eq!(status().await, "pending");
    world.advance(TimeDelta::days(2)).await;
    assert_eq!(status().await, "completed");
    // It is told for as long as it is kept as proof.
    world.advance(TimeDelta::days(1097)).await;
    assert_eq!(status_of(&world, &["alice@example.com"]).await.status, 400);
}

#[tokio::test]
async fn i07_an_empty_list_is_an_issue_of_the_list() {
    let world = World::new().await;
    let check = async |body: Value, expected: Value| {
        assert_eq!(post(&world, STATUS, body.clone()).await.expect(400).json(), expected, "{body}");
    };

    check(json!({"identifiers": []}), issues(&[("can't be blank", "identifiers")])).await;
    check(json!({}), issues(&[("can't be blank", "identifiers")])).await;
    check(json!({"identifiers": "x"}), issues(&[("must be a list", "identifiers")])).await;
    check(json!({"identifiers": ["x", 1]}), issues(&[("must be a string", "identifiers[1]")])).await;
    let many = vec!["x"; 101];
    check(json!({ "identifiers": many }), issues(&[("must not be more than 100", "identifiers")])).await;
    check(json!([]), issues(&[("must be an object", "body")])).await;
}

#[tokio::test]
async fn a_status_is_never_invented() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    world.person_with_data("bob").await;
    let carol = world.person_with_data("carol").await;
    ask_for(&world, alice).await.expect(200);
    ask_for(&world, carol).await.expect(200);
    let purge = format!("/users/v1/person/{carol}/purge");
    send(world.as_admin(Method::DELETE, &purge)).await.expect(204);

    let asked = ["nobody@example.com", "alice@example.com", "bob@example.com", "carol@example.com", ""];
    let reply = status_of(&world, &asked).await.expect(400).json();

    let unknown = "has no deletion request";
    let expected = [
        (unknown, "identifiers[0]"),
        (unknown, "identifiers[2]"),
        (unknown, "identifiers[3]"),
        (unknown, "identifiers[4]"),
    ];
    assert_eq!(reply, issues(&expected));
}

/// Registers a person by all that identifies them.
async fn register(world: &World, id: &str, identities: Value) {
    let body = json!({ "identities": identities });
    send(world.as_admin(Method::PUT, &format!("/lethe/v1/persons/{id}")).json(&body)).await.expect(201);
}

/// Whether a deletion of the person was asked for.
async fn is_pending(world: &World, id: &str) -> bool {
    status_of(world, &[id]).await.status == 200
}

#[tokio::test]
async fn a_customer_is_found_by_address_telephone_and_id() {
    let world = World::new().await;
    let check = async |number: usize, identifier: &str| {
        let person = format!("person-{number}");
        let (email, phone) = (format!("p{number}@example.com"), format!("+49 30 12345-{number}"));
        register(&world, &person, json!({"email": email, "phone_number": phone})).await;
        let reply = post(&world, DELETE, json!({ "identifier": identifier })).await.expect(200);
        assert_eq!(reply.json(), json!({"success": true}));
        assert!(is_pending(&world, &person).await, "{identifier}");
    };

    check(1, "p1@example.com").await;
    check(2, "P2@Example.COM").await;
    check(3, "+49 30 12345-3").await;
    check(4, "+4930123454").await;
    check(5, "person-5").await;
}

#[tokio::test]
async fn an_ambiguous_identifier_deletes_nobody() {
    let world = World::new().await;
    register(&world, "one", json!({"phone_number": "+49 30 1234567"})).await;
    register(&world, "two", json!({"phone_number": "+49 30 123 45 67"})).await;
    register(&world, "three", json!({"email": "four@example.com"})).await;
    // The id of one is what identifies the other.
    register(&world, "four@example.com", json!({"email": "elsewhere@example.com"})).await;

    for identifier in ["+49301234567", "four@example.com"] {
        let reply = post(&world, DELETE, json!({ "identifier": identifier })).await.expect(400);
        assert_eq!(reply.json(), not_found("identifier"), "{identifier}");
    }

    for person in ["one", "two", "three", "four@example.com"] {
        assert!(!is_pending(&world, person).await, "{person}");
    }
}

#[tokio::test]
async fn an_identifier_that_is_its_person_s_id_as_well_is_one_person() {
    let world = World::new().await;
    register(&world, "a@example.com", json!({"email": "a@example.com"})).await;

    post(&world, DELETE, json!({"identifier": "a@example.com"})).await.expect(200);
}

#[tokio::test]
async fn a_customer_must_be_named() {
    let world = World::new().await;
    let check = async |body: Value, expected: Value| {
        assert_eq!(post(&world, DELETE, body.clone()).await.expect(400).json(), expected, "{body}");
    };

    check(json!({"identifier": "nobody@example.com"}), not_found("identifier")).await;
    check(json!({"identifier": ""}), issues(&[("can't be blank", "identifier")])).await;
    check(json!({"identifier": "  "}), issues(&[("can't be blank", "identifier")])).await;
    check(json!({}), issues(&[("can't be blank", "identifier")])).await;
    check(json!({"identifier": 5}), issues(&[("must be a string", "identifier")])).await;
    let call = world.as_instacart(Method::POST, DELETE).await.body("{");
    assert_eq!(send(call).await.expect(400).json(), issues(&[("is not valid JSON", "body")]));
}

#[tokio::test]
async fn i08_a_secret_is_traded_for_a_token_of_a_day() {
    let world = World::new().await;

    let reply = send(sign_in_call(&world, &sign_in(&world, None))).await.expect(200).json();

    assert!(reply["access_token"].as_str().is_some_and(|token| !token.is_empty()));
    assert_eq!(reply["token_type"], "Bearer");
    assert_eq!(reply["expires_in"], 86400);
    assert_eq!(reply["created_at"], world.now().timestamp());
    assert_eq!(reply["scope"], "connect:fulfillment connect:compliance");
}

#[tokio::test]
async fn a_token_ends_after_its_day() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let reply = send(sign_in_call(&world, &sign_in(&world, None))).await.expect(200).json();
    let token = reply["access_token"].as_str().unwrap();
    let call = || world.call(Method::POST, &privacy_request(alice)).bearer_auth(token);

    world.stack.clock.advance(TimeDelta::hours(24)).unwrap();
    send(call()).await.expect(200);
    // Clocks may differ by a minute.
    world.stack.clock.advance(TimeDelta::seconds(61)).unwrap();
    send(call()).await.expect(401);
}

#[tokio::test]
async fn a_wrong_secret_is_told_apart_from_an_unknown_client_by_nobody() {
    let world = World::new().await;
    let (id, secret) = world.stack.identity.instacart_client();
    let check = async |id: &str, secret: &str| {
        let ask = json!({"client_id": id, "client_secret": secret, "grant_type": "client_credentials"});
        let reply = send(sign_in_call(&world, &ask)).await.expect(401);
        assert_eq!(reply.json(), json!({"error": {"message": "Unauthorized", "code": 401}}), "{id}");
    };

    check(id, "wrong").await;
    check(id, "").await;
    check(id, &format!("{secret}x")).await;
    check("nobody", secret).await;
    check("", "").await;
    check(&"x".repeat(10_000), secret).await;
    check(id, &"🍏".repeat(10_000)).await;
}

#[tokio::test]
async fn credentials_in_the_address_are_forbidden_whatever_the_body_says() {
    let world = World::new().await;
    let (id, secret) = world.stack.identity.instacart_client();
    let forbidden = json!({"error": {"message": "Forbidden", "code": 403}});
    let in_query = format!("{TOKEN}?client_id={id}&client_secret={secret}&grant_type=client_credentials");

    for query in [in_query.as_str(), &format!("{TOKEN}?client_secret={secret}")] {
        let call = || world.call(Method::POST, query);
        for call in [call(), call().json(&sign_in(&world, None)), call().body("{")] {
            assert_eq!(send(call).await.expect(403).json(), forbidden);
        }
    }
}

#[tokio::test]
async fn scopes_are_separated_by_commas_or_spaces() {
    let world = World::new().await;
    let check = async |asked: &str, expected: &str| {
        let reply = send(sign_in_call(&world, &sign_in(&world, Some(asked)))).await.expect(200).json();
        assert_eq!(reply["scope"], expected, "{asked}");
    };
    let both = "connect:fulfillment connect:compliance";

    check("connect:fulfillment", "connect:fulfillment").await;
    check("connect:fulfillment,connect:compliance", both).await;
    check("connect:fulfillment connect:compliance", both).await;
    check("connect:fulfillment, connect:compliance", both).await;
    check("", both).await;
    check(" , ", both).await;
}

#[tokio::test]
async fn a_scope_that_the_client_does_not_have_is_forbidden() {
    let world = World::new().await;
    for scope in
        ["user:gdpr:read", "connect:*", "*", "connect:fulfillment,lethe:persons:write", "Connect:fulfillment"]
    {
        let reply = send(sign_in_call(&world, &sign_in(&world, Some(scope)))).await.expect(403);
        assert_eq!(reply.json(), json!({"error": {"message": "Forbidden", "code": 403}}), "{scope}");
    }
}

#[tokio::test]
async fn a_sign_in_must_be_complete() {
    let world = World::new().await;
    let check = async |change: fn(&mut Value), expected: Value| {
        let mut ask = sign_in(&world, None);
        change(&mut ask);
        assert_eq!(send(sign_in_call(&world, &ask)).await.expect(400).json(), expected, "{ask}");
    };

    let blank = |key| issues(&[("can't be blank", key)]);
    check(|ask| drop(ask.as_object_mut().unwrap().remove("client_id")), blank("client_id")).await;
    check(|ask| drop(ask.as_object_mut().unwrap().remove("client_secret")), blank("client_secret")).await;
    check(|ask| drop(ask.as_object_mut().unwrap().remove("grant_type")), blank("grant_type")).await;
    check(
        |ask| ask["grant_type"] = "password".into(),
        issues(&[("must be client_credentials", "grant_type")]),
    )
    .await;
    check(|ask| ask["scope"] = 5.into(), issues(&[("must be a string", "scope")])).await;
    check(|ask| *ask = json!([]), issues(&[("must be an object", "body")])).await;
}
