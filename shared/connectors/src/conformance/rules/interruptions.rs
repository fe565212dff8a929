//! Runs that end too early, and those that follow them: often, and so with fewer of those who look like her.

use domain::datamap::{Category, Masker, Masking, Selection};
use domain::policy::Policy;
use serde_json::Value;

use crate::conformance::fixture::{Dump, Fixture};
use crate::conformance::world::{LEAF, Row, World, ada, note, same};
use crate::engine::{Engine, Order};
use crate::fault::EngineError;
use crate::testing::{Plainly as _, Rester, Steps, crash_at};

pub(in crate::conformance) async fn a_stop_at_any_step_and_another_run_end_alike<F: Fixture>() {
    let world = World::<F>::small().await;
    let gone = world.without_her().await;
    let mut steps = Steps::default();
    world.engine().await.wipe(&ada(), &mut steps).await.unwrap();
    let all = steps.seen.len();
    // Four collections to be emptied, and five to be proven empty.
    assert!(all >= 9, "{:?}", steps.seen);

    for k in 1..=all {
        world.restore().await;
        match world.engine().await.wipe(&ada(), &mut Steps::stop_from(k)).await {
            // The last step is the last proof.
            Err(EngineError::Interrupted(erasure)) => assert_eq!(erasure.complete(), k == all, "{k}"),
            other => panic!("stopped at {k}, but {other:?}"),
        }

        assert!(world.erase().await.complete());
        same(&world.dump().await, &gone, &format!("stopped at {k}"));
    }
}

pub(in crate::conformance) async fn the_smallest_budget_gets_to_the_end<F: Fixture>() {
    let world = World::<F>::small().await;
    let gone = world.without_her().await;

    let mut steps = Steps::default();
    world.engine().await.wipe(&ada(), &mut steps).await.unwrap();
    let pages = steps.seen.iter().filter(|step| step.contains(" -")).count();
    world.restore().await;

    let mut runs = 0;
    loop {
        runs += 1;
        assert!(runs <= pages + 2, "each of {pages} pages in a run of its own");
        let run = world.engine().await.wipe(&ada(), &mut Steps::stop_from(1)).await;
        if run.is_ok_and(|erasure| erasure.complete()) {
            break;
        }
    }
    same(&world.dump().await, &gone, "in steps");
}

pub(in crate::conformance) async fn an_access_goes_on_where_it_rested<F: Fixture>() {
    let small = World::<F>::small().await;
    let large = World::<F>::shop().await;
    let many: Vec<Row> = (0..F::MANY).map(|i| note(&format!("m{i}"), "kind")).collect();
    large.put(LEAF, &many).await;

    for (world, budget) in [(&small, 1), (&small, 2), (&large, F::MANY / 3)] {
        let whole = world.shown().await;
        let (mut sink, mut runs) = (Rester::default(), 0);
        let rows = loop {
            (sink.budget, runs) = (budget, runs + 1);
            let engine = world.engine().await;
            let selection = Selection::new(engine.map(), &[]);
            let done = match sink.bookmark.take() {
                None => engine.access(&ada(), &selection, &mut sink).await,
                Some(text) => {
                    engine.resume_access(serde_json::from_str(&text).unwrap(), &selection, &mut sink).await
                }
            };
            match done {
                Ok(counts) => break counts.iter().map(|count| count.rows).sum::<u64>(),
                Err(EngineError::Sink(_)) => {}
                Err(error) => panic!("{error}"),
            }
        };
        sink.taken.rows.sort_by_cached_key(|(at, row)| format!("{at} {row}"));
        assert!(sink.taken.rows == whole, "{} of {}", sink.taken.rows.len(), whole.len());
        assert_eq!(rows, whole.len() as u64);
        assert!(runs > 1, "{budget}");
    }
}

pub(in crate::conformance) async fn a_crash_at_any_moment_and_another_run_end_alike<F: Fixture>() {
    let world = World::<F>::small().await;
    let gone = world.without_her().await;

    crash(&world, F::CRASHES, &|engine| engine.order(None, Masker::random()), |erased| {
        same(erased, &gone, "crashed");
    })
    .await;
}

pub(in crate::conformance) async fn a_crash_while_masking_and_another_run_end_alike<F: Fixture>() {
    let world = World::<F>::small().await;
    let blank = |row: &mut Row| drop(row.insert("text".to_owned(), Value::Null));
    let expected = world.with(&[world.table(LEAF).changed(blank)]).await;
    let policy = Policy::erasure_of([Category("user.content".to_owned())], Masking::NullRewrite);

    crash(&world, F::CRASHES.min(12), &|engine| engine.order(Some(&policy), Masker::random()), |masked| {
        same(masked, &expected, "crashed");
    })
    .await;
}

/// Lets a run crash at that many moments, each followed by one that ends.
async fn crash<F: Fixture>(
    world: &World<F>,
    moments: usize,
    order: &dyn Fn(&Engine) -> Order,
    check: impl Fn(&Dump),
) {
    // How often a whole run is polled.
    let mut polls = 0;
    let engine = world.engine().await;
    let (who, order_of_all, mut steps) = (ada(), order(&engine), Steps::default());
    let mut run = std::pin::pin!(engine.erase(&who, &order_of_all, &mut steps));
    std::future::poll_fn(|context| {
        polls += 1;
        run.as_mut().poll(context)
    })
    .await
    .unwrap();

    let step = (polls / moments).max(1);
    let mut crashed = 0;
    for k in (1..).step_by(step) {
        world.restore().await;
        let engine = world.engine().await;
        let (order_of_this, mut steps) = (order(&engine), Steps::default());
        let finished = crash_at(k, engine.erase(&who, &order_of_this, &mut steps)).await.is_some();
        drop(engine);

        let engine = world.engine().await;
        let erasure = engine.erase(&who, &order(&engine), &mut Steps::default()).await.unwrap();
        assert!(erasure.complete(), "crashed at poll {k}: {erasure:?}");
        check(&world.dump().await);
        if finished {
            break;
        }
        crashed += 1;
    }
    // Not every run is polled as often.
    assert!(crashed >= moments.min(9) / 3, "{crashed} crashes of {polls} polls");
}
