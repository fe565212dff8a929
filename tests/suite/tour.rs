//! The tour of the README, on the real program: started as a process, stopped, killed in the middle of its work.
//!
//! It runs on the Chinook sample database where that lies beside the repository, and on a music shop of the same
//! shape where it does not.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Stdio,
};

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use sqlx::{Connection as _, Row as _, SqliteConnection};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};
use uuid::Uuid;

use crate::world::{PASSWORD, Reply, send, takeout_order};

/// The program, built beside this test.
pub(crate) fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test.parent().unwrap().parent().unwrap().join("local");
    assert!(program.exists(), "build it first: cargo build --workspace --bin local");
    program
}

/// A running program.
struct Program {
    child: Child,
    facts: Value,
    http: Client,
}

impl Program {
    /// Starts it on a folder that holds `datamap.yml` and `connections.yml`, and waits until it says it is ready.
    async fn start(folder: &Path) -> Self {
        let mut child = Command::new(program())
            .args(["--port", "0", "--data"])
            .arg(folder.join("data"))
            .arg("--datamap")
            .arg(folder.join("datamap.yml"))
            .arg("--connections")
            .arg(folder.join("connections.yml"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        while lines.next_line().await.unwrap().expect("it starts") != "Lethe is ready." {}
        // Keep reading, so that the program never waits for somebody to.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let facts = std::fs::read(folder.join("data/local.json")).unwrap();
        Self { child, facts: serde_json::from_slice(&facts).unwrap(), http: Client::new() }
    }

    fn fact(&self, name: &str) -> &str {
        self.facts[name].as_str().unwrap()
    }

    fn call(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.fact("gateway")))
    }

    fn as_admin(&self, method: Method, path: &str) -> RequestBuilder {
        self.call(method, path).bearer_auth(self.fact("admin_token"))
    }

    async fn register(&self, email: &str) -> Uuid {
        let id = Uuid::new_v5(&Uuid::NAMESPACE_DNS, email.as_bytes());
        let body = json!({"identities": {"email": email}, "verified": ["email"]});
        send(self.as_admin(Method::PUT, &format!("/lethe/v1/persons/{id}")).json(&body)).await.expect(201);
        id
    }

    async fn order_takeout(&self, person: Uuid, token: &str, send_to: &str) -> String {
        let order = self
            .call(Method::POST, &format!("/user/2024-3/gdpr/{person}/takeouts"))
            .bearer_auth(token)
            .header("content-type", "application/vnd.api+json")
            .body(takeout_order(send_to).to_string());
        let reply = send(order).await.expect(200).json();
        assert_eq!(reply["data"]["attributes"]["status"], "inProgress");
        reply["data"]["id"].as_str().unwrap().to_owned()
    }

    /// Waits until all is done, and tells the program's time.
    async fn drain(&self) -> DateTime<Utc> {
        let reply = send(self.call(Method::POST, "/_local/drain")).await.expect(200).json();
        reply["now"].as_str().unwrap().parse().unwrap()
    }

    async fn advance(&self, by: TimeDelta) {
        let ask = json!({"seconds": by.num_seconds()});
        send(self.call(Method::POST, "/_local/advance").json(&ask)).await.expect(200);
    }

    /// Ends it as a power cut would.
    async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Ends it as Ctrl-C does.
    async fn stop(mut self) {
        let id = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().await.unwrap().success());
        assert!(self.child.wait().await.unwrap().success());
    }
}

/// A token from the program's own command line.
async fn token(folder: &Path, sub: Uuid, more: &[&str]) -> String {
    let output = Command::new(program())
        .args(["token", "--data"])
        .arg(folder.join("data"))
        .args(["--sub", &sub.to_string()])
        .args(more)
        .output()
        .await
        .unwrap();
    String::from_utf8(output.stdout).unwrap().lines().last().unwrap().to_owned()
}

pub(crate) const LUIS: &str = "luisg@embraer.com.br";

/// A folder with a copy of the sample database, its data map and a connections file.
pub(crate) async fn music_shop() -> TempDir {
    let folder = TempDir::new().unwrap();
    let database = folder.path().join("chinook.sqlite");
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/chinook");
    if sample.exists() {
        std::fs::write(&database, std::fs::read(sample.join("chinook.sqlite")).unwrap()).unwrap();
        std::fs::copy(sample.join("datamap.yml"), folder.path().join("datamap.yml")).unwrap();
    } else {
        let mut shop = open(&database).await;
        sqlx::raw_sql(include_str!("../fixtures/music/shop.sql")).execute(&mut shop).await.unwrap();
        std::fs::write(folder.path().join("datamap.yml"), include_str!("../fixtures/music/datamap.yml"))
            .unwrap();
    }
    let connections = "connections:\n  chinook: {kind: sqlite, path: chinook.sqlite}\n";
    std::fs::write(folder.path().join("connections.yml"), connections).unwrap();
    folder
}

