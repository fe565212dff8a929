//! The whole of Lethe in one process.

use std::{collections::BTreeMap, io, path::PathBuf, sync::Arc, time::Duration};

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use chrono::TimeDelta;

use domain::{
    OrgId,
    tenant::{MapFiles, Tenant},
};
use functions::{catalog, upkeep::resume};
use runtime::{
    App, Clients, Clock, Config, EngineRefused, EngineSource, Entropy, Issuer, Log, Parts, Scanner,
    open_engine,
};
use store::Places;
use tokio::{
    net::TcpListener,
    sync::{Mutex, oneshot},
    task::JoinHandle,
};

use crate::{
    Identity, IdentityError, VirtualClock,
    control::{self, Control},
    demo::{Demo, DemoError, DemoPerson},
    gateway::{self, GatewayRoute},
    provider,
    provision::{self, ProvisionError},
    services::{self, Outbox, Services, StartError},
    workers::Runner,
};

/// The ledger's table.
pub(crate) const TABLE: &str = "lethe";
/// The key of keys.
const KMS_KEY: &str = "alias/lethe";
/// The table of keys.
pub(crate) const KEY_TABLE: &str = "lethe-keys";
/// The bucket of takeouts.
pub(crate) const TAKEOUT_BUCKET: &str = "lethe-takeouts";
/// The bucket of the audit's log.
pub(crate) const AUDIT_BUCKET: &str = "lethe-audit";
/// The bucket of attachments.
pub(crate) const ATTACHMENT_BUCKET: &str = "lethe-attachments";

/// How long a stopping stack waits for its workers.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// What a stack is started with.
pub struct Options {
    /// Where its state lives; in memory if absent.
    pub data: Option<PathBuf>,
    /// The port of the gateway; any free one if 0.
    pub port: u16,
    /// Files of the data map.
    pub datamaps: Vec<PathBuf>,
    /// The connections file.
    pub connections: Option<PathBuf>,
    /// The secrets that the connections file names.
    pub secrets: BTreeMap<String, String>,
    /// Whether to run on a small shop of our own, in place of a data map and connections.
    pub demo: bool,
    /// The clock.
    pub clock: VirtualClock,
    /// The tenant and its credentials.
    pub identity: Identity,
    /// Settings of the tenants, in place of the local tenant's own.
    pub tenants: Option<Vec<Tenant>>,
    /// Issuers of tokens beside the local one.
    pub issuers: Vec<Issuer>,
    /// Who scans files that were attached.
    pub scanner: Option<Scanner>,
    /// Where log lines go.
    pub log: Log,
    /// How services are reached: `Clients::https(None)`, with whatever counts or looks on in between.
    pub http: SharedHttpClient,
    /// Whether its workers work by themselves, and not only in processes beside it.
    pub works: bool,
    /// The URL of another emulator of AWS, to keep tables, objects, queues and keys in place of the embedded ones.
    ///
    /// Nobody reads the changes of its tables, deletes what has outlived its time, or tells it our time.
    pub elsewhere: Option<String>,
}

