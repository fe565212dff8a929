//! What Lethe costs: each operation is carried out on the embedded services with a [`Meter`] in between, and
//! what it used is multiplied by the price list of [`domain::price`].

use std::fmt::Write as _;

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use bytes::Bytes;
use chrono::TimeDelta;
use clap::Args;
use domain::{
    OrgId, PersonKey, RequestId, Timestamp, price,
    purge::Purge,
    request::{Door, Kind, Work},
    tenant::Tenant,
};
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use runtime::{Clients, Log};
use serde_json::{Value, json};
use store::keys;

use crate::{
    Bill, Identity, Meter, Model, Options, Stack, VirtualClock, meter::PARTITION_READS, provision,
    stack::TABLE,
};

/// How many of each operation a month has.
#[derive(Args)]
pub struct Traffic {
    /// Consents stored in a month
    #[arg(long, default_value_t = 1_000_000)]
    consents: u64,
    /// Consents read in a month
    #[arg(long, default_value_t = 10_000_000)]
    reads: u64,
    /// Requests that people deal with, in a month
    #[arg(long, default_value_t = 1_000)]
    requests: u64,
    /// Takeouts in a month
    #[arg(long, default_value_t = 1_000)]
    takeouts: u64,
    /// Purges in a month
    #[arg(long, default_value_t = 1_000)]
    purges: u64,
    /// Measure instead how so many purges are handed out that fall due in the same minute
    #[arg(long)]
    rush: Option<u64>,
}

/// What one operation uses.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// What it is.
    pub name: &'static str,
    /// What it uses of the services.
    pub bill: Bill,
    /// Requests to the gateway.
    pub calls: f64,
    /// Calls of functions, and how many milliseconds they take together.
    pub functions: (f64, f64),
}

/// The memory of a function that answers calls, in GB.
const MEMORY: f64 = 0.128;
/// The longest line that a function logs, in bytes.
const LOG_LINE: f64 = 200.0;

impl Operation {
    /// The price in US dollars.
    #[must_use]
    pub fn usd(&self) -> f64 {
        let Self { bill, calls, functions: (runs, millis), .. } = *self;
        let services = bill.wru * price::WRITE_UNIT
            + bill.rru * price::READ_UNIT
            + bill.sqs() * price::SQS
            + bill.s3_puts * price::S3_PUT
            + bill.s3_gets * price::S3_GET
            + bill.kms * price::KMS
            + bill.mails * price::MAIL;
        let lambda = runs * (price::LAMBDA_CALL + LOG_LINE * price::LOG_BYTE)
            + millis / 1000.0 * MEMORY * price::LAMBDA_GB_SECOND;
        services + lambda + calls * price::GATEWAY
    }
}

/// Why nothing could be measured.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct PriceError(String);

fn failed(error: impl std::fmt::Display) -> PriceError {
    PriceError(error.to_string())
}

/// How often each operation is carried out.
const PERSONS: usize = 20;

/// A stack with a meter, and somebody who calls it.
struct Desk {
    stack: Stack,
    meter: Meter,
    http: Client<HttpConnector, Full<Bytes>>,
    admin: String,
}

