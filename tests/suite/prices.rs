//! What each operation uses of AWS, counted at the SDK's own HTTP traits.

use local::price::{self, Measured};

fn bill(measured: &Measured, name: &str) -> local::Bill {
    measured.of(name).unwrap_or_else(|| panic!("{name} is not measured")).bill
}

#[tokio::test]
async fn operations_use_no_more_than_they_must() {
    let measured = price::measure().await.unwrap();

    let stored = bill(&measured, "store consents");
    assert!(stored.wru <= 1.0 && stored.rru <= 0.5, "{stored:?}");
    let read = bill(&measured, "read consents");
    assert!(read.wru == 0.0 && read.rru <= 0.5, "{read:?}");
    let asked = bill(&measured, "make a request");
    // The request, its place in the list of all, and in that of what waits for the staff.
    assert!(asked.wru <= 3.0, "{asked:?}");
    let ordered = bill(&measured, "order a takeout");
    assert!(ordered.wru <= 1.0 && ordered.sqs() <= 1.2, "{ordered:?}");
    for name in ["store consents", "read consents", "make a request", "order a takeout", "queue a purge"] {
        assert!(bill(&measured, name).kms == 0.0, "{name}");
    }
    let queued = bill(&measured, "queue a purge");
    assert!(queued.wru <= 3.0 && queued.sqs() == 0.0, "{queued:?}");
    let carried_out = bill(&measured, "carry out a purge");
    // Of those writes three are the purge's own; the rest are its proof (certificate, tombstones) and
    // the removal of what the ledger knew: consents, ways, requests, record and key.
    // Here and there one of these is just longer than a unit.
    assert!(carried_out.wru <= 19.1 && carried_out.sqs() <= 0.3, "{carried_out:?}");

    let (list, bill) = price::idle_month(&measured);
    assert!(bill < 2.0, "{list} {bill}");
}

/// What the services of AWS ask for it, without functions and gateway.
fn usd(bill: local::Bill) -> f64 {
    let operation = price::Operation { name: "", bill, calls: 0.0, functions: (0.0, 0.0) };
    operation.usd()
}

#[tokio::test]
async fn evidence_adds_a_twentieth_at_most_to_what_writes_cost() {
    let (written, noted) = price::evidence(24).await.unwrap();

    assert!(noted.s3_puts >= 1.0 && written.wru >= 480.0, "{written:?} {noted:?}");
    let ratio = usd(noted) / usd(written);
    assert!(ratio <= 0.05, "{ratio}: {noted:?}");
}

#[tokio::test]
async fn many_purges_of_one_minute_are_handed_out_by_the_hundred() {
    let (bill, model) = price::rush(3_000).await.unwrap();

    assert_eq!((bill.sends, bill.messages), (3.0, 30.0));
    assert!(bill.rru <= 25_000.0 * 3_000.0 / 1e6 + f64::from(store::keys::DUE_SHARDS), "{bill:?}");
    assert_eq!((bill.wru, model.waited), (0.0, 0.0));
}
