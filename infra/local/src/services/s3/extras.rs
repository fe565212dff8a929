//! What `s3s-fs` does not keep of objects and uploads: tags, encryption headers, and when an upload began.
//!
//! One JSON file each, named by a digest, so that no key is too long or too strange for a file name.

use std::{io, path::PathBuf};

use aws_lc_rs::digest;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::services::folder;

/// A tag is a name and a value.
pub(super) type Tags = Vec<(String, String)>;

/// What is kept of an object besides its content.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Extra {
    /// Its tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) tags: Tags,
    /// The encryption asked for.
    pub(super) encryption: Option<String>,
    /// The key asked for, if the encryption needs one.
    pub(super) kms_key: Option<String>,
}

/// What is kept of a multipart upload until it ends.
#[derive(Serialize, Deserialize)]
pub(super) struct Upload {
    pub(super) id: String,
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) initiated: DateTime<Utc>,
    pub(super) extra: Extra,
}

/// The folder of extras.
#[derive(Debug)]
pub(super) struct Extras {
    folder: PathBuf,
}

impl Extras {
    /// Extras in a folder that exists.
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// What is kept of an object; nothing much if it never was.
    pub(super) async fn of(&self, bucket: &str, key: &str) -> io::Result<Extra> {
        Ok(read(self.object(bucket, key)).await?.unwrap_or_default())
    }

    /// Keeps what belongs to an object, in place of what was kept.
    pub(super) async fn put(&self, bucket: &str, key: &str, extra: &Extra) -> io::Result<()> {
        let file = self.object(bucket, key);
        if *extra == Extra::default() {
            return folder::remove(&file).await;
        }
        folder::replace(&file, &serde_json::to_vec(extra)?).await
    }

    /// Forgets an object.
    pub(super) async fn remove(&self, bucket: &str, key: &str) -> io::Result<()> {
        folder::remove(&self.object(bucket, key)).await
    }

    /// Keeps an upload.
    pub(super) async fn begin(&self, upload: &Upload) -> io::Result<()> {
        folder::replace(&self.upload(&upload.id), &serde_json::to_vec(upload)?).await
    }

    /// An upload that has not ended.
    pub(super) async fn upload_of(&self, id: &str) -> io::Result<Option<Upload>> {
        read(self.upload(id)).await
    }

    /// Forgets an upload.
    pub(super) async fn end(&self, id: &str) -> io::Result<()> {
        folder::remove(&self.upload(id)).await
    }

    /// The uploads of a bucket that have not ended, by key and then by time.
    pub(super) async fn uploads(&self, bucket: &str) -> io::Result<Vec<Upload>> {
        let mut uploads: Vec<Upload> = Vec::new();
        let mut entries = tokio::fs::read_dir(&self.folder).await?;
        while let Some(entry) = entries.next_entry().await? {
            if entry.file_name().to_string_lossy().starts_with("upload-") {
                // It may have ended meanwhile.
                uploads.extend(read(entry.path()).await?);
            }
        }
        uploads.retain(|upload| upload.bucket == bucket);
        uploads.sort_by(|a, b| (&a.key, a.initiated, &a.id).cmp(&(&b.key, b.initiated, &b.id)));
        Ok(uploads)
    }

    fn object(&self, bucket: &str, key: &str) -> PathBuf {
        // A bucket's name holds no slash, so no two objects have the same text.
        let digest = digest::digest(&digest::SHA256, format!("{bucket}/{key}").as_bytes());
        self.folder.join(format!("object-{}.json", hex::encode(digest)))
    }

    fn upload(&self, id: &str) -> PathBuf {
        let digest = digest::digest(&digest::SHA256, id.as_bytes());
        self.folder.join(format!("upload-{}.json", hex::encode(digest)))
    }
}

async fn read<T: DeserializeOwned>(file: PathBuf) -> io::Result<Option<T>> {
    let content = folder::read(&file).await?;
    Ok(content.map(|content| serde_json::from_slice(&content)).transpose()?)
}
