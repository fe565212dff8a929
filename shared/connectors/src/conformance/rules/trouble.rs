//! Stores that fail, lie, or are not there.
//!
//! The store to be tried holds the notes alone, so that it can be seen what becomes of all else.

use std::ops::ControlFlow;

use async_trait::async_trait;
use domain::datamap::{Category, Erasure, FieldFacts, KeyKind, Masker, Masking, Treatment};
use domain::plan::{Plan, Usage};
use domain::policy::Policy;
use domain::row::Value;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use crate::conformance::fixture::{Dump, Fixture, Patience};
use crate::conformance::world::{LEAF, World, ada, reason, same, shop};
use crate::engine::Engine;
use crate::fault::Fault;
use crate::sink::{Progress, Step};
use crate::store::{Change, Content, Found, Page, Pages, Question, Store, Tie, Values};
use crate::testing::{Plainly as _, Recorder, Steps};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// It does not answer at all.
    Down,
    /// It answers with some rows, and then with a failure.
    Failing,
    /// It can be read, but not changed.
    ReadOnly,
    /// It says yes and does nothing.
    Lying,
    /// It does half of it and says that it did all.
    Halving,
    /// It answers every question with other people's rows as well.
    Loose,
}

/// A store of which one collection is in trouble.
struct Troubled {
    store: Box<dyn Store>,
    collection: &'static str,
    trouble: Trouble,
}

impl Troubled {
    /// What is wrong with the collection of a question.
    fn with(&self, question: &Question<'_>) -> Option<Trouble> {
        (question.collection == self.collection).then_some(self.trouble)
    }

    fn refused() -> Fault {
        Fault::new("it may not be changed")
    }

    /// The rows that answer the question or one about somebody else.
    async fn loosely(&self, question: &Question<'_>) -> Result<Page, Fault> {
        let mut rows = Vec::new();
        for customer in ["1", "10", "11", "01", "1%"] {
            let values = [Value::from(customer)];
            let loose = Question { values: &values, ..*question };
            let pages: Vec<Page> = self.store.ask(&loose).try_collect().await?;
            rows.extend(pages.into_iter().flat_map(|page| page.rows));
        }
        Ok(Page { rows, ..Page::default() })
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

    fn finds_by(&self, collection: &str, path: &str) -> bool {
        self.store.finds_by(collection, path)
    }

    fn refuses(&self, collection: &str, treatment: &Treatment) -> Option<String> {
        self.store.refuses(collection, treatment)
    }

    fn cast(&self, collection: &str, path: &str, value: &Value) -> Option<Value> {
        self.store.cast(collection, path, value)
    }

    fn ask<'a>(&'a self, question: &'a Question<'a>) -> Pages<'a> {
        let fault = || stream::once(async { Err(Fault::new("it does not answer")) });
        match self.with(question) {
            Some(Trouble::Down) => fault().boxed(),
            Some(Trouble::Failing) => self.store.ask(question).take(1).chain(fault()).boxed(),
            Some(Trouble::Loose) => stream::once(self.loosely(question)).boxed(),
            Some(Trouble::ReadOnly | Trouble::Lying | Trouble::Halving) | None => self.store.ask(question),
        }
    }

    fn census<'a>(&'a self, collection: &'a str, path: &'a str) -> Option<Values<'a>> {
        self.store.census(collection, path)
    }

    async fn delete(&self, question: &Question<'_>, rows: &[Found]) -> Result<u64, Fault> {
        match self.with(question) {
            Some(Trouble::ReadOnly) => Err(Self::refused()),
            Some(Trouble::Lying) => Ok(rows.len() as u64),
            Some(Trouble::Halving) => {
                self.store.delete(question, &rows[..rows.len() / 2]).await?;
                Ok(rows.len() as u64)
            }
            Some(Trouble::Down | Trouble::Failing | Trouble::Loose) | None => {
                self.store.delete(question, rows).await
            }
        }
    }

    async fn mask(&self, question: &Question<'_>, changes: &[Change<'_>]) -> Result<u64, Fault> {
        match self.with(question) {
            Some(Trouble::ReadOnly) => Err(Self::refused()),
            Some(Trouble::Lying) => Ok(changes.len() as u64),
            Some(Trouble::Halving) => {
                self.store.mask(question, &changes[..changes.len() / 2]).await?;
                Ok(changes.len() as u64)
            }
            Some(Trouble::Down | Trouble::Failing | Trouble::Loose) | None => {
                self.store.mask(question, changes).await
            }
        }
    }

    async fn ties(&self, collection: &str, rows: &[&Found], erased: &[&str]) -> Result<Vec<Tie>, Fault> {
        self.store.ties(collection, rows, erased).await
    }

    async fn object(&self, row: &Found) -> Result<Content, Fault> {
        self.store.object(row).await
    }

    fn weight(&self, row: &Found) -> u64 {
        self.store.weight(row)
    }

    fn usage_of(&self, treatment: &Treatment, rows: u64, bytes: u64) -> Usage {
        self.store.usage_of(treatment, rows, bytes)
    }
}

