//! Files that belong to requests, in a bucket of their own.
//!
//! Browsers send them to S3 directly, into quarantine: what lies there nobody is given. Only what the scan has
//! let through is copied to where it is kept, and only if it still is what was looked at; a form that is sent
//! once more afterwards changes nothing there.

use aws_credential_types::provider::ProvideCredentials as _;
use aws_sdk_s3::{error::ProvideErrorMetadata as _, presigning::PresigningConfig};
use bytes::Bytes;
use domain::{
    AttachmentId, OrgId, PersonKey, RequestId,
    attachment::{Attachment, FileKind},
};
use url::Url;

use crate::{Services, StoreError, post_policy::Signer, takeouts::Takeouts};

const SERVICE: &str = "S3";

/// The bucket of attachments.
pub struct Attachments {
    services: Services,
    bucket: String,
}

/// Which file of which request is meant. Names of objects say nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilePlace {
    /// Whose tenant.
    pub org: OrgId,
    /// Whose request.
    pub person: PersonKey,
    /// Which request.
    pub request: RequestId,
    /// Which file.
    pub id: AttachmentId,
}

/// A form that sends a file into quarantine.
#[derive(Clone, Debug)]
pub struct UploadForm {
    /// Where it is sent.
    pub url: Url,
    /// Its fields, in order, before that of the file, which is called `file`.
    pub fields: Vec<(&'static str, String)>,
}

/// A file in quarantine.
pub struct Quarantined {
    /// Its content.
    pub content: Bytes,
    /// What S3 calls this content: another comes with another name.
    pub etag: String,
}

const QUARANTINE: &str = "quarantine";
const KEPT: &str = "kept";

impl FilePlace {
    fn key(&self, folder: &str) -> String {
        let Self { org, person, request, id } = self;
        format!("{folder}/{org}/{person}/{request}/{id}")
    }
}

fn signing(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::Unavailable { service: SERVICE, code: "signing".into(), source: error.into() }
}

/// S3 has signed nothing that can be read.
#[derive(Debug, thiserror::Error)]
#[error("a signed address was expected")]
struct Unsigned;

impl Attachments {
    pub(crate) fn new(services: Services, bucket: String) -> Self {
        Self { services, bucket }
    }

    /// A form that sends one file to `place` in quarantine, and whoever sent it to `next`.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub async fn upload_form(&self, place: &FilePlace, next: String) -> Result<UploadForm, StoreError> {
        let key = place.key(QUARANTINE);
        // A request that nobody makes: it says where the bucket is, and when and as whom the SDK signs.
        let life = PresigningConfig::expires_in(Takeouts::LINK_LIFE).map_err(signing)?;
        let put = self.services.s3().put_object().bucket(&self.bucket).key(&key).presigned(life).await;
        let put = put.map_err(|error| StoreError::from_sdk(SERVICE, error))?;
        let mut url = Url::parse(put.uri()).map_err(signing)?;
        let said = |wanted: &str| {
            let pair = url.query_pairs().find(|(name, _)| name == wanted);
            pair.map(|(_, value)| value.into_owned())
        };
        let (credential, date) = (said("X-Amz-Credential"), said("X-Amz-Date"));
        let (Some(credential), Some(date)) = (credential, date) else { return Err(signing(Unsigned)) };
        let provider = self.services.config().credentials_provider().ok_or_else(|| signing(Unsigned))?;
        let keys = provider.provide_credentials().await.map_err(signing)?;
        let signer = Signer {
            credential: &credential,
            secret: keys.secret_access_key(),
            session_token: keys.session_token(),
            date: &date,
        };
        let fixed = [
            ("key", key.clone()),
            // Whatever comes, no browser that is given it takes it for a page.
            ("Content-Type", "application/octet-stream".to_owned()),
            ("success_action_redirect", next),
        ];
        let fields = signer.form(&self.bucket, &fixed, Attachment::LARGEST, Attachment::FORM_LIFE);
        let fields = fields.ok_or_else(|| signing(Unsigned))?;
        let path = url.path().strip_suffix(&key).unwrap_or_default().to_owned();
        url.set_path(&path);
        url.set_query(None);
        Ok(UploadForm { url, fields })
    }

