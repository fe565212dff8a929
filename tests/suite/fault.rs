//! A network that fails at a call of one's choice, or by chance.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    future::pending,
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use aws_smithy_runtime_api::{
    client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
            SharedHttpConnector,
        },
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
    shared::IntoShared as _,
};
use aws_smithy_types::{body::SdkBody, retry::RetryConfig};
use runtime::{App, Clients, Clock, EngineSource, Entropy, Log, Parts};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::{dice::Dice, world::World};

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fate {
    /// The process dies before it. A call that hangs until the function's time is over is this, or the next.
    NotSent,
    /// It takes effect, and the process dies before it knows.
    ReplyLost,
    /// It is refused, and the process lives.
    Refused,
    /// The service asks for patience, in its own words.
    Throttled,
    /// It takes effect, and the connection breaks before the answer: the client tries again.
    Severed,
    /// Of a batch nothing is taken, and the rest is given back, as the service does that has no room left.
    Partly,
    /// The service is not there.
    Down,
    /// It is answered as done, and was never sent: what no service does, so that whoever looks must find it.
    Lied,
}

/// How many calls of ten thousand meet which fate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Odds {
    pub(crate) throttled: u64,
    pub(crate) severed: u64,
    pub(crate) partly: u64,
    pub(crate) not_sent: u64,
    pub(crate) reply_lost: u64,
}

/// What all processes of a deployment meet by chance. Clones are the same weather.
#[derive(Clone, Debug, Default)]
pub(crate) struct Weather(Arc<Mutex<Sky>>);

#[derive(Debug, Default)]
struct Sky {
    odds: Odds,
    /// Tables and buckets that are not there.
    down: BTreeSet<String>,
    /// What a call must mention so that it is lied about, once.
    lie_about: Option<String>,
    met: BTreeMap<Fate, usize>,
    calls: usize,
}

impl Weather {
    pub(crate) fn set(&self, odds: Odds) {
        self.0.lock().unwrap().odds = odds;
    }

    /// A table or bucket goes away or comes back.
    pub(crate) fn set_down(&self, name: &str, is_down: bool) {
        let down = &mut self.0.lock().unwrap().down;
        if is_down {
            down.insert(name.to_owned());
        } else {
            down.remove(name);
        }
    }

    /// Lies about the next write that mentions `text`.
    pub(crate) fn lie_about(&self, text: &str) {
        self.0.lock().unwrap().lie_about = Some(text.to_owned());
    }

    /// How often which fate was met.
    pub(crate) fn met(&self) -> BTreeMap<Fate, usize> {
        self.0.lock().unwrap().met.clone()
    }

    /// How many calls there were.
    pub(crate) fn calls(&self) -> usize {
        self.0.lock().unwrap().calls
    }

    fn fate(&self, request: &HttpRequest, dice: &mut Dice) -> Option<Fate> {
        let sky = &mut *self.0.lock().unwrap();
        let body = request.body().bytes().map(String::from_utf8_lossy).unwrap_or_default();
        let names = |name: &String| {
            body.contains(&format!("\"{name}\"")) || request.uri().contains(&format!("/{name}"))
        };
        sky.calls += 1;
        let is_write = operation(request) == "PutItem";
        let fate = if sky.down.iter().any(names) {
            Some(Fate::Down)
        } else if is_write && sky.lie_about.as_ref().is_some_and(|text| body.contains(text)) {
            sky.lie_about = None;
            Some(Fate::Lied)
        } else {
            let odds = sky.odds;
            let mut thrown = dice.below(10_000);
            let fates = [
                (odds.throttled, Fate::Throttled),
                (odds.severed, Fate::Severed),
                (odds.partly, Fate::Partly),
                (odds.not_sent, Fate::NotSent),
                (odds.reply_lost, Fate::ReplyLost),
            ];
            fates.into_iter().find_map(|(share, fate)| {
                let is_it = thrown < share;
                thrown = thrown.saturating_sub(share);
                is_it.then_some(fate)
            })
        };
        let fate = fate.filter(|fate| *fate != Fate::Partly || rest(request).is_some());
        if let Some(fate) = fate {
            *sky.met.entry(fate).or_default() += 1;
        }
        fate
    }
}

/// How fates are dealt.
#[derive(Clone, Debug)]
enum Deal {
    /// To the call of this number.
    At(usize, Fate),
    /// As the weather is.
    ByChance(Weather, Arc<Mutex<Dice>>),
}

/// Sits between the SDK's clients and the network. From the moment at which the process dies nothing passes.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    deal: Deal,
    counts: fn(&HttpRequest) -> bool,
    calls: Arc<Mutex<Vec<String>>>,
    is_dead: Arc<AtomicBool>,
    death: Arc<Notify>,
}

/// Whether a call goes to object storage.
pub(crate) fn is_object_storage(request: &HttpRequest) -> bool {
    request.headers().get("authorization").unwrap_or_default().contains("/s3/aws4_request")
}

/// Whether a call is one of a function, and not of what takes messages off a queue for it.
pub(crate) fn is_of_a_function(request: &HttpRequest) -> bool {
    let target = request.headers().get("x-amz-target").unwrap_or_default();
    !target.starts_with("AmazonSQS.") || target.contains("Send")
}

impl Fault {
    /// The fate of the call of this number, from 1, among those that count.
    pub(crate) fn new(at: usize, fate: Fate, counts: fn(&HttpRequest) -> bool) -> Self {
        Self::dealt(Deal::At(at, fate), counts)
    }

    /// Fates by chance, for the calls of functions.
    pub(crate) fn in_weather(weather: &Weather, dice: Dice) -> Self {
        Self::dealt(Deal::ByChance(weather.clone(), Arc::new(Mutex::new(dice))), is_of_a_function)
    }

