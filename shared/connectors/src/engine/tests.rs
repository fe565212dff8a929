//! Tests of the walk on maps of every shape; `conformance` has what holds whatever the store.

use crate::engine::Engine;
use crate::testing::{
    Plainly as _, Recorder, Steps, dump, effects, no_clients, numbers, open, person, sqlite,
};
use domain::datamap::Identities;

/// Two collections that lead to each other, in both spellings of direction.
const RING: &str = "
dataset:
- fides_key: ring
  collections:
  - name: people
    fields:
    - {name: email, fides_meta: {identity: email}}
    - {name: team, fides_meta: {references: [{dataset: ring, field: teams.lead, direction: from}]}}
    - {name: id, fides_meta: {primary_key: true}}
  - name: teams
    fields:
    - {name: owner, fides_meta: {references: [{dataset: ring, field: people.id, direction: from}]}}
    - {name: lead}
";

#[tokio::test]
async fn a_cycle_is_walked_to_its_end_and_survives_crashes() {
    let make = async |path: &std::path::Path| {
        // One person's people and teams form a chain of 12 links that bites its own tail.
        sqlite(
            path,
            "CREATE TABLE people (id INTEGER PRIMARY KEY, email TEXT, team TEXT);
             CREATE TABLE teams (owner INTEGER, lead TEXT);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12)
             INSERT INTO people SELECT i, CASE i WHEN 1 THEN 'ada' END, 'lead' || (i - 1) FROM n;
             INSERT INTO teams SELECT id, 'lead' || (id % 12) FROM people;
             INSERT INTO people VALUES (99, 'bob', 'lead98');
             INSERT INTO teams VALUES (99, 'lead99');",
        )
        .await;
    };
    let connections = "connections:\n  ring: {kind: sqlite, path: ring.sqlite}\n";
    for k in 1..60 {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ring.sqlite");
        make(&path).await;
        let engine = open(RING, connections, dir.path(), no_clients()).await.unwrap();
        let ada = person("email", "ada");
        if k == 1 {
            let mut sink = Recorder::default();
            let counts = engine.read(&ada, &mut sink).await.unwrap();
            assert_eq!(numbers(&counts), [("people", 12), ("teams", 12)]);
            assert_eq!(sink.rows.len(), 24);
        }

        let first = engine.wipe(&ada, &mut Steps::stop_from(k)).await;
        assert!(engine.wipe(&ada, &mut Steps::default()).await.unwrap().complete());

        let rest = dump(&path).await;
        assert_eq!((rest["people"].len(), rest["teams"].len()), (1, 1), "stopped at {k}");
        if first.is_ok() {
            assert!(k > 24);
            return;
        }
    }
}

#[tokio::test]
async fn keys_of_the_file_itself_decide_what_is_shared() {
    // The map declares no key at all; the file knows that addresses are found by theirs.
    let map = "
dataset:
- fides_key: d
  collections:
  - name: people
    fields:
    - {name: email, fides_meta: {identity: email}}
    - {name: home, fides_meta: {references: [{dataset: d, field: homes.id, direction: to}]}}
  - name: homes
    fields: [{name: id}]
";
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("d.sqlite");
    sqlite(
        &path,
        "CREATE TABLE people (email, home);
         CREATE TABLE homes (id INT UNIQUE);
         INSERT INTO people VALUES ('ada', 1), ('bob', 1);
         INSERT INTO homes VALUES (1);",
    )
    .await;
    let connections = "connections:\n  d: {kind: sqlite, path: d.sqlite}\n";
    let engine = open(map, connections, dir.path(), no_clients()).await.unwrap();

    let erasure = engine.wipe(&person("email", "ada"), &mut Steps::default()).await.unwrap();

    assert_eq!(effects(&erasure), [("people", 1, 1, 0), ("homes", 1, 0, 1)]);
    assert_eq!(dump(&path).await["homes"].len(), 1);
}

#[tokio::test]
async fn a_row_that_is_shared_and_own_is_own() {
    // Bob's order names Ada as its agent, and Ada's own order too: both lead to customers by key.
    let map = "
dataset:
- fides_key: d
  collections:
  - name: customers
    fields:
    - {name: email, fides_meta: {identity: email}}
    - {name: id, fides_meta: {primary_key: true}}
  - name: orders
    fields:
    - {name: customer, fides_meta: {references: [{dataset: d, field: customers.id, direction: from}]}}
    - {name: agent, fides_meta: {references: [{dataset: d, field: customers.id, direction: to}]}}
";
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("d.sqlite");
    sqlite(
        &path,
        "CREATE TABLE customers (id INTEGER PRIMARY KEY, email);
         CREATE TABLE orders (customer, agent);
         INSERT INTO customers VALUES (1, 'ada'), (2, 'bob'), (3, 'eve');
         INSERT INTO orders VALUES (1, 1), (1, 2), (2, 1), (3, 2);",
    )
    .await;
    let connections = "connections:\n  d: {kind: sqlite, path: d.sqlite}\n";
    let engine = open(map, connections, dir.path(), no_clients()).await.unwrap();

    let erasure = engine.wipe(&person("email", "ada"), &mut Steps::default()).await.unwrap();

    assert!(erasure.complete());
    // Ada's agent Bob was found and kept; his orders are nobody's business.
    assert_eq!(effects(&erasure), [("customers", 2, 1, 1), ("orders", 2, 2, 0)]);
    assert_eq!(dump(&path).await["orders"], ["2, 1", "3, 2"]);
}

#[test]
fn the_work_can_move_between_threads() {
    fn is_send<T: Send>(_: impl FnOnce(&'static Engine, &'static mut Recorder, &'static mut Steps) -> T) {}
    static NOBODY: std::sync::LazyLock<Identities> = std::sync::LazyLock::new(Identities::default);

    is_send(|engine, sink, _| engine.read(&NOBODY, sink));
    is_send(|engine, _, steps| engine.wipe(&NOBODY, steps));
}
