//! What only PostgreSQL has.

use std::collections::BTreeMap;

use domain::row::Float;
use sqlx::{Connection as _, Executor as _, PgConnection};

use super::*;

fn text(text: &str) -> Value {
    Value::from(text)
}

fn list(values: impl IntoIterator<Item = Value>) -> Value {
    Value::List(values.into_iter().collect())
}

#[tokio::test]
async fn values_of_every_type_come_out_whole() {
    let map = |value: Value| Value::Map(BTreeMap::from([("a".to_owned(), value)]));
    let types: Vec<(&str, &str, Value)> = vec![
        ("boolean", "true", Value::Bool(true)),
        ("smallint", "-32768", Value::Int(-32_768)),
        ("integer", "2147483647", Value::Int(2_147_483_647)),
        ("bigint", "-9223372036854775808", Value::Int(i64::MIN)),
        ("real", "0.1", Value::Float(Float(0.1))),
        ("double precision", "0.1", Value::Float(Float(0.1))),
        ("numeric", "12345678901234567890.10", Value::Decimal("12345678901234567890.10".into())),
        ("numeric(10,2)", "1.5", Value::Decimal("1.50".into())),
        ("numeric(3,-2)", "12345", Value::Decimal("12300".into())),
        ("text", "'ü \t'", text("ü \t")),
        ("varchar(5)", "'ab '", text("ab ")),
        ("char(5)", "'ab '", text("ab")),
        ("\"char\"", "'x'", text("x")),
        ("name", "'n'", text("n")),
        ("citext", "'Ab'", text("Ab")),
        ("bytea", "'\\x00ff'", Value::Bytes(vec![0, 255])),
        ("uuid", "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", text("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")),
        ("date", "'2021-02-03'", text("2021-02-03")),
        ("date", "'infinity'", text("infinity")),
        ("date", "'1969-12-31'", text("1969-12-31")),
        ("time", "'01:02:03.5'", text("01:02:03.5")),
        ("timetz", "'01:02:03+02'", text("01:02:03+02")),
        ("timestamp", "'2021-01-01 01:00:00'", text("2021-01-01T01:00:00")),
        ("timestamp", "'1999-12-31 23:59:59.000001'", text("1999-12-31T23:59:59.000001")),
        ("timestamp", "'-infinity'", text("-infinity")),
        ("timestamptz", "'2021-01-01 01:00:00.5+02'", text("2020-12-31T23:00:00.500000Z")),
        ("interval", "'1 day 02:00'", text("1 day 02:00:00")),
        ("json", "'{\"a\": [1, null]}'", map(list([Value::Int(1), Value::Null]))),
        ("jsonb", "'{\"a\": 9007199254740993}'", map(Value::Int(9_007_199_254_740_993))),
        ("mood", "'so so'", text("so so")),
        ("email", "'a@b'", text("a@b")),
        ("inet", "'10.0.0.1'", text("10.0.0.1")),
        ("inet", "'::ffff:10.0.0.1'", text("::ffff:10.0.0.1")),
        ("inet", "'2001:db8::/32'", text("2001:db8::/32")),
        ("cidr", "'10.0.0.0/8'", text("10.0.0.0/8")),
        ("bit(3)", "B'101'", text("101")),
        ("money", "1.5", text("$1.50")),
        ("xml", "'<a/>'", text("<a/>")),
        ("point", "'(1,2)'", text("(1,2)")),
        ("int4range", "'[1,3)'", text("[1,3)")),
        ("text[]", "'{a,NULL,\"b,c\"}'", list([text("a"), Value::Null, text("b,c")])),
        ("int[]", "'{}'", list([])),
        ("int[]", "'{{1,2},{3,4}}'", list([list([1.into(), 2.into()]), list([3.into(), 4.into()])])),
        ("numeric(5,1)[]", "'{1.5}'", list([Value::Decimal("1.5".into())])),
        ("mood[]", "'{ok}'", list([text("ok")])),
        (
            "uuid[]",
            "'{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}'",
            list([text("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")]),
        ),
    ];
    let base = Base::postgres();
    base.run(
        "CREATE EXTENSION citext; CREATE TYPE mood AS ENUM ('ok', 'so so');
         CREATE DOMAIN email AS varchar(20) CHECK (VALUE LIKE '%@%')",
    )
    .await;
    let columns: Vec<String> = (0..types.len()).map(|i| format!("c{i} {}", types[i].0)).collect();
    base.run(&format!("CREATE TABLE t (owner text, {})", columns.join(", "))).await;
    let values: Vec<&str> = types.iter().map(|(_, value, _)| *value).collect();
    base.run(&format!(
        "INSERT INTO t VALUES ('a', {}); INSERT INTO t (owner) VALUES ('b')",
        values.join(", ")
    ))
    .await;
    let names: Vec<String> = (0..types.len()).map(|i| format!("c{i}")).collect();
    let store = base.open(&[&format!("t: owner, {}", names.join(", "))]).await;
    let want: Vec<&str> = ["owner"].into_iter().chain(names.iter().map(String::as_str)).collect();

    let rows = all(&store, &Ask::new(["a"], &want)).await;
    let nulls = all(&store, &Ask::new(["b"], &want)).await;

    for ((kind, written, value), name) in types.iter().zip(&names) {
        assert!(
            rows[0].row.get(name) == Some(value),
            "{kind} {written}: {}",
            serde_json::to_string(&rows[0].row.get(name)).unwrap()
        );
        assert_eq!(nulls[0].row.get(name), Some(&Value::Null), "{kind}");
        // What is read can be asked for, if it can be asked for at all, and leads to its row and no other.
        let values: Vec<Value> = match value {
            Value::List(values) => values.iter().filter_map(|value| store.cast("t", name, value)).collect(),
            value => store.cast("t", name, value).into_iter().collect(),
        };
        if !values.is_empty() && store.finds_by("t", name) {
            let mut ask = Ask::new(values, &[name]);
            let name: &'static str = name.clone().leak();
            ask.path = name;
            assert_eq!(all(&store, &ask).await.len(), 1, "{kind} {written}");
        }
    }
}

