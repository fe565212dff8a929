//! Throttling, unprocessed keys, and answers that do not come.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_dynamodb::types::ScalarAttributeType::S;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use hyper_util::client::legacy;
use hyper_util::rt::TokioExecutor;
use serde_json::json;

use super::*;

/// What happens to a call instead of being answered.
type Meddle = dyn Fn(&str, &serde_json::Value) -> Option<(u16, serde_json::Value)> + Send + Sync;

/// An embedded DynamoDB behind a proxy that may answer calls itself, and its client; and one without.
async fn meddled(meddle: Arc<Meddle>) -> (Client, Client) {
    let direct = embedded_at().await;
    let upstream = format!("http://{}", direct.1);
    let forward = legacy::Client::builder(TokioExecutor::new()).build_http::<Body>();
    let proxy = axum::Router::new().fallback(move |request: Request| {
        let (meddle, forward, upstream) = (meddle.clone(), forward.clone(), upstream.clone());
        async move {
            let (mut parts, body) = request.into_parts();
            let body = to_bytes(body, usize::MAX).await.unwrap();
            let target = parts.headers["x-amz-target"].to_str().unwrap();
            let call = target.rsplit('.').next().unwrap();
            if let Some((status, answer)) = meddle(call, &serde_json::from_slice(&body).unwrap()) {
                return Response::builder().status(status).body(Body::from(answer.to_string())).unwrap();
            }
            parts.uri = upstream.parse().unwrap();
            let answer = forward.request(Request::from_parts(parts, Body::from(body))).await.unwrap();
            answer.map(Body::new)
        }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, proxy).await });
    let meddled = clients(&format!("http://{address}"), "http://127.0.0.1:1").dynamodb;
    (meddled, direct.0)
}

fn throttled() -> (u16, serde_json::Value) {
    let kind = "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException";
    (400, json!({"__type": kind, "message": "for ada@example.org"}))
}

/// 130 people with the same address, found by an index.
async fn people(client: &Client) {
    let indexes = Indexes { global: &[&["email"]], ..Indexes::default() };
    table(client, "people", &[("id", S)], indexes).await;
    let people = (0..130).map(|i| item([("id", text(&format!("p{i}"))), ("email", text("ada@example.org"))]));
    put(client, "people", people.collect()).await;
}

const MAP: &str = "
dataset:
- fides_key: crm
  collections:
  - name: people
    fields:
    - {name: id}
    - {name: email, fides_meta: {identity: email}}
";

const CONNECTIONS: &str = "connections:\n  crm: {kind: dynamodb}\n";

#[tokio::test]
async fn unprocessed_keys_are_asked_for_again_however_many_there_are() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let (client, direct) = meddled(Arc::new(move |call, body| {
        let number = if call == "BatchGetItem" { counted.fetch_add(1, Ordering::Relaxed) } else { 9 };
        // The first answer has nothing, the next two only keys that follow.
        (number < 2).then(|| (200, json!({"Responses": {}, "UnprocessedKeys": body["RequestItems"]})))
    }))
    .await;
    people(&direct).await;
    let store = store(&client, MAP).await;

    let (rows, _) = Asked::new("people", "email", &["ada@example.org"], &["email"]).of(&store).await.unwrap();

    assert_eq!(rows.len(), 130);
    assert_eq!(calls.load(Ordering::Relaxed), 4);
}

#[tokio::test]
async fn a_throttled_call_is_made_again() {
    let calls = Arc::new(AtomicUsize::new(0));
    let (client, direct) = meddled(Arc::new(move |call, _| {
        let is_throttled = call == "DeleteItem" && calls.fetch_add(1, Ordering::Relaxed).is_multiple_of(5);
        is_throttled.then(throttled)
    }))
    .await;
    people(&direct).await;
    let engine = engine(&client, MAP, CONNECTIONS).await;

    let erasure = engine.wipe(&person("email", "ada@example.org"), &mut Steps::default()).await.unwrap();

    assert!(erasure.complete(), "{erasure:?}");
    assert_eq!(items(&direct, "people").await.len(), 0);
}

#[tokio::test]
async fn what_stays_throttled_is_named_and_not_complete() {
    let (client, direct) = meddled(Arc::new(|call, _| (call == "DeleteItem").then(throttled))).await;
    people(&direct).await;
    let engine = engine(&client, MAP, CONNECTIONS).await;

    let erasure = engine.wipe(&person("email", "ada@example.org"), &mut Steps::default()).await.unwrap();

    assert!(!erasure.complete());
    let reason = "DeleteItem: ProvisionedThroughputExceededException";
    assert_eq!(erasure.collections[0].error.as_deref(), Some(reason));
    assert_eq!(items(&direct, "people").await.len(), 130);
}
