//! Plans: what is told before anything is done, and what it binds.

use std::ops::ControlFlow;

use async_trait::async_trait;
use domain::datamap::Masker;
use domain::plan::Plan;

use crate::conformance::fixture::Fixture;
use crate::conformance::world::{LEAF, Row, World, ada, note};
use crate::engine::Engine;
use crate::fault::EngineError;
use crate::sink::{Progress, Step};

/// Carries out the plan that was approved, and no other.
struct Approved<'p>(&'p str);

#[async_trait]
impl Progress for Approved<'_> {
    async fn planned(&mut self, plan: &Plan) -> ControlFlow<()> {
        if plan.sha256 == self.0 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }

    async fn step(&mut self, _: &Step) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

async fn plan(engine: &Engine) -> Plan {
    engine.plan(&ada(), &engine.order(None, Masker::random())).await.unwrap()
}

pub(in crate::conformance) async fn a_plan_changes_nothing_and_is_the_same_twice<F: Fixture>() {
    let world = World::<F>::shop().await;
    let before = world.dump().await;
    let engine = world.engine().await;

    let planned = plan(&engine).await;

    assert!(planned.is_feasible(), "{planned:?}");
    for collection in &planned.collections {
        let table = world.table(&collection.collection);
        let (found, own) = (table.found as u64, table.own as u64);
        assert_eq!((collection.found, collection.affected, collection.kept), (found, own, found - own));
        assert_eq!(collection.bytes > 0, own > 0, "{}", table.name);
    }
    assert_eq!(plan(&engine).await.sha256, planned.sha256);
    assert_eq!(plan(&world.engine().await).await.sha256, planned.sha256);
    assert_eq!(world.dump().await, before);
    // Whoever carries it out makes it anew, reading less.
    let order = engine.order(None, Masker::random());
    let erasure = engine.erase(&ada(), &order, &mut Approved(&planned.sha256)).await.unwrap();
    assert!(erasure.complete());
}

pub(in crate::conformance) async fn another_plan_than_the_one_approved_is_not_carried_out<F: Fixture>() {
    let world = World::<F>::shop().await;
    let engine = world.engine().await;
    let approved = plan(&engine).await.sha256;
    let moved = Row::from_iter([("customer".to_owned(), "10".into())]);
    let one_less = note("kind", "kind").into_iter().chain(moved).collect();
    for (changed, what) in [(one_less, "one row less"), (note("new", "late"), "one more row")] {
        world.restore().await;
        world.put(LEAF, &[changed]).await;
        let before = world.dump().await;

        let order = engine.order(None, Masker::random());
        let stopped = engine.erase(&ada(), &order, &mut Approved(&approved)).await;

        assert!(
            matches!(&stopped, Err(EngineError::Interrupted(done)) if done.collections.is_empty()),
            "{what}"
        );
        assert_eq!(world.dump().await, before, "{what}");
        assert_ne!(plan(&engine).await.sha256, approved, "{what}");
    }
}

pub(in crate::conformance) async fn other_peoples_rows_leave_a_plan_as_it_is<F: Fixture>() {
    let world = World::<F>::shop().await;
    let engine = world.engine().await;
    let approved = plan(&engine).await.sha256;

    let mut theirs = note("new", "late");
    theirs.insert("customer".to_owned(), "10".into());
    world.put(LEAF, &[theirs]).await;

    assert_eq!(plan(&engine).await.sha256, approved);
}
