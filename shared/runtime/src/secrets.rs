//! Secrets of the stores, kept by AWS Secrets Manager.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use aws_sdk_secretsmanager::{Client, error::ProvideErrorMetadata as _};
use aws_types::SdkConfig;
use connectors::{Fault, Secret, Secrets};
use tokio::{sync::Mutex, time::Instant};

/// How long a secret is used before it is fetched again: so long does a change take.
const FRESH: Duration = Duration::from_secs(300);

/// Secrets by name or ARN. Nothing is called until one is asked for. Clones share what they keep.
#[derive(Clone)]
pub(crate) struct SecretsManager {
    config: SdkConfig,
    client: Arc<OnceLock<Client>>,
    /// Held while one is fetched, so that many calls at once fetch it once.
    kept: Arc<Mutex<HashMap<String, (Instant, Secret)>>>,
}

impl SecretsManager {
    pub(crate) fn new(config: SdkConfig) -> Self {
        Self { config, client: Arc::default(), kept: Arc::default() }
    }

    pub(crate) fn client(&self) -> &Client {
        self.client.get_or_init(|| Client::new(&self.config))
    }

    async fn fetch(&self, name: &str) -> Result<Secret, Fault> {
        let answer = self.client().get_secret_value().secret_id(name).send().await.map_err(|error| {
            let code = error.code().unwrap_or("Secrets Manager cannot be reached");
            Fault::new(format!("the secret `{name}` cannot be read: {code}"))
        })?;
        let text =
            answer.secret_string.ok_or_else(|| Fault::new(format!("the secret `{name}` is no text")))?;
        Ok(Secret::new(text))
    }
}

#[async_trait]
impl Secrets for SecretsManager {
    async fn secret(&self, name: &str) -> Result<Secret, Fault> {
        let mut kept = self.kept.lock().await;
        match kept.get(name) {
            Some((since, secret)) if since.elapsed() < FRESH => Ok(secret.clone()),
            Some(_) | None => {
                let secret = self.fetch(name).await?;
                kept.insert(name.to_owned(), (Instant::now(), secret.clone()));
                Ok(secret)
            }
        }
    }
}
