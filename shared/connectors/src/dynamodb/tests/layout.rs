//! Several collections in one table, indexes of every kind, and values below maps, lists and sets.

use aws_sdk_dynamodb::types::ScalarAttributeType::S;

use super::*;

const APP: &str = "
dataset:
- fides_key: app
  fides_meta: {namespace: {table: app}}
  collections:
  - name: users
    fides_meta: {namespace: {pk: 'USER#{user_id}', sk: PROFILE, GSI1PK: 'EMAIL#{email}'}}
    fields:
    - {name: user_id, fides_meta: {primary_key: true}}
    - {name: email, fides_meta: {identity: email}}
    - {name: name}
  - name: orders
    fides_meta: {namespace: {pk: 'USER#{user_id}', sk: 'ORDER#{order_id}'}}
    fields:
    - name: user_id
      fides_meta: {references: [{dataset: app, field: users.user_id, direction: from}]}
    - {name: order_id}
    - {name: total}
  - name: parts
    fides_meta: {namespace: {pk: 'ORDER#{order_id}', sk: 'PART#'}}
    fields:
    - name: order_id
      fides_meta: {references: [{dataset: app, field: orders.order_id, direction: from}]}
    - {name: sk}
";

const CONNECTIONS: &str = "connections:\n  app: {kind: dynamodb}\n";

fn keyed<const N: usize>(pk: &str, sk: &str, fields: [(&str, AttributeValue); N]) -> Item {
    let mut item = item(fields);
    item.extend([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))]);
    item
}

/// User 7 with 3 orders of 2 parts, and everybody who looks like that.
async fn app() -> (Client, Engine) {
    let client = embedded().await;
    let indexes = Indexes { global: &[&["GSI1PK"]], ..Indexes::default() };
    table(&client, "app", &[("pk", S), ("sk", S)], indexes).await;
    let user = |id: &str, email: &str| {
        let fields = [("GSI1PK", text(&format!("EMAIL#{email}"))), ("user_id", text("not this one"))];
        keyed(&format!("USER#{id}"), "PROFILE", fields)
    };
    let mut all = vec![user("7", "ada@example.org")];
    let order = |all: &mut Vec<Item>, user: &str, order: &str| {
        all.push(keyed(&format!("USER#{user}"), &format!("ORDER#{order}"), [("total", number(1))]));
        all.extend(["1", "2"].map(|part| keyed(&format!("ORDER#{order}"), &format!("PART#{part}"), [])));
    };
    for id in ["o1", "o2", "o3"] {
        order(&mut all, "7", id);
    }
    let strange = [
        "70",
        "07",
        " 7",
        "7 ",
        "7#",
        "7#ORDER#o1",
        "#7",
        "",
        "77",
        "USER#7",
        "seven",
        "7\u{0}",
        "%",
        "7%",
        "٧",
    ];
    let many: Vec<String> = (100..140).map(|id: usize| id.to_string()).collect();
    for (i, id) in strange.into_iter().chain(many.iter().map(String::as_str)).enumerate() {
        order(&mut all, id, &format!("o1{i}"));
        all.push(user(id, &format!("ada@example.org{i}")));
    }
    // In her own partitions, but of kinds that the map does not name.
    all.push(keyed("USER#7", "ORDER#o1#NOTE#1", [("total", number(1))]));
    all.push(keyed("USER#7", "SESSION#1", []));
    all.push(keyed("ORDER#o1", "INVOICE", []));
    put(&client, "app", all).await;
    let engine = engine(&client, APP, CONNECTIONS).await;
    (client, engine)
}

#[tokio::test]
async fn collections_of_one_table_are_told_apart_by_their_keys() {
    let (client, engine) = app().await;
    let mut sink = Recorder::default();

    let counts = engine.read(&person("email", "ada@example.org"), &mut sink).await.unwrap();

    assert_eq!(numbers(&counts), [("users", 1), ("orders", 3), ("parts", 6)]);
    // What stands in the key counts, not an attribute of that name.
    assert_eq!(sink.rows[0].1, serde_json::json!({"user_id": "7", "email": "ada@example.org"}));
    assert_eq!(sink.rows[1].1, serde_json::json!({"user_id": "7", "order_id": "o1", "total": 1}));
    assert_eq!(sink.rows[4].1, serde_json::json!({"order_id": "o1", "sk": "PART#1"}));
    let store = store(&client, APP).await;
    let (rows, read_units) = Asked::new("orders", "user_id", &["7"], &["user_id"]).of(&store).await.unwrap();
    assert_eq!(rows.len(), 3);
    assert!(read_units <= 1.0, "{read_units} for one small partition");
}

