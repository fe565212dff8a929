//! Purges: when they happen, when they do not, and what is left.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    OrgId, PersonId, PersonKey, RequestId,
    purge::{Purge, PurgeState},
    request::{Door, Kind, Request, Work},
    tenant::Tenant,
};
use functions::purges::erase;
use reqwest::Method;
use runtime::queues::{Job, Queue};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::{Setup, World, send};

fn path(person: Uuid) -> String {
    format!("/users/v1/person/{person}/purge")
}

async fn queue(world: &World, person: Uuid, at: DateTime<Utc>) {
    let body = json!({ "suggested_purge_time": at });
    send(world.as_admin(Method::POST, &path(person)).json(&body)).await.expect(202);
}

async fn cancel(world: &World, person: Uuid) -> u16 {
    send(world.as_admin(Method::DELETE, &path(person))).await.status
}

/// How the purge stands, in RallyHere's word; empty if there is none.
async fn status(world: &World, person: Uuid) -> String {
    let reply = send(world.as_admin(Method::GET, &path(person))).await;
    reply.json()["status"].as_str().unwrap_or_default().to_owned()
}

async fn key(world: &World, person: Uuid) -> PersonKey {
    world.stack.app.ledger(world.org()).key_of(&PersonId::from(person)).await.unwrap()
}

/// The erasure as the ledger has it.
async fn erasure(world: &World, person: Uuid) -> Request {
    let key = key(world, person).await;
    world.stack.app.ledger(world.org()).erasure(key).await.unwrap().unwrap()
}

/// The message that hands a person's purge to a worker.
async fn job(world: &World, person: Uuid) -> Job {
    Job { org: world.org(), person: key(world, person).await, request: None }
}

/// Puts messages on the queue, one by one, and waits until they are worked off.
async fn deliver(world: &World, jobs: &[Job]) {
    for job in jobs {
        world.stack.app.enqueue(Queue::Purges, &[*job]).await.unwrap();
    }
    world.drain().await;
}

/// The request as our own API tells it.
async fn told(world: &World, id: RequestId) -> Value {
    send(world.as_admin(Method::GET, &format!("/lethe/v1/requests/{id}"))).await.expect(200).json()
}

async fn run(world: &World, statement: &'static str) {
    sqlx::query(statement).execute(&mut world.shop().await).await.unwrap();
}

#[tokio::test]
async fn a_purge_waits_for_its_time() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    world.person_with_data("bob").await;
    queue(&world, alice, world.now() + TimeDelta::hours(6)).await;

    world.advance(TimeDelta::hours(5)).await;
    assert_eq!(world.rows_of("alice@example.com").await, 3);

    world.advance(TimeDelta::hours(2)).await;
    assert_eq!(world.rows_of("alice@example.com").await, 0);
    assert_eq!(world.all_rows().await, 3);
    assert_eq!(status(&world, alice).await, "purged");
    let subjects: Vec<_> = world.mails_to("alice@example.com").into_iter().map(|mail| mail.0).collect();
    assert_eq!(subjects.len(), 2, "{subjects:?}");
}

#[tokio::test]
async fn messages_that_come_early_erase_nothing() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let due = world.now() + TimeDelta::seconds(50);
    queue(&world, alice, due).await;
    world.drain().await;
    let before = erasure(&world, alice).await;

    deliver(&world, &[job(&world, alice).await; 5]).await;
    world.stack.clock.advance(TimeDelta::seconds(50) - TimeDelta::microseconds(1)).unwrap();
    deliver(&world, &[job(&world, alice).await; 5]).await;

    assert_eq!(erasure(&world, alice).await, before);
    assert_eq!(world.rows_of("alice@example.com").await, 3);
    world.stack.clock.advance(TimeDelta::microseconds(1)).unwrap();
    deliver(&world, &[job(&world, alice).await]).await;
    assert_eq!(world.rows_of("alice@example.com").await, 0);
}

