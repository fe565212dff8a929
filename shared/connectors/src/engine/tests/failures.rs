//! Tests with stores that fail or lie.

use std::path::PathBuf;

use async_trait::async_trait;
use domain::datamap::KeyKind;
use domain::row::Value;

use super::shop::{ADA, Shop};
use crate::engine::Engine;
use crate::fault::Fault;
use crate::store::{Cursor, Found, Page, Question, Store};
use crate::testing::{Recorder, Steps, dump, sqlite};

#[derive(Clone, Copy, PartialEq)]
enum Trouble {
    /// It does not answer at all.
    Down,
    /// It can be read, but not changed.
    ReadOnly,
    /// It says yes and does nothing.
    Lying,
    /// It erases only the first of the rows.
    Lazy,
    /// It answers every question with all rows.
    Loose,
    /// While it erases, someone writes another note about the person.
    Busy,
}

/// A store in which one collection is in trouble.
struct Troubled {
    store: Box<dyn Store>,
    collection: &'static str,
    trouble: Trouble,
    path: PathBuf,
}

impl Troubled {
    fn is(&self, question: &Question<'_>, trouble: Trouble) -> bool {
        question.collection == self.collection && self.trouble == trouble
    }
}

#[async_trait]
impl Store for Troubled {
    fn key(&self, collection: &str, field: &str) -> KeyKind {
        self.store.key(collection, field)
    }

    fn cast(&self, collection: &str, field: &str, value: &Value) -> Option<Value> {
        self.store.cast(collection, field, value)
    }

    async fn page(&self, question: &Question<'_>, cursor: Cursor) -> Result<Page, Fault> {
        if self.is(question, Trouble::Down) {
            return Err(Fault::new("it does not answer"));
        }
        if self.is(question, Trouble::Loose) {
            let mut rows = Vec::new();
            for i in 1..100_i64 {
                let all = [Value::Int(i), Value::from(i.to_string().as_str())];
                let loose = Question { values: &all, ..*question };
                rows.extend(self.store.page(&loose, Cursor::default()).await?.rows);
            }
            return Ok(Page { rows, next: None });
        }
        self.store.page(question, cursor).await
    }

    async fn erase(&self, question: &Question<'_>, rows: &[Found]) -> Result<u64, Fault> {
        if self.is(question, Trouble::ReadOnly) {
            return Err(Fault::new("it may not be changed"));
        }
        if self.is(question, Trouble::Lying) {
            return Ok(rows.len() as u64);
        }
        if self.is(question, Trouble::Busy) {
            sqlite(&self.path, "INSERT INTO notes VALUES ('1', 'late')").await;
        }
        if self.is(question, Trouble::Lazy) {
            self.store.erase(question, &rows[..1]).await?;
            return Ok(rows.len() as u64);
        }
        self.store.erase(question, rows).await
    }
}

async fn troubled(shop: &Shop, collection: &'static str, trouble: Trouble) -> Engine {
    let Engine { map, stores, .. } = shop.engine().await;
    let stores = stores
        .into_iter()
        .map(|(key, store)| {
            let path = shop.path.clone();
            let store: Box<dyn Store> = Box::new(Troubled { store, collection, trouble, path });
            (key, store)
        })
        .collect();
    Engine::assemble(map, stores).unwrap()
}

/// Erases with a store in trouble; gives the reasons per unfinished collection and the tables with rows left.
async fn erase_with(collection: &'static str, trouble: Trouble) -> (Vec<(String, String)>, Vec<String>) {
    let shop = Shop::new().await;
    let before = dump(&shop.path).await;
    let gone = shop.without_ada(before.clone());

    let engine = troubled(&shop, collection, trouble).await;
    let erasure = engine.erase(&ADA.identities(), &mut Steps::default()).await.unwrap();
    drop(engine);

    assert!(!erasure.complete(), "a false completion");
    let after = dump(&shop.path).await;
    let left =
        after.iter().filter(|(table, rows)| **rows != gone[*table]).map(|(table, _)| table.clone()).collect();
    for (table, rows) in &gone {
        assert!(rows.iter().all(|row| after[table].contains(row)), "{table} lost a stranger's row");
    }
    let reasons = erasure
        .collections
        .iter()
        .filter(|outcome| !outcome.is_done())
        .map(|outcome| (outcome.at.collection.clone(), outcome.error.clone().unwrap_or_default()))
        .collect();

    // When the trouble is over, a second run finishes.
    assert!(shop.erase().await.complete());
    assert_eq!(dump(&shop.path).await, gone);
    (reasons, left)
}

fn reasons(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(at, reason)| ((*at).to_owned(), (*reason).to_owned())).collect()
}

#[tokio::test]
async fn what_leads_to_a_failed_store_stays_and_the_rest_is_erased() {
    let (why, left) = erase_with("items", Trouble::Down).await;
    assert_eq!(
        why,
        reasons(&[
            ("customers", "not erased, because shop:orders is not done"),
            ("orders", "not erased, because shop:items is not done"),
            ("items", "it does not answer"),
        ])
    );
    assert_eq!(left, ["customers", "items", "orders"]);

    let (why, left) = erase_with("items", Trouble::ReadOnly).await;
    assert_eq!(why[2], ("items".into(), "it may not be changed".into()));
    assert_eq!(left, ["customers", "items", "orders"]);
}

