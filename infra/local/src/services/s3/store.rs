//! The operations: those of `s3s-fs`, completed and corrected.
//!
//! Added: tags, encryption headers, the list of uploads under way, versions (each object has the one called
//! `null`), and settings of buckets, which are accepted and change nothing.
//! Corrected: buckets are not made by writing into them nor deleted with objects inside, folders are not objects,
//! an unknown upload is `NoSuchUpload`, parts are listed in order, nothing of a deleted object stays behind, and of
//! two that write an object where none lies one is told that there is one.

use std::{
    io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
#[allow(
    clippy::wildcard_imports,
    reason = "every operation has two types; a list of eighty tells nothing"
)]
use s3s::dto::*;
use s3s::{S3, S3Error, S3Request, S3Response, S3Result, s3_error};
use s3s_fs::FileSystem;
use tokio::sync::Mutex;

use super::{
    extras::{Extra, Extras, Upload},
    tags,
};
use crate::services::{Clock, folder};

type Reply<T> = S3Result<S3Response<T>>;

/// Objects as files, and what belongs to them beside.
pub(super) struct Store {
    files: FileSystem,
    /// The folder `files` works on.
    root: PathBuf,
    extras: Extras,
    clock: Clock,
    /// Held from the look at what lies there until the object is written, by those who write on a condition.
    on_condition: Mutex<()>,
}

/// The one version an object has where versioning is off.
const ONLY_VERSION: &str = "null";

fn done<T: Default>() -> Reply<T> {
    Ok(S3Response::new(T::default()))
}

fn unreadable(error: io::Error) -> S3Error {
    S3Error::internal_error(error)
}

/// What a caller says about the encryption of an object; S3 encrypts in any case.
fn extra(
    tagging: Option<&str>,
    encryption: Option<&ServerSideEncryption>,
    kms_key: Option<&String>,
) -> S3Result<Extra> {
    Ok(Extra {
        tags: tags::from_header(tagging)?,
        encryption: encryption.map(|encryption| encryption.as_str().to_owned()),
        kms_key: kms_key.cloned(),
    })
}

fn encryption(extra: &Extra) -> Option<ServerSideEncryption> {
    let named = extra.encryption.clone().map(ServerSideEncryption::from);
    named.or_else(|| Some(ServerSideEncryption::from_static(ServerSideEncryption::AES256)))
}

fn tag_count(extra: &Extra) -> Option<TagCount> {
    i32::try_from(extra.tags.len()).ok().filter(|count| *count > 0)
}

impl Store {
    /// A store on a folder `files` was opened on.
    pub(super) fn new(files: FileSystem, root: PathBuf, extras: Extras, clock: Clock) -> Self {
        Self { files, root, extras, clock, on_condition: Mutex::default() }
    }

    fn bucket(&self, bucket: &str) -> S3Result<()> {
        if self.root.join(bucket).is_dir() { Ok(()) } else { Err(s3_error!(NoSuchBucket)) }
    }

    /// Refuses what is no object: a missing file, or a folder that only holds longer keys.
    async fn object(&self, bucket: &str, key: &str) -> S3Result<()> {
        self.bucket(bucket)?;
        let path = self.root.join(bucket).join(key.trim_start_matches('/'));
        match tokio::fs::metadata(path).await {
            Ok(found) if found.is_dir() != key.ends_with('/') => Err(s3_error!(NoSuchKey)),
            Ok(_) => Ok(()),
            Err(_) => Err(s3_error!(NoSuchKey)),
        }
    }

    async fn upload(&self, id: &str) -> S3Result<Upload> {
        self.extras.upload_of(id).await.map_err(unreadable)?.ok_or_else(|| s3_error!(NoSuchUpload))
    }

    /// Forgets what `s3s-fs` keeps beside the file of an object and never deletes. The names are its own.
    async fn forget(&self, bucket: &str, key: &str, suffixes: &[&str]) -> S3Result<()> {
        let [bucket, key] = [bucket, key].map(|name| URL_SAFE_NO_PAD.encode(name));
        for suffix in suffixes {
            let name = format!(".bucket-{bucket}.object-{key}.{suffix}.json");
            folder::remove(&self.root.join(name)).await.map_err(unreadable)?;
        }
        Ok(())
    }

