//! An object store on this machine, and other people's programs that read archives.

use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use archive::{Archive, ArchiveError, Destination, Password};
use aws_credential_types::Credentials;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{BehaviorVersion, Region};
use aws_smithy_http_client::Builder;
use chrono::{DateTime, Utc};
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use tempfile::TempDir;
use tokio::net::TcpListener;

pub(crate) const PASSWORD: &str = "correct horse battery";
const BUCKET: &str = "takeouts";
const KEY: &str = "acme/one.zip";

/// The method and the query of a request, such as `PUT` and `partNumber=2&uploadId=…`.
type Refusal = Arc<dyn Fn(&http::Method, &str) -> bool + Send + Sync>;

/// A bucket in a folder.
pub(crate) struct Bucket {
    folder: TempDir,
    s3: aws_sdk_s3::Client,
    /// Where it is reached.
    #[allow(dead_code, reason = "for another process, as the benches have")]
    pub(crate) endpoint: String,
    /// Methods and queries of the requests so far.
    pub(crate) calls: Arc<Mutex<Vec<String>>>,
}

impl Bucket {
    pub(crate) async fn new() -> Self {
        Self::refusing(|_, _| false).await
    }

    /// Answers the requests that `refusal` picks with an error.
    pub(crate) async fn refusing(
        refusal: impl Fn(&http::Method, &str) -> bool + Send + Sync + 'static,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(BUCKET)).unwrap();
        let calls = Arc::default();
        let endpoint = serve(folder.path(), Arc::new(refusal), Arc::clone(&calls)).await;
        let s3 = client(&endpoint);
        Self { folder, s3, endpoint, calls }
    }

    pub(crate) fn destination(&self) -> Destination {
        destination(self.s3.clone())
    }

    /// The stored object, as a file.
    pub(crate) fn object(&self) -> PathBuf {
        self.folder.path().join(BUCKET).join(KEY)
    }

    /// Whether neither the object nor any part of an upload is there.
    pub(crate) fn is_empty(&self) -> bool {
        let uploads = fs::read_dir(self.folder.path())
            .unwrap()
            .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains("upload"));
        !self.object().exists() && uploads.count() == 0
    }

    /// What lies in the bucket beside the object: saved states.
    pub(crate) fn others(&self) -> usize {
        let folder = self.object();
        let entries = fs::read_dir(folder.parent().unwrap()).into_iter().flatten();
        entries.filter(|entry| entry.as_ref().unwrap().path() != folder).count()
    }

    /// How many uploads have neither been completed nor aborted.
    pub(crate) fn uploads(&self) -> usize {
        let names = fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().starts_with(".upload-")).count()
    }

    /// How often a request was made whose method and query hold `part`.
    pub(crate) fn count(&self, part: &str) -> usize {
        self.calls.lock().unwrap().iter().filter(|call| call.contains(part)).count()
    }
}

/// A client of the store that is reached there.
pub(crate) fn client(endpoint: &str) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("eu-central-1"))
        .credentials_provider(Credentials::from_keys("test", "secret", None))
        .endpoint_url(endpoint)
        .force_path_style(true)
        .retry_config(RetryConfig::disabled())
        .http_client(Builder::new().build_http())
        .build();
    aws_sdk_s3::Client::from_conf(config)
}

pub(crate) fn destination(s3: aws_sdk_s3::Client) -> Destination {
    Destination { s3, bucket: BUCKET.into(), key: KEY.into() }
}

