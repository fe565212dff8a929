//! Every endpoint against callers who may not, and input that is not what it should be: each gets
//! the dialect's own error, and nothing changes.

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    net::TcpStream,
};

use chrono::TimeDelta;
use domain::{OrgId, Permission, PersonId};
use functions::catalog;
use reqwest::{
    Method, RequestBuilder,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use runtime::{Allow, Credentials, Endpoint, Route};
use serde_json::{Value, json};
use uuid::Uuid;
use wire::Dialect;

use crate::world::{Reply, Setup, World, send, takeout_order};

/// Another tenant.
const STRANGER: OrgId = OrgId(Uuid::from_u128(7));

/// All endpoints but those of pages, which have tests of their own.
fn endpoints() -> impl Iterator<Item = Endpoint> {
    catalog::endpoints().into_iter().filter(|endpoint| endpoint.route.dialect != Dialect::Page)
}

/// That a reply is a refusal, told as its dialect tells them, and shows nothing of our inside.
#[track_caller]
pub(crate) fn assert_told(dialect: Dialect, reply: &Reply, what: &str) {
    assert_closed(reply, what);
    let text = String::from_utf8_lossy(&reply.bytes);
    assert!(is_told(dialect, reply), "{what}: {} {text}", reply.status);
}

/// Whether it is a refusal as the dialect tells them; a page, for callers who read pages.
fn is_told(dialect: Dialect, reply: &Reply) -> bool {
    if !(400..500).contains(&reply.status) {
        return false;
    }
    if reply.header("content-type").starts_with("text/html") {
        return true;
    }
    let body = reply.json();
    let status = reply.status;
    match dialect {
        Dialect::JsonApi => body["errors"].as_array().is_some_and(|errors| {
            let told = |error: &Value| {
                error["status"].as_str() == Some(status.to_string().as_str())
                    && error["id"] == reply.header("request-id")
                    && error["title"].is_string()
            };
            !errors.is_empty() && errors.iter().all(told)
        }),
        Dialect::Envelope => body["errors"].as_array().is_some_and(|errors| {
            !errors.is_empty()
                && errors.iter().all(|error| error["httpcode"] == status && error["message"].is_string())
        }),
        Dialect::Connect => {
            let error = &body["error"];
            error["message"].is_string()
                && error["code"].is_u64()
                && error["errors"].as_array().is_none_or(|errors| {
                    !errors.is_empty() && errors.iter().all(|one| one["meta"]["key"].is_string())
                })
        }
        Dialect::Detail => match &body["detail"] {
            Value::Array(faults) => {
                status == 422
                    && !faults.is_empty()
                    && faults.iter().all(|fault| {
                        fault["loc"].is_array() && fault["msg"].is_string() && fault["type"].is_string()
                    })
            }
            _ => {
                let code = body["error_code"].as_str().unwrap_or_default();
                body["auth_success"] == !code.starts_with("auth_")
                    && !code.is_empty()
                    && body["desc"].is_string()
            }
        },
        Dialect::Management => {
            body["statusCode"] == status
                && body["errorMessage"].as_str().is_some_and(|message| message.ends_with('.'))
        }
        Dialect::Native | Dialect::Page => {
            reply.header("content-type") == "application/problem+json"
                && body["status"] == status
                && ["type", "title", "detail", "instance"].iter().all(|name| body[name].is_string())
        }
    }
}

/// That a reply, whatever it says, is no failure of ours and shows nothing of our inside.
#[track_caller]
fn assert_closed(reply: &Reply, what: &str) {
    // The id of the call is random, and may spell anything.
    let text = String::from_utf8_lossy(&reply.bytes).replace(reply.header("request-id"), "").to_lowercase();
    assert!(reply.status < 500, "{what}: {} {text}", reply.status);
    if reply.status < 400 {
        return;
    }
    for inside in [
        "arn:",
        "lethe-",
        "dynamo",
        "amazon",
        "kms",
        "exception",
        "panic",
        "unwrap",
        ".rs",
        "src/",
        "/home",
        "sqlite",
        "org#",
        "serde",
        "column ",
        "line 1",
        "backtrace",
        "domain::",
        "127.0.0.1",
    ] {
        assert!(!text.contains(inside), "{what} shows {inside}: {text}");
    }
}

/// A body that the endpoint takes; `None` if it takes none.
fn body_of(route: &Route, world: &World) -> Option<Value> {
    let alice = Uuid::new_v5(&Uuid::NAMESPACE_DNS, b"alice");
    let (client_id, client_secret) = world.stack.identity.instacart_client();
    Some(match route.name {
        "request-user-takeout" | "request-takeout" => takeout_order("alice@example.com"),
        "store-person-consents" | "replace-person-consents" | "store-consents" | "replace-consents" => {
            json!({"consent_levels": ["analytics", "tracking"]})
        }
        "request-customer-deletion" => json!({"identifier": "alice@example.com"}),
        "get-deletion-status" => json!({"identifiers": ["alice@example.com"]}),
        "issue-token" => json!({
            "client_id": client_id,
            "client_secret": client_secret,
            "grant_type": "client_credentials",
            "scope": "connect:compliance",
        }),
        "queue-purge" | "queue-own-purge" => json!({"suggested_purge_time": "2026-03-20T00:00:00Z"}),
        "restrict-person" => json!({
            "type": "account_ban",
            "reason": "user_request",
            "expiration": "2026-03-20T00:00:00Z",
            "issuer_type": "clerk",
            "issuer": "c1",
        }),
        "create-request" => json!({"requestType": "CORRECTION", "requestRemarks": "x"}),
        "put-person" => json!({
            "identities": {"email": "alice@example.com"},
            "verified": ["email"],
            "linked_identities": ["default"],
        }),
        "import-persons" => json!({
            "person_id": "imported",
            "identities": {"email": "imported@example.com"},
            "verified": ["email"],
            "linked_identities": [],
        }),
        "verify-audit" => json!({"person_id": alice}),
        "check-identities" => json!({"identities": [{"name": "email", "value": "bob@example.com"}]}),
        "create-hold" => json!({
            "kind": "retention",
            "ground": "17(3)(b)",
            "owner": "Accounting",
            "reason": "invoices",
            "review_on": "2026-05-01",
            "until": "2026-06-01",
            "scope": {"person_id": alice.to_string(), "dataset": "shop", "collection": "orders", "category": "user"},
        }),
        "make-plan" => json!({}),
        "create-client" => json!({"grants": ["lethe:requests:read"]}),
        "override-objection" => json!({"ground": "fraud"}),
        _ => return None,
    })
}

/// A world with one person, of whom every door knows something.
struct Scene {
    world: World,
    alice: Uuid,
    takeout: String,
    hold: String,
    /// What else is right for a parameter of a route.
    own: BTreeMap<(&'static str, &'static str), String>,
}

impl Scene {
    async fn new() -> Self {
        Self::of(World::new().await).await
    }

    async fn of(world: World) -> Self {
        let alice = world.person_with_data("alice").await;
        let takeout = world.order_takeout(alice, "alice@example.com").await;
        let consents = format!("/persons/{alice}/consent/gdpr");
        let levels = json!({"consent_levels": ["necessary"]});
        send(world.as_slashid(Method::POST, &consents).json(&levels)).await.expect(201);
        let purge = format!("/users/v1/person/{alice}/purge");
        send(world.as_admin(Method::POST, &purge).json(&json!({}))).await.expect(202);
        let objection = format!("/lethe/v1/persons/{alice}/objections/analytics");
        send(world.as_admin(Method::PUT, &objection)).await.expect(201);
        let hold = json!({
            "kind": "legal_hold",
            "ground": "17(3)(e)",
            "owner": "Legal department",
            "reason": "claim",
            "review_on": "2026-09-01",
            "scope": {"person_id": alice},
        });
        let hold = send(world.as_admin(Method::POST, "/lethe/v1/holds").json(&hold)).await.expect(201);
        let hold = hold.json()["id"].as_str().unwrap().to_owned();
        world.drain().await;
        Self { world, alice, takeout, hold, own: BTreeMap::new() }
    }

    /// One in which every endpoint has something of ours to find.
    async fn whole() -> Self {
        let mut setup = Setup::new();
        let mut ours = setup.identity.tenant();
        ours.blast_radius = 3;
        ours.purposes =
            serde_json::from_value(json!({"analytics": {"basis": "legitimate_interests"}})).unwrap();
        setup.tenants = Some(vec![ours.clone(), ours.of(STRANGER)]);
        let mut scene = Self::of(setup.begin().await).await;
        let Self { world, alice, .. } = &scene;
        let mut own = BTreeMap::new();
        let ask =
            async |verb, path: &str, body: Value| send(world.as_admin(verb, path).json(&body)).await.json();
        let id = |value: &Value| value.as_str().unwrap().to_owned();

        let bob = world.person_with_data("bob").await;
        let due = json!({ "suggested_purge_time": world.now() + TimeDelta::minutes(1) });
        ask(Method::POST, &format!("/users/v1/person/{bob}/purge"), due).await;
        world.drain().await;
        world.advance(TimeDelta::minutes(2)).await;
        let ledger = world.stack.app.ledger(world.org());
        let erasure = ledger.erasure(ledger.key_of(&PersonId::from(bob)).await.unwrap()).await.unwrap();
        own.insert(("get-certificate", "certificate_id"), erasure.unwrap().id.to_string());

        let [planned, applied, idle] = ["carol", "dave", "erin"].map(|name| world.person_with_data(name));
        let planned = planned.await.to_string();
        let plan = ask(Method::POST, &format!("/lethe/v1/persons/{planned}/plan"), json!({})).await;
        for route in ["make-plan", "get-plan", "apply-plan"] {
            own.insert((route, "person_id"), planned.clone());
            own.insert((route, "sha256"), id(&plan["sha256"]));
        }
        let applied = format!("/lethe/v1/persons/{}/plan", applied.await);
        world.add_rows("dave@example.com").await;
        let plan = ask(Method::POST, &applied, json!({})).await;
        let held = ask(Method::POST, &format!("{applied}/{}/apply", id(&plan["sha256"])), json!({})).await;
        own.insert(("release-purge", "request_id"), id(&held["id"]));
        own.insert(("release-purge", "plan"), id(&plan["sha256"]));
        own.insert(("delete-person", "person_id"), idle.await.to_string());
        own.insert(("delete-client", "client_id"), "ours".to_owned());

        let package = format!("/api/rest/v1/user/{alice}/mydata");
        let package = send(world.as_trivore(Method::GET, &package)).await.json();
        own.insert(("get-data-entry", "dataId"), id(&package["dataEntries"][0]["dataId"]));
        world.api_client("ours", world.org(), &["lethe:audit:read"]).await;
        world.drain().await;
        assert!(world.stack.tick("note-changes").await);
        scene.own = own;
        scene
    }

    /// The path of a route, with each parameter as `value` gives it, or else one that is right.
    fn path(&self, route: &Route, value: impl Fn(&str) -> Option<String>) -> String {
        let own = |name: &str| {
            let mut own = self.own.iter();
            own.find(|((of, known), _)| *of == route.name && *known == name).map(|(_, value)| value.clone())
        };
        let part = |part: &str| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            None => part.to_owned(),
            Some(name) => value(name).or_else(|| own(name)).unwrap_or_else(|| match name {
                "version" => "2024-3".to_owned(),
                "dataId" => "000000000000000000000000".to_owned(),
                "purpose" => "analytics".to_owned(),
                "hold_id" => self.hold.clone(),
                name if Some(name) == route.person_param() => self.alice.to_string(),
                _ => self.takeout.clone(),
            }),
        };
        route.path.split('/').map(part).collect::<Vec<_>>().join("/")
    }

    /// Headers that say who calls, as the route wants to know it, with everything granted.
    fn credentials(&self, route: &Route) -> HeaderMap {
        self.credentials_of(route, self.alice)
    }

    /// The same for any person.
    fn credentials_of(&self, route: &Route, person: Uuid) -> HeaderMap {
        let grants: Vec<_> = Permission::ALL.iter().map(|permission| permission.name()).collect();
        let world = &self.world;
        let token = format!("Bearer {}", world.token(&person.to_string(), &grants));
        match route.credentials {
            Credentials::None | Credentials::Session => HeaderMap::new(),
            Credentials::ApiKey => api_key(world.org(), &world.stack.identity.slashid_api_key()),
            Credentials::Bearer | Credentials::BearerOrCookie | Credentials::BasicOrBearer => {
                headers(&[("authorization", &token)])
            }
        }
    }

    fn call(&self, route: &Route, path: &str, body: Option<&[u8]>) -> RequestBuilder {
        let call = self.world.call(route.method.clone(), path);
        match body {
            Some(body) => call.header("content-type", route.dialect.media_type()).body(body.to_vec()),
            None => call,
        }
    }

    /// Everything that the ledger holds of the tenant, but what it notes of idempotency keys.
    async fn ledger(&self) -> Vec<String> {
        let mut items = self.world.items("lethe").await;
        let own = format!("ORG#{}#", self.world.org());
        items.retain(|item| item.contains(&own) && !item.contains("#K#"));
        items
    }
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| (HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap()))
        .collect()
}

