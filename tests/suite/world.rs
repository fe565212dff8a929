//! The World: a stack in memory, callers of every kind, and what they can ask.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{OrgId, tenant::Tenant};
use local::{Identity, Meter, Options, Stack, TokenRequest, VirtualClock};
use reqwest::{Client, Method, RequestBuilder};
use runtime::{Clients, Issuer, Log, Scanner, auth::hash_secret};
use serde_json::{Value, json};
use sqlx::{Connection, Row as _, SqliteConnection};
use store::clients::ApiClient;
use tempfile::TempDir;
use uuid::Uuid;

use crate::{
    canary::{self, Watched},
    contract,
    moto::Moto,
};

/// The time at which every world begins.
pub(crate) const START: &str = "2026-03-02T10:00:00Z";

/// A stack of its own, with a small shop as the company's store.
pub(crate) struct World {
    pub(crate) stack: Stack,
    pub(crate) http: Client,
    pub(crate) folder: TempDir,
    pub(crate) log: Arc<Mutex<Vec<String>>>,
    /// Last, so that it outlives who calls it.
    pub(crate) _moto: Option<Moto>,
}

/// An answer, read whole.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Reply {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes)
            .unwrap_or_else(|_| panic!("not JSON: {} {}", self.status, String::from_utf8_lossy(&self.bytes)))
    }

    /// A header as text; empty if it is absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The same, after making sure of the status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.bytes));
        self
    }
}

/// Settings that a test may change before the world begins.
pub(crate) struct Setup {
    pub(crate) tenants: Option<Vec<Tenant>>,
    pub(crate) issuers: Vec<Issuer>,
    pub(crate) identity: Identity,
    pub(crate) clock: VirtualClock,
    pub(crate) data: Option<PathBuf>,
    pub(crate) with_shop: bool,
    pub(crate) scanner: Option<Scanner>,
    pub(crate) meter: Option<Meter>,
    pub(crate) works: bool,
}

impl Setup {
    pub(crate) fn new() -> Self {
        Self {
            tenants: None,
            issuers: Vec::new(),
            identity: Identity::generate().unwrap(),
            clock: VirtualClock::standing_at(START.parse().unwrap()),
            data: None,
            with_shop: true,
            scanner: None,
            meter: None,
            works: true,
        }
    }

    pub(crate) async fn begin(self) -> World {
        let folder = TempDir::new().unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = Arc::clone(&log);
        let (datamaps, connections) = if self.with_shop {
            let (map, connections) = shop(folder.path()).await;
            (vec![map], Some(connections))
        } else {
            (Vec::new(), None)
        };
        let moto = Moto::start_if_asked();
        let https = || Clients::https(None);
        let stack = Stack::start(Options {
            data: self.data,
            port: 0,
            datamaps,
            connections,
            secrets: Default::default(),
            demo: false,
            clock: self.clock,
            identity: self.identity,
            tenants: self.tenants,
            issuers: self.issuers,
            scanner: self.scanner,
            log: Log::new(move |line| {
                check_line(&line);
                lines.lock().unwrap().push(line);
            }),
            http: Watched::over(self.meter.map_or_else(https, |meter| meter.over(https()))),
            works: self.works,
            elsewhere: moto.as_ref().map(|moto| moto.url.clone()),
        })
        .await
        .unwrap();
        let http = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        World { stack, http, folder, log, _moto: moto }
    }
}

impl World {
    /// A world with a shop and the local tenant.
    pub(crate) async fn new() -> Self {
        Setup::new().begin().await
    }

    /// A world whose tenant has other settings than the local one.
    pub(crate) async fn with(change: impl FnOnce(&mut Tenant)) -> Self {
        let mut setup = Setup::new();
        let mut tenant = setup.identity.tenant();
        change(&mut tenant);
        setup.tenants = Some(vec![tenant]);
        setup.begin().await
    }

    pub(crate) fn org(&self) -> OrgId {
        self.stack.identity.org_id
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.stack.clock.now()
    }