pub(crate) async fn open(database: &Path) -> SqliteConnection {
    SqliteConnection::connect(&format!("sqlite://{}?mode=rwc", database.display())).await.unwrap()
}

/// Every row of every table, as text.
pub(crate) async fn all_rows(database: &Path) -> BTreeSet<String> {
    let mut shop = open(database).await;
    let tables = sqlx::query("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name");
    let tables: Vec<String> =
        tables.fetch_all(&mut shop).await.unwrap().iter().map(|row| row.get(0)).collect();
    let mut rows = BTreeSet::new();
    for table in tables {
        let columns = sqlx::query("SELECT name FROM pragma_table_info(?)").bind(&table);
        let columns = columns.fetch_all(&mut shop).await.unwrap();
        let columns: Vec<String> =
            columns.iter().map(|row| format!("quote(\"{}\")", row.get::<String, _>(0))).collect();
        let text = format!("SELECT {} FROM \"{table}\"", columns.join(" || ',' || "));
        for row in sqlx::query(sqlx::AssertSqlSafe(text)).fetch_all(&mut shop).await.unwrap() {
            rows.insert(format!("{table}: {}", row.get::<String, _>(0)));
        }
    }
    rows
}

/// Unpacks an archive with somebody else's tool; false if it does not open.
async fn unpack(tool: &str, args: &[&str], folder: &Path) -> bool {
    let mut command = Command::new(tool);
    command.args(args).current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().await.unwrap_or_else(|_| panic!("{tool} is installed by tests/run")).success()
}

/// How many records the archive holds of each collection, counted in its files.
fn counted(unpacked: &Path) -> Vec<(String, usize)> {
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(unpacked.join("manifest.json")).unwrap()).unwrap();
    let mut counts = Vec::new();
    for collection in manifest["collections"].as_array().unwrap() {
        let files = collection["files"].as_array().unwrap();
        let lines = |file: &Value| {
            let text = std::fs::read_to_string(unpacked.join(file["name"].as_str().unwrap())).unwrap();
            text.lines()
                .map(|line| serde_json::from_str::<Value>(line).unwrap())
                .filter(Value::is_object)
                .count()
        };
        if !files.is_empty() {
            counts
                .push((collection["collection"].as_str().unwrap().to_owned(), files.iter().map(lines).sum()));
        }
    }
    counts.sort();
    counts
}