async fn serve(folder: &Path, refusal: Refusal, calls: Arc<Mutex<Vec<String>>>) -> String {
    let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(folder).unwrap());
    builder.set_auth(SimpleAuth::from_single("test", "secret"));
    let s3 = builder.build();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (s3, refusal, calls) = (s3.clone(), Arc::clone(&refusal), Arc::clone(&calls));
            let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                let query = request.uri().query().unwrap_or_default();
                calls.lock().unwrap().push(format!("{} {query}", request.method()));
                let refused = refusal(request.method(), query);
                let answer = Service::call(&s3, request);
                async move {
                    if refused {
                        let error = http::Response::builder().status(500);
                        return Ok::<_, Infallible>(error.body(s3s::Body::empty()).unwrap());
                    }
                    Ok(answer.await.unwrap())
                }
            });
            tokio::spawn(async move {
                let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                let _ = server.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    address
}

pub(crate) fn password() -> Password {
    Password::new(PASSWORD.into())
}

pub(crate) fn now() -> DateTime<Utc> {
    "2026-05-01T12:00:00Z".parse().unwrap()
}

/// Unpacks an archive with a password into a folder.
type Reader = fn(&Path, &str, &Path) -> Output;

/// Programs that must open our archives.
pub(crate) const READERS: [(&str, Reader); 5] = [
    ("7z", seven_zip),
    ("bsdtar", bsdtar),
    ("bsdtar, from a pipe", bsdtar_from_a_pipe),
    ("pyzipper", pyzipper),
    ("ziptool", ziptool),
];

/// Unpacks with 7-Zip. A wrong password must fail, not ask.
pub(crate) fn seven_zip(archive: &Path, password: &str, into: &Path) -> Output {
    run(Command::new("7z")
        .args(["x", "-y", "-bd"])
        .arg(format!("-p{password}"))
        .arg(format!("-o{}", into.display()))
        .arg(archive))
}

/// Unpacks with libarchive.
fn bsdtar(archive: &Path, password: &str, into: &Path) -> Output {
    fs::create_dir_all(into).unwrap();
    run(Command::new("bsdtar").arg("-xf").arg(archive).arg("-C").arg(into).args(["--passphrase", password]))
}

/// Unpacks with libarchive, which cannot look at the directory first.
fn bsdtar_from_a_pipe(archive: &Path, password: &str, into: &Path) -> Output {
    fs::create_dir_all(into).unwrap();
    let mut cat = Command::new("cat").arg(archive).stdout(Stdio::piped()).spawn().unwrap();
    let output = run(Command::new("bsdtar")
        .arg("-xf-")
        .arg("-C")
        .arg(into)
        .args(["--passphrase", password])
        .stdin(cat.stdout.take().unwrap()));
    cat.wait().unwrap();
    output
}

/// Unpacks with Python.
fn pyzipper(archive: &Path, password: &str, into: &Path) -> Output {
    const UNPACK: &str = "import sys, pyzipper
with pyzipper.AESZipFile(sys.argv[1]) as z:
    z.extractall(sys.argv[3], pwd=sys.argv[2].encode())";
    fs::create_dir_all(into).unwrap();
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/python/bin/python");
    let has_it = |python: &&str| {
        let tried = Command::new(python).args(["-c", "import pyzipper"]).output();
        tried.is_ok_and(|output| output.status.success())
    };
    let python = [own, "python3"].into_iter().find(has_it).expect("pyzipper is needed for this test");
    run(Command::new(python).args(["-c", UNPACK]).arg(archive).arg(password).arg(into))
}

/// Unpacks with libzip, entry by entry. Version 1.7 compares the checksum that AE-2 does not have, once it has
/// written all that it read, whoever made the archive; so what it wrote is what counts.
fn ziptool(archive: &Path, password: &str, into: &Path) -> Output {
    let cat = |number: usize| {
        run(Command::new("ziptool").arg(archive).args(["set_password", password, "cat", &number.to_string()]))
    };
    let entries = directory(archive);
    for (number, entry) in entries.iter().enumerate() {
        let output = cat(number);
        let is_about_checksum = String::from_utf8_lossy(&output.stderr).contains("CRC error");
        if !output.status.success() && !is_about_checksum {
            return output;
        }
        let file = into.join(&entry.name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, output.stdout).unwrap();
    }
    run(Command::new("ziptool").arg(archive).args(["get_num_entries", "0"]))
}

pub(crate) fn run(command: &mut Command) -> Output {
    let program = command.get_program().to_owned();
    command.output().unwrap_or_else(|error| panic!("{program:?} is needed for this test: {error}"))
}

/// What the central directory says about an entry.
pub(crate) struct Listed {
    pub(crate) name: String,
    pub(crate) method: u16,
    pub(crate) flags: u16,
    pub(crate) crc: u32,
    pub(crate) extra: Vec<u8>,
}

impl Listed {
    /// The contents of the extra field with this id.
    pub(crate) fn extra(&self, id: u16) -> Option<&[u8]> {
        let mut rest = self.extra.as_slice();
        while rest.len() >= 4 {
            let (head, tail) = rest.split_at(4);
            let (body, next) = tail.split_at(u16_at(head, 2).into());
            if u16_at(head, 0) == id {
                return Some(body);
            }
            rest = next;
        }
        None
    }
}

/// Reads the central directory of a small archive.
pub(crate) fn directory(archive: &Path) -> Vec<Listed> {
    let bytes = fs::read(archive).unwrap();
    let end = bytes.windows(4).rposition(|four| four == b"PK\x05\x06").unwrap();
    let mut at = usize::try_from(u32_at(&bytes, end + 16)).unwrap();
    let mut entries = Vec::new();
    while bytes[at..].starts_with(b"PK\x01\x02") {
        let lengths = [28, 30, 32].map(|field| usize::from(u16_at(&bytes, at + field)));
        let name = at + 46;
        let extra = name + lengths[0];
        entries.push(Listed {
            name: String::from_utf8(bytes[name..extra].to_vec()).unwrap(),
            method: u16_at(&bytes, at + 10),
            flags: u16_at(&bytes, at + 8),
            crc: u32_at(&bytes, at + 16),
            extra: bytes[extra..extra + lengths[1]].to_vec(),
        });
        at = name + lengths.iter().sum::<usize>();
    }
    entries
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap())
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// Adds a file of so many MiB, which is stored as it is because it says to be a JPEG.
pub(crate) async fn picture(archive: &mut Archive, mib: usize) -> Result<(), ArchiveError> {
    let mut chunk = vec![0; 1 << 20];
    chunk[..3].copy_from_slice(b"\xFF\xD8\xFF");
    archive.begin_file("crm:files", "Alice.jpg", (mib as u64) << 20)?;
    for _ in 0..mib {
        archive.file_chunk(&chunk).await?;
    }
    archive.end_file().await
}
