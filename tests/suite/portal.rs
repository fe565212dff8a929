//! What the persons themselves see: their view behind a one-time link, and the page of a receipt.

use chrono::TimeDelta;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use crate::{
    staff::{Browser, field},
    world::{Reply, World, send},
};

const VIEW: &str = "/personal-data-view/requests";

/// A new link of a person, as a path.
async fn link(world: &World, person: Uuid) -> String {
    let path =
        format!("/api/rest/users/{person}/personaldatarequest/view-uri?returnUri=https://app.example.com/me");
    let reply = send(world.as_trivore(Method::POST, &path)).await.expect(200).json();
    let link = reply["viewUri"].as_str().unwrap();
    link.strip_prefix(&world.stack.gateway).unwrap().to_owned()
}

async fn record(world: &World, person: Uuid, kind: &str) -> String {
    let ask = json!({"requestType": kind, "requestRemarks": "Said at the desk"});
    let path = format!("/api/rest/users/{person}/personaldatarequest");
    let made = send(world.as_trivore(Method::POST, &path).json(&ask)).await.expect(201).json();
    made["id"].as_str().unwrap().to_owned()
}

/// What a page says, but for the number of its call.
fn said(reply: &Reply) -> (u16, Vec<u8>) {
    (reply.status, reply.bytes.clone())
}

#[tokio::test]
async fn a_link_shows_a_button_and_the_button_works_once() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let id = record(&world, alice, "CORRECTION").await;
    let mut robin = Browser::of(&world, "staff-robin").await;
    let request = format!("/console/requests/{id}");
    let version = field(&robin.text(&request).await, "version");
    let fields = [("version", &*version), ("comment", "It is corrected."), ("remarks", "canary-of-remarks")];
    robin.post(&format!("{request}/confirm"), &fields).await.expect(303);
    let link = link(&world, alice).await;
    let mut person = Browser::new(&world);

    for _ in 0..10 {
        let page = person.text(&link).await;
        assert!(page.contains("Show my requests") && !page.contains("corrected"));
    }
    for method in [Method::HEAD, Method::OPTIONS] {
        let reply = world.call(method, &link).send().await.unwrap();
        assert!(reply.status().is_client_error(), "the gateway knows no such call");
    }
    person.get(VIEW).await.expect(410);
    let opened = person.post_bare(&link, &[]).await.expect(303);
    assert_eq!(opened.header("location"), VIEW, "the address says nothing of the token");
    let page = person.text(VIEW).await;

    assert!(page.contains("It is corrected.") && page.contains("Correction of the data"), "{page}");
    assert!(page.contains("href=\"https://app.example.com/me\""));
    assert!(!page.contains("canary-of-remarks") && !page.contains("Said at the desk"));
    // In another browser there is nothing.
    Browser::new(&world).get(VIEW).await.expect(410);
    world.stack.clock.advance(TimeDelta::minutes(14)).unwrap();
    person.get(VIEW).await.expect(200);
    world.stack.clock.advance(TimeDelta::minutes(1)).unwrap();
    person.get(VIEW).await.expect(410);
    // The token itself is nowhere.
    let token = &link[link.len() - 40..];
    assert!(world.items("lethe").await.iter().all(|item| !item.contains(token)));
}

#[tokio::test]
async fn whatever_is_wrong_with_a_link_is_told_by_the_same_page() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let bob = world.person_with_data("bob").await;
    let mut browser = Browser::new(&world);
    let replaced = link(&world, alice).await;
    let used = link(&world, alice).await;
    browser.post_bare(&used, &[]).await.expect(303);
    let expired = link(&world, bob).await;
    world.stack.clock.advance(TimeDelta::days(30)).unwrap();
    let unknown = format!("/personal-data-view?ssdt={}", "A".repeat(78));
    let foreign = format!("{}x", link(&world, alice).await);

    let first = said(&browser.post_bare(&used, &[]).await);

    assert_eq!(first.0, 410);
    for path in
        [&replaced, &expired, &unknown, &foreign, "/personal-data-view", "/personal-data-view?ssdt=%00"]
    {
        assert_eq!(said(&browser.post_bare(path, &[]).await), first, "{path}");
    }
    // The button is shown whatever lies behind it: nobody learns which links there are.
    for path in [&used, &expired, &unknown] {
        browser.get(path).await.expect(200);
    }
    assert_eq!(said(&browser.get(VIEW).await), first);
}

