//! What goes and what stays.

use std::ops::ControlFlow;

use async_trait::async_trait;
use domain::plan::Plan;
use domain::row::Place;
use futures_util::TryStreamExt as _;
use serde_json::Value;

use crate::conformance::fixture::Fixture;
use crate::conformance::world::{LEAF, Row, Table, World, ada, effect, note, same, shop};
use crate::sink::{Progress, Step};
use crate::store::{Change, Found, Page, Question, Store};
use crate::testing::{Plainly as _, Recorder, Steps};

pub(in crate::conformance) async fn exactly_her_rows_go<F: Fixture>() {
    let world = World::<F>::shop().await;
    let gone = world.without_her().await;
    let engine = world.engine().await;

    let mut steps = Steps::default();
    let erasure = engine.wipe(&ada(), &mut steps).await.unwrap();

    assert!(erasure.complete(), "{erasure:?}");
    for table in &world.tables {
        let (found, own) = (table.found as u64, table.own as u64);
        assert_eq!(effect(&erasure, table.name), (found, own, 0, found - own), "{}", table.name);
    }
    same(&world.dump().await, &gone, "erased");
    let when = |step: &str| steps.seen.iter().position(|seen| seen == step).unwrap();
    assert!(when("items done") < when("orders -3") && when("notes done") < when("customers -1"));
    assert_eq!(steps.seen.last().unwrap(), "customers done");

    let again = engine.wipe(&ada(), &mut Steps::default()).await.unwrap();
    assert!(again.complete() && again.collections.iter().all(|outcome| outcome.found == 0));
    same(&world.dump().await, &gone, "erased twice");
}

/// A shop whose notes may be several people's.
fn shared(settings: &str) -> Vec<Table> {
    let mut tables = shop();
    let notes = tables.iter_mut().find(|table| table.name == LEAF).unwrap();
    notes.settings.push(format!("lethe: {{shared: {settings}}}"));
    tables
}

pub(in crate::conformance) async fn shared_rows_stay<F: Fixture>() {
    let mut world = World::<F>::new(shared("keep")).await;
    world.table_mut(LEAF).own = 0;
    let gone = world.without_her().await;

    let erasure = world.erase().await;

    assert!(erasure.complete(), "{erasure:?}");
    assert_eq!(effect(&erasure, LEAF), (3, 0, 0, 3));
    let outcome = erasure.collections.iter().find(|outcome| outcome.at.collection == LEAF).unwrap();
    assert_eq!(outcome.kept_because, ["shared with other people"]);
    same(&world.dump().await, &gone, "kept");
}

pub(in crate::conformance) async fn shared_rows_are_anonymised_if_the_map_says_so<F: Fixture>() {
    let world = World::<F>::new(shared("anonymise")).await;
    let mut expected: Vec<_> = world.tables.iter().map(Table::without_hers).collect();
    expected.retain(|table| table.name != LEAF);
    let blank = |row: &mut Row| drop(row.insert("text".to_owned(), Value::Null));
    expected.push(world.table(LEAF).changed(blank));
    let expected = world.with(&expected).await;

    let erasure = world.erase().await;

    assert!(erasure.complete(), "{erasure:?}");
    assert_eq!(effect(&erasure, LEAF), (3, 0, 3, 0));
    same(&world.dump().await, &expected, "anonymised");
}

pub(in crate::conformance) async fn what_the_law_keeps_stays_with_its_ground<F: Fixture>() {
    let mut tables = shop();
    for table in &mut tables {
        let lethe = match table.name {
            // What kept rows refer to has to stay as well, if only as a key.
            LEAF => "lethe: {erase: keep, ground: 17(3)(b), reason: tax law, until: 10 years}",
            "customers" => "lethe: {erase: keep, ground: 17(3)(e)}",
            _ => continue,
        };
        table.settings.push(lethe.to_owned());
        table.own = 0;
    }
    let world = World::<F>::new(tables).await;
    let gone = world.without_her().await;
    let shown = world.to_show();

    let erasure = world.erase().await;

    assert!(erasure.complete(), "{erasure:?}");
    assert_eq!(effect(&erasure, LEAF), (3, 0, 0, 3));
    let outcome = erasure.collections.iter().find(|outcome| outcome.at.collection == LEAF).unwrap();
    assert_eq!(outcome.kept_because, ["kept under 17(3)(b): tax law (until 10 years)"]);
    same(&world.dump().await, &gone, "kept");
    // It is still hers to see.
    let notes = |rows: Vec<(String, Value)>| -> Vec<_> {
        rows.into_iter().filter(|(at, _)| *at == world.at(LEAF)).collect()
    };
    assert_eq!(notes(world.shown().await), notes(shown));
}

/// Somebody else who writes a row at a moment of the erasure.
struct Writer<'w, F> {
    world: &'w World<F>,
    /// None for when the plan is made, else the step.
    when: Option<&'static str>,
    row: Row,
}

impl<F: Fixture> Writer<'_, F> {
    async fn write(&mut self, when: Option<&str>) {
        if self.when == when {
            self.world.put(LEAF, std::slice::from_ref(&self.row)).await;
        }
    }
}

#[async_trait]
impl<F: Fixture> Progress for Writer<'_, F> {
    async fn planned(&mut self, _: &Plan) -> ControlFlow<()> {
        self.write(None).await;
        ControlFlow::Continue(())
    }

    async fn step(&mut self, step: &Step) -> ControlFlow<()> {
        if let Step::Erased { at, .. } = step {
            self.write(Some(&at.collection)).await;
        }
        ControlFlow::Continue(())
    }
}