    /// A call without credentials.
    pub(crate) fn call(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.stack.gateway))
    }

    /// A token of the local issuer for `sub`, good for a year.
    pub(crate) fn token(&self, sub: &str, grants: &[&str]) -> String {
        self.token_for(None, sub, grants, TimeDelta::days(365))
    }

    /// A token for any tenant and time.
    pub(crate) fn token_for(
        &self,
        org: Option<OrgId>,
        sub: &str,
        grants: &[&str],
        expires_in: TimeDelta,
    ) -> String {
        let request = TokenRequest {
            sub: sub.to_owned(),
            org,
            permissions: grants.iter().map(|grant| (*grant).to_owned()).collect(),
            scopes: Vec::new(),
            linked_identities: vec!["default".to_owned()],
            expires_in,
        };
        self.stack.identity.token(&request, self.now()).unwrap()
    }

    /// A call that may do everything.
    pub(crate) fn as_admin(&self, method: Method, path: &str) -> RequestBuilder {
        let token = self.stack.identity.admin_token(self.now()).unwrap();
        self.call(method, path).bearer_auth(token)
    }

    /// A PACE call that may do everything, with the dialect's media type.
    pub(crate) fn as_pace(&self, method: Method, path: &str) -> RequestBuilder {
        self.as_admin(method, &format!("/user/2024-3{path}"))
            .header("content-type", "application/vnd.api+json")
    }

    /// A SlashID call with the tenant's API key.
    pub(crate) fn as_slashid(&self, method: Method, path: &str) -> RequestBuilder {
        self.call(method, path)
            .header("SlashID-API-Key", self.stack.identity.slashid_api_key())
            .header("SlashID-OrgID", self.org().to_string())
    }

    /// A Trivore call with HTTP Basic.
    pub(crate) fn as_trivore(&self, method: Method, path: &str) -> RequestBuilder {
        let (user, password) = self.stack.identity.trivore_basic();
        self.call(method, path).basic_auth(user, Some(password))
    }

    /// An Instacart call with a token from the token endpoint.
    pub(crate) async fn as_instacart(&self, method: Method, path: &str) -> RequestBuilder {
        let (client_id, client_secret) = self.stack.identity.instacart_client();
        let ask = json!({"client_id": client_id, "client_secret": client_secret, "grant_type": "client_credentials"});
        let reply = send(self.call(Method::POST, "/v2/oauth/token").json(&ask)).await.expect(200).json();
        self.call(method, path).bearer_auth(reply["access_token"].as_str().unwrap())
    }

    /// Registers a person with a verified address.
    pub(crate) async fn register(&self, id: &str, email: &str) {
        let body = json!({"identities": {"email": email}, "verified": ["email"]});
        send(self.as_admin(Method::PUT, &format!("/lethe/v1/persons/{id}")).json(&body)).await.expect(201);
    }

    /// Registers a new person and puts rows of theirs into the shop.
    pub(crate) async fn person_with_data(&self, name: &str) -> Uuid {
        let id = Uuid::new_v5(&Uuid::NAMESPACE_DNS, name.as_bytes());
        let email = format!("{name}@example.com");
        self.register(&id.to_string(), &email).await;
        self.add_rows(&email).await;
        id
    }

    /// Three rows: a customer with two orders.
    pub(crate) async fn add_rows(&self, email: &str) {
        let mut shop = self.shop().await;
        let customer: i64 =
            sqlx::query("INSERT INTO customers (email, name) VALUES (?, 'Somebody') RETURNING id")
                .bind(email)
                .fetch_one(&mut shop)
                .await
                .unwrap()
                .get(0);
        for total in [10, 20] {
            sqlx::query("INSERT INTO orders (customer_id, total) VALUES (?, ?)")
                .bind(customer)
                .bind(total)
                .execute(&mut shop)
                .await
                .unwrap();
        }
    }

    /// How many rows of the shop belong to this address.
    pub(crate) async fn rows_of(&self, email: &str) -> i64 {
        let count = "SELECT (SELECT count(*) FROM customers WHERE email = ?1) + \
                     (SELECT count(*) FROM orders JOIN customers c ON c.id = customer_id WHERE c.email = ?1)";
        sqlx::query(count).bind(email).fetch_one(&mut self.shop().await).await.unwrap().get(0)
    }

    /// How many rows the shop has.
    pub(crate) async fn all_rows(&self) -> i64 {
        let count = "SELECT (SELECT count(*) FROM customers) + (SELECT count(*) FROM orders)";
        sqlx::query(count).fetch_one(&mut self.shop().await).await.unwrap().get(0)
    }

    /// The company's own database.
    pub(crate) async fn shop(&self) -> SqliteConnection {
        let path = self.folder.path().join("shop.sqlite");
        SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap()
    }

    /// Moves the clock, runs what falls due, and waits until all is done.
    pub(crate) async fn advance(&self, by: TimeDelta) {
        // What was asked for before is done before: a mail still on its way would put off a purge by a tick.
        self.stack.drain().await;
        self.stack.advance(by).await.unwrap();
    }

    /// Waits until all queues are empty.
    pub(crate) async fn drain(&self) {
        self.stack.drain().await;
    }

    /// The mails to an address, as (subject, text).
    pub(crate) fn mails_to(&self, address: &str) -> Vec<(String, String)> {
        let mails = self.stack.outbox.to(address);
        mails.into_iter().map(|mail| (mail.subject, mail.text.unwrap_or_default())).collect()
    }

    /// Every item of a table as text, sorted.
    pub(crate) async fn items(&self, table: &str) -> Vec<String> {
        let scan = self.stack.app.clients().dynamodb().scan().table_name(table).consistent_read(true);
        let items = scan.into_paginator().items().send().try_collect().await.unwrap();
        let mut items: Vec<String> =
            items.into_iter().map(AttributeValue::M).map(|item| shown(&item)).collect();
        items.sort_unstable();
        items
    }

    /// A further API client of a tenant, as its id and secret.
    pub(crate) async fn api_client(&self, id: &str, org: OrgId, grants: &[&str]) -> (String, String) {
        let secret = format!("secret of {id}");
        let client = ApiClient {
            id: id.to_owned(),
            org,
            secret_hash: hash_secret(&secret, [7; 16]).unwrap(),
            grants: grants.iter().map(|grant| (*grant).to_owned()).collect(),
        };
        self.stack.app.store().put_client(&client).await.unwrap();
        (id.to_owned(), secret)
    }

    /// Orders a takeout through PACE and gives its id.
    pub(crate) async fn order_takeout(&self, person: Uuid, send_to: &str) -> String {
        let path = format!("/gdpr/{person}/takeouts");
        let reply = send(self.as_pace(Method::POST, &path).body(takeout_order(send_to).to_string()))
            .await
            .expect(200);
        reply.json()["data"]["id"].as_str().unwrap().to_owned()
    }
}