fn api_key(org: OrgId, key: &str) -> HeaderMap {
    headers(&[("slashid-orgid", &org.to_string()), ("slashid-api-key", key)])
}

#[tokio::test]
async fn nobody_gets_in_without_credentials_that_hold() {
    let scene = Scene::new().await;
    let world = &scene.world;
    let before = scene.ledger().await;
    let all: Vec<_> = Permission::ALL.iter().map(|permission| permission.name()).collect();
    let token = |expires_in| world.token_for(None, &scene.alice.to_string(), &all, expires_in);
    let good = token(TimeDelta::hours(1));
    let (head, signature) = good.rsplit_once('.').unwrap();
    // The last character of a signature has bits that do not count; the first has none.
    let forged = format!("{head}.{}{}", if signature.starts_with('A') { "B" } else { "A" }, &signature[1..]);
    let no_tenant = world.token_for(Some(OrgId(Uuid::nil())), "x", &all, TimeDelta::hours(-1));

    for endpoint in endpoints() {
        let route = endpoint.route;
        let wrong = match route.credentials {
            Credentials::None | Credentials::Session => continue,
            Credentials::ApiKey => vec![
                HeaderMap::new(),
                headers(&[("slashid-orgid", &world.org().to_string())]),
                headers(&[("slashid-api-key", &world.stack.identity.slashid_api_key())]),
                headers(&[("slashid-orgid", "x"), ("slashid-api-key", "y")]),
                api_key(world.org(), "garbage"),
                api_key(world.org(), "slashid.wrong"),
                api_key(world.org(), "."),
                api_key(OrgId(Uuid::nil()), &world.stack.identity.slashid_api_key()),
                headers(&[
                    ("slashid-orgid", &world.org().to_string()),
                    ("authorization", &format!("Bearer {good}")),
                ]),
            ],
            Credentials::Bearer | Credentials::BearerOrCookie | Credentials::BasicOrBearer => {
                let mut all = vec![HeaderMap::new()];
                for value in [
                    "",
                    "Bearer",
                    "Bearer garbage",
                    "Bearer a.b.c",
                    "Bearer e30.e30.e30",
                    "Negotiate x",
                    &good,
                    &format!("Bearer {forged}"),
                    &format!("Bearer {head}."),
                    &format!("Bearer {}", "x".repeat(9000)),
                    &format!("Bearer {}", token(TimeDelta::hours(-2))),
                    &format!("Bearer {no_tenant}"),
                ] {
                    all.push(headers(&[("authorization", value)]));
                }
                all
            }
        };
        let body = body_of(route, world).map(|body| body.to_string().into_bytes());
        for headers in wrong {
            let what = format!("{} with {headers:?}", route.name);
            let reply =
                send(scene.call(route, &scene.path(route, |_| None), body.as_deref()).headers(headers)).await;
            assert_told(route.dialect, &reply, &what);
            let expected: &[u16] = match route.dialect {
                Dialect::Detail => &[403],
                // A tenant that is missing or no UUID is a fault of the call.
                Dialect::Envelope => &[400, 401],
                Dialect::JsonApi
                | Dialect::Connect
                | Dialect::Management
                | Dialect::Native
                | Dialect::Page => &[401],
            };
            assert!(expected.contains(&reply.status), "{what}: {}", reply.status);
        }
    }
    assert_eq!(scene.ledger().await, before);
}

