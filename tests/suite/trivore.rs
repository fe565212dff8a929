//! Personal data requests, as Trivore speaks of them (`004_e2c16d59e31fafcb.txt`).

use chrono::TimeDelta;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::world::{Reply, World, send};

const VIEW: &str = "ACCOUNT_VIEW_PERSONAL_DATA_REQUESTS";
const MODIFY: &str = "ACCOUNT_MODIFY_PERSONAL_DATA_REQUESTS";

/// Both spellings of the path to somebody's requests.
fn paths(user: &str) -> [String; 2] {
    [
        format!("/api/rest/users/{user}/personaldatarequest"),
        format!("/api/rest/v1/user/{user}/personaldatarequests"),
    ]
}

async fn world_with_alice() -> World {
    let world = World::new().await;
    world.register("alice", "alice@example.com").await;
    world
}

fn removal(remarks: &str) -> Value {
    json!({"requestType": "REMOVAL", "requestRemarks": remarks})
}

async fn record(world: &World, user: &str, ask: &Value) -> Value {
    let [path, _] = paths(user);
    send(world.as_trivore(Method::POST, &path).json(ask)).await.expect(201).json()
}

/// The dialect's own error, with a message that holds `message`.
#[track_caller]
fn assert_refused(reply: &Reply, status: u16, message: &str) {
    assert_eq!(reply.status, status, "{}", String::from_utf8_lossy(&reply.bytes));
    assert_eq!(reply.header("content-type"), "application/json");
    let body = reply.json();
    assert_eq!(body.as_object().unwrap().len(), 2, "{body}");
    assert_eq!(body["statusCode"], status);
    assert!(body["errorMessage"].as_str().unwrap().contains(message), "{body}");
}

#[tokio::test]
async fn each_of_the_four_types_is_recorded() {
    let world = world_with_alice().await;

    for kind in ["DATA_RETRIEVAL", "REMOVAL", "CORRECTION", "PROCESSING_RESTRICTION"] {
        let ask = json!({
            "requestType": kind,
            "requestRemarks": "User called support.",
            // Not the caller's to say.
            "id": "mine",
            "requestTime": "1999-01-01T00:00:00Z",
            "confirmTime": "1999-01-01T00:00:00Z",
            "confirmBy": "mallory",
            "other": {"x": [1]},
        });
        let made = record(&world, "alice", &ask).await;

        let id = made["id"].as_str().unwrap();
        assert_ne!(id, "mine");
        assert_eq!(
            made,
            json!({
                "id": id,
                "requestType": kind,
                "requestTime": "2026-03-02T10:00:00.000Z",
                "requestRemarks": "User called support.",
                "confirmTime": null,
                "confirmBy": null,
                "confirmRemarks": null,
                "commentForUser": null,
            })
        );
    }
}

#[tokio::test]
async fn type_and_remarks_are_required() {
    let world = world_with_alice().await;
    let [path, _] = paths("alice");

    let check = async |ask: Value, message: &str| {
        let reply = send(world.as_trivore(Method::POST, &path).json(&ask)).await;
        assert_refused(&reply, 400, message);
    };

    check(json!({"requestType": "REMOVAL"}), "requestRemarks is required.").await;
    check(json!({"requestType": "REMOVAL", "requestRemarks": null}), "requestRemarks is required.").await;
    check(json!({"requestType": "REMOVAL", "requestRemarks": ""}), "requestRemarks is required.").await;
    check(json!({"requestType": "REMOVAL", "requestRemarks": " \t"}), "requestRemarks is required.").await;
    check(json!({"requestRemarks": "x"}), "requestType is required.").await;
    check(json!({"requestType": null, "requestRemarks": "x"}), "requestType is required.").await;
    check(json!({}), "requestType is required; requestRemarks is required.").await;
    for wrong in ["DELETE", "removal", "REMOVAL ", ""] {
        check(json!({"requestType": wrong, "requestRemarks": "x"}), "requestType must be one of").await;
    }
    check(json!({"requestType": "REMOVAL", "requestRemarks": 7}), "requestRemarks must be a string.").await;

    let list = send(world.as_trivore(Method::GET, &path)).await.expect(200).json();
    assert_eq!(list, json!([]));
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    let world = world_with_alice().await;
    let id = record(&world, "alice", &removal("x")).await["id"].as_str().unwrap().to_owned();
    let (viewer, modifier) = (world.token("v", &[VIEW, "*", "purge:*:*"]), world.token("m", &[MODIFY]));

    let check = async |method: Method, path: String, token: &str, missing: &str| {
        let call = world.call(method, &path).bearer_auth(token).json(&removal("x"));
        let message = format!("Client does not have required permission {missing}.");
        assert_refused(&send(call).await, 403, &message);
    };

    for path in paths("alice") {
        check(Method::POST, path.clone(), &viewer, MODIFY).await;
        check(Method::POST, format!("{path}/view-uri"), &viewer, MODIFY).await;
        check(Method::GET, path.clone(), &modifier, VIEW).await;
        check(Method::GET, format!("{path}/{id}"), &modifier, VIEW).await;
    }
    let mydata = "/api/rest/v1/user/alice/mydata";
    check(Method::POST, mydata.to_owned(), &viewer, MODIFY).await;
    check(Method::GET, mydata.to_owned(), &modifier, VIEW).await;
    check(Method::GET, format!("{mydata}/user"), &modifier, VIEW).await;
    check(Method::GET, format!("{mydata}/000000000000000000000000"), &modifier, VIEW).await;
}

