//! One ledger, five doors: what is asked for at one is seen through the others.

use reqwest::Method;

use crate::world::{World, send};

#[tokio::test]
async fn a_takeout_ordered_at_pace_is_a_data_retrieval_at_trivore() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;

    let id = world.order_takeout(alice, "alice@example.com").await;
    world.drain().await;

    let path = format!("/api/rest/users/{alice}/personaldatarequest");
    let list = send(world.as_trivore(Method::GET, &path)).await.expect(200).json();
    assert_eq!((&list[0]["id"], &list[0]["requestType"]), (&id.clone().into(), &"DATA_RETRIEVAL".into()));
    let takeouts =
        send(world.as_pace(Method::GET, &format!("/gdpr/{alice}/takeouts"))).await.expect(200).json();
    assert_eq!(takeouts["data"][0]["attributes"]["status"], "ready");
    let zip = send(world.as_pace(Method::GET, &format!("/gdpr/{alice}/takeouts/{id}"))).await.expect(200);
    assert_eq!(zip.header("content-type"), "application/zip");
    assert_eq!(&zip.bytes[..2], b"PK");
}
