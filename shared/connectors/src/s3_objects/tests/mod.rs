//! Tests against an embedded S3 on files, and against ones that misbehave.

mod versions;

use std::net::SocketAddr;

use hyper_util::rt::{TokioExecutor, TokioIo};
use s3s::service::S3ServiceBuilder;
use s3s::{S3, S3Request, S3Response, S3Result, dto};
use tempfile::TempDir;

use super::*;
use crate::engine::Engine;
use crate::fault::EngineError;
use crate::testing::{Plainly as _, Recorder, Steps, clients, effects, no_clients, numbers, open, person};

const CONNECTIONS: &str =
    "connections:\n  uploads: {kind: s3_objects, bucket: uploads, key: 'users/{external_id}/'}\n";

const MAP: &str = "
dataset:
- fides_key: uploads
  collections:
  - name: files
    fields:
    - {name: person, fides_meta: {identity: external_id}}
    - {name: key}
    - {name: size}
    - {name: last_modified}
    - {name: etag}
    - {name: content}
";

async fn embedded(s3: impl S3) -> Client {
    embedded_at(s3).await.0
}

/// An embedded S3: its client, and where it listens.
pub(crate) async fn embedded_at(s3: impl S3) -> (Client, SocketAddr) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut service = S3ServiceBuilder::new(s3);
    service.set_auth(s3s::auth::SimpleAuth::from_single("local", "secret"));
    let service = service.build();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            // Or every small answer waits 40 ms for the other side's acknowledgement.
            socket.set_nodelay(true).unwrap();
            let service = service.clone();
            tokio::spawn(async move {
                let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                let _ = server.serve_connection(TokioIo::new(socket), service).await;
            });
        }
    });
    (clients("http://127.0.0.1:1", &format!("http://{address}")).s3, address)
}

async fn engine(client: &Client, map: &str) -> Result<Engine, EngineError> {
    engine_at(client, map, CONNECTIONS).await
}

async fn engine_at(client: &Client, map: &str, connections: &str) -> Result<Engine, EngineError> {
    let mut clients = no_clients();
    clients.s3 = client.clone();
    open(map, connections, std::path::Path::new("/"), clients).await
}

async fn keys(client: &Client) -> Vec<String> {
    let mut keys = Vec::new();
    let mut pages = client.list_objects_v2().bucket("uploads").into_paginator().send();
    while let Some(page) = pages.next().await {
        keys.extend(page.unwrap().contents().iter().filter_map(|object| object.key().map(str::to_owned)));
    }
    keys
}

/// Person `4` with ten objects, one of them large, and neighbours with longer and stranger ids.
async fn uploads() -> (TempDir, Client) {
    let dir = tempfile::tempdir().unwrap();
    // The embedded service keeps a bucket as a folder; writing files is faster than uploading.
    let put = |key: &str, body: &[u8]| {
        let path = dir.path().join("uploads").join(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, body).unwrap();
    };
    for i in 0..9 {
        put(&format!("users/4/f{i:04}"), b"aaa");
    }
    put("users/4/large", &vec![b'b'; 8 << 20]);
    for neighbour in [
        "users/42/a",
        "users/40",
        "users/4 /a",
        "users/%/a",
        "users/44/4/a",
        "other/4/a",
        "users/5/users/4/a",
    ] {
        put(neighbour, b"c");
    }
    let client = embedded(s3s_fs::FileSystem::new(dir.path()).unwrap()).await;
    (dir, client)
}

#[tokio::test]
async fn every_object_is_listed_and_streamed() {
    let (_dir, client) = uploads().await;
    let mut sink = Recorder::default();

    let engine = engine(&client, MAP).await.unwrap();
    let counts = engine.read(&person("external_id", "4"), &mut sink).await.unwrap();

    assert_eq!(numbers(&counts), [("files", 10)]);
    assert_eq!((sink.rows.len(), sink.objects.len()), (10, 10));
    assert!(sink.objects.contains(&("f0000".into(), 3)));
    assert!(sink.objects.contains(&("large".into(), 8 << 20)));
    assert!(sink.chunk <= 1 << 20, "{} bytes at once", sink.chunk);
    let (at, row) = &sink.rows[0];
    assert_eq!(
        (at.as_str(), &row["key"], &row["size"]),
        ("uploads:files", &"users/4/f0000".into(), &3.into())
    );
    let fields: Vec<_> = row.as_object().unwrap().keys().map(String::as_str).collect();
    // This service lists no tags of its own.
    assert_eq!(fields, ["key", "last_modified", "person", "size"]);
    assert!(row["last_modified"].as_str().unwrap().ends_with('Z'));
}

