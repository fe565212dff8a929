//! The pages in a real browser: the whole story, every page from all sides.

use std::path::Path;

use reqwest::Method;
use serde_json::json;
use synth::WORKSPACE;
use tokio::process::Command;

use crate::world::{World, send};

/// Where Debian and others put it.
const CHROMIUM: [&str; 3] = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_whole_story_in_a_browser() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let consents = json!({"consent_levels": ["necessary", "analytics"]});
    send(world.as_slashid(Method::POST, &format!("/persons/{alice}/consent/gdpr")).json(&consents))
        .await
        .expect(201);
    let path = format!("/api/rest/users/{alice}/personaldatarequest");
    let mut made = Vec::new();
    for (kind, remarks) in [
        ("DATA_RETRIEVAL", "Wrote a letter and wants a copy."),
        ("REMOVAL", "Wants everything gone."),
        ("PROCESSING_RESTRICTION", "Disputes the balance."),
    ] {
        let ask = json!({"requestType": kind, "requestRemarks": remarks});
        let request = send(world.as_trivore(Method::POST, &path).json(&ask)).await.expect(201).json();
        made.push(format!("/console/requests/{}", request["id"].as_str().unwrap()));
        world.stack.clock.advance(chrono::TimeDelta::days(9)).unwrap();
    }
    let view = format!("{path}/view-uri?returnUri=https://app.example.com/me");
    let link = send(world.as_trivore(Method::POST, &view)).await.expect(200).json();
    let chromium = CHROMIUM.into_iter().find(|path| Path::new(path).exists()).expect("tests/run installs it");
    let known = json!({
        "gateway": world.stack.gateway,
        "modules": format!("{WORKSPACE}/target/browser"),
        "screens": format!("{WORKSPACE}/target/screens"),
        "chromium": chromium,
        "email": "alice@example.com",
        "access": made[0],
        "erasure": made[1],
        "restriction": made[2],
        "files": world.stack.endpoints.s3,
        "link": link["viewUri"],
    });

    let walk = Command::new("node")
        .arg(format!("{WORKSPACE}/tests/browser/walk.mjs"))
        .arg(known.to_string())
        .output()
        .await
        .expect("tests/run installs node");

    let (said, failed) = (String::from_utf8_lossy(&walk.stdout), String::from_utf8_lossy(&walk.stderr));
    assert!(walk.status.success(), "{said}{failed}");
}