#[tokio::test]
async fn nobody_gets_further_than_their_permissions() {
    let scene = Scene::new().await;
    let world = &scene.world;
    let (client, secret) = world.api_client("powerless", world.org(), &[]).await;
    let before = scene.ledger().await;

    for endpoint in endpoints() {
        let route = endpoint.route;
        let Allow::AnyOf(needed) = route.allow else { continue };
        // All others are not enough, and neither are wildcards outside their dialect, nor what
        // reaches no further than oneself.
        let others: Vec<_> = Permission::ALL
            .iter()
            .filter(|permission| !needed.contains(permission) || permission.own_only())
            .map(|permission| permission.name())
            .filter(|name| !name.contains('*') && route.dialect != Dialect::Detail || name.ends_with(":self"))
            .collect();
        let bob = world.token(&Uuid::nil().to_string(), &others);
        let nothing = world.token(&scene.alice.to_string(), &[]);
        let callers = match route.credentials {
            Credentials::ApiKey => vec![api_key(world.org(), &format!("{client}.{secret}"))],
            _ => [nothing, bob]
                .iter()
                .map(|token| headers(&[("authorization", &format!("Bearer {token}"))]))
                .collect(),
        };
        let body = body_of(route, world).map(|body| body.to_string().into_bytes());
        for (number, headers) in callers.into_iter().enumerate() {
            // About oneself, what reaches no further than oneself is enough.
            if number == 1
                && route.person_param().is_none()
                && needed.iter().any(|permission| permission.own_only())
            {
                continue;
            }
            let reply =
                send(scene.call(route, &scene.path(route, |_| None), body.as_deref()).headers(headers)).await;
            assert_told(route.dialect, &reply, route.name);
            assert_eq!(reply.status, 403, "{}", route.name);
        }
    }
    assert_eq!(scene.ledger().await, before);
}