#[tokio::test]
async fn only_the_form_that_a_column_holds_is_asked_for() {
    let base = Base::postgres();
    base.run(
        "CREATE TYPE mood AS ENUM ('ok');
         CREATE TABLE t (owner text, s smallint, n numeric(6,2), free numeric, c char(3), m mood, u uuid, d date,
           z timestamptz, b bytea, j jsonb, l text[])",
    )
    .await;
    let store = base.open(&["t: owner, s, n, free, c, m, u, d, z, b, j, l"]).await;
    let cast = |path: &str, value: Value| store.cast("t", path, &value);

    assert_eq!(cast("s", text("42")), Some(Value::Int(42)));
    for look_alike in ["042", " 42", "42.0", "32768", ""] {
        assert_eq!(cast("s", text(look_alike)), None, "{look_alike}");
    }
    assert_eq!(cast("n", text("1.5")), Some(Value::Decimal("1.50".into())));
    assert_eq!(cast("n", Value::Int(1)), Some(Value::Decimal("1.00".into())));
    for look_alike in ["1.505", "01.50", "1e1", "NaN", "-0", "1.", ".5"] {
        assert_eq!(cast("n", text(look_alike)), None, "{look_alike}");
    }
    assert_eq!(cast("c", text("ab")), Some(text("ab")));
    assert_eq!(cast("c", text("ab ")), None);
    assert_eq!(cast("c", text("abcd")), None);
    assert_eq!(cast("m", text("ok")), Some(text("ok")));
    assert_eq!(cast("m", text("absent")), None);
    let uuid = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";
    assert_eq!(cast("u", text(&uuid.to_uppercase())), Some(text(uuid)));
    assert_eq!(cast("u", text("a0eebc999c0b4ef8bb6d6bb9bd380a11")), None);
    assert_eq!(cast("d", text("2021-2-3")), None);
    assert_eq!(cast("z", text("2021-01-01T00:00:00Z")), Some(text("2021-01-01T00:00:00Z")));
    assert_eq!(cast("z", text("2021-01-01T00:00:00+00:00")), None);
    assert_eq!(cast("owner", text("a\0")), None);
    assert_eq!(cast("b", text("a")), None);
    assert_eq!(cast("l", text("a")), Some(text("a")));
    assert!(!store.finds_by("t", "j") && store.finds_by("t", "l") && store.finds_by("t", "j.a"));

    base.run("INSERT INTO t (owner, free) VALUES ('a', 1.0), ('b', 1.00), ('c', 1)").await;
    let mut ask = Ask::new([Value::Decimal("1.0".into())], &["free", "owner"]);
    ask.path = "free";
    let rows = all(&store, &ask).await;
    assert_eq!(column(&rows, "owner"), [&text("a")]);
}

