//! The archive opens in programs that are not ours, and says what is in it.

use std::fs;
use std::process::Command;

use crate::support::{Bucket, PASSWORD, READERS, directory, now, password, picture, run};
use age::secrecy::ExposeSecret as _;
use archive::{About, Archive, ArchiveError, Csv, Facts, Finished, Opener, is_recipient};
use aws_lc_rs::digest::{SHA256, digest};
use serde_json::Value;

const JPEG: &[u8] = b"\xFF\xD8\xFF\xE0 a picture of Alice";

const CV: &[u8] = b"born 1852 in Westminster, born 1852 in Westminster, born 1852 in Westminster";

/// Two collections, an attachment that is compressed already, one that is not, and an empty one.
async fn small(bucket: &Bucket) -> Finished {
    let mut archive = Archive::create(bucket.destination(), password(), now());
    archive.record("crm:people", r#"{"name":"Alice Liddell","café":"☕"}"#.as_bytes()).await.unwrap();
    archive.record("crm:people", br#"{"name":"A. L."}"#).await.unwrap();
    for (name, bytes) in [("Alice Liddell.jpg", JPEG), ("cv.liddell", CV), ("empty.txt", b"")] {
        archive.begin_file("crm:files", name, bytes.len() as u64).unwrap();
        archive.file_chunk(bytes).await.unwrap();
        archive.end_file().await.unwrap();
    }
    archive.record("shop:orders", br#"{"total":12}"#).await.unwrap();
    let about = About {
        collection: "crm:people".into(),
        description: Some("Who you are".into()),
        ..About::default()
    };
    let facts = Facts { generator: "lethe/0.1".into(), data_map: "7".into(), collections: vec![about] };
    archive.finish(facts, |manifest| format!("<h1>{} records</h1>", manifest.records())).await.unwrap()
}

#[tokio::test]
async fn all_readers_unpack_what_the_manifest_says() {
    let bucket = Bucket::new().await;

    let finished = small(&bucket).await;

    assert_eq!((finished.entries, finished.records), (7, 3));
    for (reader, unpack) in READERS {
        let into = tempfile::tempdir().unwrap();
        let output = unpack(&bucket.object(), PASSWORD, into.path());
        assert!(output.status.success(), "{reader}: {output:?}");

        let read = |name: &str| fs::read(into.path().join(name)).unwrap();
        let manifest: Value = serde_json::from_slice(&read("manifest.json")).unwrap();
        let mut files = 0;
        for collection in manifest["collections"].as_array().unwrap() {
            let listed = ["files", "attachments"].into_iter().filter_map(|kind| collection[kind].as_array());
            for file in listed.flatten() {
                let bytes = read(file["name"].as_str().unwrap());
                assert_eq!(file["bytes"], bytes.len());
                assert_eq!(file["sha256"], hex::encode(digest(&SHA256, &bytes)));
                files += 1;
            }
        }
        assert_eq!(files, 5);
        assert_eq!(manifest["created_at"], "2026-05-01T12:00:00Z");
        assert_eq!(manifest["collections"][0]["description"], "Who you are");
        assert_eq!(manifest["collections"][1]["attachments"][1]["original_name"], "cv.liddell");
        assert_eq!(read("index.html"), b"<h1>3 records</h1>");
        assert_eq!(read("files/02-0001.jpg"), JPEG);
        assert_eq!(read("data/03-0001.ndjson"), b"{\"total\":12}\n");
    }
}

/// The names of the entries and what is in them.
fn unpacked(archive: &std::path::Path, into: &std::path::Path) -> Vec<(String, Vec<u8>)> {
    let names = directory(archive).into_iter().map(|entry| entry.name);
    names.map(|name| (name.clone(), fs::read(into.join(name)).unwrap())).collect()
}

#[tokio::test]
async fn within_age_is_a_zip_that_every_system_reads() {
    let key = age::x25519::Identity::generate();
    let folder = tempfile::tempdir().unwrap();
    let identity = folder.path().join("key");
    fs::write(&identity, key.to_string().expose_secret()).unwrap();
    let bucket = Bucket::new().await;
    let opener = Opener::Recipient(key.to_public().to_string());
    let mut archive = Archive::create_age(bucket.destination(), opener, now());
    archive.record("crm:people", br#"{"name":"Alice Liddell"}"#).await.unwrap();
    archive.begin_file("crm:files", "cv.txt", CV.len() as u64).unwrap();
    archive.file_chunk(CV).await.unwrap();
    archive.end_file().await.unwrap();
    // Too long to be held, so that its checksum follows it.
    picture(&mut archive, 20).await.unwrap();
    assert!(matches!(archive.checkpoint(Vec::new()).await, Err(ArchiveError::NoCheckpoint)));
    let finished = archive.finish(Facts::default(), |_| "index".into()).await.unwrap();

    assert_eq!(finished.size, fs::metadata(bucket.object()).unwrap().len());
    let zip = folder.path().join("takeout.zip");
    let opened =
        run(Command::new("age").args(["-d", "-i"]).arg(&identity).arg("-o").arg(&zip).arg(bucket.object()));
    assert!(opened.status.success(), "{opened:?}");
    let readers: [(&str, &[&str]); 4] = [
        ("7z", &["x", "-y", "../takeout.zip"]),
        ("bsdtar", &["-xf", "../takeout.zip"]),
        ("python3", &["-m", "zipfile", "-e", "../takeout.zip", "."]),
        ("sh", &["-c", "cat ../takeout.zip | bsdtar -xf -"]),
    ];
    for (reader, arguments) in readers {
        let into = folder.path().join("out");
        fs::create_dir(&into).unwrap();
        let output = run(Command::new(reader).args(arguments).current_dir(&into));
        assert!(output.status.success(), "{reader}: {output:?}");
        let found = unpacked(&zip, &into);
        let names: Vec<_> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names[..3], ["data/01-0001.ndjson", "files/02-0001.txt", "files/02-0002.jpg"], "{reader}");
        assert_eq!(found[0].1, b"{\"name\":\"Alice Liddell\"}\n", "{reader}");
        assert_eq!((found[1].1.as_slice(), found[2].1.len()), (CV, 20 << 20), "{reader}");
        fs::remove_dir_all(&into).unwrap();
    }
}

#[tokio::test]
async fn an_age_file_opens_with_its_password_alone() {
    let bucket = Bucket::new().await;
    let archive = Archive::create_age(bucket.destination(), Opener::Password(password()), now());
    archive.finish(Facts::default(), |_| "index".into()).await.unwrap();
    let sealed = fs::read(bucket.object()).unwrap();

    let open = |password: &str| {
        let mut identity = age::scrypt::Identity::new(password.to_owned().into());
        // A debug build is slow, and takes itself for the measure of what is too much.
        identity.set_max_work_factor(20);
        age::decrypt(&identity, &sealed)
    };

    assert!(open(PASSWORD).unwrap().starts_with(b"PK\x03\x04"));
    assert!(open("correct horse batteries").is_err());
    assert!(!is_recipient("age1nonsense") && !is_recipient(""));
}

#[tokio::test]
async fn a_thousand_attachments_with_names_of_any_script() {
    let bucket = Bucket::new().await;
    let mut archive = Archive::create(bucket.destination(), password(), now());
    let name = |number: usize| format!("{} {number}.txt", ["Übung", "写真", "фото", "צילום"][number % 4]);
    for number in 0..1_000 {
        let text = name(number).repeat(number % 7);
        archive.begin_file("crm:files", &name(number), text.len() as u64).unwrap();
        archive.file_chunk(text.as_bytes()).await.unwrap();
        archive.end_file().await.unwrap();
    }
    let mut told = None;
    let finished = archive.finish(Facts::default(), |manifest| {
        told = Some(manifest.clone());
        String::new()
    });
    assert_eq!(finished.await.unwrap().entries, 1_002);

    let files = told.unwrap().collections.remove(0).attachments;
    assert_eq!(files[999].original_name, name(999));
    for (reader, unpack) in READERS.into_iter().filter(|(reader, _)| *reader != "ziptool") {
        let into = tempfile::tempdir().unwrap();
        assert!(unpack(&bucket.object(), PASSWORD, into.path()).status.success(), "{reader}");
        for (number, file) in files.iter().enumerate() {
            let text = fs::read_to_string(into.path().join(&file.name)).unwrap();
            assert_eq!(text, name(number).repeat(number % 7), "{reader}");
        }
    }
}

#[tokio::test]
async fn records_are_there_as_tables_if_that_is_asked_for() {
    let bucket = Bucket::new().await;
    let mut archive = Archive::create(bucket.destination(), password(), now());
    for number in 0..3 {
        let (json, line) = (format!("{{\"n\":{number}}}"), format!("{number}\r\n"));
        let csv = Csv { header: b"n\r\n", line: line.as_bytes() };
        archive.record_with_csv("crm:people", json.as_bytes(), csv).await.unwrap();
    }
    let schema = About {
        collection: "crm:people".into(),
        schema: Some(b"{\"type\":\"object\"}".to_vec()),
        ..About::default()
    };
    let facts = Facts { collections: vec![schema], ..Facts::default() };
    let mut told = None;
    archive
        .finish(facts, |manifest| {
            told = Some(manifest.clone());
            String::new()
        })
        .await
        .unwrap();

    let into = tempfile::tempdir().unwrap();
    let (_, unpack) = READERS[0];
    assert!(unpack(&bucket.object(), PASSWORD, into.path()).status.success());
    let read = |name: &str| fs::read(into.path().join(name)).unwrap();
    assert_eq!(read("data/01-0001.csv"), b"n\r\n0\r\n1\r\n2\r\n");
    let collection = told.unwrap().collections.remove(0);
    assert_eq!(collection.csv[0].sha256, hex::encode(digest(&SHA256, &read("data/01-0001.csv"))));
    let schema = collection.schema.unwrap();
    assert_eq!(schema.sha256, hex::encode(digest(&SHA256, &read(&schema.name))));
}

#[tokio::test]
async fn a_wrong_password_opens_nothing() {
    let bucket = Bucket::new().await;
    small(&bucket).await;

    for (reader, unpack) in READERS {
        let into = tempfile::tempdir().unwrap();
        let output = unpack(&bucket.object(), "correct horse batteries", into.path());
        assert!(!output.status.success(), "{reader}");
        // Some leave files of the right length, but there is nothing in them.
        let manifest = fs::read(into.path().join("manifest.json")).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&manifest).contains("schema_version"), "{reader}");
    }
}

#[tokio::test]
async fn every_entry_is_ae2_with_aes_256() {
    let bucket = Bucket::new().await;
    small(&bucket).await;

    let entries = directory(&bucket.object());

    assert_eq!(entries.len(), 7);
    for entry in &entries {
        assert_eq!(entry.method, 99, "{}", entry.name);
        assert_eq!(entry.flags & 1, 1, "{}", entry.name);
        assert_eq!(entry.crc, 0, "{}: a checksum of the plain text would tell about it", entry.name);
        let aes = entry.extra(0x9901).unwrap();
        assert_eq!(aes[..5], [2, 0, b'A', b'E', 3], "{}", entry.name);
        let stored = u16::from_le_bytes([aes[5], aes[6]]) == 0;
        // The others are so short that it depends.
        match entry.name.as_str() {
            "files/02-0001.jpg" => assert!(stored),
            "files/02-0002.bin" | "manifest.json" => assert!(!stored),
            _ => {}
        }
    }
}

#[tokio::test]
async fn names_tell_nothing_about_the_person() {
    let bucket = Bucket::new().await;
    small(&bucket).await;

    let names: Vec<_> = directory(&bucket.object()).into_iter().map(|entry| entry.name).collect();

    assert_eq!(
        names,
        [
            "data/01-0001.ndjson",
            "files/02-0001.jpg",
            "files/02-0002.bin",
            "files/02-0003.txt",
            "data/03-0001.ndjson",
            "manifest.json",
            "index.html"
        ]
    );
    let bytes = fs::read(bucket.object()).unwrap();
    assert!(!bytes.windows(5).any(|five| five.eq_ignore_ascii_case(b"alice")));
}

#[tokio::test]
async fn a_person_without_data_gets_a_manifest_and_an_index() {
    let bucket = Bucket::new().await;
    let searched = About { collection: "crm:people".into(), ..About::default() };
    let facts = Facts { collections: vec![searched], ..Facts::default() };

    let archive = Archive::create(bucket.destination(), password(), now());
    let finished = archive.finish(facts, |manifest| manifest.collections.len().to_string()).await.unwrap();

    let into = tempfile::tempdir().unwrap();
    let (_, unpack) = READERS[0];
    assert!(unpack(&bucket.object(), PASSWORD, into.path()).status.success());
    assert_eq!((finished.entries, finished.records), (2, 0));
    assert_eq!(fs::read(into.path().join("index.html")).unwrap(), b"1");
}

#[tokio::test]
async fn size_and_digest_are_those_of_the_object() {
    let bucket = Bucket::new().await;

    let finished = small(&bucket).await;

    let bytes = fs::read(bucket.object()).unwrap();
    assert_eq!(finished.size, bytes.len() as u64);
    assert_eq!(finished.sha256, digest(&SHA256, &bytes).as_ref());
    assert_eq!(bucket.count("PUT"), 1, "one part needs one request");
}

#[tokio::test]
async fn a_large_archive_goes_up_in_parts() {
    let bucket = Bucket::new().await;
    let mut archive = Archive::create(bucket.destination(), password(), now());
    archive.record("shop:events", b"{}").await.unwrap();
    picture(&mut archive, 20).await.unwrap();

    let finished = archive.finish(Facts::default(), |_| String::new()).await.unwrap();

    let bytes = fs::read(bucket.object()).unwrap();
    assert_eq!(finished.size, bytes.len() as u64);
    assert_eq!(finished.sha256, digest(&SHA256, &bytes).as_ref());
    assert_eq!(bucket.count("partNumber"), 3);
    for (reader, unpack) in READERS {
        let into = tempfile::tempdir().unwrap();
        assert!(unpack(&bucket.object(), PASSWORD, into.path()).status.success(), "{reader}");
        assert_eq!(fs::metadata(into.path().join("files/02-0001.jpg")).unwrap().len(), 20 << 20);
    }
}
