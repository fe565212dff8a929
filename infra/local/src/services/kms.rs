//! KMS: the three operations by which data keys are made, sealed and opened.
//!
//! One 32-byte master key stands behind every key id; the id is authenticated, so that what one key sealed no
//! other opens. The master key is written once, readable by its owner only, because sealed data must open again
//! after a restart.
//!
//! Any key id, alias or ARN names a key that exists; `alias/x`, `key/x` and `x` are the same one.

mod seal;

use std::{collections::BTreeMap, io, path::Path, sync::Arc};

use aws_lc_rs::rand;
use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde::{Deserialize, Serialize};

use self::seal::{MasterKey, Sealed};
use super::{ACCOUNT, REGION, StartError, folder::Folder};

/// Facts the caller binds to a ciphertext; without them it does not open.
type Context = BTreeMap<String, String>;

/// The service: a master key, and a table of operations.
#[derive(Clone)]
pub(super) struct Kms {
    master: Arc<MasterKey>,
}

impl Kms {
    /// Reads the master key from the folder, or makes one.
    pub(super) fn open(folder: Option<&Folder>) -> Result<Self, StartError> {
        let bytes = match folder {
            Some(folder) => kept(&folder.path().join("master.key"))?,
            None => fresh()?,
        };
        Ok(Self { master: Arc::new(MasterKey::new(&bytes)) })
    }

    /// The HTTP face, awsJson1.1.
    pub(super) fn router(self) -> Router {
        Router::new().fallback(answer).with_state(self)
    }

    fn encrypt(&self, ask: Encrypt) -> Result<EncryptReply, Refusal> {
        let name = key_name(&ask.key_id);
        let plaintext = decode(&ask.plaintext)?;
        if plaintext.is_empty() || plaintext.len() > 4096 {
            return Err(Refusal::Validation("the plaintext must have 1 to 4096 bytes".into()));
        }
        Ok(EncryptReply {
            key_id: arn(name),
            ciphertext_blob: self.seal(name, &ask.encryption_context, &plaintext)?,
            encryption_algorithm: "SYMMETRIC_DEFAULT",
        })
    }

    fn decrypt(&self, ask: Decrypt) -> Result<DecryptReply, Refusal> {
        let sealed = Sealed::parse(&decode(&ask.ciphertext_blob)?).ok_or(Refusal::InvalidCiphertext)?;
        if ask.key_id.is_some_and(|asked| key_name(&asked) != sealed.key_name) {
            return Err(Refusal::IncorrectKey);
        }
        let key_id = arn(&sealed.key_name);
        let plaintext =
            self.master.open(sealed, &ask.encryption_context).ok_or(Refusal::InvalidCiphertext)?;
        Ok(DecryptReply {
            key_id,
            plaintext: BASE64.encode(plaintext),
            encryption_algorithm: "SYMMETRIC_DEFAULT",
        })
    }

    fn generate(&self, ask: Generate) -> Result<GenerateReply, Refusal> {
        let length = match (ask.key_spec.as_deref(), ask.number_of_bytes) {
            (Some("AES_256"), None) => 32,
            (Some("AES_128"), None) => 16,
            (None, Some(length @ 1..=1024)) => length,
            _ => {
                return Err(Refusal::Validation(
                    "either KeySpec (AES_256, AES_128) or NumberOfBytes (1 to 1024) is needed".into(),
                ));
            }
        };
        let mut key = vec![0; length];
        rand::fill(&mut key).map_err(|_| Refusal::Internal)?;
        let name = key_name(&ask.key_id);
        Ok(GenerateReply {
            key_id: arn(name),
            ciphertext_blob: self.seal(name, &ask.encryption_context, &key)?,
            plaintext: BASE64.encode(key),
        })
    }

    fn seal(&self, name: &str, context: &Context, plaintext: &[u8]) -> Result<String, Refusal> {
        if name.is_empty() || name.len() > 255 {
            return Err(Refusal::Validation("the key id must have 1 to 255 characters".into()));
        }
        self.master.seal(name, context, plaintext).map(|blob| BASE64.encode(blob)).ok_or(Refusal::Internal)
    }
}