impl Desk {
    async fn open() -> Result<Self, PriceError> {
        let meter = Meter::default();
        let start: chrono::DateTime<chrono::Utc> = chrono::DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        let stack = Stack::start(Options {
            data: None,
            port: 0,
            datamaps: Vec::new(),
            connections: None,
            secrets: Default::default(),
            demo: false,
            clock: VirtualClock::standing_at(start),
            identity: Identity::generate().map_err(failed)?,
            tenants: None,
            issuers: Vec::new(),
            scanner: None,
            log: Log::new(|_| {}),
            http: meter.over(Clients::https(None)),
            works: true,
            elsewhere: None,
        })
        .await
        .map_err(failed)?;
        let admin = stack.identity.admin_token(stack.clock.now() + TimeDelta::days(30)).map_err(failed)?;
        let http = Client::builder(TokioExecutor::new()).build_http();
        Ok(Self { stack, meter, http, admin })
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> Result<Value, PriceError> {
        let identity = &self.stack.identity;
        let is_pace = path.contains("/takeouts");
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.stack.gateway))
            .header("content-type", if is_pace { "application/vnd.api+json" } else { "application/json" });
        let request = if path.starts_with("/persons/") {
            request
                .header("SlashID-API-Key", identity.slashid_api_key())
                .header("SlashID-OrgID", identity.org_id.to_string())
        } else {
            request.header("authorization", format!("Bearer {}", self.admin))
        };
        let body = if body.is_null() { Full::default() } else { Full::from(body.to_string()) };
        let answer = self.http.request(request.body(body).map_err(failed)?).await.map_err(failed)?;
        let status = answer.status();
        let body = answer.into_body().collect().await.map_err(failed)?.to_bytes();
        if !status.is_success() {
            return Err(PriceError(format!("{path}: {status} {}", String::from_utf8_lossy(&body))));
        }
        Ok(serde_json::from_slice(&body).unwrap_or_default())
    }

    /// What one of several calls uses, the first of which is not counted: it fills caches.
    async fn each(
        &self,
        method: Method,
        path: impl Fn(&str) -> String,
        body: impl Fn(&str) -> Value,
    ) -> Result<Bill, PriceError> {
        for number in 0..=PERSONS {
            let person = person(number);
            if number == 1 {
                let _ = self.meter.take();
            }
            self.call(method.clone(), &path(&person), body(&person)).await?;
        }
        Ok(self.meter.take() / PERSONS as f64)
    }

    /// Makes everybody known, and what that uses.
    async fn register(&self) -> Result<Bill, PriceError> {
        self.each(
            Method::PUT,
            |person| format!("/lethe/v1/persons/{person}"),
            |person| json!({"identities": {"customer_id": person}, "verified": ["customer_id"]}),
        )
        .await
    }

    /// Waits until nothing more happens, and counts from there.
    async fn settle(&self) -> Bill {
        self.stack.drain().await;
        self.meter.take()
    }
}

/// The id of a person, different in every digit that matters to a partition.
fn person(number: usize) -> String {
    uuid::Uuid::from_u128(0x5eed_0000_0000_4000_8000_0000_0000_0000 + number as u128).to_string()
}

/// What was measured.
#[derive(Debug)]
pub struct Measured {
    /// Each operation.
    pub operations: Vec<Operation>,
    /// Each scheduled worker when there is nothing to do, and how often it runs in a month.
    pub ticks: Vec<(Operation, f64)>,
}

impl Measured {
    /// The operation of this name.
    #[must_use]
    pub fn of(&self, name: &str) -> Option<&Operation> {
        self.operations.iter().find(|operation| operation.name == name)
    }
}

/// Minutes of a month.
const MONTH: f64 = 30.0 * 24.0 * 60.0;

/// Carries out each operation and tells what one of it uses.
///
/// # Errors
/// When the stack does not start, or refuses a call.
pub async fn measure() -> Result<Measured, PriceError> {
    let desk = Desk::open().await?;
    let unscheduled = desk.stack.runner.without_schedule().await;
    let mut ticks = Vec::new();
    for (worker, minutes) in desk.stack.runner.scheduled() {
        desk.settle().await;
        desk.stack.runner.tick(worker).await;
        let bill = desk.meter.take();
        let tick = Operation { name: worker.spec.name, bill, calls: 0.0, functions: (1.0, 10.0) };
        ticks.push((tick, MONTH / f64::from(minutes)));
    }

    let mut operations = Vec::new();
    let paused = desk.stack.runner.pause().await;
    let call = |name, bill| Operation { name, bill, calls: 1.0, functions: (1.0, 7.0) };
    let registered = desk.register().await?;
    operations.push(call("register a person", registered));
    desk.register().await?;
    let consents = |person: &str| format!("/persons/{person}/consent/gdpr");
    let body = |_: &str| json!({"consent_levels": ["analytics", "marketing"]});
    // The first version of all, then the one that is measured.
    desk.each(Method::POST, consents, body).await?;
    operations.push(call("store consents", desk.each(Method::POST, consents, body).await?));
    operations.push(call("read consents", desk.each(Method::GET, consents, |_| Value::Null).await?));
    let processing = |person: &str| format!("/lethe/v1/persons/{person}/processing?purpose=marketing");
    operations.push(call("may it be processed", desk.each(Method::GET, processing, |_| Value::Null).await?));
    let request = |person: &str| format!("/api/rest/users/{person}/personaldatarequest");
    let asked = |_: &str| json!({"requestType": "CORRECTION", "requestRemarks": "My address is wrong."});
    operations.push(call("make a request", desk.each(Method::POST, request, asked).await?));
    let takeouts = |person: &str| format!("/user/2024-3/gdpr/{person}/takeouts");
    let order = |_: &str| {
        let attributes = json!({"password": "correct horse battery", "sentTo": "somebody@example.com"});
        json!({"data": {"type": "GDPRTakeout", "attributes": attributes}})
    };
    operations.push(call("order a takeout", desk.each(Method::POST, takeouts, order).await?));
    let purge = |person: &str| format!("/users/v1/person/{person}/purge");
    operations.push(call("queue a purge", desk.each(Method::POST, purge, |_| json!({})).await?));

    drop(paused);
    let work = |name, bill: Bill| Operation {
        name,
        bill: bill / (PERSONS + 1) as f64,
        calls: 0.0,
        functions: (1.0, 100.0),
    };
    operations.push(work("build a takeout", desk.settle().await));
    desk.stack.clock.advance(TimeDelta::days(31)).map_err(failed)?;
    desk.stack.tick("run-due-purges").await;
    operations.push(work("carry out a purge", desk.settle().await));
    drop(unscheduled);
    desk.stack.stop().await;
    Ok(Measured { operations, ticks })
}

