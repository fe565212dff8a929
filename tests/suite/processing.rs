//! Whether data may be used for a purpose, and what a person objects to.

use chrono::TimeDelta;
use domain::tenant::Tenant;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::{Reply, World, send};

/// A shop that does more with data than it asks consent for.
async fn world() -> World {
    World::with(|tenant: &mut Tenant| {
        tenant.purposes = serde_json::from_value(json!({
            "statistics": {"basis": "consent", "consent": "analytics"},
            "newsletter": {"basis": "consent", "consent": "marketing"},
            "orders": {"basis": "contract"},
            "tax": {"basis": "legal_obligation"},
            "fraud": {"basis": "legitimate_interests"},
            "catalogue": {"basis": "legitimate_interests", "direct_marketing": true},
            "rescue": {"basis": "vital_interests"},
            "census": {"basis": "public_task"},
        }))
        .unwrap();
    })
    .await
}

async fn ask(world: &World, person: &str, query: &str) -> Reply {
    send(world.as_admin(Method::GET, &format!("/lethe/v1/persons/{person}/processing{query}"))).await
}

/// Whether the data may be used, and why.
async fn may(world: &World, person: Uuid, purpose: &str) -> (bool, String) {
    let reply = ask(world, &person.to_string(), &format!("?purpose={purpose}")).await.expect(200).json();
    assert_eq!(reply["purpose"], purpose);
    (reply["allowed"].as_bool().unwrap(), reply["reason"].as_str().unwrap().to_owned())
}

#[track_caller]
fn assert_reason(told: (bool, String), allowed: bool, reason: &str) {
    assert_eq!(told, (allowed, reason.to_owned()));
}

async fn consents(world: &World, person: Uuid, levels: &[&str]) {
    let path = format!("/persons/{person}/consent/gdpr");
    let body = json!({"consent_levels": levels});
    send(world.as_slashid(Method::PUT, &path).json(&body)).await.expect(200);
}

fn objection(person: Uuid, purpose: &str) -> String {
    format!("/lethe/v1/persons/{person}/objections/{purpose}")
}

async fn object(world: &World, person: Uuid, purpose: &str) -> Reply {
    send(world.as_admin(Method::PUT, &objection(person, purpose))).await
}

async fn overrule(world: &World, person: Uuid, purpose: &str) -> Reply {
    let path = objection(person, purpose) + "/override";
    send(world.as_admin(Method::POST, &path).json(&json!({"ground": "fraud against others"}))).await
}

#[tokio::test]
async fn consent_is_asked_for_where_it_is_needed_and_nowhere_else() {
    let world = world().await;
    let alice = world.person_with_data("alice").await;

    assert_reason(may(&world, alice, "statistics").await, false, "no_consent");
    assert_reason(may(&world, alice, "orders").await, true, "not_required");
    consents(&world, alice, &["necessary", "analytics"]).await;
    assert_reason(may(&world, alice, "statistics").await, true, "consent");
    assert_reason(may(&world, alice, "newsletter").await, false, "no_consent");

    world.advance(TimeDelta::hours(1)).await;
    consents(&world, alice, &["none"]).await;
    world.advance(TimeDelta::hours(1)).await;
    consents(&world, alice, &["marketing"]).await;
    let withdrawn = ask(&world, &alice.to_string(), "?purpose=statistics").await.expect(200).json();
    assert_eq!(
        withdrawn,
        json!({
            "allowed": false,
            "purpose": "statistics",
            "reason": "consent_withdrawn",
            "basis": "consent",
            "since": "2026-03-02T11:00:00.000Z",
        })
    );
    assert_reason(may(&world, alice, "newsletter").await, true, "consent");
}

#[tokio::test]
async fn without_settings_each_consent_level_is_a_purpose() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    consents(&world, alice, &["tracking"]).await;

    assert_reason(may(&world, alice, "tracking").await, true, "consent");
    assert_reason(may(&world, alice, "marketing").await, false, "no_consent");
}

#[tokio::test]
async fn a_purpose_that_is_none_of_the_tenants_is_refused() {
    let world = world().await;
    let alice = world.person_with_data("alice").await.to_string();

    let unknown = ask(&world, &alice, "?purpose=profit").await.expect(422).json();
    assert_eq!(unknown["type"], "urn:lethe:problem:unknown_purpose");
    assert!(unknown["detail"].as_str().unwrap().contains("newsletter"), "{unknown}");
    assert!(!unknown.to_string().contains("profit"), "{unknown}");
    let missing = ask(&world, &alice, "").await.expect(400).json();
    assert_eq!(missing["errors"][0]["parameter"], "purpose");
    ask(&world, &alice, "?purpose=tax&purpose=tax").await.expect(400);
    let nobody = ask(&world, "nobody", "?purpose=tax").await.expect(404).json();
    assert_eq!(nobody["type"], "urn:lethe:problem:person_not_found");
}

