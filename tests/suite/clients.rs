//! API clients: made by whoever may, granted no more than they are, gone when removed.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{World, send};

const PATH: &str = "/lethe/v1/clients";

async fn made(world: &World, grants: Value) -> Value {
    send(world.as_admin(Method::POST, PATH).json(&json!({"grants": grants}))).await.expect(201).json()
}

/// What a client gets that reads the consents of somebody who is not registered: 404 if it may.
async fn reads(world: &World, key: &str) -> u16 {
    let call = world.call(Method::GET, "/persons/903c1ff9-f2cc-435c-b242-9d8a690fcf0a/consent/gdpr");
    send(call.header("SlashID-API-Key", key).header("SlashID-OrgID", world.org().to_string())).await.status
}

#[tokio::test]
async fn a_client_signs_in_until_it_is_removed() {
    let world = World::new().await;

    let client = made(&world, json!(["consent:gdpr:read"])).await;

    let (id, key) = (client["client_id"].as_str().unwrap(), client["api_key"].as_str().unwrap());
    assert_eq!(key, format!("{id}.{}", client["client_secret"].as_str().unwrap()));
    assert_eq!(reads(&world, key).await, 404);
    let list = send(world.as_admin(Method::GET, PATH)).await.expect(200).json();
    assert!(
        list["clients"]
            .as_array()
            .unwrap()
            .contains(&json!({"client_id": id, "grants": ["consent:gdpr:read"]}))
    );
    assert!(!list.to_string().contains(client["client_secret"].as_str().unwrap()));
    assert!(!world.items("lethe").await.join("").contains(client["client_secret"].as_str().unwrap()));

    for _ in 0..2 {
        send(world.as_admin(Method::DELETE, &format!("{PATH}/{id}"))).await.expect(204);
    }
    world.advance(TimeDelta::minutes(1)).await;

    assert_eq!(reads(&world, key).await, 401);
    let list = send(world.as_admin(Method::GET, PATH)).await.expect(200).json();
    assert!(!list.to_string().contains(id));
}

#[tokio::test]
async fn nobody_grants_what_they_have_not() {
    let world = World::new().await;
    let token = world.token("clerk", &["lethe:clients:write", "consent:gdpr:read"]);
    let ask =
        |grants: Value| world.call(Method::POST, PATH).bearer_auth(&token).json(&json!({"grants": grants}));

    send(ask(json!(["consent:gdpr:read"]))).await.expect(201);

    for grants in [
        json!([]),
        json!(["consent:gdpr:write"]),
        json!(["consent:gdpr:read", "lethe:keys:write"]),
        json!(["*"]),
        json!(["consent:*"]),
        json!([""]),
        json!("consent:gdpr:read"),
    ] {
        let refused = send(ask(grants)).await;
        assert!(matches!(refused.status, 400 | 422), "{}", refused.status);
    }
    let other = world.token("clerk", &["consent:gdpr:read"]);
    send(world.call(Method::POST, PATH).bearer_auth(other).json(&json!({"grants": ["consent:gdpr:read"]})))
        .await
        .expect(403);
}