    async fn forget_all(&self, bucket: &str, key: &str) -> S3Result<()> {
        self.forget(bucket, key, &["metadata", "internal"]).await?;
        self.extras.remove(bucket, key).await.map_err(unreadable)
    }
}

#[async_trait::async_trait]
impl S3 for Store {
    async fn create_bucket(&self, req: S3Request<CreateBucketInput>) -> Reply<CreateBucketOutput> {
        if self.bucket(&req.input.bucket).is_ok() {
            return Err(s3_error!(BucketAlreadyOwnedByYou));
        }
        self.files.create_bucket(req).await
    }

    async fn delete_bucket(&self, req: S3Request<DeleteBucketInput>) -> Reply<DeleteBucketOutput> {
        self.bucket(&req.input.bucket)?;
        if holds_file(&self.root.join(&req.input.bucket)).map_err(unreadable)? {
            return Err(s3_error!(BucketNotEmpty));
        }
        self.files.delete_bucket(req).await
    }

    async fn head_bucket(&self, req: S3Request<HeadBucketInput>) -> Reply<HeadBucketOutput> {
        self.files.head_bucket(req).await
    }

    async fn list_buckets(&self, req: S3Request<ListBucketsInput>) -> Reply<ListBucketsOutput> {
        self.files.list_buckets(req).await
    }

    async fn get_bucket_location(
        &self,
        req: S3Request<GetBucketLocationInput>,
    ) -> Reply<GetBucketLocationOutput> {
        self.files.get_bucket_location(req).await
    }

    async fn list_objects(&self, req: S3Request<ListObjectsInput>) -> Reply<ListObjectsOutput> {
        self.files.list_objects(req).await
    }

    async fn list_objects_v2(&self, req: S3Request<ListObjectsV2Input>) -> Reply<ListObjectsV2Output> {
        self.files.list_objects_v2(req).await
    }

    async fn list_object_versions(
        &self,
        req: S3Request<ListObjectVersionsInput>,
    ) -> Reply<ListObjectVersionsOutput> {
        let listed = self.list_objects_v2(req.map_input(|input| ListObjectsV2Input {
            bucket: input.bucket,
            delimiter: input.delimiter,
            max_keys: input.max_keys,
            prefix: input.prefix,
            start_after: input.key_marker,
            ..Default::default()
        }));
        Ok(listed.await?.map_output(|listed| ListObjectVersionsOutput {
            versions: listed.contents.map(|objects| objects.into_iter().map(only_version).collect()),
            common_prefixes: listed.common_prefixes,
            delimiter: listed.delimiter,
            is_truncated: listed.is_truncated,
            key_marker: listed.start_after,
            max_keys: listed.max_keys,
            name: listed.name,
            next_version_id_marker: listed.next_continuation_token.is_some().then(|| ONLY_VERSION.into()),
            next_key_marker: listed.next_continuation_token,
            prefix: listed.prefix,
            ..Default::default()
        }))
    }

    async fn put_object(&self, req: S3Request<PutObjectInput>) -> Reply<PutObjectOutput> {
        let input = &req.input;
        self.bucket(&input.bucket)?;
        let extra = extra(
            input.tagging.as_deref(),
            input.server_side_encryption.as_ref(),
            input.ssekms_key_id.as_ref(),
        )?;
        let (bucket, key) = (input.bucket.clone(), input.key.clone());
        let _alone = if input.if_none_match.is_some() || input.if_match.is_some() {
            Some(self.on_condition.lock().await)
        } else {
            None
        };
        let mut reply = self.files.put_object(req).await?;
        self.extras.put(&bucket, &key, &extra).await.map_err(unreadable)?;
        reply.output.server_side_encryption = encryption(&extra);
        reply.output.ssekms_key_id = extra.kms_key;
        Ok(reply)
    }

    async fn get_object(&self, req: S3Request<GetObjectInput>) -> Reply<GetObjectOutput> {
        self.object(&req.input.bucket, &req.input.key).await?;
        let extra = self.extras.of(&req.input.bucket, &req.input.key).await.map_err(unreadable)?;
        let mut reply = self.files.get_object(req).await?;
        reply.output.tag_count = tag_count(&extra);
        reply.output.server_side_encryption = encryption(&extra);
        reply.output.ssekms_key_id = extra.kms_key;
        Ok(reply)
    }