#[tokio::test]
async fn whoever_does_not_say_who_they_are_is_asked_for_basic_credentials() {
    let world = world_with_alice().await;
    let (user, password) = world.stack.identity.trivore_basic();
    let expired = world.token_for(None, "x", &[VIEW], TimeDelta::hours(-2));

    let check =
        async |path: &str, credentials: fn(RequestBuilder, &[&str]) -> RequestBuilder, with: &[&str]| {
            let reply = send(credentials(world.call(Method::GET, path), with)).await;
            assert_refused(&reply, 401, "");
            assert!(reply.header("www-authenticate").starts_with("Basic realm="), "{with:?}");
        };
    let none = |call: RequestBuilder, _: &[&str]| call;
    let basic = |call: RequestBuilder, with: &[&str]| call.basic_auth(with[0], Some(with[1]));
    let raw = |call: RequestBuilder, with: &[&str]| call.header("authorization", with[0]);

    for path in paths("alice") {
        check(&path, none, &[]).await;
        check(&path, basic, &[user, "wrong"]).await;
        check(&path, basic, &["nobody", password]).await;
        check(&path, basic, &[user, ""]).await;
        check(&path, basic, &["", password]).await;
        check(&path, raw, &["Basic"]).await;
        check(&path, raw, &["Basic !!!"]).await;
        check(&path, raw, &["Basic bm9jb2xvbg=="]).await;
        check(&path, raw, &["Digest x"]).await;
        check(&path, raw, &[&format!("Bearer {expired}")]).await;
    }
}

#[tokio::test]
async fn basic_and_bearer_open_the_same_door() {
    let world = world_with_alice().await;
    let made = record(&world, "alice", &removal("by a client")).await;
    let token = world.token("clerk", &[VIEW]);

    for path in paths("alice") {
        let basic = send(world.as_trivore(Method::GET, &path)).await.expect(200);
        let bearer = send(world.call(Method::GET, &path).bearer_auth(&token)).await.expect(200);
        assert_eq!((basic.json(), &basic.bytes), (json!([made]), &bearer.bytes));
    }
}

#[tokio::test]
async fn the_list_is_bare_and_newest_first() {
    let world = world_with_alice().await;
    let mut expected = Vec::new();
    for number in 0..5 {
        world.advance(TimeDelta::minutes(1)).await;
        expected.insert(0, record(&world, "alice", &removal(&format!("number {number}"))).await);
    }

    for path in paths("alice") {
        let reply = send(world.as_trivore(Method::GET, &path)).await.expect(200);
        assert_eq!(reply.header("content-type"), "application/json");
        assert_eq!(reply.json(), Value::Array(expected.clone()));
    }
}

