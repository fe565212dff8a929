//! Archives as large and as many as they come: with `LETHE_DEEP=1`, which takes a quarter of an hour and room for 15 GB
//! on the disk. Without it the same is done at sizes that take seconds.

use std::fs::{self, File};
use std::io::{self, Cursor, Read as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use archive::{Archive, Coding, Facts, Press, Zip};
use aws_lc_rs::digest::{Context, SHA256, digest};
use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_oneof};
use proptest::prop_assert_eq;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use zip::ZipArchive;

use crate::support::{Bucket, PASSWORD, READERS, now, password, picture, run};

fn is_deep() -> bool {
    std::env::var_os("LETHE_DEEP").is_some()
}

/// The SHA-256 of all that is read.
fn hashed(mut from: impl io::Read) -> Vec<u8> {
    let (mut context, mut buffer) = (Context::new(&SHA256), vec![0; 1 << 20]);
    loop {
        match from.read(&mut buffer).unwrap() {
            0 => return context.finish().as_ref().to_vec(),
            read => context.update(&buffer[..read]),
        }
    }
}

/// The SHA-256 of what a program says.
fn said(command: &mut Command) -> Vec<u8> {
    let mut program = command.stdout(Stdio::piped()).spawn().unwrap();
    let hash = hashed(program.stdout.take().unwrap());
    assert!(program.wait().unwrap().success(), "{command:?}");
    hash
}

#[tokio::test]
async fn an_archive_may_be_longer_than_four_gibibytes() {
    let mib = if is_deep() { 4 * 1024 + 200 } else { 20 };
    let bucket = Bucket::new().await;
    let mut archive = Archive::create(bucket.destination(), password(), now());
    picture(&mut archive, mib).await.unwrap();
    // Whatever comes now lies beyond.
    for number in 0..1_000 {
        archive.record("shop:orders", format!("{{\"n\":{number}}}").as_bytes()).await.unwrap();
    }
    picture(&mut archive, 1).await.unwrap();
    let finished = archive.finish(Facts::default(), |_| "index".into()).await.unwrap();

    let object = bucket.object();
    assert_eq!(fs::metadata(&object).unwrap().len(), finished.size);
    assert_eq!(hashed(File::open(&object).unwrap()), finished.sha256);
    let mut chunk = vec![0; 1 << 20];
    chunk[..3].copy_from_slice(b"\xFF\xD8\xFF");
    let mut large = Context::new(&SHA256);
    (0..mib).for_each(|_| large.update(&chunk));
    let large = large.finish().as_ref().to_vec();
    let small = digest(&SHA256, &chunk).as_ref().to_vec();
    for (name, expected) in [("files/01-0001.jpg", large), ("files/01-0002.jpg", small)] {
        let seven_zip = ["x", "-so", "-p"].map(str::to_owned);
        let [extract, out, secret] = seven_zip;
        let mut command = Command::new("7z");
        command.args([extract, out, format!("{secret}{PASSWORD}")]).arg(&object).arg(name);
        assert!(said(&mut command) == expected, "7z: {name}");
        let mut command = Command::new("bsdtar");
        command.args(["-xOf"]).arg(&object).args(["--passphrase", PASSWORD, name]);
        assert!(said(&mut command) == expected, "bsdtar: {name}");
    }
    let mut zip = ZipArchive::new(File::open(&object).unwrap()).unwrap();
    let mut records = String::new();
    let mut entry = zip.by_name_decrypt("data/02-0001.ndjson", PASSWORD.as_bytes()).unwrap();
    entry.read_to_string(&mut records).unwrap();
    assert_eq!(records.lines().count(), 1_000);
}

/// An archive of so many attachments, and the SHA-256 of each by its name.
async fn attached(bucket: &Bucket, count: usize, longest: usize) -> Vec<(String, String)> {
    let mut archive = Archive::create(bucket.destination(), password(), now());
    let bytes: Vec<u8> = (0..longest).map(|at| (at * at % 251) as u8).collect();
    for number in 0..count {
        let length = number * 7_919 % (longest + 1);
        archive.begin_file("crm:files", &format!("{number}.txt"), length as u64).unwrap();
        archive.file_chunk(&bytes[..length]).await.unwrap();
        archive.end_file().await.unwrap();
    }
    let mut listed = Vec::new();
    archive
        .finish(Facts::default(), |manifest| {
            let files = manifest.collections.iter().flat_map(|collection| &collection.attachments);
            listed = files.map(|file| (file.name.clone(), file.sha256.clone())).collect();
            String::new()
        })
        .await
        .unwrap();
    listed
}