async fn troubled<F: Fixture>(world: &World<F>, collection: &'static str, trouble: Trouble) -> Engine {
    world.engine().await.on("shop", |store| Box::new(Troubled { store, collection, trouble }))
}

/// A world whose notes alone are in the store to be tried, and what it is before and after an erasure.
struct Scene<F> {
    world: World<F>,
    before: Dump,
    gone: Dump,
}

impl<F: Fixture> Scene<F> {
    async fn new() -> Self {
        let world = World::leaf(shop()).await;
        let (before, gone) = (world.dump().await, world.without_her().await);
        Self { world, before, gone }
    }

    /// After an erasure whose notes failed: that is told, what leads to them stays, all else is gone, and
    /// nobody else has lost or got anything.
    async fn check(&self, erasure: &Erasure, what: &str) {
        assert!(!erasure.complete(), "{what}: a false completion");
        let because = format!("not erased, because {} is not done", self.world.at(LEAF));
        assert_eq!(reason(erasure, "customers"), Some(because), "{what}");
        for table in ["orders", "items", "addresses"] {
            assert_eq!(reason(erasure, table), None, "{what}: {table}");
        }
        assert!(!format!("{erasure:?}").contains("example.org"), "{what}: a reason tells who it was about");
        let after = self.world.dump().await;
        for table in ["orders", "items", "addresses"] {
            assert_eq!(after[table], self.gone[table], "{what}: {table}");
        }
        assert_eq!(after["customers"], self.before["customers"], "{what}");
        if let Some(notes) = after.get(LEAF) {
            assert!(
                self.gone[LEAF].iter().all(|row| notes.contains(row)),
                "{what}: a stranger's note is gone"
            );
            assert!(notes.iter().all(|row| self.before[LEAF].contains(row)), "{what}: a note has changed");
        }
    }

    /// When the trouble is over, another run finishes.
    async fn finish(&self, what: &str) {
        assert!(self.world.erase().await.complete(), "{what}");
        same(&self.world.dump().await, &self.gone, what);
    }
}

pub(in crate::conformance) async fn a_store_in_trouble_is_told_and_all_else_goes<F: Fixture>() {
    let scene = Scene::<F>::new().await;
    for (trouble, told) in [
        (Trouble::Down, "it does not answer"),
        (Trouble::Failing, "it does not answer"),
        (Trouble::ReadOnly, "it may not be changed"),
        (Trouble::Lying, "rows remain after erasing them"),
        (Trouble::Halving, "rows remain after erasing them"),
    ] {
        let what = format!("{trouble:?}");
        scene.world.restore().await;
        let engine = troubled(&scene.world, LEAF, trouble).await;

        let plan = engine.plan(&ada(), &engine.order(None, Masker::random())).await.unwrap();
        let erasure = engine.wipe(&ada(), &mut Steps::default()).await.unwrap();

        let unread = matches!(trouble, Trouble::Down | Trouble::Failing);
        assert_eq!(plan.is_feasible(), !unread, "{what}");
        assert_eq!(reason(&erasure, LEAF).as_deref(), Some(told), "{what}");
        scene.check(&erasure, &what).await;
        drop(engine);
        scene.finish(&what).await;
    }
}

pub(in crate::conformance) async fn what_a_failed_collection_leads_to_is_not_taken_for_proven<F: Fixture>() {
    let world = World::<F>::shop().await;
    let (before, gone) = (world.dump().await, world.without_her().await);
    let engine = troubled(&world, "orders", Trouble::Down).await;

    let erasure = engine.wipe(&ada(), &mut Steps::default()).await.unwrap();

    assert_eq!(reason(&erasure, "orders").as_deref(), Some("it does not answer"));
    for (collection, because) in [
        ("customers", "not erased, because shop:orders is not done"),
        // Nobody knows which of their rows are hers.
        ("items", "not erased, because shop:orders could not be read"),
        ("addresses", "not erased, because shop:orders could not be read"),
        (LEAF, ""),
    ] {
        assert_eq!(reason(&erasure, collection).unwrap_or_default(), because, "{collection}");
        let expected = if because.is_empty() { &gone } else { &before };
        assert_eq!(world.dump().await[collection], expected[collection], "{collection}");
    }
    assert!(world.erase().await.complete());
    same(&world.dump().await, &gone, "finished");
}

