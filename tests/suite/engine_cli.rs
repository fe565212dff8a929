//! `cargo local engine` as a process: what it prints, with which code it ends, and that it says nothing of whom.

use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use local::{Identity, Options, Stack, VirtualClock};
use runtime::{Clients, Log};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::tour::{MANY, all_rows, open, orders, program, warehouse};

const LUIS: &str = "email=luisg@embraer.com.br";
const LEONIE: &str = "email=leonekohler@surfeu.de";

/// A music shop and its newsletter, in a file each.
struct Shop(TempDir);

/// What a run left behind.
#[derive(Debug)]
struct Run {
    code: i32,
    out: String,
    err: String,
}

impl Shop {
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("music.yml", include_str!("../fixtures/music/datamap.yml"));
        write("newsletter.yml", include_str!("../fixtures/newsletter/datamap.yml"));
        write(
            "connections.yml",
            "connections:\n  chinook: {kind: sqlite, path: chinook.sqlite}\n  \
             newsletter: {kind: sqlite, path: newsletter.sqlite}\n",
        );
        let shop = Self(folder);
        sqlx::raw_sql(include_str!("../fixtures/music/shop.sql"))
            .execute(&mut open(&shop.music()).await)
            .await
            .unwrap();
        sqlx::raw_sql(
            "CREATE TABLE subscribers (id INTEGER PRIMARY KEY, email TEXT, topic TEXT);
             INSERT INTO subscribers VALUES (1, 'luisg@embraer.com.br', 'jazz'), (2, 'x@example.com', 'rock');",
        )
        .execute(&mut open(&shop.newsletter()).await)
        .await
        .unwrap();
        shop
    }

    fn music(&self) -> PathBuf {
        self.0.path().join("chinook.sqlite")
    }

    fn newsletter(&self) -> PathBuf {
        self.0.path().join("newsletter.sqlite")
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.path().join(name), text).unwrap();
    }

    /// Every row of both files.
    async fn rows(&self) -> BTreeSet<String> {
        let mut rows = all_rows(&self.music()).await;
        rows.extend(all_rows(&self.newsletter()).await);
        rows
    }

    fn command(&self, verb: &str, more: &[&str]) -> Command {
        engine(self.0.path(), verb, &["--datamap", "music.yml", "newsletter.yml"], more)
    }

    fn run(&self, verb: &str, more: &[&str]) -> Run {
        finish(self.command(verb, more))
    }

    /// Runs for Luis, with JSON.
    fn luis(&self, verb: &str, more: &[&str]) -> Run {
        self.run(verb, &[&["--identity", LUIS, "--json"], more].concat())
    }
}