/// What this call told or changed that is not the caller's, if the caller is of another tenant.
async fn leak(scene: &Scene, route: &Route, headers: HeaderMap, before: &[String]) -> Option<String> {
    let body = match scene.own.get(&(route.name, "plan")) {
        Some(plan) => Some(json!({ "plan": plan })),
        None => body_of(route, &scene.world),
    };
    let body = body.map(|body| body.to_string().into_bytes());
    let query = match route.name {
        "get-processing" => "?purpose=analytics",
        name if name.starts_with("withdraw") => "?deleteAll=true",
        _ => "",
    };
    let path = scene.path(route, |_| None) + query;
    let reply = send(scene.call(route, &path, body.as_deref()).headers(headers)).await;
    let text = String::from_utf8_lossy(&reply.bytes).into_owned();
    let is_apart = match route.name {
        // These make something of their own, or list what is theirs: nothing.
        "put-person" | "create-key" | "create-client" => reply.status == 201,
        "import-persons" => reply.status == 200,
        "list-requests" => reply.json()["requests"] == json!([]),
        "list-holds" => reply.json()["holds"] == json!([]),
        "get-audit" => reply.json()["segment"] == Value::Null,
        "verify-audit" => reply.json()["entries"] == 0,
        "get-bundle" => reply.json()["cases"] == json!([]),
        "list-clients" => {
            let clients = reply.json()["clients"].as_array().unwrap().clone();
            clients.iter().all(|client| client["client_id"] != "ours")
        }
        "check-identities" => reply.json() == json!({"results": [{"erased": false}]}),
        name => {
            assert_closed(&reply, name);
            is_told(route.dialect, &reply)
        }
    };
    if !is_apart || text.contains(&scene.takeout) {
        return Some(format!("{} tells: {} {text}", route.name, reply.status));
    }
    (scene.ledger().await != before).then(|| format!("{} changes the ledger", route.name))
}

