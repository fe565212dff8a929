//! A process may die at any call that it makes, and the one that takes up its work too: in the end everything
//! is as if nobody had.
//!
//! Each flow is carried out once undisturbed, on somebody of its own. Then, on somebody else each time, the
//! process that carries it out meets its fate at the first call to AWS, the second, and so on to the last: its death,
//! a refusal, or an answer that breaks off, after which the client itself calls again. What
//! follows is what follows on AWS: callers repeat what was not answered, queues deliver again, the clock calls. What
//! all that has changed, in the tables, the buckets, the company's own database and the mailbox, has to be what
//! the undisturbed run changed.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::AttributeValue;
use chrono::TimeDelta;
use futures_util::future::BoxFuture;
use local::Process;
use reqwest::{Method, RequestBuilder};
use runtime::Clock;
use serde_json::json;
use uuid::Uuid;

use crate::{
    fault::{Fate, Fault, is_of_a_function},
    staff::{Browser, field},
    world::{Setup, World, takeout_order},
};

/// Somebody.
struct Person {
    id: Uuid,
    email: String,
}

/// What a process that may die does.
#[derive(Clone, Copy)]
enum Act {
    /// It answers a call, the one that was prepared.
    Answers,
    /// It works off the queues.
    Works,
    /// It is called by the clock.
    IsCalled(&'static str),
}

/// What leads to the act: what has been before, and the call, if it is one.
type Prepared<'a> = BoxFuture<'a, Option<RequestBuilder>>;

#[derive(Clone, Copy)]
struct Flow {
    act: Act,
    /// How many calls it makes at least.
    least: usize,
    /// How a repeat of the call is answered after it took effect, and for what that stands, if not for itself.
    repeated: Option<[u16; 2]>,
    prepare: for<'a> fn(&'a World, &'a Person) -> Prepared<'a>,
}

/// The worlds' tables.
const TABLES: [&str; 2] = ["lethe", "lethe-keys"];
/// Their buckets, but for that of the audit's log, which ends in another segment after every death.
const BUCKETS: [&str; 2] = ["lethe-takeouts", "lethe-attachments"];

/// A text without what differs from one run to the next: ids, times, hashes and what is sealed.
fn masked(text: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || "_:+.-@/=".contains(c);
    let mut out = String::new();
    let mut word = String::new();
    for c in text.chars().chain(['\0']) {
        if is_word(c) {
            word.push(c);
            continue;
        }
        let differs = word.len() >= 8 && word.contains(|c: char| c.is_ascii_digit());
        out.push_str(if differs { "…" } else { &word });
        word.clear();
        out.push(c);
    }
    out.pop();
    out
}

fn shown(value: &AttributeValue) -> String {
    match value {
        AttributeValue::S(text) => masked(text),
        AttributeValue::N(number) if number.len() >= 8 => "…".to_owned(),
        AttributeValue::N(number) => number.clone(),
        AttributeValue::B(_) => "sealed".to_owned(),
        AttributeValue::L(values) => format!("{:?}", values.iter().map(shown).collect::<Vec<_>>()),
        AttributeValue::M(values) => {
            // How often a row was written, or something tried, is no state; the salt and the shard are by chance, and an archive is as
            // long as the names in it.
            let told = values
                .iter()
                .filter(|(name, _)| !["v", "z", "due_pk", "size", "attempts"].contains(&name.as_str()));
            let sorted: BTreeMap<_, _> = told.map(|(name, value)| (masked(name), shown(value))).collect();
            format!("{sorted:?}")
        }
        other => format!("{other:?}"),
    }
}

/// Everything that is kept anywhere, by where it is.
async fn dump(world: &World) -> BTreeMap<String, String> {
    let clients = world.stack.app.clients();
    let mut all = BTreeMap::new();
    for table in TABLES {
        let scan = clients.dynamodb().scan().table_name(table).consistent_read(true);
        let rows = scan.into_paginator().items().send().try_collect().await.unwrap();
        for row in rows {
            let [pk, sk] = ["pk", "sk"].map(|name| row.get(name).map_or("", |key| key.as_s().unwrap()));
            // How often somebody asked is no state, and a few rows are everybody's.
            if !pk.contains("#L#") && pk != "SIGNING" && sk != "Y" {
                all.insert(format!("{table} {pk} {sk}"), shown(&AttributeValue::M(row)));
            }
        }
    }
    for bucket in BUCKETS {
        let listed = clients.s3().list_objects_v2().bucket(bucket).send().await.unwrap();
        for object in listed.contents() {
            let key = object.key().unwrap();
            all.insert(format!("{bucket}/{key} "), masked(key));
        }
    }
    all
}

/// The partitions of the tables, and the buckets, that there is something in.
fn partitions(dump: &BTreeMap<String, String>) -> BTreeSet<String> {
    dump.keys().map(|place| partition(place).to_owned()).collect()
}

/// The partition of a place.
fn partition(place: &str) -> &str {
    place.rsplit_once(' ').unwrap().0
}

/// What of it was added, changed, or taken away, but for what concerns others: for them time goes by too.
fn changes(
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
    others: &BTreeSet<String>,
) -> Vec<String> {
    let ours = |place: &String| !others.contains(partition(place));
    let added = after.iter().filter(|(place, is)| ours(place) && before.get(*place) != Some(is));
    let gone = before.iter().filter(|(place, _)| ours(place) && !after.contains_key(*place));
    let added = added.map(|(_, is)| format!("+ {is}"));
    let mut changes: Vec<String> = added.chain(gone.map(|(_, was)| format!("- {was}"))).collect();
    changes.sort_unstable();
    changes
}

/// What a run has led to.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    status: Option<u16>,
    changes: Vec<String>,
    rows: i64,
    mails: BTreeSet<String>,
}