/// The first of her notes, given to somebody else.
fn given_away() -> Row {
    let mut moved = note("kind", "kind");
    moved.insert("customer".to_owned(), "10".into());
    moved
}

pub(in crate::conformance) async fn a_row_that_changes_hands_after_the_plan_is_left_alone<F: Fixture>() {
    let world = World::<F>::shop().await;
    let mut expected: Vec<_> = world.tables.iter().map(Table::without_hers).collect();
    expected.iter_mut().find(|table| table.name == LEAF).unwrap().rows.push(given_away());
    let expected = world.with(&expected).await;

    let mut writer = Writer { world: &world, when: None, row: given_away() };
    let erasure = world.engine().await.wipe(&ada(), &mut writer).await.unwrap();

    assert!(erasure.complete(), "{erasure:?}");
    assert_eq!(effect(&erasure, LEAF), (3, 2, 0, 0));
    same(&world.dump().await, &expected, "changed hands");
}

/// Her notes as the store finds them, and what is done to them once one of them is somebody else's.
async fn found<F: Fixture>(world: &World<F>, change: impl AsyncFn(&dyn Store, &Question<'_>, &[Found])) {
    let store = world.engine().await.into_store("shop").unwrap();
    let (values, want) = (["1".into()], F::fields(world.table(LEAF)));
    let want: Vec<String> = want.iter().map(|field| field.name.to_owned()).collect();
    let question = Question { collection: LEAF, path: "customer", values: &values, want: &want };
    let pages: Vec<Page> = store.ask(&question).try_collect().await.unwrap();
    let rows: Vec<Found> = pages.into_iter().flat_map(|page| page.rows).collect();
    assert_eq!(rows.len(), 3);
    world.put(LEAF, &[given_away()]).await;

    change(&*store, &question, &rows).await;
}

pub(in crate::conformance) async fn a_row_that_changes_hands_once_it_is_read_is_not_deleted<F: Fixture>() {
    let world = World::<F>::leaf(shop()).await;
    let mut notes = world.table(LEAF).without_hers();
    notes.rows.push(given_away());
    let expected = world.with(&[notes]).await;

    found(&world, async |store: &dyn Store, question: &Question<'_>, rows: &[Found]| {
        let deleted = store.delete(question, rows).await.unwrap();
        // An object that is elsewhere now is gone from where it was.
        assert_eq!(deleted, if F::holds("customers") { 2 } else { 3 });
    })
    .await;

    same(&world.dump().await, &expected, "deleted");
}

pub(in crate::conformance) async fn a_row_that_changes_hands_once_it_is_read_is_not_masked<F: Fixture>() {
    let world = World::<F>::leaf(shop()).await;
    let mut notes = world.table(LEAF).changed(|row| drop(row.insert("text".to_owned(), Value::Null)));
    notes.rows[0] = given_away();
    let expected = world.with(&[notes]).await;

    found(&world, async |store: &dyn Store, question: &Question<'_>, rows: &[Found]| {
        let text = Place(vec![domain::row::Step::Field("text".into())]);
        let set = vec![(text, domain::row::Value::Null)];
        let changes: Vec<Change<'_>> = rows.iter().map(|found| Change { found, set: set.clone() }).collect();
        assert_eq!(store.mask(question, &changes).await.unwrap(), 2);
    })
    .await;

    same(&world.dump().await, &expected, "masked");
}

pub(in crate::conformance) async fn what_is_written_while_the_last_rows_go_goes_as_well<F: Fixture>() {
    let world = World::<F>::shop().await;
    let gone = world.without_her().await;

    let mut writer = Writer { world: &world, when: Some("customers"), row: note("late", "late") };
    let erasure = world.engine().await.wipe(&ada(), &mut writer).await.unwrap();

    assert!(erasure.complete(), "{erasure:?}");
    assert_eq!(effect(&erasure, LEAF), (3, 4, 0, 0));
    same(&world.dump().await, &gone, "written late");
}

pub(in crate::conformance) async fn a_large_person_goes_page_by_page<F: Fixture>() {
    let world = World::<F>::leaf(shop()).await;
    let gone = world.without_her().await;
    let many: Vec<Row> =
        (0..F::MANY - world.table(LEAF).own).map(|i| note(&format!("m{i}"), "kind")).collect();
    world.put(LEAF, &many).await;
    let engine = world.engine().await;

    let mut sink = Recorder::default();
    engine.read(&ada(), &mut sink).await.unwrap();
    let mut steps = Steps::default();
    let erasure = engine.wipe(&ada(), &mut steps).await.unwrap();

    sink.rows.retain(|(at, _)| *at == world.at(LEAF));
    sink.rows.sort_by_cached_key(|(_, row)| row.to_string());
    sink.rows.dedup();
    assert_eq!(sink.rows.len(), F::MANY);
    assert!(erasure.complete(), "{erasure:?}");
    assert_eq!(effect(&erasure, LEAF), (F::MANY as u64, F::MANY as u64, 0, 0));
    let pages = steps.seen.iter().filter(|step| step.starts_with("notes -")).count();
    assert!((2..=40).contains(&pages), "{pages}");
    same(&world.dump().await, &gone, "erased");
}