#[tokio::test]
async fn another_tenant_sees_and_changes_nothing_of_ours() {
    let scene = Scene::whole().await;
    let world = &scene.world;
    let all: Vec<_> = Permission::ALL.iter().map(|permission| permission.name()).collect();
    let (client, secret) = world.api_client("stranger", STRANGER, &all).await;
    let before = scene.ledger().await;

    for endpoint in endpoints() {
        let route = endpoint.route;
        let headers = match route.credentials {
            Credentials::None => continue,
            Credentials::ApiKey => api_key(STRANGER, &format!("{client}.{secret}")),
            _ => {
                let sub = scene.alice.to_string();
                let token = world.token_for(Some(STRANGER), &sub, &all, TimeDelta::hours(1));
                headers(&[("authorization", &format!("Bearer {token}"))])
            }
        };
        assert_eq!(leak(&scene, route, headers, &before).await, None);
        if route.name == "put-person" {
            // Else they would have a person of this id themselves.
            let token = world.token_for(Some(STRANGER), "x", &all, TimeDelta::hours(1));
            let path = scene.path(route, |_| None);
            send(world.call(Method::DELETE, &path).bearer_auth(token)).await.expect(204);
        }
    }
}

/// Our own credentials do what those of another tenant would if nobody looked whose they are.
#[tokio::test]
async fn a_check_that_is_missing_would_be_seen() {
    let mut scene = Scene::whole().await;
    let mut unseen = Vec::new();
    for endpoint in endpoints() {
        let route = endpoint.route;
        if route.credentials == Credentials::None {
            continue;
        }
        let before = scene.ledger().await;
        if leak(&scene, route, scene.credentials(route), &before).await.is_none() {
            // What the calls before have changed may be in its way.
            scene = Scene::whole().await;
            let before = scene.ledger().await;
            if leak(&scene, route, scene.credentials(route), &before).await.is_none() {
                unseen.push(route.name);
            }
        }
    }
    assert_eq!(unseen, [""; 0]);
}

#[tokio::test]
async fn what_belongs_to_another_tenant_is_told_like_what_does_not_exist() {
    let scene = Scene::new().await;
    let world = &scene.world;
    let all: Vec<_> = Permission::ALL.iter().map(|permission| permission.name()).collect();
    let foreign = world.token_for(Some(STRANGER), "x", &all, TimeDelta::hours(1));
    let own = world.token("x", &all);

    for endpoint in endpoints() {
        let route = endpoint.route;
        if route.person_param().is_none()
            || route.credentials == Credentials::ApiKey
            || route.name == "put-person"
        {
            continue;
        }
        let body = body_of(route, world).map(|body| body.to_string().into_bytes());
        let ask = async |path: String, token: &str| {
            let reply = send(scene.call(route, &path, body.as_deref()).bearer_auth(token)).await;
            let text = String::from_utf8(reply.bytes.clone()).unwrap();
            (reply.status, text.replace(reply.header("request-id"), "id"))
        };
        let theirs = ask(scene.path(route, |_| None), &foreign).await;
        let unknown = |name: &str| (Some(name) == route.person_param()).then(|| Uuid::nil().to_string());
        assert_eq!(theirs, ask(scene.path(route, unknown), &own).await, "{}", route.name);
    }
}

