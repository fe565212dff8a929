//! The services in which the ledger lies. Their clients are made when first used: most functions never need
//! them all, and what is not made costs neither time at the start nor room in the package.

use std::sync::{Arc, OnceLock};

use aws_types::{SdkConfig, service_config::ServiceConfigKey};

/// How services are called, and the clients of those that were. Cheap to clone.
#[derive(Clone)]
pub struct Services {
    inner: Arc<Inner>,
}

struct Inner {
    config: SdkConfig,
    dynamodb: OnceLock<aws_sdk_dynamodb::Client>,
    kms: OnceLock<aws_sdk_kms::Client>,
    s3: OnceLock<aws_sdk_s3::Client>,
}

impl From<SdkConfig> for Services {
    fn from(config: SdkConfig) -> Self {
        let inner = Inner { config, dynamodb: OnceLock::new(), kms: OnceLock::new(), s3: OnceLock::new() };
        Self { inner: Arc::new(inner) }
    }
}

impl Services {
    /// What all clients have in common.
    pub fn config(&self) -> &SdkConfig {
        &self.inner.config
    }

    /// The DynamoDB client.
    pub fn dynamodb(&self) -> &aws_sdk_dynamodb::Client {
        self.inner.dynamodb.get_or_init(|| aws_sdk_dynamodb::Client::new(&self.inner.config))
    }

    /// The KMS client.
    pub fn kms(&self) -> &aws_sdk_kms::Client {
        self.inner.kms.get_or_init(|| aws_sdk_kms::Client::new(&self.inner.config))
    }

    /// The S3 client.
    pub fn s3(&self) -> &aws_sdk_s3::Client {
        self.inner.s3.get_or_init(|| {
            let config = aws_sdk_s3::config::Builder::from(&self.inner.config);
            // Only AWS has a name for every bucket.
            let config = config.force_path_style(self.has_endpoint_for_s3()).build();
            aws_sdk_s3::Client::from_conf(config)
        })
    }

    /// Whether S3 is not where AWS has it.
    fn has_endpoint_for_s3(&self) -> bool {
        let key =
            ServiceConfigKey::builder().service_id("S3").env("AWS_ENDPOINT_URL").profile("endpoint_url");
        let endpoint = key.build().ok().and_then(|key| self.inner.config.service_config()?.load_config(key));
        endpoint.is_some()
    }
}