pub(in crate::conformance) async fn a_store_that_does_not_mask_is_told<F: Fixture>() {
    let scene = Scene::<F>::new().await;
    let policy = Policy::erasure_of([Category("user.content".to_owned())], Masking::NullRewrite);
    for (trouble, told) in [
        (Trouble::ReadOnly, "it may not be changed"),
        (Trouble::Lying, "rows remain after erasing them"),
        (Trouble::Halving, "rows remain after erasing them"),
    ] {
        let engine = troubled(&scene.world, LEAF, trouble).await;
        let order = engine.order(Some(&policy), Masker::random());

        let erasure = engine.erase(&ada(), &order, &mut Steps::default()).await.unwrap();

        assert!(!erasure.complete(), "{trouble:?}: a false completion");
        assert_eq!(reason(&erasure, LEAF).as_deref(), Some(told), "{trouble:?}");
        scene.world.restore().await;
        same(&scene.world.dump().await, &scene.before, told);
    }
}

pub(in crate::conformance) async fn what_a_loose_store_finds_too_much_is_nobodys<F: Fixture>() {
    let scene = Scene::<F>::new().await;
    let engine = troubled(&scene.world, LEAF, Trouble::Loose).await;

    let mut sink = Recorder::default();
    engine.read(&ada(), &mut sink).await.unwrap();
    assert_eq!(sink.rows.len(), scene.world.to_show().len());

    assert!(engine.wipe(&ada(), &mut Steps::default()).await.unwrap().complete());
    same(&scene.world.dump().await, &scene.gone, "loose");
}

pub(in crate::conformance) async fn a_takeout_fails_with_its_store<F: Fixture>() {
    let scene = Scene::<F>::new().await;
    for trouble in [Trouble::Down, Trouble::Failing] {
        let engine = troubled(&scene.world, LEAF, trouble).await;

        let failed = engine.read(&ada(), &mut Recorder::default()).await.unwrap_err();

        assert_eq!(failed.to_string(), "shop:notes: it does not answer");
    }
}

/// Stops the store once the plan is made.
struct Stopper<'w, F>(&'w F);

#[async_trait]
impl<F: Fixture> Progress for Stopper<'_, F> {
    async fn planned(&mut self, _: &Plan) -> ControlFlow<()> {
        self.0.stop().await;
        ControlFlow::Continue(())
    }

    async fn step(&mut self, _: &Step) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

pub(in crate::conformance) async fn a_store_that_stops_is_told_and_all_else_goes<F: Fixture>() {
    let scene = Scene::<F>::new().await;
    let engine = scene.world.open(Patience::Short).await.unwrap().whole().unwrap();

    let erasure = engine.wipe(&ada(), &mut Stopper(&scene.world.store)).await.unwrap();

    assert!(reason(&erasure, LEAF).is_some_and(|told| !told.is_empty()));
    drop(engine);
    scene.world.store.mend().await;
    scene.check(&erasure, "stopped").await;
    scene.finish("stopped").await;
}

pub(in crate::conformance) async fn a_store_that_cannot_be_opened_fails_alone<F: Fixture>() {
    let scene = Scene::<F>::new().await;
    scene.world.store.stop().await;
    let engine = scene.world.open(Patience::Short).await.unwrap();

    assert_eq!(engine.broken().0.len(), 1, "{}", engine.broken());
    let erasure = engine.wipe(&ada(), &mut Steps::default()).await.unwrap();

    let told = reason(&erasure, LEAF).unwrap();
    assert!(told.starts_with("the store could not be opened: "), "{told}");
    drop(engine);
    scene.world.store.mend().await;
    scene.check(&erasure, "not opened").await;
    scene.finish("not opened").await;
}

pub(in crate::conformance) async fn a_lost_table_is_told_and_all_else_goes<F: Fixture>() {
    let scene = Scene::<F>::new().await;
    let engine = scene.world.engine().await;
    scene.world.store.lose().await;

    let erasure = engine.wipe(&ada(), &mut Steps::default()).await.unwrap();

    assert!(!erasure.complete());
    assert!(reason(&erasure, LEAF).is_some_and(|told| !told.is_empty()), "{erasure:?}");
    assert_eq!(reason(&erasure, "orders"), None);
    let because = format!("not erased, because {} is not done", scene.world.at(LEAF));
    assert_eq!(reason(&erasure, "customers"), Some(because));
}

pub(in crate::conformance) async fn a_store_that_does_not_answer_is_given_up<F: Fixture>() {
    let scene = Scene::<F>::new().await;
    let engine = scene.world.open(Patience::Short).await.unwrap().whole().unwrap();
    scene.world.store.hang().await;

    let erasure = engine.wipe(&ada(), &mut Steps::default()).await.unwrap();

    let told = reason(&erasure, LEAF).unwrap();
    assert!(["in time", "took too long", "stayed locked"].iter().any(|late| told.contains(late)), "{told}");
    drop(engine);
    scene.world.store.mend().await;
    scene.check(&erasure, "hanging").await;
    scene.finish("hanging").await;
}
