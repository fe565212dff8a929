//! S3: a collection is the objects under a key template such as `users/{external_id}/`.
//!
//! A dataset of this kind has exactly one collection, whose fields are among `key`, `size`,
//! `last_modified`, `etag` and `content` and one more: the field that stands in the template, because of
//! its name or because of the identity it carries. It is the only field by which objects are found, from
//! an identity or over a reference. `content` is not part of a row; the object itself is streamed.
//!
//! A bucket that keeps versions is refused: deleting there would only add delete markers.

mod template;
#[cfg(test)]
mod tests;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::primitives::{ByteStream, DateTimeFormat};
use aws_sdk_s3::types::{Delete, Object, ObjectIdentifier};
use bytes::Bytes;
use domain::datamap::{At, Cast as _, Dataset, Field, KeyKind, MapErrors, Scalar};
use domain::row::{Row, Value};

use crate::aws;
use crate::fault::Fault;
use crate::sink::{Chunks, ObjectInfo};
use crate::store::{Content, Cursor, Found, Page, Question, Store};
pub(crate) use template::Template;

/// How many objects one `DeleteObjects` takes.
const BATCH: usize = 1000;

/// What can be said about an object.
const FIELDS: [&str; 5] = ["key", "size", "last_modified", "etag", "content"];

/// The objects of one dataset.
pub(crate) struct S3Objects {
    client: Client,
    bucket: String,
    template: Template,
    /// The field that stands in the template.
    owner: String,
}

impl S3Objects {
    /// Checks the bucket and the collection of `dataset`.
    pub(crate) async fn open(
        dataset: &Dataset,
        at: &At,
        bucket: &str,
        template: &Template,
        client: Client,
        errors: &mut MapErrors,
    ) -> Option<Self> {
        if let Err(reason) = check_bucket(&client, bucket).await {
            errors.push(at, reason);
        }
        let [collection] = dataset.collections.as_slice() else {
            errors.push(&dataset.at, "a dataset of stored objects has exactly one collection");
            return None;
        };
        let is_owner = |field: &Field| {
            field.name == template.identity() || field.identity.as_deref() == Some(template.identity())
        };
        let Some(owner) = collection.fields.iter().find(|field| is_owner(field)) else {
            errors.push(
                &collection.at,
                format!("no field is or identifies what stands in the key `{template}`"),
            );
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
        Some(Self {
            client,
            bucket: bucket.to_owned(),
            template: template.clone(),
            owner: owner.name.clone(),
        })
    }

    fn prefix(&self, value: &Value) -> Result<String, Fault> {
        let Value::Text(text) = value else {
            return Err(Fault::new("only a text can stand in a key"));
        };
        self.template
            .prefix(text)
            .ok_or_else(|| Fault::new("an identity value that would reach other people's objects"))
    }

    fn found(&self, object: &Object, owner: &Value, want: &[String]) -> Option<Found> {
        let key = Value::from(object.key()?);
        let row = want
            .iter()
            .filter_map(|field| {
                let value = match field.as_str() {
                    name if name == self.owner => Some(owner.clone()),
                    "key" => Some(key.clone()),
                    "size" => object.size().map(Value::Int),
                    "etag" => object.e_tag().map(Value::from),
                    "last_modified" => object
                        .last_modified()
                        .and_then(|time| time.fmt(DateTimeFormat::DateTime).ok())
                        .map(Value::Text),
                    _ => None,
                };
                Some((field.clone(), value?))
            })
            .collect::<Row>();
        Some(Found { key: vec![key], row })
    }
}

/// Refuses a bucket that is not there or keeps versions.
async fn check_bucket(client: &Client, bucket: &str) -> Result<(), String> {
    client.head_bucket().bucket(bucket).send().await.map_err(|error| {
        match error.raw_response().map(|response| response.status().as_u16()) {
            Some(404) => format!("there is no bucket `{bucket}`"),
            // The answer to this call has no body, and so no code.
            Some(status) => format!("the bucket `{bucket}` cannot be opened: status {status}"),
            None => format!("the bucket `{bucket}` cannot be opened: {}", aws::reason(&error)),
        }
    })?;
    match client.get_bucket_versioning().bucket(bucket).send().await {
        Ok(answer) if answer.status().is_none() => Ok(()),
        // After a suspension old versions are still there.
        Ok(_) => {
            Err(format!("the bucket `{bucket}` keeps versions, which is not supported yet by this build"))
        }
        // What cannot have versions has none.
        Err(error) if error.code() == Some("NotImplemented") => Ok(()),
        Err(error) => {
            let reason = aws::reason(&error);
            Err(format!("whether the bucket `{bucket}` keeps versions cannot be seen: {reason}"))
        }
    }
}

#[async_trait]
impl Store for S3Objects {
    fn key(&self, _: &str, field: &str) -> KeyKind {
        if field == "key" { KeyKind::Primary } else { KeyKind::Plain }
    }

