//! Where it all happens: two tenants with three stores each, the same addresses in both, and the processes that
//! work for them.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    OrgId, Permission, PersonId, PersonKey,
    request::Request,
    tenant::{MapFiles, Sweep},
};
use local::Process;
use reqwest::{Method, RequestBuilder};
use runtime::Clock;
use serde_json::json;
use sqlx::{Connection as _, Row as _, SqliteConnection};
use tempfile::TempDir;
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::{
    dice::Dice,
    fault::{Fault, Weather},
    world::{Reply, Setup, World, send},
};

/// The tenants: what their stores' names end in, and what they do about whoever came back.
pub(super) const TENANTS: [(&str, Sweep); 2] = [("a", Sweep::Erase), ("b", Sweep::Report)];
/// How far the clock of a process may be off.
pub(super) const SKEW: TimeDelta = TimeDelta::minutes(2);

/// Rows and objects by where they are.
pub(super) type Rows = BTreeMap<String, String>;

pub(super) struct Stage {
    pub(super) world: World,
    pub(super) weather: Weather,
    /// Takes messages off the queues, and has good luck.
    pub(super) post: Process,
    pub(super) companies: Vec<Company>,
    _folder: TempDir,
}

/// A tenant, and what it keeps of people.
pub(super) struct Company {
    pub(super) org: OrgId,
    token: String,
    client: (String, String),
    shop: Mutex<SqliteConnection>,
    profiles: String,
    uploads: String,
}

/// A process of the deployment, which may die.
pub(super) struct Hand {
    pub(super) process: Process,
    pub(super) fault: Fault,
}

impl Stage {
    pub(super) async fn set() -> Self {
        let folder = TempDir::new().unwrap();
        let mut setup = Setup { works: false, with_shop: false, ..Setup::new() };
        let (mut tenants, mut shops) = (Vec::new(), Vec::new());
        for (number, (name, sweep)) in TENANTS.into_iter().enumerate() {
            let mut tenant = setup.identity.tenant();
            if number > 0 {
                tenant = tenant.of(OrgId(Uuid::new_v5(&Uuid::NAMESPACE_DNS, name.as_bytes())));
            }
            let place = folder.path().join(name);
            std::fs::create_dir(&place).unwrap();
            let (map, connections) = (place.join("map.yml"), place.join("connections.yml"));
            let table = format!("profiles-{name}");
            std::fs::write(&map, include_str!("datamap.yml").replace("PROFILES", &table)).unwrap();
            let text = format!(
                "connections:\n  shop: {{kind: sqlite, path: shop.sqlite}}\n  profiles: {{kind: dynamodb}}\n  \
                 uploads: {{kind: s3_objects, bucket: uploads-{name}, key: \"users/{{email}}/\"}}\n"
            );
            std::fs::write(&connections, text).unwrap();
            let url = format!("sqlite://{}?mode=rwc", place.join("shop.sqlite").display());
            let mut shop = SqliteConnection::connect(&url).await.unwrap();
            for statement in [
                "CREATE TABLE customers (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT)",
                "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers (id), total INTEGER)",
                "CREATE INDEX of_customers ON orders (customer_id)",
            ] {
                sqlx::query(statement).execute(&mut shop).await.unwrap();
            }
            shops.push(shop);
            tenant.sweep = sweep;
            tenant.data_map = Some(MapFiles { files: vec![map], connections: Some(connections) });
            tenants.push(tenant);
        }
        let orgs: Vec<OrgId> = tenants.iter().map(|tenant| tenant.org).collect();
        setup.tenants = Some(tenants);
        let world = setup.begin().await;
        let mut companies = Vec::new();
        for ((org, shop), (name, _)) in orgs.into_iter().zip(shops).zip(TENANTS) {
            let grants: Vec<&str> = Permission::ALL.iter().map(|permission| permission.name()).collect();
            let admin = world.stack.identity.admin.to_string();
            let token = world.token_for(Some(org), &admin, &grants, TimeDelta::days(3650));
            let client = world.api_client(&format!("client-{name}"), org, &grants).await;
            let (profiles, uploads) = (format!("profiles-{name}"), format!("uploads-{name}"));
            table(&world, &profiles).await;
            world.stack.app.clients().s3().create_bucket().bucket(&uploads).send().await.unwrap();
            companies.push(Company { org, token, client, shop: Mutex::new(shop), profiles, uploads });
        }
        let post = Process::beside(&world.stack, world.stack.app.clone()).await.unwrap();
        Self { world, weather: Weather::default(), post, companies, _folder: folder }
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.world.now()
    }