/// Has `count` purges fall due at the same minute and hands them to the workers: what that uses, and how long
/// it would take.
///
/// # Errors
/// When the stack does not start, or the ledger does not take them.
pub async fn rush(count: u64) -> Result<(Bill, Model), PriceError> {
    let desk = Desk::open().await?;
    let (org, now) = (desk.stack.identity.org_id, desk.stack.clock.now());
    let (paused, unscheduled) = (desk.stack.runner.pause().await, desk.stack.runner.without_schedule().await);
    let table = desk.stack.app.clients().dynamodb();
    for first in (0..count).step_by(25) {
        let puts = (first..count.min(first + 25)).map(|number| waiting(org, number, now));
        let puts: Vec<WriteRequest> = puts.collect::<Result<_, _>>()?;
        table.batch_write_item().request_items(TABLE, puts).send().await.map_err(failed)?;
        if first % 10_000 == 0 {
            eprint!("\r{first} of {count} purges ");
        }
    }
    eprintln!();
    let _ = desk.meter.take_all();
    desk.stack.tick("run-due-purges").await;
    let used = desk.meter.take_all();
    drop((paused, unscheduled));
    Ok(used)
}

/// What `rounds` of consents of everybody use, and what it adds to that to note them in the log of the audit.
///
/// # Errors
/// When the stack does not start, or refuses a call.
pub async fn evidence(rounds: usize) -> Result<(Bill, Bill), PriceError> {
    let desk = Desk::open().await?;
    let unscheduled = desk.stack.runner.without_schedule().await;
    desk.register().await?;
    let consents = |person: &str| format!("/persons/{person}/consent/gdpr");
    let body = |_: &str| json!({"consent_levels": ["analytics", "marketing"]});
    // A worker that has noted something knows where the log ends.
    desk.each(Method::POST, consents, body).await?;
    desk.stack.tick("note-changes").await;
    desk.settle().await;
    for number in (0..PERSONS).cycle().take(rounds * PERSONS) {
        desk.call(Method::POST, &consents(&person(number)), body("")).await?;
    }
    let written = desk.settle().await;
    desk.stack.tick("note-changes").await;
    let noted = desk.meter.take();
    drop(unscheduled);
    Ok((written, noted))
}

/// A purge that is due, as far as the index of what is due knows of it.
fn waiting(org: OrgId, number: u64, now: Timestamp) -> Result<WriteRequest, PriceError> {
    let mut key = [0; PersonKey::BYTES];
    key[..8].copy_from_slice(&number.to_be_bytes());
    let person = PersonKey(key);
    let purge = Purge::queue(Some(now), &Tenant::new(org), now);
    let id = RequestId::of(person, number);
    let person_id = person.to_string().parse().map_err(failed)?;
    let request = domain::request::Request::new(id, person, person_id, Kind::Erasure, Door::Native, now)
        .with_work(Work::Purge(purge), now);
    let at = keys::request(org, &request);
    let due = keys::in_due(&request).ok_or_else(|| failed("a purge that is due must be found"))?;
    let text = |value: String| AttributeValue::S(value);
    let put = PutRequest::builder()
        .item("pk", text(at.pk))
        .item("sk", text(at.sk))
        .item("due_pk", text(due.pk))
        .item("due_sk", text(due.sk))
        .build()
        .map_err(failed)?;
    Ok(WriteRequest::builder().put_request(put).build())
}

/// What costs money while nobody calls, by the month, with what of it AWS gives every account for nothing.
struct Idle {
    what: String,
    usd: f64,
    free: f64,
}

/// How many resources of a type the template has.
fn resources(kind: &str) -> f64 {
    provision::BASE.lines().filter(|line| line.trim() == format!("Type: {kind}")).count() as f64
}

