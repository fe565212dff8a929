//! Purges: when they happen, when they do not, and what is left.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::json;

use crate::world::{World, send};

#[tokio::test]
async fn a_purge_waits_for_its_time() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    world.person_with_data("bob").await;
    let in_six_hours = json!({"suggested_purge_time": world.now() + TimeDelta::hours(6)});
    let path = format!("/users/v1/person/{alice}/purge");
    send(world.as_admin(Method::POST, &path).json(&in_six_hours)).await.expect(202);

    world.advance(TimeDelta::hours(5)).await;
    assert_eq!(world.rows_of("alice@example.com").await, 3);

    world.advance(TimeDelta::hours(2)).await;
    assert_eq!(world.rows_of("alice@example.com").await, 0);
    assert_eq!(world.all_rows().await, 3);
    let reply = send(world.as_admin(Method::GET, &path)).await.expect(200).json();
    assert_eq!(reply["status"], "purged");
    let subjects: Vec<_> = world.mails_to("alice@example.com").into_iter().map(|mail| mail.0).collect();
    assert_eq!(subjects.len(), 2, "{subjects:?}");
}
