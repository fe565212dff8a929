//! Buckets that keep versions, lock objects, or tell whose they are by tags: an S3 in memory.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use super::*;
use crate::testing::Recorder;

/// A version of an object, or a delete marker if it has no body.
#[derive(Clone, Debug, PartialEq)]
struct Kept {
    key: String,
    number: usize,
    id: String,
    body: Option<String>,
    tag: Option<String>,
    locked_until: Option<&'static str>,
    held: bool,
}

/// A bucket in memory; newer versions of a key come first.
#[derive(Clone, Default)]
struct Bucket {
    kept: Arc<Mutex<Vec<Kept>>>,
    next: Arc<AtomicUsize>,
    suspended: bool,
    mfa: bool,
}

/// How many versions one listing tells.
const LISTED: usize = 7;

impl Bucket {
    fn kept(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.kept.lock().unwrap()
    }

    /// Puts a version on top of what is there; none makes a delete marker.
    fn put(&self, key: &str, body: Option<&str>) -> Kept {
        let mut kept = self.kept();
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let version = Kept {
            key: key.to_owned(),
            number,
            id: format!("v{number}"),
            body: body.map(str::to_owned),
            tag: None,
            locked_until: None,
            held: false,
        };
        kept.insert(0, version.clone());
        // Sorting is stable, so the newest of a key stays first.
        kept.sort_by(|a, b| a.key.cmp(&b.key));
        version
    }

    fn change(&self, id: &str, change: impl Fn(&mut Kept)) {
        self.kept().iter_mut().filter(|kept| kept.id == id).for_each(change);
    }

    fn tagged(&self, key: &str, body: &str, tag: &str) {
        let id = self.put(key, Some(body)).id;
        self.change(&id, |kept| kept.tag = Some(tag.to_owned()));
    }

    fn version(&self, key: &str, id: Option<&str>) -> S3Result<Kept> {
        let kept = self.kept();
        let mut versions = kept.iter().filter(|kept| kept.key == key);
        let found = versions.find(|kept| id.is_none_or(|id| kept.id == id)).cloned();
        let code = if id.is_some() { s3s::S3ErrorCode::NoSuchVersion } else { s3s::S3ErrorCode::NoSuchKey };
        found.filter(|kept| kept.body.is_some()).ok_or_else(|| code.into())
    }

    async fn client(&self) -> Client {
        embedded(self.clone()).await
    }
}

#[async_trait]
impl S3 for Bucket {
    async fn head_bucket(
        &self,
        _: S3Request<dto::HeadBucketInput>,
    ) -> S3Result<S3Response<dto::HeadBucketOutput>> {
        Ok(S3Response::new(dto::HeadBucketOutput::default()))
    }

    async fn get_bucket_versioning(
        &self,
        _: S3Request<dto::GetBucketVersioningInput>,
    ) -> S3Result<S3Response<dto::GetBucketVersioningOutput>> {
        let status = if self.suspended { "Suspended" } else { "Enabled" };
        let mfa = self.mfa.then(|| dto::MFADeleteStatus::from_static(dto::MFADeleteStatus::ENABLED));
        Ok(S3Response::new(dto::GetBucketVersioningOutput {
            status: Some(dto::BucketVersioningStatus::from_static(status)),
            mfa_delete: mfa,
        }))
    }

