use std::time::{Duration, SystemTime};

use aws_sdk_s3::{
    Client,
    error::ProvideErrorMetadata as _,
    presigning::PresigningConfig,
    primitives::ByteStream,
    types::{
        CompletedMultipartUpload, CompletedPart, Delete, ObjectIdentifier, ServerSideEncryption, Tag, Tagging,
    },
};

use futures_util::future::join_all;

use crate::services::testing::World;

const BUCKET: &str = "takeouts";

async fn bucket(world: &World) -> Client {
    let s3 = world.s3();
    s3.create_bucket().bucket(BUCKET).send().await.unwrap();
    s3
}

async fn put(s3: &Client, key: &str, body: &'static str) {
    s3.put_object()
        .bucket(BUCKET)
        .key(key)
        .body(ByteStream::from_static(body.as_bytes()))
        .send()
        .await
        .unwrap();
}

async fn get(s3: &Client, key: &str) -> String {
    let object = s3.get_object().bucket(BUCKET).key(key).send().await.unwrap();
    String::from_utf8(object.body.collect().await.unwrap().to_vec()).unwrap()
}

async fn exists(s3: &Client, key: &str) -> bool {
    s3.head_object().bucket(BUCKET).key(key).send().await.is_ok()
}

async fn tags(s3: &Client, key: &str) -> Vec<(String, String)> {
    let tags = s3.get_object_tagging().bucket(BUCKET).key(key).send().await.unwrap().tag_set;
    tags.into_iter().map(|tag| (tag.key, tag.value)).collect()
}

fn pair(key: &str, value: &str) -> (String, String) {
    (key.into(), value.into())
}

async fn presigned(s3: &Client, key: &str, start: SystemTime) -> String {
    let config = PresigningConfig::builder().start_time(start).expires_in(Duration::from_secs(300));
    let request = s3
        .get_object()
        .bucket(BUCKET)
        .key(key)
        .response_content_disposition("attachment; filename=\"mine.zip\"")
        .presigned(config.build().unwrap())
        .await
        .unwrap();
    request.uri().to_owned()
}

#[tokio::test]
async fn of_many_that_write_where_nothing_lies_one_does() {
    let world = World::new().await;
    let s3 = bucket(&world).await;
    let all = (0..16).map(|writer: u32| {
        let body = ByteStream::from(writer.to_string().repeat(10_000).into_bytes());
        let put = s3.put_object().bucket(BUCKET).key("one").if_none_match("*").body(body).send();
        async move { (writer, put.await) }
    });
    let mut wrote = Vec::new();
    for (writer, put) in join_all(all).await {
        match put {
            Ok(_) => wrote.push(writer),
            Err(error) => assert_eq!(error.code(), Some("PreconditionFailed")),
        }
    }
    let [writer] = wrote[..] else { panic!("{wrote:?}") };
    assert_eq!(get(&s3, "one").await, writer.to_string().repeat(10_000));
}

#[tokio::test]
async fn an_object_is_read_back_and_survives_a_restart() {
    let world = World::kept().await;
    let s3 = bucket(&world).await;

    put(&s3, "a/b.txt", "hello").await;
    let world = world.restart().await;
    let s3 = world.s3();

    assert_eq!(get(&s3, "a/b.txt").await, "hello");
    assert!(!exists(&s3, "a").await, "a folder is no object");
}

#[tokio::test]
async fn nothing_is_written_to_a_bucket_that_is_not_there() {
    let world = World::new().await;

    let writing = world.s3().put_object().bucket("nowhere").key("a").body(ByteStream::from_static(b"a"));

    let error = writing.send().await.unwrap_err().into_service_error();
    assert_eq!(error.meta().code(), Some("NoSuchBucket"));
}

#[tokio::test]
async fn a_multipart_upload_becomes_an_object_with_its_tags() {
    let world = World::new().await;
    let s3 = bucket(&world).await;
    put(&s3, "big", "former").await;
    let parts = [vec![b'a'; 5 << 20], vec![b'b'; 3]];

    let upload = s3
        .create_multipart_upload()
        .bucket(BUCKET)
        .key("big")
        .tagging("org=acme")
        .server_side_encryption(ServerSideEncryption::AwsKms)
        .ssekms_key_id("alias/lethe")
        .send()
        .await
        .unwrap();
    let id = upload.upload_id.unwrap();
    let mut completed = CompletedMultipartUpload::builder();
    for (number, part) in (1..).zip(&parts) {
        let part = s3
            .upload_part()
            .bucket(BUCKET)
            .key("big")
            .upload_id(&id)
            .part_number(number)
            .body(part.clone().into())
            .send()
            .await
            .unwrap();
        completed =
            completed.parts(CompletedPart::builder().part_number(number).e_tag(part.e_tag.unwrap()).build());
    }
    let under_way = s3.list_multipart_uploads().bucket(BUCKET).send().await.unwrap().uploads.unwrap();
    let done = s3
        .complete_multipart_upload()
        .bucket(BUCKET)
        .key("big")
        .upload_id(&id)
        .multipart_upload(completed.build())
        .send()
        .await
        .unwrap();

    assert_eq!(under_way[0].upload_id.as_deref(), Some(id.as_str()));
    assert_eq!(done.server_side_encryption, Some(ServerSideEncryption::AwsKms));
    assert_eq!(get(&s3, "big").await.into_bytes(), parts.concat());
    assert_eq!(tags(&s3, "big").await, [pair("org", "acme")]);
    assert!(s3.list_multipart_uploads().bucket(BUCKET).send().await.unwrap().uploads().is_empty());
}

