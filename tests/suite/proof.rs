//! Who makes a request: codes, agents and mandates; and how often strangers may do something.

use std::net::IpAddr;

use chrono::TimeDelta;
use domain::deadline::Regime;
use futures_util::future::join_all;
use reqwest::{Client, Method, redirect::Policy};
use serde_json::json;
use uuid::Uuid;

use crate::{
    staff::{Browser, field},
    world::{World, send},
};

/// A request of Alice, as the path of its page.
async fn request(world: &World) -> String {
    let alice = world.person_with_data("alice").await;
    record(world, alice).await
}

async fn record(world: &World, person: Uuid) -> String {
    let ask = json!({"requestType": "DATA_RETRIEVAL", "requestRemarks": "Called"});
    let path = format!("/api/rest/users/{person}/personaldatarequest");
    let made = send(world.as_trivore(Method::POST, &path).json(&ask)).await.expect(201).json();
    format!("/console/requests/{}", made["id"].as_str().unwrap())
}

/// Has staff ask who it is by a code.
async fn ask(robin: &mut Browser<'_>, request: &str) {
    let version = field(&robin.text(request).await, "version");
    let fields = [("version", &*version), ("step", "send_code")];
    robin.post(&format!("{request}/clock"), &fields).await.expect(303);
    robin.world.drain().await;
}

/// The code in the last mail to Alice, and the page where it is entered.
fn mailed(world: &World) -> (String, String) {
    let (_, text) = world.mails_to("alice@example.com").pop().unwrap();
    let is_code = |line: &&str| line.len() == 8 && line.bytes().all(|b| b.is_ascii_digit());
    let code = text.lines().find(is_code).unwrap_or_else(|| panic!("{text}")).to_owned();
    let receipt = text.lines().find_map(|line| line.strip_prefix(&world.stack.gateway)).unwrap();
    (code, receipt.to_owned())
}

/// Enters a code as the page has it: the status, and where that leads.
async fn enter(browser: &mut Browser<'_>, receipt: &str, proof: &str) -> (u16, String) {
    let code = receipt.split_once("code=").unwrap().1;
    let fields = [("code", code), ("proof", proof)];
    let reply = browser.post_bare("/receipt/identity", &fields[..if proof.is_empty() { 1 } else { 2 }]).await;
    (reply.status, reply.header("location").to_owned())
}

fn another(code: &str) -> String {
    format!("{:08}", (code.parse::<u64>().unwrap() + 1) % 100_000_000)
}

#[tokio::test]
async fn a_person_shows_who_they_are_by_a_code() {
    let world = World::new().await;
    let request = request(&world).await;
    let mut robin = Browser::of(&world, "staff-robin").await;
    let mut alice = Browser::new(&world);
    ask(&mut robin, &request).await;
    let (code, receipt) = mailed(&world);
    assert!(robin.text(&request).await.contains("waits for the person"), "the clock stands still");
    assert!(world.items("lethe").await.iter().all(|item| !item.contains(&code)));
    let page = alice.text(&receipt).await;
    assert!(page.contains("Code from the mail") && !page.contains("alice@"), "{page}");

    let (status, told) = enter(&mut alice, &receipt, &another(&code)).await;
    assert_eq!((status, &*told), (303, &*format!("{receipt}&told=wrong")));
    assert!(alice.text(&told).await.contains("not the code"));
    world.stack.clock.advance(TimeDelta::minutes(10)).unwrap();
    let spaced = format!(" {} {} ", &code[..4], &code[4..]);
    let (status, told) = enter(&mut alice, &receipt, &spaced).await;

    assert_eq!((status, &*told), (303, &*format!("{receipt}&told=proved")));
    let page = alice.text(&told).await;
    assert!(page.contains("Thank you") && !page.contains("Code from the mail"));
    let page = robin.text(&request).await;
    for step in [
        "A code was mailed to the person: Robin Rask",
        "Another code was tried",
        "The code was entered",
        "The person has shown who they are",
    ] {
        assert!(page.contains(step), "{step}: {page}");
    }
    assert!(!page.contains("waits for the person"));
    // It works once.
    let over = format!("{receipt}&told=over");
    assert_eq!(enter(&mut alice, &receipt, &code).await.1, over);
    assert_eq!(enter(&mut alice, &receipt, "").await.1, over, "nobody asks any more");
    assert!(alice.text(&over).await.contains("No code is waited for"));
}

#[tokio::test]
async fn codes_are_not_found_by_trying_and_flood_no_mailbox() {
    let world = World::new().await;
    let request = request(&world).await;
    let mut robin = Browser::of(&world, "staff-robin").await;
    let mut anybody = Browser::new(&world);
    ask(&mut robin, &request).await;
    let (code, receipt) = mailed(&world);

    for _ in 0..5 {
        assert_eq!(enter(&mut anybody, &receipt, &another(&code)).await.0, 303);
    }
    let over = format!("{receipt}&told=over");
    assert_eq!(enter(&mut anybody, &receipt, &code).await.1, over, "no try is left");
    // Two more can be asked for at once; the first no longer works then.
    for _ in 0..2 {
        assert_eq!(enter(&mut anybody, &receipt, "").await.0, 303);
        world.drain().await;
    }
    let (newest, _) = mailed(&world);
    assert_eq!(enter(&mut anybody, &receipt, &code).await.1, format!("{receipt}&told=wrong"));
    let code_of_receipt = receipt.split_once("code=").unwrap().1;
    let refused = anybody.post_bare("/receipt/identity", &[("code", code_of_receipt)]).await.expect(429);
    assert!((1..=1200).contains(&refused.header("retry-after").parse::<u32>().unwrap()));
    assert!(String::from_utf8(refused.bytes).unwrap().contains("Too often"));
    assert_eq!(world.mails_to("alice@example.com").len(), 3);
    // Too late.
    world.stack.clock.advance(TimeDelta::minutes(15)).unwrap();
    assert_eq!(enter(&mut anybody, &receipt, &newest).await.1, over);
    // Whoever knows no receipt, or one that nobody doubts, sends no mail.
    for wrong in ["", "AAAA", &"A".repeat(43)] {
        assert_eq!(enter(&mut anybody, &format!("/receipt?code={wrong}"), "").await.0, 404);
    }
}