    async fn list_object_versions(
        &self,
        request: S3Request<dto::ListObjectVersionsInput>,
    ) -> S3Result<S3Response<dto::ListObjectVersionsOutput>> {
        let input = request.input;
        let prefix = input.prefix.unwrap_or_default();
        let kept = self.kept();
        let all: Vec<&Kept> = kept.iter().filter(|kept| kept.key.starts_with(&prefix)).collect();
        // The version at which the last page ended may be gone.
        let marked = input.version_id_marker.and_then(|id| id.strip_prefix('v')?.parse::<usize>().ok());
        let is_after = |kept: &&Kept| match (&input.key_marker, marked) {
            (Some(key), Some(number)) => (&kept.key, number) > (key, kept.number),
            _ => true,
        };
        let start = all.iter().position(is_after).unwrap_or(all.len());
        let page: Vec<&Kept> = all[start..].iter().copied().take(LISTED).collect();
        let is_latest = |version: &Kept| {
            kept.iter().find(|kept| kept.key == version.key).is_some_and(|first| first.id == version.id)
        };
        let (objects, markers): (Vec<&Kept>, Vec<&Kept>) = page.iter().partition(|kept| kept.body.is_some());
        let versions = objects.into_iter().map(|kept| dto::ObjectVersion {
            key: Some(kept.key.clone()),
            version_id: Some(kept.id.clone()),
            is_latest: Some(is_latest(kept)),
            size: kept.body.as_ref().map(|body| body.len() as i64),
            ..Default::default()
        });
        let markers = markers.into_iter().map(|kept| dto::DeleteMarkerEntry {
            key: Some(kept.key.clone()),
            version_id: Some(kept.id.clone()),
            is_latest: Some(is_latest(kept)),
            ..Default::default()
        });
        let more = page.last().filter(|_| start + LISTED < all.len());
        Ok(S3Response::new(dto::ListObjectVersionsOutput {
            is_truncated: Some(more.is_some()),
            next_key_marker: more.map(|kept| kept.key.clone()),
            next_version_id_marker: more.map(|kept| kept.id.clone()),
            versions: Some(versions.collect()),
            delete_markers: Some(markers.collect()),
            ..Default::default()
        }))
    }

    async fn get_object(
        &self,
        request: S3Request<dto::GetObjectInput>,
    ) -> S3Result<S3Response<dto::GetObjectOutput>> {
        let kept = self.version(&request.input.key, request.input.version_id.as_deref())?;
        let body = kept.body.unwrap_or_default();
        Ok(S3Response::new(dto::GetObjectOutput {
            content_length: Some(body.len() as i64),
            body: Some(s3s::Body::from(body).into()),
            ..Default::default()
        }))
    }

    async fn head_object(
        &self,
        request: S3Request<dto::HeadObjectInput>,
    ) -> S3Result<S3Response<dto::HeadObjectOutput>> {
        let kept = self.version(&request.input.key, request.input.version_id.as_deref())?;
        let until = kept
            .locked_until
            .map(|until| dto::Timestamp::parse(dto::TimestampFormat::DateTime, until).unwrap());
        let on = dto::ObjectLockLegalHoldStatus::from_static(dto::ObjectLockLegalHoldStatus::ON);
        Ok(S3Response::new(dto::HeadObjectOutput {
            object_lock_retain_until_date: until,
            object_lock_legal_hold_status: kept.held.then_some(on),
            ..Default::default()
        }))
    }

    async fn get_object_tagging(
        &self,
        request: S3Request<dto::GetObjectTaggingInput>,
    ) -> S3Result<S3Response<dto::GetObjectTaggingOutput>> {
        let kept = self.version(&request.input.key, request.input.version_id.as_deref())?;
        let tag = |value: String| dto::Tag { key: Some("person".into()), value: Some(value) };
        let tag_set = kept.tag.map(tag).into_iter().collect();
        Ok(S3Response::new(dto::GetObjectTaggingOutput { tag_set, version_id: None }))
    }

    async fn delete_objects(
        &self,
        request: S3Request<dto::DeleteObjectsInput>,
    ) -> S3Result<S3Response<dto::DeleteObjectsOutput>> {
        let mut errors = Vec::new();
        for object in request.input.delete.objects {
            let Some(id) = object.version_id else {
                self.put(&object.key, None);
                continue;
            };
            let mut kept = self.kept();
            let is_it = |kept: &Kept| kept.key == object.key && kept.id == id;
            if kept.iter().any(|kept| is_it(kept) && (kept.held || kept.locked_until.is_some())) {
                errors.push(dto::Error {
                    key: Some(object.key),
                    version_id: Some(id),
                    code: Some("AccessDenied".into()),
                    ..Default::default()
                });
            } else {
                kept.retain(|kept| !is_it(kept));
            }
        }
        Ok(S3Response::new(dto::DeleteObjectsOutput { errors: Some(errors), ..Default::default() }))
    }
}

const MAP: &str = "
dataset:
- fides_key: uploads
  collections:
  - name: files
    fields:
    - {name: person, fides_meta: {identity: external_id}}
    - {name: key}
    - {name: version_id}
    - {name: is_latest}
    - {name: delete_marker}