#[tokio::test]
async fn messages_that_come_often_and_late_change_nothing() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    queue(&world, alice, world.now() + TimeDelta::seconds(30)).await;
    world.drain().await;
    world.stack.clock.advance(TimeDelta::seconds(30)).unwrap();
    let again = job(&world, alice).await;
    let id = erasure(&world, alice).await.id;

    // At once, in one message and in many, and naming the request or not.
    world.stack.app.enqueue(Queue::Purges, &[again; 10]).await.unwrap();
    deliver(&world, &[[again; 5], [Job { request: Some(id), ..again }; 5]].concat()).await;

    let done = told(&world, id).await;
    assert_eq!((&done["status"], &done["purge"]["attempts"]), (&"completed".into(), &1.into()), "{done}");
    assert_eq!(
        done["purge"]["stores"][0]["erased"].as_u64().unwrap()
            + done["purge"]["stores"][1]["erased"].as_u64().unwrap(),
        3
    );
    let before = erasure(&world, alice).await;
    for _ in 0..3 {
        deliver(&world, &[again; 5]).await;
        world.advance(TimeDelta::hours(1)).await;
    }
    assert_eq!(erasure(&world, alice).await, before);
    assert_eq!(world.mails_to("alice@example.com").len(), 2);
}

#[tokio::test]
async fn an_earlier_message_loses_against_a_later_time() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let soon = world.now() + TimeDelta::seconds(30);
    queue(&world, alice, soon).await;
    let early = job(&world, alice).await;
    queue(&world, alice, soon + TimeDelta::hours(5)).await;

    world.advance(TimeDelta::hours(1)).await;
    deliver(&world, &[early; 3]).await;
    assert_eq!(
        (status(&world, alice).await.as_str(), world.rows_of("alice@example.com").await),
        ("queued", 3)
    );

    // Moved back, the same message is as good as any.
    queue(&world, alice, soon).await;
    world.drain().await;
    assert_eq!(
        (status(&world, alice).await.as_str(), world.rows_of("alice@example.com").await),
        ("purged", 0)
    );
}

#[tokio::test]
async fn whatever_the_order_of_times_the_last_one_counts() {
    let world = World::new().await;
    let hours = [1, 2, 3];
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    let start = world.now();
    let mut persons = Vec::new();
    for (number, order) in orders.iter().enumerate() {
        let name = format!("person{number}");
        let person = world.person_with_data(&name).await;
        for place in order {
            queue(&world, person, start + TimeDelta::hours(hours[*place])).await;
        }
        persons.push((person, format!("{name}@example.com"), hours[order[2]]));
    }

    for hour in 1..=3 {
        world.advance(TimeDelta::hours(1)).await;
        for (person, email, due) in &persons {
            deliver(&world, &[job(&world, *person).await; 2]).await;
            let expected = if *due <= hour { 0 } else { 3 };
            assert_eq!(world.rows_of(email).await, expected, "{email} at {hour}, due {due}");
        }
    }
}

#[tokio::test]
async fn messages_about_others_change_nothing() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let bob = world.person_with_data("bob").await;
    queue(&world, alice, world.now() + TimeDelta::seconds(30)).await;
    world.drain().await;
    world.stack.clock.advance(TimeDelta::seconds(30)).unwrap();
    let (own, other) = (job(&world, alice).await, job(&world, bob).await);
    let before = erasure(&world, alice).await;

    let elsewhere = OrgId(Uuid::nil());
    deliver(
        &world,
        &[
            // A tenant, a person, a request that are not those of the purge.
            Job { org: elsewhere, ..own },
            Job { person: PersonKey([7; 10]), ..own },
            Job { request: Some(RequestId(Uuid::nil())), ..own },
            Job { request: Some(before.id), ..other },
            other,
        ],
    )
    .await;

    assert_eq!(erasure(&world, alice).await, before);
    assert_eq!(world.all_rows().await, 6);
}

#[tokio::test]
async fn a_message_about_an_erasure_that_was_called_off_does_not_begin_the_next() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    queue(&world, alice, world.now() + TimeDelta::hours(1)).await;
    let old = Job { request: Some(erasure(&world, alice).await.id), ..job(&world, alice).await };
    assert_eq!(cancel(&world, alice).await, 204);
    queue(&world, alice, world.now() + TimeDelta::seconds(30)).await;
    world.drain().await;
    world.stack.clock.advance(TimeDelta::seconds(30)).unwrap();

    let app = world.stack.app.clone();
    erase::handle(app.clone(), old).await.unwrap();
    assert_eq!(status(&world, alice).await, "queued");
    erase::handle(app, Job { request: None, ..old }).await.unwrap();
    assert_eq!(status(&world, alice).await, "purged");
}

