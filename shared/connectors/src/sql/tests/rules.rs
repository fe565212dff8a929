//! What holds for every database.

use std::collections::BTreeSet;

use domain::datamap::Treatment;

use super::*;

/// `SELECT` these expressions of `i` for each number from 1 to `count`.
fn numbers(base: &Base, select: &str, count: usize) -> String {
    match base {
        Base::Sqlite(_) => {
            format!(
                "SELECT {select} FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) SELECT i FROM n)"
            )
        }
        Base::Postgres(_) => format!("SELECT {select} FROM generate_series(1, {count}) i"),
        Base::MySql(_) => format!("SELECT {select} FROM (SELECT seq AS i FROM seq_1_to_{count}) n"),
    }
}

#[tokio::test]
async fn look_alikes_are_nobodys() {
    for base in Base::all() {
        let column = base.pick("sqlite: TEXT COLLATE NOCASE | mysql: VARCHAR(50) | postgres: CITEXT");
        if base.name() == "postgres" {
            base.run("CREATE EXTENSION citext").await;
        }
        for index in ["SELECT 1", "CREATE INDEX o ON t (owner)"] {
            base.run(&format!("DROP TABLE IF EXISTS t; CREATE TABLE t (owner {column}, v INTEGER); {index}"))
                .await;
            base.run(
                "INSERT INTO t VALUES ('a', 1), ('A', 2), ('a ', 3), (' a', 4), ('á', 5), ('', 6), \
                 (NULL, 7), ('a', 8)",
            )
            .await;
            let store = base.open(&["t: owner, v"]).await;
            let ask = Ask::new(["a", "absent"], &["owner", "v"]);

            let rows = all(&store, &ask).await;
            assert_eq!(column_of(&rows, "v"), BTreeSet::from([&Value::Int(1), &Value::Int(8)]));

            let masked = store.mask(&ask.question(), &to(&rows, &[("v", Value::Int(0))])).await.unwrap();
            assert_eq!(masked, 2, "{}", base.name());
            let rows = all(&store, &ask).await;
            assert_eq!(store.delete(&ask.question(), &rows).await.unwrap(), 2, "{}", base.name());
            assert_eq!(base.run("SELECT v FROM t ORDER BY v").await, ["2", "3", "4", "5", "6", "7"]);
        }
    }
}

fn column_of<'r>(rows: &'r [Found], name: &str) -> BTreeSet<&'r Value> {
    column(rows, name).into_iter().collect()
}

#[tokio::test]
async fn tables_of_every_shape_are_read_and_emptied_of_one_person() {
    const SHAPES: [&str; 8] = [
        "owner VARCHAR(50), v INTEGER",
        "owner VARCHAR(50), v INTEGER PRIMARY KEY",
        "owner VARCHAR(50), v INTEGER, PRIMARY KEY (owner, v)",
        "owner VARCHAR(50), v INTEGER, PRIMARY KEY (v, owner)",
        "owner VARCHAR(50), v INTEGER NOT NULL UNIQUE",
        "owner VARCHAR(50), v INTEGER UNIQUE",
        "owner VARCHAR(50), v VARCHAR(50), w DATE, PRIMARY KEY (v)",
        "owner VARCHAR(50) NOT NULL, v DECIMAL(20, 3), w FLOAT, PRIMARY KEY (v, owner)",
    ];
    for base in Base::all() {
        for columns in SHAPES {
            for index in ["", "CREATE INDEX o ON t (owner)"] {
                let case = format!("{} {columns} {index}", base.name());
                base.run(&format!(
                    "DROP TABLE IF EXISTS t; CREATE TABLE t ({columns}); INSERT INTO t (owner, v) {};
                     INSERT INTO t (owner, v) VALUES ('b', 5000); {index}",
                    numbers(&base, "'a', i", 2401)
                ))
                .await;
                let store = base.open(&["t: owner, v"]).await;
                let ask = Ask::new(["a"], &["owner", "v"]);

                let rows = all(&store, &ask).await;
                assert_eq!(column_of(&rows, "v").len(), 2401, "{case}");
                assert_eq!(rows.len(), 2401, "{case}");
                assert_eq!(store.delete(&ask.question(), &rows).await.unwrap(), 2401, "{case}");
                assert_eq!(base.run("SELECT owner FROM t").await, ["b"], "{case}");
            }
        }
    }
}

