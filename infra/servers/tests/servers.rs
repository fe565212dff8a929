//! Both products, from the outside.

#![allow(clippy::unwrap_used, missing_docs)]

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
};

use servers::{MariaDb, Postgres, Server};

const NOTE: &str =
    "CREATE TABLE note (id int PRIMARY KEY, text varchar(20)); INSERT INTO note VALUES (1, 'Grüße 🌊');";

fn runs(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

/// Waits until everything that belongs to a server has ended: whatever lives holds its log.
fn wait_for_the_end(log: &Path) {
    File::open(log).unwrap().lock().unwrap();
}

fn keeps_what_it_is_told(server: &Server) {
    server.create_database("shop");
    server.sql("shop", NOTE);

    assert_eq!(server.sql("shop", "SELECT id, text, char_length(text) FROM note;"), "1\tGrüße 🌊\t7\n");
    assert!(server.cpu_seconds() > 0.0);
}

#[test]
fn postgres_keeps_what_it_is_told() {
    keeps_what_it_is_told(&Postgres::start());
}

#[test]
fn mariadb_keeps_what_it_is_told() {
    keeps_what_it_is_told(&MariaDb::start());
}

#[test]
fn postgres_is_in_utf_8_and_sorts_by_code_point() {
    let server = Postgres::start();

    let settings = server.sql(
        "postgres",
        "SELECT current_setting('server_encoding'), datcollate, current_setting('timezone')
         FROM pg_database WHERE datname = 'postgres';",
    );

    assert_eq!(settings, "UTF8\tC.UTF-8\tUTC\n");
}

#[test]
fn mariadb_is_in_utf_8() {
    let server = MariaDb::start();
    server.create_database("shop");

    let settings = server.sql("shop", "SELECT @@character_set_database, @@default_storage_engine;");

    assert_eq!(settings, "utf8mb4\tInnoDB\n");
}

fn are_strangers(one: &Server, other: &Server) {
    one.create_database("shop");
    one.sql("shop", NOTE);
    other.create_database("shop");

    assert_ne!(one.url("shop"), other.url("shop"));
    assert_ne!(one.data_dir(), other.data_dir());
    other.sql("shop", NOTE);
}

#[test]
fn two_servers_of_postgres_are_strangers() {
    are_strangers(&Postgres::start(), &Postgres::start());
}

#[test]
fn two_servers_of_mariadb_are_strangers() {
    are_strangers(&MariaDb::start(), &MariaDb::start());
}

#[test]
fn many_start_at_once() {
    let urls: Vec<String> = thread::scope(|scope| {
        let starts: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let (postgres, mariadb) = (Postgres::start(), MariaDb::start());
                    [postgres.url("shop"), mariadb.url("shop")]
                })
            })
            .collect();
        starts.into_iter().flat_map(|start| start.join().unwrap()).collect()
    });

    assert_eq!(urls.len(), 8);
}

/// The URL leads to the server by TCP, with its own password and no other.
#[test]
fn the_password_of_postgres_is_asked_for() {
    let server = Postgres::start();
    let ask = |url: &str| {
        Command::new("psql").args(["-X", "-w", "-c", "SELECT 1", url]).output().unwrap().status.success()
    };

    assert!(ask(&server.url("postgres")));
    assert!(!ask(&with_another_password(&server.url("postgres"))));
}

#[test]
fn the_password_of_mariadb_is_asked_for() {
    let server = MariaDb::start();
    let ask = |url: &str| {
        let (password, port) = password_and_port(url);
        Command::new("mariadb")
            .args(["--no-defaults", "--host=127.0.0.1", "--user=lethe", "--execute=SELECT 1"])
            .args([format!("--password={password}"), format!("--port={port}")])
            .output()
            .unwrap()
            .status
            .success()
    };

    assert!(ask(&server.url("mysql")));
    assert!(!ask(&with_another_password(&server.url("mysql"))));
}

fn password_and_port(url: &str) -> (&str, &str) {
    let (_owner, rest) = url.split_once("lethe:").unwrap();
    let (password, rest) = rest.split_once("@127.0.0.1:").unwrap();
    (password, rest.split_once('/').unwrap().0)
}

fn with_another_password(url: &str) -> String {
    url.replace(password_and_port(url).0, "wrong")
}