#[tokio::test]
async fn a_purge_whose_cancel_was_confirmed_never_erases() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    queue(&world, alice, world.now() + TimeDelta::seconds(30)).await;
    let late = job(&world, alice).await;
    assert_eq!(cancel(&world, alice).await, 204);

    for _ in 0..5 {
        world.advance(TimeDelta::days(40)).await;
        deliver(&world, &[late; 3]).await;
    }

    assert_eq!(world.rows_of("alice@example.com").await, 3);
    assert_eq!(status(&world, alice).await, "");
    assert_eq!(erasure(&world, alice).await.purge().unwrap().attempts, 0);
}

/// A person whose purge is due, and has not begun: the scheduler has not come by yet.
async fn due(world: &World, name: &str) -> (Uuid, Job) {
    let person = world.person_with_data(name).await;
    queue(world, person, world.now() + TimeDelta::microseconds(1)).await;
    world.drain().await;
    world.stack.clock.advance(TimeDelta::microseconds(1)).unwrap();
    (person, job(world, person).await)
}

/// Lets everybody else take so many turns first.
async fn step_back(turns: usize) {
    for _ in 0..turns {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn of_a_cancel_and_a_claim_at_the_same_time_one_wins() {
    let world = World::new().await;
    let app = &world.stack.app;

    for round in 0..50 {
        let name = format!("person{round}");
        let email = format!("{name}@example.com");
        let (person, job) = due(&world, &name).await;

        // With fewer than two turns the cancel mostly wins, with more the worker does.
        let late_cancel = async {
            step_back(round % 4).await;
            cancel(&world, person).await
        };
        let (cancelled, erased) = tokio::join!(late_cancel, erase::handle(app.clone(), job));
        erased.unwrap();
        world.drain().await;

        let outcome = (cancelled, status(&world, person).await, world.rows_of(&email).await);
        let expected = if cancelled == 204 { (204, String::new(), 3) } else { (409, "purged".to_owned(), 0) };
        assert_eq!(outcome, expected, "round {round}");
    }
}

#[tokio::test]
async fn of_two_workers_at_the_same_time_one_wins() {
    let world = World::new().await;
    let app = &world.stack.app;

    for round in 0..50 {
        let name = format!("person{round}");
        let (person, job) = due(&world, &name).await;

        let (one, other) = tokio::join!(erase::handle(app.clone(), job), async {
            step_back(round % 4).await;
            erase::handle(app.clone(), job).await
        });
        one.unwrap();
        other.unwrap();
        world.drain().await;

        let purge = erasure(&world, person).await.purge().unwrap().clone();
        let erased: u64 = purge.outcomes.iter().map(|outcome| outcome.erased).sum();
        assert_eq!((purge.attempts, erased), (1, 3), "round {round}");
        assert_eq!(status(&world, person).await, "purged", "round {round}");
        let mails = world.mails_to(&format!("{name}@example.com"));
        assert_eq!(mails.len(), 2, "round {round}: {mails:?}");
    }
}

#[tokio::test]
async fn neighbours_stay_untouched() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    let bob = world.person_with_data("bob").await;
    let carol = world.person_with_data("carol").await;
    world.order_takeout(bob, "bob@example.com").await;
    queue(&world, carol, world.now() + TimeDelta::days(60)).await;
    let ban = json!({"type": "account_ban"});
    send(world.as_admin(Method::POST, &format!("/users/v1/person/{bob}/restrictions")).json(&ban))
        .await
        .expect(201);
    world.drain().await;
    let seen = async |person: Uuid| {
        let mut seen = Vec::new();
        for path in [
            format!("/lethe/v1/persons/{person}"),
            format!("/lethe/v1/requests?person_id={person}"),
            format!("/users/v1/person/{person}/restrictions"),
            format!("/users/v1/person/{person}/purge"),
            format!("/user/2024-3/gdpr/{person}/takeouts"),
        ] {
            let reply = send(world.as_admin(Method::GET, &path)).await;
            seen.push((reply.status, String::from_utf8(reply.bytes).unwrap()));
        }
        seen
    };
    let before = (seen(bob).await, seen(carol).await);

    queue(&world, alice, world.now()).await;
    world.drain().await;

    assert_eq!(world.rows_of("alice@example.com").await, 0);
    assert_eq!((seen(bob).await, seen(carol).await), before);
    assert_eq!((world.rows_of("bob@example.com").await, world.rows_of("carol@example.com").await), (3, 3));
    let gone = seen(alice).await;
    let statuses: Vec<u16> = gone.iter().map(|(status, _)| *status).collect();
    assert_eq!(statuses, [404, 200, 404, 200, 404], "{gone:?}");
}

#[tokio::test]
async fn a_store_that_fails_keeps_the_purge_open_until_it_is_mended() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    // A table that nobody mapped, and whose rows hold on to the orders.
    run(&world, "CREATE TABLE invoices (order_id INTEGER NOT NULL REFERENCES orders (id))").await;
    run(&world, "INSERT INTO invoices SELECT id FROM orders").await;
    queue(&world, alice, world.now()).await;
    world.drain().await;
    let id = erasure(&world, alice).await.id;

    let open = told(&world, id).await;
    assert_eq!((&open["status"], &open["purge"]["state"]), (&"in_progress".into(), &"running".into()));
    let stores = open["purge"]["stores"].as_array().unwrap();
    let error_of = |collection: &str| {
        let store = stores.iter().find(|store| store["collection"] == collection).unwrap();
        store["error"].as_str().unwrap().to_owned()
    };
    assert_eq!(error_of("orders"), "rows that the data map does not erase refer to these (foreign key)");
    assert_eq!(error_of("customers"), "not erased, because shop:orders is not done");
    assert_eq!(status(&world, alice).await, "purging");
    assert_eq!(cancel(&world, alice).await, 409);
    // Nobody is told that it is done, and the person is still known.
    assert_eq!(world.mails_to("alice@example.com").len(), 0);
    assert_eq!(world.rows_of("alice@example.com").await, 3);

    run(&world, "DROP TABLE invoices").await;
    world.advance(TimeDelta::minutes(10)).await;

    let done = told(&world, id).await;
    assert_eq!((&done["status"], &done["purge"]["attempts"]), (&"completed".into(), &2.into()), "{done}");
    let erased: Vec<&Value> =
        done["purge"]["stores"].as_array().unwrap().iter().map(|store| &store["erased"]).collect();
    assert_eq!(erased.iter().filter_map(|count| count.as_u64()).sum::<u64>(), 3, "{done}");
    assert_eq!(world.all_rows().await, 0);
    assert_eq!(world.mails_to("alice@example.com").len(), 1);
}