/// The name behind a key id, an alias, or the ARN of either.
fn key_name(id: &str) -> &str {
    // Neither names nor prefixes hold a colon, so what follows the last one is the resource of an ARN.
    let resource = id.rsplit(':').next().unwrap_or(id);
    resource.strip_prefix("key/").or_else(|| resource.strip_prefix("alias/")).unwrap_or(resource)
}

fn arn(name: &str) -> String {
    format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/{name}")
}

fn decode(base64: &str) -> Result<Vec<u8>, Refusal> {
    BASE64.decode(base64).map_err(|_| Refusal::Serialization("a blob is not Base64".into()))
}

/// The master key kept in a file, made now if there is none.
fn kept(path: &Path) -> Result<[u8; 32], StartError> {
    let failed = |source| StartError::Folder { folder: path.to_owned(), source };
    match std::fs::read(path) {
        Ok(bytes) => bytes.try_into().map_err(|_| StartError::Damaged {
            file: path.to_owned(),
            reason: "a master key has 32 bytes".into(),
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let bytes = fresh()?;
            // Written aside first: a crash must not leave half a key, which nothing could ever mend.
            let draft = path.with_extension("key.new");
            write_private(&draft, &bytes).and_then(|()| std::fs::rename(&draft, path)).map_err(failed)?;
            Ok(bytes)
        }
        Err(error) => Err(failed(error)),
    }
}

fn fresh() -> Result<[u8; 32], StartError> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).map_err(|_| StartError::Random)?;
    Ok(bytes)
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = std::fs::File::options();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    io::Write::write_all(&mut file, bytes)?;
    file.sync_all()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Encrypt {
    key_id: String,
    plaintext: String,
    #[serde(default)]
    encryption_context: Context,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct EncryptReply {
    key_id: String,
    ciphertext_blob: String,
    encryption_algorithm: &'static str,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Decrypt {
    key_id: Option<String>,
    ciphertext_blob: String,
    #[serde(default)]
    encryption_context: Context,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DecryptReply {
    key_id: String,
    plaintext: String,
    encryption_algorithm: &'static str,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Generate {
    key_id: String,
    key_spec: Option<String>,
    number_of_bytes: Option<usize>,
    #[serde(default)]
    encryption_context: Context,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GenerateReply {
    key_id: String,
    ciphertext_blob: String,
    plaintext: String,
}

/// Why a call is refused, by the names the SDK knows.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    /// As on AWS it does not say what is wrong: key, context or bytes.
    #[error("the ciphertext does not open")]
    InvalidCiphertext,
    #[error("another key sealed this ciphertext")]
    IncorrectKey,
    #[error("{0}")]
    Validation(String),
    #[error("{0}")]
    Serialization(String),
    #[error("the operation is not offered here")]
    UnknownOperation,
    #[error("the cryptographic library failed")]
    Internal,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, name) = match self {
            Self::InvalidCiphertext => (StatusCode::BAD_REQUEST, "InvalidCiphertextException"),
            Self::IncorrectKey => (StatusCode::BAD_REQUEST, "IncorrectKeyException"),
            Self::Validation(_) => (StatusCode::BAD_REQUEST, "ValidationException"),
            Self::Serialization(_) => (StatusCode::BAD_REQUEST, "SerializationException"),
            Self::UnknownOperation => (StatusCode::BAD_REQUEST, "UnknownOperationException"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "KMSInternalException"),
        };
        let body = serde_json::json!({ "__type": name, "message": self.to_string() });
        (status, Json(body)).into_response()
    }
}

async fn answer(State(kms): State<Kms>, headers: HeaderMap, body: Bytes) -> Result<Response, Refusal> {
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    match target.strip_prefix("TrentService.") {
        Some("Encrypt") => call(&body, |ask| kms.encrypt(ask)),
        Some("Decrypt") => call(&body, |ask| kms.decrypt(ask)),
        Some("GenerateDataKey") => call(&body, |ask| kms.generate(ask)),
        _ => Err(Refusal::UnknownOperation),
    }
}

