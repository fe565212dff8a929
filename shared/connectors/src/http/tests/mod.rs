//! Tests against the reference service over real connections, honest, lying and broken.

#[path = "../../../examples/crm/service.rs"]
pub(crate) mod service;

mod reach;
mod trust;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use domain::datamap::DataMap;
use futures_util::TryStreamExt as _;
use serde_json::json;
use service::{Call, Handler, Reply, Tables};
use tokio::net::TcpListener;

use super::*;
use crate::engine::Engine;
use crate::fault::EngineError;
use crate::secrets::Secret;
use crate::testing::{Plainly as _, Recorder, Steps, no_clients, numbers, open, person};

const ADA: &str = "ada@example.org";

const MAP: &str = "
dataset:
- fides_key: crm
  collections:
  - name: contacts
    fields:
    - {name: id}
    - {name: email, fides_meta: {identity: email}}
    - {name: name}
    - name: relatives
      fides_meta: {data_type: 'object[]'}
      fields:
      - {name: email}
      - {name: name}
  - name: tickets
    fields:
    - {name: number}
    - {name: contact, fides_meta: {references: [{dataset: crm, field: contacts.id, direction: from}]}}
    - {name: text}
";

/// Two keys, the first of which is in use.
pub(crate) const KEYS: &str = r#"{"current": "a", "keys": {
    "a": "YSBrZXkgb2YgYXQgbGVhc3QgdGhpcnR5LXR3byBieXRlcw==",
    "b": "YW5vdGhlciBrZXkgb2YgdGhpcnR5LXR3byBieXRlcyBvciBzbw=="
}}"#;

/// Secrets that can be changed.
#[derive(Default)]
pub(crate) struct Kept(Mutex<HashMap<String, String>>);

impl Kept {
    pub(crate) fn put(&self, secret: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert("crm".into(), secret.into());
    }
}

#[async_trait]
impl Secrets for Kept {
    async fn secret(&self, name: &str) -> Result<Secret, Fault> {
        let secrets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        secrets.get(name).cloned().map(Secret::new).ok_or_else(|| Fault::new("there is no such secret"))
    }
}

/// A company's service, and what it has been called for.
struct World {
    tables: Tables,
    calls: Arc<Mutex<Vec<String>>>,
    address: String,
    secrets: Arc<Kept>,
}

impl World {
    /// A service that does what it should.
    async fn new() -> Self {
        Self::with(Tables::sample(), |call, tables| tables.answer(call)).await
    }

    /// A service that answers calls as `twist` says.
    async fn with(tables: Tables, twist: impl Fn(&Call, &Tables) -> Reply + Send + Sync + 'static) -> Self {
        Self::behind(tables, twist, |router| router).await
    }

    /// A service behind something that changes calls or answers on their way.
    async fn behind(
        tables: Tables,
        twist: impl Fn(&Call, &Tables) -> Reply + Send + Sync + 'static,
        front: impl FnOnce(Router) -> Router,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let calls = Arc::new(Mutex::new(Vec::new()));
        let handler: Handler = {
            let (calls, tables) = (Arc::clone(&calls), tables.clone());
            Arc::new(move |call| {
                calls.lock().unwrap().push(call.path.clone());
                twist(call, &tables)
            })
        };
        let keys = service::Keys::parse(KEYS).unwrap();
        let router = front(service::Service::new(&address, keys, handler).router());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let secrets = Arc::new(Kept(Mutex::default()));
        secrets.put(KEYS);
        Self { tables, calls, address, secrets }
    }

    fn settings(&self) -> Settings {
        let reach = Reach { loopback: true, ..Reach::default() };
        let base = BaseUrl::parse(&format!("http://{}", self.address), reach).unwrap();
        Settings { base, secret: "crm".into(), ca: None, reach }
    }

    async fn store(&self) -> Http {
        self.opened().await.unwrap()
    }

    /// The store, or what is wrong with it.
    async fn opened(&self) -> Result<Http, String> {
        let secrets = Arc::clone(&self.secrets) as Arc<dyn Secrets>;
        opened(Arc::new(System), &self.settings(), secrets).await
    }

    async fn engine(&self) -> Result<Engine, EngineError> {
        let connections = format!(
            "connections:\n  crm: {{kind: http, base_url: 'http://{}', secret: crm, allow_loopback: true}}\n",
            self.address
        );
        let mut clients = no_clients();
        clients.secrets = Arc::clone(&self.secrets) as Arc<dyn Secrets>;
        open(MAP, &connections, std::path::Path::new("/"), clients).await
    }

