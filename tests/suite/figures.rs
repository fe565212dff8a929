//! What pages of the console cost, however many requests there are. The method is told in `benches/README.md`.

use domain::{
    PersonId,
    request::{Door, Kind, Request},
};
use futures_util::future::join_all;
use local::{Bill, Meter};

use crate::{
    staff::Browser,
    world::{Setup, World},
};

/// Makes so many requests of as many persons.
async fn fill(world: &World, from: u32, to: u32) {
    let (app, now) = (&world.stack.app, world.now());
    let ledger = app.store().of(world.org());
    let numbers: Vec<u32> = (from..to).collect();
    for some in numbers.chunks(50) {
        join_all(some.iter().map(async |number| {
            let id: PersonId = format!("person-{number}").parse().unwrap();
            let key = ledger.key_of(&id).await.unwrap();
            let at = now - chrono::TimeDelta::minutes(i64::from(*number));
            let mut request =
                Request::new(app.entropy().request_id(key), key, id, Kind::Correction, Door::Trivore, at);
            request.remarks = Some("Born in May".to_owned());
            ledger.create_request(&request).await.unwrap();
        }))
        .await;
    }
}

#[tokio::test]
async fn a_page_of_fifty_costs_the_same_however_many_requests_there_are() {
    let meter = Meter::default();
    let mut setup = Setup::new();
    setup.meter = Some(meter.clone());
    let world = setup.begin().await;
    let mut robin = Browser::of(&world, "staff-robin").await;
    let mut costs: Vec<(Bill, usize)> = Vec::new();
    for (from, to) in [(0, 200), (200, 800)] {
        fill(&world, from, to).await;
        let _ = meter.take();
        let page = robin.text("/console/requests").await;
        costs.push((meter.take(), page.len()));
        assert_eq!(page.matches("<a href=\"/console/requests/").count(), 50, "{page}");
    }
    let [(small, _), (large, weight)] = costs[..] else { unreachable!("there are two") };

    assert_eq!(small, large);
    // The page itself: 50 items and the 50 keys that open them, at half a unit each. Beyond it, the session at
    // one, and the places in the index at half a unit for each 4 KB.
    assert_eq!((large.wru, large.kms, large.s3_gets), (0.0, 0.0, 0.0));
    assert!(large.rru <= 50.0 + 1.0 + 2.0, "{large:?}");
    assert!(weight <= 60 * 1024, "{weight}");
}
