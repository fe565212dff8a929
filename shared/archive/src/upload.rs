//! Puts the parts into object storage, where they become visible all at once or not at all.

use std::error::Error;
use std::fmt::Debug;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use tokio::sync::mpsc;

use crate::ArchiveError;
use crate::checkpoint::{Checkpoint, Save, Sent, place};
use crate::parts::Part;

/// The most parts that S3 takes.
pub(crate) const MOST_PARTS: i32 = 10_000;

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
    /// The writer gave up: there is no last part. What stays behind is what a checkpoint leads to.
    Abandoned,
}

/// An upload in several parts, of which nobody sees anything until it is completed, or in one
/// request if there is but one part.
pub(crate) struct Upload {
    to: Destination,
    /// Where buffers go that are done with.
    free: mpsc::Sender<Vec<u8>>,
    /// Once it takes more than one part.
    id: Option<String>,
    sent: Vec<Sent>,
    media_type: &'static str,
    /// Checkpoints so far.
    saved: u32,
    /// Somebody has a checkpoint, so that failing must not destroy what it leads to.
    kept: bool,
}

impl Upload {
    pub(crate) fn new(to: Destination, free: mpsc::Sender<Vec<u8>>) -> Self {
        let sent = Vec::new();
        Self { to, free, id: None, sent, media_type: "application/zip", saved: 0, kept: false }
    }

    /// The same of another media type.
    pub(crate) fn of(self, media_type: &'static str) -> Self {
        Self { media_type, ..self }
    }

    /// Goes on from a checkpoint.
    pub(crate) fn resume(self, checkpoint: &Checkpoint, sent: Vec<Sent>) -> Self {
        let (id, saved) = (checkpoint.upload.clone(), checkpoint.number.wrapping_add(1));
        Self { id, sent, saved, kept: true, ..self }
    }

    /// Uploads the parts as they come.
    pub(crate) async fn run(mut self, mut parts: mpsc::Receiver<Part>) -> Result<Outcome, ArchiveError> {
        let outcome = self.take(&mut parts).await;
        if !matches!(outcome, Ok(Outcome::Stored)) && !self.kept {
            // The writer must not wait for a part that nobody takes any more.
            parts.close();
            // If even this fails, the bucket's lifecycle rule does it later, and the caller rather
            // hears what went wrong first.
            let _ = self.abort().await;
        }
        outcome
    }

    async fn take(&mut self, parts: &mut mpsc::Receiver<Part>) -> Result<Outcome, ArchiveError> {
        while let Some(part) = parts.recv().await {
            match part {
                Part::More(bytes) => self.send(bytes).await?,
                Part::Save(save) => self.save(*save).await?,
                Part::Last(bytes) => {
                    if self.id.is_none() {
                        self.put(self.to.key.clone(), bytes.into(), self.media_type, "store the archive")
                            .await?;
                    } else {
                        self.send(bytes).await?;
                        self.complete().await?;
                    }
                    // Whoever deletes objects by age deletes what is left here if this fails.
                    let _ = self.forget_states().await;
                    return Ok(Outcome::Stored);
                }
            }
        }
        Ok(Outcome::Abandoned)
    }

    async fn put(
        &self,
        key: String,
        body: ByteStream,
        media_type: &str,
        doing: &'static str,
    ) -> Result<(), ArchiveError> {
        let put = self.to.s3.put_object().bucket(&self.to.bucket).key(key).content_type(media_type);
        put.body(body).send().await.map_err(refused(doing))?;
        Ok(())
    }

    /// The id of the upload, which begins with it.
    async fn id(&mut self) -> Result<String, ArchiveError> {
        if let Some(id) = &self.id {
            return Ok(id.clone());
        }
        let doing = "begin the upload";
        let created = self
            .to
            .s3
            .create_multipart_upload()
            .bucket(&self.to.bucket)
            .key(&self.to.key)
            .content_type(self.media_type)
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .send()
            .await
            .map_err(refused(doing))?;
        let id = created
            .upload_id
            .ok_or_else(|| ArchiveError::Storage { doing, source: "no upload id".into() })?;
        self.id = Some(id.clone());
        Ok(id)
    }