    async fn head_object(&self, req: S3Request<HeadObjectInput>) -> Reply<HeadObjectOutput> {
        self.object(&req.input.bucket, &req.input.key).await?;
        let extra = self.extras.of(&req.input.bucket, &req.input.key).await.map_err(unreadable)?;
        let mut reply = self.files.head_object(req).await?;
        reply.output.server_side_encryption = encryption(&extra);
        reply.output.ssekms_key_id = extra.kms_key;
        Ok(reply)
    }

    async fn copy_object(&self, req: S3Request<CopyObjectInput>) -> Reply<CopyObjectOutput> {
        let input = &req.input;
        let CopySource::Bucket { bucket, key, .. } = &input.copy_source else {
            return Err(s3_error!(NotImplemented));
        };
        self.object(bucket, key).await?;
        let replaces =
            input.tagging_directive.as_ref().is_some_and(|how| how.as_str() == TaggingDirective::REPLACE);
        let mut extra = extra(
            input.tagging.as_deref().filter(|_| replaces),
            input.server_side_encryption.as_ref(),
            input.ssekms_key_id.as_ref(),
        )?;
        if !replaces {
            extra.tags = self.extras.of(bucket, key).await.map_err(unreadable)?.tags;
        }
        let (bucket, key) = (input.bucket.clone(), input.key.clone());
        let mut reply = self.files.copy_object(req).await?;
        self.extras.put(&bucket, &key, &extra).await.map_err(unreadable)?;
        reply.output.server_side_encryption = encryption(&extra);
        reply.output.ssekms_key_id = extra.kms_key;
        Ok(reply)
    }

    async fn delete_object(&self, req: S3Request<DeleteObjectInput>) -> Reply<DeleteObjectOutput> {
        let (bucket, key) = (req.input.bucket.clone(), req.input.key.clone());
        self.bucket(&bucket)?;
        if self.object(&bucket, &key).await.is_err() {
            return done();
        }
        let reply = self.files.delete_object(req).await?;
        self.forget_all(&bucket, &key).await?;
        Ok(reply)
    }

    async fn delete_objects(&self, req: S3Request<DeleteObjectsInput>) -> Reply<DeleteObjectsOutput> {
        let bucket = req.input.bucket.clone();
        self.bucket(&bucket)?;
        let quiet = req.input.delete.quiet == Some(true);
        let mut deleted = Vec::new();
        for object in &req.input.delete.objects {
            if self.object(&bucket, &object.key).await.is_ok() {
                let one = DeleteObjectInput {
                    bucket: bucket.clone(),
                    key: object.key.clone(),
                    ..Default::default()
                };
                self.files.delete_object(S3Request { input: one, ..request_like(&req) }).await?;
                self.forget_all(&bucket, &object.key).await?;
            }
            if !quiet {
                deleted.push(DeletedObject {
                    key: Some(object.key.clone()),
                    version_id: object.version_id.clone(),
                    ..Default::default()
                });
            }
        }
        Ok(S3Response::new(DeleteObjectsOutput { deleted: Some(deleted), ..Default::default() }))
    }

    async fn put_object_tagging(
        &self,
        req: S3Request<PutObjectTaggingInput>,
    ) -> Reply<PutObjectTaggingOutput> {
        let input = req.input;
        self.object(&input.bucket, &input.key).await?;
        let tags = tags::from_document(input.tagging.tag_set)?;
        let extra = self.extras.of(&input.bucket, &input.key).await.map_err(unreadable)?;
        self.extras.put(&input.bucket, &input.key, &Extra { tags, ..extra }).await.map_err(unreadable)?;
        done()
    }

    async fn get_object_tagging(
        &self,
        req: S3Request<GetObjectTaggingInput>,
    ) -> Reply<GetObjectTaggingOutput> {
        let input = req.input;
        self.object(&input.bucket, &input.key).await?;
        let extra = self.extras.of(&input.bucket, &input.key).await.map_err(unreadable)?;
        let tag_set = tags::to_document(extra.tags);
        Ok(S3Response::new(GetObjectTaggingOutput { tag_set, version_id: None }))
    }