    /// What was called for since the store was opened.
    fn calls(&self) -> Vec<String> {
        let calls = self.calls.lock().unwrap();
        calls.iter().filter(|call| *call != "describe").cloned().collect()
    }

    fn row(&self, collection: &str, key: &str) -> serde_json::Value {
        let rows = self.tables.rows.lock().unwrap();
        rows[collection].get(key).map_or(serde_json::Value::Null, |row| json!(row))
    }
}

/// Opens a store on a network, with short patience.
async fn opened(
    network: Arc<dyn Network>,
    settings: &Settings,
    secrets: Arc<dyn Secrets>,
) -> Result<Http, String> {
    let map = DataMap::load([("map.yml", MAP)]).unwrap();
    let at = At { file: "connections.yml".into(), line: 2 };
    let mut errors = MapErrors::default();
    let store = Http::open_on(network, LIMITS, &map.datasets[0], &at, settings, secrets, &mut errors).await;
    errors.or(()).map_err(|errors| errors.to_string())?;
    Ok(store.unwrap())
}

/// Short patience.
const LIMITS: Limits = Limits {
    attempt: Duration::from_secs(2),
    deadline: Duration::from_secs(20),
    attempts: 3,
    pause: Duration::from_millis(1),
    longest: Duration::from_millis(2),
    body: 1 << 20,
    pages: 50,
    blanks: 10,
};

/// Opens a store with next to no patience.
pub(crate) async fn open_hurried(
    dataset: &Dataset,
    at: &At,
    settings: &Settings,
    secrets: Arc<dyn Secrets>,
) -> Option<Http> {
    let limits = Limits { attempt: Duration::from_millis(100), ..LIMITS };
    let mut errors = MapErrors::default();
    Http::open_on(Arc::new(System), limits, dataset, at, settings, secrets, &mut errors).await
}

