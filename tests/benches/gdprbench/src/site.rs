//! A stack with a company's store, records in both, and somebody who calls it.

use std::{
    collections::BTreeSet,
    io::{self, IsTerminal as _, Write as _},
    path::PathBuf,
};

use chrono::{DateTime, Utc};
use domain::{
    audit::{Segment, Verifier},
    certificate::KeyRing,
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use local::{Identity, Meter, Options, Stack, VirtualClock};
use reqwest::{Client, Method};
use runtime::{Clients, Log};
use serde_json::{Value, json};
use sqlx::{QueryBuilder, SqlitePool, sqlite::SqliteConnectOptions};
use tempfile::TempDir;

use crate::{
    Failure,
    dice::Dice,
    oracle::{COLUMNS, FRAUD, Fate, PURPOSES, Record, SCORING},
};

/// How many persons are registered by one call: few, as without optimisation more take longer than a gateway waits.
const BULK: usize = 50;
/// How many calls are under way while records are loaded.
const AT_ONCE: usize = 8;

/// Where persons are erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workers {
    /// In the stack itself.
    Within,
    /// In a process beside it.
    Beside,
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON, if the status is this one.
    ///
    /// # Errors
    /// If it is not.
    pub fn json(self, status: u16) -> Result<Value, Failure> {
        self.expect(status)?;
        Ok(if self.body.is_empty() { Value::Null } else { serde_json::from_slice(&self.body)? })
    }

    /// Nothing, if the status is this one.
    ///
    /// # Errors
    /// If it is not.
    pub fn expect(&self, status: u16) -> Result<(), Failure> {
        if self.status == status {
            return Ok(());
        }
        Err(format!("{} instead of {status}: {}", self.status, String::from_utf8_lossy(&self.body)).into())
    }
}

/// Complains if an answer is not what the oracle says.
pub(crate) fn same<T: PartialEq<U> + std::fmt::Debug, U: std::fmt::Debug>(
    what: &str,
    told: &T,
    known: &U,
) -> Result<(), Failure> {
    if told == known { Ok(()) } else { Err(format!("{what}: {told:?} instead of {known:?}").into()) }
}

/// Somebody who calls, with the credentials for every dialect.
#[derive(Clone, Debug)]
pub struct Caller {
    http: Client,
    gateway: String,
    admin: String,
    api_key: String,
    org: String,
}

impl Caller {
    /// The same caller at another gateway.
    #[must_use]
    pub fn at(&self, gateway: &str) -> Self {
        Self { gateway: gateway.to_owned(), ..self.clone() }
    }

    /// Makes a call.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, Failure> {
        let call = self.http.request(method, format!("{}{path}", self.gateway));
        // That dialect takes nothing but an API key.
        let call = if path.ends_with("/consent/gdpr") {
            call.header("SlashID-API-Key", &self.api_key).header("SlashID-OrgID", &self.org)
        } else {
            call.bearer_auth(&self.admin)
        };
        let call = match body {
            Some(body) => call.json(body),
            None => call,
        };
        read(call).await
    }

    /// Reads something.
    ///
    /// # Errors
    /// When there is no answer, or not the status 200.
    pub async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.call(Method::GET, path, None).await?.json(200)
    }
}

async fn read(call: reqwest::RequestBuilder) -> Result<Answer, Failure> {
    let answer = call.send().await?;
    let status = answer.status().as_u16();
    Ok(Answer { status, body: answer.bytes().await?.to_vec() })
}

/// A stack, the company's store, and what is known of both.
pub struct Site {
    /// The stack.
    pub stack: Stack,
    /// Who calls it.
    pub caller: Caller,
    /// The company's store.
    pub company: SqlitePool,
    /// The data map's one collection, as the API names it.
    pub(crate) entry: String,
    /// All records that there ever were.
    pub records: Vec<Record>,
    /// Those that are there, by their numbers.
    pub living: Vec<usize>,
    /// Those that were erased.
    pub erased: Vec<usize>,
    /// How many records are copies, of which nobody asks.
    pub(crate) copies: usize,
    /// How many entries the log of the audit is known to have.
    pub(crate) log: u64,
    // The folder of the company's store.
    _folder: TempDir,
}

/// Says how far something is, on a terminal.
pub fn progress(what: &str, done: usize, of: usize) {
    if io::stderr().is_terminal() {
        // Whether somebody sees this changes nothing.
        let _ = write!(io::stderr(), "\r\x1b[2K{what}: {done} of {of}");
        if done == of {
            let _ = write!(io::stderr(), "\r\x1b[2K");
        }
    }
}

/// The company's store in a folder: its data map and connections file.
async fn company(folder: &TempDir) -> Result<(SqlitePool, PathBuf, PathBuf), Failure> {
    let database = folder.path().join("company.sqlite");
    let options = SqliteConnectOptions::new().filename(&database).create_if_missing(true);
    let pool = SqlitePool::connect_with(options).await?;
    let table = "CREATE TABLE records (id TEXT PRIMARY KEY, email TEXT NOT NULL UNIQUE, data TEXT NOT NULL, \
                 source TEXT NOT NULL, category TEXT NOT NULL)";
    sqlx::query(table).execute(&pool).await?;
    let (map, connections) = (folder.path().join("datamap.yml"), folder.path().join("connections.yml"));
    std::fs::write(&map, include_str!("datamap.yml"))?;
    std::fs::write(&connections, "connections:\n  company: {kind: sqlite, path: company.sqlite}\n")?;
    Ok((pool, map, connections))
}