#[tokio::test]
async fn in_an_open_tenant_somebody_unknown_has_given_no_consent() {
    let world = World::with(|tenant| tenant.subjects = domain::tenant::Subjects::Open).await;
    let before = world.items("lethe").await;

    let reply = ask(&world, "somebody", "?purpose=analytics").await.expect(200).json();

    assert_eq!((&reply["allowed"], &reply["reason"]), (&json!(false), &json!("no_consent")));
    assert_eq!(world.items("lethe").await, before);
}

#[tokio::test]
async fn a_restriction_bars_everything_but_what_saves_a_life() {
    let world = world().await;
    let alice = world.person_with_data("alice").await;
    consents(&world, alice, &["analytics"]).await;
    let ban = json!({"type": "account_lockout", "expiration": world.now() + TimeDelta::hours(1)});
    let path = format!("/users/v1/person/{alice}/restrictions");
    send(world.as_admin(Method::POST, &path).json(&ban)).await.expect(201);

    for purpose in ["statistics", "orders", "tax", "fraud", "census"] {
        assert_reason(may(&world, alice, purpose).await, false, "restricted");
    }
    assert_reason(may(&world, alice, "rescue").await, true, "not_required");
    world.advance(TimeDelta::hours(1)).await;
    assert_reason(may(&world, alice, "statistics").await, true, "consent");
}

#[tokio::test]
async fn an_objection_counts_at_once_until_it_is_withdrawn() {
    let world = world().await;
    let alice = world.person_with_data("alice").await;
    consents(&world, alice, &["analytics"]).await;

    let made = object(&world, alice, "fraud").await.expect(201).json();
    assert_eq!(
        made,
        json!({"objected_at": "2026-03-02T10:00:00.000Z", "recorded_by": world.stack.identity.admin})
    );
    object(&world, alice, "statistics").await.expect(201);
    for purpose in ["fraud", "statistics"] {
        assert_reason(may(&world, alice, purpose).await, false, "objected");
    }
    assert_reason(may(&world, alice, "census").await, true, "not_required");
    world.advance(TimeDelta::hours(1)).await;
    assert_eq!(object(&world, alice, "fraud").await.expect(200).json(), made);
    let person = format!("/lethe/v1/persons/{alice}");
    let known = send(world.as_admin(Method::GET, &person)).await.expect(200).json();
    assert_eq!(known["objections"]["fraud"], made);

    send(world.as_admin(Method::DELETE, &objection(alice, "fraud"))).await.expect(204);
    send(world.as_admin(Method::DELETE, &objection(alice, "fraud"))).await.expect(404);
    assert_reason(may(&world, alice, "fraud").await, true, "not_required");
    // Other changes of the person leave it alone.
    let body = json!({"identities": {"email": "alice@example.org"}});
    send(world.as_admin(Method::PUT, &person).json(&body)).await.expect(200);
    assert_reason(may(&world, alice, "statistics").await, false, "objected");
}

#[tokio::test]
async fn grounds_override_an_objection_but_never_one_to_direct_marketing() {
    let world = world().await;
    let alice = world.person_with_data("alice").await;
    for purpose in ["fraud", "catalogue", "newsletter"] {
        object(&world, alice, purpose).await.expect(201);
    }

    let overruled = overrule(&world, alice, "fraud").await.expect(200).json();
    assert_eq!(overruled["overridden"]["ground"], "fraud against others");
    assert_reason(may(&world, alice, "fraud").await, true, "not_required");
    for purpose in ["catalogue", "newsletter"] {
        let refused = overrule(&world, alice, purpose).await.expect(400).json();
        assert_eq!(refused["errors"][0]["parameter"], "purpose", "{purpose}");
        assert_reason(may(&world, alice, purpose).await, false, "objected");
    }
    assert_eq!(overrule(&world, alice, "census").await.status, 404);
    assert_eq!(overrule(&world, alice, "profit").await.status, 422);
    // Whoever objects anew is heard anew.
    send(world.as_admin(Method::DELETE, &objection(alice, "fraud"))).await.expect(204);
    object(&world, alice, "fraud").await.expect(201);
    assert_reason(may(&world, alice, "fraud").await, false, "objected");
    // The grounds are for whoever may override alone.
    let token = world.token("clerk", &["lethe:persons:write"]);
    let call = world.call(Method::POST, &(objection(alice, "fraud") + "/override")).bearer_auth(token);
    send(call.json(&json!({"ground": "x"}))).await.expect(403);
}