#[tokio::test]
async fn the_tour_of_the_readme() {
    let folder = music_shop().await;
    let database = folder.path().join("chinook.sqlite");
    let lethe = Program::start(folder.path()).await;
    let luis = lethe.register(LUIS).await;

    // A takeout through PACE, opened with other people's tools.
    let scopes = ["--scope", "user:gdpr:create", "--scope", "user:gdpr:read", "--linked-identity", "default"];
    let own = token(folder.path(), luis, &scopes).await;
    let takeout = lethe.order_takeout(luis, &own, LUIS).await;
    lethe.drain().await;
    let list = lethe.call(Method::GET, &format!("/user/2024-3/gdpr/{luis}/takeouts")).bearer_auth(&own);
    assert_eq!(send(list).await.expect(200).json()["data"][0]["attributes"]["status"], "ready");
    let path = format!("/user/2024-3/gdpr/{luis}/takeouts/{takeout}");
    let zip = send(lethe.call(Method::GET, &path).bearer_auth(&own)).await.expect(200);
    assert_eq!(zip.header("content-type"), "application/zip");
    std::fs::write(folder.path().join("takeout.zip"), &zip.bytes).unwrap();
    let password = format!("-p{PASSWORD}");
    assert!(unpack("7z", &["x", &password, "-oseven", "takeout.zip"], folder.path()).await);
    std::fs::create_dir(folder.path().join("tar")).unwrap();
    assert!(
        unpack("bsdtar", &["-xf", "takeout.zip", "--passphrase", PASSWORD, "-C", "tar"], folder.path()).await
    );
    assert!(!unpack("7z", &["t", "-pwrong password", "takeout.zip"], folder.path()).await);
    let expected: Vec<(String, usize)> = [("Customer", 1), ("Invoice", 7), ("InvoiceLine", 38)]
        .map(|(table, rows)| (format!("chinook:{table}"), rows))
        .to_vec();
    assert_eq!(counted(&folder.path().join("seven")), expected);
    assert_eq!(counted(&folder.path().join("tar")), expected);

    // A purge through RallyHere: in six hours, called off after five, then an hour ago, which means at once.
    let before = all_rows(&database).await;
    let purge = format!("/users/v1/person/{luis}/purge");
    let queue =
        |at: DateTime<Utc>| lethe.as_admin(Method::POST, &purge).json(&json!({"suggested_purge_time": at}));
    send(queue(lethe.drain().await + TimeDelta::hours(6))).await.expect(202);
    lethe.advance(TimeDelta::hours(5)).await;
    assert_eq!(all_rows(&database).await, before);
    send(lethe.as_admin(Method::DELETE, &purge)).await.expect(204);
    send(lethe.as_admin(Method::GET, &purge)).await.expect(404);
    send(queue(lethe.drain().await - TimeDelta::hours(1))).await.expect(202);
    lethe.drain().await;
    let after = all_rows(&database).await;
    assert!(after.is_subset(&before));
    assert_eq!(before.len() - after.len(), 46);
    assert_eq!(send(lethe.as_admin(Method::GET, &purge)).await.expect(200).json()["status"], "purged");
    let (user, password) = (&lethe.facts["trivore_basic"]["user"], &lethe.facts["trivore_basic"]["password"]);
    let requests = lethe
        .call(Method::GET, &format!("/api/rest/users/{luis}/personaldatarequest"))
        .basic_auth(user.as_str().unwrap(), password.as_str());
    assert_eq!(send(requests).await.expect(200).json()[0]["requestType"], "REMOVAL");
    let mails = send(lethe.call(Method::GET, "/_local/outbox")).await.expect(200).json();
    let last = mails.as_array().unwrap().last().unwrap();
    assert_eq!((&last["to"][0], &last["subject"]), (&LUIS.into(), &"Your data has been erased".into()));

    // Consents through SlashID.
    let leonie = lethe.register("leonekohler@surfeu.de").await;
    let consents = |method: Method, query: &str| {
        let path = format!("/persons/{leonie}/consent/gdpr{query}");
        let key = lethe.fact("slashid_api_key");
        lethe.call(method, &path).header("SlashID-API-Key", key).header("SlashID-OrgID", lethe.fact("org_id"))
    };
    let time = |reply: &Reply, level: &str| {
        let consents = reply.json()["result"]["consents"].clone();
        let found =
            consents.as_array().unwrap().iter().find(|consent| consent["consent_level"] == level).cloned();
        found.map(|consent| consent["created_at"].as_str().unwrap().to_owned())
    };
    let stored =
        send(consents(Method::POST, "").json(&json!({"consent_levels": ["necessary", "analytics"]})))
            .await
            .expect(201);
    let replaced =
        send(consents(Method::PUT, "").json(&json!({"consent_levels": ["analytics", "marketing"]})))
            .await
            .expect(200);
    assert_eq!(time(&replaced, "analytics"), time(&stored, "analytics"));
    assert!(time(&replaced, "marketing") > time(&stored, "analytics"));
    assert_eq!(time(&replaced, "necessary"), None);
    send(consents(Method::DELETE, "?deleteAll=true")).await.expect(204);
    assert_eq!(send(consents(Method::GET, "")).await.expect(200).json(), json!({"result": {"consents": []}}));

    lethe.stop().await;
}

/// How many rows a person of the warehouse has.
pub(crate) const MANY: i64 = 20_000;

/// A shop in which a person has many rows, so that there is a middle to be killed in.
pub(crate) async fn warehouse() -> TempDir {
    let folder = TempDir::new().unwrap();
    let mut shop = open(&folder.path().join("shop.sqlite")).await;
    for statement in [
        "CREATE TABLE customers (id INTEGER PRIMARY KEY, email TEXT NOT NULL, name TEXT)",
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers (id), total INTEGER)",
        "CREATE INDEX orders_of ON orders (customer_id)",
        "INSERT INTO customers VALUES (1, 'much@example.com', 'Much'), (2, 'other@example.com', 'Other')",
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) \
         INSERT INTO orders (customer_id, total) SELECT 1, i FROM n",
        "INSERT INTO orders (customer_id, total) VALUES (2, 7)",
    ] {
        sqlx::query(statement).execute(&mut shop).await.unwrap();
    }
    std::fs::write(folder.path().join("datamap.yml"), include_str!("../fixtures/shop/datamap.yml")).unwrap();
    let connections = "connections:\n  shop: {kind: sqlite, path: shop.sqlite}\n";
    std::fs::write(folder.path().join("connections.yml"), connections).unwrap();
    folder
}

