//! Whenever a process dies, the next one goes on from what was recorded, or begins anew.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{Bucket, PASSWORD, READERS, now, password, picture};
use archive::{Archive, ArchiveError, Checkpoint, Facts, Finished};
use aws_lc_rs::digest::{SHA256, digest};

/// How many things the archive shall hold.
const STEPS: usize = 5;

/// What a worker writes down outside of object storage: where the archive stood, and at which step
/// that was.
type Recorded = Option<(Checkpoint, usize)>;

/// A bucket that answers only so many requests, as if the process died at the next.
async fn mortal(life: &Arc<AtomicUsize>) -> Bucket {
    let life = Arc::clone(life);
    Bucket::refusing(move |_, _| {
        life.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_err()
    })
    .await
}

/// Builds the archive from where it stood, recording where it stands after every step.
async fn build(bucket: &Bucket, recorded: &mut Recorded) -> Result<Finished, ArchiveError> {
    let mut archive = match recorded {
        Some((checkpoint, _)) => {
            Archive::resume(bucket.destination(), password(), checkpoint.clone()).await?.0
        }
        None => Archive::create(bucket.destination(), password(), now()),
    };
    for step in recorded.as_ref().map_or(0, |(_, step)| *step)..STEPS {
        archive.record("shop:events", format!("{{\"step\":{step}}}").as_bytes()).await?;
        picture(&mut archive, 3 + step).await?;
        *recorded = Some((archive.checkpoint(Vec::new()).await?, step + 1));
    }
    archive.finish(Facts::default(), |manifest| manifest.records().to_string()).await
}

/// Whether it holds every step once, and is what it says to be.
fn check(bucket: &Bucket, finished: &Finished) {
    let bytes = fs::read(bucket.object()).unwrap();
    assert_eq!(finished.size, bytes.len() as u64);
    assert_eq!(finished.sha256, digest(&SHA256, &bytes).as_ref());
    assert_eq!((finished.entries, finished.records), (2 * STEPS as u64 + 2, STEPS as u64));
    let into = tempfile::tempdir().unwrap();
    let (reader, unpack) = READERS[0];
    let output = unpack(&bucket.object(), PASSWORD, into.path());
    assert!(output.status.success(), "{reader}: {output:?}");
    for step in 0..STEPS {
        let records = fs::read_to_string(into.path().join(format!("data/01-{:04}.ndjson", step + 1)));
        assert_eq!(records.unwrap(), format!("{{\"step\":{step}}}\n"));
        let picture = into.path().join(format!("files/02-{:04}.jpg", step + 1));
        assert_eq!(fs::metadata(picture).unwrap().len(), (3 + step as u64) << 20);
    }
    assert_eq!(bucket.others(), 0, "the saved states are gone");
}

#[tokio::test]
async fn it_may_die_at_every_request() {
    let mut deaths = 0;
    loop {
        let life = Arc::new(AtomicUsize::new(deaths));
        let bucket = mortal(&life).await;
        let mut recorded = None;

        let first = build(&bucket, &mut recorded).await;
        life.store(usize::MAX, Ordering::Relaxed);

        let finished = match first {
            // Only tidying up had failed, or nothing.
            Ok(finished) if deaths > 10 => {
                assert_eq!(finished.size, fs::metadata(bucket.object()).unwrap().len());
                break;
            }
            Ok(_) => panic!("it died after {deaths} requests"),
            Err(_) => {
                assert!(!bucket.object().exists(), "{deaths}");
                build(&bucket, &mut recorded).await.unwrap()
            }
        };
        check(&bucket, &finished);
        // Before the first checkpoint nobody knew of the upload; the bucket's lifecycle rule does.
        assert!(bucket.uploads() <= 1, "{deaths}");
        deaths += 1;
    }
    assert!(deaths > 10, "{deaths}");
}

