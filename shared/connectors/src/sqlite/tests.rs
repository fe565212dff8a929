//! Tests of the SQLite store alone.

use domain::datamap::DataMap;

use super::*;
use crate::testing::{dump, sqlite};

const MAP: &str = "
dataset:
- fides_key: d
  collections:
  - name: t
    fields: [{name: owner, fides_meta: {identity: x}}, {name: v}]
";

async fn store(dir: &Path, sql: &str) -> Sqlite {
    let path = dir.join("d.sqlite");
    sqlite(&path, sql).await;
    let map = DataMap::load([("map.yml", MAP)]).unwrap();
    let dataset = &map.datasets[0];
    let mut errors = MapErrors::default();
    let store = Sqlite::open(dataset, &dataset.at, &path, &mut errors).await;
    assert_eq!(errors, MapErrors::default());
    store.unwrap()
}

async fn all(store: &Sqlite, question: &Question<'_>) -> Vec<Found> {
    let mut rows = Vec::new();
    let mut cursor = Some(Cursor::default());
    while let Some(from) = cursor {
        let page = store.page(question, from).await.unwrap();
        rows.extend(page.rows);
        cursor = page.next;
    }
    rows
}

fn question<'a>(values: &'a [Value], want: &'a [String]) -> Question<'a> {
    Question { collection: "t", field: "owner", values, want }
}

#[tokio::test]
async fn values_are_read_by_how_they_are_stored() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(
        dir.path(),
        "CREATE TABLE t (owner TEXT, v INTEGER);
         INSERT INTO t VALUES ('a', 1), ('a', 1.5), ('a', 'x'), ('a', NULL), ('a', x'ff'), ('a', CAST(x'ff' AS TEXT));",
    )
    .await;
    let (values, want) = ([Value::from("a")], ["owner".to_owned(), "v".to_owned()]);

    let rows = all(&store, &question(&values, &want)).await;

    let rows: Vec<&Value> = rows.iter().map(|found| found.row.get("v").unwrap()).collect();
    let expected = [
        Value::Int(1),
        Value::Float(domain::row::Float(1.5)),
        Value::from("x"),
        Value::Null,
        Value::Bytes(vec![255]),
        Value::Bytes(vec![255]),
    ];
    assert_eq!(rows, expected.iter().collect::<Vec<_>>());
}

#[tokio::test]
async fn a_row_that_changed_hands_is_not_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("d.sqlite");
    let store = store(
        dir.path(),
        "CREATE TABLE t (owner TEXT COLLATE NOCASE, v);
         INSERT INTO t VALUES ('a', 1), ('a', 2), ('a', 3);",
    )
    .await;
    let (values, want) = ([Value::from("a")], ["owner".to_owned()]);
    let question = question(&values, &want);
    let rows = all(&store, &question).await;

    // One row was given to someone else, another one's place was taken.
    sqlite(
        &path,
        "UPDATE t SET owner = 'A' WHERE v = 1; DELETE FROM t WHERE v = 3; INSERT INTO t VALUES ('b', 3);",
    )
    .await;

    assert_eq!(store.erase(&question, &rows).await.unwrap(), 1);
    assert_eq!(dump(&path).await["t"], ["'A', 1", "'b', 3"]);
}

#[tokio::test]
async fn tables_of_every_shape_have_a_row_key() {
    for table in [
        "CREATE TABLE t (owner, v)",
        "CREATE TABLE t (owner, v, PRIMARY KEY (owner, v))",
        "CREATE TABLE t (owner, v TEXT COLLATE NOCASE, PRIMARY KEY (v, owner)) WITHOUT ROWID",
        "CREATE TABLE t (owner, v, rowid, _rowid_)",
        "CREATE TABLE t (owner ANY, v INTEGER) STRICT",
        "CREATE TABLE t (owner, v INTEGER PRIMARY KEY, \"a\"\"b\" AS (v + 1))",
    ] {
        let dir = tempfile::tempdir().unwrap();
        let columns = "INSERT INTO t (owner, v)";
        let store = store(
            dir.path(),
            &format!(
                "{table}; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1201)
                 {columns} SELECT 'a', i FROM n; {columns} VALUES ('A', 2001);"
            ),
        )
        .await;
        let (values, want) = ([Value::from("a")], ["owner".to_owned()]);
        let question = question(&values, &want);

        let rows = all(&store, &question).await;
        assert_eq!(rows.len(), 1201, "{table}");
        assert_eq!(store.erase(&question, &rows).await.unwrap(), 1201, "{table}");
        assert_eq!(dump(&dir.path().join("d.sqlite")).await["t"].len(), 1, "{table}");
    }
}

#[tokio::test]
async fn the_file_keeps_its_journal_mode_and_permissions() {
    for mode in ["DELETE", "WAL"] {
        let dir = tempfile::tempdir().unwrap();
        let store = store(
            dir.path(),
            &format!(
                "PRAGMA journal_mode = {mode}; CREATE TABLE t (owner, v); INSERT INTO t VALUES ('a', 1);"
            ),
        )
        .await;
        let (values, want) = ([Value::from("a")], ["owner".to_owned()]);
        let question = question(&values, &want);
        let rows = all(&store, &question).await;
        store.erase(&question, &rows).await.unwrap();
        let found: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&store.pool).await.unwrap();
        assert_eq!(found, mode.to_lowercase());
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_written_fails_with_its_reason() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("d.sqlite");
    let store = store(dir.path(), "CREATE TABLE t (owner, v); INSERT INTO t VALUES ('a', 1);").await;
    let (values, want) = ([Value::from("a")], ["owner".to_owned()]);
    let question = question(&values, &want);
    let rows = all(&store, &question).await;

    sqlite(&path, "CREATE TRIGGER t_stays BEFORE DELETE ON t BEGIN SELECT RAISE(FAIL, 'a'); END").await;

    let failed = store.erase(&question, &rows).await.unwrap_err();
    assert_eq!(failed, Fault::new("a trigger forbids it"));
}
