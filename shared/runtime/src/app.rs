//! The App: everything that a handler can reach.

use std::{sync::Arc, time::Duration};

use aws_credential_types::Credentials;
use aws_smithy_http_client::{Builder, tls};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::timeout::TimeoutConfig;
use chrono::TimeDelta;
use connectors::Engine;
use domain::{PersonKey, Timestamp, tenant::Tenant};
use store::Store;

use crate::{
    Clock, Config, Entropy, Failure, Log, auth::Gatekeeper, engine::Engines, log::Line,
    secrets::SecretsManager, trace::Trace,
};

/// Clients of the services that we call.
#[derive(Clone)]
pub struct Clients {
    pub(crate) dynamodb: aws_sdk_dynamodb::Client,
    pub(crate) s3: aws_sdk_s3::Client,
    pub(crate) kms: aws_sdk_kms::Client,
    pub(crate) sqs: aws_sdk_sqs::Client,
    pub(crate) ses: aws_sdk_sesv2::Client,
    pub(crate) secrets: SecretsManager,
}

/// The longest that one attempt of a call to a service may take. The SDK itself would wait for ever.
const ATTEMPT: Duration = Duration::from_secs(10);
/// The longest that a call may take with all its attempts.
const OPERATION: Duration = Duration::from_secs(30);

macro_rules! client {
    ($sdk:ident, $service:literal, $http:expr, $credentials:expr, $region:expr, $endpoint:expr) => {{
        let builder = $sdk::config::Builder::new()
            .behavior_version($sdk::config::BehaviorVersion::latest())
            .region($sdk::config::Region::new($region.to_owned()))
            .credentials_provider($credentials.clone())
            .http_client($http.clone())
            .timeout_config(
                TimeoutConfig::builder()
                    .operation_attempt_timeout(ATTEMPT)
                    .operation_timeout(OPERATION)
                    .build(),
            );
        match $endpoint($service) {
            Some(url) => builder.endpoint_url(url),
            None => builder,
        }
    }};
}

impl Clients {
    /// Clients with these credentials. `endpoint` gives the address of a service by the name that
    /// the standard `AWS_ENDPOINT_URL_…` variables end in, where it is not the usual one.
    pub fn new(credentials: &Credentials, region: &str, endpoint: impl Fn(&str) -> Option<String>) -> Self {
        Self::over(&Self::https(), credentials, region, endpoint)
    }

    /// What clients speak through unless told otherwise.
    pub fn https() -> SharedHttpClient {
        Builder::new()
            .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc))
            .build_https()
    }

    /// The same as [`Clients::new`], speaking through `http`.
    pub fn over(
        http: &SharedHttpClient,
        credentials: &Credentials,
        region: &str,
        endpoint: impl Fn(&str) -> Option<String>,
    ) -> Self {
        let path_style = endpoint("S3").is_some();
        let dynamodb = client!(aws_sdk_dynamodb, "DYNAMODB", http, credentials, region, endpoint);
        let s3 = client!(aws_sdk_s3, "S3", http, credentials, region, endpoint).force_path_style(path_style);
        let kms = client!(aws_sdk_kms, "KMS", http, credentials, region, endpoint);
        let sqs = client!(aws_sdk_sqs, "SQS", http, credentials, region, endpoint);
        let secrets = client!(aws_sdk_secretsmanager, "SECRETS_MANAGER", http, credentials, region, endpoint);
        let ses = client!(aws_sdk_sesv2, "SESV2", http, credentials, region, endpoint);
        Self {
            dynamodb: aws_sdk_dynamodb::Client::from_conf(dynamodb.build()),
            s3: aws_sdk_s3::Client::from_conf(s3.build()),
            kms: aws_sdk_kms::Client::from_conf(kms.build()),
            sqs: aws_sdk_sqs::Client::from_conf(sqs.build()),
            ses: aws_sdk_sesv2::Client::from_conf(ses.build()),
            secrets: SecretsManager::new(aws_sdk_secretsmanager::Client::from_conf(secrets.build())),
        }
    }

    /// Clients as Lambda's environment says. Credentials live as long as the environment does.
    pub fn from_env(get: impl Fn(&str) -> Option<String>) -> Self {
        let credentials = Credentials::from_keys(
            get("AWS_ACCESS_KEY_ID").unwrap_or_default(),
            get("AWS_SECRET_ACCESS_KEY").unwrap_or_default(),
            get("AWS_SESSION_TOKEN"),
        );
        let region = get("AWS_REGION").unwrap_or_else(|| "us-east-1".to_owned());
        Self::new(&credentials, &region, |service| get(&format!("AWS_ENDPOINT_URL_{service}")))
    }

    /// The DynamoDB client.
    pub fn dynamodb(&self) -> &aws_sdk_dynamodb::Client {
        &self.dynamodb
    }

    /// The S3 client.
    pub fn s3(&self) -> &aws_sdk_s3::Client {
        &self.s3
    }

    /// The secrets of the stores.
    pub fn secrets(&self) -> &dyn connectors::Secrets {
        &self.secrets
    }

    /// The client of Secrets Manager.
    pub fn secrets_manager(&self) -> &aws_sdk_secretsmanager::Client {
        self.secrets.client()
    }

    /// The SQS client.
    pub fn sqs(&self) -> &aws_sdk_sqs::Client {
        &self.sqs
    }
}

