//! Listing: every version of the objects that are somebody's, page by page.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use aws_sdk_s3::error::ProvideErrorMetadata as _;
use domain::plan::Usage;
use domain::row::Value;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::template::{Template, Whose};
use super::version::Version;
use super::{S3Objects, failed};
use crate::aws;
use crate::fault::Fault;
use crate::store::{Found, Page, Pages, Question};

/// How many tags are read at the same time.
const PARALLEL: usize = 16;

/// The answer to a question on its way.
pub(super) struct Listing<'a> {
    store: &'a S3Objects,
    question: &'a Question<'a>,
    want: Vec<Arc<str>>,
    /// The prefixes to list, each with whose objects lie there if the prefix says so.
    prefixes: VecDeque<(String, Option<Value>)>,
    mark: Option<Mark>,
    /// The versions of the last key so far, where tags tell whose they are.
    group: Group,
}

/// How far a prefix has been listed.
enum Mark {
    Version {
        key: Option<String>,
        id: Option<String>,
    },
    /// The store knows no versions.
    Object(Option<String>),
}

/// The versions of one key, of which delete markers bear no tags.
#[derive(Default)]
struct Group {
    key: String,
    markers: Vec<Version>,
    owner: Option<Value>,
    others: bool,
}

impl<'a> Listing<'a> {
    pub(super) fn new(store: &'a S3Objects, question: &'a Question<'a>) -> Result<Self, Fault> {
        let prefixes = match &store.whose {
            // All values are checked before the first call.
            Whose::Key(template) => question
                .values
                .iter()
                .map(|value| Ok((prefix(template, value)?, Some(value.clone()))))
                .collect::<Result<_, Fault>>()?,
            Whose::Tag { prefix, .. } => VecDeque::from([(prefix.clone(), None)]),
        };
        let want = question.want.iter().map(|field| field.as_str().into()).collect();
        Ok(Self { store, question, want, prefixes, mark: None, group: Group::default() })
    }

    pub(super) fn pages(self) -> Pages<'a> {
        stream::try_unfold(self, |mut listing| async move {
            Ok(listing.page().await?.map(|page| (page, listing)))
        })
        .boxed()
    }

    async fn page(&mut self) -> Result<Option<Page>, Fault> {
        let Some((prefix, owner)) = self.prefixes.front().cloned() else { return Ok(None) };
        let mark = self.mark.take().unwrap_or(Mark::Version { key: None, id: None });
        let (mut versions, next) = match self.list(&prefix, mark).await? {
            Some(listed) => listed,
            None => self.list(&prefix, Mark::Object(None)).await?.unwrap_or_default(),
        };
        // A store that lists more than it was asked for must not make us delete it.
        versions.retain(|version| version.key.starts_with(&prefix));
        let is_last = next.is_none();
        self.mark = next;
        if is_last {
            self.prefixes.pop_front();
        }
        let mut usage = Usage { s3_lists: 1, ..Usage::default() };
        let rows = match owner {
            Some(owner) => versions.into_iter().map(|version| self.found(version, &owner)).collect(),
            None => {
                usage.s3_gets += versions.iter().filter(|version| !version.is_marker).count() as u64;
                self.tagged(versions, is_last).await?
            }
        };
        Ok(Some(Page { rows, usage }))
    }

    /// One call of a listing; none if the store knows no versions.
    async fn list(&self, prefix: &str, mark: Mark) -> Result<Option<(Vec<Version>, Option<Mark>)>, Fault> {
        let (client, bucket) = (&self.store.client, &self.store.bucket);
        match mark {
            Mark::Version { key, id } => {
                let request = client
                    .list_object_versions()
                    .bucket(bucket)
                    .prefix(prefix)
                    .set_key_marker(key)
                    .set_version_id_marker(id);
                let answer = match aws::patiently(|| request.clone().send()).await {
                    Ok(answer) => answer,
                    Err(error) if error.code() == Some("NotImplemented") => return Ok(None),
                    Err(error) => return Err(failed("ListObjectVersions", &error)),
                };
                let next = answer.is_truncated.unwrap_or_default().then_some(Mark::Version {
                    key: answer.next_key_marker,
                    id: answer.next_version_id_marker,
                });
                let objects = answer.versions.unwrap_or_default().into_iter();
                let markers = answer.delete_markers.unwrap_or_default().into_iter();
                let versions =
                    objects.filter_map(Version::of_object).chain(markers.filter_map(Version::of_marker));
                Ok(Some((versions.collect(), next)))
            }
            Mark::Object(token) => {
                let request = client.list_objects_v2().bucket(bucket).prefix(prefix);
                let request = request.set_continuation_token(token);
                let answer = aws::patiently(|| request.clone().send()).await;
                let answer = answer.map_err(|error| failed("ListObjectsV2", &error))?;
                let next = answer
                    .next_continuation_token
                    .filter(|_| answer.is_truncated.unwrap_or_default())
                    .map(|token| Mark::Object(Some(token)));
                let objects = answer.contents.unwrap_or_default().into_iter();
                Ok(Some((objects.filter_map(Version::only).collect(), next)))
            }
        }
    }

    /// Those of the versions that bear the tag, and the delete markers of keys that are all one person's.
    ///
    /// Keys are listed in order, so that only the versions of one key have to be kept in mind.
    async fn tagged(&mut self, mut versions: Vec<Version>, is_last: bool) -> Result<Vec<Found>, Fault> {
        versions.sort_by(|a, b| a.key.cmp(&b.key));
        let store = self.store;
        let asked: HashSet<&Value> = self.question.values.iter().collect();
        let tags = versions.iter().map(|version| async move {
            match version.is_marker {
                true => Ok(None),
                false => store.owner_by_tag(&version.key, version.id()).await,
            }
        });
        let owners: Vec<Option<Value>> =
            stream::iter(tags.collect::<Vec<_>>()).buffered(PARALLEL).try_collect().await?;
        let mut rows = Vec::new();
        for (version, owner) in versions.into_iter().zip(owners) {
            if version.key != self.group.key {
                self.close_group(&mut rows);
                self.group.key.clone_from(&version.key);
            }
            match owner.filter(|owner| asked.contains(owner)) {
                Some(owner) => {
                    self.group.owner.get_or_insert_with(|| owner.clone());
                    rows.push(self.found(version, &owner));
                }
                None if version.is_marker => self.group.markers.push(version),
                None => self.group.others = true,
            }
        }
        if is_last {
            self.close_group(&mut rows);
        }
        Ok(rows)
    }

    fn close_group(&mut self, rows: &mut Vec<Found>) {
        let group = std::mem::take(&mut self.group);
        if let Some(owner) = group.owner.filter(|_| !group.others) {
            rows.extend(group.markers.into_iter().map(|marker| self.found(marker, &owner)));
        }
    }

    fn found(&self, version: Version, owner: &Value) -> Found {
        version.found((&self.store.owner, owner), &self.want)
    }
}

/// The prefix under which a person's objects lie.
pub(super) fn prefix(template: &Template, value: &Value) -> Result<String, Fault> {
    let Value::Text(text) = value else {
        return Err(Fault::new("only a text can stand in a key"));
    };
    template
        .prefix(text)
        .ok_or_else(|| Fault::new("an identity value that would reach other people's objects"))
}