#[tokio::test]
async fn identities_that_reach_further_are_refused_with_a_reason() {
    let (_dir, client) = uploads().await;
    let before = keys(&client).await;
    let engine = engine(&client, MAP).await.unwrap();

    for value in ["44/4", "/", "..", "."] {
        let erasure = engine.wipe(&person("external_id", value), &mut Steps::default()).await.unwrap();
        assert!(!erasure.complete());
        let reason = erasure.collections[0].error.as_deref();
        assert_eq!(reason, Some("an identity value that would reach other people's objects"));
    }
    assert!(engine.wipe(&person("external_id", ""), &mut Steps::default()).await.is_err());
    assert_eq!(keys(&client).await, before);
}

#[tokio::test]
async fn what_does_not_fit_the_key_is_refused_at_open() {
    let (_dir, client) = uploads().await;
    let refused =
        async |from: &str, to: &str| engine(&client, &MAP.replace(from, to)).await.unwrap_err().to_string();

    assert_eq!(
        refused("identity: external_id", "identity: email").await,
        "map.yml:5: no field is or identifies what stands in the key `users/{external_id}/`"
    );
    assert_eq!(
        refused("{name: size}", "{name: colour}").await,
        "map.yml:9: objects have no field `colour`; expected one of: key, size, last_modified, etag, content, \
         version_id, is_latest, delete_marker"
    );
    assert_eq!(
        refused("{name: size}", "{name: size, fides_meta: {identity: weight}}").await,
        "map.yml:9: `uploads:files` cannot be found by its `size`"
    );
    let empty = tempfile::tempdir().unwrap();
    let nothing = embedded(s3s_fs::FileSystem::new(empty.path()).unwrap()).await;
    assert_eq!(
        engine(&nothing, MAP).await.unwrap_err().to_string(),
        "connections.yml:2: there is no bucket `uploads`"
    );
}

/// A bucket whose objects are locked and which lists more than it was asked for.
struct Strange;

#[async_trait]
impl S3 for Strange {
    async fn head_bucket(
        &self,
        _: S3Request<dto::HeadBucketInput>,
    ) -> S3Result<S3Response<dto::HeadBucketOutput>> {
        Ok(S3Response::new(dto::HeadBucketOutput::default()))
    }

    async fn list_objects_v2(
        &self,
        _: S3Request<dto::ListObjectsV2Input>,
    ) -> S3Result<S3Response<dto::ListObjectsV2Output>> {
        let object = |key: &str| dto::Object { key: Some(key.into()), ..Default::default() };
        Ok(S3Response::new(dto::ListObjectsV2Output {
            contents: Some(vec![object("users/4/locked"), object("users/42/a")]),
            ..Default::default()
        }))
    }

    async fn delete_objects(
        &self,
        request: S3Request<dto::DeleteObjectsInput>,
    ) -> S3Result<S3Response<dto::DeleteObjectsOutput>> {
        let errors = request
            .input
            .delete
            .objects
            .into_iter()
            .map(|object| {
                assert_eq!(object.key, "users/4/locked");
                dto::Error { key: Some(object.key), code: Some("AccessDenied".into()), ..Default::default() }
            })
            .collect();
        Ok(S3Response::new(dto::DeleteObjectsOutput { errors: Some(errors), ..Default::default() }))
    }
}

#[tokio::test]
async fn errors_inside_a_successful_delete_are_seen() {
    let client = embedded(Strange).await;
    let engine = engine(&client, MAP).await.unwrap();

    let erasure = engine.wipe(&person("external_id", "4"), &mut Steps::default()).await.unwrap();

    assert!(!erasure.complete());
    let reason = erasure.collections[0].error.as_deref();
    assert_eq!(reason, Some("DeleteObjects: 1 failed: AccessDenied"));
}