#[tokio::test]
async fn what_a_failed_store_leads_to_is_not_taken_for_proven() {
    let (why, left) = erase_with("orders", Trouble::Down).await;

    assert_eq!(
        why,
        reasons(&[
            ("customers", "not erased, because shop:orders is not done"),
            ("orders", "it does not answer"),
            ("items", "not erased, because shop:orders could not be read"),
            ("addresses", "not erased, because shop:orders could not be read"),
        ])
    );
    assert_eq!(left, ["customers", "items", "orders"]);
}

#[tokio::test]
async fn a_store_that_lies_is_found_out() {
    let (why, left) = erase_with("items", Trouble::Lying).await;

    assert_eq!(why[2], ("items".into(), "rows remain after erasing them".into()));
    assert_eq!(left, ["customers", "items", "orders"]);
    let (why, left) = erase_with("items", Trouble::Lazy).await;
    assert_eq!(why[2], ("items".into(), "rows remain after erasing them".into()));
    assert_eq!(left, ["customers", "items", "orders"]);
}

#[tokio::test]
async fn what_a_loose_store_finds_too_much_is_nobodys() {
    let shop = Shop::new().await;
    let gone = shop.without_ada(dump(&shop.path).await);
    let engine = troubled(&shop, "orders", Trouble::Loose).await;

    let mut sink = Recorder::default();
    engine.access(&ADA.identities(), &mut sink).await.unwrap();
    assert_eq!(sink.rows.len(), 14);

    assert!(engine.erase(&ADA.identities(), &mut Steps::default()).await.unwrap().complete());
    assert_eq!(dump(&shop.path).await, gone);
}

#[tokio::test]
async fn what_is_written_while_the_last_rows_go_is_erased_as_well() {
    let shop = Shop::new().await;
    let gone = shop.without_ada(dump(&shop.path).await);
    let engine = troubled(&shop, "customers", Trouble::Busy).await;

    let erasure = engine.erase(&ADA.identities(), &mut Steps::default()).await.unwrap();

    assert!(erasure.complete());
    assert_eq!(dump(&shop.path).await, gone);
}

#[tokio::test]
async fn a_takeout_fails_with_its_store() {
    let shop = Shop::new().await;
    let engine = troubled(&shop, "items", Trouble::Down).await;

    let failed = engine.access(&ADA.identities(), &mut Recorder::default()).await.unwrap_err();

    assert_eq!(failed.to_string(), "shop:items: it does not answer");
}

/// Runs an erasure that the file itself stops; gives the reason of that collection and the tables left whole.
async fn erase_after(sql: &str, collection: &str) -> String {
    let shop = Shop::new().await;
    shop.sql(sql).await;
    let before = dump(&shop.path).await;

    let erasure = shop.erase().await;

    assert!(!erasure.complete());
    let after = dump(&shop.path).await;
    assert_eq!(after["customers"], before["customers"], "what carries the identity stays");
    assert_eq!(after[collection], before[collection]);
    let outcome = erasure.collections.iter().find(|outcome| outcome.at.collection == collection);
    outcome.unwrap().error.clone().unwrap()
}

#[tokio::test]
async fn rows_that_others_refer_to_stay_with_a_reason() {
    let unmapped =
        "CREATE TABLE parcels (order_id INTEGER REFERENCES orders); INSERT INTO parcels VALUES (2);";
    assert_eq!(
        erase_after(unmapped, "orders").await,
        "rows that the data map does not erase refer to these (foreign key)"
    );
    let deferred = "CREATE TABLE parcels (order_id INTEGER REFERENCES orders DEFERRABLE INITIALLY DEFERRED);
                    INSERT INTO parcels VALUES (2);";
    assert_eq!(
        erase_after(deferred, "orders").await,
        "rows that the data map does not erase refer to these (foreign key)"
    );
}

#[tokio::test]
async fn a_delete_that_reaches_further_is_taken_back() {
    let reason = "deleting these rows would change others as well (a cascade or a trigger)";
    let cascade = "CREATE TABLE parcels (order_id INTEGER REFERENCES orders ON DELETE CASCADE);
                   INSERT INTO parcels VALUES (2);";
    assert_eq!(erase_after(cascade, "orders").await, reason);
    let nulls = "CREATE TABLE parcels (order_id INTEGER REFERENCES orders ON DELETE SET NULL);
                 INSERT INTO parcels VALUES (2);";
    assert_eq!(erase_after(nulls, "orders").await, reason);
    let trigger = "CREATE TRIGGER tidy AFTER DELETE ON items BEGIN DELETE FROM notes; END;";
    assert_eq!(erase_after(trigger, "items").await, reason);
    let forbids = "CREATE TRIGGER stop BEFORE DELETE ON items BEGIN SELECT RAISE(ABORT, 'ada'); END;";
    assert_eq!(erase_after(forbids, "items").await, "a trigger forbids it");
}
