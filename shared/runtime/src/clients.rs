//! Clients of the services that we call, over one set of connections.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_sdk_dynamodb::config::{BehaviorVersion, IdentityCache, Region};
use aws_smithy_http_client::{Connector, tls};
use aws_smithy_runtime_api::client::http::{SharedHttpClient, SharedHttpConnector, http_client_fn};
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use aws_types::{
    SdkConfig,
    service_config::{LoadServiceConfig, ServiceConfigKey},
};
use store::Services;

use crate::secrets::SecretsManager;

/// Amazon's own roots, to which the certificates of all its services lead: CA 1 to 4 and Starfield's G2.
/// To read all that a machine trusts takes many times as long as everything else at the start.
pub(crate) const ROOTS: &str = include_str!("roots.pem");

/// The longest that one attempt of a call to a service may take. The SDK itself would wait for ever.
const ATTEMPT: Duration = Duration::from_secs(10);
/// The longest that a call may take with all its attempts.
const OPERATION: Duration = Duration::from_secs(30);

/// Clients of the services that we call. Each is made when first used. Cheap to clone.
#[derive(Clone)]
pub struct Clients {
    pub(crate) services: Services,
    pub(crate) secrets: SecretsManager,
    sqs: Arc<OnceLock<aws_sdk_sqs::Client>>,
    ses: Arc<OnceLock<aws_sdk_sesv2::Client>>,
}

impl Clients {
    /// Clients with these credentials, speaking through `http`. `endpoint` gives the address of a service by
    /// the name that the standard `AWS_ENDPOINT_URL_…` variables end in, where it is not the usual one.
    pub fn over(
        http: SharedHttpClient,
        credentials: Credentials,
        region: String,
        endpoint: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            // They live as long as the process.
            .identity_cache(IdentityCache::no_cache())
            .http_client(http)
            .service_config(Endpoints(endpoint))
            .timeout_config(
                TimeoutConfig::builder()
                    .operation_attempt_timeout(ATTEMPT)
                    .operation_timeout(OPERATION)
                    .build(),
            )
            .build();
        Self::of(config)
    }

    fn of(config: SdkConfig) -> Self {
        Self {
            secrets: SecretsManager::new(config.clone()),
            services: config.into(),
            sqs: Arc::default(),
            ses: Arc::default(),
        }
    }

    /// The same clients with other patience between the attempts of a call.
    #[must_use]
    pub fn with_retries(self, retries: RetryConfig) -> Self {
        Self::of(self.services.config().to_builder().retry_config(retries).build())
    }

    /// Connections to services whose certificates lead to `roots`, given as PEM, or to Amazon's own if absent.
    /// All clients share them, and the roots are read once, when the first call is made. The SDK's own would
    /// read them anew for every client.
    pub fn https(roots: Option<String>) -> SharedHttpClient {
        let connector = OnceLock::new();
        http_client_fn(move |settings, components| {
            // All clients have the same settings.
            let make = || {
                let roots = roots.as_deref().unwrap_or(ROOTS);
                let trusted = tls::TrustStore::empty().with_pem_certificate(roots);
                let context = tls::TlsContext::builder().with_trust_store(trusted).build();
                let mut connector = Connector::builder().connector_settings(settings.clone());
                connector.set_sleep_impl(components.sleep_impl());
                let connector = connector
                    .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc))
                    // Without a trust store of its own, which cannot be refused, it would trust the machine's.
                    .tls_context(context.unwrap_or_default());
                SharedHttpConnector::new(connector.build())
            };
            connector.get_or_init(make).clone()
        })
    }

    /// Clients as Lambda's environment says. Credentials live as long as the environment does.
    ///
    /// # Errors
    /// When the file that `AWS_CA_BUNDLE` names cannot be read.
    pub fn from_env(
        get: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Result<Self, std::io::Error> {
        let credentials = Credentials::from_keys(
            get("AWS_ACCESS_KEY_ID").unwrap_or_default(),
            get("AWS_SECRET_ACCESS_KEY").unwrap_or_default(),
            get("AWS_SESSION_TOKEN"),
        );
        let region = get("AWS_REGION").unwrap_or_else(|| "us-east-1".to_owned());
        let bundle = get("AWS_CA_BUNDLE").filter(|path| !path.is_empty());
        let roots = bundle.map(std::fs::read_to_string).transpose()?;
        let endpoint = move |service: &str| get(&format!("AWS_ENDPOINT_URL_{service}"));
        Ok(Self::over(Self::https(roots), credentials, region, endpoint))
    }

    /// The DynamoDB client.
    pub fn dynamodb(&self) -> &aws_sdk_dynamodb::Client {
        self.services.dynamodb()
    }

    /// The S3 client.
    pub fn s3(&self) -> &aws_sdk_s3::Client {
        self.services.s3()
    }

    /// The KMS client.
    pub fn kms(&self) -> &aws_sdk_kms::Client {
        self.services.kms()
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
        self.sqs.get_or_init(|| aws_sdk_sqs::Client::new(self.services.config()))
    }

    /// The client of the mail service.
    pub(crate) fn ses(&self) -> &aws_sdk_sesv2::Client {
        self.ses.get_or_init(|| aws_sdk_sesv2::Client::new(self.services.config()))
    }
}

/// Where services are that are not where AWS has them.
struct Endpoints<F>(F);

impl<F> fmt::Debug for Endpoints<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Endpoints")
    }
}

impl<F: Fn(&str) -> Option<String> + Send + Sync> LoadServiceConfig for Endpoints<F> {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        if key.env() != "AWS_ENDPOINT_URL" {
            return None;
        }
        (self.0)(&key.service_id().to_ascii_uppercase().replace(' ', "_"))
    }
}