pub(crate) async fn orders(folder: &Path) -> i64 {
    let mut shop = open(&folder.join("shop.sqlite")).await;
    sqlx::query("SELECT count(*) FROM orders WHERE customer_id = 1")
        .fetch_one(&mut shop)
        .await
        .unwrap()
        .get(0)
}

#[tokio::test]
async fn work_that_was_killed_in_the_middle_is_finished_after_a_restart() {
    let folder = warehouse().await;
    let lethe = Program::start(folder.path()).await;
    let much = lethe.register("much@example.com").await;

    // A takeout, killed once a worker has begun and before it is whole.
    let admin = lethe.fact("admin_token").to_owned();
    let takeout = lethe.order_takeout(much, &admin, "much@example.com").await;
    let path = format!("/lethe/v1/requests/{takeout}");
    loop {
        let request = send(lethe.as_admin(Method::GET, &path)).await.expect(200).json();
        assert_eq!(request["takeout"]["state"], "in_progress", "it was whole before it could be killed");
        if request["takeout"]["attempts"] == 1 {
            break;
        }
    }
    lethe.kill().await;
    let lethe = Program::start(folder.path()).await;
    lethe.drain().await;
    let request = send(lethe.as_admin(Method::GET, &path)).await.expect(200).json();
    assert_eq!(
        (&request["takeout"]["state"], &request["takeout"]["records"]),
        (&"ready".into(), &(MANY + 1).into())
    );

    // A purge, killed once the first rows are gone and before the last.
    let purge = format!("/users/v1/person/{much}/purge");
    let an_hour_ago = json!({"suggested_purge_time": lethe.drain().await - TimeDelta::hours(1)});
    send(lethe.as_admin(Method::POST, &purge).json(&an_hour_ago)).await.expect(202);
    while orders(folder.path()).await == MANY {}
    lethe.kill().await;
    let left = orders(folder.path()).await;
    assert!((1..MANY).contains(&left), "killed with {left} rows left");
    let lethe = Program::start(folder.path()).await;
    lethe.drain().await;

    assert_eq!(orders(folder.path()).await, 0);
    assert_eq!(send(lethe.as_admin(Method::GET, &purge)).await.expect(200).json()["status"], "purged");
    let list = send(lethe.as_admin(Method::GET, "/lethe/v1/requests?kind=erasure")).await.expect(200).json();
    let stores = &list["requests"][0]["purge"]["stores"];
    let of = |collection: &str| {
        stores.as_array().unwrap().iter().find(|store| store["collection"] == collection).unwrap()
    };
    assert_eq!(
        (&of("orders")["found"], &of("orders")["erased"], &of("orders")["after"]),
        (&MANY.into(), &MANY.into(), &0.into())
    );
    let mut shop = open(&folder.path().join("shop.sqlite")).await;
    let rest: i64 = sqlx::query("SELECT count(*) FROM orders").fetch_one(&mut shop).await.unwrap().get(0);
    assert_eq!(rest, 1, "the neighbour's order is untouched");
    lethe.stop().await;
}

#[tokio::test]
async fn what_is_wrong_at_the_start_is_said() {
    let folder = music_shop().await;
    let lethe = Program::start(folder.path()).await;
    let port = lethe.fact("gateway").rsplit(':').next().unwrap().to_owned();
    let refused = async |args: &[&str], expected: &[&str]| {
        let output = Command::new(program()).args(args).current_dir(folder.path()).output().await.unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success());
        for part in expected {
            assert!(text.contains(part), "{args:?}: {text}");
        }
    };

    refused(&["--port", "0", "--data", "data"], &["data", "in use"]).await;
    refused(&["--port", &port, "--data", "other"], &["port", &port]).await;
    std::fs::write(folder.path().join("bad.yml"), "dataset:\n  - fides_key: 'a b'\n    collections: []\n")
        .unwrap();
    refused(&["--port", "0", "--data", "other", "--datamap", "bad.yml"], &["bad.yml:2:"]).await;
    std::fs::write(folder.path().join("badc.yml"), "connections:\n  chinook:\n    kind: floppy\n").unwrap();
    let args = ["--port", "0", "--data", "other", "--datamap", "datamap.yml", "--connections", "badc.yml"];
    refused(&args, &["badc.yml:3:"]).await;
    refused(&["--port", "0", "--data", "other", "--datamap", "datamap.yml"], &["chinook"]).await;
    refused(&["token", "--data", "nowhere", "--sub", "x"], &["nowhere"]).await;

    lethe.stop().await;
}