#[tokio::test]
async fn a_store_that_cannot_be_read_is_not_taken_for_empty() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    run(&world, "ALTER TABLE orders RENAME TO orders_elsewhere").await;
    queue(&world, alice, world.now()).await;
    world.drain().await;
    let id = erasure(&world, alice).await.id;

    let open = told(&world, id).await;
    assert_eq!(open["status"], "in_progress");
    assert_eq!(
        open["purge"]["stores"].as_array().unwrap().iter().filter(|store| store["error"].is_null()).count(),
        0,
        "{open}"
    );

    run(&world, "ALTER TABLE orders_elsewhere RENAME TO orders").await;
    world.advance(TimeDelta::minutes(10)).await;
    assert_eq!(told(&world, id).await["status"], "completed");
    assert_eq!(world.all_rows().await, 0);
}

#[tokio::test]
async fn a_purge_that_fails_again_and_again_is_given_up_and_can_be_queued_anew() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    run(&world, "CREATE TABLE invoices (order_id INTEGER NOT NULL REFERENCES orders (id))").await;
    run(&world, "INSERT INTO invoices SELECT id FROM orders").await;
    queue(&world, alice, world.now()).await;
    world.drain().await;

    let mut rounds = 1;
    while status(&world, alice).await == "purging" {
        world.advance(TimeDelta::hours(9)).await;
        rounds += 1;
        assert!(rounds <= Purge::MAX_ATTEMPTS, "never given up");
    }

    assert_eq!((status(&world, alice).await.as_str(), rounds), ("failed", Purge::MAX_ATTEMPTS));
    assert_eq!(cancel(&world, alice).await, 409);
    world.advance(TimeDelta::days(3)).await;
    assert_eq!(erasure(&world, alice).await.purge().unwrap().attempts, Purge::MAX_ATTEMPTS);
    run(&world, "DROP TABLE invoices").await;
    queue(&world, alice, world.now()).await;
    world.drain().await;
    assert_eq!((status(&world, alice).await.as_str(), world.all_rows().await), ("purged", 0));
}