#[tokio::test]
async fn there_is_no_objection_to_what_the_law_or_a_contract_wants() {
    let world = world().await;
    let alice = world.person_with_data("alice").await;

    for purpose in ["orders", "tax", "rescue"] {
        let refused = object(&world, alice, purpose).await.expect(400).json();
        assert_eq!(refused["errors"][0]["parameter"], "purpose", "{purpose}");
    }
    assert_eq!(object(&world, alice, "profit").await.status, 422);
    assert_eq!(object(&world, Uuid::nil(), "fraud").await.status, 404);
}

#[tokio::test]
async fn a_purge_bars_data_from_the_moment_it_is_asked_for() {
    let world = world().await;
    let alice = world.person_with_data("alice").await;
    consents(&world, alice, &["analytics"]).await;
    let purge = format!("/users/v1/person/{alice}/purge");
    let ask_for = async |at| {
        let body = json!({ "suggested_purge_time": at });
        send(world.as_admin(Method::POST, &purge).json(&body)).await.expect(202);
    };
    ask_for(world.now() + TimeDelta::days(1)).await;

    for purpose in ["statistics", "orders", "fraud", "census"] {
        assert_reason(may(&world, alice, purpose).await, false, "pending_purge");
    }
    for purpose in ["tax", "rescue"] {
        assert_reason(may(&world, alice, purpose).await, true, "not_required");
    }
    send(world.as_admin(Method::DELETE, &purge)).await.expect(204);
    assert_reason(may(&world, alice, "statistics").await, true, "consent");

    ask_for(world.now()).await;
    world.drain().await;
    for purpose in ["statistics", "orders", "tax", "rescue"] {
        assert_reason(may(&world, alice, purpose).await, false, "erased");
    }
    let erased = ask(&world, &alice.to_string(), "?purpose=tax").await.expect(200).json();
    assert_eq!(erased["since"], "2026-03-02T10:00:00.000Z");
    // Whoever comes back has given no consent.
    world.register(&alice.to_string(), "alice@example.com").await;
    assert_reason(may(&world, alice, "statistics").await, false, "no_consent");
}

#[tokio::test]
async fn what_decides_is_told_without_what_was_said() {
    let world = world().await;
    let alice = world.person_with_data("alice").await;
    object(&world, alice, "fraud").await.expect(201);
    overrule(&world, alice, "fraud").await.expect(200);

    for item in world.items("lethe").await {
        assert!(!item.contains("fraud against others") && !item.contains(&alice.to_string()), "{item}");
    }
    // Nothing sealed is opened: who may ask this gets to know nothing else.
    let reply = ask(&world, &alice.to_string(), "?purpose=fraud").await.expect(200).json();
    let fields: Vec<&String> = reply.as_object().map(|fields| fields.keys().collect()).unwrap();
    assert_eq!(fields, ["allowed", "basis", "purpose", "reason"], "{reply}");
    let token = world.token("app", &["lethe:processing:read"]);
    let path = format!("/lethe/v1/persons/{alice}");
    send(world.call(Method::GET, &path).bearer_auth(&token)).await.expect(403);
    send(world.call(Method::GET, &(path + "/processing?purpose=tax")).bearer_auth(&token)).await.expect(200);
}

#[tokio::test]
async fn objections_are_part_of_the_record_as_long_as_the_person_is() {
    let world = world().await;
    let alice = world.person_with_data("alice").await;
    object(&world, alice, "fraud").await.expect(201);
    let purge = format!("/users/v1/person/{alice}/purge");
    let now = json!({"suggested_purge_time": world.now()});
    send(world.as_admin(Method::POST, &purge).json(&now)).await.expect(202);
    world.drain().await;
    world.register(&alice.to_string(), "alice@example.com").await;

    let known =
        send(world.as_admin(Method::GET, &format!("/lethe/v1/persons/{alice}"))).await.expect(200).json();
    assert_eq!(known["objections"], Value::Null);
    assert_reason(may(&world, alice, "fraud").await, true, "not_required");
}
