//! Tests of walk and erasure on SQLite files.

mod failures;
mod shop;

use crate::engine::Engine;
use crate::fault::EngineError;
use crate::testing::{
    Plainly as _, Recorder, Steps, crash_at, dump, effects, no_clients, numbers, open, person, sqlite,
};
use domain::datamap::Identities;
use shop::{ADA, Shop};

#[tokio::test]
async fn a_person_has_rows_in_every_collection_and_each_is_shown_once() {
    let shop = Shop::new().await;
    let mut sink = Recorder::default();

    let counts = shop.engine().await.read(&ADA.identities(), &mut sink).await.unwrap();

    assert_eq!(
        numbers(&counts),
        [("customers", 1), ("orders", 3), ("items", 6), ("notes", 2), ("addresses", 2)]
    );
    assert_eq!(sink.rows.len(), 14);
    assert_eq!(
        sink.rows[0],
        (
            "shop:customers".into(),
            serde_json::json!({"id": 1, "email": ADA.0, "address_id": 1, "name": "Zoë"})
        )
    );
    let order: Vec<&str> = sink.rows.iter().map(|(at, _)| at.as_str()).collect();
    assert!(order.is_sorted_by_key(|at| { counts.iter().position(|count| count.at.to_string() == **at) }));
}

#[tokio::test]
async fn erasing_takes_the_persons_own_rows_and_nothing_else() {
    let shop = Shop::new().await;
    let before = dump(&shop.path).await;

    let mut steps = Steps::default();
    let erasure = shop.engine().await.wipe(&ADA.identities(), &mut steps).await.unwrap();

    assert!(erasure.complete());
    assert_eq!(
        effects(&erasure),
        [
            ("customers", 1, 1, 0),
            ("orders", 3, 3, 0),
            ("items", 6, 6, 0),
            ("notes", 2, 2, 0),
            ("addresses", 2, 0, 2),
        ]
    );
    let expected = shop.without_ada(before);
    assert_eq!(dump(&shop.path).await, expected);
    assert_eq!(
        steps.seen,
        [
            "addresses done",
            "notes -2",
            "notes done",
            "items -6",
            "items done",
            "orders -3",
            "orders done",
            "customers -1",
            "customers done",
        ]
    );
}

#[tokio::test]
async fn erased_content_is_gone_from_the_file_itself() {
    let shop = Shop::new().await;
    shop.sql("UPDATE notes SET text = 'a-canary' WHERE customer_id = '1'").await;
    let has = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(has(&std::fs::read(&shop.path).unwrap(), "a-canary"));

    shop.erase().await;

    assert!(!has(&std::fs::read(&shop.path).unwrap(), "a-canary"));
    let names: Vec<_> = std::fs::read_dir(shop.dir.path()).unwrap().collect();
    assert_eq!(names.len(), 1, "no journal or log beside the file");
}

#[tokio::test]
async fn a_second_run_finds_nothing_and_is_complete() {
    let shop = Shop::new().await;
    shop.erase().await;
    let after = dump(&shop.path).await;

    let erasure = shop.erase().await;

    assert!(erasure.complete());
    assert!(erasure.collections.iter().all(|outcome| outcome.found == 0));
    assert_eq!(dump(&shop.path).await, after);
}

#[tokio::test]
async fn a_stop_at_any_step_and_another_run_end_in_the_same_state() {
    let undisturbed = Shop::new().await;
    undisturbed.erase().await;
    let expected = dump(&undisturbed.path).await;

    for k in 1..=9 {
        let shop = Shop::new().await;
        let first = shop.engine().await.wipe(&ADA.identities(), &mut Steps::stop_from(k)).await;
        match first {
            // The last step is the last proof.
            Err(EngineError::Interrupted(erasure)) => assert_eq!(erasure.complete(), k == 9),
            other => panic!("stopped at {k}, but {other:?}"),
        }

        assert!(shop.erase().await.complete());
        assert_eq!(dump(&shop.path).await, expected, "stopped at {k}");
    }
}

#[tokio::test]
async fn the_smallest_budget_gets_to_the_end() {
    let shop = Shop::new().await;

    let mut runs = 0;
    loop {
        runs += 1;
        assert!(runs <= 6, "four pages, each in a run of its own");
        let run = shop.engine().await.wipe(&ADA.identities(), &mut Steps::stop_from(1)).await;
        if run.is_ok_and(|erasure| erasure.complete()) {
            break;
        }
    }
}

#[tokio::test]
async fn a_crash_at_any_moment_and_another_run_end_in_the_same_state() {
    let undisturbed = Shop::new().await;
    undisturbed.erase().await;
    let expected = dump(&undisturbed.path).await;

    let mut k = 1;
    loop {
        let shop = Shop::new().await;
        let engine = shop.engine().await;
        let (ada, mut steps) = (ADA.identities(), Steps::default());
        let finished = crash_at(k, engine.wipe(&ada, &mut steps)).await.is_some();
        drop(engine);

        assert!(shop.erase().await.complete());
        assert_eq!(dump(&shop.path).await, expected, "crashed at poll {k}");
        if finished {
            break;
        }
        k += 1;
    }
    assert!(k > 20);
}

