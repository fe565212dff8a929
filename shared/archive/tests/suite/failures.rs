//! Whatever goes wrong, object storage holds the whole archive or nothing.

use std::error::Error;
use std::time::Duration;

use crate::support::{Bucket, now, password, picture};
use archive::{Archive, ArchiveError, Facts, Finished};

/// An archive of two parts.
async fn write(bucket: &Bucket) -> Result<Finished, ArchiveError> {
    let mut archive = Archive::create(bucket.destination(), password(), now());
    picture(&mut archive, 9).await?;
    archive.finish(Facts::default(), |_| String::new()).await
}

/// Lets the request fail whose query holds `query`.
async fn check(query: &'static str, doing: &str) {
    let bucket = Bucket::refusing(move |method, asked| method != "DELETE" && asked.contains(query)).await;

    let error = write(&bucket).await.unwrap_err();

    assert_eq!(error.to_string(), format!("object storage did not {doing}"));
    assert!(error.source().is_some());
    assert!(bucket.is_empty(), "{query}: {:?}", bucket.calls.lock().unwrap());
}

#[tokio::test]
async fn a_refused_upload_leaves_nothing() {
    check("uploads", "begin the upload").await;
}

#[tokio::test]
async fn a_refused_first_part_leaves_nothing() {
    check("partNumber=1", "take a part").await;
}

#[tokio::test]
async fn a_refused_last_part_leaves_nothing() {
    check("partNumber=2", "take a part").await;
}

#[tokio::test]
async fn a_refused_completion_leaves_nothing() {
    let bucket = Bucket::refusing(|method, _| method == "POST").await;
    assert!(write(&bucket).await.is_err());
    assert!(bucket.is_empty());

    let bucket = Bucket::refusing(|method, query| method == "POST" && query.contains("uploadId")).await;
    assert_eq!(write(&bucket).await.unwrap_err().to_string(), "object storage did not complete the upload");
    assert!(bucket.is_empty());
}

#[tokio::test]
async fn a_refused_small_archive_leaves_nothing() {
    let bucket = Bucket::refusing(|method, _| method == "PUT").await;
    let archive = Archive::create(bucket.destination(), password(), now());

    let error = archive.finish(Facts::default(), |_| String::new()).await.unwrap_err();

    assert_eq!(error.to_string(), "object storage did not store the archive");
    assert!(bucket.is_empty());
}

#[tokio::test]
async fn an_aborted_archive_leaves_nothing() {
    let bucket = Bucket::new().await;
    let mut archive = Archive::create(bucket.destination(), password(), now());
    picture(&mut archive, 9).await.unwrap();

    archive.abort().await;

    assert!(bucket.count("partNumber") > 0);
    assert_eq!(bucket.count("DELETE uploadId") + bucket.count("DELETE x-id=AbortMultipartUpload"), 1);
    assert!(bucket.is_empty());
}

#[tokio::test]
async fn a_dropped_archive_leaves_nothing() {
    let bucket = Bucket::new().await;
    let mut archive = Archive::create(bucket.destination(), password(), now());
    picture(&mut archive, 17).await.unwrap();
    until(|| bucket.count("partNumber=1") > 0).await;

    drop(archive);

    until(|| bucket.count("DELETE") > 0 && bucket.is_empty()).await;
}

/// Lets the other tasks run until it is so.
async fn until(so: impl Fn() -> bool) {
    let waiting = async {
        while !so() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waiting).await.unwrap();
}

#[tokio::test]
async fn an_aborted_small_archive_was_never_there() {
    let bucket = Bucket::new().await;
    let mut archive = Archive::create(bucket.destination(), password(), now());
    archive.record("shop:events", b"{}").await.unwrap();

    archive.abort().await;

    assert!(bucket.is_empty());
    assert!(bucket.calls.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_archive_with_an_open_file_is_not_stored() {
    let bucket = Bucket::new().await;
    let mut archive = Archive::create(bucket.destination(), password(), now());
    archive.begin_file("crm:files", "half.jpg", 20).unwrap();
    archive.file_chunk(b"half of it").await.unwrap();

    let error = archive.finish(Facts::default(), |_| String::new()).await.unwrap_err();

    assert!(matches!(error, ArchiveError::FileOpen));
    assert!(bucket.is_empty());
}

#[tokio::test]
async fn a_lost_archive_says_why_once_and_stays_lost() {
    let bucket = Bucket::refusing(|_, query| query.contains("partNumber=1")).await;
    let mut archive = Archive::create(bucket.destination(), password(), now());
    let first = picture(&mut archive, 100).await.unwrap_err();

    let second = archive.file_chunk(b"more").await.unwrap_err();

    assert!(matches!(first, ArchiveError::Storage { doing: "take a part", .. }), "{first}");
    assert!(matches!(second, ArchiveError::Lost), "{second}");
}