    /// What lies in quarantine there, if anything does.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn quarantined(&self, place: &FilePlace) -> Result<Option<Quarantined>, StoreError> {
        let get = self.services.s3().get_object().bucket(&self.bucket).key(place.key(QUARANTINE)).send();
        let object = match get.await {
            Ok(object) => object,
            Err(error) if error.code() == Some("NoSuchKey") => return Ok(None),
            Err(error) => return Err(StoreError::from_sdk(SERVICE, error)),
        };
        let etag = object.e_tag.unwrap_or_default();
        let content = object.body.collect().await.map_err(|error| StoreError::Unavailable {
            service: SERVICE,
            code: "broken off".into(),
            source: Box::new(error),
        })?;
        Ok(Some(Quarantined { content: content.into_bytes(), etag }))
    }

    /// What a tag of the file in quarantine says, if it has this tag.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn tag(&self, place: &FilePlace, name: &str) -> Result<Option<String>, StoreError> {
        let key = place.key(QUARANTINE);
        let tags = self.services.s3().get_object_tagging().bucket(&self.bucket).key(key).send().await;
        let tags = tags.map_err(|error| StoreError::from_sdk(SERVICE, error))?;
        Ok(tags.tag_set.into_iter().find(|tag| tag.key == name).map(|tag| tag.value))
    }

    /// Copies a file out of quarantine, if it still is the one with this name; false if it is not.
    ///
    /// # Errors
    /// When it cannot be copied.
    pub async fn keep(&self, place: &FilePlace, etag: &str) -> Result<bool, StoreError> {
        let copy = self
            .services
            .s3()
            .copy_object()
            .copy_source(format!("{}/{}", self.bucket, place.key(QUARANTINE)))
            .copy_source_if_match(etag)
            // What the scanner said is not what is kept.
            .tagging_directive(aws_sdk_s3::types::TaggingDirective::Replace)
            .bucket(&self.bucket)
            .key(place.key(KEPT))
            .send()
            .await;
        match copy {
            Ok(_) => Ok(true),
            Err(error) if matches!(error.code(), Some("PreconditionFailed" | "NoSuchKey")) => Ok(false),
            Err(error) => Err(StoreError::from_sdk(SERVICE, error)),
        }
    }

    /// Removes a file from quarantine. Removing what is not there is no error.
    ///
    /// # Errors
    /// When the bucket cannot be reached.
    pub async fn clear(&self, place: &FilePlace) -> Result<(), StoreError> {
        self.remove(&place.key(QUARANTINE)).await
    }

    /// Removes a file wherever it lies. Removing what is not there is no error.
    ///
    /// # Errors
    /// When the bucket cannot be reached.
    pub async fn discard(&self, place: &FilePlace) -> Result<(), StoreError> {
        self.clear(place).await?;
        self.remove(&place.key(KEPT)).await
    }

    /// Removes all files of a person.
    ///
    /// # Errors
    /// When the bucket cannot be reached; then it must be done again.
    pub async fn discard_all(&self, org: OrgId, person: PersonKey) -> Result<(), StoreError> {
        for folder in [QUARANTINE, KEPT] {
            let list = self.services.s3().list_objects_v2().bucket(&self.bucket);
            let mut pages = list.prefix(format!("{folder}/{org}/{person}/")).into_paginator().send();
            while let Some(page) = pages.next().await {
                let page = page.map_err(|error| StoreError::from_sdk(SERVICE, error))?;
                for key in page.contents().iter().filter_map(|object| object.key()) {
                    self.remove(key).await?;
                }
            }
        }
        Ok(())
    }

    /// A link to a file that is kept, to be saved under a name that says nothing of its content.
    ///
    /// # Errors
    /// When the link cannot be signed.
    pub async fn link(&self, place: &FilePlace, kind: FileKind) -> Result<String, StoreError> {
        let life = PresigningConfig::expires_in(Takeouts::LINK_LIFE).map_err(signing)?;
        let name = format!("attachment.{}", kind.extension());
        let get = self.services.s3().get_object().bucket(&self.bucket).key(place.key(KEPT));
        let get = get
            .response_content_type(kind.media_type())
            .response_content_disposition(format!("attachment; filename=\"{name}\""))
            .presigned(life)
            .await;
        Ok(get.map_err(|error| StoreError::from_sdk(SERVICE, error))?.uri().to_owned())
    }

    async fn remove(&self, key: &str) -> Result<(), StoreError> {
        let delete = self.services.s3().delete_object().bucket(&self.bucket).key(key).send().await;
        delete.map(drop).map_err(|error| StoreError::from_sdk(SERVICE, error))
    }
}