fn engine(folder: &Path, verb: &str, map: &[&str], more: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.args(["engine", verb]).args(map).args(["--connections", "connections.yml"]).args(more);
    command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn finish(mut command: Command) -> Run {
    let output = command.output().unwrap();
    Run {
        code: output.status.code().expect("it ends by itself"),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Run {
    /// The JSON that was printed by a run that ended with `code`.
    #[track_caller]
    fn json(&self, code: i32) -> Value {
        assert_eq!(self.code, code, "{}", self.err);
        serde_json::from_str(&self.out).unwrap()
    }

    /// Checks that it was refused for this reason.
    #[track_caller]
    fn refused(&self, reason: &str) {
        assert_eq!(self.code, 2, "{self:?}");
        assert!(self.err.contains(reason), "`{reason}` is missing in: {}", self.err);
        assert_eq!(self.out, "");
        for value in ["luisg", "embraer"] {
            assert!(!self.err.contains(value), "it names the person: {}", self.err);
        }
    }
}

/// Counts of one collection after an erasure.
fn effect(found: u64, erased: u64, masked: u64, kept: u64) -> Value {
    json!({"found": found, "erased": erased, "masked": masked, "kept": kept, "after": 0})
}

#[tokio::test]
async fn an_access_prints_the_rows_of_each_collection() {
    let shop = Shop::new().await;

    let run = shop.luis("access", &[]);
    let rows = run.json(0);

    assert_eq!(run.err, "");
    let collections: BTreeSet<_> = rows.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        collections,
        ["chinook:Customer", "chinook:Invoice", "chinook:InvoiceLine", "newsletter:subscribers"].into()
    );
    assert_eq!(
        rows["chinook:Customer"],
        json!([{"CustomerId": 1, "FirstName": "Luis", "Email": "luisg@embraer.com.br"}])
    );
    assert_eq!(
        rows["newsletter:subscribers"],
        json!([{"id": 1, "email": "luisg@embraer.com.br", "topic": "jazz"}])
    );
    assert_eq!(rows["chinook:Invoice"].as_array().unwrap().len(), 7);
    assert_eq!(rows["chinook:InvoiceLine"].as_array().unwrap().len(), 38);

    // Leonie has no newsletter, and nobody has nothing.
    let rows = shop.run("access", &["--identity", LEONIE, "--json"]).json(0);
    assert_eq!(rows.as_object().unwrap().len(), 3);
    assert_eq!(shop.run("access", &["--identity", "email=nobody@example.com", "--json"]).json(0), json!({}));
}

#[tokio::test]
async fn an_access_of_categories_prints_these_alone() {
    let shop = Shop::new().await;

    assert_eq!(
        shop.luis("access", &["--target", "user.name"]).json(0),
        json!({"chinook:Customer": [{"FirstName": "Luis"}]})
    );
    assert_eq!(
        shop.luis("access", &["--target", "user.name", "--target", "user.contact"]).json(0),
        json!({
            "chinook:Customer": [{"FirstName": "Luis", "Email": "luisg@embraer.com.br"}],
            "newsletter:subscribers": [{"email": "luisg@embraer.com.br"}],
        })
    );
    assert_eq!(shop.luis("access", &["--target", "user.financial"]).json(0), json!({}));
}

#[tokio::test]
async fn without_json_it_is_for_people() {
    let shop = Shop::new().await;

    let access = shop.run("access", &["--identity", LUIS]);
    assert_eq!(access.code, 0, "{}", access.err);
    assert!(access.out.contains("chinook:Customer\n  CustomerId: 1, FirstName: \"Luis\", Email: "));
    assert!(access.out.contains("\n47 rows in 4 collections\n"), "{}", access.out);
    let plan = shop.run("plan", &["--identity", LUIS]);
    assert_eq!(plan.code, 0, "{}", plan.err);
    assert!(plan.out.starts_with("plan "), "{}", plan.out);
    assert!(plan.out.contains("delete"), "{}", plan.out);
    let erased = shop.run("erase", &["--identity", LUIS, "--yes"]);
    assert_eq!(erased.code, 0, "{}", erased.err);
    let line = erased.out.lines().find(|line| line.starts_with("chinook:InvoiceLine")).unwrap();
    assert_eq!(line.split_whitespace().skip(1).collect::<Vec<_>>(), ["38", "38", "0", "0", "0"]);
}

#[tokio::test]
async fn an_erasure_prints_its_counts_and_touches_nobody_else() {
    let shop = Shop::new().await;
    let before = shop.rows().await;

    let erased = shop.luis("erase", &[]).json(0);

    let of = |counts: [u64; 4]| {
        let [customers, invoices, lines, subscribers] = counts.map(|count| effect(count, count, 0, 0));
        json!({
            "chinook:Customer": customers,
            "chinook:Invoice": invoices,
            "chinook:InvoiceLine": lines,
            "newsletter:subscribers": subscribers,
        })
    };
    assert_eq!(erased, of([1, 7, 38, 1]));
    let after = shop.rows().await;
    assert!(after.is_subset(&before));
    assert_eq!(before.len() - after.len(), 47);
    assert_eq!(shop.luis("access", &[]).json(0), json!({}));
    assert_eq!(shop.luis("erase", &[]).json(0), of([0, 0, 0, 0]));
}

#[tokio::test]
async fn a_strategy_masks_the_categories_and_keeps_the_rows() {
    let shop = Shop::new().await;
    let before = shop.rows().await;

    let masked = shop.luis(
        "erase",
        &[
            "--target",
            "user.name",
            "--strategy",
            "string_rewrite",
            "--config",
            r#"{"rewrite_value": "MASKED"}"#,
        ],
    );

    let masked = masked.json(0);
    assert_eq!(masked["chinook:Customer"], effect(1, 0, 1, 0));
    assert_eq!(masked["chinook:Invoice"], effect(7, 0, 0, 7));
    assert_eq!(masked["newsletter:subscribers"], effect(1, 0, 0, 1));
    let after = shop.rows().await;
    let changed: Vec<_> = after.difference(&before).collect();
    assert_eq!(changed, ["Customer: 1,'MASKED','luisg@embraer.com.br'"]);
    assert_eq!(after.len(), before.len());
}

#[tokio::test]
async fn a_policy_decides_what_is_shown_and_what_is_masked() {
    let shop = Shop::new().await;
    shop.write(
        "policies.yml",
        "policies:\n  \
         - {key: names, rules: [{action: access, targets: [user.name]}]}\n  \
         - key: hashed\n    rules:\n      \
         - {action: erasure, targets: [user.name], masking_strategy: {strategy: hash}}\n",
    );
    shop.write("one.json", r#"{"key": "bad", "rules": [{"action": "access", "targets": ["user.pigeon"]}]}"#);
    let with = |verb: &str, key: &str| shop.luis(verb, &["--policy", "policies.yml", "--policy-key", key]);

    assert_eq!(with("access", "names").json(0), json!({"chinook:Customer": [{"FirstName": "Luis"}]}));
    let plan = with("plan", "hashed").json(0);
    assert_eq!(plan["policy"], "hashed");
    assert_eq!(with("erase", "hashed").json(0)["chinook:Customer"], effect(1, 0, 1, 0));
    with("access", "hashed").refused("the policy `hashed` shows nothing");
    with("erase", "names").refused("the policy `names` erases nothing");
    with("erase", "other").refused("expected one of: `names`, `hashed`");
    shop.luis("erase", &["--policy", "policies.yml"]).refused("--policy-key");
    shop.luis("access", &["--policy", "one.json"]).refused("unknown data category `user.pigeon`");
    shop.luis("access", &["--policy", "none.yml"]).refused("none.yml: ");
    shop.luis("access", &["--policy", "music.yml"]).refused("music.yml: ");
    shop.luis("access", &["--policy", "one.json", "--target", "user.name"]).refused("cannot be used with");
}

#[tokio::test]
async fn a_plan_changes_nothing_and_can_be_confirmed_as_long_as_it_is_true() {
    let shop = Shop::new().await;
    let before = shop.rows().await;

    let plan = shop.luis("plan", &[]).json(0);
    assert_eq!(plan, shop.luis("plan", &[]).json(0));
    assert_eq!(shop.rows().await, before);
    let affected: u64 =
        plan["collections"].as_array().unwrap().iter().map(|it| it["affected"].as_u64().unwrap()).sum();
    assert_eq!(affected, 47);
    let sha256 = plan["sha256"].as_str().unwrap();

    sqlx::query("INSERT INTO Invoice VALUES (99, 1, 3)")
        .execute(&mut open(&shop.music()).await)
        .await
        .unwrap();
    let drifted = shop.rows().await;
    shop.luis("erase", &["--plan", sha256]).refused("not the plan that was confirmed");
    assert_eq!(shop.rows().await, drifted);
    let plan = shop.luis("plan", &[]).json(0);
    let run = shop.run("erase", &["--identity", LUIS, "--plan", plan["sha256"].as_str().unwrap()]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(shop.rows().await.len(), drifted.len() - 48);
}

#[tokio::test]
async fn what_is_wrong_is_refused_with_its_reason_and_nothing_changes() {
    let shop = Shop::new().await;
    let before = shop.rows().await;
    shop.write("bad.yml", "dataset:\n  - name: Shop\n");
    shop.write("column.yml", &include_str!("../fixtures/music/datamap.yml").replace("FirstName", "Nickname"));
    shop.write("floppy.yml", "connections:\n  chinook:\n    kind: floppy\n");
    shop.write("lost.yml", "connections: {chinook: {kind: sqlite, path: lost.sqlite}}\n");
    shop.write("alone.yml", "connections: {chinook: {kind: sqlite, path: chinook.sqlite}}\n");
    let on = |map: &str, connections: &str| {
        let mut command = Command::new(program());
        command.args(["engine", "erase", "--json", "--identity", LUIS, "--datamap", map]);
        command.args(["--connections", connections]).current_dir(shop.0.path());
        finish(command)
    };

    on("bad.yml", "alone.yml").refused("bad.yml:2: a dataset has no fides_key");
    on("none.yml", "alone.yml").refused("none.yml: ");
    on("music.yml", "none.yml").refused("none.yml: ");
    on("music.yml", "floppy.yml").refused("floppy.yml:3: unknown kind `floppy`");
    on("music.yml", "connections.yml").refused("the connection `newsletter` belongs to no dataset");
    on("newsletter.yml", "alone.yml").refused("the dataset `newsletter` has no connection");
    on("music.yml", "lost.yml").refused("there is no file");
    on("column.yml", "alone.yml").refused("Nickname");

    for verb in ["access", "plan", "erase"] {
        let who = |identity: &str| shop.run(verb, &["--json", "--identity", identity]);
        who("luisg@embraer.com.br").refused("identity 1 is not written as NAME=VALUE");
        who("email=").refused("identity 1 is not written as NAME=VALUE");
        who("luisg@embraer.com.br=email").refused("identity 1 is not written as NAME=VALUE");
        who("phone=luisg").refused("which asks for: email");
        shop.luis(verb, &["--identity", "email=luisg"]).refused("the identity `email` is given twice");
        shop.luis(verb, &["luisg@embraer.com.br"]).refused("unexpected argument");
        shop.luis(verb, &["--yes=luisg"]).refused("--yes");
        shop.luis(verb, &["--json=luisg"]).refused("--json");
        shop.luis(verb, &["--luisg@embraer"]).refused("unexpected argument");
        shop.luis(verb, &["--policy-key", "x"]).refused("--policy <FILE>");
        shop.run(verb, &["--json"]).refused("--identity <NAME=VALUE>");
    }
    shop.run("luisg@embraer.com.br", &[]).refused("unrecognized subcommand");
    finish({
        let mut command = Command::new(program());
        command.args(["engine", "access", "--json", "luisg@embraer.com.br"]);
        command
    })
    .refused("unexpected argument");

    shop.luis("access", &["--target", "user.pigeon"]).refused("unknown data category `user.pigeon`");
    shop.luis("access", &["--strategy", "hash"]).refused("--strategy");
    for verb in ["plan", "erase"] {
        let masked = |strategy: &[&str]| shop.luis(verb, &[&["--target", "user.name"], strategy].concat());
        masked(&[]).refused("--strategy <NAME>");
        masked(&["--strategy", "shred"]).refused("unknown masking strategy `shred`");
        masked(&["--strategy", "string_rewrite"]).refused("string_rewrite has no rewrite_value");
        masked(&["--strategy", "string_rewrite", "--config", "{"]).refused("--config: ");
        masked(&["--strategy", "hash", "--config", r#"{"algorithm": "MD5"}"#]).refused("SHA-256 or SHA-512");
        shop.luis(verb, &["--strategy", "hash"]).refused("--target <CATEGORY>");
        shop.luis(verb, &["--target", "user.pigeon", "--strategy", "hash"])
            .refused("unknown data category `user.pigeon`");
    }
    shop.run("erase", &["--identity", LUIS]).refused("confirm with --yes");
    assert_eq!(shop.rows().await, before);
}

#[tokio::test]
async fn an_identity_that_leads_nowhere_is_pointed_out_beside_one_that_does() {
    let shop = Shop::new().await;

    let run = shop.luis("access", &["--identity", "phone=5550100"]);

    assert_eq!(run.json(0).as_object().unwrap().len(), 4);
    assert_eq!(run.err, "nothing in the data map is found by the identity `phone`\n");
}

#[tokio::test]
async fn a_store_that_is_down_leaves_the_rest_done_in_part() {
    let shop = Shop::new().await;
    let away = shop.0.path().join("away.sqlite");
    std::fs::rename(shop.newsletter(), &away).unwrap();

    let plan = shop.luis("plan", &[]);
    let collections = plan.json(3)["collections"].clone();
    let of = |name: &str| {
        collections.as_array().unwrap().iter().find(|it| it["collection"] == name).unwrap().clone()
    };
    assert!(of("subscribers")["error"].is_string());
    assert_eq!(of("Invoice")["affected"], 7);

    let access = shop.luis("access", &[]);
    assert!(access.json(3).is_object());
    assert!(access.err.contains("newsletter:subscribers: "), "{}", access.err);

    let erase = shop.luis("erase", &[]);
    let erased = erase.json(3);
    assert_eq!(erased["chinook:InvoiceLine"], effect(38, 38, 0, 0));
    assert_eq!(erased["chinook:Customer"], effect(1, 1, 0, 0));
    assert_eq!(erased["newsletter:subscribers"]["after"], Value::Null);
    assert!(erase.err.starts_with("newsletter:subscribers: "), "{}", erase.err);
    for run in [&plan, &access, &erase] {
        assert!(!run.err.contains("luisg"), "{}", run.err);
    }

    std::fs::rename(&away, shop.newsletter()).unwrap();
    assert_eq!(shop.luis("erase", &[]).json(0)["newsletter:subscribers"], effect(1, 1, 0, 0));
}

/// Runs on the warehouse, of which one person has many rows.
fn in_warehouse(folder: &Path, verb: &str) -> Command {
    let who = ["--identity", "email=much@example.com", "--json"];
    engine(folder, verb, &["--datamap", "datamap.yml"], &who)
}

#[tokio::test]
async fn a_reader_who_leaves_ends_it_quietly() {
    let folder = warehouse().await;

    let mut child = in_warehouse(folder.path(), "access").spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let output = child.wait_with_output().unwrap();

    assert_eq!(line, "{\"shop:customers\": [\n");
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert_eq!(output.status.code(), Some(3));
}

#[tokio::test]
async fn a_full_disk_is_not_taken_for_the_end() {
    let folder = warehouse().await;

    let mut command = in_warehouse(folder.path(), "access");
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = command.stdout(full).output().unwrap();

    let reason = String::from_utf8(output.stderr).unwrap();
    assert!(reason.starts_with("the result could not be written: "), "{reason}");
    assert_eq!(output.status.code(), Some(3));
}

#[tokio::test]
async fn an_erasure_that_is_interrupted_tells_how_far_it_came_and_goes_on() {
    let folder = warehouse().await;

    let child = in_warehouse(folder.path(), "erase").spawn().unwrap();
    while orders(folder.path()).await == MANY {}
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();

    assert_eq!(output.status.code(), Some(3));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let left = orders(folder.path()).await;
    assert!(left > 0, "it was done before it could be interrupted");
    assert_eq!(told["shop:orders"]["erased"], MANY - left);
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "the erasure was stopped before its end\n");

    let rest = finish(in_warehouse(folder.path(), "erase")).json(0);
    assert_eq!(rest["shop:orders"]["erased"], left);
    assert_eq!(orders(folder.path()).await, 0);
}

#[tokio::test]
async fn services_are_found_as_the_environment_says() {
    let folder = TempDir::new().unwrap();
    let stack = Stack::start(Options {
        data: Some(folder.path().to_owned()),
        port: 0,
        datamaps: Vec::new(),
        connections: None,
        secrets: Default::default(),
        demo: true,
        clock: VirtualClock::of_folder(folder.path()).unwrap(),
        identity: Identity::of_folder(folder.path()).unwrap(),
        tenants: None,
        issuers: Vec::new(),
        scanner: None,
        log: Log::new(|_| {}),
        http: Clients::https(None),
        works: true,
        elsewhere: None,
    })
    .await
    .unwrap();
    let demo = folder.path().join("demo");
    let command = |more: &[&str]| {
        let who =
            ["--identity", "external_id=c-1003", "--identity", "email=bruno.costa@example.com", "--json"];
        let mut command = engine(&demo, "access", &["--datamap", "datamap.yml"], &[&who, more].concat());
        command
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", &stack.identity.access_key_id)
            .env("AWS_SECRET_ACCESS_KEY", &stack.identity.secret_access_key)
            .env("AWS_ENDPOINT_URL_DYNAMODB", &stack.endpoints.dynamodb)
            .env("AWS_ENDPOINT_URL_S3", &stack.endpoints.s3);
        command
    };

    let whole = command(&[]);
    let rows = tokio::task::spawn_blocking(|| finish(whole)).await.unwrap().json(0);
    assert_eq!(rows["uploads:files"].as_array().unwrap().len(), 3);
    let mut down = command(&[]);
    down.env("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1");
    let run = tokio::task::spawn_blocking(|| finish(down)).await.unwrap();
    assert!(run.json(3)["shop:customers"].is_array());
    assert!(run.err.contains("uploads:files: "), "{}", run.err);

    stack.stop().await;
}
