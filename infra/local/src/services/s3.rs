//! S3: `s3s` on a folder, with what `s3s-fs` lacks added by [`Store`].
//!
//! Signatures are verified, so that a pre-signed URL is worth as much here as on AWS. Known limits, all from the
//! way objects are files: a key and a longer key below it (`a` and `a/b`) cannot both exist, keys may have some
//! 110 characters, and `LastModified` is real time even under a virtual clock.

mod extras;
mod store;
mod tags;

use std::sync::Arc;

use s3s::{
    auth::SimpleAuth,
    config::{S3Config, StaticConfigProvider},
    service::{S3Service, S3ServiceBuilder},
};
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::net::TcpListener;

use self::{extras::Extras, store::Store};
use super::{
    Clock, StartError,
    folder::Folder,
    server::{Server, Stopping, serve},
};

/// The object store, ready to be served.
pub(super) struct S3Server {
    service: S3Service,
    /// Where objects live without a data folder; gone with the server.
    temporary: Option<TempDir>,
}

impl S3Server {
    /// Opens the store in the folder, or in a temporary one.
    pub(super) fn open(
        folder: Option<&Folder>,
        clock: Clock,
        access_key_id: String,
        secret_access_key: String,
    ) -> Result<Self, StartError> {
        let failed = |error: &dyn std::fmt::Display| StartError::S3 { reason: error.to_string() };
        let (root, temporary) = match folder {
            Some(folder) => (folder.sub("s3")?, None),
            None => {
                let temporary = tempfile::tempdir().map_err(|error| failed(&error))?;
                (temporary.path().to_owned(), Some(temporary))
            }
        };
        let [objects, extras] = ["objects", "extras"].map(|name| root.join(name));
        for path in [&objects, &extras] {
            std::fs::create_dir_all(path).map_err(|error| failed(&error))?;
        }
        let files = FileSystem::new(&objects).map_err(|_| failed(&"the folder of objects is not usable"))?;
        let mut builder = S3ServiceBuilder::new(Store::new(files, objects, Extras::new(extras), clock));
        builder.set_auth(SimpleAuth::from_single(access_key_id, secret_access_key));
        // A URL signed under a virtual clock that has been advanced is from the future, and still good.
        let mut config = S3Config::default();
        config.presigned_url_max_skew_time_secs = u32::MAX;
        builder.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
        Ok(Self { service: builder.build(), temporary })
    }

    /// Serves the store.
    pub(super) fn serve(self, listener: TcpListener, stopping: Stopping) -> Server {
        let Self { service, temporary } = self;
        Server::spawn(async move {
            serve(listener, service, stopping).await;
            drop(temporary);
        })
    }
}

#[cfg(test)]
mod tests;