impl Site {
    /// A stack with `count` records, of which the operations choose among the first `asked`; the others are copies.
    ///
    /// # Errors
    /// When it does not start, or refuses them.
    pub async fn load(
        asked: usize,
        count: usize,
        seed: u64,
        workers: Workers,
        meter: Option<Meter>,
    ) -> Result<Self, Failure> {
        let mut site = Self::start(workers, meter).await?;
        let mut dice = Dice::new(seed);
        for from in (0..asked).step_by(BULK) {
            progress("records loaded", from, asked);
            site.add(BULK.min(asked - from), &mut dice).await?;
            site.note().await?;
        }
        progress("records loaded", asked, asked);
        if asked < count {
            site.copy(count, &mut dice).await?;
        }
        let package = site.caller.get(&mydata(&site.records[0])).await?;
        site.entry =
            package["dataEntries"][0]["dataId"].as_str().ok_or("no collection in the data map")?.to_owned();
        Ok(site)
    }

    async fn start(workers: Workers, meter: Option<Meter>) -> Result<Self, Failure> {
        let folder = TempDir::new()?;
        let (company, map, connections) = company(&folder).await?;
        let identity = Identity::generate()?;
        let mut tenant = identity.tenant();
        let purposes = PURPOSES.iter().map(|purpose| {
            let mut settings = json!({"basis": purpose.basis});
            if let Some(level) = purpose.level {
                settings["consent"] = json!(level);
            }
            (purpose.name.to_owned(), settings)
        });
        tenant.purposes = serde_json::from_value(purposes.collect())?;
        let https = || Clients::https(None);
        let stack = Stack::start(Options {
            data: None,
            port: 0,
            datamaps: vec![map],
            connections: Some(connections),
            secrets: Default::default(),
            demo: false,
            // Time goes by, so that what the clock calls is called as often as it would be.
            clock: VirtualClock::of_folder(folder.path())?,
            identity,
            tenants: Some(vec![tenant]),
            issuers: Vec::new(),
            scanner: None,
            log: Log::new(|_| {}),
            http: meter.map_or_else(https, |meter| meter.over(https())),
            elsewhere: None,
            works: workers == Workers::Within,
        })
        .await?;
        let caller = Caller {
            http: Client::new(),
            gateway: stack.gateway.clone(),
            admin: stack.identity.admin_token(stack.clock.now())?,
            api_key: stack.identity.slashid_api_key(),
            org: stack.identity.org_id.to_string(),
        };
        Ok(Self {
            stack,
            caller,
            company,
            entry: String::new(),
            records: Vec::new(),
            living: Vec::new(),
            erased: Vec::new(),
            copies: 0,
            log: 0,
            _folder: folder,
        })
    }

    /// The time at the stack.
    pub fn now(&self) -> DateTime<Utc> {
        self.stack.clock.now()
    }