#[tokio::test]
async fn rows_that_nothing_tells_apart_go_as_often_as_they_were_found() {
    for base in Base::all() {
        base.run("CREATE TABLE t (owner VARCHAR(50), v INTEGER)").await;
        base.run("INSERT INTO t VALUES ('a', 1), ('a', 1), ('a', 1), ('a', NULL), ('b', 1)").await;
        let store = base.open(&["t: owner, v"]).await;
        let ask = Ask::new(["a"], &["owner", "v"]);

        let mut rows = all(&store, &ask).await;
        assert_eq!(rows.len(), 4);
        rows.retain(|found| *found.row.get("v").unwrap() == Value::Int(1));
        rows.truncate(2);

        assert_eq!(store.delete(&ask.question(), &rows).await.unwrap(), 2, "{}", base.name());
        assert_eq!(base.run("SELECT count(*) FROM t").await, ["3"]);

        base.run(&format!("DELETE FROM t; INSERT INTO t {}", numbers(&base, "'a', i / 1300", 3000))).await;
        assert_eq!(all(&store, &ask).await.len(), 3000);
    }
}

/// Many values, each with few, many or no rows: whatever the pages, each row comes once.
#[tokio::test]
async fn every_row_comes_once_however_many_values_are_asked_for() {
    for base in Base::all() {
        for columns in [
            "owner VARCHAR(50), v INTEGER PRIMARY KEY",
            "owner VARCHAR(50), v INTEGER, PRIMARY KEY (v, owner)",
        ] {
            for index in ["", "CREATE INDEX o ON t (owner)"] {
                base.run("DROP TABLE IF EXISTS t").await;
                base.run(&format!("CREATE TABLE t ({columns})")).await;
                // The square gives some owners thousands of rows, most of them one, some none.
                let owner = base.pick(
                    "sqlite: 'u' || (i * i / 4000 % 3001) | postgres: 'u' || (i * i / 4000 % 3001) | \
                     mysql: CONCAT('u', i * i DIV 4000 % 3001)",
                );
                base.run(&format!("INSERT INTO t {}", numbers(&base, &format!("{owner}, i"), 12_000))).await;
                base.run("UPDATE t SET owner = 'u77' WHERE v > 3000 AND v < 5600").await;
                if !index.is_empty() {
                    base.run(index).await;
                }
                let store = base.open(&["t: owner, v"]).await;
                let ask = Ask::new((0..2600).map(|i| Value::Text(format!("u{i}"))), &["owner", "v"]);

                let rows = all(&store, &ask).await;

                let expected = base.run("SELECT owner FROM t").await;
                let is_asked = |owner: &String| owner[1..].parse::<u32>().unwrap() < 2600;
                let expected = expected.iter().filter(|owner| is_asked(owner)).count();
                assert_eq!(rows.len(), expected, "{} {columns} {index}", base.name());
                assert_eq!(column_of(&rows, "v").len(), expected, "{} {columns} {index}", base.name());
            }
        }
    }
}

/// Rows of one value come in the order of an index that goes on with columns of its own.
#[tokio::test]
async fn an_index_of_several_columns_is_followed_through_nulls() {
    for base in Base::all() {
        base.run("CREATE TABLE t (owner VARCHAR(50), v INTEGER, note VARCHAR(9), PRIMARY KEY (v))").await;
        let note = "'a', i, CASE WHEN i % 3 = 0 THEN NULL WHEN i % 3 = 1 THEN 'x' ELSE 'X' END";
        base.run(&format!("INSERT INTO t {}", numbers(&base, note, 20_000))).await;
        for index in ["(owner, note)", "(owner, note, v)", "(owner, v, note)"] {
            base.run(&format!("CREATE INDEX o ON t {index}")).await;
            let store = base.open(&["t: owner, v, note"]).await;

            let before = work(&base).await;
            let rows = all(&store, &Ask::new(["a", "b"], &["v", "owner"])).await;

            assert_eq!(rows.len(), 20_000, "{} {index}", base.name());
            assert_eq!(column_of(&rows, "v").len(), 20_000, "{} {index}", base.name());
            assert!(work(&base).await - before < 60_000, "{} {index}", base.name());
            base.run(base.pick("sqlite: DROP INDEX o | postgres: DROP INDEX o | mysql: DROP INDEX o ON t"))
                .await;
        }
    }
}

