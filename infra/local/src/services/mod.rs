//! Embedded AWS services, each on its own loopback port, for unmodified SDK clients.
//!
//! | service  | what answers                                  | kept in the data folder as             |
//! |----------|-----------------------------------------------|----------------------------------------|
//! | DynamoDB | dynoxide                                      | `dynamodb.sqlite`                      |
//! | S3       | s3s on a folder, with what it lacks added     | `s3/`                                  |
//! | SQS      | rustack, with a journal of its messages       | `sqs/`                                 |
//! | KMS      | our own, AES-256-GCM under one master key     | `master.key`                           |
//! | Secrets  | rustack                                       | nothing                                |
//! | SES v2   | our own outbox: nothing ever leaves           | `mail/`, each mail as `.eml` and JSON  |
//!
//! Without a data folder everything lives in memory (objects: in a temporary folder) and ends with the process.
//! Nothing here is shared between two [`Services`], so a test process may start as many as it likes.
//!
//! Deliberately absent: permissions. Only S3 checks signatures, because pre-signed URLs are part of the product.

mod dynamodb;
mod folder;
mod kms;
mod s3;
mod secrets;
mod server;
mod ses;
mod sqs;
mod stream;

#[cfg(test)]
mod testing;

use std::{path::PathBuf, sync::Arc};

use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio::sync::watch;

use self::{
    dynamodb::DynamoDb,
    folder::Folder,
    kms::Kms,
    s3::S3Server,
    server::{Server, Stopping, listen, serve_router},
    sqs::Sqs,
};
pub use self::{
    dynamodb::SweepError,
    ses::{Mail, Outbox},
    stream::{ChangeStream, StreamError},
};

/// The region in every ARN the services hand out.
pub const REGION: &str = "us-east-1";

/// The account in every ARN the services hand out.
pub const ACCOUNT: &str = "000000000000";

/// Tells the time: the system's, or a virtual one.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// What the services start with.
pub struct Options {
    /// Where state is kept; in memory if absent.
    pub data: Option<PathBuf>,
    /// Dates mails, messages and uploads.
    pub clock: Clock,
    /// The one access key S3 accepts.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: String,
}

/// Under which URLs the services answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Endpoints {
    /// For `AWS_ENDPOINT_URL_DYNAMODB`.
    pub dynamodb: String,
    /// For `AWS_ENDPOINT_URL_S3`; clients need path-style addressing.
    pub s3: String,
    /// For `AWS_ENDPOINT_URL_SQS`.
    pub sqs: String,
    /// For `AWS_ENDPOINT_URL_KMS`.
    pub kms: String,
    /// For `AWS_ENDPOINT_URL_SECRETS_MANAGER`.
    pub secrets: String,
    /// For `AWS_ENDPOINT_URL_SESV2`.
    pub ses: String,
}