/// Where the data-map engine comes from.
pub enum EngineSource {
    /// Opened at start, so that a broken map is refused there.
    Opened(Box<Engine>),
    /// Opened from the configured files when first needed: most functions never need it.
    Configured,
}

/// What an App is made of.
pub struct Parts {
    /// The settings.
    pub config: Config,
    /// The services.
    pub clients: Clients,
    /// The clock.
    pub clock: Clock,
    /// Randomness and ids.
    pub entropy: Entropy,
    /// Where log lines go.
    pub log: Log,
    /// The data-map engine.
    pub engine: EngineSource,
}

/// Everything that a handler can reach. Cheap to clone.
#[derive(Clone)]
pub struct App {
    inner: Arc<Inner>,
    entropy: Entropy,
    deadline: Option<Timestamp>,
    trace: Option<Trace>,
}

struct Inner {
    config: Config,
    clients: Clients,
    store: Store,
    clock: Clock,
    log: Log,
    gatekeeper: Gatekeeper,
    engines: Engines,
}

impl App {
    /// Puts an App together.
    pub fn new(parts: Parts) -> Self {
        let Parts { config, clients, clock, entropy, log, engine } = parts;
        let store = Store::new(
            clients.dynamodb.clone(),
            clients.s3.clone(),
            clients.kms.clone(),
            config.places.clone(),
        );
        let gatekeeper = Gatekeeper::new(&config.issuers);
        let engines = match engine {
            EngineSource::Opened(engine) => Engines::with(config.map.clone(), *engine),
            EngineSource::Configured => Engines::default(),
        };
        Self {
            inner: Arc::new(Inner { config, clients, store, clock, log, gatekeeper, engines }),
            entropy,
            deadline: None,
            trace: None,
        }
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// The clients.
    pub fn clients(&self) -> &Clients {
        &self.inner.clients
    }

    /// The ledger of all tenants.
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// Randomness and ids.
    pub fn entropy(&self) -> &Entropy {
        &self.entropy
    }

    /// Writes a log line about what is being done.
    pub(crate) fn tell(&self, line: Line<'_>) {
        self.inner.log.line(line, self.trace);
    }

    /// Tells how far long work has got, in words without anything personal.
    pub fn tell_progress(&self, function: &'static str, person: PersonKey, so_far: &str) {
        let person = Some(person.to_string());
        self.tell(Line { function, outcome: so_far, person, ..Line::default() });
    }

    /// Sends counts to CloudWatch, each under its name in the namespace `Lethe`. Those that are zero
    /// cost nothing.
    pub fn count(&self, counts: &[(&str, usize)]) {
        self.inner.log.counts(counts, self.now());
    }

    /// The same App within the trace that this header names, if it names one.
    pub(crate) fn traced(&self, header: Option<&str>) -> Self {
        Self { trace: header.and_then(Trace::read), ..self.clone() }
    }

    /// The trace that this is a part of, as others are told of it.
    pub(crate) fn trace_header(&self) -> Option<String> {
        self.trace.map(|trace| format!("Root={trace}"))
    }

    pub(crate) fn gatekeeper(&self) -> &Gatekeeper {
        &self.inner.gatekeeper
    }

    pub(crate) fn with_entropy(&self, entropy: Entropy) -> Self {
        Self { entropy, ..self.clone() }
    }

    /// The same App inside an invocation that ends at `deadline`.
    pub(crate) fn with_deadline(&self, deadline: Option<Timestamp>) -> Self {
        Self { deadline, ..self.clone() }
    }

    /// Whether the invocation is about to end, so that long work should be left to the next.
    pub fn is_out_of_time(&self) -> bool {
        const RESERVE: TimeDelta = TimeDelta::seconds(20);
        self.deadline.is_some_and(|deadline| deadline - RESERVE <= self.now())
    }

    /// The data-map engine of a tenant.
    ///
    /// # Errors
    /// When its map and connections are not in order.
    pub async fn engine(&self, tenant: &Tenant) -> Result<Arc<Engine>, Failure> {
        let files = tenant.data_map.as_ref().unwrap_or(&self.config().map);
        self.inner.engines.get(files, self.clients()).await.map_err(Failure::unavailable)
    }
}