#[tokio::test]
async fn a_new_link_and_an_erasure_close_what_is_open() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let mut browser = Browser::new(&world);
    browser.post_bare(&link(&world, alice).await, &[]).await.expect(303);
    browser.get(VIEW).await.expect(200);

    let newer = link(&world, alice).await;
    browser.get(VIEW).await.expect(410);
    browser.post_bare(&newer, &[]).await.expect(303);
    let last = link(&world, alice).await;
    browser.post_bare(&last, &[]).await.expect(303);
    let now = json!({"suggested_purge_time": world.now().to_rfc3339()});
    send(world.as_admin(Method::POST, &format!("/users/v1/person/{alice}/purge")).json(&now))
        .await
        .expect(202);
    world.drain().await;

    browser.get(VIEW).await.expect(410);
}

#[tokio::test]
async fn of_fifty_who_press_the_button_at_once_one_is_let_in_a_hundred_times() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let mut wins = 0;
    for _ in 0..100 {
        let link = link(&world, alice).await;
        let replies = join_all((0..50).map(|_| world.call(Method::POST, &link).send())).await;
        let statuses: Vec<u16> = replies.into_iter().map(|reply| reply.unwrap().status().as_u16()).collect();
        assert!(statuses.iter().all(|status| matches!(status, 303 | 410)), "{statuses:?}");
        wins += statuses.iter().filter(|status| **status == 303).count();
    }
    assert_eq!(wins, 100);
}

#[tokio::test]
async fn a_receipt_tells_how_a_request_stands_even_after_the_erasure() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let purge = format!("/users/v1/person/{alice}/purge");
    send(world.as_admin(Method::POST, &purge).json(&json!({}))).await.expect(202);
    let mut dana = Browser::of(&world, "staff-dana").await;
    let found = dana.post("/console/persons", &[("identity", "alice@example.com")]).await.expect(200);
    let found = String::from_utf8(found.bytes).unwrap();
    let person = found.split_once("href=\"/console/persons/").unwrap().1.split_once('"').unwrap().0;
    let page = dana.text(&format!("/console/persons/{person}")).await;
    let request = page.split_once("<a href=\"/console/requests/").unwrap().1.split_once('"').unwrap().0;
    let page = dana.text(&format!("/console/requests/{request}")).await;
    let receipt = page.split_once("href=\"/receipt?code=").unwrap().1.split_once('"').unwrap().0;
    let receipt = format!("/receipt?code={receipt}");
    let mut anybody = Browser::new(&world);

    let before = anybody.text(&receipt).await;
    assert!(before.contains("being dealt with") && before.contains("To be answered by"), "{before}");
    world.advance(TimeDelta::days(31)).await;
    let after = anybody.text(&receipt).await;

    assert!(
        after.contains("signature verified") && after.contains("<dt>Rows erased</dt><dd>3</dd>"),
        "{after}"
    );
    assert!(!after.contains("alice") && !after.contains(&alice.to_string()));
    let mail = world.mails_to("alice@example.com").pop().unwrap().1;
    assert!(mail.contains(&receipt), "{mail}");
    assert!(anybody.text("/receipt").await.contains("Enter the code"));
    for wrong in ["", "x", "AAAA", &"A".repeat(43)] {
        let page = anybody.get(&format!("/receipt?code={wrong}")).await.expect(404);
        assert!(String::from_utf8(page.bytes).unwrap().contains("nothing under this code"));
    }
}