/// Why the services did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Somebody else has the data folder.
    #[error("the data folder {} is in use by another process", folder.display())]
    InUse {
        /// The folder asked for.
        folder: PathBuf,
    },
    /// A folder or file could not be created, read or written.
    #[error("the data folder {} cannot be used", folder.display())]
    Folder {
        /// The folder or file concerned.
        folder: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// A file holds something else than we once wrote.
    #[error("the file {} is damaged: {reason}", file.display())]
    Damaged {
        /// The file concerned.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// No loopback port could be opened.
    #[error("no loopback port can be opened")]
    Listen(#[source] std::io::Error),
    /// The database did not open.
    #[error("the database does not open: {reason}")]
    DynamoDb {
        /// What the database says.
        reason: String,
    },
    /// The object store did not open.
    #[error("the object store does not open: {reason}")]
    S3 {
        /// What the object store says.
        reason: String,
    },
    /// The queues of the last run could not be restored.
    #[error("the queues of the last run cannot be restored: {reason}")]
    Sqs {
        /// What the queue service says.
        reason: String,
    },
    /// No random bytes for a key.
    #[error("the system gives no random bytes")]
    Random,
}

/// The running services. Dropping them ends them at once; [`Services::stop`] lets them finish.
pub struct Services {
    /// Where they answer.
    pub endpoints: Endpoints,
    /// What was mailed.
    pub outbox: Outbox,
    dynamodb: DynamoDb,
    sqs: Arc<Sqs>,
    queues: Server,
    others: Vec<Server>,
    running: watch::Sender<()>,
    // Last, so that the folder is given free only after everything that writes to it.
    folder: Option<Folder>,
}

impl Services {
    /// Starts all services; each is ready to be called when this returns.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let Options { data, clock, access_key_id, secret_access_key } = options;
        let folder = data.as_deref().map(Folder::open).transpose()?;
        let (running, stopping) = Stopping::pair();

        let (listener, dynamodb_url) = listen().await.map_err(StartError::Listen)?;
        let dynamodb = DynamoDb::open(folder.as_ref(), clock.clone())?;
        let mut others = vec![dynamodb.serve(listener, stopping.clone())];

        let (listener, s3_url) = listen().await.map_err(StartError::Listen)?;
        let s3 = S3Server::open(folder.as_ref(), clock.clone(), access_key_id, secret_access_key)?;
        others.push(s3.serve(listener, stopping.clone()));

        let (listener, sqs_url) = listen().await.map_err(StartError::Listen)?;
        let port = listener.local_addr().map_err(StartError::Listen)?.port();
        let sqs = Arc::new(Sqs::open(folder.as_ref(), clock.clone(), port).await?);
        let queues = sqs.clone().serve(listener, stopping.clone());

        let (listener, kms_url) = listen().await.map_err(StartError::Listen)?;
        let kms = Kms::open(folder.as_ref())?;
        others.push(Server::spawn(serve_router(listener, kms.router(), stopping.clone())));

        let (listener, secrets_url) = listen().await.map_err(StartError::Listen)?;
        others.push(secrets::spawn(listener, stopping.clone()));

        let (listener, ses_url) = listen().await.map_err(StartError::Listen)?;
        let outbox = Outbox::open(folder.as_ref(), clock)?;
        others.push(Server::spawn(serve_router(listener, ses::router(outbox.clone()), stopping)));

        let endpoints = Endpoints {
            dynamodb: dynamodb_url,
            s3: s3_url,
            sqs: sqs_url,
            kms: kms_url,
            secrets: secrets_url,
            ses: ses_url,
        };
        Ok(Self { endpoints, outbox, dynamodb, sqs, queues, others, running, folder })
    }

    /// Deletes the items whose time to live has passed, which DynamoDB does by itself now and then.
    pub async fn sweep_expired(&self) -> Result<usize, SweepError> {
        self.dynamodb.sweep().await
    }

    /// The changes of a table, read from where they were read to the last time.
    pub fn changes(&self, table: &'static str) -> ChangeStream {
        let file = self.folder.as_ref().map(|folder| folder.path().join("dynamodb.taken"));
        ChangeStream::open(self.dynamodb.database(), table, file)
    }

    /// Stops accepting, finishes what is under way, and gives the data folder free.
    pub async fn stop(self) {
        let Self { dynamodb, sqs, queues, others, running, folder, .. } = self;
        drop(running);
        for server in others {
            server.finished().await;
        }
        // After the others, because closing the queues cuts off whoever waits for messages.
        sqs.close().await;
        queues.finished().await;
        drop(dynamodb);
        drop(folder);
    }
}

#[cfg(test)]
mod tests {
    use super::{Services, testing::options};

    #[tokio::test]
    async fn a_folder_has_one_owner_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let start = || Services::start(options(Some(folder.path().to_owned())));

        let first = start().await.unwrap();
        let error = start().await.err().unwrap();
        first.stop().await;

        let shown = folder.path().display();
        assert_eq!(error.to_string(), format!("the data folder {shown} is in use by another process"));
        start().await.unwrap();
    }

    #[tokio::test]
    async fn many_run_side_by_side() {
        let worlds = futures_util::future::join_all((0..5).map(|_| Services::start(options(None)))).await;

        let mut urls: Vec<_> =
            worlds.iter().map(|world| world.as_ref().unwrap().endpoints.s3.clone()).collect();
        urls.dedup();
        assert_eq!(urls.len(), 5);
    }
}
