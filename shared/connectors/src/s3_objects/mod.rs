//! S3: a collection is the objects under a key template, or those with a tag.
//!
//! ```yaml
//! connections:
//!   uploads: {kind: s3_objects, bucket: uploads, key: "users/{external_id}/"}
//!   scans: {kind: s3_objects, bucket: scans, prefix: inbox/, tag: {person: "{external_id}"}}
//! ```
//!
//! By key, only the person's own prefix is listed. By tag, everything under `prefix` (or in the bucket)
//! is listed and the tags of each object are read, which costs a request for each of them.
//!
//! A dataset of this kind has exactly one collection. Its rows are **versions**: every version of an
//! object and every delete marker is one, whether the bucket keeps versions, kept them once or never did.
//! Fields are among those of [`version::FIELDS`] and one more: the field that stands in the template,
//! because of its name or because of the identity it carries. It is the only field by which objects
//! are found, from an identity or over a reference. `content` is not part of a row; the object itself
//! is streamed, an older version under a name of its own.
//!
//! - Roles need `GetBucketVersioning`, `ListBucket`, `ListBucketVersions` and `GetObjectVersion`, by tag also
//!   `GetObjectVersionTagging`; to erase also `DeleteObjectVersion`, and to tell locks `GetObjectRetention`
//!   and `GetObjectLegalHold`.
//! - Deleting names each version, so that nothing is only hidden. What is locked stays and is told with
//!   the date until which it is; all others go first. Governance locks are not bypassed.
//! - Objects cannot be masked. A bucket that demands MFA for deletions can be read and not erased.
//! - By tag, tags are read again right before a deletion. A delete marker bears no tags: it goes with the
//!   versions of its key if they are all the same person's.

mod listing;
mod template;
#[cfg(test)]
pub(crate) mod tests;
mod version;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::{ByteStream, DateTime, DateTimeFormat};
use aws_sdk_s3::types::{Delete, MfaDeleteStatus, ObjectLockLegalHoldStatus};
use bytes::Bytes;
use domain::datamap::{At, Cast as _, Dataset, Field, FieldFacts, KeyKind, MapErrors, Scalar, Treatment};
use domain::plan::Usage;
use domain::row::Value;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::aws;
use crate::fault::Fault;
use crate::sink::{Chunks, ObjectInfo};
use crate::store::{Change, Content, Found, Pages, Question, Store, Values};
use listing::Listing;
pub(crate) use template::{Template, Whose};
use version::{FIELDS, Handle};

/// How many objects one `DeleteObjects` takes.
const BATCH: usize = 1000;

/// How many requests for single objects are on their way at the same time.
const PARALLEL: usize = 16;

/// How many of the versions that could not be deleted are looked at for the reason.
const EXAMINED: usize = 32;

/// The objects of one dataset.
pub(crate) struct S3Objects {
    client: Client,
    bucket: String,
    whose: Whose,
    /// The field that tells whose an object is.
    owner: String,
    /// Whether deletions need a second factor, which we do not have.
    demands_mfa: bool,
}

impl S3Objects {
    /// Checks the bucket and the collection of `dataset`.
    pub(crate) async fn open(
        dataset: &Dataset,
        at: &At,
        bucket: &str,
        whose: &Whose,
        client: Client,
        errors: &mut MapErrors,
    ) -> Option<Self> {
        let demands_mfa = check_bucket(&client, bucket).await.unwrap_or_else(|reason| {
            errors.push(at, reason);
            false
        });
        let [collection] = dataset.collections.as_slice() else {
            errors.push(&dataset.at, "a dataset of stored objects has exactly one collection");
            return None;
        };
        let is_owner = |field: &Field| {
            field.name == whose.identity() || field.identity.as_deref() == Some(whose.identity())
        };
        let Some(owner) = collection.fields.iter().find(|field| is_owner(field)) else {
            errors.push(&collection.at, format!("no field is or identifies what stands in {whose}"));
            return None;
        };
        for field in &collection.fields {
            if field.name == owner.name {
                continue;
            }
            if !FIELDS.contains(&field.name.as_str()) {
                let expected = FIELDS.join(", ");
                errors.push(
                    &field.at,
                    format!("objects have no field `{}`; expected one of: {expected}", field.name),
                );
            }
        }
        let (bucket, owner) = (bucket.to_owned(), owner.name.clone());
        Some(Self { client, bucket, whose: whose.clone(), owner, demands_mfa })
    }

