//! What the tests of the services share: a running set of services, and unmodified SDK clients for it.

use std::path::{Path, PathBuf};

use aws_credential_types::Credentials;
use aws_smithy_http_client::Builder;
use tempfile::TempDir;

use super::{Options, Services, StartError};

/// The services, perhaps on a folder of their own.
pub(super) struct World {
    pub(super) services: Services,
    folder: Option<TempDir>,
}

/// Options for a folder, or for memory, with a clock that stands still.
pub(super) fn options(data: Option<PathBuf>) -> Options {
    Options {
        data,
        clock: std::sync::Arc::new(|| "2024-05-01T12:00:00Z".parse().unwrap()),
        access_key_id: "local".into(),
        secret_access_key: "secret".into(),
    }
}

macro_rules! client {
    ($name:ident, $sdk:ident, $endpoint:ident $(, $more:ident($value:expr))*) => {
        pub(super) fn $name(&self) -> $sdk::Client {
            let config = $sdk::Config::builder()
                .behavior_version($sdk::config::BehaviorVersion::latest())
                .region($sdk::config::Region::new("us-east-1"))
                .credentials_provider(Credentials::new("local", "secret", None, None, "test"))
                .endpoint_url(&self.services.endpoints.$endpoint)
                .http_client(Builder::new().build_http())
                $(.$more($value))*
                .build();
            $sdk::Client::from_conf(config)
        }
    };
}

impl World {
    /// Services in memory.
    pub(super) async fn new() -> Self {
        Self { services: Services::start(options(None)).await.unwrap(), folder: None }
    }

    /// Services on a folder.
    pub(super) async fn kept() -> Self {
        Self::on(tempfile::tempdir().unwrap()).await.unwrap()
    }

    /// Stops the services and starts them again on the same folder.
    pub(super) async fn restart(self) -> Self {
        self.services.stop().await;
        Self::on(self.folder.unwrap()).await.unwrap()
    }

    /// Ends the services without warning and starts them again on the same folder.
    pub(super) async fn crash(self) -> Self {
        drop(self.services);
        Self::on(self.folder.unwrap()).await.unwrap()
    }

    async fn on(folder: TempDir) -> Result<Self, StartError> {
        let services = Services::start(options(Some(folder.path().to_owned()))).await?;
        Ok(Self { services, folder: Some(folder) })
    }

    /// The data folder.
    pub(super) fn folder(&self) -> &Path {
        self.folder.as_ref().unwrap().path()
    }

    /// Clients as functions have them.
    pub(super) fn clients(&self) -> runtime::Clients {
        let credentials = Credentials::new("local", "secret", None, None, "test");
        let secrets = self.services.endpoints.secrets.clone();
        let endpoint = move |service: &str| (service == "SECRETS_MANAGER").then(|| secrets.clone());
        let http = runtime::Clients::https(None);
        runtime::Clients::over(http, credentials, "us-east-1".to_owned(), endpoint)
    }

    client!(dynamodb, aws_sdk_dynamodb, dynamodb);
    client!(s3, aws_sdk_s3, s3, force_path_style(true));
    client!(sqs, aws_sdk_sqs, sqs);
    client!(kms, aws_sdk_kms, kms);
    client!(ses, aws_sdk_sesv2, ses);
}
