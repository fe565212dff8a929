//! Whoever builds a takeout may die at each of its calls to object storage, before the call or after it took
//! effect; and each call may be refused.

use std::{
    convert::Infallible,
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicI32, Ordering},
    },
};

use aws_credential_types::Credentials;
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
use chrono::TimeDelta;
use domain::takeout::TakeoutState;
use local::services::REGION;
use runtime::{App, Clients, Clock, EngineSource, Entropy, Log, Parts, queues::Job};
use tokio::sync::Notify;

use super::{ALICE, add_orders, bucket, check_whole, invoke, rows, takeout_of, unpacked, untold};
use crate::world::World;

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// The process dies before it.
    NotSent,
    /// It takes effect, and the process dies before it knows.
    ReplyLost,
    /// It is refused, and the process lives.
    Refused,
}

/// Sits between the SDK's clients and the network. From the moment at which the process dies nothing passes.
#[derive(Clone, Debug)]
struct Fault {
    at: usize,
    fate: Fate,
    /// The calls to object storage so far.
    calls: Arc<Mutex<Vec<String>>>,
    is_dead: Arc<AtomicBool>,
    death: Arc<Notify>,
}

impl Fault {
    fn new(at: usize, fate: Fate) -> Self {
        Self { at, fate, calls: Arc::default(), is_dead: Arc::default(), death: Arc::default() }
    }

    fn die(&self) {
        self.is_dead.store(true, Ordering::SeqCst);
        self.death.notify_one();
    }

    /// Counts a call to object storage; whether this is the one.
    fn strikes(&self, request: &HttpRequest) -> bool {
        let signed = request.headers().get("authorization").unwrap_or_default();
        if !signed.contains("/s3/aws4_request") {
            return false;
        }
        let mut calls = self.calls.lock().unwrap();
        calls.push(format!("{} {}", request.method(), request.uri()));
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

/// An App of its own on the world's services, for which a minute goes by at every other look at the clock, so
/// that it often notes how far it has got.
fn doomed(world: &World, fault: &Fault) -> App {
    let (identity, endpoints) = (&world.stack.identity, world.stack.endpoints.clone());
    let credentials =
        Credentials::from_keys(identity.access_key_id.clone(), identity.secret_access_key.clone(), None);
    let endpoint = move |service: &str| {
        Some(match service {
            "DYNAMODB" => endpoints.dynamodb.clone(),
            "S3" => endpoints.s3.clone(),
            "SQS" => endpoints.sqs.clone(),
            "KMS" => endpoints.kms.clone(),
            "SECRETS_MANAGER" => endpoints.secrets.clone(),
            "SESV2" => endpoints.ses.clone(),
            _ => return None,
        })
    };
    let http = Faulty(Clients::https(None), fault.clone()).into_shared();
    let (start, looks) = (world.now(), AtomicI32::new(0));
    App::new(Parts {
        config: world.stack.app.config().clone(),
        clients: Clients::over(http, credentials, REGION.to_owned(), endpoint),
        clock: Clock::new(move || start + TimeDelta::seconds(30) * looks.fetch_add(1, Ordering::Relaxed)),
        entropy: Entropy::system(),
        log: Log::new(|_| {}),
        engine: EngineSource::Configured,
    })
}

/// Rows for several pages, and more than fits one part of an upload.
async fn add_much(world: &World) {
    add_orders(world, 2_500).await;
    let name = "UPDATE customers SET name = hex(randomblob(8700000)) WHERE email = ?";
    sqlx::query(name).bind(ALICE).execute(&mut world.shop().await).await.unwrap();
}

/// What lies in the bucket may be the archive, but not a part of it; and nobody is given it yet.
async fn check_nothing_partial(world: &World, job: Job) {
    let takeout = takeout_of(world, job).await;
    assert!(takeout.download(world.now()).is_none() || takeout.state == TakeoutState::Ready);
    for key in bucket(world).await.0.iter().filter(|key| !key.contains(".state-")) {
        let bytes = world.stack.app.store().takeouts().read(key).await.unwrap();
        let folder = unpacked(world, &bytes);
        assert_eq!(rows(&folder, "shop:orders").len(), 2_502, "{key}");
        std::fs::remove_dir_all(folder).unwrap();
    }
}

/// Has the builder meet its fate at every call in turn, until there is none left.
async fn meets_it_at_every_call(fate: Fate) {
    let world = World::new().await;
    let alice = world.person_with_data("alice").await;
    add_much(&world).await;
    let mut fates = 0;
    for at in 1.. {
        let job = untold(&world, alice, at as u64).await;
        let fault = Fault::new(at, fate);
        let app = doomed(&world, &fault);

        let has_ended = tokio::select! {
            () = invoke(&app, job, None) => true,
            () = fault.death.notified() => false,
        };
        drop(app);
        let calls = fault.calls.lock().unwrap().clone();
        assert_eq!(has_ended, fate == Fate::Refused || calls.len() < at, "{calls:?}");
        check_nothing_partial(&world, job).await;

        // The queue delivers again what was not done with; a slow machine may make that fail once more.
        for _ in 0..3 {
            world.advance(TimeDelta::hours(6)).await;
            invoke(&world.stack.app, job, None).await;
            world.drain().await;
            if takeout_of(&world, job).await.state == TakeoutState::Ready {
                break;
            }
        }

        // Tidying up comes last, and is not tried again if it is refused: what is left then is sealed, and goes by age.
        if fate == Fate::Refused {
            for key in bucket(&world).await.0.iter().filter(|key| key.contains(".state-")) {
                world.stack.app.store().takeouts().remove(key).await.unwrap();
            }
        }
        check_whole(&world, job, 2_502).await;
        world.stack.app.store().takeouts().remove_all(job.org, job.person).await.unwrap();
        if calls.len() < at {
            break;
        }
        fates += 1;
    }
    // It begins an upload, notes where it stands more than once, sends two parts, and completes.
    assert!(fates >= 8, "{fates}");
}

#[tokio::test]
async fn the_builder_may_die_before_every_call_to_object_storage() {
    meets_it_at_every_call(Fate::NotSent).await;
}

#[tokio::test]
async fn the_builder_may_die_after_every_call_to_object_storage() {
    meets_it_at_every_call(Fate::ReplyLost).await;
}

#[tokio::test]
async fn object_storage_may_refuse_every_call_of_the_builder() {
    meets_it_at_every_call(Fate::Refused).await;
}