";

const BY_TAG: &str = "connections:\n  uploads: {kind: s3_objects, bucket: uploads, prefix: inbox/, \
                      tag: {person: 'u-{external_id}'}}\n";

/// Person 4: an object of three versions, one that was deleted, and many plain ones; and neighbours.
fn versioned() -> Bucket {
    let bucket = Bucket::default();
    for body in ["first", "second!", "third"] {
        bucket.put("users/4/letter.txt", Some(body));
    }
    bucket.put("users/4/gone.txt", Some("was here"));
    bucket.put("users/4/gone.txt", None);
    for i in 0..20 {
        bucket.put(&format!("users/4/n{i}"), Some("x"));
    }
    for i in 0..50 {
        bucket.put(&format!("users/4{i}/letter.txt"), Some("neighbour"));
        bucket.put(&format!("users/4{i}/letter.txt"), None);
    }
    bucket
}

#[tokio::test]
async fn every_version_is_shown_and_streamed_under_a_name_of_its_own() {
    let bucket = versioned();
    let engine = engine(&bucket.client().await, MAP).await.unwrap();
    let mut sink = Recorder::default();

    let counts = engine.read(&person("external_id", "4"), &mut sink).await.unwrap();

    assert_eq!(numbers(&counts), [("files", 25)]);
    assert_eq!(sink.objects.len(), 24);
    for object in [("letter.txt", 5), ("versions/v1/letter.txt", 7), ("versions/v0/letter.txt", 5)] {
        assert!(sink.objects.contains(&(object.0.to_owned(), object.1)), "{object:?}");
    }
    let marker = serde_json::json!({
        "person": "4", "key": "users/4/gone.txt", "version_id": "v4", "is_latest": true, "delete_marker": true,
    });
    assert!(sink.rows.iter().any(|(_, row)| *row == marker));
}

#[tokio::test]
async fn nothing_is_left_of_a_person_in_a_bucket_with_versions() {
    for suspended in [false, true] {
        let bucket = Bucket { suspended, ..versioned() };
        let mut expected = bucket.kept().clone();
        expected.retain(|kept| !kept.key.starts_with("users/4/"));
        let engine = engine(&bucket.client().await, MAP).await.unwrap();

        let erasure = engine.wipe(&person("external_id", "4"), &mut Steps::default()).await.unwrap();

        assert!(erasure.complete());
        assert_eq!(effects(&erasure), [("files", 25, 25, 0)]);
        assert_eq!(*bucket.kept(), expected);
    }
}

#[tokio::test]
async fn what_is_locked_stays_with_its_date_and_all_else_goes() {
    let bucket = versioned();
    bucket.change("v0", |kept| kept.locked_until = Some("2031-05-01T00:00:00Z"));
    bucket.change("v9", |kept| kept.locked_until = Some("2030-01-01T00:00:00Z"));
    bucket.change("v20", |kept| kept.held = true);
    let engine = engine(&bucket.client().await, MAP).await.unwrap();

    let erasure = engine.wipe(&person("external_id", "4"), &mut Steps::default()).await.unwrap();

    assert!(!erasure.complete());
    assert_eq!(erasure.collections[0].erased, 22);
    let reason = "DeleteObjects: 3 failed: AccessDenied; objects are locked until 2031-05-01T00:00:00Z; \
                  objects are under a legal hold";
    assert_eq!(erasure.collections[0].error.as_deref(), Some(reason));
    let left: Vec<_> =
        bucket.kept().iter().filter(|kept| kept.key.starts_with("users/4/")).cloned().collect();
    assert_eq!(left.iter().map(|kept| kept.id.as_str()).collect::<Vec<_>>(), ["v0", "v20", "v9"]);

    bucket.kept().iter_mut().for_each(|kept| (kept.locked_until, kept.held) = (None, false));
    assert!(engine.wipe(&person("external_id", "4"), &mut Steps::default()).await.unwrap().complete());
}

#[tokio::test]
async fn a_bucket_that_demands_mfa_is_read_and_not_erased() {
    let bucket = Bucket { mfa: true, ..versioned() };
    let before = bucket.kept().clone();
    let engine = engine(&bucket.client().await, MAP).await.unwrap();

    let erased = engine.wipe(&person("external_id", "4"), &mut Steps::default()).await;

    let Err(EngineError::HalfDone(reasons)) = erased else { panic!("refused") };
    assert_eq!(reasons, ["`uploads:files`: the bucket `uploads` demands MFA to delete anything"]);
    assert_eq!(*bucket.kept(), before);
}