fn survives(server: &mut Server, end: fn(&mut Server)) {
    server.create_database("shop");
    server.sql("shop", NOTE);
    let (url, pid) = (server.url("shop"), server.pid());

    end(server);
    assert!(!runs(pid));
    server.start_again();

    assert_eq!(server.url("shop"), url);
    assert_eq!(server.sql("shop", "SELECT count(*) FROM note;"), "1\n");
}

#[test]
fn postgres_can_be_stopped_and_started_again() {
    survives(&mut Postgres::start(), Server::stop);
}

#[test]
fn mariadb_can_be_stopped_and_started_again() {
    survives(&mut MariaDb::start(), Server::stop);
}

#[test]
fn what_was_committed_survives_a_crash_of_postgres() {
    survives(&mut Postgres::start(), Server::crash);
}

#[test]
fn what_was_committed_survives_a_crash_of_mariadb() {
    survives(&mut MariaDb::start(), Server::crash);
}

#[test]
fn the_work_of_connections_that_ended_is_counted() {
    let server = Postgres::start();
    let before = server.cpu_seconds();

    server.sql("postgres", "SELECT sum(sqrt(n)) FROM generate_series(1, 500000) AS n;");

    assert!(server.cpu_seconds() > before + 0.02);
}

fn is_gone(pid: u32, data: PathBuf, log: PathBuf) {
    wait_for_the_end(&log);
    assert!(!runs(pid));
    assert!(!data.exists());
}

#[test]
fn a_dropped_postgres_is_gone() {
    let server = Postgres::start();
    let (pid, data, log) = (server.pid(), server.data_dir(), server.log_file());
    drop(server);
    is_gone(pid, data, log);
}

#[test]
fn a_dropped_mariadb_is_gone() {
    let server = MariaDb::start();
    let (pid, data, log) = (server.pid(), server.data_dir(), server.log_file());
    drop(server);
    is_gone(pid, data, log);
}

/// Another process with a server, and the server's id and log.
fn elsewhere(product: &str) -> (Child, u32, PathBuf) {
    let mut holder = Command::new(env!("CARGO_BIN_EXE_servers"))
        .arg(product)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(holder.stdout.take().unwrap()).lines();
    let said: Vec<String> = lines.take(3).map(Result::unwrap).collect();
    (holder, said[1].parse().unwrap(), PathBuf::from(&said[2]))
}

fn does_not_outlive_its_process(product: &str) {
    let (mut holder, pid, log) = elsewhere(product);
    assert!(runs(pid));

    holder.kill().unwrap();
    holder.wait().unwrap();

    wait_for_the_end(&log);
    assert!(!runs(pid));
    // Its folder may be left, but nothing of any size.
    let data = log.with_file_name("data");
    assert!(data.read_dir().is_ok_and(|mut files| files.next().is_none()) || !data.exists());
}

#[test]
fn postgres_does_not_outlive_its_process() {
    does_not_outlive_its_process("postgres");
}

#[test]
fn mariadb_does_not_outlive_its_process() {
    does_not_outlive_its_process("mariadb");
}

#[test]
fn a_server_ends_with_the_thread_s_value_not_with_the_thread() {
    let server = thread::spawn(Postgres::start).join().unwrap();

    assert_eq!(server.sql("postgres", "SELECT 1;"), "1\n");
}

#[test]
fn a_refused_statement_is_told_with_the_product_s_own_words() {
    let server = Postgres::start();

    let said = panics(|| drop(server.sql("postgres", "SELECT * FROM nothing;")));

    assert!(said.contains("relation \"nothing\" does not exist"), "{said}");
}

#[test]
fn a_name_that_needs_quoting_is_refused() {
    let server = Postgres::start();

    let said = panics(|| server.create_database("shop; DROP DATABASE postgres"));

    assert!(said.contains("a database is named"), "{said}");
}

#[test]
fn a_failed_start_is_told_with_the_log() {
    let mut server = Postgres::start();
    server.stop();
    fs::remove_file(server.data_dir().join("PG_VERSION")).unwrap();

    let said = panics(|| server.start_again());

    assert!(said.contains("PostgreSQL did not start") && said.contains("PG_VERSION"), "{said}");
    assert!(server.data_dir().exists());
}

/// What a panic says.
fn panics(act: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(act)).unwrap_err();
    panic.downcast_ref::<String>().unwrap().clone()
}

#[test]
fn the_log_is_at_hand() {
    let server = MariaDb::start();

    assert!(fs::read_to_string(server.log_file()).unwrap().contains("ready for connections"));
}