/// Bodies that no endpoint takes.
fn bad_bodies(good: &Value) -> Vec<(String, Vec<u8>)> {
    let text = good.to_string();
    let inner = &text[1..text.len() - 1];
    let mut bodies: Vec<(String, Vec<u8>)> = [
        "",
        " \n",
        "{",
        "}",
        "{]",
        "[]",
        "[{}]",
        "null",
        "1",
        "-",
        "true",
        "\"text\"",
        "\u{feff}{}",
        "{} {}",
        "{},",
        "nul",
        "{\"a\":}",
        "{'a':1}",
        "{\"a\":1,}",
        "<a/>",
        "a=b",
        "NaN",
        "{\"\\ud800\":1}x",
        "\0",
    ]
    .into_iter()
    .map(|text| (text.to_owned(), text.as_bytes().to_vec()))
    .collect();
    let mut add = |what: &str, body: Vec<u8>| bodies.push((what.to_owned(), body));
    add("nested lists", "[".repeat(20_000).into_bytes());
    add("nested objects", "{\"a\":".repeat(10_000).into_bytes());
    add("every field twice", format!("{{{inner},{inner}}}").into_bytes());
    add("cut off", text.as_bytes()[..text.len() - 1].to_vec());
    add("two objects", format!("{text}{text}").into_bytes());
    add(
        "no UTF-8 in a field that is skipped",
        [format!("{{{inner},\"x\":\"").as_bytes(), b"\xff\xfe\"}"].concat(),
    );
    add("no UTF-8 at all", vec![0xff, 0xfe, 0x00, 0x80]);
    add("UTF-16", text.encode_utf16().flat_map(u16::to_le_bytes).collect());
    for (place, wrong) in wrong_types(good) {
        let mut body = good.clone();
        *body.pointer_mut(&place).unwrap() = wrong.clone();
        add(&format!("{wrong} at {place}"), body.to_string().into_bytes());
        // A field that nests deeper than anything is read.
        let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
        *body.pointer_mut(&place).unwrap() = json!("DEEP");
        add(&format!("depth at {place}"), body.to_string().replace("\"DEEP\"", &deep).into_bytes());
    }
    bodies
}

/// Every place of a body, with values of types that do not belong there.
fn wrong_types(body: &Value) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    let children: Vec<(String, &Value)> = match body {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect(),
        _ => Vec::new(),
    };
    for (name, value) in children {
        let wrong = match value {
            Value::String(_) => [json!({}), json!([]), json!(true)],
            Value::Array(_) => [json!({}), json!("x"), json!(true)],
            _ => [json!([[]]), json!("x"), json!(true)],
        };
        found.extend(wrong.map(|wrong| (format!("/{name}"), wrong)));
        found.extend(wrong_types(value).into_iter().map(|(place, wrong)| (format!("/{name}{place}"), wrong)));
    }
    found
}