#[tokio::test]
async fn every_step_may_have_a_process_of_its_own() {
    let bucket = Bucket::new().await;
    let mut recorded: Recorded = None;

    for step in 0..STEPS {
        let mut archive = match recorded.take() {
            Some((checkpoint, _)) => {
                // It survives being written down.
                let checkpoint: Checkpoint =
                    serde_json::from_str(&serde_json::to_string(&checkpoint).unwrap()).unwrap();
                assert_eq!(checkpoint.key(), bucket.destination().key);
                {
                    let (archive, note) =
                        Archive::resume(bucket.destination(), password(), checkpoint).await.unwrap();
                    assert_eq!(note, [step as u8]);
                    archive
                }
            }
            None => Archive::create(bucket.destination(), password(), now()),
        };
        archive.record("shop:events", format!("{{\"step\":{step}}}").as_bytes()).await.unwrap();
        picture(&mut archive, 3 + step).await.unwrap();
        assert_eq!(archive.given().records, step as u64 + 1);
        let note = vec![step as u8 + 1];
        recorded = Some((archive.checkpoint(note).await.unwrap(), step + 1));
        assert!(!bucket.object().exists());
    }
    let finished = build(&bucket, &mut recorded).await.unwrap();

    check(&bucket, &finished);
    assert_eq!(bucket.uploads(), 0);
}

#[tokio::test]
async fn a_saved_state_tells_nothing() {
    let bucket = Bucket::new().await;
    let mut archive = Archive::create(bucket.destination(), password(), now());
    archive.record("shop:events", b"{\"name\":\"Alice\"}").await.unwrap();
    picture(&mut archive, 1).await.unwrap();

    archive.checkpoint(Vec::new()).await.unwrap();

    let mut state = bucket.object().into_os_string();
    state.push(".state-0");
    let state = fs::read(state).unwrap();
    assert!(state.len() > 1 << 20, "the tail is in it");
    for secret in ["Alice", "shop:events", PASSWORD] {
        assert!(!state.windows(secret.len()).any(|some| some == secret.as_bytes()), "{secret}");
    }
}

#[tokio::test]
async fn what_a_checkpoint_leads_to_goes_with_an_abort_and_with_a_discard() {
    let bucket = Bucket::new().await;
    let mut archive = Archive::create(bucket.destination(), password(), now());
    picture(&mut archive, 20).await.unwrap();
    archive.checkpoint(Vec::new()).await.unwrap();
    archive.abort().await;
    assert!(bucket.is_empty() && bucket.others() == 0);

    let mut archive = Archive::create(bucket.destination(), password(), now());
    picture(&mut archive, 20).await.unwrap();
    let checkpoint = archive.checkpoint(Vec::new()).await.unwrap();
    drop(archive);
    assert_eq!((bucket.uploads(), bucket.others()), (1, 1), "it is there to go on with");
    Archive::discard(&bucket.destination(), &checkpoint).await.unwrap();
    assert!(bucket.is_empty() && bucket.others() == 0);

    let resumed = Archive::resume(bucket.destination(), password(), checkpoint).await;
    assert!(matches!(resumed, Err(ArchiveError::Gone)));
}

#[tokio::test]
async fn a_failure_leaves_what_the_last_checkpoint_leads_to() {
    let life = Arc::new(AtomicUsize::new(usize::MAX));
    let bucket = mortal(&life).await;
    let mut archive = Archive::create(bucket.destination(), password(), now());
    archive.record("shop:events", b"{\"step\":0}").await.unwrap();
    picture(&mut archive, 3).await.unwrap();
    let mut recorded = Some((archive.checkpoint(Vec::new()).await.unwrap(), 1));

    life.store(0, Ordering::Relaxed);
    assert!(archive.checkpoint(Vec::new()).await.is_err());
    assert!(matches!(archive.checkpoint(Vec::new()).await, Err(ArchiveError::Lost)));
    life.store(usize::MAX, Ordering::Relaxed);

    let finished = build(&bucket, &mut recorded).await.unwrap();
    check(&bucket, &finished);
}

#[tokio::test]
async fn an_attachment_has_no_checkpoint_in_the_middle() {
    let bucket = Bucket::new().await;
    let mut archive = Archive::create(bucket.destination(), password(), now());
    archive.begin_file("crm:files", "half.jpg", 4).unwrap();
    archive.file_chunk(b"ha").await.unwrap();

    assert!(matches!(archive.checkpoint(Vec::new()).await, Err(ArchiveError::FileOpen)));

    archive.file_chunk(b"lf").await.unwrap();
    archive.end_file().await.unwrap();
    archive.finish(Facts::default(), |_| String::new()).await.unwrap();
}
