//! What only MySQL and MariaDB have.

use std::collections::BTreeMap;

use domain::row::Float;
use sqlx::{Connection as _, Executor as _, MySqlConnection};

use super::*;

fn text(text: &str) -> Value {
    Value::from(text)
}

#[tokio::test]
async fn values_of_every_type_come_out_whole() {
    let document =
        Value::Map(BTreeMap::from([("a".to_owned(), Value::List(vec![Value::Int(1), Value::Null]))]));
    let types: Vec<(&str, &str, Value)> = vec![
        ("boolean", "true", Value::Int(1)),
        ("tinyint", "-128", Value::Int(-128)),
        ("tinyint unsigned", "255", Value::Int(255)),
        ("smallint", "-32768", Value::Int(-32_768)),
        ("mediumint", "-8388608", Value::Int(-8_388_608)),
        ("mediumint unsigned", "16777215", Value::Int(16_777_215)),
        ("int", "-2147483648", Value::Int(-2_147_483_648)),
        ("int unsigned", "4294967295", Value::Int(4_294_967_295)),
        ("bigint", "-9223372036854775808", Value::Int(i64::MIN)),
        ("bigint unsigned", "18446744073709551615", Value::Decimal(u64::MAX.to_string())),
        ("bigint unsigned", "42", Value::Int(42)),
        ("bit(1)", "b'1'", Value::Int(1)),
        (
            "bit(64)",
            "b'1111111111111111111111111111111111111111111111111111111111111111'",
            Value::Decimal(u64::MAX.to_string()),
        ),
        ("float", "0.1", Value::Float(Float(0.1))),
        ("double", "0.1", Value::Float(Float(0.1))),
        (
            "decimal(30,2)",
            "1234567890123456789012345678.1",
            Value::Decimal("1234567890123456789012345678.10".into()),
        ),
        ("varchar(20)", "'ü 🙂 '", text("ü 🙂 ")),
        ("varchar(20) character set latin1", "'ü'", text("ü")),
        ("char(5)", "'ab '", text("ab")),
        ("text", "'long'", text("long")),
        ("longtext", "'longer'", text("longer")),
        ("enum('a','it''s')", "'it''s'", text("it's")),
        ("set('a','b','c')", "'a,c'", text("a,c")),
        ("binary(3)", "x'00ff'", Value::Bytes(vec![0, 255, 0])),
        ("varbinary(3)", "x'00ff'", Value::Bytes(vec![0, 255])),
        ("blob", "x''", Value::Bytes(vec![])),
        ("date", "'2021-02-03'", text("2021-02-03")),
        ("date", "'0000-00-00'", text("0000-00-00")),
        ("datetime", "'2021-01-01 01:00:00'", text("2021-01-01T01:00:00")),
        ("datetime", "'0000-00-00 00:00:00'", text("0000-00-00T00:00:00")),
        ("datetime(3)", "'2021-01-01 01:00:00.5'", text("2021-01-01T01:00:00.500000")),
        ("datetime(6)", "'2021-01-01 01:00:00.000001'", text("2021-01-01T01:00:00.000001")),
        ("timestamp null", "'2021-01-01 01:00:00'", text("2021-01-01T01:00:00Z")),
        ("time", "'-838:59:59'", text("-838:59:59")),
        ("year", "1999", Value::Int(1999)),
        ("uuid", "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", text("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")),
        ("inet6", "'::1'", text("::1")),
        (
            "point",
            "POINT(1,2)",
            Value::Bytes(hex::decode("000000000101000000000000000000f03f0000000000000040").unwrap()),
        ),
        ("json", "'{\"a\": [1, null]}'", document),
    ];
    let base = Base::mysql();
    let columns: Vec<String> = (0..types.len()).map(|i| format!("c{i} {}", types[i].0)).collect();
    base.run(&format!("CREATE TABLE t (owner varchar(9), {})", columns.join(", "))).await;
    let values: Vec<&str> = types.iter().map(|(_, value, _)| *value).collect();
    base.run(&format!(
        "SET time_zone = '+00:00', sql_mode = ''; INSERT INTO t VALUES ('a', {}); INSERT INTO t (owner) VALUES ('b')",
        values.join(", ")
    ))
    .await;
    let names: Vec<String> = (0..types.len()).map(|i| format!("c{i}")).collect();
    // The map says that the last one has fields: MariaDB's own catalogue calls it a text.
    let mut dataset = dataset(&[&format!("t: owner, {}", names.join(", "))]);
    let inner = dataset.collections[0].fields[0].clone();
    dataset.collections[0].fields.last_mut().unwrap().fields.push(inner);
    let mut errors = MapErrors::default();
    let store = Sql::mysql(&dataset, &dataset.at, &base.server(), &NoSecrets, &mut errors).await;
    assert_eq!(errors.to_string(), "");
    let store = store.unwrap();
    let want: Vec<&str> = ["owner"].into_iter().chain(names.iter().map(String::as_str)).collect();

    let rows = all(&store, &Ask::new(["a"], &want)).await;
    let nulls = all(&store, &Ask::new(["b"], &want)).await;

    for ((kind, written, value), name) in types.iter().zip(&names) {
        let found = rows[0].row.get(name);
        assert!(found == Some(value), "{kind} {written}: {}", serde_json::to_string(&found).unwrap());
        assert_eq!(nulls[0].row.get(name), Some(&Value::Null), "{kind}");
        if let Some(value) = store.cast("t", name, value).filter(|_| store.finds_by("t", name)) {
            let mut ask = Ask::new([value], &[name]);
            ask.path = name.clone().leak();
            assert_eq!(all(&store, &ask).await.len(), 1, "{kind} {written}");
        }
    }
}