    async fn delete_object_tagging(
        &self,
        req: S3Request<DeleteObjectTaggingInput>,
    ) -> Reply<DeleteObjectTaggingOutput> {
        let input = req.input;
        self.object(&input.bucket, &input.key).await?;
        let extra = self.extras.of(&input.bucket, &input.key).await.map_err(unreadable)?;
        let bare = Extra { tags: Vec::new(), ..extra };
        self.extras.put(&input.bucket, &input.key, &bare).await.map_err(unreadable)?;
        done()
    }

    async fn create_multipart_upload(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> Reply<CreateMultipartUploadOutput> {
        let input = &req.input;
        self.bucket(&input.bucket)?;
        let extra = extra(
            input.tagging.as_deref(),
            input.server_side_encryption.as_ref(),
            input.ssekms_key_id.as_ref(),
        )?;
        let (bucket, key) = (input.bucket.clone(), input.key.clone());
        let mut reply = self.files.create_multipart_upload(req).await?;
        reply.output.server_side_encryption = encryption(&extra);
        reply.output.ssekms_key_id = extra.kms_key.clone();
        let id = reply.output.upload_id.clone().unwrap_or_default();
        let upload = Upload { id, bucket, key, initiated: (self.clock)(), extra };
        self.extras.begin(&upload).await.map_err(unreadable)?;
        Ok(reply)
    }

    async fn upload_part(&self, req: S3Request<UploadPartInput>) -> Reply<UploadPartOutput> {
        let extra = self.upload(&req.input.upload_id).await?.extra;
        let mut reply = self.files.upload_part(req).await?;
        reply.output.server_side_encryption = encryption(&extra);
        reply.output.ssekms_key_id = extra.kms_key;
        Ok(reply)
    }

    async fn upload_part_copy(&self, req: S3Request<UploadPartCopyInput>) -> Reply<UploadPartCopyOutput> {
        self.upload(&req.input.upload_id).await?;
        self.files.upload_part_copy(req).await
    }

    async fn list_parts(&self, req: S3Request<ListPartsInput>) -> Reply<ListPartsOutput> {
        self.upload(&req.input.upload_id).await?;
        let mut reply = self.files.list_parts(req).await?;
        if let Some(parts) = &mut reply.output.parts {
            parts.sort_by_key(|part| part.part_number);
        }
        Ok(reply)
    }

    async fn list_multipart_uploads(
        &self,
        req: S3Request<ListMultipartUploadsInput>,
    ) -> Reply<ListMultipartUploadsOutput> {
        let ListMultipartUploadsInput { bucket, prefix, .. } = req.input;
        self.bucket(&bucket)?;
        let mut uploads = self.extras.uploads(&bucket).await.map_err(unreadable)?;
        uploads.retain(|upload| upload.key.starts_with(prefix.as_deref().unwrap_or_default()));
        let uploads = uploads.into_iter().map(|upload| MultipartUpload {
            initiated: Some(SystemTime::from(upload.initiated).into()),
            key: Some(upload.key),
            upload_id: Some(upload.id),
            ..Default::default()
        });
        Ok(S3Response::new(ListMultipartUploadsOutput {
            uploads: Some(uploads.collect()),
            bucket: Some(bucket),
            prefix,
            // All in one page; nobody leaves thousands of them on a laptop.
            is_truncated: Some(false),
            ..Default::default()
        }))
    }

    async fn complete_multipart_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> Reply<CompleteMultipartUploadOutput> {
        let upload = self.upload(&req.input.upload_id).await?;
        // Otherwise the checksum of a former object of this key is told as the one of the new.
        self.forget(&upload.bucket, &upload.key, &["internal"]).await?;
        let mut reply = self.files.complete_multipart_upload(req).await?;
        self.extras.put(&upload.bucket, &upload.key, &upload.extra).await.map_err(unreadable)?;
        self.extras.end(&upload.id).await.map_err(unreadable)?;
        // The rest was meant to follow later, as on AWS with long uploads; headers cannot.
        if let Some(rest) = reply.output.future.take() {
            reply.output = rest.await?;
        }
        reply.output.server_side_encryption = encryption(&upload.extra);
        reply.output.ssekms_key_id = upload.extra.kms_key;
        Ok(reply)
    }

    async fn abort_multipart_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> Reply<AbortMultipartUploadOutput> {
        let upload = self.upload(&req.input.upload_id).await?;
        let reply = self.files.abort_multipart_upload(req).await?;
        self.extras.end(&upload.id).await.map_err(unreadable)?;
        Ok(reply)
    }

    // Settings of buckets and objects, which belong to the template; here they are taken and have no effect.

    async fn get_bucket_versioning(
        &self,
        req: S3Request<GetBucketVersioningInput>,
    ) -> Reply<GetBucketVersioningOutput> {
        self.bucket(&req.input.bucket)?;
        done()
    }

    async fn put_bucket_versioning(
        &self,
        req: S3Request<PutBucketVersioningInput>,
    ) -> Reply<PutBucketVersioningOutput> {
        self.bucket(&req.input.bucket)?;
        done()
    }

    async fn put_bucket_lifecycle_configuration(
        &self,
        req: S3Request<PutBucketLifecycleConfigurationInput>,
    ) -> Reply<PutBucketLifecycleConfigurationOutput> {
        self.bucket(&req.input.bucket)?;
        done()
    }

    async fn put_public_access_block(
        &self,
        req: S3Request<PutPublicAccessBlockInput>,
    ) -> Reply<PutPublicAccessBlockOutput> {
        self.bucket(&req.input.bucket)?;
        done()
    }

    async fn put_bucket_policy(&self, req: S3Request<PutBucketPolicyInput>) -> Reply<PutBucketPolicyOutput> {
        self.bucket(&req.input.bucket)?;
        done()
    }

    async fn put_bucket_encryption(
        &self,
        req: S3Request<PutBucketEncryptionInput>,
    ) -> Reply<PutBucketEncryptionOutput> {
        self.bucket(&req.input.bucket)?;
        done()
    }

    async fn put_bucket_tagging(
        &self,
        req: S3Request<PutBucketTaggingInput>,
    ) -> Reply<PutBucketTaggingOutput> {
        self.bucket(&req.input.bucket)?;
        done()
    }

    async fn put_bucket_ownership_controls(
        &self,
        req: S3Request<PutBucketOwnershipControlsInput>,
    ) -> Reply<PutBucketOwnershipControlsOutput> {
        self.bucket(&req.input.bucket)?;
        done()
    }

    async fn put_object_lock_configuration(
        &self,
        req: S3Request<PutObjectLockConfigurationInput>,
    ) -> Reply<PutObjectLockConfigurationOutput> {
        self.bucket(&req.input.bucket)?;
        done()
    }

    async fn put_object_retention(
        &self,
        req: S3Request<PutObjectRetentionInput>,
    ) -> Reply<PutObjectRetentionOutput> {
        self.object(&req.input.bucket, &req.input.key).await?;
        done()
    }
}

/// The frame of a request, for another operation in its name.
fn request_like<T>(req: &S3Request<T>) -> S3Request<DeleteObjectInput> {
    S3Request {
        input: DeleteObjectInput::default(),
        method: req.method.clone(),
        uri: req.uri.clone(),
        headers: req.headers.clone(),
        extensions: Default::default(),
        credentials: req.credentials.clone(),
        region: req.region.clone(),
        service: req.service.clone(),
        trailing_headers: None,
    }
}

fn only_version(object: Object) -> ObjectVersion {
    ObjectVersion {
        e_tag: object.e_tag,
        is_latest: Some(true),
        key: object.key,
        last_modified: object.last_modified,
        size: object.size,
        version_id: Some(ONLY_VERSION.into()),
        ..Default::default()
    }
}

/// Whether there is any file in or below a folder; empty folders are left over from deleted keys.
fn holds_file(folder: &Path) -> io::Result<bool> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_type()?.is_dir() || holds_file(&entry.path())? {
            return Ok(true);
        }
    }
    Ok(false)
}