#[tokio::test]
async fn a_body_that_is_not_what_it_should_be_is_refused() {
    let scene = Scene::new().await;
    let before = scene.ledger().await;

    for endpoint in endpoints() {
        let route = endpoint.route;
        let Some(good) = body_of(route, &scene.world) else { continue };
        let (path, credentials) = (scene.path(route, |_| None), scene.credentials(route));
        for (what, body) in bad_bodies(&good) {
            let what = format!("{} with {what}", route.name);
            let reply = send(scene.call(route, &path, Some(&body)).headers(credentials.clone())).await;
            if route.name == "import-persons" && reply.status == 200 {
                // A bad line harms no other, so the fault stands in its result.
                for line in String::from_utf8_lossy(&reply.bytes).lines() {
                    let result: Value = serde_json::from_str(line).unwrap();
                    assert!(matches!(result["status"].as_u64(), Some(400 | 422)), "{what}: {line}");
                }
            } else {
                assert_told(route.dialect, &reply, &what);
            }
        }
        assert_eq!(scene.ledger().await, before, "{}", route.name);
    }
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused_before_it_is_read() {
    let scene = Scene::new().await;
    let before = scene.ledger().await;

    for endpoint in endpoints() {
        let route = endpoint.route;
        if route.method == Method::GET {
            continue;
        }
        let limit = match route.dialect {
            Dialect::Management => 256 * 1024,
            Dialect::Native => 5 * 1024 * 1024,
            Dialect::JsonApi | Dialect::Envelope | Dialect::Connect | Dialect::Detail | Dialect::Page => {
                64 * 1024
            }
        };
        let mut body = body_of(route, &scene.world).unwrap_or_else(|| json!({})).to_string().into_bytes();
        body.resize(limit + 1, b' ');
        let (path, credentials) = (scene.path(route, |_| None), scene.credentials(route));
        let reply = send(scene.call(route, &path, Some(&body)).headers(credentials)).await;

        assert_told(route.dialect, &reply, route.name);
        assert_eq!(reply.status, 413, "{}", route.name);
    }
    assert_eq!(scene.ledger().await, before);
}

#[tokio::test]
async fn a_body_of_another_media_type_is_refused() {
    let scene = Scene::new().await;
    let before = scene.ledger().await;

    for endpoint in endpoints() {
        let route = endpoint.route;
        let Some(good) = body_of(route, &scene.world) else { continue };
        // Lines are taken as they are: there is no name for their type that all clients know.
        if route.name == "import-persons" {
            continue;
        }
        let body = good.to_string();
        for kind in [
            "text/plain",
            "application/xml",
            "application/x-www-form-urlencoded",
            "json",
            "*/*",
            ";",
            "a/b, application/json",
        ] {
            let call =
                scene.world.call(route.method.clone(), &scene.path(route, |_| None)).body(body.clone());
            let reply = send(call.header("content-type", kind).headers(scene.credentials(route))).await;
            assert_told(route.dialect, &reply, &format!("{} as {kind}", route.name));
        }
    }
    assert_eq!(scene.ledger().await, before);
}

/// Ids that nobody has, as they are sent.
const ODD_IDS: &[&str] = &[
    "not-a-uuid",
    "%00",
    "a%00b",
    "%0d%0aSet-Cookie:%20x",
    "%1b%5b31m",
    "%7f",
    "%2e%2e",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "..",
    ".",
    "%F0%9F%8D%8F",
    "%ff%fe",
    "%",
    "%zz",
    "%20",
    "%23",
    "a%23b",
    "ORG%23x%23P%23y",
    "%e2%80%ae",
    "0",
    "-1",
    "null",
    "%7b%7d",
    "me%20",
    "%27%20OR%201=1--",
    "00000000000000000000000000000000",
    "%7Bc0daf39b-4df5-4241-9e7d-b1b85f829090%7D",
    "urn:uuid:c0daf39b-4df5-4241-9e7d-b1b85f829090",
];

/// Sends a path as it is: an HTTP client would mend it.
async fn send_raw(
    scene: &Scene,
    route: &Route,
    path: &str,
    credentials: &HeaderMap,
    body: Option<Vec<u8>>,
) -> Reply {
    let authority = scene.world.stack.gateway.trim_start_matches("http://").to_owned();
    let body = body.unwrap_or_default();
    let mut head = format!("{} {path} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n", route.method);
    for (name, value) in credentials {
        head += &format!("{name}: {}\r\n", value.to_str().unwrap());
    }
    head +=
        &format!("content-type: {}\r\ncontent-length: {}\r\n\r\n", route.dialect.media_type(), body.len());
    let bytes = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(authority).unwrap();
        stream.write_all(&[head.as_bytes(), &body].concat()).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        bytes
    });
    let bytes = bytes.await.unwrap();
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let pairs: Vec<_> = lines.filter_map(|line| line.split_once(": ")).collect();
    Reply { status, headers: headers(&pairs), bytes: bytes[end + 4..].to_vec() }
}

#[tokio::test]
async fn an_id_that_nobody_has_is_refused_whatever_it_looks_like() {
    let scene = Scene::new().await;
    let before = scene.ledger().await;
    let long = "x".repeat(3000);

    for endpoint in endpoints() {
        let route = endpoint.route;
        // Registering takes any text for an id; who is no tenant has no keys, like one that has issued none.
        if ["put-person", "list-keys"].contains(&route.name) {
            continue;
        }
        let body = body_of(route, &scene.world).map(|body| body.to_string().into_bytes());
        let credentials = scene.credentials(route);
        for param in route.params() {
            for id in ODD_IDS.iter().copied().chain([long.as_str()]) {
                let path = scene.path(route, |name| (name == param).then(|| id.to_owned()));
                let what = format!("{} with {id} for {param}", route.name);
                let reply = send_raw(&scene, route, &path, &credentials, body.clone()).await;
                // What the gateway itself refuses has another form, and no id of ours.
                if reply.header("request-id").is_empty() {
                    assert!(matches!(reply.status, 400 | 404), "{what}: {}", reply.status);
                } else {
                    assert_told(route.dialect, &reply, &what);
                }
            }
        }
        assert_eq!(scene.ledger().await, before, "{}", route.name);
    }
}

