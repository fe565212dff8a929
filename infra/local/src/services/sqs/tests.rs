use aws_sdk_sqs::{
    Client,
    types::{DeleteMessageBatchRequestEntry, Message, QueueAttributeName, SendMessageBatchRequestEntry},
};

use crate::services::testing::World;

async fn queue(sqs: &Client, name: &str) -> String {
    sqs.create_queue().queue_name(name).send().await.unwrap().queue_url.unwrap()
}

/// A queue that gives up after `count` receptions, and where it gives messages to.
async fn queue_with_dead_letters(sqs: &Client, count: u32) -> (String, String) {
    let dead = queue(sqs, "dead").await;
    let arn = QueueAttributeName::QueueArn;
    let attributes = sqs.get_queue_attributes().queue_url(&dead).attribute_names(arn.clone()).send().await;
    let arn = attributes.unwrap().attributes.unwrap().remove(&arn).unwrap();
    let live = sqs
        .create_queue()
        .queue_name("live")
        .attributes(
            QueueAttributeName::RedrivePolicy,
            format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":"{count}"}}"#),
        )
        .send()
        .await
        .unwrap();
    (live.queue_url.unwrap(), dead)
}

async fn send(sqs: &Client, queue: &str, body: &str) {
    sqs.send_message().queue_url(queue).message_body(body).send().await.unwrap();
}

async fn receive(sqs: &Client, queue: &str) -> Vec<Message> {
    let receiving = sqs.receive_message().queue_url(queue).max_number_of_messages(10).visibility_timeout(30);
    receiving.send().await.unwrap().messages.unwrap_or_default()
}

async fn delete(sqs: &Client, queue: &str, message: &Message) {
    let receipt = message.receipt_handle.clone().unwrap();
    sqs.delete_message().queue_url(queue).receipt_handle(receipt).send().await.unwrap();
}

/// Gives a message back at once, as a failed consumer does.
async fn give_back(sqs: &Client, queue: &str, message: &Message) {
    sqs.change_message_visibility()
        .queue_url(queue)
        .receipt_handle(message.receipt_handle.clone().unwrap())
        .visibility_timeout(0)
        .send()
        .await
        .unwrap();
}

fn bodies(messages: &[Message]) -> Vec<&str> {
    messages.iter().filter_map(|message| message.body.as_deref()).collect()
}

#[tokio::test]
async fn a_message_is_received_until_it_is_deleted() {
    let world = World::new().await;
    let sqs = world.sqs();
    let jobs = queue(&sqs, "jobs").await;

    send(&sqs, &jobs, "one").await;
    let first = receive(&sqs, &jobs).await;
    let hidden = receive(&sqs, &jobs).await;
    give_back(&sqs, &jobs, &first[0]).await;
    let again = receive(&sqs, &jobs).await;
    delete(&sqs, &jobs, &again[0]).await;

    assert_eq!(bodies(&first), ["one"]);
    assert!(hidden.is_empty());
    assert_eq!(bodies(&again), ["one"]);
    assert!(receive(&sqs, &jobs).await.is_empty());
}

#[tokio::test]
async fn a_message_that_fails_too_often_goes_to_the_dead_letters() {
    let world = World::new().await;
    let sqs = world.sqs();
    let (live, dead) = queue_with_dead_letters(&sqs, 2).await;

    send(&sqs, &live, "poison").await;
    for _ in 0..2 {
        let received = receive(&sqs, &live).await;
        assert_eq!(bodies(&received), ["poison"]);
        give_back(&sqs, &live, &received[0]).await;
    }

    assert!(receive(&sqs, &live).await.is_empty());
    let moved = sqs.receive_message().queue_url(&dead).wait_time_seconds(2).send().await.unwrap();
    assert_eq!(bodies(&moved.messages.unwrap()), ["poison"]);
}