#[tokio::test]
async fn a_message_that_cannot_be_read_harms_only_itself() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    queue(&world, alice, world.now() + TimeDelta::seconds(30)).await;
    world.drain().await;
    world.stack.clock.advance(TimeDelta::seconds(30)).unwrap();
    let (app, sqs) = (&world.stack.app, world.stack.app.clients().sqs());
    let poison = ["not json", "{}", "[{}]", r#"[{"org":"x","person":"y"}]"#];

    for body in poison {
        sqs.send_message().queue_url(&app.config().queues.purges).message_body(body).send().await.unwrap();
    }
    deliver(&world, &[job(&world, alice).await]).await;

    assert_eq!(
        (status(&world, alice).await.as_str(), world.rows_of("alice@example.com").await),
        ("purged", 0)
    );
    let dead = sqs.get_queue_url().queue_name("purges-dead").send().await.unwrap().queue_url.unwrap();
    let mut bodies = Vec::new();
    while let Some(messages) =
        sqs.receive_message().queue_url(&dead).max_number_of_messages(10).send().await.unwrap().messages
    {
        bodies.extend(messages.into_iter().filter_map(|message| message.body));
    }
    bodies.sort_unstable();
    let mut expected = poison.map(str::to_owned);
    expected.sort_unstable();
    assert_eq!(bodies, expected);
}

#[tokio::test]
async fn without_a_data_map_the_ledger_is_all_there_is() {
    let world = Setup { with_shop: false, ..Setup::new() }.begin().await;
    let alice = Uuid::new_v5(&Uuid::NAMESPACE_DNS, b"alice");
    world.register(&alice.to_string(), "alice@example.com").await;

    let takeout = world.order_takeout(alice, "alice@example.com").await;
    world.drain().await;
    let request =
        send(world.as_admin(Method::GET, &format!("/lethe/v1/requests/{takeout}"))).await.expect(200);
    assert_eq!(
        (&request.json()["takeout"]["state"], &request.json()["takeout"]["records"]),
        (&"ready".into(), &0.into())
    );

    let path = format!("/users/v1/person/{alice}/purge");
    send(world.as_admin(Method::POST, &path).json(&json!({"suggested_purge_time": world.now()})))
        .await
        .expect(202);
    world.drain().await;
    assert_eq!(send(world.as_admin(Method::GET, &path)).await.expect(200).json()["status"], "purged");
}

#[tokio::test]
async fn an_erasure_that_was_asked_for_while_the_last_one_ended_ends_too() {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    queue(&world, alice, world.now()).await;
    world.drain().await;
    let (last, now) = (erasure(&world, alice).await, world.now());
    assert!(last.keep_until.is_some());

    // What a handler writes that has read the person before they were forgotten.
    let ledger = world.stack.app.ledger(world.org());
    let id = world.stack.app.entropy().request_id(last.person);
    let mut late = Request::new(id, last.person, alice.into(), Kind::Erasure, Door::RallyHere, now);
    late.version = last.version + 1;
    late.work = Work::Purge(Purge::queue(Some(now), &Tenant::new(world.org()), now));
    ledger.create_erasure(&late, Some(&last)).await.unwrap();
    deliver(&world, &[job(&world, alice).await]).await;

    let ended = erasure(&world, alice).await;
    assert_eq!((ended.id, ended.purge().map(|purge| purge.state)), (id, Some(PurgeState::Done)));
    assert_eq!((ended.person_id, ended.keep_until.is_some()), (None, true));
}
