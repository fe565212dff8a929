//! A network that fails at a call of one's choice.

use std::{
    convert::Infallible,
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use aws_smithy_runtime_api::{
    client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
            SharedHttpConnector,
        },
        orchestrator::{HttpRequest, HttpResponse},
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
    shared::IntoShared as _,
};
use aws_smithy_types::body::SdkBody;
use runtime::{App, Clients, Clock, EngineSource, Entropy, Log, Parts};
use tokio::sync::Notify;

use crate::world::World;

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The process dies before it. A call that hangs until the function's time is over is this, or the next.
    NotSent,
    /// It takes effect, and the process dies before it knows.
    ReplyLost,
    /// It is refused, and the process lives.
    Refused,
}

/// Sits between the SDK's clients and the network. From the moment at which the process dies nothing passes.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    at: usize,
    fate: Fate,
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
        let (calls, is_dead, death) = (Arc::default(), Arc::default(), Arc::default());
        Self { at, fate, counts, calls, is_dead, death }
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
            clients: world.stack.clients(http),
            clock,
            entropy: Entropy::system(),
            log: Log::new(|_| {}),
            engine: EngineSource::Configured,
        })
    }

    /// Does something until it is done or the process dies; nothing if it dies.
    pub(crate) async fn until_death<T>(&self, something: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = something => Some(done),
            () = self.death.notified() => None,
        }
    }

    fn die(&self) {
        self.is_dead.store(true, Ordering::SeqCst);
        self.death.notify_one();
    }

    /// Counts a call; whether this is the one.
    fn strikes(&self, request: &HttpRequest) -> bool {
        if !(self.counts)(request) {
            return false;
        }
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let mut calls = self.calls.lock().unwrap();
        calls.push(format!("{} {} {target}", request.method(), request.uri()));
        calls.len() == self.at
    }
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
        if fault.is_dead.load(Ordering::SeqCst) {
            return HttpConnectorFuture::new(async { match never().await {} });
        }
        if !fault.strikes(&request) {
            return connector.call(request);
        }
        match fault.fate {
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
            Fate::Refused => HttpConnectorFuture::ready(Ok(HttpResponse::new(
                StatusCode::try_from(403).unwrap(),
                SdkBody::empty(),
            ))),
        }
    }
}
