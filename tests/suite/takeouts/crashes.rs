//! Whoever builds a takeout may die at each of its calls to object storage, before the call or after it took
//! effect; and each call may be refused.

use std::sync::atomic::{AtomicI32, Ordering};

use chrono::TimeDelta;
use domain::takeout::TakeoutState;
use runtime::{App, Clock, queues::Job};

use super::{ALICE, add_orders, bucket, check_whole, invoke, rows, takeout_of, unpacked, untold};
use crate::{
    fault::{Fate, Fault, is_object_storage},
    world::World,
};

/// An App of its own on the world's services, for which a minute goes by at every other look at the clock, so
/// that it often notes how far it has got.
fn doomed(world: &World, fault: &Fault) -> App {
    let (start, looks) = (world.now(), AtomicI32::new(0));
    let clock = Clock::new(move || start + TimeDelta::seconds(30) * looks.fetch_add(1, Ordering::Relaxed));
    fault.app(world, clock)
}

/// Rows for several pages, and more than fits one part of an upload.
async fn add_much(world: &World) {
    add_orders(world, 2_500).await;
    let name = "UPDATE customers SET name = hex(randomblob(8700000)) WHERE email = ?";
    sqlx::query(name).bind(ALICE).execute(&mut world.shop().await).await.unwrap();
}

/// What lies in the bucket may be the archive, but not a part of it; and nobody is given it yet.
async fn check_nothing_partial(world: &World, job: Job) {
    let takeout = takeout_of(world, job).await;
    assert!(takeout.download(world.now()).is_none() || takeout.state == TakeoutState::Ready);
    for key in bucket(world).await.0.iter().filter(|key| !key.contains(".state-")) {
        let bytes = world.stack.app.store().takeouts().read(key).await.unwrap();
        let folder = unpacked(world, &bytes);
        assert_eq!(rows(&folder, "shop:orders").len(), 2_502, "{key}");
        std::fs::remove_dir_all(folder).unwrap();
    }
}

/// Has the builder meet its fate at every call in turn, until there is none left.
async fn meets_it_at_every_call(fate: Fate) {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    add_much(&world).await;
    let mut fates = 0;
    for at in 1.. {
        let job = untold(&world, alice, at as u64).await;
        let fault = Fault::new(at, fate, is_object_storage);
        let app = doomed(&world, &fault);

        let has_ended = fault.until_death(invoke(&app, job, None)).await.is_some();
        drop(app);
        let calls = fault.calls();
        assert_eq!(has_ended, fate == Fate::Refused || calls.len() < at, "{calls:?}");
        check_nothing_partial(&world, job).await;

        // The queue delivers again what was not done with; a slow machine may make that fail once more.
        for _ in 0..3 {
            world.advance(TimeDelta::hours(6)).await;
            invoke(&world.stack.app, job, None).await;
            world.drain().await;
            if takeout_of(&world, job).await.state == TakeoutState::Ready {
                break;
            }
        }

        // Tidying up comes last, and is not tried again if it is refused: what is left then is sealed, and goes by age.
        if fate == Fate::Refused {
            for key in bucket(&world).await.0.iter().filter(|key| key.contains(".state-")) {
                world.stack.app.store().takeouts().remove(key).await.unwrap();
            }
        }
        check_whole(&world, job, 2_502).await;
        world.stack.app.store().takeouts().remove_all(job.org, job.person).await.unwrap();
        if calls.len() < at {
            break;
        }
        fates += 1;
    }
    // It begins an upload, notes where it stands more than once, sends two parts, and completes.
    assert!(fates >= 8, "{fates}");
}

#[tokio::test]
async fn the_builder_may_die_before_every_call_to_object_storage() {
    meets_it_at_every_call(Fate::NotSent).await;
}

#[tokio::test]
async fn the_builder_may_die_after_every_call_to_object_storage() {
    meets_it_at_every_call(Fate::ReplyLost).await;
}

#[tokio::test]
async fn object_storage_may_refuse_every_call_of_the_builder() {
    meets_it_at_every_call(Fate::Refused).await;
}
