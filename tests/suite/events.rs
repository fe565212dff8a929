//! The sample events: each function takes its own, from the file as Lambda would.

use std::path::Path;

use functions::catalog;
use local::Identity;
use serde_json::Value;
use synth::{WORKSPACE, sample};

use crate::world::{Setup, World};

/// A world that knows who calls in the events.
async fn world() -> World {
    let mut setup = Setup::new();
    setup.identity = Identity::sample().unwrap();
    let world = setup.begin().await;
    world.register(sample::PERSON, "alice@example.com").await;
    world
}

fn event(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(WORKSPACE).join(format!("infra/events/{name}.json"))).unwrap()
}

#[tokio::test]
async fn every_endpoint_takes_its_event() {
    let world = world().await;
    for route in catalog::endpoints().iter().map(|endpoint| endpoint.route) {
        let answer = world.stack.invoke(route.name, &event(route.name)).await.unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();

        let status = answer["statusCode"].as_u64().unwrap();
        assert!((200..300).contains(&status) || [404, 410, 422].contains(&status), "{} {answer}", route.name);
    }
}

#[tokio::test]
async fn every_worker_takes_its_event() {
    let world = world().await;
    for spec in catalog::workers().iter().map(|worker| worker.spec) {
        let answer = world.stack.invoke(spec.name, &event(spec.name)).await.unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();

        assert!(answer.is_null() || answer["batchItemFailures"].as_array().unwrap().is_empty(), "{answer}");
    }
}
