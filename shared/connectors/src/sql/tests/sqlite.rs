//! What only SQLite has.

use std::path::Path;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _};

use super::*;

/// Runs statements on a file; gives the rows of the last one, with tabs between the fields.
pub(super) async fn run(path: &Path, statements: &str) -> String {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true).foreign_keys(true);
    let mut connection = options.connect().await.unwrap();
    let sql = AssertSqlSafe(statements.to_owned());
    let rows = sqlx::raw_sql(sql).fetch_all(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let field = |row: &sqlx::sqlite::SqliteRow, index| {
        row.try_get_unchecked::<Option<String>, _>(index).unwrap().unwrap_or_else(|| "NULL".to_owned())
    };
    let line = |row: &sqlx::sqlite::SqliteRow| {
        (0..row.len()).map(|index| field(row, index)).collect::<Vec<_>>().join("\t")
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn values_are_read_by_how_they_are_stored() {
    let base = Base::sqlite();
    base.run(
        "CREATE TABLE t (owner TEXT, v INTEGER);
         INSERT INTO t VALUES ('a', 1), ('a', 1.5), ('a', 'x'), ('a', NULL), ('a', x'ff'), ('a', CAST(x'ff' AS TEXT));",
    )
    .await;
    let store = base.open(&["t: owner, v"]).await;

    let rows = all(&store, &Ask::new(["a"], &["owner", "v"])).await;

    let expected = [
        Value::Int(1),
        Value::Float(domain::row::Float(1.5)),
        Value::from("x"),
        Value::Null,
        Value::Bytes(vec![255]),
        Value::Bytes(vec![255]),
    ];
    assert_eq!(column(&rows, "v"), expected.iter().collect::<Vec<_>>());
}

#[tokio::test]
async fn tables_of_every_shape_have_a_row_key() {
    for table in [
        "CREATE TABLE t (owner, v)",
        "CREATE TABLE t (owner, v, PRIMARY KEY (owner, v))",
        "CREATE TABLE t (owner, v TEXT COLLATE NOCASE, PRIMARY KEY (v, owner)) WITHOUT ROWID",
        "CREATE TABLE t (owner, v TEXT COLLATE NOCASE, PRIMARY KEY (v COLLATE BINARY, owner)) WITHOUT ROWID",
        "CREATE TABLE t (owner, v, rowid, _rowid_)",
        "CREATE TABLE t (owner ANY, v INTEGER) STRICT",
        "CREATE TABLE t (owner, v INTEGER PRIMARY KEY, \"a\"\"b\" AS (v + 1))",
    ] {
        let base = Base::sqlite();
        base.run(&format!(
            "{table}; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2401)
             INSERT INTO t (owner, v) SELECT 'a', i FROM n; INSERT INTO t (owner, v) VALUES ('A', 4001);"
        ))
        .await;
        let store = base.open(&["t: owner, v"]).await;
        let ask = Ask::new(["a"], &["owner"]);

        let rows = all(&store, &ask).await;
        assert_eq!(rows.len(), 2401, "{table}");
        assert_eq!(store.delete(&ask.question(), &rows).await.unwrap(), 2401, "{table}");
        assert_eq!(base.run("SELECT count(*) FROM t").await, ["1"], "{table}");
    }
}

#[tokio::test]
async fn letters_of_both_cases_come_in_the_order_of_the_key() {
    let base = Base::sqlite();
    base.run(
        "CREATE TABLE t (owner, v TEXT COLLATE NOCASE, PRIMARY KEY (v COLLATE BINARY)) WITHOUT ROWID;
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1600)
         INSERT INTO t SELECT 'a', char(65 + i % 2 * 32) || (i / 2) FROM n;",
    )
    .await;
    let store = base.open(&["t: owner, v"]).await;

    let rows = all(&store, &Ask::new(["a"], &["owner", "v"])).await;

    let mut keys = column(&rows, "v");
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 1600);
}

#[tokio::test]
async fn the_file_keeps_its_journal_mode() {
    for mode in ["delete", "wal"] {
        let base = Base::sqlite();
        base.run(&format!(
            "PRAGMA journal_mode = {mode}; CREATE TABLE t (owner, v); INSERT INTO t VALUES ('a', 1)"
        ))
        .await;
        let store = base.open(&["t: owner, v"]).await;
        let ask = Ask::new(["a"], &["owner"]);

        let rows = all(&store, &ask).await;
        store.delete(&ask.question(), &rows).await.unwrap();

        assert_eq!(base.run("PRAGMA journal_mode").await, [mode]);
    }
}