    /// Whose a version is by its tags; none if it bears no such tag or has gone.
    async fn owner_by_tag(&self, key: &str, id: Option<&str>) -> Result<Option<Value>, Fault> {
        let Whose::Tag { name, value, .. } = &self.whose else { return Ok(None) };
        let request = self.client.get_object_tagging().bucket(&self.bucket).key(key);
        let request = request.set_version_id(id.map(str::to_owned));
        let tags = match aws::patiently(|| request.clone().send()).await {
            Ok(answer) => answer.tag_set,
            Err(error) if is_gone(&error) => return Ok(None),
            Err(error) => return Err(failed("GetObjectTagging", &error)),
        };
        let tag = tags.iter().find(|tag| tag.key() == name);
        Ok(tag.and_then(|tag| value.value_in(tag.value())).map(Value::from))
    }

    /// Those of `rows` that are still whose they were found to be.
    async fn still_theirs<'f>(
        &self,
        question: &Question<'_>,
        rows: Vec<Handle<'f>>,
    ) -> Result<Vec<Handle<'f>>, Fault> {
        if matches!(self.whose, Whose::Key(_)) {
            return Ok(rows);
        }
        let checks = rows.into_iter().map(|row| async move {
            let is_theirs = row.is_marker
                || self
                    .owner_by_tag(row.key, row.id)
                    .await?
                    .is_some_and(|owner| question.values.contains(&owner));
            Ok(is_theirs.then_some(row))
        });
        let checked = stream::iter(checks.collect::<Vec<_>>()).buffered(PARALLEL);
        checked.try_filter_map(|row| async move { Ok(row) }).try_collect().await
    }

    /// Deletes versions for good; gives those that stay, each with the code of the reason.
    async fn delete_versions<'f>(
        &self,
        rows: &'f [Handle<'f>],
    ) -> Result<Vec<(&'f Handle<'f>, String)>, Fault> {
        let delete = Delete::builder()
            .set_objects(Some(rows.iter().filter_map(Handle::identifier).collect()))
            .quiet(true)
            .build()
            .map_err(|_| Fault::new("DeleteObjects: the request could not be built"))?;
        let request = self.client.delete_objects().bucket(&self.bucket).delete(delete);
        let answer = aws::patiently(|| request.clone().send()).await;
        let answer = answer.map_err(|error| failed("DeleteObjects", &error))?;
        let stayed = answer.errors.unwrap_or_default().into_iter().filter_map(|error| {
            let is_it = |row: &&Handle<'_>| {
                error.key.as_deref() == Some(row.key)
                    && (error.version_id.is_none() || error.version_id.as_deref() == row.id)
            };
            let row = rows.iter().find(is_it)?;
            Some((row, error.code.unwrap_or_else(|| "no code".to_owned())))
        });
        Ok(stayed.collect())
    }

    /// Why versions could not be deleted, in words that name none of them.
    async fn reason(&self, stayed: &[(&Handle<'_>, String)]) -> Fault {
        let mut codes: Vec<&str> = stayed.iter().map(|(_, code)| code.as_str()).collect();
        codes.sort_unstable();
        codes.dedup();
        let mut reason = format!("DeleteObjects: {} failed: {}", stayed.len(), codes.join(", "));
        let denied = stayed.iter().filter(|(row, code)| code == "AccessDenied" && !row.is_marker);
        let locks = denied.take(EXAMINED).map(|(row, _)| async {
            let request = self.client.head_object().bucket(&self.bucket).key(row.key);
            let answer = request.set_version_id(row.id.map(str::to_owned)).send().await.ok()?;
            let is_held = answer.object_lock_legal_hold_status() == Some(&ObjectLockLegalHoldStatus::On);
            Some((answer.object_lock_retain_until_date().copied(), is_held))
        });
        let locks: Vec<(Option<DateTime>, bool)> = stream::iter(locks.collect::<Vec<_>>())
            .buffered(PARALLEL)
            .filter_map(|lock| async move { lock })
            .collect()
            .await;
        let until = locks.iter().filter_map(|(until, _)| *until).max();
        if let Some(until) = until.and_then(|until| until.fmt(DateTimeFormat::DateTime).ok()) {
            reason += &format!("; objects are locked until {until}");
        }
        if locks.iter().any(|(_, is_held)| *is_held) {
            reason += "; objects are under a legal hold";
        }
        Fault::new(reason)
    }
}

/// Refuses a bucket that is not there; says whether it demands MFA for deletions.
async fn check_bucket(client: &Client, bucket: &str) -> Result<bool, String> {
    client.head_bucket().bucket(bucket).send().await.map_err(|error| {
        match error.raw_response().map(|response| response.status().as_u16()) {
            Some(404) => format!("there is no bucket `{bucket}`"),
            // The answer to this call has no body, and so no code.
            Some(status) => format!("the bucket `{bucket}` cannot be opened: status {status}"),
            None => format!("the bucket `{bucket}` cannot be opened: {}", aws::reason(&error)),
        }
    })?;
    match client.get_bucket_versioning().bucket(bucket).send().await {
        Ok(answer) => Ok(answer.mfa_delete() == Some(&MfaDeleteStatus::Enabled)),
        // What cannot have versions has none.
        Err(error) if error.code() == Some("NotImplemented") => Ok(false),
        Err(error) => {
            let reason = aws::reason(&error);
            Err(format!("whether the bucket `{bucket}` demands MFA cannot be seen: {reason}"))
        }
    }
}

#[async_trait]
impl Store for S3Objects {
    fn key(&self, _: &str, field: &str) -> KeyKind {
        if field == "key" { KeyKind::Primary } else { KeyKind::Plain }
    }

    fn key_names(&self, _: &str) -> Vec<String> {
        vec!["key".to_owned(), "version_id".to_owned()]
    }

    fn facts(&self, _: &str, path: &str) -> FieldFacts {
        FieldFacts { in_key: path == "key" || path == "version_id", ..FieldFacts::default() }
    }

    fn finds_by(&self, _: &str, path: &str) -> bool {
        path == self.owner
    }

    fn refuses(&self, _: &str, treatment: &Treatment) -> Option<String> {
        match treatment {
            Treatment::Mask(_) => Some("stored objects can be deleted or kept, but not masked".to_owned()),
            Treatment::Delete if self.demands_mfa => {
                Some(format!("the bucket `{}` demands MFA to delete anything", self.bucket))
            }
            Treatment::Delete | Treatment::Keep(_) => None,
        }
    }

    fn cast(&self, _: &str, path: &str, value: &Value) -> Option<Value> {
        if path == self.owner { Scalar::String.cast(value) } else { None }
    }

    fn ask<'a>(&'a self, question: &'a Question<'a>) -> Pages<'a> {
        match Listing::new(self, question) {
            Ok(listing) => listing.pages(),
            Err(fault) => stream::once(async { Err(fault) }).boxed(),
        }
    }

    /// The parts of keys between the slashes where identities stand. Tags cannot be listed without
    /// asking for each object's.
    fn census<'a>(&'a self, _: &'a str, _: &'a str) -> Option<Values<'a>> {
        let Whose::Key(template) = &self.whose else { return None };
        let pages = stream::try_unfold(Some(None), move |from: Option<Option<String>>| async move {
            let Some(token) = from else { return Ok(None) };
            let request = self.client.list_objects_v2().bucket(&self.bucket).prefix(template.before());
            let answer = request.delimiter("/").set_continuation_token(token).send().await;
            let answer = answer.map_err(|error| failed("ListObjectsV2", &error))?;
            let parts = answer.common_prefixes().iter().filter_map(|part| part.prefix());
            let values = parts.filter_map(|part| template.value_in_part(part)).map(Value::from).collect();
            let next = answer.next_continuation_token.filter(|_| answer.is_truncated.unwrap_or_default());
            Ok(Some((values, next.map(Some))))
        });
        Some(pages.boxed())
    }

    /// What is locked does not keep the others from going: it is a fault only when nothing else is left.
    async fn delete(&self, question: &Question<'_>, rows: &[Found]) -> Result<u64, Fault> {
        let handles = rows.iter().filter_map(Handle::of).collect();
        let mut rows = self.still_theirs(question, handles).await?;
        // Markers last, so that no older version comes into view for a moment.
        rows.sort_by_key(|row| row.is_marker);
        let mut stayed = Vec::new();
        for rows in rows.chunks(BATCH) {
            stayed.extend(self.delete_versions(rows).await?);
        }
        let gone = (rows.len() - stayed.len()) as u64;
        match gone == 0 && !stayed.is_empty() {
            true => Err(self.reason(&stayed).await),
            false => Ok(gone),
        }
    }

    async fn mask(&self, _: &Question<'_>, _: &[Change<'_>]) -> Result<u64, Fault> {
        Err(Fault::new("stored objects cannot be masked"))
    }

    async fn object(&self, row: &Found) -> Result<Content, Fault> {
        let handle = Handle::of(row).ok_or_else(|| Fault::new("an object without a key"))?;
        if handle.is_marker {
            return Ok(Content::None);
        }
        let request = self.client.get_object().bucket(&self.bucket).key(handle.key);
        let request = request.set_version_id(handle.id.map(str::to_owned));
        let answer = match aws::patiently(|| request.clone().send()).await {
            Ok(answer) => answer,
            Err(error) if is_gone(&error) => return Ok(Content::Gone),
            Err(error) => return Err(failed("GetObject", &error)),
        };
        let prefix = match (&self.whose, row.row.get(&self.owner)) {
            (Whose::Key(template), Some(owner)) => listing::prefix(template, owner).ok(),
            (Whose::Key(_), None) => None,
            (Whose::Tag { prefix, .. }, _) => Some(prefix.clone()),
        };
        let name = prefix.and_then(|prefix| handle.key.strip_prefix(&prefix)).unwrap_or(handle.key);
        let name = match handle.id {
            Some(id) if !handle.is_latest => format!("versions/{id}/{name}"),
            Some(_) | None => name.to_owned(),
        };
        let size = answer.content_length().unwrap_or_default().unsigned_abs();
        Ok(Content::Object(ObjectInfo { name, size }, Box::new(Body(answer.body))))
    }

    fn weight(&self, row: &Found) -> u64 {
        Handle::of(row).map_or(0, |handle| handle.size.unsigned_abs())
    }

    /// Deletions are free, but for reading the tags again.
    fn usage_of(&self, treatment: &Treatment, rows: u64, _: u64) -> Usage {
        match (treatment, &self.whose) {
            (Treatment::Delete, Whose::Tag { .. }) => Usage { s3_gets: rows, ..Usage::default() },
            (Treatment::Delete, Whose::Key(_)) | (Treatment::Mask(_) | Treatment::Keep(_), _) => {
                Usage::default()
            }
        }
    }
}

/// Whether an object has gone since it was listed.
fn is_gone<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    matches!(error.code(), Some("NoSuchKey" | "NoSuchVersion"))
}

fn failed<E: ProvideErrorMetadata, R>(call: &str, error: &SdkError<E, R>) -> Fault {
    Fault::new(format!("{call}: {}", aws::reason(error)))
}

/// The body of an object on its way.
struct Body(ByteStream);

#[async_trait]
impl Chunks for Body {
    async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        let chunk = self.0.next().await.transpose();
        chunk.map_err(|_| Fault::new("GetObject: the object broke off"))
    }
}
