//! Secrets Manager: rustack, in memory. Whoever starts the services puts the secrets in.

use std::sync::Arc;

use rustack_secretsmanager_core::{
    config::SecretsManagerConfig, handler::RustackSecretsManagerHandler, provider::RustackSecretsManager,
};
use rustack_secretsmanager_http::service::{SecretsManagerHttpConfig, SecretsManagerHttpService};
use tokio::net::TcpListener;

use super::{
    ACCOUNT, REGION,
    server::{Server, Stopping, serve},
};

/// Serves a Secrets Manager without secrets.
pub(super) fn spawn(listener: TcpListener, stopping: Stopping) -> Server {
    let secrets = RustackSecretsManager::new(SecretsManagerConfig {
        skip_signature_validation: true,
        default_region: REGION.into(),
        default_account_id: ACCOUNT.into(),
    });
    let handler = Arc::new(RustackSecretsManagerHandler::new(Arc::new(secrets)));
    let service = SecretsManagerHttpService::new(handler, SecretsManagerHttpConfig::default());
    Server::spawn(serve(listener, service, stopping))
}

#[cfg(test)]
mod tests {
    use super::super::testing::World;

    #[tokio::test]
    async fn a_secret_is_fetched_once_and_found_by_name_and_by_arn() {
        let world = World::new().await;
        let clients = world.clients();
        let manager = clients.secrets_manager();
        let secret =
            async |name: &str| clients.secrets().secret(name).await.map(|secret| secret.expose().to_owned());
        let made = manager.create_secret().name("crm-key").secret_string("old").send().await.unwrap();
        assert_eq!(secret("crm-key").await.unwrap(), "old");

        manager.put_secret_value().secret_id("crm-key").secret_string("new").send().await.unwrap();

        assert_eq!(secret("crm-key").await.unwrap(), "old");
        assert_eq!(secret(made.arn().unwrap()).await.unwrap(), "new");
    }

    #[tokio::test]
    async fn a_secret_that_is_not_there_is_told_by_its_name() {
        let world = World::new().await;

        let fault = world.clients().secrets().secret("crm-key").await.err().unwrap();

        assert_eq!(fault.to_string(), "the secret `crm-key` cannot be read: ResourceNotFoundException");
    }
}