#[tokio::test]
async fn documents_and_arrays_are_searched_and_masked_in_place() {
    let base = Base::postgres();
    base.run(
        r#"CREATE TABLE t (id int PRIMARY KEY, tags text[], doc jsonb, old json);
           INSERT INTO t VALUES
             (1, '{a,b,a}', '{"who": {"mails": ["a", "b"]}, "n": 1}', '{"p": [{"m": "a", "k": 1}, {"m": "b"}]}'),
             (2, '{b}', '{"who": {"mails": ["b"]}}', '{"p": [{"m": "b"}]}'),
             (3, NULL, '{"who": {"mails": "a"}}', '{"p": {"m": "A"}}');
           UPDATE t SET tags = '[5:7]={a,b,a}' WHERE id = 1"#,
    )
    .await;
    let store = base.open(&["t: id, tags, doc, old"]).await;
    let ask = |path: &'static str| Ask { path, ..Ask::new(["a"], &["id", "tags", "doc", "old"]) };
    for (path, ids) in [("tags", vec![1]), ("doc.who.mails", vec![1, 3]), ("old.p.m", vec![1])] {
        let rows = all(&store, &ask(path)).await;
        let mut found = column(&rows, "id");
        found.sort_unstable();
        assert_eq!(serde_json::to_value(found).unwrap(), serde_json::json!(ids), "{path}");
    }

    let by_tag = ask("tags");
    let rows = all(&store, &by_tag).await;
    let set = [
        ("tags.0", text("x")),
        ("tags.2", text("y")),
        ("doc.who.mails.0", text("z\"")),
        ("doc.n", Value::Null),
        ("old.p.0.m", Value::Null),
    ];
    base.run("UPDATE t SET doc = doc || '{\"later\": true}' WHERE id = 1").await;
    // The last `a` stands where the row was found by, until both are gone.
    assert_eq!(store.mask(&by_tag.question(), &to(&rows, &set)).await.unwrap(), 1);
    assert_eq!(
        base.run("SELECT tags, doc, old FROM t WHERE id = 1").await,
        [
            r#"[5:7]={x,b,y}	{"n": null, "who": {"mails": ["z\"", "b"]}, "later": true}	{"p": [{"k": 1, "m": null}, {"m": "b"}]}"#
        ]
    );

    // Elements that have moved since are not taken for others.
    let by_doc = ask("doc.who.mails");
    let rows = all(&store, &by_doc).await;
    base.run(r#"UPDATE t SET doc = '{"who": {"mails": ["new", "a"]}}' WHERE id = 3"#).await;
    let set = [("doc.who.mails", text("gone"))];
    assert_eq!(store.mask(&by_doc.question(), &to(&rows, &set)).await.unwrap(), 1);
    let rows = all(&store, &Ask { path: "doc.who.mails", ..Ask::new(["gone"], &["id", "doc"]) }).await;
    assert_eq!(rows.len(), 1);
}

#[tokio::test]
async fn a_slow_statement_and_a_locked_row_run_out_of_time() {
    let base = Base::postgres();
    base.run(
        "CREATE TABLE t (owner text, v int PRIMARY KEY); INSERT INTO t VALUES ('a', 1);
         CREATE VIEW slow AS SELECT owner, v, pg_sleep(60)::text AS s FROM t",
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
    let mut other = PgConnection::connect(server.url.as_deref().unwrap()).await.unwrap();
    other.execute("BEGIN; SELECT * FROM t FOR UPDATE").await.unwrap();
    let late = store.delete(&ask.question(), &rows).await.unwrap_err();
    assert_eq!(late, Fault::new("the database took too long (statement timeout)"));

    other.execute("ROLLBACK").await.unwrap();
    assert_eq!(store.delete(&ask.question(), &rows).await.unwrap(), 1);
}

#[tokio::test]
async fn whoever_reads_on_slowly_is_not_thrown_out() {
    let base = Base::postgres();
    base.run(
        "CREATE TABLE t (owner text, v int); INSERT INTO t SELECT 'a', i FROM generate_series(1, 2500) i",
    )
    .await;
    base.run("ALTER DATABASE shop SET idle_in_transaction_session_timeout = 200").await;
    let store = base.open(&["t: owner, v"]).await;
    let ask = Ask::new(["a"], &["owner"]);
    let question = ask.question();

    let mut pages = store.ask(&question);
    let mut rows = pages.try_next().await.unwrap().unwrap().rows.len();
    // Another connection is kept busy for longer than the database lets one be idle.
    base.run("SELECT pg_sleep(0.4)").await;
    while let Some(page) = pages.try_next().await.unwrap() {
        rows += page.rows.len();
    }

    assert_eq!(rows, 2500);
}

#[tokio::test]
async fn a_deadlock_is_tried_again() {
    let base = Base::postgres();
    base.run("CREATE TABLE t (owner text, v int PRIMARY KEY); INSERT INTO t VALUES ('a', 1), ('a', 2)").await;
    base.run("ALTER DATABASE shop SET deadlock_timeout = '600ms'").await;
    let store = base.open(&["t: owner, v"]).await;
    let ask = Ask::new(["a"], &["owner"]);
    let mut rows = all(&store, &ask).await;
    let mut other = PgConnection::connect(&base.server().url.unwrap()).await.unwrap();
    // The other transaction holds the second row and then wants the first one. It looks later whether
    // it waits in vain, so that it is the store that has to give way.
    other
        .execute("SET deadlock_timeout = '20s'; BEGIN; UPDATE t SET owner = owner WHERE v = 2")
        .await
        .unwrap();
    rows.sort_by(|a, b| a.key.cmp(&b.key));

    let rival = async {
        // Once the store waits for the second row, it holds the first one.
        loop {
            let waits =
                base.run("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'").await;
            if waits == ["1"] {
                break;
            }
            tokio::task::yield_now().await;
        }
        // On a very slow machine it may still be this one that gives way.
        let _ = other.execute("UPDATE t SET owner = owner WHERE v = 1").await;
        other.execute("ROLLBACK").await.unwrap();
    };
    let question = ask.question();
    let (deleted, ()) = tokio::join!(store.delete(&question, &rows), rival);

    assert_eq!(deleted.unwrap(), 2);
}

#[tokio::test]
async fn a_server_that_stops_or_refuses_is_told_in_words() {
    let mut base = Base::postgres();
    base.run(
        "CREATE TABLE t (owner text, v int); INSERT INTO t SELECT 'a', i FROM generate_series(1, 2500) i",
    )
    .await;
    let server = Server { statement_timeout: Duration::from_secs(1), ..base.server() };
    let store = base.try_open(&["t: owner, v"], &server).await.unwrap();
    let ask = Ask::new(["a"], &["owner"]);
    let question = ask.question();
    let refusal = |url: String| Server { url: Some(url), ..base.server() };
    let url = server.url.clone().unwrap();
    for (server, reason) in [
        (refusal(url.replace("/shop", "/absent")), "there is no database of this name"),
        (refusal(url.replacen(":", ":x", 2).replacen(":x//", "://", 1)), "the user or password is refused"),
    ] {
        let refused = base.try_open(&["t: owner"], &server).await.err().unwrap();
        assert_eq!(refused, format!("map.yml:2: the database cannot be read: {reason}"));
    }

    let mut pages = store.ask(&question);
    let page = pages.try_next().await.unwrap().unwrap();
    let Base::Postgres(running) = &mut base else { unreachable!() };
    running.crash();
    let broken = pages.try_next().await.err().unwrap().to_string();
    assert!(
        broken.contains("the connection to the database broke") || broken.contains("shut down"),
        "{broken}"
    );
    let gone = store.delete(&question, &page.rows).await.unwrap_err().to_string();
    assert!(gone.contains("cannot be reached") || gone.contains("broke"), "{gone}");
    let refused = base.try_open(&["t: owner"], &server).await.err().unwrap();
    assert!(refused.starts_with("map.yml:2: the database cannot be read: "), "{refused}");

    let Base::Postgres(running) = &mut base else { unreachable!() };
    running.start_again();
    drop(pages);
    assert_eq!(all(&store, &ask).await.len(), 2500);
}

#[tokio::test]
async fn tables_lie_where_the_map_says() {
    let base = Base::postgres();
    base.run(
        "CREATE SCHEMA \"Other\"; CREATE TABLE \"Other\".t (owner text, v int);
         CREATE TABLE t (owner text, v int); INSERT INTO t VALUES ('a', 1);
         INSERT INTO \"Other\".t VALUES ('a', 2)",
    )
    .await;
    let mut dataset = dataset(&["t: owner, v"]);
    dataset.namespace.insert("schema".to_owned(), "Other".to_owned());
    let mut errors = MapErrors::default();
    let at = dataset.at.clone();
    let store = Sql::postgres(&dataset, &at, &base.server(), &NoSecrets, &mut errors).await.unwrap();

    let rows = all(&store, &Ask::new(["a"], &["owner", "v"])).await;

    assert_eq!(column(&rows, "v"), [&Value::Int(2)]);
}

#[tokio::test]
async fn rows_without_a_key_are_known_by_their_version_in_partitions_too() {
    let base = Base::postgres();
    base.run(
        "CREATE TABLE t (owner text, v int) PARTITION BY LIST (v);
         CREATE TABLE t1 PARTITION OF t FOR VALUES IN (1); CREATE TABLE t2 PARTITION OF t FOR VALUES IN (2);
         INSERT INTO t VALUES ('a', 1), ('a', 2), ('b', 1), ('a', 2)",
    )
    .await;
    let store = base.open(&["t: owner, v"]).await;
    assert_eq!(store.key_names("t"), ["ctid", "xmin", "tableoid"]);
    let ask = Ask::new(["a"], &["owner", "v"]);
    let rows = all(&store, &ask).await;

    // The place of the first row is free again and taken by another one of the same person.
    base.run("DELETE FROM t WHERE v = 1 AND owner = 'a'").await;
    base.run("VACUUM t1").await;
    base.run("INSERT INTO t VALUES ('a', 1)").await;

    assert_eq!(store.delete(&ask.question(), &rows).await.unwrap(), 2);
    assert_eq!(base.run("SELECT owner, v FROM t ORDER BY owner").await, ["a\t1", "b\t1"]);
}

#[tokio::test]
async fn a_database_that_may_only_be_read_says_so() {
    let base = Base::postgres();
    base.run(
        "CREATE TABLE t (owner text, v int); INSERT INTO t VALUES ('a', 1);
         CREATE ROLE reader LOGIN PASSWORD 'secret'; GRANT SELECT ON t TO reader",
    )
    .await;
    let mut url: url::Url = base.server().url.unwrap().parse().unwrap();
    url.set_username("reader").unwrap();
    url.set_password(Some("secret")).unwrap();
    let server = Server { url: Some(url.into()), ..base.server() };
    let store = base.try_open(&["t: owner, v"], &server).await.unwrap();
    let ask = Ask::new(["a"], &["owner"]);
    let rows = all(&store, &ask).await;

    let refused = store.delete(&ask.question(), &rows).await.unwrap_err();
    assert_eq!(refused, Fault::new("the database user lacks the permission"));

    base.run("GRANT DELETE ON t TO reader; ALTER ROLE reader SET default_transaction_read_only = on").await;
    base.run(
        "CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'no: %', old.owner; END$$;
         CREATE TRIGGER x BEFORE DELETE ON t FOR EACH ROW EXECUTE FUNCTION stop()",
    )
    .await;
    let refused = store.delete(&ask.question(), &rows).await.unwrap_err();
    assert_eq!(refused, Fault::new("a trigger forbids it"));
}

/// A secret that a manager would keep.
struct Kept(&'static str, String);

#[async_trait]
impl Secrets for Kept {
    async fn secret(&self, name: &str) -> Result<crate::secrets::Secret, Fault> {
        assert_eq!(name, self.0);
        Ok(crate::secrets::Secret::new(self.1.clone()))
    }
}

#[tokio::test]
async fn the_login_may_be_a_secret() {
    let base = Base::postgres();
    base.run("CREATE TABLE t (owner text, v int)").await;
    let url: url::Url = base.server().url.unwrap().parse().unwrap();
    let document = format!(
        r#"{{"username": "{}", "password": "{}", "engine": "postgres", "host": "{}", "port": {}, "dbname": "shop"}}"#,
        url.username(),
        url.password().unwrap(),
        url.host_str().unwrap(),
        url.port().unwrap()
    );
    let mut bare = url.clone();
    bare.set_username("").unwrap();
    bare.set_password(None).unwrap();
    let dataset = dataset(&["t: owner, v"]);
    for (address, secret) in
        [(None, document.clone()), (Some(bare.to_string()), document), (None, url.to_string())]
    {
        let server = Server { url: address, secret: Some("shop/db".to_owned()), ..base.server() };
        let mut errors = MapErrors::default();
        let kept = Kept("shop/db", secret);
        let store = Sql::postgres(&dataset, &dataset.at, &server, &kept, &mut errors).await;
        assert_eq!(errors, MapErrors::default());
        assert!(store.is_some());
    }
    let server = Server { url: None, secret: Some("shop/db".to_owned()), ..base.server() };
    let mut errors = MapErrors::default();
    let kept = Kept("shop/db", "{\"user\": \"s3cret\"}".to_owned());
    assert!(Sql::postgres(&dataset, &dataset.at, &server, &kept, &mut errors).await.is_none());
    assert_eq!(errors.to_string(), "map.yml:2: the secret is neither an address nor a login");
}