/// A world whose own processes rest.
struct Scene {
    world: World,
    flow: Flow,
    people: u128,
}

impl Scene {
    async fn new(flow: Flow) -> Self {
        let world = Setup { works: false, ..Setup::new() }.begin().await;
        let mut scene = Self { world, flow, people: 0 };
        // What is made once, for everybody, is made for somebody else.
        scene.run([None, None]).await;
        scene
    }

    async fn healthy(&self) -> Process {
        Process::beside(&self.world.stack, self.world.stack.app.clone()).await.unwrap()
    }

    async fn process(&self, fault: &Fault) -> Process {
        let clock = self.world.stack.clock.clone();
        let app = fault.app(&self.world, Clock::new(move || clock.now()));
        Process::beside(&self.world.stack, app).await.unwrap()
    }

    /// Time goes by, and a process does what there is to do.
    async fn time_goes_by(&self, by: TimeDelta, fault: Option<&Fault>) {
        self.world.stack.clock.advance(by).unwrap();
        let process = match fault {
            Some(fault) => self.process(fault).await,
            None => self.healthy().await,
        };
        let all = async {
            for worker in ["run-due-purges", "resume-stalled", "expire-takeouts", "note-changes"] {
                assert!(process.tick(worker).await, "{worker}");
            }
            process.work().await;
        };
        match fault {
            Some(fault) => drop(fault.until_death(all).await),
            None => all.await,
        }
        process.end(&self.world.stack).await;
    }

    /// The flow with each of these fates in turn: what came of it, and how many calls the first process made.
    async fn run(&mut self, fates: [Option<(usize, Fate)>; 2]) -> (Outcome, usize) {
        let [first, second] = fates.map(|fate| {
            let (at, fate) = fate.unwrap_or((usize::MAX, Fate::NotSent));
            Fault::new(at, fate, is_of_a_function)
        });
        self.people += 1;
        let world = &self.world;
        let others = partitions(&dump(world).await);
        let name = format!("somebody-{}", self.people);
        let person = Person { id: world.person_with_data(&name).await, email: format!("{name}@example.com") };
        self.healthy().await.work().await;
        let before = dump(world).await;
        let call = (self.flow.prepare)(world, &person).await;

        let process = self.process(&first).await;
        let mut status = match self.flow.act {
            Act::Answers => {
                let call = call.as_ref().unwrap().try_clone().unwrap();
                first.until_death(answer(call, &process)).await
            }
            Act::Works => first.until_death(process.work()).await.and(None),
            Act::IsCalled(worker) => {
                let known = first.until_death(process.tick(worker)).await;
                assert!(known.unwrap_or(true), "{worker}");
                None
            }
        };
        process.end(&world.stack).await;
        // Whoever asked waits a while before they ask again.
        world.stack.clock.advance(TimeDelta::minutes(2)).unwrap();
        if let Some(call) = call.filter(|_| status.is_none_or(|status| status >= 400)) {
            let told = answer(call, &self.healthy().await).await;
            status = Some(match self.flow.repeated {
                Some([repeated, first]) if repeated == told => first,
                Some(_) | None => told,
            });
        }
        if fates[1].is_some() {
            self.time_goes_by(TimeDelta::hours(6), Some(&second)).await;
        }
        self.time_goes_by(TimeDelta::hours(6), None).await;
        self.time_goes_by(TimeDelta::hours(6), None).await;

        let mails = world.mails_to(&person.email).into_iter();
        let outcome = Outcome {
            status,
            changes: changes(&before, &dump(world).await, &others),
            rows: world.rows_of(&person.email).await,
            mails: mails.map(|(subject, _)| masked(&subject)).collect(),
        };
        (outcome, first.calls().len())
    }
}