    /// Adds records: rows of the company, persons, and what is known of some of them.
    async fn add(&mut self, count: usize, dice: &mut Dice) -> Result<(), Failure> {
        let first = self.records.len();
        let mut new: Vec<Record> = (first..first + count).map(|number| Record::new(number, dice)).collect();
        self.insert_rows(&new).await?;
        let lines: String = new
            .iter()
            .map(|record| {
                let mut line = record.person();
                line["person_id"] = json!(record.id);
                format!("{line}\n")
            })
            .collect();
        let call = self.caller.http.post(format!("{}/lethe/v1/persons/bulk", self.caller.gateway));
        let answer = read(call.bearer_auth(&self.caller.admin).body(lines)).await?;
        answer.expect(200)?;
        for line in answer.body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let line: Value = serde_json::from_slice(line)?;
            same("a person of many", &line["status"], &201)?;
        }
        let caller = &self.caller;
        let mut persons = Vec::new();
        for record in &mut new {
            record.allow(levels(dice));
            let consents = json!({"consent_levels": record.levels});
            let mut calls = vec![(Method::POST, consents_of(record), Some(consents))];
            for (purpose, percent) in [(FRAUD, 10), (SCORING, 5)] {
                if dice.happens(percent) {
                    record.objections.insert(purpose.name);
                    calls.push((Method::PUT, objection(record, purpose.name), None));
                }
            }
            if dice.happens(3) {
                record.restricted = true;
                calls.push((Method::POST, restrictions(record), Some(restriction())));
            }
            persons.push(calls);
        }
        // What is said of one person comes one after the other, or one of two would be refused.
        stream::iter(persons)
            .map(|calls| async move {
                for (method, path, body) in calls {
                    caller.call(method, &path, body.as_ref()).await?.expect(201)?;
                }
                Ok::<_, Failure>(())
            })
            .buffer_unordered(AT_ONCE)
            .try_collect::<()>()
            .await?;
        for record in new.iter_mut().filter(|_| dice.happens(4)) {
            record.hold = Some(self.retain(record).await?);
        }
        self.living.extend(first..first + count);
        self.records.append(&mut new);
        Ok(())
    }

    /// Puts rows into the company's store.
    pub(crate) async fn insert_rows(&self, records: &[Record]) -> Result<(), Failure> {
        let mut insert = QueryBuilder::new(format!("INSERT INTO records ({}) ", COLUMNS.join(", ")));
        insert.push_values(records, |mut row, record| {
            for value in record.row() {
                row.push_bind(value);
            }
        });
        insert.build().execute(&self.company).await?;
        Ok(())
    }

    /// How many rows of this address the company's store has.
    pub(crate) async fn rows_of(&self, email: &str) -> Result<i64, Failure> {
        let count = "SELECT count(*) FROM records WHERE email = ?";
        Ok(sqlx::query_scalar(count).bind(email).fetch_one(&self.company).await?)
    }

    /// Sets a retention on a record and gives its id.
    pub(crate) async fn retain(&self, record: &Record) -> Result<String, Failure> {
        let until = (self.now() + chrono::TimeDelta::days(365)).date_naive();
        let body = json!({
            "kind": "retention",
            "ground": "§ 147 AO",
            "owner": "Accounting",
            "reason": "invoices",
            "until": until,
            "scope": {"person_id": record.id},
        });
        let hold = self.caller.call(Method::POST, "/lethe/v1/holds", Some(&body)).await?.json(201)?;
        Ok(hold["id"].as_str().ok_or("a hold without an id")?.to_owned())
    }

    /// Has the log of the audit note what it has not noted yet, and learns how long it is.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn note(&mut self) -> Result<(), Failure> {
        self.stack.tick("note-changes").await;
        loop {
            let page = self.caller.get(&format!("/lethe/v1/audit?from={}", self.log)).await?;
            let Some(next) = page["next"].as_u64() else { return Ok(()) };
            self.log = next;
        }
    }

    /// The public keys of what the tenant signs.
    pub(crate) async fn keys(&self) -> Result<KeyRing, Failure> {
        let answer =
            self.caller.call(Method::GET, &format!("/lethe/v1/keys/{}", self.caller.org), None).await?;
        answer.expect(200)?;
        Ok(KeyRing::read(&String::from_utf8(answer.body)?)?)
    }

    /// Compares everything at the end: rows of the company, fates, and the whole log of the audit, which is
    /// verified and has each consent that was ever stored.
    ///
    /// # Errors
    /// What is not as the oracle says.
    pub async fn settle(&mut self) -> Result<(), Failure> {
        self.stack.drain().await;
        self.note().await?;
        let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM records").fetch_one(&self.company).await?;
        let kept = self.records.iter().filter(|record| record.fate != Fate::Erased).count();
        same("rows of the company", &rows, &i64::try_from(kept + self.copies)?)?;
        same("records that are there", &self.living.len(), &kept)?;

        let keys = self.keys().await?;
        let mut verifier = Verifier::new(self.stack.identity.org_id, &keys, &[])?;
        let (mut from, mut stored) = (0, BTreeSet::new());
        while from < self.log {
            let segment = self.segment(from).await?;
            verifier.take(&segment)?;
            from = segment.edge().size();
            let consents = segment.entries.iter().filter(|entry| entry.record.starts_with("C#"));
            stored.extend(consents.map(|entry| (entry.subject.to_string(), entry.record.clone())));
        }
        same("entries verified", &verifier.end()?.entries, &self.log)?;
        let versions: usize = self.records.iter().map(|record| record.versions).sum();
        same("consents in the log", &stored.len(), &versions)
    }

    /// The segment of the log with this entry.
    pub(crate) async fn segment(&self, from: u64) -> Result<Segment, Failure> {
        let mut page = self.caller.get(&format!("/lethe/v1/audit?from={from}")).await?;
        Ok(serde_json::from_value(page["segment"].take())?)
    }
}

/// Any set of consents but none.
pub(crate) fn levels(dice: &mut Dice) -> BTreeSet<&'static str> {
    let optional = ["analytics", "marketing", "tracking"].into_iter().filter(|_| dice.happens(50));
    std::iter::once("necessary").chain(optional).collect()
}

pub(crate) fn restriction() -> Value {
    json!({"type": "account_lockout", "reason": "accuracy contested"})
}

pub(crate) fn person(of: &Record) -> String {
    format!("/lethe/v1/persons/{}", of.id)
}

pub(crate) fn objection(of: &Record, purpose: &str) -> String {
    format!("{}/objections/{purpose}", person(of))
}

pub(crate) fn consents_of(of: &Record) -> String {
    format!("/persons/{}/consent/gdpr", of.id)
}

pub(crate) fn purge(of: &Record) -> String {
    format!("/users/v1/person/{}/purge", of.id)
}

pub(crate) fn restrictions(of: &Record) -> String {
    format!("/users/v1/person/{}/restrictions", of.id)
}

pub(crate) fn mydata(of: &Record) -> String {
    format!("/api/rest/v1/user/{}/mydata", of.id)
}
