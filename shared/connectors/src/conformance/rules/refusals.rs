//! What is refused before anything is read or written.

use domain::datamap::{Category, Masker, Masking};
use domain::policy::Policy;

use crate::conformance::fixture::{Fixture, Patience};
use crate::conformance::world::{Field, LEAF, Of, Table, World, ada, shop};
use crate::fault::EngineError;
use crate::testing::{Plainly as _, Recorder, Steps, person};

pub(in crate::conformance) async fn what_is_missing_is_told_at_open<F: Fixture>() {
    let world = World::<F>::leaf(shop()).await;
    world.store.lose().await;

    let engine = world.open(Patience::Usual).await.unwrap();

    let told = engine.broken().to_string();
    let (file, line) = told.split_once(": ").unwrap();
    assert!(["map.yml:4", "connections.yml:2"].contains(&file), "{told}");
    assert!(line.contains("`notes`") || line.contains("`uploads`"), "{told}");
    assert!(matches!(engine.whole(), Err(EngineError::Refused(_))));
}

pub(in crate::conformance) async fn a_missing_field_is_told_at_open<F: Fixture>() {
    let mut world = World::<F>::leaf(shop()).await;
    // The store has been filled; only the map hears of this one.
    world.table_mut(LEAF).fields.push(Field::new("colour", Of::Text));

    let engine = world.open(Patience::Usual).await.unwrap();

    let told = engine.broken().to_string();
    assert!(told.starts_with("map.yml:"), "{told}");
    assert!(told.lines().count() == 1 && told.contains("colour`"), "{told}");
}

pub(in crate::conformance) async fn a_field_that_cannot_be_compared_is_refused_at_open<F: Fixture>() {
    let mut tables = shop();
    let notes = tables.iter_mut().find(|table| table.name == LEAF).unwrap();
    notes.fields.push(Field::new("size", Of::Incomparable).meta("identity: weight"));
    let world = World::<F>::leaf(tables).await;

    let refused = world.open(Patience::Usual).await.unwrap_err().to_string();

    assert!(refused.starts_with("map.yml:"), "{refused}");
    assert!(refused.ends_with(": `shop:notes` cannot be found by its `size`"), "{refused}");
}

pub(in crate::conformance) async fn an_identity_that_a_field_cannot_hold_finds_nobody<F: Fixture>() {
    let mut tables = shop();
    let customers = tables.iter_mut().find(|table| table.name == "customers").unwrap();
    customers.fields[0] = customers.fields[0].clone().meta("identity: number");
    let world = World::<F>::new(tables).await;
    let before = world.dump().await;
    let engine = world.engine().await;

    for number in ["01", " 1", "1 ", "+1", "1.0", "1e0", "one", "\u{661}", "9223372036854775808", "'", "1%"] {
        let who = person("number", number);
        let erasure = engine.wipe(&who, &mut Steps::default()).await.unwrap();
        assert!(
            erasure.complete() && erasure.collections.iter().all(|outcome| outcome.found == 0),
            "{number}"
        );
    }
    assert_eq!(world.dump().await, before);
    let counts = engine.read(&person("number", "1"), &mut Recorder::default()).await.unwrap();
    assert!(counts.iter().all(|count| count.rows == world.table(&count.at.collection).found as u64));
}

/// The refusals of an order; it must not be carried out, nor change anything.
async fn refused<F: Fixture>(world: &World<F>, policy: Option<&Policy>) -> Vec<String> {
    let before = world.dump().await;
    let engine = world.engine().await;
    let order = engine.order(policy, Masker::random());

    let plan = engine.plan(&ada(), &order).await.unwrap();
    let erased = engine.erase(&ada(), &order, &mut Steps::default()).await;

    assert!(!plan.is_feasible());
    let Err(EngineError::HalfDone(refusals)) = erased else { panic!("{erased:?}") };
    assert_eq!(refusals, plan.refusals);
    assert_eq!(world.dump().await, before);
    refusals
}

pub(in crate::conformance) async fn null_where_none_may_be_is_refused<F: Fixture>() {
    let world = World::<F>::shop().await;
    let policy = Policy::erasure_of([Category("user.contact.email".to_owned())], Masking::NullRewrite);

    let refusals = refused(&world, Some(&policy)).await;

    assert_eq!(refusals, ["`shop:customers.email` cannot be masked: it is not nullable"]);
}

pub(in crate::conformance) async fn masking_is_refused_as_a_whole<F: Fixture>() {
    let world = World::<F>::shop().await;
    let policy = Policy::erasure_of([Category("user.content".to_owned())], Masking::NullRewrite);

    let refusals = refused(&world, Some(&policy)).await;

    assert_eq!(refusals, ["`shop:notes`: stored objects can be deleted or kept, but not masked"]);
}

pub(in crate::conformance) async fn rows_that_rows_outside_the_map_refer_to_are_refused<F: Fixture>() {
    let mut tables = shop();
    let rules = [("p0", ""), ("p1", " ON DELETE CASCADE"), ("p2", " ON DELETE SET NULL")];
    for (name, rule) in rules {
        let order = Field::new("order", Of::Text).foreign(&format!("orders (id){rule}"));
        let mut parcels = Table { is_mapped: false, ..Table::new(name, vec![order]) };
        for order in ["o\"2\n", "o'110"] {
            parcels.rows.push([("order".to_owned(), order.into())].into_iter().collect());
        }
        tables.push(parcels);
    }
    let world = World::<F>::new(tables).await;

    let refusals = refused(&world, None).await;

    assert_eq!(refusals.len(), rules.len(), "{refusals:?}");
    for (refusal, (name, _)) in refusals.iter().zip(rules) {
        assert!(refusal.starts_with("`shop:orders`: 1 rows of `"), "{refusal}");
        let end = format!("{name}`, which the plan does not delete, refer to rows that it would");
        assert!(refusal.ends_with(&end), "{refusal}");
    }
}