#[tokio::test]
async fn many_rows_go_page_by_page() {
    let shop = Shop::new().await;
    shop.sql(
        "WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 1699) \
         INSERT INTO orders SELECT i, 1, NULL FROM n; \
         INSERT INTO items SELECT id, 1, 'x' FROM orders WHERE id >= 100;",
    )
    .await;
    let mut sink = Recorder::default();
    let mut steps = Steps::default();

    let counts = shop.engine().await.read(&ADA.identities(), &mut sink).await.unwrap();
    let erasure = shop.engine().await.wipe(&ADA.identities(), &mut steps).await.unwrap();

    assert_eq!(numbers(&counts)[1..3], [("orders", 1603), ("items", 1606)]);
    assert_eq!(sink.rows.len(), 1 + 1603 + 1606 + 2 + 2);
    assert!(erasure.complete());
    let pages = |name: &str| steps.seen.iter().filter(|step| step.starts_with(name)).count();
    assert_eq!((pages("orders -"), pages("items -")), (3, 5));
}

#[tokio::test]
async fn who_is_not_known_is_nowhere_and_who_has_no_identity_is_refused() {
    let shop = Shop::new().await;
    let engine = shop.engine().await;

    let counts = engine.read(&person("email", "nobody@example.org"), &mut Recorder::default()).await.unwrap();
    assert_eq!(counts.iter().map(|count| count.rows).sum::<u64>(), 0);
    assert_eq!(counts.iter().filter(|count| count.asked).count(), 1);

    for identities in [Identities::default(), person("email", ""), person("phone_number", "1")] {
        let refused = engine.wipe(&identities, &mut Steps::default()).await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            "no identity of this person leads into the data map, which asks for: email"
        );
    }
}

#[tokio::test]
async fn a_threshold_can_stop_an_erasure_before_it_begins() {
    struct Threshold;
    #[async_trait::async_trait]
    impl crate::Progress for Threshold {
        async fn planned(&mut self, plan: &domain::plan::Plan) -> std::ops::ControlFlow<()> {
            assert_eq!((&*plan.collections[2].collection, plan.collections[2].affected), ("items", 6));
            std::ops::ControlFlow::Break(())
        }
        async fn step(&mut self, _: &crate::Step) -> std::ops::ControlFlow<()> {
            panic!("nothing may happen");
        }
    }
    let shop = Shop::new().await;
    let before = dump(&shop.path).await;

    let stopped = shop.engine().await.wipe(&ADA.identities(), &mut Threshold).await;

    assert!(matches!(stopped, Err(EngineError::Interrupted(_))));
    assert_eq!(dump(&shop.path).await, before);
}

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

/// A map with one table `t` of these columns.
async fn refused_at_open(table: &str, fields: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    sqlite(&dir.path().join("d.sqlite"), table).await;
    let map = format!("dataset:\n- fides_key: d\n  collections:\n  - name: t\n    fields:\n{fields}");
    let connections = "connections:\n  d: {kind: sqlite, path: d.sqlite}\n";
    match open(&map, connections, dir.path(), no_clients()).await {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn what_the_file_lacks_is_refused_at_open() {
    let id = "    - {name: id, fides_meta: {identity: x}}\n";
    assert_eq!(refused_at_open("CREATE TABLE t (id)", id).await, "");
    assert_eq!(refused_at_open("CREATE TABLE u (id)", id).await, "map.yml:4: `d` has no table `t`");
    assert_eq!(
        refused_at_open("CREATE TABLE t (key)", &format!("{id}    - {{name: a\"b}}\n")).await,
        "map.yml:6: the table `t` has no column `id`\nmap.yml:7: the table `t` has no column `a\"b`"
    );
    let dir = tempfile::tempdir().unwrap();
    let map = format!("dataset:\n- fides_key: d\n  collections:\n  - name: t\n    fields:\n{id}");
    let connections = "connections:\n  d: {kind: sqlite, path: d.sqlite}\n";
    let refused = open(&map, connections, dir.path(), no_clients()).await.unwrap_err().to_string();
    assert!(refused.starts_with("connections.yml:2: there is no file "), "{refused}");
    assert!(!dir.path().join("d.sqlite").exists());

    std::fs::write(
        dir.path().join("d.sqlite"),
        "no database at all, but text that is long enough to be looked at",
    )
    .unwrap();
    let refused = open(&map, connections, dir.path(), no_clients()).await.unwrap_err().to_string();
    assert!(refused.ends_with("cannot be read: the file is damaged or no database"), "{refused}");
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
