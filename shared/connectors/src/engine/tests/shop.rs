//! A small shop with one person and fifty others who look like her.

use std::collections::BTreeMap;
use std::path::PathBuf;

use domain::datamap::{Erasure, Identities};
use tempfile::TempDir;

use crate::engine::Engine;
use crate::testing::{Plainly as _, Steps, no_clients, open, person, sqlite};

pub(super) struct Person(pub(super) &'static str);

/// The person. The `ë` is one code point.
pub(super) const ADA: Person = Person("zo\u{eb}@example.org");

impl Person {
    pub(super) fn identities(&self) -> Identities {
        person("email", self.0)
    }
}

pub(super) const CONNECTIONS: &str = "connections:\n  shop: {kind: sqlite, path: shop.sqlite}\n";

pub(super) const MAP: &str = "
dataset:
- fides_key: shop
  collections:
  - name: customers
    fields:
    - {name: id, fides_meta: {primary_key: true, data_type: integer}}
    - {name: email, fides_meta: {identity: email, data_type: string}}
    - name: address_id
      fides_meta: {references: [{dataset: shop, field: addresses.id, direction: to}]}
    - {name: name}
  - name: orders
    fields:
    - {name: id, fides_meta: {primary_key: true}}
    - name: customer_id
      fides_meta: {references: [{dataset: shop, field: customers.id, direction: from}]}
    - name: address_id
      fides_meta: {references: [{dataset: shop, field: addresses.id, direction: to}]}
  - name: items
    fields:
    - name: order_id
      fides_meta: {primary_key: true, references: [{dataset: shop, field: orders.id, direction: from}]}
    - {name: line, fides_meta: {primary_key: true}}
    - {name: product}
  - name: notes
    fields:
    - name: customer_id
      fides_meta:
        data_type: string
        references: [{dataset: shop, field: customers.id, direction: from}]
    - {name: text}
  - name: addresses
    fields:
    - {name: id, fides_meta: {primary_key: true}}
    - {name: street}
";

/// Columns compare loosely, keys are composite or missing, ids are texts in one place.
const SCHEMA: &str = "
CREATE TABLE addresses (id INTEGER PRIMARY KEY, street TEXT);
CREATE TABLE customers (
  id INTEGER PRIMARY KEY, email TEXT COLLATE NOCASE, address_id INTEGER REFERENCES addresses, name TEXT
);
CREATE TABLE orders (
  id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers,
  address_id INTEGER REFERENCES addresses
);
CREATE TABLE items (
  order_id INTEGER REFERENCES orders, line INTEGER, product TEXT, PRIMARY KEY (order_id, line)
) WITHOUT ROWID;
CREATE TABLE notes (customer_id TEXT, text TEXT);
INSERT INTO addresses VALUES (1, 'Shared Lane'), (2, 'Gift Road'), (3, 'Elsewhere');
";

pub(super) struct Shop {
    pub(super) dir: TempDir,
    pub(super) path: PathBuf,
}

impl Shop {
    pub(super) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("shop.sqlite");
        let mut sql = format!("PRAGMA foreign_keys = ON; BEGIN; {SCHEMA}");
        sql += &format!("INSERT INTO customers VALUES (1, '{}', 1, 'Zoë');", ADA.0);
        for order in 1..=3 {
            sql += &format!("INSERT INTO orders VALUES ({order}, 1, {});", if order == 3 { 2 } else { 1 });
            sql += &format!("INSERT INTO items VALUES ({order}, 1, 'a'), ({order}, 2, 'b');");
        }
        sql += "INSERT INTO notes VALUES ('1', 'kind'), ('1', 'kind');";
        for (i, email) in look_alikes().iter().enumerate() {
            // Ids look alike as well: 10, 11, and so on begin with the person's own.
            let id = i + 10;
            sql += &format!("INSERT INTO customers VALUES ({id}, '{email}', 1, 'Zoë');");
            sql += &format!("INSERT INTO orders VALUES ({id}, {id}, 1);");
            sql += &format!("INSERT INTO items VALUES ({id}, 1, 'a');");
            sql += &format!("INSERT INTO notes VALUES ('{id}', 'kind');");
        }
        for id in [" 1", "1 ", "01", "1.0", "+1", "1e0", "%", "_", ""] {
            sql += &format!("INSERT INTO notes VALUES ('{id}', 'of nobody');");
        }
        sqlite(&path, &(sql + "COMMIT;")).await;
        Self { dir, path }
    }

    pub(super) async fn engine(&self) -> Engine {
        open(MAP, CONNECTIONS, self.dir.path(), no_clients()).await.unwrap()
    }

    pub(super) async fn erase(&self) -> Erasure {
        self.engine().await.wipe(&ADA.identities(), &mut Steps::default()).await.unwrap()
    }

    pub(super) async fn sql(&self, sql: &str) {
        sqlite(&self.path, sql).await;
    }

    /// What a dump is to be without the person's own rows.
    pub(super) fn without_ada(
        &self,
        mut dump: BTreeMap<String, Vec<String>>,
    ) -> BTreeMap<String, Vec<String>> {
        let own = |table: &str, row: &str| match table {
            "customers" => row.starts_with("1, "),
            "orders" => ["1, 1, ", "2, 1, ", "3, 1, "].iter().any(|order| row.starts_with(order)),
            "items" => ["1, ", "2, ", "3, "].iter().any(|order| row.starts_with(order)),
            "notes" => row.starts_with("'1', "),
            _ => false,
        };
        for (table, rows) in &mut dump {
            rows.retain(|row| !own(table, row));
        }
        dump
    }
}

/// Fifty e-mail addresses that a loose comparison takes for the person's.
fn look_alikes() -> Vec<String> {
    let ada = ADA.0;
    let mut all: Vec<String> = [
        "zoe\u{308}@example.org",
        "ZO\u{cb}@EXAMPLE.ORG",
        "Zo\u{eb}@example.org",
        "zo\u{eb}@Example.org",
        "zoe@example.org",
        "zo@example.org",
        "zo_@example.org",
        "zo%",
        "%",
        "_",
        "*",
        "zo?@example.org",
        "@example.org",
        "example.org",
        "",
        "''",
        "zo\u{eb}@example.org''--",
        "'' OR 1=1--",
        "zo\u{eb}@example,org",
        "zo\u{eb}@example_org",
        "zo\u{eb}@examp1e.org",
        "zo\u{435}@example.org",
        "zo\u{eb}+x@example.org",
        "zo\u{eb}\u{200b}@example.org",
        "zo\u{eb}\u{ad}@example.org",
    ]
    .map(str::to_owned)
    .to_vec();
    for part in [" ", "\t", "\n", ",", ";", "|", ":", "/", "#", ".", "x", "%"] {
        all.push(format!("{ada}{part}"));
        all.push(format!("{part}{ada}"));
    }
    all.push(format!("{ada},{ada}"));
    assert_eq!(all.len(), 50);
    all
}