#[tokio::test]
async fn a_row_that_changed_hands_is_left_alone() {
    for base in Base::all() {
        for key in ["INTEGER", "INTEGER PRIMARY KEY"] {
            base.run(&format!(
                "DROP TABLE IF EXISTS t; CREATE TABLE t (owner VARCHAR(50), v {key}, note VARCHAR(50))"
            ))
            .await;
            base.run("INSERT INTO t VALUES ('a', 1, 'n'), ('a', 2, 'n'), ('a', 3, 'n'), ('a', 4, 'n')").await;
            let store = base.open(&["t: owner, v, note"]).await;
            let ask = Ask::new(["a"], &["owner"]);
            let rows = all(&store, &ask).await;

            // One row was given to someone else, another one's place was taken.
            base.run("UPDATE t SET owner = 'A' WHERE v = 1").await;
            base.run("DELETE FROM t WHERE v = 3; INSERT INTO t VALUES ('b', 3, 'n')").await;

            let masked = store.mask(&ask.question(), &to(&rows, &[("note", Value::Null)])).await.unwrap();
            assert_eq!(masked, 2, "{} {key}", base.name());
            // A row without a key is another one once it has changed.
            let rows = if key == "INTEGER" { all(&store, &ask).await } else { rows };
            assert_eq!(store.delete(&ask.question(), &rows).await.unwrap(), 2, "{} {key}", base.name());
            assert_eq!(base.run("SELECT owner, v, note FROM t ORDER BY v").await, ["A\t1\tn", "b\t3\tn"]);
        }
    }
}