#[tokio::test]
async fn who_acts_for_a_person_shows_a_mandate() {
    let world = World::new().await;
    let request = request(&world).await;
    let mut robin = Browser::of(&world, "staff-robin").await;
    let path = format!("{request}/agent");
    let name = async |robin: &mut Browser<'_>, name: &str| {
        let version = field(&robin.text(&request).await, "version");
        robin.post(&path, &[("version", &*version), ("name", name)]).await.status
    };
    assert_eq!(name(&mut robin, "Bo Berg, attorney").await, 303);
    assert!(robin.text(&request).await.contains("mandate to be checked"));
    assert_eq!(name(&mut robin, "").await, 422, "there is no mandate");

    crate::attachments::attach(&mut robin, &request, "Power of attorney", "mandate", b"I, Alice,").await;
    world.advance(TimeDelta::minutes(1)).await;
    assert_eq!(name(&mut robin, "").await, 303);

    let page = robin.text(&request).await;
    assert!(
        page.contains("mandate accepted") && page.contains("The mandate was accepted: Robin Rask"),
        "{page}"
    );
    assert!(world.items("lethe").await.iter().all(|item| !item.contains("Bo Berg")));
    assert_eq!(name(&mut robin, "").await, 422, "it is accepted once");
    assert_eq!(name(&mut robin, "a\nb").await, 422);
}

#[tokio::test]
async fn where_the_law_asks_for_it_receipt_is_confirmed_by_itself() {
    for (regime, mails) in [(Regime::Gdpr, 0), (Regime::Ccpa, 1)] {
        let world = World::with(|tenant| tenant.law.regimes = regime.into()).await;
        request(&world).await;
        world.drain().await;

        let sent = world.mails_to("alice@example.com");

        assert_eq!(sent.len(), mails, "{regime:?}");
        assert!(sent.iter().all(|(subject, _)| subject == "We have received your request"));
        // A repeat is told nothing.
        world.advance(TimeDelta::days(12)).await;
        assert_eq!(world.mails_to("alice@example.com").len(), mails);
    }
}

/// Somebody who calls from another address of this machine.
fn from(last: u8) -> Client {
    let address = IpAddr::from([127, 0, 0, last]);
    Client::builder().local_address(address).redirect(Policy::none()).build().unwrap()
}

#[tokio::test]
async fn a_source_asks_so_often_and_no_more_however_many_handlers_there_are() {
    let world = World::new().await;
    let request = request(&world).await;
    let page = Browser::of(&world, "staff-robin").await.text(&request).await;
    let receipt = page.split_once("href=\"/receipt?code=").unwrap().1.split_once('"').unwrap().0;
    let url = format!("{}/receipt?code={receipt}", world.stack.gateway);
    let (here, there) = (from(2), from(3));
    let status = async |client: &Client| client.get(&url).send().await.unwrap().status().as_u16();

    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.extend(join_all((0..20).map(|_| status(&here))).await);
    }
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 60, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 200 | 429)));
    // What is refused writes nothing, and nothing tells whose address it was.
    let before = world.items("lethe").await;
    let refused = here.get(&url).send().await.unwrap();
    assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (429, &"2".parse().unwrap()));
    assert_eq!(world.items("lethe").await, before);
    assert!(before.iter().all(|item| !item.contains("127.0.0.2")));
    // Others are not concerned, and time heals.
    assert_eq!(status(&there).await, 200);
    world.stack.clock.advance(TimeDelta::seconds(2)).unwrap();
    assert_eq!((status(&here).await, status(&here).await), (200, 429));
    // What no header can change.
    let forged = here.get(&url).header("x-forwarded-for", "192.0.2.1").send().await.unwrap();
    assert_eq!(forged.status(), 429);
}

#[tokio::test]
async fn signing_in_and_opening_views_are_limited_too() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let path = format!("/api/rest/users/{alice}/personaldatarequest/view-uri");
    let link = send(world.as_trivore(Method::POST, &path)).await.expect(200).json();
    let link = link["viewUri"].as_str().unwrap().to_owned();
    let client = from(4);
    // Of the same length and for the same person, but not what they were sent.
    let guess = format!("{}AAAAAAAA", &link[..link.len() - 8]);
    let status = async |url: &str| client.post(url).send().await.unwrap().status().as_u16();
    for _ in 0..20 {
        assert_eq!(status(&guess).await, 410);
    }
    assert_eq!(status(&guess).await, 429);
    assert_eq!((status(&link).await, status(&link).await), (303, 410), "who has a link is no guesser");

    let mut statuses = Vec::new();
    for _ in 0..61 {
        let mut browser = Browser::new(&world);
        let back = browser.leave("staff-dana", "/console").await;
        statuses.push(browser.get(&back).await.status);
    }
    assert_eq!((statuses[59], statuses[60]), (303, 429));
    world.stack.clock.advance(TimeDelta::seconds(10)).unwrap();
    Browser::of(&world, "staff-dana").await.get("/console").await.expect(200);
}