#[tokio::test]
async fn an_aborted_upload_is_gone() {
    let world = World::new().await;
    let s3 = bucket(&world).await;
    let upload = s3.create_multipart_upload().bucket(BUCKET).key("big").send().await.unwrap();
    let id = upload.upload_id.unwrap();
    let abort = || s3.abort_multipart_upload().bucket(BUCKET).key("big").upload_id(&id).send();

    abort().await.unwrap();
    let again = abort().await.unwrap_err().into_service_error();

    assert!(again.is_no_such_upload());
    assert!(s3.list_multipart_uploads().bucket(BUCKET).send().await.unwrap().uploads().is_empty());
}

#[tokio::test]
async fn a_presigned_url_works_as_signed_and_no_longer() {
    let world = World::new().await;
    let s3 = bucket(&world).await;
    put(&s3, "mine", "hello").await;
    put(&s3, "other", "secret").await;
    #[expect(clippy::disallowed_methods, reason = "the server compares with the real time")]
    let now = SystemTime::now();

    let url = presigned(&s3, "mine", now).await;
    let good = reqwest::get(&url).await.unwrap();
    let tampered = reqwest::get(url.replace("/mine?", "/other?")).await.unwrap();
    let late = reqwest::get(presigned(&s3, "mine", now - Duration::from_secs(301)).await).await.unwrap();
    let virtual_time = now + Duration::from_secs(30 * 86_400);
    let early = reqwest::get(presigned(&s3, "mine", virtual_time).await).await.unwrap();
    let unsigned = reqwest::get(format!("{}/{BUCKET}/mine", world.services.endpoints.s3)).await.unwrap();

    assert_eq!(good.headers()["content-disposition"], "attachment; filename=\"mine.zip\"");
    assert_eq!(good.text().await.unwrap(), "hello");
    assert_eq!([tampered.status(), late.status(), unsigned.status()], [403, 403, 403]);
    assert_eq!(early.status(), 200);
}

#[tokio::test]
async fn tags_are_kept_changed_and_removed() {
    let world = World::kept().await;
    let s3 = bucket(&world).await;
    let body = ByteStream::from_static(b"x");
    s3.put_object().bucket(BUCKET).key("t").tagging("org=acme&kind=a%20b").body(body).send().await.unwrap();

    let world = world.restart().await;
    let s3 = world.s3();
    assert_eq!(tags(&s3, "t").await, [pair("org", "acme"), pair("kind", "a b")]);

    let tag = Tag::builder().key("held").value("yes").build().unwrap();
    let tagging = Tagging::builder().tag_set(tag).build().unwrap();
    s3.put_object_tagging().bucket(BUCKET).key("t").tagging(tagging).send().await.unwrap();
    assert_eq!(tags(&s3, "t").await, [pair("held", "yes")]);
    assert_eq!(s3.get_object().bucket(BUCKET).key("t").send().await.unwrap().tag_count, Some(1));

    s3.delete_object_tagging().bucket(BUCKET).key("t").send().await.unwrap();
    assert!(tags(&s3, "t").await.is_empty());
    assert!(s3.get_object_tagging().bucket(BUCKET).key("missing").send().await.is_err());
}

#[tokio::test]
async fn encryption_is_told_as_it_was_asked_for() {
    let world = World::new().await;
    let s3 = bucket(&world).await;
    put(&s3, "plain", "x").await;

    let written = s3
        .put_object()
        .bucket(BUCKET)
        .key("kms")
        .server_side_encryption(ServerSideEncryption::AwsKms)
        .ssekms_key_id("alias/lethe")
        .body(ByteStream::from_static(b"x"))
        .send()
        .await
        .unwrap();
    let plain = s3.head_object().bucket(BUCKET).key("plain").send().await.unwrap();
    let kms = s3.head_object().bucket(BUCKET).key("kms").send().await.unwrap();

    assert_eq!(written.server_side_encryption, Some(ServerSideEncryption::AwsKms));
    assert_eq!(plain.server_side_encryption, Some(ServerSideEncryption::Aes256));
    assert_eq!(kms.server_side_encryption, Some(ServerSideEncryption::AwsKms));
    assert_eq!(kms.ssekms_key_id.as_deref(), Some("alias/lethe"));
}

#[tokio::test]
async fn nothing_of_a_deleted_object_stays_behind() {
    let world = World::kept().await;
    let s3 = bucket(&world).await;
    for key in ["alice/a", "alice/b", "alice/c"] {
        put(&s3, key, "x").await;
    }
    let object = |key: &str| ObjectIdentifier::builder().key(key).version_id("null").build().unwrap();

    let versions = s3.list_object_versions().bucket(BUCKET).prefix("alice/").send().await.unwrap();
    s3.delete_object().bucket(BUCKET).key("alice/a").send().await.unwrap();
    let both = Delete::builder().objects(object("alice/b")).objects(object("alice/c")).build().unwrap();
    let deleted = s3.delete_objects().bucket(BUCKET).delete(both).send().await.unwrap();
    s3.delete_bucket().bucket(BUCKET).send().await.unwrap();

    assert_eq!(versions.versions().len(), 3);
    assert_eq!(deleted.deleted().len(), 2);
    for folder in ["s3/objects", "s3/extras"] {
        assert_eq!(std::fs::read_dir(world.folder().join(folder)).unwrap().count(), 0, "{folder}");
    }
}

#[tokio::test]
async fn a_bucket_with_objects_is_not_deleted() {
    let world = World::new().await;
    let s3 = bucket(&world).await;
    put(&s3, "a/b", "x").await;

    let error = s3.delete_bucket().bucket(BUCKET).send().await.unwrap_err().into_service_error();

    assert_eq!(error.meta().code(), Some("BucketNotEmpty"));
}
