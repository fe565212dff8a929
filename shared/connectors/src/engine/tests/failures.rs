//! Tests with stores that fail or lie.

use std::path::PathBuf;

use async_trait::async_trait;
use domain::datamap::{FieldFacts, KeyKind, Masker};
use domain::row::Value;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::shop::{ADA, Shop};
use crate::engine::Engine;
use crate::fault::{EngineError, Fault};
use crate::store::{Change, Found, Page, Pages, Question, Store};
use crate::testing::{Plainly as _, Recorder, Steps, dump, sqlite};

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
    fn key(&self, collection: &str, path: &str) -> KeyKind {
        self.store.key(collection, path)
    }

    fn key_names(&self, collection: &str) -> Vec<String> {
        self.store.key_names(collection)
    }

    fn facts(&self, collection: &str, path: &str) -> FieldFacts {
        self.store.facts(collection, path)
    }

    fn cast(&self, collection: &str, path: &str, value: &Value) -> Option<Value> {
        self.store.cast(collection, path, value)
    }

    fn ask<'a>(&'a self, question: &'a Question<'a>) -> Pages<'a> {
        if self.is(question, Trouble::Down) {
            return stream::once(async { Err(Fault::new("it does not answer")) }).boxed();
        }
        if self.is(question, Trouble::Loose) {
            let all = async move {
                let mut rows = Vec::new();
                for i in 1..100_i64 {
                    let all = [Value::Int(i), Value::from(i.to_string().as_str())];
                    let loose = Question { values: &all, ..*question };
                    let pages: Vec<Page> = self.store.ask(&loose).try_collect().await?;
                    rows.extend(pages.into_iter().flat_map(|page| page.rows));
                }
                Ok(Page { rows, ..Page::default() })
            };
            return stream::once(all).boxed();
        }
        self.store.ask(question)
    }

    async fn delete(&self, question: &Question<'_>, rows: &[Found]) -> Result<u64, Fault> {
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
            self.store.delete(question, &rows[..1]).await?;
            return Ok(rows.len() as u64);
        }
        self.store.delete(question, rows).await
    }

    async fn mask(&self, question: &Question<'_>, changes: &[Change<'_>]) -> Result<u64, Fault> {
        self.store.mask(question, changes).await
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
    let erasure = engine.wipe(&ADA.identities(), &mut Steps::default()).await.unwrap();
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
    engine.read(&ADA.identities(), &mut sink).await.unwrap();
    assert_eq!(sink.rows.len(), 14);

    assert!(engine.wipe(&ADA.identities(), &mut Steps::default()).await.unwrap().complete());
    assert_eq!(dump(&shop.path).await, gone);
}

#[tokio::test]
async fn what_is_written_while_the_last_rows_go_is_erased_as_well() {
    let shop = Shop::new().await;
    let gone = shop.without_ada(dump(&shop.path).await);
    let engine = troubled(&shop, "customers", Trouble::Busy).await;

    let erasure = engine.wipe(&ADA.identities(), &mut Steps::default()).await.unwrap();

    assert!(erasure.complete());
    assert_eq!(dump(&shop.path).await, gone);
}

#[tokio::test]
async fn a_takeout_fails_with_its_store() {
    let shop = Shop::new().await;
    let engine = troubled(&shop, "items", Trouble::Down).await;

    let failed = engine.read(&ADA.identities(), &mut Recorder::default()).await.unwrap_err();

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
async fn rows_that_others_refer_to_are_refused_before_anything_goes() {
    for rule in ["", "DEFERRABLE INITIALLY DEFERRED", "ON DELETE CASCADE", "ON DELETE SET NULL"] {
        let shop = Shop::new().await;
        shop.sql(&format!(
            "CREATE TABLE parcels (order_id INTEGER REFERENCES orders {rule}); INSERT INTO parcels VALUES (2), (10);"
        ))
        .await;
        let before = dump(&shop.path).await;
        let engine = shop.engine().await;

        let plan = engine.plan(&ADA.identities(), &engine.order(None, Masker::random())).await.unwrap();
        let refused = engine.wipe(&ADA.identities(), &mut Steps::default()).await;

        let reason =
            "`shop:orders`: 1 rows of `parcels`, which the plan does not delete, refer to rows that it would";
        assert_eq!(plan.refusals, [reason], "{rule}");
        assert!(matches!(refused, Err(EngineError::HalfDone(reasons)) if reasons == [reason]), "{rule}");
        assert_eq!(dump(&shop.path).await, before, "{rule}");
    }
}

#[tokio::test]
async fn a_delete_that_a_trigger_widens_or_forbids_is_taken_back() {
    let tidies = "CREATE TRIGGER tidy AFTER DELETE ON items BEGIN DELETE FROM notes; END;";
    assert_eq!(
        erase_after(tidies, "items").await,
        "changing these rows would change others as well (a cascade or a trigger)"
    );
    let forbids = "CREATE TRIGGER stop BEFORE DELETE ON items BEGIN SELECT RAISE(ABORT, 'ada'); END;";
    assert_eq!(erase_after(forbids, "items").await, "a trigger forbids it");
}