    /// A process whose clock is off by as much as its dice say.
    pub(super) async fn hand(&self, dice: &mut Dice) -> Hand {
        let skew = TimeDelta::seconds(dice.between(-SKEW.num_seconds(), SKEW.num_seconds()));
        let clock = self.world.stack.clock.clone();
        let fault = Fault::in_weather(&self.weather, dice.fork());
        let app = fault.app(&self.world, Clock::new(move || clock.now() + skew));
        Hand { process: Process::beside(&self.world.stack, app).await.unwrap(), fault }
    }

    /// A call of the tenant's own software that may do everything.
    pub(super) fn call(&self, tenant: usize, method: Method, path: &str) -> RequestBuilder {
        self.world.call(method, path).bearer_auth(&self.companies[tenant].token)
    }

    /// The same with an API key.
    pub(super) fn by_key(&self, tenant: usize, method: Method, path: &str) -> RequestBuilder {
        let Company { org, client: (id, secret), .. } = &self.companies[tenant];
        let call = self.world.call(method, path);
        call.header("SlashID-API-Key", format!("{id}.{secret}")).header("SlashID-OrgID", org.to_string())
    }

    /// The same with a user's name and password.
    pub(super) fn by_password(&self, tenant: usize, method: Method, path: &str) -> RequestBuilder {
        let (id, secret) = &self.companies[tenant].client;
        self.world.call(method, path).basic_auth(id, Some(secret))
    }

    pub(super) async fn key(&self, tenant: usize, person: Uuid) -> PersonKey {
        let ledger = self.world.stack.app.ledger(self.companies[tenant].org);
        ledger.key_of(&PersonId::from(person)).await.unwrap()
    }

    /// The current erasure of a person, as the ledger has it.
    pub(super) async fn erasure(&self, tenant: usize, person: PersonKey) -> Option<Request> {
        self.world.stack.app.ledger(self.companies[tenant].org).erasure(person).await.unwrap()
    }

    /// What a tenant's stores hold.
    pub(super) async fn rows(&self, tenant: usize) -> Rows {
        let company = &self.companies[tenant];
        let mut rows = Rows::new();
        let mut shop = company.shop.lock().await;
        let orders = if company.is_shut(&mut shop).await { "orders_elsewhere" } else { "orders" };
        let all = format!(
            "SELECT 'customers/' || id, email || ' ' || name FROM customers \
             UNION ALL SELECT 'orders/' || id, customer_id || ' ' || total FROM {orders}"
        );
        for row in sqlx::query(sqlx::AssertSqlSafe(all)).fetch_all(&mut *shop).await.unwrap() {
            rows.insert(row.get(0), row.get(1));
        }
        drop(shop);
        let clients = self.world.stack.app.clients();
        let profiles = clients.dynamodb().scan().table_name(&company.profiles).consistent_read(true);
        let profiles: Vec<_> = profiles.into_paginator().items().send().try_collect().await.unwrap();
        for profile in profiles {
            let [email, nick] = ["email", "nick"].map(|name| profile[name].as_s().unwrap());
            rows.insert(format!("profiles/{email}"), nick.clone());
        }
        let mut pages = clients.s3().list_objects_v2().bucket(&company.uploads).into_paginator().send();
        while let Some(page) = pages.next().await {
            for object in page.unwrap().contents() {
                rows.insert(object.key().unwrap().to_owned(), object.e_tag().unwrap_or_default().to_owned());
            }
        }
        rows
    }

    /// Registers somebody, and has the stores know them: by these rows, but for what the bucket says of the object.
    pub(super) async fn bear(&self, tenant: usize, number: i64, id: Uuid, email: &str) -> Rows {
        let body =
            json!({"identities": {"email": email}, "verified": ["email"], "linked_identities": ["default"]});
        let path = format!("/lethe/v1/persons/{id}");
        send(self.call(tenant, Method::PUT, &path).json(&body)).await.expect(201);
        let rows = Rows::from([
            (format!("customers/{number}"), format!("{email} Number {number}")),
            (format!("orders/{}", 2 * number), format!("{number} 10")),
            (format!("orders/{}", 2 * number + 1), format!("{number} 20")),
            (format!("profiles/{email}"), format!("nick {number}")),
            (format!("users/{email}/photo.jpg"), String::new()),
        ]);
        self.restore(tenant, &rows).await;
        rows
    }