/// Calls a process, and takes the status of its answer.
async fn answer(call: RequestBuilder, process: &Process) -> u16 {
    let (client, call) = call.build_split();
    let mut call = call.unwrap();
    let port = process.gateway.rsplit_once(':').unwrap().1.parse().unwrap();
    call.url_mut().set_port(Some(port)).unwrap();
    client.execute(call).await.unwrap().status().as_u16()
}

/// Whether tests are run at full size.
fn is_deep() -> bool {
    std::env::var_os("LETHE_DEEP").is_some()
}

/// Has a flow meet its fates: to die after the effect of each call, which is to die before the next, to die before
/// the first, to be refused some, and where there are few to lose the answer of each; at full size every fate at every
/// call, and each two deaths in a row.
async fn survives(flow: Flow) {
    let mut scene = Scene::new(flow).await;
    let (undisturbed, calls) = scene.run([None, None]).await;
    assert!(calls >= flow.least, "{calls} calls");
    assert!(undisturbed.status.is_none_or(|status| status < 400), "{undisturbed:?}");
    let mut fates = vec![[Some((1, Fate::NotSent)), None]];
    for at in 1..=calls {
        fates.push([Some((at, Fate::ReplyLost)), None]);
        if is_deep() {
            fates.push([Some((at, Fate::NotSent)), None]);
            fates.extend(
                (1..=calls).map(|again| [Some((at, Fate::ReplyLost)), Some((again, Fate::ReplyLost))]),
            );
        }
        if is_deep() || at % 3 == 0 {
            fates.push([Some((at, Fate::Refused)), None]);
        }
        // Where there are few calls it costs little.
        if is_deep() || calls < 6 {
            fates.push([Some((at, Fate::Severed)), None]);
        }
    }
    for (number, fate) in fates.into_iter().enumerate() {
        // Before what the last ones have left comes due.
        if number % 8 == 7 {
            scene = Scene::new(flow).await;
        }
        let (outcome, _) = scene.run(fate).await;
        assert_eq!(outcome, undisturbed, "{fate:?} of {calls}");
    }
}

/// A call under an idempotency key.
fn keyed(call: RequestBuilder, person: &Person) -> RequestBuilder {
    call.header("idempotency-key", person.id.to_string())
}

async fn queue_purge(world: &World, person: &Person) {
    let path = format!("/users/v1/person/{}/purge", person.id);
    let body = json!({"suggested_purge_time": world.now() + TimeDelta::minutes(1)});
    world.as_admin(Method::POST, &path).json(&body).send().await.unwrap().error_for_status().unwrap();
}

/// Everything that waits in the queues is done, by somebody who does not die.
async fn settled(world: &World) {
    let process = Process::beside(&world.stack, world.stack.app.clone()).await.unwrap();
    process.work().await;
}

#[tokio::test]
async fn storing_consents() {
    survives(Flow {
        act: Act::Answers,
        least: 3,
        repeated: None,
        prepare: |world, person| {
            Box::pin(async move {
                let path = format!("/persons/{}/consent/gdpr", person.id);
                let body = json!({"consent_levels": ["analytics", "marketing"]});
                Some(keyed(world.as_slashid(Method::POST, &path).json(&body), person))
            })
        },
    })
    .await;
}