#[tokio::test]
async fn odd_ids_can_be_registered_or_are_refused() {
    let scene = Scene::new().await;
    let route = endpoints().map(|endpoint| endpoint.route).find(|route| route.name == "put-person").unwrap();

    for id in ODD_IDS.iter().copied().chain([&*"x".repeat(200), &*"x".repeat(201)]) {
        let path = scene.path(route, |_| Some(id.to_owned()));
        let reply = send_raw(&scene, route, &path, &scene.credentials(route), Some(b"{}".to_vec())).await;
        if reply.status >= 400 {
            assert_told(route.dialect, &reply, id);
        } else {
            // Two spellings of one id are one person.
            assert!(matches!(reply.status, 200 | 201), "{id}");
            let known = reply.json()["person_id"].as_str().unwrap().to_owned();
            assert!(!known.chars().any(char::is_control), "{id}");
        }
    }
}

#[tokio::test]
async fn a_query_that_makes_no_sense_breaks_nothing() {
    let scene = Scene::new().await;
    let queries = [
        "%",
        "%zz=%ff&%00=%00&=&&&;",
        "limit=-1&limit=2",
        "limit=%00",
        "cursor=%00",
        "cursor=MjAyNi0wMy0wMlQxMDowMDowMFojYzBkYWYzOWItNGRmNS00MjQxLTllN2QtYjFiODVmODI5MDkw",
        "cursor=KzEyMzQ1LTAxLTAxVDAwOjAwOjAwWiNjMGRhZjM5Yi00ZGY1LTQyNDEtOWU3ZC1iMWI4NWY4MjkwOTA",
        "page[number]=-1&page[size]=0",
        "page[number]=18446744073709551615&page[size]=100",
        "page%5Bnumber%5D=1000000&page%5Bsize%5D=100",
        "from=x&to=y",
        "from=9999-12-31T23:59:59Z&to=1970-01-01T00:00:00Z",
        "kind=%F0%9F%8D%8F&door=..&status=%27",
        "person_id=%00&person_id=x",
        "consent_levels=%00,&consent_levels=&deleteAll=maybe",
        "returnUri=javascript:alert(1)",
        "returnUri=%0d%0a",
        "issuer_type=%00&issuer=%ff",
        "token=%00&token=x",
        "token=../../x",
        "ssdt=%00",
        "client_id=a&client_secret=b",
        "a[]=1&a[b]=2&__proto__=x",
    ];

    for endpoint in endpoints() {
        let route = endpoint.route;
        let body = body_of(route, &scene.world).map(|body| body.to_string().into_bytes());
        // What changes something is asked by nobody about nobody, what only reads about somebody.
        let changes = route.method != Method::GET;
        let nobody =
            |name: &str| (changes && Some(name) == route.person_param()).then(|| Uuid::nil().to_string());
        let credentials = scene.credentials_of(route, if changes { Uuid::nil() } else { scene.alice });
        let path = scene.path(route, nobody);
        for query in
            queries.iter().map(|query| (*query).to_owned()).chain([format!("x={}", "y".repeat(5000))])
        {
            let what = format!("{} with {query}", route.name);
            let reply = send_raw(&scene, route, &format!("{path}?{query}"), &credentials, body.clone()).await;
            assert_closed(&reply, &what);
            if reply.status >= 400 && !reply.header("request-id").is_empty() {
                assert_told(route.dialect, &reply, &what);
            }
        }
    }
}

#[tokio::test]
async fn what_was_sent_is_not_in_the_log() {
    let scene = Scene::new().await;
    for endpoint in endpoints() {
        let route = endpoint.route;
        let credentials = scene.credentials(route);
        let path = scene.path(route, |_| Some("canary-in-path".into())) + "?canary=canary-in-query";
        let body = br#"{"canary-in-name": "canary-in-value", "requestType": "canary-in-type"}"#;
        let call = scene.call(route, &path, Some(body)).headers(credentials);
        send(call.header("x-canary", "canary-in-header").header("request-id", "canary-in-id")).await;
    }

    let log = scene.world.log.lock().unwrap().join("\n");
    assert!(!log.contains("canary"), "{log}");
    assert!(!log.contains(&scene.alice.to_string()) && !log.contains("alice@example.com"));
}