/// Whatever follows the end of a statement waits for 40 ms.
#[tokio::test]
async fn no_statement_is_closed_before_its_connection() {
    let base = Base::mysql();
    base.run("CREATE TABLE t (owner varchar(9), v int PRIMARY KEY); INSERT INTO t VALUES ('a', 1), ('a', 2)")
        .await;
    let store = base.open(&["t: owner, v"]).await;
    let ask = Ask::new(["a"], &["owner"]);

    let rows = all(&store, &ask).await;
    store.mask(&ask.question(), &to(&rows[..1], &[("owner", Value::Null)])).await.unwrap();
    store.delete(&ask.question(), &rows[1..]).await.unwrap();

    let counts = base.run("SHOW GLOBAL STATUS WHERE Variable_name LIKE 'Com_stmt_%'").await;
    assert!(counts.iter().any(|count| count == "Com_stmt_close\t0"), "{counts:?}");
    assert!(counts.iter().all(|count| count != "Com_stmt_execute\t0"), "{counts:?}");
}

#[tokio::test]
async fn a_time_that_sets_itself_stays_as_it_is() {
    let base = Base::mysql();
    base.run(
        "CREATE TABLE t (owner varchar(9), v int PRIMARY KEY,
           at timestamp NOT NULL DEFAULT '2001-01-01 00:00:00' ON UPDATE CURRENT_TIMESTAMP);
         INSERT INTO t (owner, v) VALUES ('a', 1)",
    )
    .await;
    let store = base.open(&["t: owner, v, at"]).await;
    let ask = Ask::new(["a"], &["owner"]);
    let rows = all(&store, &ask).await;

    assert_eq!(store.mask(&ask.question(), &to(&rows, &[("owner", Value::Null)])).await.unwrap(), 1);

    assert_eq!(base.run("SELECT year(at) FROM t WHERE owner IS NULL").await, ["2001"]);
}