#[tokio::test]
async fn recording_a_request() {
    survives(Flow {
        act: Act::Answers,
        least: 3,
        repeated: None,
        prepare: |world, person| {
            Box::pin(async move {
                let path = format!("/api/rest/users/{}/personaldatarequest", person.id);
                let body = json!({"requestType": "CORRECTION", "requestRemarks": "Born in May"});
                Some(keyed(world.as_trivore(Method::POST, &path).json(&body), person))
            })
        },
    })
    .await;
}

#[tokio::test]
async fn ordering_a_takeout() {
    survives(Flow {
        act: Act::Answers,
        least: 4,
        repeated: None,
        prepare: |world, person| {
            Box::pin(async move {
                let path = format!("/gdpr/{}/takeouts", person.id);
                let call = world.as_pace(Method::POST, &path);
                Some(keyed(call.body(takeout_order(&person.email).to_string()), person))
            })
        },
    })
    .await;
}

#[tokio::test]
async fn building_a_takeout() {
    survives(Flow {
        act: Act::Works,
        least: 5,
        repeated: None,
        prepare: |world, person| {
            Box::pin(async move {
                world.order_takeout(person.id, &person.email).await;
                None
            })
        },
    })
    .await;
}

#[tokio::test]
async fn expiring_a_takeout() {
    survives(Flow {
        act: Act::IsCalled("expire-takeouts"),
        least: 3,
        repeated: None,
        prepare: |world, person| {
            Box::pin(async move {
                world.order_takeout(person.id, &person.email).await;
                settled(world).await;
                world.stack.clock.advance(TimeDelta::days(14)).unwrap();
                None
            })
        },
    })
    .await;
}

#[tokio::test]
async fn queueing_a_purge() {
    survives(Flow {
        act: Act::Answers,
        least: 3,
        repeated: None,
        prepare: |world, person| {
            Box::pin(async move {
                let path = format!("/users/v1/person/{}/purge", person.id);
                let body = json!({"suggested_purge_time": world.now() + TimeDelta::hours(1)});
                Some(keyed(world.as_admin(Method::POST, &path).json(&body), person))
            })
        },
    })
    .await;
}

#[tokio::test]
async fn calling_off_a_purge() {
    survives(Flow {
        act: Act::Answers,
        least: 2,
        repeated: None,
        prepare: |world, person| {
            Box::pin(async move {
                let path = format!("/users/v1/person/{}/purge", person.id);
                let body = json!({"suggested_purge_time": world.now() + TimeDelta::days(6)});
                world.as_admin(Method::POST, &path).json(&body).send().await.unwrap();
                settled(world).await;
                Some(keyed(world.as_admin(Method::DELETE, &path), person))
            })
        },
    })
    .await;
}

#[tokio::test]
async fn asking_for_a_deletion() {
    survives(Flow {
        act: Act::Answers,
        least: 3,
        repeated: None,
        prepare: |world, person| {
            Box::pin(async move {
                let path = format!("/v2/fulfillment/users/{}/privacy_request", person.id);
                Some(keyed(world.as_instacart(Method::POST, &path).await, person))
            })
        },
    })
    .await;
}

#[tokio::test]
async fn handing_out_what_is_due() {
    survives(Flow {
        act: Act::IsCalled("run-due-purges"),
        least: 3,
        repeated: None,
        prepare: |world, person| {
            Box::pin(async move {
                queue_purge(world, person).await;
                settled(world).await;
                world.stack.clock.advance(TimeDelta::minutes(2)).unwrap();
                None
            })
        },
    })
    .await;
}

#[tokio::test]
async fn erasing_somebody() {
    survives(Flow {
        act: Act::Works,
        least: 10,
        repeated: None,
        prepare: |world, person| {
            Box::pin(async move {
                queue_purge(world, person).await;
                settled(world).await;
                world.stack.clock.advance(TimeDelta::minutes(2)).unwrap();
                assert!(world.stack.tick("run-due-purges").await);
                None
            })
        },
    })
    .await;
}