    async fn send(&mut self, bytes: Bytes) -> Result<(), ArchiveError> {
        let id = self.id().await?;
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
            .upload_id(id)
            .part_number(number)
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .body(ByteStream::from(bytes.clone()))
            .send()
            .await
            .map_err(refused("take a part"))?;
        self.sent.push(Sent { e_tag: sent.e_tag, crc32: sent.checksum_crc32 });
        // Used again unless the client still holds it; without room the writer has enough.
        let buffer = if bytes.is_unique() { bytes.into() } else { Vec::new() };
        let _ = self.free.try_send(buffer);
        Ok(())
    }

    async fn complete(&self) -> Result<(), ArchiveError> {
        // Tags and checksums go back with the completion, so that S3 proves the parts are those we
        // sent. A number fits, since every part had one.
        let parts = (1..).zip(&self.sent).map(|(number, sent)| {
            CompletedPart::builder()
                .part_number(number)
                .set_e_tag(sent.e_tag.clone())
                .set_checksum_crc32(sent.crc32.clone())
                .build()
        });
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts.collect())).build();
        self.to
            .s3
            .complete_multipart_upload()
            .bucket(&self.to.bucket)
            .key(&self.to.key)
            .set_upload_id(self.id.clone())
            .multipart_upload(parts)
            .send()
            .await
            .map_err(refused("complete the upload"))?;
        Ok(())
    }

    async fn save(&mut self, save: Save) -> Result<(), ArchiveError> {
        let Save { mut state, bytes, reply } = save;
        state.sent.clone_from(&self.sent);
        let checkpoint = Checkpoint::new(self.to.key.clone(), self.id.clone(), self.saved)
            .map_err(|error| ArchiveError::Framing(std::io::Error::other(error)))?;
        let sealed = checkpoint
            .seal(&state, bytes)
            .map_err(|error| ArchiveError::Framing(std::io::Error::other(error)))?;
        self.saved = self.saved.wrapping_add(1);
        self.put(checkpoint.place(), sealed.into(), "application/octet-stream", "save where it stands")
            .await?;
        self.kept |= reply.send(checkpoint).is_ok();
        Ok(())
    }

    /// Throws away what is there of the archive.
    async fn abort(&self) -> Result<(), ArchiveError> {
        self.forget_states().await?;
        abort(&self.to, self.id.as_deref()).await
    }

    async fn forget_states(&self) -> Result<(), ArchiveError> {
        // Whoever was resumed may have saved one more before dying than this one knows of.
        let places = if self.saved == 0 { 0 } else { 2 };
        forget_states(&self.to, places).await
    }
}

/// Reads what a checkpoint leads to.
pub(crate) async fn fetch(to: &Destination, checkpoint: &Checkpoint) -> Result<Vec<u8>, ArchiveError> {
    let doing = "say where it stood";
    let object = to.s3.get_object().bucket(&to.bucket).key(checkpoint.place()).send().await;
    let body = object.map_err(refused(doing))?.body.collect().await;
    let body = body.map_err(|error| ArchiveError::Storage { doing, source: error.into() })?;
    Ok(body.to_vec())
}

/// Throws away what a checkpoint leads to.
pub(crate) async fn discard(to: &Destination, checkpoint: &Checkpoint) -> Result<(), ArchiveError> {
    forget_states(to, 2).await?;
    match abort(to, checkpoint.upload.as_deref()).await {
        Ok(()) | Err(ArchiveError::Gone) => Ok(()),
        Err(error) => Err(error),
    }
}

async fn abort(to: &Destination, id: Option<&str>) -> Result<(), ArchiveError> {
    let Some(id) = id else { return Ok(()) };
    let abort = to.s3.abort_multipart_upload().bucket(&to.bucket).key(&to.key).upload_id(id);
    abort.send().await.map_err(refused("abort the upload"))?;
    Ok(())
}

async fn forget_states(to: &Destination, places: u32) -> Result<(), ArchiveError> {
    for number in 0..places {
        let delete = to.s3.delete_object().bucket(&to.bucket).key(place(&to.key, number));
        delete.send().await.map_err(refused("forget where it stood"))?;
    }
    Ok(())
}

fn refused<E, R>(doing: &'static str) -> impl FnOnce(SdkError<E, R>) -> ArchiveError
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
    R: Debug + Send + Sync + 'static,
{
    move |error| match error.code() {
        Some("NoSuchUpload" | "NoSuchKey") => ArchiveError::Gone,
        _ => ArchiveError::Storage { doing, source: error.into() },
    }
}