#[tokio::test]
async fn documents_are_masked_in_place() {
    let base = Base::mysql();
    base.run(
        r#"CREATE TABLE t (owner varchar(9), v int PRIMARY KEY, doc json);
           INSERT INTO t VALUES ('a', 1, '{"name": "x", "list": [{"m": "a"}, {"m": "b"}], "n": 1}'), ('a', 2, '{"n": 2}')"#,
    )
    .await;
    let mut dataset = dataset(&["t: owner, v, doc"]);
    let inner = dataset.collections[0].fields[0].clone();
    dataset.collections[0].fields[2].fields.push(inner);
    let mut errors = MapErrors::default();
    let store = Sql::mysql(&dataset, &dataset.at, &base.server(), &NoSecrets, &mut errors).await.unwrap();
    assert!(!store.finds_by("t", "doc.name"));
    let ask = Ask::new(["a"], &["owner", "doc"]);
    let rows = all(&store, &ask).await;
    base.run("UPDATE t SET doc = JSON_SET(doc, '$.later', 1) WHERE v = 1").await;

    let set = [("doc.name", text("m\"")), ("doc.list.1.m", Value::Null)];
    assert_eq!(store.mask(&ask.question(), &to(&rows[..1], &set)).await.unwrap(), 1);
    assert_eq!(store.mask(&ask.question(), &to(&rows[1..], &[("doc.name", Value::Null)])).await.unwrap(), 1);

    let kept =
        base.run("SELECT JSON_EXTRACT(doc, '$.name', '$.list', '$.n', '$.later') FROM t WHERE v = 1").await;
    assert_eq!(kept, [r#"["m\\"", [{"m": "a"}, {"m": null}], 1, 1]"#]);
    assert_eq!(base.run("SELECT JSON_KEYS(doc) FROM t WHERE v = 2").await, [r#"["n"]"#]);

    // The element has moved since.
    base.run(
        r#"UPDATE t SET doc = JSON_SET(doc, '$.list', JSON_ARRAY(JSON_OBJECT('m', 'new'))) WHERE v = 1"#,
    )
    .await;
    assert_eq!(
        store.mask(&ask.question(), &to(&rows[..1], &[("doc.list.0.m", Value::Null)])).await.unwrap(),
        0
    );
}

#[tokio::test]
async fn what_takes_too_long_or_cannot_be_reached_is_told() {
    let mut base = Base::mysql();
    base.run(
        "CREATE TABLE t (owner varchar(9), v int PRIMARY KEY); INSERT INTO t VALUES ('a', 1);
         CREATE VIEW slow AS SELECT owner, v, sleep(60) AS s FROM t",
    )
    .await;
    let server = Server { statement_timeout: Duration::from_secs(1), ..base.server() };
    let store = base.try_open(&["t: owner, v", "slow: owner, v, s"], &server).await.unwrap();
    let mut ask = Ask::new(["a"], &["owner", "s"]);
    ask.collection = "slow";
    let question = ask.question();
    let late: Result<Vec<_>, Fault> = store.ask(&question).try_collect().await;
    assert_eq!(late.err(), Some(Fault::new("the database took too long (statement timeout)")));

    let ask = Ask::new(["a"], &["owner"]);
    let rows = all(&store, &ask).await;
    let mut other = MySqlConnection::connect(server.url.as_deref().unwrap()).await.unwrap();
    other.execute("BEGIN").await.unwrap();
    other.execute("SELECT * FROM t FOR UPDATE").await.unwrap();
    let late = store.delete(&ask.question(), &rows).await.unwrap_err().to_string();
    assert!(late == "rows stayed locked by someone else" || late.contains("statement timeout"), "{late}");
    other.execute("ROLLBACK").await.unwrap();
    assert_eq!(store.delete(&ask.question(), &rows).await.unwrap(), 1);

    let url = server.url.clone().unwrap();
    for (url, reason) in [
        (url.replace("/shop", "/absent"), "there is no database of this name"),
        (url.replacen(":", ":x", 2).replacen(":x//", "://", 1), "the user or password is refused"),
    ] {
        let server = Server { url: Some(url), ..base.server() };
        let refused = base.try_open(&["t: owner"], &server).await.err().unwrap();
        assert_eq!(refused, format!("map.yml:2: the database cannot be read: {reason}"));
    }
    let Base::MySql(running) = &mut base else { unreachable!() };
    running.crash();
    let gone = store.delete(&ask.question(), &rows).await.unwrap_err().to_string();
    assert!(gone.contains("cannot be reached") || gone.contains("broke"), "{gone}");
}

#[tokio::test]
async fn a_cut_or_changed_value_is_refused_rather_than_stored() {
    let base = Base::mysql();
    base.run("CREATE TABLE t (owner varchar(9), v int PRIMARY KEY, short varchar(3)); INSERT INTO t VALUES ('a', 1, 'x')").await;
    let store = base.open(&["t: owner, v, short"]).await;
    let ask = Ask::new(["a"], &["owner"]);
    let rows = all(&store, &ask).await;

    let failed = store.mask(&ask.question(), &to(&rows, &[("short", text("long"))])).await.unwrap_err();

    assert_eq!(failed, Fault::new("a value is too long for its column"));
}
