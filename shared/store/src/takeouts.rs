//! Finished takeouts in their bucket.

use std::time::Duration;

use aws_sdk_s3::{Client, error::ProvideErrorMetadata as _, presigning::PresigningConfig};
use bytes::Bytes;
use domain::{OrgId, PersonKey, RequestId};

use crate::{Services, StoreError};

/// The bucket of finished takeouts.
pub struct Takeouts {
    services: Services,
    bucket: String,
}

const SERVICE: &str = "S3";

/// The media type of an archive that is called so.
fn media_type(file_name: &str) -> &'static str {
    if file_name.ends_with(".zip") { "application/zip" } else { "application/octet-stream" }
}

impl Takeouts {
    pub(crate) fn new(services: Services, bucket: String) -> Self {
        Self { services, bucket }
    }

    /// The longest that a link into the bucket works.
    pub const LINK_LIFE: Duration = Duration::from_secs(300);

    /// The client and bucket, for the archive writer.
    pub fn bucket(&self) -> (&Client, &str) {
        (self.services.s3(), &self.bucket)
    }

    /// The key of the archive that an attempt at a takeout makes. Says nothing of the person. Each
    /// attempt has its own, so that one that lost can remove its archive and no other.
    pub fn key(org: OrgId, person: PersonKey, id: RequestId, attempt: u32, extension: &str) -> String {
        format!("{}{id}/{attempt}.{extension}", Self::prefix(org, person))
    }

    fn prefix(org: OrgId, person: PersonKey) -> String {
        format!("{org}/{person}/")
    }

    /// Removes all archives of a person.
    ///
    /// # Errors
    /// When the bucket cannot be reached; then it must be done again.
    pub async fn remove_all(&self, org: OrgId, person: PersonKey) -> Result<(), StoreError> {
        self.sweep(&Self::prefix(org, person)).await
    }

    /// Removes all that any attempt at a takeout has left, uploads that were never completed included.
    ///
    /// # Errors
    /// When the bucket cannot be reached; then it must be done again.
    pub async fn remove_takeout(
        &self,
        org: OrgId,
        person: PersonKey,
        id: RequestId,
    ) -> Result<(), StoreError> {
        self.sweep(&format!("{}{id}/", Self::prefix(org, person))).await
    }

    async fn sweep(&self, prefix: &str) -> Result<(), StoreError> {
        // Those that are aborted are not in the next list, so that it always begins at the beginning.
        loop {
            let uploads =
                self.services.s3().list_multipart_uploads().bucket(&self.bucket).prefix(prefix).send().await;
            let uploads = uploads.map_err(|error| StoreError::from_sdk(SERVICE, error))?;
            for upload in uploads.uploads() {
                let (Some(key), Some(id)) = (upload.key(), upload.upload_id()) else { continue };
                let abort =
                    self.services.s3().abort_multipart_upload().bucket(&self.bucket).key(key).upload_id(id);
                match abort.send().await {
                    Ok(_) => {}
                    // Its worker was just done with it.
                    Err(error) if error.code() == Some("NoSuchUpload") => {}
                    Err(error) => return Err(StoreError::from_sdk(SERVICE, error)),
                }
            }
            if !uploads.is_truncated().unwrap_or_default() {
                break;
            }
        }
        let mut pages =
            self.services.s3().list_objects_v2().bucket(&self.bucket).prefix(prefix).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| StoreError::from_sdk(SERVICE, error))?;
            for key in page.contents().iter().filter_map(|object| object.key()) {
                self.remove(key).await?;
            }
        }
        Ok(())
    }

    /// The whole archive.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn read(&self, key: &str) -> Result<Bytes, StoreError> {
        let object = self.services.s3().get_object().bucket(&self.bucket).key(key).send().await;
        let object = object.map_err(|error| StoreError::from_sdk(SERVICE, error))?;
        let body = object.body.collect().await;
        body.map(|body| body.into_bytes()).map_err(|error| StoreError::Unavailable {
            service: SERVICE,
            code: "broken off".into(),
            source: Box::new(error),
        })
    }

    /// A link to the archive that works for [`Self::LINK_LIFE`].
    ///
    /// # Errors
    /// When the link cannot be signed.
    pub async fn link(&self, key: &str, file_name: &str) -> Result<String, StoreError> {
        self.link_as(key, file_name, media_type(file_name)).await
    }

    /// Puts something else that is fetched from here: what lies under `exports/` goes after a day.
    ///
    /// # Errors
    /// When the bucket cannot be reached.
    pub async fn put(&self, key: &str, body: Bytes) -> Result<(), StoreError> {
        let put =
            self.services.s3().put_object().bucket(&self.bucket).key(key).body(body.into()).send().await;
        put.map(drop).map_err(|error| StoreError::from_sdk(SERVICE, error))
    }

    /// The same as [`Self::link`] to something of another media type.
    ///
    /// # Errors
    /// When the link cannot be signed.
    pub async fn link_as(&self, key: &str, file_name: &str, kind: &str) -> Result<String, StoreError> {
        let life = PresigningConfig::expires_in(Self::LINK_LIFE).map_err(|error| {
            StoreError::Unavailable { service: SERVICE, code: "signing".into(), source: Box::new(error) }
        })?;
        let request = self
            .services
            .s3()
            .get_object()
            .bucket(&self.bucket)
            .key(key)
            .response_content_type(kind)
            .response_content_disposition(format!("attachment; filename=\"{file_name}\""))
            .presigned(life)
            .await
            .map_err(|error| StoreError::from_sdk(SERVICE, error))?;
        Ok(request.uri().to_owned())
    }

    /// Removes an archive. Removing what is not there is no error.
    ///
    /// # Errors
    /// When the bucket cannot be reached.
    pub async fn remove(&self, key: &str) -> Result<(), StoreError> {
        let delete = self.services.s3().delete_object().bucket(&self.bucket).key(key).send().await;
        delete.map(drop).map_err(|error| StoreError::from_sdk(SERVICE, error))
    }
}