#[expect(clippy::cast_precision_loss, reason = "a template has few resources")]
fn idle(measured: &Measured) -> Vec<Idle> {
    let count = |what: &str, number: f64, each: f64, free: f64| Idle {
        what: format!("{number} {what}"),
        usd: number * each,
        free: number.min(free) * each,
    };
    // A queue that calls a function is asked by five pollers, each of which waits for twenty seconds.
    let polls = runtime::queues::Queue::ALL.len() as f64 * 5.0 * 3.0 * MONTH;
    let mut items = vec![
        count("KMS keys", resources("AWS::KMS::Key"), price::KMS_KEY, 0.0),
        count("alarms", resources("AWS::CloudWatch::Alarm"), price::ALARM, 10.0),
        count("dashboards", resources("AWS::CloudWatch::Dashboard"), price::DASHBOARD, 3.0),
        count("requests of Lambda to empty queues", polls, price::SQS, 1e6),
    ];
    items.extend(measured.ticks.iter().map(|(tick, times)| {
        count(&format!("runs of {}", tick.name), *times, tick.usd() + price::SCHEDULE, 0.0)
    }));
    items
}

/// The cost of a month in which nobody calls, in US dollars: at the list's prices, and less what every
/// account has for nothing at any time.
#[must_use]
pub fn idle_month(measured: &Measured) -> (f64, f64) {
    let items = idle(measured);
    let sum = |of: fn(&Idle) -> f64| items.iter().map(of).sum();
    (sum(|item| item.usd), sum(|item| item.usd - item.free))
}

/// Runs the command.
///
/// # Errors
/// When nothing could be measured.
pub fn main(traffic: &Traffic) -> Result<(), String> {
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    if let Some(count) = traffic.rush {
        let (bill, model) = runtime.block_on(rush(count)).map_err(|error| error.to_string())?;
        println!(
            "{count} purges: {:.0} RRU, {:.0} WRU, {:.0} calls that send; handed out after {:.1} s, of which {:.1} s of waiting",
            bill.rru, bill.wru, bill.sends, model.seconds, model.waited
        );
        println!("the busiest partition gives {:.0} read units", model.busiest() * PARTITION_READS);
        return Ok(());
    }
    eprintln!("Carrying out each operation {PERSONS} times on the embedded services ...");
    let measured = runtime.block_on(measure()).map_err(|error| error.to_string())?;
    print!("{}", report(&measured, traffic));
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "nobody makes 2^53 requests a month")]
fn report(measured: &Measured, traffic: &Traffic) -> String {
    let mut text = String::from("\nOne operation\n");
    let _ = writeln!(
        text,
        "  {:24} {:>6} {:>6} {:>6} {:>6} {:>6} {:>14}",
        "", "WRU", "RRU", "SQS", "S3", "KMS", "$ per million"
    );
    for of in &measured.operations {
        let bill = of.bill;
        let _ = writeln!(
            text,
            "  {:24} {:6.2} {:6.2} {:6.2} {:6.2} {:6.2} {:14.2}",
            of.name,
            bill.wru,
            bill.rru,
            bill.sqs(),
            bill.s3_puts + bill.s3_gets,
            bill.kms,
            of.usd() * 1e6
        );
    }
    text.push_str("\nA month of calls\n");
    let mut sum = 0.0;
    for (names, times) in [
        (&["store consents"][..], traffic.consents),
        (&["read consents"], traffic.reads),
        (&["make a request"], traffic.requests),
        (&["order a takeout", "build a takeout"], traffic.takeouts),
        (&["queue a purge", "carry out a purge"], traffic.purges),
    ] {
        let usd: f64 = names.iter().filter_map(|name| measured.of(name)).map(Operation::usd).sum();
        let month = usd * times as f64;
        let _ = writeln!(text, "  {times:>12} times: {:32} {month:10.2}", names.join(", "));
        sum += month;
    }
    let _ = writeln!(text, "  {:52} {sum:10.2}", "together");
    text.push_str("\nA month in which nobody calls        list price    less what is always free\n");
    for item in idle(measured) {
        let _ = writeln!(text, "  {:44} {:8.2} {:8.2}", item.what, item.usd, item.usd - item.free);
    }
    let (list, bill) = idle_month(measured);
    let _ = writeln!(text, "  {:44} {list:8.2} {bill:8.2}", "together");
    text.push_str(
        "\nUS dollars in us-east-1, November 2026; without taxes, data transfer, storage and the company's own stores.\n",
    );
    text
}