#[tokio::test]
async fn an_archive_may_hold_a_thousand_attachments() {
    let readers = if is_deep() { &READERS[..] } else { &READERS[..2] };
    let bucket = Bucket::new().await;

    let listed = attached(&bucket, 1_000, 20_000).await;

    assert_eq!(listed.len(), 1_000);
    for (reader, unpack) in readers {
        let into = tempfile::tempdir().unwrap();
        assert!(unpack(&bucket.object(), PASSWORD, into.path()).status.success(), "{reader}");
        for (name, sha256) in &listed {
            let found = hashed(File::open(into.path().join(name)).unwrap());
            let found: String = found.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(&found, sha256, "{reader}: {name}");
        }
    }
}

#[tokio::test]
async fn an_archive_may_hold_more_entries_than_sixteen_bits_count() {
    let count = if is_deep() { 66_000 } else { 660 };
    let bucket = Bucket::new().await;

    let listed = attached(&bucket, count, 5).await;

    let object = bucket.object();
    let secret = format!("-p{PASSWORD}");
    let tested = run(Command::new("7z").args(["t", "-bd", &secret]).arg(&object));
    let told = String::from_utf8_lossy(&tested.stdout).into_owned();
    assert!(tested.status.success() && told.contains(&format!("Files: {}", count + 2)), "{told}");
    let names = run(Command::new("bsdtar").arg("-tf").arg(&object)).stdout;
    assert_eq!(names.split(|byte| *byte == b'\n').count(), count + 3);
    assert_eq!(ZipArchive::new(File::open(&object).unwrap()).unwrap().len(), count + 2);
    assert_eq!(listed.len(), count);
}

/// An entry: its contents, whether they shall be compressed, and whether they come whole.
type Entry = (Vec<u8>, bool, bool);

fn entries() -> impl Strategy<Value = Vec<Entry>> {
    let contents = prop_oneof![
        vec(any::<u8>(), 0..300),
        // Around the strips of the encryption, 16 KiB.
        (0_usize..40, any::<u8>()).prop_map(|(off, byte)| vec![byte; (16 << 10) * (1 + off % 4) + off - 20]),
        vec(any::<u8>(), 0..4).prop_map(|few| few.repeat(20_000)),
    ];
    vec((contents, any::<bool>(), any::<bool>()), 0..8)
}

fn framed(entries: &[Entry]) -> Vec<u8> {
    let mut zip = Zip::new(Vec::new(), now());
    for (number, (plain, deflate, whole)) in (0_u128..).zip(entries) {
        let (name, salt) = (format!("files/{number}"), number.to_le_bytes());
        if *whole {
            let mut press = Press::default();
            press.plain().extend_from_slice(plain);
            let coding = if *deflate { Coding::Deflate } else { Coding::Store };
            zip.add(&press.seal(name, coding, &password(), salt)).unwrap();
        } else {
            zip.begin(name, plain.len() as u64, &password(), salt).unwrap();
            for strip in plain.clone().chunks_mut(7_001) {
                zip.write(strip).unwrap();
            }
            zip.end().unwrap();
        }
    }
    zip.finish().unwrap()
}

#[test]
fn independent_readers_agree_for_ten_minutes() {
    let (time, seed) = (Duration::from_secs(if is_deep() { 600 } else { 1 }), [7; 32]);
    let config = Config { cases: 64, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
    let (began, mut cases) = (Instant::now(), 0_u64);
    let folder = tempfile::tempdir().unwrap();

    while cases == 0 || began.elapsed() < time {
        let ran = runner.run(&entries(), |entries| {
            let bytes = framed(&entries);
            let mut zip = ZipArchive::new(Cursor::new(&bytes)).unwrap();
            prop_assert_eq!(zip.len(), entries.len());
            for (number, (expected, ..)) in entries.iter().enumerate() {
                let mut entry = zip.by_index_decrypt(number, PASSWORD.as_bytes()).unwrap();
                let mut plain = Vec::new();
                entry.read_to_end(&mut plain).unwrap();
                prop_assert_eq!(&plain, expected);
            }
            Ok(())
        });
        ran.unwrap();
        cases += 64;
        // Another program takes longer to start than a hundred cases take.
        let entries = proptest::strategy::ValueTree::current(&entries().new_tree(&mut runner).unwrap());
        let file = folder.path().join("fuzzed.zip");
        fs::write(&file, framed(&entries)).unwrap();
        for (reader, unpack) in &READERS[..3] {
            let into = tempfile::tempdir().unwrap();
            // An archive of nothing is no archive to them.
            if !entries.is_empty() {
                assert!(unpack(&file, PASSWORD, into.path()).status.success(), "{reader}: {entries:?}");
            }
            for (number, (expected, ..)) in entries.iter().enumerate() {
                let found = fs::read(into.path().join(format!("files/{number}"))).unwrap();
                assert!(&found == expected, "{reader}: {entries:?}");
            }
        }
    }
    println!("{cases} archives in {:?}", began.elapsed());
}