#[tokio::test]
async fn setting_a_hold() {
    survives(Flow {
        act: Act::Answers,
        least: 2,
        repeated: None,
        prepare: |world, person| {
            Box::pin(async move {
                let body = json!({
                    "kind": "legal_hold",
                    "ground": "17(3)(e)",
                    "owner": "Legal department",
                    "reason": "Case 12",
                    "review_on": "2027-09-01",
                    "scope": {"person_id": person.id},
                });
                Some(keyed(world.as_admin(Method::POST, "/lethe/v1/holds").json(&body), person))
            })
        },
    })
    .await;
}

#[tokio::test]
async fn restricting_somebody() {
    survives(Flow {
        act: Act::Answers,
        least: 2,
        repeated: None,
        prepare: |world, person| {
            Box::pin(async move {
                let path = format!("/users/v1/person/{}/restrictions", person.id);
                Some(keyed(world.as_admin(Method::POST, &path).json(&json!({"type": "account_ban"})), person))
            })
        },
    })
    .await;
}

/// A request for a correction, and its page in the console.
async fn recorded(world: &World, person: &Person) -> String {
    let path = format!("/api/rest/users/{}/personaldatarequest", person.id);
    let body = json!({"requestType": "CORRECTION", "requestRemarks": "Born in May"});
    let made = world.as_trivore(Method::POST, &path).json(&body).send().await.unwrap();
    let made: serde_json::Value = made.json().await.unwrap();
    settled(world).await;
    format!("/console/requests/{}", made["id"].as_str().unwrap())
}

/// The form by which somebody of the staff closes a request.
async fn closing(world: &World, request: &str) -> RequestBuilder {
    let mut robin = Browser::of(world, "staff-robin").await;
    let (version, token) = (field(&robin.text(request).await, "version"), robin.form_token().await);
    let fields = [
        ("version", version.as_str()),
        ("comment", "It is corrected."),
        ("remarks", "Saw the passport"),
        ("notify", "yes"),
        ("form_token", token.as_str()),
    ];
    robin.call(Method::POST, &format!("{request}/confirm")).form(&fields)
}

#[tokio::test]
async fn sending_a_notice() {
    survives(Flow {
        act: Act::Works,
        least: 3,
        repeated: None,
        prepare: |world, person| {
            Box::pin(async move {
                let request = recorded(world, person).await;
                closing(world, &request).await.send().await.unwrap();
                None
            })
        },
    })
    .await;
}

#[tokio::test]
async fn pressing_the_button_of_a_link() {
    survives(Flow {
        act: Act::Answers,
        least: 2,
        // The link works once, whoever saw it work.
        repeated: Some([410, 303]),
        prepare: |world, person| {
            Box::pin(async move {
                let path = format!(
                    "/api/rest/users/{}/personaldatarequest/view-uri?returnUri=https://app.example.com/me",
                    person.id
                );
                let made = world.as_trivore(Method::POST, &path).send().await.unwrap();
                let made: serde_json::Value = made.json().await.unwrap();
                let link = made["viewUri"].as_str().unwrap().strip_prefix(&world.stack.gateway).unwrap();
                Some(world.call(Method::POST, link).form::<[(&str, &str); 0]>(&[]))
            })
        },
    })
    .await;
}

#[tokio::test]
async fn issuing_a_token() {
    survives(Flow {
        act: Act::Answers,
        least: 1,
        repeated: None,
        prepare: |world, _| {
            Box::pin(async move {
                let (client_id, client_secret) = world.stack.identity.instacart_client();
                let ask = json!({"client_id": client_id, "client_secret": client_secret, "grant_type": "client_credentials"});
                Some(world.call(Method::POST, "/v2/oauth/token").json(&ask))
            })
        },
    })
    .await;
}

#[tokio::test]
async fn noting_what_has_changed() {
    survives(Flow {
        act: Act::IsCalled("note-changes"),
        least: 2,
        repeated: None,
        prepare: |world, person| {
            Box::pin(async move {
                let path = format!("/persons/{}/consent/gdpr", person.id);
                let body = json!({"consent_levels": ["analytics"]});
                world.as_slashid(Method::POST, &path).json(&body).send().await.unwrap();
                None
            })
        },
    })
    .await;
}