/// A value of a table as text, with bytes as what they would say if they were not sealed.
fn shown(value: &AttributeValue) -> String {
    match value {
        AttributeValue::S(text) | AttributeValue::N(text) => text.clone(),
        AttributeValue::B(bytes) => String::from_utf8_lossy(bytes.as_ref()).into_owned(),
        AttributeValue::L(values) => values.iter().map(shown).collect::<Vec<_>>().join(","),
        AttributeValue::M(values) => {
            let sorted: BTreeMap<_, _> = values.iter().collect();
            sorted.iter().map(|(name, value)| format!("{name}={};", shown(value))).collect()
        }
        other => format!("{other:?}"),
    }
}

/// The body of an order of a takeout.
pub(crate) fn takeout_order(send_to: &str) -> Value {
    json!({"data": {"type": "GDPRTakeout", "attributes": {"password": PASSWORD, "sentTo": send_to}}})
}

pub(crate) const PASSWORD: &str = "correct horse battery";

/// Whether a log line is as short as it must be, since those about calls are paid for by the million, and tells
/// nothing of a person.
fn check_line(line: &str) {
    assert_eq!(canary::found(line.as_bytes()), None, "{line}");
    assert!(!line.contains('@'), "{line}");
    let fields: Value = serde_json::from_str(line).unwrap();
    let is_about_a_call = fields.get("outcome").is_some();
    assert!(!is_about_a_call || line.len() <= 200, "{} bytes: {line}", line.len());
}

/// Sends a call and reads the answer whole, which must be as the OpenAPI document says.
pub(crate) async fn send(request: RequestBuilder) -> Reply {
    let (client, request) = request.build_split();
    let request = request.unwrap();
    let (method, path) = (request.method().clone(), request.url().path().to_owned());
    let response = client.execute(request).await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let reply = Reply { status, headers, bytes: response.bytes().await.unwrap().to_vec() };
    contract::check(&method, &path, &reply);
    reply
}

/// A shop in a folder: its database, data map and connections file.
async fn shop(folder: &Path) -> (PathBuf, PathBuf) {
    let database = folder.join("shop.sqlite");
    let mut shop =
        SqliteConnection::connect(&format!("sqlite://{}?mode=rwc", database.display())).await.unwrap();
    for statement in [
        "CREATE TABLE customers (id INTEGER PRIMARY KEY, email TEXT NOT NULL, name TEXT)",
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers (id), total INTEGER)",
    ] {
        sqlx::query(statement).execute(&mut shop).await.unwrap();
    }
    let (map, connections) = (folder.join("map.yml"), folder.join("connections.yml"));
    std::fs::write(&map, include_str!("../fixtures/shop/datamap.yml")).unwrap();
    std::fs::write(&connections, "connections:\n  shop: {kind: sqlite, path: shop.sqlite}\n").unwrap();
    (map, connections)
}
