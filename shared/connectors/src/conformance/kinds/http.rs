//! A service of the company's own over signed HTTP: the reference service.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use domain::datamap::DataMap;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::conformance::fixture::{Dump, Fixture, Patience, notes_of_other_types, sorted};
use crate::conformance::gate::Gate;
use crate::conformance::world::{Field, Key, LEAF, Of, Row, Table};
use crate::connections::{Connections, Kind};
use crate::engine::Clients;
use crate::http::tests::service::{Keys, Service, Tables};
use crate::http::tests::{KEYS, Kept, open_hurried};
use crate::store::Store;
use crate::testing::no_clients;

pub(in crate::conformance) struct HttpService {
    tables: Arc<Mutex<Tables>>,
    gate: Gate,
    secrets: Arc<Kept>,
}

#[async_trait]
impl Fixture for HttpService {
    const CRASHES: usize = 16;

    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gate = Gate::to(listener.local_addr().unwrap()).await;
        let mut tables = Tables::default();
        (tables.page, tables.background_from) = (1000, usize::MAX);
        let tables = Arc::new(Mutex::new(tables));
        let behind = Arc::clone(&tables);
        let handler = Arc::new(move |call: &_| behind.lock().unwrap().answer(call));
        let service = Service::new(&gate.address.to_string(), Keys::parse(KEYS).unwrap(), handler);
        tokio::spawn(service.serve(listener));
        let secrets = Arc::new(Kept::default());
        secrets.put(KEYS);
        Self { tables, gate, secrets }
    }

    fn of_other_types() -> Vec<Row> {
        notes_of_other_types([
            json!(1),
            json!(1.5),
            json!(true),
            json!(null),
            json!({"id": "1"}),
            json!([["01"]]),
        ])
    }

    fn connection(&self, _: Patience) -> String {
        format!("{{kind: http, base_url: 'http://{}', secret: crm, allow_loopback: true}}", self.gate.address)
    }

    fn clients(&self, _: Patience) -> Clients {
        Clients { secrets: self.secrets.clone(), ..no_clients() }
    }

    async fn hurried(&self, map: &DataMap, connections: &Connections) -> Option<Box<dyn Store>> {
        let connection = connections.of("shop").unwrap();
        let Kind::Http(settings) = &connection.kind else { unreachable!() };
        let dataset = map.dataset("shop").unwrap();
        let store = open_hurried(dataset, &connection.at, settings, self.secrets.clone()).await?;
        Some(Box::new(store))
    }

    async fn fill(&self, tables: &[&Table]) {
        let mut service = self.tables.lock().unwrap();
        service.collections = tables.iter().map(|table| (table.name.to_owned(), described(table))).collect();
        for table in tables {
            service.rows.lock().unwrap().entry(table.name.to_owned()).or_default();
            for row in &table.rows {
                service.put(table.name, &key(table, row), Value::Object(row.clone()));
            }
        }
    }

    async fn put(&self, table: &Table, rows: &[Row]) {
        let service = self.tables.lock().unwrap();
        rows.iter().for_each(|row| service.put(table.name, &key(table, row), Value::Object(row.clone())));
    }

    async fn remove(&self, table: &Table, rows: &[Row]) {
        let service = self.tables.lock().unwrap();
        let mut all = service.rows.lock().unwrap();
        rows.iter().for_each(|row| drop(all.get_mut(table.name).unwrap().remove(&key(table, row))));
    }

    async fn dump(&self, tables: &[&Table]) -> Dump {
        let service = self.tables.lock().unwrap();
        let all = service.rows.lock().unwrap();
        let rows = |table: &&Table| {
            let rows = all.get(table.name).into_iter().flatten();
            sorted(rows.map(|(_, row)| Value::Object(row.clone())).collect())
        };
        tables.iter().map(|table| (table.name.to_owned(), rows(table))).collect()
    }

    async fn lose(&self) {
        let mut service = self.tables.lock().unwrap();
        service.collections.as_object_mut().unwrap().remove(LEAF);
        service.rows.lock().unwrap().remove(LEAF);
    }

    async fn stop(&self) {
        self.gate.shut();
    }

    async fn hang(&self) {
        self.gate.hang();
    }

    async fn mend(&self) {
        self.gate.open();
    }
}

/// The service's own name for a row.
fn key(table: &Table, row: &Row) -> String {
    table.key(true).into_iter().map(|field| format!("/{}", row[field.name])).collect()
}

/// What the service says of a table.
fn described(table: &Table) -> Value {
    let key: Vec<&str> = table.key(false).into_iter().map(|field| field.name).collect();
    let mut fields = serde_json::Map::new();
    describe(&table.fields, "", key.len() == 1, &mut fields);
    json!({"key": key, "methods": ["delete", "mask"], "fields": fields})
}

fn describe(fields: &[Field], prefix: &str, is_single: bool, described: &mut serde_json::Map<String, Value>) {
    for field in fields {
        let path = format!("{prefix}{}", field.name);
        let (of, is_found) = match &field.of {
            Of::Integer => ("integer", true),
            Of::Float => ("float", true),
            Of::Flag => ("boolean", true),
            Of::Text | Of::Loose => ("string", true),
            Of::Document(_) => ("object", false),
            Of::Incomparable => ("float", false),
        };
        let is_key = is_single && field.key == Key::Yes;
        let about = json!({"type": of, "find": is_found, "nullable": !field.is_required, "unique": is_key});
        described.insert(path.clone(), about);
        if let Of::Document(parts) = &field.of {
            describe(parts, &format!("{path}."), is_single, described);
        }
    }
}