#[tokio::test]
async fn masking_changes_nothing_but_what_it_names() {
    for base in Base::all() {
        base.run(
            "CREATE TABLE t (owner VARCHAR(50), v INTEGER PRIMARY KEY, name VARCHAR(50), note VARCHAR(50))",
        )
        .await;
        base.run("INSERT INTO t VALUES ('a', 1, 'n', 'x'), ('a', 2, 'n', 'x'), ('a', 3, 'n', 'x'), ('b', 4, 'n', 'x')").await;
        let store = base.open(&["t: owner, v, name, note"]).await;
        let ask = Ask::new(["a"], &["owner", "v"]);
        let rows = all(&store, &ask).await;
        base.run("UPDATE t SET note = 'later' WHERE v = 2").await;

        let mut changes = to(&rows, &[("name", Value::Null)]);
        let third =
            changes.iter_mut().find(|change| *change.found.row.get("v").unwrap() == Value::Int(3)).unwrap();
        third.set = vec![(place("name"), "m'\"`\\ask".into()), (place("owner"), "gone".into())];

        assert_eq!(store.mask(&ask.question(), &changes).await.unwrap(), 3);
        let after = base.run("SELECT owner, v, coalesce(name, '-'), note FROM t ORDER BY v").await;
        // The client of MySQL shows a backslash as two.
        let masked = if base.name() == "mysql" { r#"m'"`\\ask"# } else { r#"m'"`\ask"# };
        assert_eq!(after, ["a\t1\t-\tx", "a\t2\t-\tlater", &format!("gone\t3\t{masked}\tx"), "b\t4\tn\tx"]);
    }
}

#[tokio::test]
async fn foreign_keys_that_reach_further_are_refused_and_counted() {
    for base in Base::all() {
        for (action, refused) in [
            ("", "rows that the data map does not erase refer to these (foreign key)"),
            ("ON DELETE CASCADE", "cascade"),
            ("ON DELETE SET NULL", "cascade"),
        ] {
            base.run("DROP TABLE IF EXISTS c; DROP TABLE IF EXISTS t").await;
            base.run("CREATE TABLE t (owner VARCHAR(50), v INTEGER PRIMARY KEY)").await;
            base.run(&format!("CREATE TABLE c (id INTEGER PRIMARY KEY, v INTEGER, FOREIGN KEY (v) REFERENCES t (v) {action})")).await;
            base.run("INSERT INTO t VALUES ('a', 1), ('a', 2), ('b', 3)").await;
            base.run("INSERT INTO c VALUES (1, 1), (2, 1), (3, 3), (4, NULL)").await;
            let store = base.open(&["t: owner, v"]).await;
            let ask = Ask::new(["a"], &["owner"]);
            let rows = all(&store, &ask).await;

            let failed = store.delete(&ask.question(), &rows).await.unwrap_err();
            assert!(failed.to_string().contains(refused), "{} {action}: {failed}", base.name());
            assert_eq!(base.run("SELECT count(*) FROM t").await, ["3"]);
            assert_eq!(base.run("SELECT v FROM c WHERE v = 1").await.len(), 2);

            let found: Vec<&Found> = rows.iter().collect();
            let table = base.pick("sqlite: c | postgres: public.c | mysql: shop.c");
            let tie = Tie { table: table.to_owned(), rows: 2 };
            assert_eq!(store.ties("t", &found, &["t"]).await.unwrap(), [tie], "{}", base.name());
            assert_eq!(store.ties("t", &found, &["t", "c"]).await.unwrap(), []);

            base.run("DELETE FROM c WHERE v = 1").await;
            assert_eq!(store.delete(&ask.question(), &rows).await.unwrap(), 2);
            assert_eq!(base.run("SELECT v FROM c WHERE v IS NOT NULL").await, ["3"]);
        }
    }
}

#[tokio::test]
async fn rows_of_one_table_that_refer_to_each_other_go_together() {
    for base in Base::all() {
        base.run("CREATE TABLE t (owner VARCHAR(50), v INTEGER PRIMARY KEY, above INTEGER, FOREIGN KEY (above) REFERENCES t (v) ON DELETE SET NULL)").await;
        base.run("INSERT INTO t VALUES ('a', 1, NULL), ('b', 3, NULL), ('a', 2, 1), ('c', 4, 3)").await;
        let store = base.open(&["t: owner, v"]).await;
        let own = Ask::new(["a"], &["owner"]);
        let others = Ask::new(["b"], &["owner"]);
        let rows = all(&store, &others).await;
        let failed = store.delete(&others.question(), &rows).await.unwrap_err();
        assert!(failed.to_string().contains("cascade"), "{failed}");

        // SQLite counts the reference that is set to null before its row goes.
        if base.name() != "sqlite" {
            let rows = all(&store, &own).await;
            assert_eq!(store.delete(&own.question(), &rows).await.unwrap(), 2, "{}", base.name());
        }
    }
}

#[tokio::test]
async fn names_that_need_quotes_are_quoted() {
    for base in Base::all() {
        let (table, mapped) = match base.name() {
            "mysql" => ("«Select from ``where \"x\"»", "Select from `where \"x\""),
            _ => ("«Select from `where \"\"x\"\"»", "Select from `where \"x\""),
        };
        base.run(&format!("CREATE TABLE {table} («Group» VARCHAR(50), «ORDER by» INTEGER PRIMARY KEY, «we''ird;--» VARCHAR(9))")).await;
        base.run(&format!("CREATE INDEX «in dex» ON {table} («Group»)")).await;
        base.run(&format!("INSERT INTO {table} VALUES ('a', 1, 'x'), ('b', 2, 'x')")).await;
        let collection = format!("{mapped}: Group, ORDER by, we''''ird;--");
        let store = base.open(&[&collection]).await;
        let (values, want) = ([Value::from("a")], ["Group".to_owned(), "we''ird;--".to_owned()]);
        let question = Question { collection: mapped, path: "Group", values: &values, want: &want };

        let rows: Vec<crate::store::Page> = store.ask(&question).try_collect().await.unwrap();
        let rows: Vec<Found> = rows.into_iter().flat_map(|page| page.rows).collect();
        assert_eq!(column(&rows, "we''ird;--"), [&Value::from("x")], "{}", base.name());
        assert_eq!(store.mask(&question, &to(&rows, &[("we''ird;--", Value::Null)])).await.unwrap(), 1);
        assert_eq!(store.delete(&question, &rows).await.unwrap(), 1);
        assert_eq!(base.run(&format!("SELECT count(*) FROM {table}")).await, ["1"]);
    }
}

#[tokio::test]
async fn the_catalogue_tells_what_can_be_masked() {
    for base in Base::all() {
        base.run(
            "CREATE TABLE p (id INTEGER PRIMARY KEY);
             CREATE TABLE t (owner VARCHAR(50) NOT NULL, v INTEGER PRIMARY KEY, nick VARCHAR(20) UNIQUE,
               born DATE, p INTEGER, twice INTEGER GENERATED ALWAYS AS (v * 2) STORED,
               FOREIGN KEY (p) REFERENCES p (id));
             CREATE TABLE c (nick VARCHAR(20), FOREIGN KEY (nick) REFERENCES t (nick));
             CREATE VIEW w AS SELECT owner, v FROM t;
             INSERT INTO t (owner, v) VALUES ('a', 1)",
        )
        .await;
        let store = base.open(&["t: owner, v, nick, born, p, twice", "w: owner, v"]).await;
        let facts = |path| store.facts("t", path);
        let is_text = (base.name() != "sqlite").then_some(true);

        assert!(!facts("owner").nullable && facts("nick").nullable && facts("born").nullable);
        assert!(facts("v").in_key && !facts("nick").in_key);
        assert!(facts("v").unique && facts("nick").unique && !facts("owner").unique);
        assert_eq!((facts("owner").text, facts("born").text), (is_text, is_text.map(|_| false)));
        assert_eq!(facts("nick").length, is_text.map(|_| 20));
        assert_eq!((store.key("t", "v"), store.key("t", "nick")), (KeyKind::Primary, KeyKind::Unique));

        let refuses = |collection: &str, fields: &[MaskedField]| {
            store.refuses(collection, &Treatment::Mask(fields.to_vec())).unwrap_or_default()
        };
        let text =
            MaskedField { masking: Masking::RandomStringRewrite { length: 5, suffix: None }, ..null("p") };
        assert_eq!(refuses("t", &[null("born"), null("p")]), "", "{}", base.name());
        assert_eq!(refuses("t", &[null("born"), null("twice")]), "`twice` is computed by the database");
        assert_eq!(refuses("t", &[null("nick")]), "`nick` is what a foreign key of the database refers to");
        assert_eq!(
            refuses("t", &[text]),
            "`p` is a foreign key of the database, which only null can stand in for"
        );
        assert_eq!(store.refuses("t", &Treatment::Delete), None);
        assert_eq!(
            store.refuses("w", &Treatment::Delete).unwrap(),
            "it is a view: its rows are those of other tables"
        );
        let mut ask = Ask::new(["a"], &["owner", "v"]);
        ask.collection = "w";
        let rows = all(&store, &ask).await;
        assert_eq!(column(&rows, "v"), [&Value::Int(1)]);
        assert!(store.delete(&ask.question(), &rows).await.is_err());
    }
}

#[tokio::test]
async fn a_null_where_none_may_be_is_told_without_a_value() {
    for base in Base::all() {
        base.run("CREATE TABLE t (owner VARCHAR(50) NOT NULL, v INTEGER PRIMARY KEY)").await;
        base.run("INSERT INTO t VALUES ('ada', 1), ('ada', 2)").await;
        let store = base.open(&["t: owner, v"]).await;
        let ask = Ask::new(["ada"], &["owner"]);
        let rows = all(&store, &ask).await;

        let failed = store.mask(&ask.question(), &to(&rows, &[("owner", Value::Null)])).await.unwrap_err();
        assert_eq!(failed, Fault::new("a column may not be null"), "{}", base.name());
        let failed = store.mask(&ask.question(), &to(&rows, &[("v", Value::Int(1))])).await.unwrap_err();
        assert_eq!(failed, Fault::new("a value has to be unique and is not"), "{}", base.name());
        base.run("DROP TABLE t").await;
        let failed = store.delete(&ask.question(), &rows).await.unwrap_err();
        assert_eq!(failed, Fault::new("a table or column is not as it was at start"), "{}", base.name());
    }
}

#[tokio::test]
async fn large_rows_come_in_small_pages() {
    for base in Base::all() {
        base.run(base.pick(
            "sqlite: CREATE TABLE t (owner TEXT, v TEXT) | postgres: CREATE TABLE t (owner text, v text) | \
             mysql: CREATE TABLE t (owner VARCHAR(9), v LONGTEXT)",
        ))
        .await;
        let large = base.pick(
            "sqlite: 'a', printf('%.*c', 200000, 'x') | postgres: 'a', repeat('x', 200000) | \
             mysql: 'a', repeat('x', 200000)",
        );
        base.run(&format!("INSERT INTO t {}", numbers(&base, large, 130))).await;
        let store = base.open(&["t: owner, v"]).await;
        let ask = Ask::new(["a"], &["owner", "v"]);
        let question = ask.question();

        let pages: Vec<crate::store::Page> = store.ask(&question).try_collect().await.unwrap();

        let sizes: Vec<usize> = pages.iter().map(|page| page.rows.len()).collect();
        assert_eq!(sizes, [100, 10, 10, 10, 0], "{}", base.name());
        assert_eq!(sizes.iter().sum::<usize>(), 130);
    }
}

/// Rows of one value are deleted or masked while they are still being read.
#[tokio::test]
async fn thirty_thousand_rows_go_page_by_page() {
    for base in Base::all() {
        base.run(&format!(
            "CREATE TABLE t (owner VARCHAR(50), v INTEGER PRIMARY KEY); CREATE INDEX o ON t (owner);
             INSERT INTO t {}; INSERT INTO t VALUES ('b', 40000)",
            numbers(&base, "'a', i", 30_000)
        ))
        .await;
        let store = base.open(&["t: owner, v"]).await;
        let ask = Ask::new(["a"], &["owner"]);
        let question = ask.question();

        let before = work(&base).await;
        let mut masked = 0;
        let mut pages = store.ask(&question);
        while let Some(page) = pages.try_next().await.unwrap() {
            masked += store
                .mask(&question, &to(&page.rows[..page.rows.len() / 2], &[("owner", "c".into())]))
                .await
                .unwrap();
        }
        assert_eq!(masked, 15_000, "{}", base.name());
        let mut deleted = 0;
        let mut pages = store.ask(&question);
        while let Some(page) = pages.try_next().await.unwrap() {
            deleted += store.delete(&question, &page.rows).await.unwrap();
        }
        assert_eq!(deleted, 15_000, "{}", base.name());
        assert!(work(&base).await - before < 400_000, "{}", base.name());
        assert_eq!(base.run("SELECT count(*) FROM t WHERE owner = 'b'").await, ["1"]);
    }
}

/// How many rows or index entries the server has looked at so far, if it counts them.
async fn work(base: &Base) -> u64 {
    if base.name() != "mysql" {
        return 0;
    }
    let counts = base
        .run("SELECT sum(VARIABLE_VALUE) FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME IN ('HANDLER_READ_NEXT', 'HANDLER_READ_KEY', 'HANDLER_READ_RND_NEXT', 'HANDLER_ICP_ATTEMPTS')")
        .await;
    counts[0].parse::<f64>().unwrap() as u64
}