#[tokio::test]
async fn one_request_is_shown_to_whoever_names_its_person() {
    let world = world_with_alice().await;
    world.register("bob", "bob@example.com").await;
    let made = record(&world, "alice", &removal("x")).await;
    let id = made["id"].as_str().unwrap();

    for path in paths("alice") {
        let one = send(world.as_trivore(Method::GET, &format!("{path}/{id}"))).await.expect(200).json();
        assert_eq!(one, made);
        for unknown in ["c0daf39b-4df5-4241-9e7d-b1b85f829090", "nonsense", "%F0%9F%8D%8F"] {
            let reply = send(world.as_trivore(Method::GET, &format!("{path}/{unknown}"))).await;
            assert_refused(&reply, 404, "Request not found.");
        }
    }
    for path in paths("bob") {
        let reply = send(world.as_trivore(Method::GET, &format!("{path}/{id}"))).await;
        assert_refused(&reply, 404, "Request not found.");
    }
}

#[tokio::test]
async fn unknown_users_are_not_found() {
    let world = world_with_alice().await;
    let check = async |method: Method, path: String| {
        let reply = send(world.as_trivore(method, &path).json(&removal("x"))).await;
        assert_refused(&reply, 404, "Person not found.");
    };

    for path in paths("nobody") {
        check(Method::POST, path.clone()).await;
        check(Method::GET, path.clone()).await;
        check(Method::POST, format!("{path}/view-uri")).await;
    }
    check(Method::GET, "/api/rest/v1/user/nobody/mydata".into()).await;
    check(Method::POST, "/api/rest/v1/user/nobody/mydata".into()).await;
    check(Method::GET, "/api/rest/v1/user/nobody/mydata/user".into()).await;
}

#[tokio::test]
async fn both_spellings_of_the_paths_lead_to_the_same_requests() {
    let world = world_with_alice().await;
    let [new, old] = paths("alice");

    let made = send(world.as_trivore(Method::POST, &old).json(&removal("x"))).await.expect(201).json();

    let list = send(world.as_trivore(Method::GET, &new)).await.expect(200).json();
    assert_eq!(list, json!([made]));
    let path = format!("{old}/{}", made["id"].as_str().unwrap());
    assert_eq!(send(world.as_trivore(Method::GET, &path)).await.expect(200).json(), made);
}

#[tokio::test]
async fn a_view_link_carries_a_token_that_is_stored_nowhere() {
    let world = world_with_alice().await;

    let mut tokens = Vec::new();
    for path in paths("alice") {
        for query in ["", "?returnUri=https%3A%2F%2Fapp.example.com%2Fprivacy%3Fa%3Db", "?other=x"] {
            let path = format!("{path}/view-uri{query}");
            let reply = send(world.as_trivore(Method::POST, &path)).await.expect(200).json();
            assert_eq!(reply.as_object().unwrap().len(), 1, "{reply}");
            let link = reply["viewUri"].as_str().unwrap();
            let (page, token) = link.split_once("?ssdt=").unwrap();
            assert_eq!(page, format!("{}/personal-data-view", world.stack.gateway));
            assert!(token.len() > 70, "{token}");
            tokens.push(token.to_owned());
        }
    }

    let items = world.items("lethe").await.join("\n");
    assert!(tokens.iter().all(|token| !items.contains(token.as_str())));
    tokens.sort();
    tokens.dedup();
    assert_eq!(tokens.len(), 6);
    // A new link replaces the one before, so there is one.
    assert_eq!(items.matches("sk=V;").count(), 1);
}

#[tokio::test]
async fn a_view_link_leads_back_to_allowed_places_only() {
    let world = world_with_alice().await;
    let before = world.items("lethe").await;

    for path in paths("alice") {
        for uri in [
            "https://evil.example.com",
            "https://app.example.com.evil.com",
            "https://app.example.com@evil.com",
            "http://app.example.com",
            "//app.example.com",
            "javascript:alert(1)",
            "%0d%0aSet-Cookie:x",
            "",
            "https://app.example.com&returnUri=https://evil.example.com",
        ] {
            let path = format!("{path}/view-uri?returnUri={uri}");
            let reply = send(world.as_trivore(Method::POST, &path)).await;
            assert_refused(&reply, 400, "returnUri must");
        }
    }

    assert_eq!(world.items("lethe").await, before);
}