#[tokio::test]
async fn erasing_a_person_leaves_all_others_of_the_table_byte_for_byte() {
    let (client, engine) = app().await;
    let mut expected = items(&client, "app").await;
    let before = expected.len();
    let is_hers = |item: &String| {
        let own = |kind: &str| item.contains(&format!(r#""pk": S("USER#7"), "sk": S("{kind}")"#));
        let part = |order: &str| item.contains(&format!(r#""pk": S("ORDER#{order}"), "sk": S("PART#"#));
        ["PROFILE", "ORDER#o1", "ORDER#o2", "ORDER#o3"].into_iter().any(own)
            || ["o1", "o2", "o3"].into_iter().any(part)
    };
    expected.retain(|item| !is_hers(item));
    assert_eq!(before - expected.len(), 10);

    let erasure = engine.wipe(&person("email", "ada@example.org"), &mut Steps::default()).await.unwrap();

    assert!(erasure.complete());
    assert_eq!(effects(&erasure), [("users", 1, 1, 0), ("orders", 3, 3, 0), ("parts", 6, 6, 0)]);
    assert_eq!(items(&client, "app").await, expected);
}

#[tokio::test]
async fn a_value_with_a_delimiter_in_it_reaches_nobody() {
    let (client, _) = app().await;
    let store = store(&client, APP).await;

    for value in ["7#", "7#ORDER#o1", "#", ""] {
        let asked = Asked::new("orders", "user_id", &["8", value], &["user_id"]);
        let refused = asked.of(&store).await.err();
        let reason = "an identity value that could reach other people's items";
        assert_eq!(refused, Some(Fault::new(reason)), "{value}");
    }
}

#[tokio::test]
async fn patterns_that_do_not_fit_the_table_are_refused_at_open() {
    let client = embedded().await;
    let indexes = Indexes { global: &[&["GSI1PK"]], ..Indexes::default() };
    table(&client, "app", &[("pk", S), ("sk", S)], indexes).await;
    let of = async |from: &str, to: &str| refused(&client, &APP.replacen(from, to, 1)).await;

    assert_eq!(of("GSI1PK:", "GSI2PK:").await, "map.yml:6: the table `app` has no key attribute `GSI2PK`");
    assert_eq!(
        of("'USER#{user_id}'", "'USER{user_id}'").await,
        "map.yml:6: the key pattern `USER{user_id}` needs a delimiter such as `#` between its fields and \
         the text beside them"
    );
    assert_eq!(
        of("'USER#{user_id}'", "'USER#'").await,
        "map.yml:6: the key pattern `USER#` is only a beginning, which no hash key can be asked for"
    );
    assert_eq!(
        of("sk: PROFILE", "index: by-name").await,
        "map.yml:6: the table `app` has no index `by-name` to be read"
    );
    assert_eq!(
        of("{namespace: {pk: 'ORDER#{order_id}', sk: 'PART#'}}", "{}").await,
        "map.yml:19: the table `app` holds several collections, so each needs a pattern of its keys, such as \
         `sk: \"ORDER#\"`"
    );
    let numbers = embedded().await;
    table(&numbers, "app", &[("pk", ScalarAttributeType::N)], Indexes::default()).await;
    let map = APP.replace("sk: PROFILE, GSI1PK: 'EMAIL#{email}'", "delimiter: '#'");
    let reason = "map.yml:6: the key attribute `pk` holds no text, so it can have no pattern";
    assert_eq!(refused(&numbers, &map).await.lines().next(), Some(reason));
}

const PEOPLE: &str = "
dataset:
- fides_key: hr
  collections:
  - name: people
    fides_meta: {namespace: {pk: 'ORG#1', delimiter: '#'}}
    fields:
    - {name: email, fides_meta: {identity: email}}
    - {name: badge, fides_meta: {identity: badge}}
    - {name: team, fides_meta: {identity: team}}
    - {name: note}
";

/// 200 people of one organisation, with a kilobyte each; every second one has no date.
async fn people(map: &str) -> DynamoDb {
    let client = embedded().await;
    let indexes = Indexes { global: &[&["badge"], &["team", "date"]], local: &[["pk", "email"]] };
    table(&client, "people", &[("pk", S), ("sk", S)], indexes).await;
    let people = (0..200).map(|i| {
        let sk = format!("P{i}");
        let mut person = keyed("ORG#1", &sk, [("note", text(&"x".repeat(1_000))), ("team", text("t-1"))]);
        person.insert("email".to_owned(), text(&format!("{i}@example.org")));
        if i % 2 == 0 {
            person.insert("date".to_owned(), text("2026-01-01"));
        }
        if i % 50 == 0 {
            person.insert("badge".to_owned(), text("b-1"));
        }
        person
    });
    put(&client, "people", people.collect()).await;
    store(&client, map).await
}

#[tokio::test]
async fn local_and_sparse_indexes_spare_the_scan() {
    let store = people(PEOPLE).await;
    let want = ["email", "badge", "note"];

    let (rows, read_units) =
        Asked::new("people", "email", &["7@example.org"], &want).of(&store).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert!(read_units <= 2.0, "{read_units} by the local index");
    assert!(rows[0].row.get("note").is_some());

    let (rows, read_units) = Asked::new("people", "badge", &["b-1", "b-2"], &want).of(&store).await.unwrap();
    assert_eq!(rows.len(), 4);
    assert!(read_units <= 8.0, "{read_units} by the global index");
}

#[tokio::test]
async fn an_index_that_can_lack_items_is_used_only_if_the_map_says_so() {
    let team = Asked::new("people", "team", &["t-1"], &["team"]);
    let some = people(&PEOPLE.replace("delimiter: '#'", "delimiter: '#', index: by-team-date")).await;

    assert_eq!(team.of(&people(PEOPLE).await).await.unwrap().0.len(), 200);
    assert_eq!(team.of(&some).await.unwrap().0.len(), 100);
}

#[tokio::test]
async fn values_are_found_below_maps_lists_and_sets() {
    let client = embedded().await;
    table(&client, "things", &[("id", S)], Indexes::default()).await;
    let map = |fields: Item| AttributeValue::M(fields);
    let list = |values: Vec<AttributeValue>| AttributeValue::L(values);
    let set = |values: &[&str]| AttributeValue::Ss(values.iter().map(|value| (*value).to_owned()).collect());
    let mail = |address: &str| map(item([("mail", text(address))]));
    let things = [
        ("plain", mail("a@x")),
        ("list", map(item([("mail", list(vec![text("b@x"), text("a@x")]))]))),
        ("set", map(item([("mail", set(&["b@x", "a@x"]))]))),
        ("maps", list(vec![mail("b@x"), mail("a@x")])),
        // And what only looks like it.
        ("longer", mail("a@xy")),
        ("longer-in-set", map(item([("mail", set(&["a@xy"]))]))),
        ("other-maps", list(vec![mail("A@x"), mail("aa@x")])),
        ("deeper", map(item([("mail", mail("a@x"))]))),
        ("text", text("a@x")),
        ("number", map(item([("mail", number(1))]))),
    ];
    let all = things.map(|(id, value)| item([("id", text(id)), ("size", value)]));
    put(&client, "things", all.to_vec()).await;
    // `size` is a reserved word.
    let store = store(
        &client,
        "
dataset:
- fides_key: app
  collections:
  - name: things
    fields:
    - {name: id}
    - {name: size, fields: [{name: mail, fides_meta: {identity: email}}]}
",
    )
    .await;

    let asked = Asked::new("things", "size.mail", &["a@x"], &["size"]);
    let (rows, _) = asked.of(&store).await.unwrap();
    let mut ids: Vec<String> = rows.iter().map(|row| serde_json::to_string(&row.key).unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, [r#"["list"]"#, r#"["maps"]"#, r#"["plain"]"#, r#"["set"]"#]);

    // The element that the list item was found by is no longer where it was.
    let moved = item([("id", text("maps")), ("size", list(vec![mail("a@x"), mail("b@x")]))]);
    put(&client, "things", vec![moved]).await;
    assert_eq!(store.delete(&asked.question(), &rows).await.unwrap(), 3);
    assert_eq!(asked.of(&store).await.unwrap().0.len(), 1);
}
