//! Puts the parts into object storage, where they become visible all at once or not at all.

use std::error::Error;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use tokio::sync::mpsc;

use crate::ArchiveError;
use crate::parts::Part;

/// The most parts that S3 takes; with parts of 8 MiB an archive ends at 78 GiB.
pub(crate) const MOST_PARTS: i32 = 10_000;

const MEDIA_TYPE: &str = "application/zip";

/// Where the archive goes.
#[derive(Clone, Debug)]
pub struct Destination {
    /// How to reach the bucket.
    pub s3: Client,
    /// The bucket; its own defaults encrypt the object.
    pub bucket: String,
    /// The object, which is replaced if there is one.
    pub key: String,
}

/// How an upload ended that met no error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Stored,
    /// The writer gave up: there is no last part, and nothing stays behind.
    Abandoned,
}

/// Uploads the parts as they come: in one request if there is but one.
pub(crate) async fn upload(
    to: Destination,
    mut parts: mpsc::Receiver<Part>,
) -> Result<Outcome, ArchiveError> {
    match parts.recv().await {
        None => Ok(Outcome::Abandoned),
        Some(Part::Last(whole)) => put(&to, whole).await,
        Some(Part::More(first)) => {
            let mut multipart = Multipart::create(to).await?;
            let outcome = multipart.take(first, &mut parts).await;
            if !matches!(outcome, Ok(Outcome::Stored)) {
                // The writer must not wait for a part that nobody takes any more.
                parts.close();
                multipart.abort().await;
            }
            outcome
        }
    }
}

async fn put(to: &Destination, whole: Bytes) -> Result<Outcome, ArchiveError> {
    to.s3
        .put_object()
        .bucket(&to.bucket)
        .key(&to.key)
        .content_type(MEDIA_TYPE)
        .body(ByteStream::from(whole))
        .send()
        .await
        .map_err(refused("store the archive"))?;
    Ok(Outcome::Stored)
}

/// An upload in several parts, of which nobody sees anything until it is completed.
struct Multipart {
    to: Destination,
    id: String,
    sent: Vec<CompletedPart>,
}

impl Multipart {
    async fn create(to: Destination) -> Result<Self, ArchiveError> {
        let doing = "begin the upload";
        let created = to
            .s3
            .create_multipart_upload()
            .bucket(&to.bucket)
            .key(&to.key)
            .content_type(MEDIA_TYPE)
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .send()
            .await
            .map_err(refused(doing))?;
        let id = created
            .upload_id
            .ok_or_else(|| ArchiveError::Storage { doing, source: "no upload id".into() })?;
        Ok(Self { to, id, sent: Vec::new() })
    }

    async fn take(
        &mut self,
        first: Bytes,
        parts: &mut mpsc::Receiver<Part>,
    ) -> Result<Outcome, ArchiveError> {
        self.send(first).await?;
        while let Some(part) = parts.recv().await {
            match part {
                Part::More(bytes) => self.send(bytes).await?,
                Part::Last(bytes) => {
                    self.send(bytes).await?;
                    return self.complete().await;
                }
            }
        }
        Ok(Outcome::Abandoned)
    }

    async fn send(&mut self, bytes: Bytes) -> Result<(), ArchiveError> {
        let number = i32::try_from(self.sent.len() + 1).map_err(|_| ArchiveError::TooLarge)?;
        if number > MOST_PARTS {
            return Err(ArchiveError::TooLarge);
        }
        let sent = self
            .to
            .s3
            .upload_part()
            .bucket(&self.to.bucket)
            .key(&self.to.key)
            .upload_id(&self.id)
            .part_number(number)
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .body(ByteStream::from(bytes))
            .send()
            .await
            .map_err(refused("take a part"))?;
        // The checksums go back with the completion, so that S3 proves the parts are those we sent.
        self.sent.push(
            CompletedPart::builder()
                .part_number(number)
                .set_e_tag(sent.e_tag)
                .set_checksum_crc32(sent.checksum_crc32)
                .build(),
        );
        Ok(())
    }

    async fn complete(&mut self) -> Result<Outcome, ArchiveError> {
        let parts = CompletedMultipartUpload::builder().set_parts(Some(self.sent.clone())).build();
        self.to
            .s3
            .complete_multipart_upload()
            .bucket(&self.to.bucket)
            .key(&self.to.key)
            .upload_id(&self.id)
            .multipart_upload(parts)
            .send()
            .await
            .map_err(refused("complete the upload"))?;
        Ok(Outcome::Stored)
    }

    /// Throws the parts away. If even that fails, the bucket's lifecycle rule does it later, and
    /// the caller rather hears what went wrong first.
    async fn abort(&self) {
        let _ = self
            .to
            .s3
            .abort_multipart_upload()
            .bucket(&self.to.bucket)
            .key(&self.to.key)
            .upload_id(&self.id)
            .send()
            .await;
    }
}

fn refused<E, R>(doing: &'static str) -> impl FnOnce(SdkError<E, R>) -> ArchiveError
where
    E: Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    move |error| ArchiveError::Storage { doing, source: error.into() }
}