    fn dealt(deal: Deal, counts: fn(&HttpRequest) -> bool) -> Self {
        let (calls, is_dead, death) = (Arc::default(), Arc::default(), Arc::default());
        Self { deal, counts, calls, is_dead, death }
    }

    /// Whether the process has died.
    pub(crate) fn is_dead(&self) -> bool {
        self.is_dead.load(Ordering::SeqCst)
    }

    /// The calls so far that count.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }

    /// An App of its own on the world's services.
    pub(crate) fn app(&self, world: &World, clock: Clock) -> App {
        let http = Faulty(Clients::https(None), self.clone()).into_shared();
        App::new(Parts {
            config: world.stack.app.config().clone(),
            // As often as ever, and without the seconds in between.
            clients: world
                .stack
                .clients(http)
                .with_retries(RetryConfig::standard().with_initial_backoff(Duration::from_micros(100))),
            clock,
            entropy: Entropy::system(),
            log: Log::new(|_| {}),
            engine: EngineSource::Configured,
        })
    }

    /// Does something until it is done or the process dies; nothing if it dies.
    pub(crate) async fn until_death<T>(&self, something: impl Future<Output = T>) -> Option<T> {
        let mut death = pin!(self.death.notified());
        death.as_mut().enable();
        if self.is_dead() {
            return None;
        }
        tokio::select! {
            done = something => Some(done),
            () = death => None,
        }
    }

    fn die(&self) {
        self.is_dead.store(true, Ordering::SeqCst);
        self.death.notify_waiters();
    }

    /// Counts a call, and deals it its fate.
    fn fate_of(&self, request: &HttpRequest) -> Option<Fate> {
        if !(self.counts)(request) {
            return None;
        }
        match &self.deal {
            Deal::At(at, fate) => {
                let target = request.headers().get("x-amz-target").unwrap_or_default();
                let mut calls = self.calls.lock().unwrap();
                calls.push(format!("{} {} {target}", request.method(), request.uri()));
                (calls.len() == *at).then_some(*fate)
            }
            Deal::ByChance(weather, dice) => weather.fate(request, &mut dice.lock().unwrap()),
        }
    }
}

/// The service that a request is signed for.
fn service(request: &HttpRequest) -> &str {
    let scope = request.headers().get("authorization").and_then(|value| value.split("Credential=").nth(1));
    scope.and_then(|scope| scope.split('/').nth(3)).unwrap_or_default()
}

/// The operation, where a header names it.
fn operation(request: &HttpRequest) -> &str {
    request.headers().get("x-amz-target").unwrap_or_default().rsplit('.').next().unwrap_or_default()
}

/// The answer to a batch of which nothing was taken; nothing if it is none.
fn rest(request: &HttpRequest) -> Option<Value> {
    let asked: Value = serde_json::from_slice(request.body().bytes()?).ok()?;
    match operation(request) {
        "BatchGetItem" => Some(json!({"Responses": {}, "UnprocessedKeys": asked["RequestItems"]})),
        "BatchWriteItem" => Some(json!({"UnprocessedItems": asked["RequestItems"]})),
        "SendMessageBatch" => {
            let failed =
                |entry: &Value| json!({"Id": entry["Id"], "Code": "InternalError", "SenderFault": false});
            let failed: Vec<Value> = asked["Entries"].as_array()?.iter().map(failed).collect();
            Some(json!({"Successful": [], "Failed": failed}))
        }
        _ => None,
    }
}

fn answered(status: u16, body: impl Into<SdkBody>) -> HttpConnectorFuture {
    HttpConnectorFuture::ready(Ok(HttpResponse::new(StatusCode::try_from(status).unwrap(), body.into())))
}

/// How a service asks for patience.
fn throttled(request: &HttpRequest) -> HttpConnectorFuture {
    let kind = match service(request) {
        "s3" => {
            let body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>SlowDown</Code>\
                        <Message>Please reduce your request rate.</Message></Error>";
            return answered(503, body);
        }
        "dynamodb" => "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
        "sqs" => "com.amazonaws.sqs#RequestThrottled",
        "ses" => "TooManyRequestsException",
        _ => "ThrottlingException",
    };
    let told = json!({"__type": kind, "message": "Rate exceeded"});
    answered(if service(request) == "ses" { 429 } else { 400 }, told.to_string())
}

async fn never() -> Infallible {
    pending().await
}

#[derive(Debug)]
struct Faulty<T>(T, Fault);

impl HttpClient for Faulty<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Faulty(self.0.http_connector(settings, components), self.1.clone()))
    }
}

impl HttpConnector for Faulty<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Self(connector, fault) = self;
        if fault.is_dead() {
            return HttpConnectorFuture::new(async { match never().await {} });
        }
        let Some(fate) = fault.fate_of(&request) else { return connector.call(request) };
        match fate {
            Fate::NotSent => {
                fault.die();
                HttpConnectorFuture::new(async { match never().await {} })
            }
            Fate::ReplyLost => {
                let (answer, fault) = (connector.call(request), fault.clone());
                HttpConnectorFuture::new(async move {
                    // However it was answered, nobody hears of it.
                    let _ = answer.await;
                    fault.die();
                    match never().await {}
                })
            }
            Fate::Refused => answered(403, SdkBody::empty()),
            Fate::Throttled => throttled(&request),
            Fate::Severed => {
                let answer = connector.call(request);
                HttpConnectorFuture::new(async move {
                    let _ = answer.await;
                    Err(ConnectorError::io("the connection was reset".into()))
                })
            }
            Fate::Partly => answered(200, rest(&request).unwrap_or_default().to_string()),
            Fate::Down => answered(503, SdkBody::empty()),
            Fate::Lied => answered(200, "{}"),
        }
    }
}