/// Why a stack did not start.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// The port is taken, or cannot be used.
    #[error("port {port} cannot be used: {source}")]
    Port {
        /// Which.
        port: u16,
        /// Why.
        source: io::Error,
    },
    /// An embedded service did not start.
    #[error(transparent)]
    Services(#[from] StartError),
    /// A table, bucket or queue could not be made.
    #[error(transparent)]
    Provision(#[from] ProvisionError),
    /// The identity is damaged.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The demo could not be filled.
    #[error(transparent)]
    Demo(#[from] DemoError),
    /// The data map, the connections or the stores are wrong.
    #[error(transparent)]
    Engine(#[from] EngineRefused),
    /// The ledger did not answer.
    #[error("the ledger could not be set up: {0}")]
    Ledger(String),
}

/// A running stack.
pub struct Stack {
    /// The App, as the handlers have it.
    pub app: App,
    /// Its clock.
    pub clock: VirtualClock,
    /// Where callers reach it.
    pub gateway: String,
    /// Where the embedded services are.
    pub endpoints: services::Endpoints,
    /// The mails that were sent.
    pub outbox: Outbox,
    /// The tenant and its credentials.
    pub identity: Identity,
    /// The people of the demo whom the ledger knew at the start; nobody without a demo.
    pub demo_people: Vec<DemoPerson>,
    // Its folder may be a temporary one.
    _demo: Option<Demo>,
    services: Services,
    pub(crate) runner: Arc<Runner>,
    tasks: Vec<JoinHandle<()>>,
    gateway_task: JoinHandle<()>,
    stop_gateway: oneshot::Sender<()>,
}

impl Stack {
    /// Starts everything and takes up whatever a former process left undone.
    ///
    /// # Errors
    /// See [`StackError`].
    pub async fn start(options: Options) -> Result<Self, StackError> {
        let Options {
            data,
            port,
            datamaps,
            connections,
            secrets,
            demo,
            clock,
            identity,
            tenants,
            issuers,
            scanner,
            log,
            http,
            works,
            elsewhere,
        } = options;
        let listener = TcpListener::bind(("127.0.0.1", port))
            .await
            .map_err(|source| StackError::Port { port, source })?;
        let port = listener.local_addr().map_err(|source| StackError::Port { port, source })?.port();
        let gateway = format!("http://127.0.0.1:{port}");
        let tell: services::Clock = {
            let clock = clock.clone();
            Arc::new(move || clock.now())
        };
        let mut services = Services::start(services::Options {
            data: data.clone(),
            clock: Arc::clone(&tell),
            access_key_id: identity.access_key_id.clone(),
            secret_access_key: identity.secret_access_key.clone(),
        })
        .await?;
        if let Some(url) = &elsewhere {
            let services::Endpoints { dynamodb, s3, sqs, kms, secrets: _, ses: _ } = &mut services.endpoints;
            [dynamodb, s3, sqs, kms].into_iter().for_each(|endpoint| endpoint.clone_from(url));
        }
        let clients = clients(&services.endpoints, &identity, http);
        if elsewhere.is_some() {
            provision::key(&clients, KMS_KEY).await?;
        }
        provision::table(&clients, "Ledger", TABLE).await?;
        provision::table(&clients, "Keys", KEY_TABLE).await?;
        for bucket in [TAKEOUT_BUCKET, ATTACHMENT_BUCKET, AUDIT_BUCKET] {
            provision::bucket(&clients, bucket).await?;
        }
        let queues = provision::queues(&clients).await?;
        let own = (provider::SECRET_NAME.to_owned(), provider::SECRET.to_owned());
        provision::secrets(&clients, secrets.into_iter().chain([own])).await?;
        let demo = if demo { Some(Demo::fill(data.as_deref(), &clients).await?) } else { None };
        let map = match &demo {
            Some(demo) => MapFiles { files: vec![demo.datamap()], connections: Some(demo.connections()) },
            None => MapFiles { files: datamaps, connections },
        };
        // Whoever tries a map at home wants to know at once what is wrong with it.
        let engine = open_engine(&map, &clients).await?.whole().map_err(EngineRefused::from)?;
        let (tenants, other_tenants) = match tenants {
            Some(tenants) => (tenants, None),
            // Tokens for other tenants can be made, and are tenants like this one.
            None => (vec![identity.tenant()], Some(identity.tenant())),
        };
        let config = Config {
            places: Places {
                table: TABLE.to_owned(),
                key_table: KEY_TABLE.to_owned(),
                takeout_bucket: TAKEOUT_BUCKET.to_owned(),
                audit_bucket: AUDIT_BUCKET.to_owned(),
                attachment_bucket: ATTACHMENT_BUCKET.to_owned(),
                kms_key: KMS_KEY.to_owned(),
            },
            queues,
            public_url: gateway.clone(),
            mail_from: "privacy@lethe.localhost".to_owned(),
            issuers: std::iter::once(identity.issuer()?).chain(issuers).collect(),
            sign_in: Some(provider::settings(&identity, &gateway)),
            scanner,
            tenants: tenants.into_iter().map(|tenant| (tenant.org, tenant)).collect::<BTreeMap<OrgId, _>>(),
            other_tenants,
            map,
        };
        let app = App::new(Parts {
            config,
            clients,
            clock: {
                let clock = clock.clone();
                Clock::new(move || clock.now())
            },
            entropy: Entropy::system(),
            log,
            engine: EngineSource::Opened(Box::new(engine)),
        });
        let ledger = |error: &dyn std::fmt::Display| StackError::Ledger(error.to_string());
        identity.register_clients(&app).await.map_err(|error| ledger(&error))?;
        let mut demo_people = Vec::new();
        if let Some(demo) = &demo {
            demo.register(&app, identity.org_id).await?;
            demo_people = demo.people(&app, identity.org_id).await?;
        }

        let runner = Runner::new(
            app.clone(),
            clock.clone(),
            catalog::workers(),
            Arc::new(Mutex::new(services.changes(TABLE))),
        );
        let (stop_gateway, stopped) = oneshot::channel();
        let endpoints = catalog::endpoints();
        let control = Arc::new(Control {
            runner: Arc::clone(&runner),
            clock: clock.clone(),
            outbox: services.outbox.clone(),
            gateway: gateway.clone(),
            routes: endpoints.iter().map(|endpoint| endpoint.route).collect(),
            examples: examples(&gateway, &identity, demo_people.first()),
        });
        let routes = endpoints.into_iter().flat_map(|endpoint| routes(&app, &endpoint)).collect();
        let extra = control::router(control).merge(provider::router(identity.clone(), clock.clone()));
        let gateway_task = tokio::spawn(async move {
            let shutdown = async move {
                // Dropping the sender asks for the same.
                let _ = stopped.await;
            };
            // The listener was bound above; serving it ends only by the shutdown.
            let _ = gateway::serve(listener, routes, extra, tell, shutdown).await;
        });
        // There can be no worker yet.
        resume::take_over(&app).await.map_err(|failure| ledger(&failure.cause().unwrap_or_default()))?;
        let tasks = if works { runner.start() } else { Vec::new() };
        Ok(Self {
            app,
            clock,
            gateway,
            endpoints: services.endpoints.clone(),
            outbox: services.outbox.clone(),
            identity,
            demo_people,
            _demo: demo,
            services,
            runner,
            tasks,
            gateway_task,
            stop_gateway,
        })
    }

    /// Moves the clock, runs what falls due, and waits until all is done.
    ///
    /// # Errors
    /// When the clock cannot be kept in the data folder.
    pub async fn advance(&self, by: TimeDelta) -> io::Result<()> {
        self.clock.advance(by)?;
        self.runner.run_due_ticks().await;
        self.drain().await;
        Ok(())
    }

    /// Commands to begin with: what each does, and the command.
    pub fn examples(&self) -> Vec<(String, String)> {
        examples(&self.gateway, &self.identity, self.demo_people.first())
    }

    /// Runs a scheduled worker now; false if there is none of this name.
    pub async fn tick(&self, name: &str) -> bool {
        self.runner.tick_named(name).await
    }

    /// Gives a function an event, as Lambda does, and takes its answer; nothing if it fails or there is
    /// none of this name.
    pub async fn invoke(&self, name: &str, event: &[u8]) -> Option<Vec<u8>> {
        if let Some(worker) = self.runner.worker(name) {
            return self.runner.invoke(worker, event).await;
        }
        let endpoint = catalog::endpoints().into_iter().find(|endpoint| endpoint.route.name == name)?;
        gateway::invoke(handler(&self.app, &endpoint), event, self.clock.now()).await
    }

    /// Clients of the embedded services that go through an HTTP client of one's own.
    pub fn clients(&self, http: SharedHttpClient) -> Clients {
        clients(&self.endpoints, &self.identity, http)
    }

    /// Waits until all queues are empty and no worker runs.
    pub async fn drain(&self) {
        self.runner.drain().await;
    }

    /// Stops: answers what was asked, lets workers finish their batch, keeps the state.
    pub async fn stop(self) {
        let _ = self.stop_gateway.send(());
        let _ = self.gateway_task.await;
        // What is not done by then is taken up at the next start.
        let _ = tokio::time::timeout(STOP_PATIENCE, self.runner.drain()).await;
        for task in self.tasks {
            task.abort();
        }
        self.services.stop().await;
    }
}

fn clients(endpoints: &services::Endpoints, identity: &Identity, http: SharedHttpClient) -> Clients {
    let credentials =
        Credentials::from_keys(identity.access_key_id.clone(), identity.secret_access_key.clone(), None);
    let endpoints = endpoints.clone();
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
    Clients::over(http, credentials, services::REGION.to_owned(), endpoint)
}

fn handler(app: &App, endpoint: &runtime::Endpoint) -> gateway::Handler {
    let (app, endpoint) = (app.clone(), endpoint.clone());
    Arc::new(move |request| {
        let (app, endpoint) = (app.clone(), endpoint.clone());
        Box::pin(async move { endpoint.call(&app, request).await })
    })
}

/// An endpoint under each of its paths.
pub(crate) fn routes(app: &App, endpoint: &runtime::Endpoint) -> Vec<GatewayRoute> {
    let handler = handler(app, endpoint);
    let route = endpoint.route;
    let paths = std::iter::once(route.path).chain(route.aliases.iter().copied());
    let route = |path: &str| GatewayRoute {
        method: route.method.clone(),
        path: path.to_owned(),
        handler: Arc::clone(&handler),
    };
    paths.map(route).collect()
}

/// Three commands to begin with, for somebody of the demo or anybody.
fn examples(gateway: &str, identity: &Identity, of: Option<&DemoPerson>) -> Vec<(String, String)> {
    let (person, email) = match of {
        Some(person) => (person.id.to_string(), person.email),
        None => ("903c1ff9-f2cc-435c-b242-9d8a690fcf0a".to_owned(), "you@example.com"),
    };
    let example = |what: &str, command: String| (what.to_owned(), command);
    vec![
        example(
            "Store a consent",
            format!(
                "curl -X POST {gateway}/persons/{person}/consent/gdpr -H 'SlashID-API-Key: {}' -H 'SlashID-OrgID: {}' -H 'Content-Type: application/json' -d '{{\"consent_levels\":[\"necessary\"]}}'",
                identity.slashid_api_key(),
                identity.org_id
            ),
        ),
        example(
            "Order a takeout",
            format!(
                "curl -X POST {gateway}/user/2024-3/gdpr/{person}/takeouts -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/vnd.api+json' -d '{{\"data\":{{\"type\":\"GDPRTakeout\",\"attributes\":{{\"password\":\"correct horse battery\",\"sentTo\":\"{email}\"}}}}}}'"
            ),
        ),
        example(
            "Queue a purge",
            format!(
                "curl -X POST {gateway}/users/v1/person/{person}/purge -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' -d '{{}}'"
            ),
        ),
    ]
}