fn fields(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// All pages that answer a question.
async fn ask(store: &Http, question: &Question<'_>) -> Result<Vec<Page>, String> {
    store.ask(question).try_collect().await.map_err(|fault| fault.to_string())
}

/// Asks for Ada by her address, and tells what went wrong.
async fn ask_for_ada(store: &Http) -> Result<Vec<Found>, String> {
    let (values, want) = ([Value::from(ADA)], fields(&["email"]));
    let question = Question { collection: "contacts", path: "email", values: &values, want: &want };
    Ok(ask(store, &question).await?.into_iter().flat_map(|page| page.rows).collect())
}

/// Ada and her tickets, and neighbours that look like her.
fn crowd() -> Tables {
    let tables = Tables::sample();
    for number in 1000..2200 {
        tables.put(
            "tickets",
            &format!("t-{number}"),
            json!({"number": number, "contact": 7, "text": "one of many"}),
        );
    }
    for (number, contact) in
        [json!("7"), json!(7.5), json!([70]), json!({"id": 7}), json!(null)].into_iter().enumerate()
    {
        let ticket = json!({"number": number, "contact": contact, "text": "somebody else's"});
        tables.put("tickets", &format!("x-{number}"), ticket);
    }
    tables
}

#[tokio::test]
async fn rows_of_all_pages_are_read() {
    let world = World::with(crowd(), |call, tables| tables.answer(call)).await;
    let engine = world.engine().await.unwrap();

    let mut sink = Recorder::default();
    let counts = engine.read(&person("email", ADA), &mut sink).await.unwrap();

    assert_eq!(numbers(&counts), [("contacts", 1), ("tickets", 1203)]);
    assert_eq!(
        sink.rows[0].1,
        json!({
            "id": 7,
            "email": ADA,
            "name": "Ada",
            "relatives": [
                {"email": "bob@example.org", "name": "Bob"},
                {"email": ADA, "name": "Ada"},
            ],
        })
    );
    // Someone's takeout takes all fields, and a service can keep a record of it.
    assert!(world.calls().iter().all(|call| call == "export"));
}

#[tokio::test]
async fn long_work_is_waited_for() {
    let mut tables = Tables::sample();
    tables.background_from = 1;
    let world = World::with(tables, |call, tables| tables.answer(call)).await;
    let store = world.store().await;
    let rows = ask_for_ada(&store).await.unwrap();

    let (values, want) = ([Value::from(ADA)], fields(&["email"]));
    let question = Question { collection: "contacts", path: "email", values: &values, want: &want };
    let deleted = store.delete(&question, &rows).await.unwrap();

    assert_eq!(deleted, 1);
    assert_eq!(world.calls(), ["find", "erase", "operations/op-0", "operations/op-0"]);
}

#[tokio::test]
async fn a_row_that_has_become_anothers_stays() {
    let world = World::new().await;
    let store = world.store().await;
    let rows = ask_for_ada(&store).await.unwrap();
    let mut theirs = world.row("contacts", "c-7");
    theirs["email"] = json!("eve@example.org");
    world.tables.put("contacts", "c-7", theirs.clone());

    let (values, want) = ([Value::from(ADA)], fields(&["email"]));
    let question = Question { collection: "contacts", path: "email", values: &values, want: &want };
    let deleted = store.delete(&question, &rows).await.unwrap();

    assert_eq!(deleted, 0);
    assert_eq!(world.row("contacts", "c-7"), theirs);
}

fn name_of_relative(index: usize) -> Place {
    Place(vec![Step::Field("relatives".into()), Step::Index(index), Step::Field("name".into())])
}

/// Masks Ada's name, and that of the second of her relatives; says how many rows were changed.
async fn mask(world: &World, between: impl FnOnce(&World)) -> u64 {
    let store = world.store().await;
    let (values, want) = ([Value::from(ADA)], fields(&["email", "name", "relatives"]));
    let question = Question { collection: "contacts", path: "email", values: &values, want: &want };
    let pages = ask(&store, &question).await.unwrap();
    let found = &pages[0].rows[0];
    between(world);
    let name = Place(vec![Step::Field("name".into())]);
    let set = vec![(name, Value::Null), (name_of_relative(1), Value::from("hidden"))];
    store.mask(&question, &[Change { found, set }]).await.unwrap()
}

#[tokio::test]
async fn only_the_named_places_are_masked() {
    let world = World::new().await;
    let mut expected = world.row("contacts", "c-7");
    expected["name"] = json!(null);
    expected["relatives"][1]["name"] = json!("hidden");
    expected["phones"] = json!(["+2"]);

    let masked = mask(&world, |world| {
        // Somebody writes another field meanwhile.
        let mut changed = world.row("contacts", "c-7");
        changed["phones"] = json!(["+2"]);
        world.tables.put("contacts", "c-7", changed);
    })
    .await;

    assert_eq!(masked, 1);
    assert_eq!(world.row("contacts", "c-7"), expected);
}

#[tokio::test]
async fn an_element_that_has_moved_is_not_taken_for_another() {
    let world = World::new().await;
    let mut moved = world.row("contacts", "c-7");
    moved["relatives"].as_array_mut().unwrap().reverse();

    let masked = mask(&world, |world| world.tables.put("contacts", "c-7", moved.clone())).await;

    assert_eq!(masked, 0);
    assert_eq!(world.row("contacts", "c-7"), moved);
}

#[tokio::test]
async fn many_values_are_asked_for_in_parts() {
    let world = World::new().await;
    let store = world.store().await;
    let values: Vec<Value> = (0..1200).map(Value::Int).collect();
    let want = fields(&["number", "contact"]);
    let question = Question { collection: "tickets", path: "contact", values: &values, want: &want };

    let pages = ask(&store, &question).await.unwrap();

    assert_eq!(pages.iter().map(|page| page.rows.len()).sum::<usize>(), 9);
    // Two of the three parts have no rows, and say so twice.
    assert_eq!(world.calls(), ["find", "find", "verify", "find", "verify"]);
}

#[tokio::test]
async fn what_the_service_says_of_itself_is_known() {
    let world = World::new().await;
    let store = world.store().await;

    assert_eq!(store.key("contacts", "id"), KeyKind::Primary);
    assert_eq!(store.key("contacts", "email"), KeyKind::Unique);
    assert_eq!(store.key("contacts", "name"), KeyKind::Plain);
    assert_eq!(store.key_names("tickets"), ["number"]);
    let facts = store.facts("contacts", "name");
    assert_eq!((facts.nullable, facts.text, facts.length), (true, Some(true), Some(40)));
    assert!(store.facts("contacts", "id").in_key);
    assert!(store.finds_by("contacts", "relatives.email"));
    assert!(!store.finds_by("contacts", "name"));
    // As the fields hold them, or not at all.
    assert_eq!(store.cast("contacts", "id", &"7".into()), Some(Value::Int(7)));
    assert_eq!(store.cast("contacts", "id", &" 7".into()), None);
    assert_eq!(store.cast("contacts", "email", &Value::Int(7)), Some("7".into()));
    assert_eq!(store.cast("contacts", "email", &Value::Bytes(vec![7])), None);
}

#[tokio::test]
async fn what_the_service_lacks_is_refused_at_start() {
    let mut tables = Tables::sample();
    tables.collections["contacts"]["fields"].as_object_mut().unwrap().remove("name");
    tables.collections.as_object_mut().unwrap().remove("tickets");
    let world = World::with(tables, |call, tables| tables.answer(call)).await;

    assert_eq!(
        world.opened().await.err().unwrap(),
        "map.yml:9: the service has no field `contacts.name`\n\
         map.yml:15: the service has no collection `tickets`"
    );
}

#[tokio::test]
async fn a_method_that_the_service_lacks_is_refused() {
    let mut tables = Tables::sample();
    tables.collections["contacts"]["methods"] = json!(["mask"]);
    let world = World::with(tables, |call, tables| tables.answer(call)).await;
    let store = world.store().await;

    let refused = store.refuses("contacts", &Treatment::Delete).unwrap();

    assert_eq!(refused, "the service does not delete rows of `contacts`");
    assert_eq!(store.refuses("contacts", &Treatment::Mask(Vec::new())), None);
}

#[tokio::test]
async fn a_service_that_is_not_there_is_told_with_its_line() {
    let mut world = World::new().await;
    // Nobody listens on the port of a listener that is gone.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    world.address = listener.local_addr().unwrap().to_string();
    drop(listener);

    assert_eq!(
        world.opened().await.err().unwrap(),
        "connections.yml:2: describe: the service cannot be reached: it takes no connections"
    );
}

/// Answers the first calls for `path` with this status.
fn failing(path: &'static str, status: u16, times: usize) -> impl Fn(Router) -> Router {
    let left = Arc::new(AtomicUsize::new(times));
    move |router| {
        let left = Arc::clone(&left);
        router.layer(from_fn(move |request: Request, next: Next| {
            let left = Arc::clone(&left);
            async move {
                let one_less = |left: usize| left.checked_sub(1);
                let fails = request.uri().path().ends_with(path)
                    && left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok();
                if !fails {
                    return next.run(request).await;
                }
                let mut response = Response::default();
                *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
                response.headers_mut().insert("retry-after", http::HeaderValue::from_static("60"));
                response
            }
        }))
    }
}

#[tokio::test]
async fn a_service_that_is_busy_for_a_while_is_asked_again() {
    for status in [429, 502, 503, 504] {
        let plain = |call: &Call, tables: &Tables| tables.answer(call);
        let world = World::behind(Tables::sample(), plain, failing("/v1/find", status, 2)).await;

        let rows = ask_for_ada(&world.store().await).await.unwrap();

        assert_eq!(rows.len(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_service_that_fails_is_a_fault() {
    for (status, times, reason) in [
        (503, usize::MAX, "find: the service is not available"),
        (429, usize::MAX, "find: the service has too much to do"),
        // These are not tried again: once is enough.
        (500, 1, "find: the service answers 500"),
        (400, 1, "find: the service answers 400"),
        (401, 1, "find: the service does not accept our signature"),
        (404, 1, "find: the service does not know the path"),
        (302, 1, "find: the service redirects, which is not followed"),
        (308, 1, "find: the service redirects, which is not followed"),
    ] {
        let plain = |call: &Call, tables: &Tables| tables.answer(call);
        let world = World::behind(Tables::sample(), plain, failing("/v1/find", status, times)).await;

        let fault = ask_for_ada(&world.store().await).await.err().unwrap();

        assert_eq!(fault, reason);
    }
}

#[tokio::test]
async fn a_service_that_never_answers_is_given_up() {
    let world = World::behind(
        Tables::sample(),
        |call, tables| tables.answer(call),
        |router| {
            router.layer(from_fn(|request: Request, next: Next| async move {
                if request.uri().path().ends_with("/v1/find") {
                    std::future::pending::<()>().await;
                }
                next.run(request).await
            }))
        },
    )
    .await;
    let mut store = world.store().await;
    store.caller.limits.attempt = Duration::from_millis(20);

    let fault = ask_for_ada(&store).await.err().unwrap();

    assert_eq!(fault, "find: the service does not answer in time");
}

#[tokio::test]
async fn an_operation_without_end_is_given_up() {
    let world = World::with(Tables::sample(), |call, tables| match call.path.as_str() {
        "describe" => tables.answer(call),
        _ => Reply::pending("for-ever"),
    })
    .await;
    let mut store = world.store().await;
    store.caller.limits.deadline = Duration::from_millis(50);

    let fault = ask_for_ada(&store).await.err().unwrap();

    assert_eq!(fault, "find: it is not done in time");
}

#[tokio::test]
async fn a_call_whose_answer_was_lost_takes_effect_once() {
    let lose = Arc::new(AtomicUsize::new(1));
    let front = move |router: Router| {
        router.layer(from_fn(move |request: Request, next: Next| {
            let lose = Arc::clone(&lose);
            async move {
                let is_erase = request.uri().path().ends_with("/v1/erase");
                let response = next.run(request).await;
                if is_erase && lose.swap(0, Ordering::SeqCst) == 1 {
                    // The connection breaks off in the middle of the answer.
                    let broken = stream::once(async { Err::<Vec<u8>, _>(std::io::Error::other("gone")) });
                    return response.map(|_| axum::body::Body::from_stream(broken));
                }
                response
            }
        }))
    };
    let world = World::behind(Tables::sample(), |call, tables| tables.answer(call), front).await;
    let store = world.store().await;
    let rows = ask_for_ada(&store).await.unwrap();

    let (values, want) = ([Value::from(ADA)], fields(&["email"]));
    let question = Question { collection: "contacts", path: "email", values: &values, want: &want };
    let deleted = store.delete(&question, &rows).await.unwrap();

    // The second try is answered with what the first one did.
    assert_eq!(deleted, 1);
    assert_eq!(world.calls(), ["find", "erase"]);
}

#[tokio::test]
async fn rows_that_stay_are_told_with_the_reason() {
    let world = World::with(crowd(), |call, tables| {
        let mut reply = tables.answer(call);
        if call.path == "erase" {
            let results = reply.content["results"].as_array_mut().unwrap();
            results[0] = json!({"key": results[0]["key"], "outcome": "failed", "reason": "held"});
            results[1] = json!({"key": results[1]["key"], "outcome": "failed"});
        }
        reply
    })
    .await;
    let store = world.store().await;
    let (values, want) = ([Value::Int(7)], fields(&["contact"]));
    let question = Question { collection: "tickets", path: "contact", values: &values, want: &want };
    let rows: Vec<Found> =
        ask(&store, &question).await.unwrap().into_iter().flat_map(|page| page.rows).take(50).collect();

    let fault = store.delete(&question, &rows).await.unwrap_err();

    assert_eq!(fault.to_string(), "erase: rows that stay: 1 held, 1 for a reason that the service knows");
}

/// How a service answers a call.
type Answer = fn(&Call, &Tables) -> Reply;

#[tokio::test]
async fn a_service_that_says_done_and_is_not_leaves_the_erasure_open() {
    // It does nothing; it does half of it; it hides what it has, but counts it.
    let lies: [(&str, Answer); 3] = [
        ("does nothing", |call, tables| match call.path.as_str() {
            "erase" => {
                let rows = call.ask["rows"].as_array().unwrap();
                let done = rows.iter().map(|row| json!({"key": row["key"], "outcome": "done"}));
                Reply::ok(json!({"results": done.collect::<Vec<_>>()}))
            }
            _ => tables.answer(call),
        }),
        ("erases contacts only", |call, tables| {
            match (call.path.as_str(), call.ask["collection"].as_str()) {
                ("erase", Some("tickets")) => {
                    let rows = call.ask["rows"].as_array().unwrap();
                    let done = rows.iter().map(|row| json!({"key": row["key"], "outcome": "unchanged"}));
                    Reply::ok(json!({"results": done.collect::<Vec<_>>()}))
                }
                _ => tables.answer(call),
            }
        }),
        ("hides rows", |call, tables| match call.path.as_str() {
            "find" | "export" => Reply::ok(json!({"rows": [], "next": null})),
            _ => tables.answer(call),
        }),
    ];
    for (what, lie) in lies {
        let world = World::with(Tables::sample(), lie).await;
        let engine = world.engine().await.unwrap();

        let erasure = engine.wipe(&person("email", ADA), &mut Steps::default()).await.unwrap();

        assert!(!erasure.complete(), "{what}");
        let told = format!("{erasure:?}");
        assert!(!told.contains("ada"), "{told}");
    }
}