#[tokio::test]
async fn a_trigger_that_forbids_it_or_reaches_further_is_told() {
    let base = Base::sqlite();
    base.run("CREATE TABLE t (owner, v); CREATE TABLE log (v); INSERT INTO t VALUES ('a', 1)").await;
    let store = base.open(&["t: owner, v"]).await;
    let ask = Ask::new(["a"], &["owner"]);
    let rows = all(&store, &ask).await;
    for (trigger, reason) in [
        ("BEFORE DELETE ON t BEGIN SELECT RAISE(FAIL, 'a'); END", "a trigger forbids it"),
        (
            "AFTER DELETE ON t BEGIN INSERT INTO log VALUES (old.v); END",
            "changing these rows would change others as well (a cascade or a trigger)",
        ),
    ] {
        base.run(&format!("DROP TRIGGER IF EXISTS x; CREATE TRIGGER x {trigger}")).await;

        let failed = store.delete(&ask.question(), &rows).await.unwrap_err();

        assert_eq!(failed, Fault::new(reason));
        assert_eq!(base.run("SELECT * FROM t").await, ["a\t1"]);
    }
}

/// No page sorts anything, and none begins at the first row again.
#[tokio::test]
async fn pages_are_read_in_the_order_of_an_index() {
    for (table, index, seek) in [
        ("(owner, v)", "(owner)", "(owner=? AND rowid>?)"),
        ("(owner TEXT COLLATE NOCASE, v)", "(owner)", "(owner=? AND rowid>?)"),
        ("(owner, v INTEGER PRIMARY KEY)", "(owner)", "(owner=? AND rowid>?)"),
        ("(owner, v INT NOT NULL)", "(owner, v)", "(owner=? AND v>?)"),
        ("(owner, v, PRIMARY KEY (v, owner)) WITHOUT ROWID", "(owner)", "(owner=? AND v>?)"),
        ("(owner, v, w, PRIMARY KEY (v, w)) WITHOUT ROWID", "(owner)", "(owner=? AND (v,w)>(?,?))"),
    ] {
        let base = Base::sqlite();
        base.run(&format!("CREATE TABLE t {table}; CREATE INDEX o ON t {index}")).await;
        let filled = if table.contains(", w,") { "'a', i, i" } else { "'a', i" };
        base.run(&format!(
            "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500) SELECT {filled} FROM n"
        ))
        .await;
        let store = base.open(&["t: owner, v"]).await;
        let ask = Ask::new(["a", "b"], &["owner", "v"]);

        for (statement, seek) in store.statements(&ask.question()).await.iter().zip(["(owner=?)", seek]) {
            let plan = base.run(&format!("EXPLAIN QUERY PLAN {statement}")).await;
            assert!(plan.len() == 1 && plan[0].ends_with(seek), "{table}: {plan:?}");
        }
    }
}

#[tokio::test]
async fn deleted_content_is_gone_from_the_file_itself() {
    let base = Base::sqlite();
    base.run("CREATE TABLE t (owner, v); INSERT INTO t VALUES ('a', 'a-canary'), ('b', 'x')").await;
    let Base::Sqlite(dir) = &base else { unreachable!() };
    let path = dir.path().join("d.sqlite");
    let holds_it = || std::fs::read(&path).unwrap().windows(8).any(|part| part == b"a-canary");
    assert!(holds_it());
    let store = base.open(&["t: owner, v"]).await;
    let ask = Ask::new(["a"], &["owner"]);

    let rows = all(&store, &ask).await;
    store.delete(&ask.question(), &rows).await.unwrap();

    assert!(!holds_it());
    let names: Vec<_> = std::fs::read_dir(dir.path()).unwrap().collect();
    assert_eq!(names.len(), 1, "no journal or log beside the file");
}

#[tokio::test]
async fn a_file_that_is_none_is_refused_and_not_made() {
    let base = Base::sqlite();
    let Base::Sqlite(dir) = &base else { unreachable!() };
    let path = dir.path().join("d.sqlite");
    let refused = async || base.try_open(&["t: owner"], &base.server()).await.err().unwrap();

    assert_eq!(refused().await, format!("map.yml:2: there is no file {}", path.display()));
    assert!(!path.exists());
    std::fs::write(&path, "no database at all, but text that is long enough to be looked at").unwrap();
    let reason = "cannot be read: the file is damaged or no database";
    assert_eq!(refused().await, format!("map.yml:2: {} {reason}", path.display()));
}