#[tokio::test]
async fn the_package_names_an_entry_per_collection() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let path = format!("/api/rest/v1/user/{alice}/mydata");

    for method in [Method::GET, Method::POST] {
        let package = send(world.as_trivore(method, &path)).await.expect(200).json();

        assert_eq!((&package["userId"], &package["status"]), (&json!(alice), &json!("COLLECTED")));
        assert_eq!(package["id"].as_str().unwrap().len(), 24);
        for time in ["collectedOn", "collectingStartedOn"] {
            assert_eq!(package[time], "2026-03-02T10:00:00.000Z");
        }
        let entries = package["dataEntries"].as_array().unwrap();
        let mut seen: Vec<_> = entries
            .iter()
            .map(|entry| {
                // The vendor's client fails on anything but objects here.
                assert!(entry["data"].is_object() && entry["dataIdAsObjectId"].is_object(), "{entry}");
                assert_eq!(
                    (&entry["mimeType"], &entry["status"]),
                    (&json!("application/json"), &json!("AVAILABLE"))
                );
                for name in
                    ["dataId", "document", "backendSystemName", "backendSystem", "account", "updatedOn"]
                {
                    assert!(!entry[name].is_null(), "{name} of {entry}");
                }
                (entry["code"].as_str().unwrap(), entry["data"]["data"].as_str().unwrap())
            })
            .collect();
        seen.sort_unstable();
        assert_eq!(seen, [("shop:customers", "1 records"), ("shop:orders", "2 records")]);
    }
}

#[tokio::test]
async fn an_entry_of_the_package_is_that_persons_rows() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    world.person_with_data("bob").await;
    let path = format!("/api/rest/v1/user/{alice}/mydata");
    let package = send(world.as_trivore(Method::GET, &path)).await.expect(200).json();
    let entry = async |code: &str| {
        let entries = package["dataEntries"].as_array().unwrap();
        let entry = entries.iter().find(|entry| entry["code"] == code).unwrap();
        let path = format!("{path}/{}", entry["dataId"].as_str().unwrap());
        send(world.as_trivore(Method::GET, &path)).await.expect(200).json()
    };

    let customers = entry("shop:customers").await;
    assert_eq!(customers.as_array().unwrap().len(), 1);
    assert_eq!(customers[0]["email"], "alice@example.com");
    let orders = entry("shop:orders").await;
    let totals: Vec<_> = orders.as_array().unwrap().iter().map(|order| order["total"].clone()).collect();
    assert_eq!(totals, [json!(10), json!(20)]);
    for unknown in ["000000000000000000000000", "nonsense"] {
        let reply = send(world.as_trivore(Method::GET, &format!("{path}/{unknown}"))).await;
        assert_refused(&reply, 404, "Data not found.");
    }
}

#[tokio::test]
async fn somebody_without_data_has_an_empty_package() {
    let world = world_with_alice().await;

    let package = send(world.as_trivore(Method::GET, "/api/rest/v1/user/alice/mydata")).await.expect(200);

    for entry in package.json()["dataEntries"].as_array().unwrap() {
        assert_eq!((&entry["status"], &entry["data"]["data"]), (&json!("NO_DATA"), &json!("0 records")));
    }
}

#[tokio::test]
async fn the_users_own_data_is_what_the_ledger_holds() {
    let world = world_with_alice().await;
    let made = record(&world, "alice", &removal("please")).await;

    let path = "/api/rest/v1/user/alice/mydata/user";
    let user = send(world.as_trivore(Method::GET, path)).await.expect(200).json();

    assert_eq!(
        (&user["person_id"], &user["identities"]),
        (&json!("alice"), &json!({"email": "alice@example.com"}))
    );
    assert_eq!(
        (&user["requests"][0]["id"], &user["requests"][0]["remarks"]),
        (&made["id"], &json!("please"))
    );
}

#[tokio::test]
async fn remarks_may_fill_the_whole_body() {
    let world = world_with_alice().await;
    let [path, _] = paths("alice");
    let overhead = removal("").to_string().len();
    let longest = "é".repeat((256 * 1024 - overhead) / 2);

    let post = |remarks: &str| world.as_trivore(Method::POST, &path).json(&removal(remarks));
    let made = send(post(&longest).header("idempotency-key", "long")).await.expect(201);
    let again = send(post(&longest).header("idempotency-key", "long")).await.expect(201);
    assert_eq!(made.json()["requestRemarks"], longest.as_str());
    assert_eq!(made.bytes, again.bytes);

    assert_refused(&send(post(&format!("{longest}éé"))).await, 413, "too large");
}
