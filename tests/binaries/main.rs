//! The functions as they are shipped: every binary, under Lambda's own Runtime Interface Emulator, against the
//! embedded services, with no more of an environment than the template gives it.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

#[path = "../suite/canary.rs"]
mod canary;
#[path = "../suite/contract.rs"]
#[allow(dead_code, reason = "the suite asks more of it")]
mod contract;
mod emulator;
mod likeness;
#[path = "../suite/moto.rs"]
mod moto;
#[path = "../suite/world.rs"]
#[allow(dead_code, reason = "the suite asks more of its world")]
mod world;

use std::path::Path;

use chrono::TimeDelta;
use emulator::{Emulator, Functions};
use functions::catalog;
use likeness::likeness;
use local::{Identity, VirtualClock};
use reqwest::Method;
use serde_json::{Value, json};
use synth::{WORKSPACE, sample};
use world::{Setup, World, send};

const ALICE: &str = "alice@example.com";

/// A world that knows who calls in the events.
async fn world(clock: VirtualClock) -> World {
    let mut setup = Setup::new();
    setup.identity = Identity::sample().unwrap();
    setup.clock = clock;
    let world = setup.begin().await;
    world.register(sample::PERSON, ALICE).await;
    world
}

/// The machine's clock, which is the only one that the binaries have.
fn machine_clock() -> VirtualClock {
    // A folder that remembers nothing.
    VirtualClock::of_folder(Path::new(env!("CARGO_TARGET_TMPDIR"))).unwrap()
}

fn event(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(WORKSPACE).join(format!("infra/events/{name}.json"))).unwrap()
}

/// A batch for a worker: messages with these ids and bodies.
fn batch(messages: &[(&str, &str)]) -> Vec<u8> {
    let record = |(id, body): &(&str, &str)| json!({"messageId": id, "receiptHandle": id, "body": body, "eventSource": "aws:sqs"});
    serde_json::to_vec(&json!({"Records": messages.iter().map(record).collect::<Vec<_>>()})).unwrap()
}

#[tokio::test]
async fn each_answers_its_event_as_its_handler_does() {
    let functions = Functions::build();
    let endpoints = catalog::endpoints().into_iter().map(|endpoint| (endpoint.route.name, endpoint.lambda));
    let workers = catalog::workers().into_iter().map(|worker| (worker.spec.name, worker.spec.name));

    let (there, here) = (world(machine_clock()).await, world(machine_clock()).await);

    for (name, function) in endpoints.chain(workers) {
        let event = event(name);
        let answer = Emulator::start(&functions, function, &there).await.invoke(&event).await;
        let expected = here.stack.invoke(name, &event).await.unwrap();

        assert_eq!(likeness(&answer, &there), likeness(&expected, &here), "{name}");
        // So that the next finds the same in both.
        there.drain().await;
        here.drain().await;
    }
}

#[tokio::test]
async fn of_a_batch_only_what_failed_is_delivered_again() {
    let functions = Functions::build();
    let unknown = json!([{"org": sample::ORG, "person": "00112233445566778899"}]).to_string();
    let messages =
        [("one", unknown.as_str()), ("two", "neither"), ("three", unknown.as_str()), ("four", "[{}]")];
    for name in ["erase-person", "build-takeout", "send-notice"] {
        let world = world(machine_clock()).await;
        let answer = Emulator::start(&functions, name, &world).await.invoke(&batch(&messages)).await;

        let failed = json!({"batchItemFailures": [{"itemIdentifier": "two"}, {"itemIdentifier": "four"}]});
        assert_eq!(serde_json::from_slice::<Value>(&answer).unwrap(), failed, "{name}");
    }
}

#[tokio::test]
async fn what_was_queued_is_handed_out_and_erased() {
    let functions = Functions::build();
    let an_hour_ago = machine_clock().now() - TimeDelta::hours(1);
    let world = world(VirtualClock::standing_at(an_hour_ago)).await;
    world.add_rows(ALICE).await;
    world.add_rows("bob@example.com").await;
    let path = format!("/users/v1/person/{}/purge", sample::PERSON);
    let ask = json!({"suggested_purge_time": world.now() + TimeDelta::minutes(10)});
    send(world.as_admin(Method::POST, &path).json(&ask)).await.expect(202);

    // The purge is due for the binaries, and not yet for the workers of this world.
    Emulator::start(&functions, "run-due-purges", &world).await.invoke(&event("run-due-purges")).await;
    world.drain().await;
    assert_eq!(world.rows_of(ALICE).await, 3);
    let person = sample::PERSON.parse().unwrap();
    let person = world.stack.app.store().of(world.org()).key_of(&person).await.unwrap();
    let job = json!([{"org": sample::ORG, "person": person}]).to_string();
    let answer =
        Emulator::start(&functions, "erase-person", &world).await.invoke(&batch(&[("one", &job)])).await;

    assert_eq!(serde_json::from_slice::<Value>(&answer).unwrap(), json!({"batchItemFailures": []}));
    assert_eq!(world.rows_of(ALICE).await, 0);
    assert_eq!(world.rows_of("bob@example.com").await, 3);
    let purge = send(world.as_admin(Method::GET, &path)).await.expect(200).json();
    assert_eq!(purge["status"], "purged");
}

/// Of every function the template says the same but its name, so one stands for all.
#[test]
fn sam_builds_what_is_tested_here() {
    let functions = Functions::build();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let into = folder.path().to_str().unwrap();
    let architecture = format!("Architecture={}", emulator::architecture());
    emulator::tool(&[
        "sam",
        "build",
        "GetHealth",
        "--build-dir",
        into,
        "--parameter-overrides",
        &architecture,
    ]);

    let theirs = std::fs::read(folder.path().join("GetHealth/bootstrap")).unwrap();
    assert!(theirs == std::fs::read(functions.folder.join("get-health/bootstrap")).unwrap());
}