    fn finds_by(&self, _: &str, field: &str) -> bool {
        field == self.owner
    }

    fn cast(&self, _: &str, field: &str, value: &Value) -> Option<Value> {
        if field == self.owner { Scalar::String.cast(value) } else { None }
    }

    async fn page(&self, question: &Question<'_>, cursor: Cursor) -> Result<Page, Fault> {
        // All values are checked before the first call.
        let prefixes = question.values.iter().map(|value| self.prefix(value));
        let prefixes: Vec<String> = prefixes.collect::<Result<_, _>>()?;
        let (Some(prefix), Some(owner)) = (prefixes.get(cursor.part), question.values.get(cursor.part))
        else {
            return Ok(Page { rows: Vec::new(), next: None });
        };
        let token = match cursor.after {
            Some(Value::Text(token)) => Some(token),
            Some(_) | None => None,
        };
        let answer = self
            .client
            .list_objects_v2()
            .bucket(&self.bucket)
            .prefix(prefix)
            .set_continuation_token(token)
            .send()
            .await
            .map_err(|error| Fault::new(format!("ListObjectsV2: {}", aws::reason(&error))))?;
        let rows = answer
            .contents()
            .iter()
            // A store that lists more than it was asked for must not make us delete it.
            .filter(|object| object.key().is_some_and(|key| key.starts_with(prefix.as_str())))
            .filter_map(|object| self.found(object, owner, question.want))
            .collect();
        let more = answer.is_truncated().unwrap_or(false);
        let after = answer.next_continuation_token().filter(|_| more).map(Value::from);
        Ok(Page { rows, next: Cursor::next(cursor.part, after, prefixes.len()) })
    }

    async fn erase(&self, _: &Question<'_>, rows: &[Found]) -> Result<u64, Fault> {
        let mut erased = 0;
        for rows in rows.chunks(BATCH) {
            let objects: Vec<ObjectIdentifier> = rows
                .iter()
                .filter_map(object_key)
                .filter_map(|key| ObjectIdentifier::builder().key(key).build().ok())
                .collect();
            let count = objects.len() as u64;
            let delete = Delete::builder()
                .set_objects(Some(objects))
                .quiet(true)
                .build()
                .map_err(|_| Fault::new("DeleteObjects: the request could not be built"))?;
            let answer = self
                .client
                .delete_objects()
                .bucket(&self.bucket)
                .delete(delete)
                .send()
                .await
                .map_err(|error| Fault::new(format!("DeleteObjects: {}", aws::reason(&error))))?;
            if let Some(error) = answer.errors().first() {
                let failed = answer.errors().len();
                let code = error.code().unwrap_or("no code");
                return Err(Fault::new(format!("DeleteObjects: {failed} of {count} failed: {code}")));
            }
            erased += count;
        }
        Ok(erased)
    }

    async fn object(&self, row: &Found) -> Result<Content, Fault> {
        let key = object_key(row).ok_or_else(|| Fault::new("an object without a key"))?;
        let answer = self.client.get_object().bucket(&self.bucket).key(key).send().await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                return match error.as_service_error() {
                    Some(GetObjectError::NoSuchKey(_)) => Ok(Content::Gone),
                    _ => Err(Fault::new(format!("GetObject: {}", aws::reason(&error)))),
                };
            }
        };
        let prefix = row.row.get(&self.owner).and_then(|owner| self.prefix(owner).ok());
        let name = prefix.and_then(|prefix| key.strip_prefix(&prefix)).unwrap_or(key).to_owned();
        let size = answer.content_length().unwrap_or_default().unsigned_abs();
        Ok(Content::Object(ObjectInfo { name, size }, Box::new(Body(answer.body))))
    }
}

fn object_key(row: &Found) -> Option<&str> {
    match row.key.first() {
        Some(Value::Text(key)) => Some(key),
        Some(_) | None => None,
    }
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
