//! The sample events: each function takes its own from the file, as Lambda would, answers as the OpenAPI
//! document says, and writes one line about it.

use std::path::Path;

use functions::catalog;
use local::Identity;
use runtime::{Credentials, Route};
use serde_json::{Value, json};
use synth::{WORKSPACE, sample};
use wire::Dialect;

use crate::{
    contract,
    world::{Reply, Setup, World},
};

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

/// The trace of all events.
const TRACE: &str = "1-69a55fa0-0123456789abcdef01234567";

/// The lines that were written since this was last asked.
fn lines(world: &World) -> Vec<Value> {
    let lines = std::mem::take(&mut *world.log.lock().unwrap());
    lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The answer in a function's output.
fn reply(output: &[u8]) -> Reply {
    let output: Value = serde_json::from_slice(output).unwrap();
    let body = output["body"].as_str().unwrap_or_default();
    let bytes = if output["isBase64Encoded"] == true {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        STANDARD.decode(body).unwrap()
    } else {
        body.as_bytes().to_vec()
    };
    let header =
        |(name, value): (&String, &Value)| (name.parse().unwrap(), value.as_str().unwrap().parse().unwrap());
    Reply {
        status: output["statusCode"].as_u64().unwrap().try_into().unwrap(),
        headers: output["headers"].as_object().unwrap().iter().map(header).collect(),
        bytes,
    }
}

/// Whether an answer is one that the endpoint is there for, or an error of its own: what the sample
/// calls for need not exist.
fn is_expected(route: &Route, status: u16) -> bool {
    // Nobody is signed in there: a page leads to where they can be, and a form is refused.
    let is_led = route.credentials == Credentials::Session && matches!(status, 303 | 401);
    let is_page = route.dialect == Dialect::Page && matches!(status, 303 | 410);
    is_led
        || is_page
        || (200..300).contains(&status)
        || route.errors.iter().any(|code| route.dialect.status(*code) == status)
        || (matches!(route.name, "confirm-takeout" | "show-takeout" | "fetch-takeout" | "revoke-takeout")
            && status == 410)
}

#[tokio::test]
async fn every_endpoint_takes_its_event() {
    let world = world().await;
    lines(&world);
    for route in catalog::endpoints().iter().map(|endpoint| endpoint.route) {
        let event = event(route.name);
        let output = world.stack.invoke(route.name, &event).await.unwrap();
        let reply = reply(&output);
        // Jobs that it queued write lines of their own.
        let own = |line: &Value| line["function"] == route.name;
        let lines: Vec<Value> = lines(&world).into_iter().filter(own).collect();

        assert!(is_expected(route, reply.status), "{}: {}", route.name, String::from_utf8_lossy(&output));
        let event: Value = serde_json::from_slice(&event).unwrap();
        contract::said(&route.method, event["rawPath"].as_str().unwrap(), &reply);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert_eq!(lines[0]["id"], reply.header("request-id"));
        assert_eq!((&lines[0]["trace"], &lines[0]["status"]), (&json!(TRACE), &json!(reply.status)));
    }
}

#[tokio::test]
async fn every_worker_takes_its_event() {
    let world = world().await;
    lines(&world);
    for spec in catalog::workers().iter().map(|worker| worker.spec) {
        let answer = world.stack.invoke(spec.name, &event(spec.name)).await.unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        let lines = lines(&world);

        assert!(answer.is_null() || answer["batchItemFailures"].as_array().unwrap().is_empty(), "{answer}");
        assert_eq!((lines.len(), &lines[0]["outcome"]), (1, &json!("done")), "{lines:?}");
        let trace = if answer.is_null() { Value::Null } else { json!(TRACE) };
        assert_eq!(lines[0]["trace"], trace, "{}", spec.name);
    }
}

#[tokio::test]
async fn a_trace_leads_from_the_call_to_the_last_mail() {
    let world = world().await;
    lines(&world);

    world.stack.invoke("request-user-takeout", &event("request-user-takeout")).await.unwrap();
    world.drain().await;

    let traced: Vec<Value> = lines(&world)
        .into_iter()
        .filter(|line| line["trace"] == TRACE)
        .map(|line| line["function"].clone())
        .collect();
    assert_eq!(traced, ["request-user-takeout", "build-takeout", "send-notice"]);
}