/// Objects of person 4 among others, told by tags alone.
fn scans() -> Bucket {
    let bucket = Bucket::default();
    for i in 0..10 {
        bucket.tagged(&format!("inbox/{i}.pdf"), "scan", if i % 2 == 0 { "u-4" } else { "u-42" });
    }
    // Deleted, but all its versions are hers; and one whose older version is not.
    bucket.tagged("inbox/4.pdf", "scan again", "u-4");
    bucket.put("inbox/4.pdf", None);
    bucket.tagged("inbox/mixed.pdf", "theirs", "u-42");
    bucket.tagged("inbox/mixed.pdf", "hers", "u-4");
    bucket.put("inbox/mixed.pdf", None);
    for (key, tag) in [("x/0.pdf", "u-4"), ("inbox/x", "u-"), ("inbox/y", "4"), ("inbox/z", "xu-4")] {
        bucket.tagged(key, "scan", tag);
    }
    bucket.put("inbox/untagged", Some("scan"));
    bucket
}

#[tokio::test]
async fn objects_are_found_by_their_tag() {
    let bucket = scans();
    let mut expected = bucket.kept().clone();
    let is_hers = |kept: &Kept| {
        kept.key.starts_with("inbox/") && kept.tag.as_deref() == Some("u-4")
            || kept.key == "inbox/4.pdf" && kept.body.is_none()
    };
    expected.retain(|kept| !is_hers(kept));
    let client = bucket.client().await;
    let engine = engine_at(&client, MAP, BY_TAG).await.unwrap();
    let mut sink = Recorder::default();

    engine.read(&person("external_id", "4"), &mut sink).await.unwrap();
    assert_eq!((sink.rows.len(), sink.objects.len()), (8, 7));
    assert!(sink.objects.contains(&("0.pdf".into(), 4)));

    let erasure = engine.wipe(&person("external_id", "4"), &mut Steps::default()).await.unwrap();
    assert!(erasure.complete());
    assert_eq!(effects(&erasure), [("files", 8, 8, 0)]);
    assert_eq!(*bucket.kept(), expected);
}

#[tokio::test]
async fn a_tag_is_read_again_before_the_object_goes_and_reading_it_costs() {
    let bucket = scans();
    let whose = Whose::Tag {
        prefix: "inbox/".into(),
        name: "person".into(),
        value: Template::tag("u-{external_id}").unwrap(),
    };
    let map = domain::datamap::DataMap::load([("map.yml", MAP)]).unwrap();
    let mut errors = MapErrors::default();
    let at = map.datasets[0].at.clone();
    let client = bucket.client().await;
    let store = S3Objects::open(&map.datasets[0], &at, "uploads", &whose, client, &mut errors).await.unwrap();
    let (values, want) = (["4".into()], ["person".to_owned()]);
    let question = Question { collection: "files", path: "person", values: &values, want: &want };

    let pages: Vec<crate::store::Page> = store.ask(&question).try_collect().await.unwrap();
    let mut usage = Usage::default();
    pages.iter().for_each(|page| usage += page.usage);
    // 20 versions and markers under the prefix, in pages of 7; two of them are markers.
    assert_eq!((usage.s3_lists, usage.s3_gets), (3, 17));
    let rows: Vec<Found> = pages.into_iter().flat_map(|page| page.rows).collect();
    assert_eq!(rows.len(), 8);
    assert_eq!(rows.iter().map(|row| store.weight(row)).sum::<u64>(), 5 * 4 + 10 + 4);

    let given_away = Handle::of(&rows[0]).unwrap().id.unwrap().to_owned();
    bucket.change(&given_away, |kept| kept.tag = Some("u-42".into()));

    assert_eq!(store.delete(&question, &rows).await.unwrap(), 7);
    assert!(bucket.kept().iter().any(|kept| kept.id == given_away));
    assert_eq!(store.usage_of(&Treatment::Delete, 8, 34).s3_gets, 8);
}