    /// Puts back whatever is missing of these rows; whether anything was.
    pub(super) async fn restore(&self, tenant: usize, rows: &Rows) -> bool {
        let company = &self.companies[tenant];
        let clients = self.world.stack.app.clients();
        let there = self.rows(tenant).await;
        let mut shop = company.shop.lock().await;
        let orders = if company.is_shut(&mut shop).await { "orders_elsewhere" } else { "orders" };
        let mut has_any = false;
        for (place, said) in rows.iter().filter(|(place, _)| !there.contains_key(*place)) {
            has_any = true;
            let (kind, id) = place.split_once('/').unwrap();
            let (first, second) = said.split_once(' ').unwrap_or_default();
            match kind {
                "customers" => {
                    let insert = "INSERT INTO customers (id, email, name) VALUES (?, ?, ?)";
                    let insert = sqlx::query(insert).bind(id.parse::<i64>().unwrap());
                    insert.bind(first).bind(second).execute(&mut *shop).await.unwrap();
                }
                "orders" => {
                    let insert = format!("INSERT INTO {orders} (id, customer_id, total) VALUES (?, ?, ?)");
                    let insert = sqlx::query(sqlx::AssertSqlSafe(insert)).bind(id.parse::<i64>().unwrap());
                    let insert = insert.bind(first.parse::<i64>().unwrap());
                    insert.bind(second.parse::<i64>().unwrap()).execute(&mut *shop).await.unwrap();
                }
                "profiles" => {
                    let put = clients.dynamodb().put_item().table_name(&company.profiles);
                    let put = put.item("email", AttributeValue::S(id.to_owned()));
                    put.item("nick", AttributeValue::S(said.clone())).send().await.unwrap();
                }
                _ => {
                    let put = clients.s3().put_object().bucket(&company.uploads).key(place);
                    put.body(b"theirs".to_vec().into()).send().await.unwrap();
                }
            }
        }
        has_any
    }

    /// Takes a store of a tenant's away, or gives it back.
    pub(super) async fn set_down(&self, tenant: usize, store: usize, is_down: bool) {
        let company = &self.companies[tenant];
        match store {
            0 => {
                let mut shop = company.shop.lock().await;
                if company.is_shut(&mut shop).await != is_down {
                    let statement = match is_down {
                        true => "ALTER TABLE orders RENAME TO orders_elsewhere",
                        false => "ALTER TABLE orders_elsewhere RENAME TO orders",
                    };
                    sqlx::query(statement).execute(&mut *shop).await.unwrap();
                }
            }
            1 => self.weather.set_down(&company.profiles, is_down),
            _ => self.weather.set_down(&company.uploads, is_down),
        }
    }

    /// Does what nobody asked for.
    pub(super) async fn tamper(&self, tenant: usize, statement: String) {
        let mut shop = self.companies[tenant].shop.lock().await;
        sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&mut *shop).await.unwrap();
    }
}

impl Company {
    /// Whether the shop's orders are not where they should be.
    async fn is_shut(&self, shop: &mut SqliteConnection) -> bool {
        let there = "SELECT count(*) FROM sqlite_master WHERE name = 'orders_elsewhere'";
        sqlx::query(there).fetch_one(shop).await.unwrap().get::<i64, _>(0) > 0
    }
}

/// A call at another door of the same deployment: nothing if its process dies over it.
pub(super) async fn at(hand: &Hand, call: RequestBuilder) -> Option<Reply> {
    let (client, call) = call.build_split();
    let mut call = call.unwrap();
    let port = hand.process.gateway.rsplit_once(':').unwrap().1.parse().unwrap();
    call.url_mut().set_port(Some(port)).unwrap();
    hand.fault.until_death(send(RequestBuilder::from_parts(client, call))).await
}

async fn table(world: &World, name: &str) {
    let key = AttributeDefinition::builder().attribute_name("email");
    let key = key.attribute_type(ScalarAttributeType::S).build().unwrap();
    let part = KeySchemaElement::builder().attribute_name("email").key_type(KeyType::Hash).build().unwrap();
    let create = world.stack.app.clients().dynamodb().create_table().table_name(name);
    let create = create.billing_mode(BillingMode::PayPerRequest).attribute_definitions(key).key_schema(part);
    create.send().await.unwrap();
}