#[tokio::test]
async fn part_of_a_batch_may_fail() {
    let world = World::new().await;
    let sqs = world.sqs();
    let jobs = queue(&sqs, "jobs").await;
    for body in ["good", "bad", "fine"] {
        send(&sqs, &jobs, body).await;
    }

    let batch = receive(&sqs, &jobs).await;
    let (failed, done): (Vec<_>, Vec<_>) = batch.iter().partition(|message| message.body() == Some("bad"));
    let entries = done.iter().enumerate().map(|(at, message)| {
        let entry = DeleteMessageBatchRequestEntry::builder().id(at.to_string());
        entry.receipt_handle(message.receipt_handle().unwrap()).build().unwrap()
    });
    let deleted = sqs.delete_message_batch().queue_url(&jobs).set_entries(Some(entries.collect()));
    assert_eq!(deleted.send().await.unwrap().successful.len(), 2);
    give_back(&sqs, &jobs, failed[0]).await;

    assert_eq!(bodies(&receive(&sqs, &jobs).await), ["bad"]);
}

#[tokio::test]
async fn messages_survive_a_restart_unless_deleted() {
    let world = World::kept().await;
    let sqs = world.sqs();
    let jobs = queue(&sqs, "jobs").await;
    let entry = |id: &str| SendMessageBatchRequestEntry::builder().id(id).message_body(id).build().unwrap();

    send(&sqs, &jobs, "done").await;
    let done = receive(&sqs, &jobs).await;
    delete(&sqs, &jobs, &done[0]).await;
    send(&sqs, &jobs, "taken").await;
    receive(&sqs, &jobs).await;
    sqs.send_message_batch().queue_url(&jobs).entries(entry("a")).entries(entry("b")).send().await.unwrap();
    let world = world.restart().await;

    let sqs = world.sqs();
    let jobs = sqs.get_queue_url().queue_name("jobs").send().await.unwrap().queue_url.unwrap();
    let left = receive(&sqs, &jobs).await;
    assert_eq!(bodies(&left), ["taken", "a", "b"]);
    delete(&sqs, &jobs, &left[0]).await;

    let world = world.crash().await;
    let sqs = world.sqs();
    let jobs = sqs.get_queue_url().queue_name("jobs").send().await.unwrap().queue_url.unwrap();
    assert_eq!(bodies(&receive(&sqs, &jobs).await), ["a", "b"]);
}

#[tokio::test]
async fn dead_letters_are_still_dead_after_a_restart() {
    let world = World::kept().await;
    let sqs = world.sqs();
    let (live, _) = queue_with_dead_letters(&sqs, 1).await;

    send(&sqs, &live, "poison").await;
    let received = receive(&sqs, &live).await;
    give_back(&sqs, &live, &received[0]).await;
    assert!(receive(&sqs, &live).await.is_empty());
    let world = world.restart().await;

    let sqs = world.sqs();
    let (live, dead) = (
        sqs.get_queue_url().queue_name("live").send().await.unwrap().queue_url.unwrap(),
        sqs.get_queue_url().queue_name("dead").send().await.unwrap().queue_url.unwrap(),
    );
    assert!(receive(&sqs, &live).await.is_empty());
    assert_eq!(bodies(&receive(&sqs, &dead).await), ["poison"]);
}

#[tokio::test]
async fn a_purged_queue_stays_empty() {
    let world = World::kept().await;
    let sqs = world.sqs();
    let jobs = queue(&sqs, "jobs").await;

    send(&sqs, &jobs, "one").await;
    sqs.purge_queue().queue_url(&jobs).send().await.unwrap();
    let world = world.restart().await;

    let sqs = world.sqs();
    let jobs = sqs.get_queue_url().queue_name("jobs").send().await.unwrap().queue_url.unwrap();
    assert!(receive(&sqs, &jobs).await.is_empty());
}

#[tokio::test]
async fn stopping_does_not_wait_for_a_long_poll() {
    let world = World::new().await;
    let sqs = world.sqs();
    let jobs = queue(&sqs, "jobs").await;
    let polling = tokio::spawn(async move {
        let _ = sqs.receive_message().queue_url(jobs).wait_time_seconds(20).send().await;
    });
    tokio::task::yield_now().await;

    let stopping = std::time::Instant::now();
    world.services.stop().await;

    assert!(stopping.elapsed().as_secs() < 5);
    polling.abort();
}