fn call<A: for<'a> Deserialize<'a>, R: Serialize>(
    body: &[u8],
    operation: impl FnOnce(A) -> Result<R, Refusal>,
) -> Result<Response, Refusal> {
    let ask = serde_json::from_slice(body).map_err(|error| Refusal::Serialization(error.to_string()))?;
    operation(ask).map(|reply| Json(reply).into_response())
}

#[cfg(test)]
mod tests {
    use aws_sdk_kms::{
        error::SdkError, operation::decrypt::DecryptError, primitives::Blob, types::DataKeySpec,
    };

    use crate::services::testing::World;

    async fn data_key(client: &aws_sdk_kms::Client, person: &str) -> (Blob, Blob) {
        let reply = client
            .generate_data_key()
            .key_id("alias/lethe")
            .key_spec(DataKeySpec::Aes256)
            .encryption_context("person", person)
            .send()
            .await
            .unwrap();
        (reply.plaintext.unwrap(), reply.ciphertext_blob.unwrap())
    }

    fn refusal<R: std::fmt::Debug>(outcome: Result<R, SdkError<DecryptError>>) -> DecryptError {
        outcome.unwrap_err().into_service_error()
    }

    #[tokio::test]
    async fn a_data_key_opens_with_its_context_only() {
        let world = World::new().await;
        let kms = world.kms();

        let (plain, sealed) = data_key(&kms, "alice").await;
        let right = kms.decrypt().ciphertext_blob(sealed.clone()).encryption_context("person", "alice");
        let wrong = kms.decrypt().ciphertext_blob(sealed.clone()).encryption_context("person", "bob");
        let bare = kms.decrypt().ciphertext_blob(sealed);

        assert_eq!(plain.as_ref().len(), 32);
        assert_eq!(right.send().await.unwrap().plaintext.unwrap(), plain);
        assert!(refusal(wrong.send().await).is_invalid_ciphertext_exception());
        assert!(refusal(bare.send().await).is_invalid_ciphertext_exception());
    }

    #[tokio::test]
    async fn text_is_sealed_and_opened() {
        let world = World::new().await;
        let kms = world.kms();

        let sealed = kms.encrypt().key_id("key/lethe").plaintext(Blob::new("hello")).send().await.unwrap();
        let blob = sealed.ciphertext_blob.unwrap();
        let opened = kms.decrypt().key_id("lethe").ciphertext_blob(blob.clone()).send().await.unwrap();
        let other = kms.decrypt().key_id("alias/other").ciphertext_blob(blob).send().await;

        assert_eq!(opened.plaintext.unwrap().as_ref(), b"hello");
        assert_eq!(opened.key_id, sealed.key_id);
        assert!(refusal(other).is_incorrect_key_exception());
    }

    #[tokio::test]
    async fn garbage_is_refused() {
        let world = World::new().await;

        let garbage = world.kms().decrypt().ciphertext_blob(Blob::new([7; 60])).send().await;

        assert!(refusal(garbage).is_invalid_ciphertext_exception());
    }

    #[tokio::test]
    async fn a_data_key_opens_after_a_restart() {
        let world = World::kept().await;
        let (plain, sealed) = data_key(&world.kms(), "alice").await;

        let world = world.restart().await;
        let opened = world
            .kms()
            .decrypt()
            .ciphertext_blob(sealed)
            .encryption_context("person", "alice")
            .send()
            .await
            .unwrap();

        assert_eq!(opened.plaintext.unwrap(), plain);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn only_its_owner_reads_the_master_key() {
        use std::os::unix::fs::PermissionsExt;
        let world = World::kept().await;

        let file = std::fs::metadata(world.folder().join("master.key")).unwrap();

        assert_eq!(file.permissions().mode() & 0o777, 0o600);
        assert_eq!(file.len(), 32);
    }
}
