//! Lambda's side of a function, and the services that it calls: as little of each as a function needs to answer
//! the same call any number of times.
//!
//! The services speak TLS with a chain of three RSA-2048 certificates, as those of AWS do. Their answers are
//! canned, so that what a call costs is the function's alone and the same each time.

use std::convert::Infallible;
use std::future::pending;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_RSA_SHA256, RsaKeySize,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

use crate::Failure;

/// How Lambda answers and asks: an event for each of so many calls, then nothing more.
pub struct RuntimeApi {
    event: Vec<u8>,
    calls: u32,
    given: AtomicU32,
    refused: AtomicU32,
    /// Told when the function asks for an event that there is none of: all that it was to do is done.
    pub idle: Notify,
}

impl RuntimeApi {
    /// Gives `event` to so many calls. The address is what `AWS_LAMBDA_RUNTIME_API` is to say.
    ///
    /// # Errors
    /// If no port can be had.
    pub async fn start(event: &Value, calls: u32) -> Result<(Arc<Self>, SocketAddr), Failure> {
        let api = Arc::new(Self {
            event: serde_json::to_vec(event)?,
            calls,
            given: AtomicU32::new(0),
            refused: AtomicU32::new(0),
            idle: Notify::new(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let serving = Arc::clone(&api);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let api = Arc::clone(&serving);
                tokio::spawn(async move {
                    let service = service_fn(move |request| {
                        let api = Arc::clone(&api);
                        async move { Ok::<_, Infallible>(api.answer(request).await) }
                    });
                    // A function that is ended breaks off.
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Ok((api, address))
    }

    /// How many answers were no success.
    pub fn refused(&self) -> u32 {
        self.refused.load(Ordering::SeqCst)
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        if request.method() == Method::GET {
            let number = self.given.fetch_add(1, Ordering::SeqCst);
            if number >= self.calls {
                self.idle.notify_one();
                pending::<()>().await;
            }
            let response = Response::builder()
                .header("lambda-runtime-aws-request-id", format!("8476a536-e9f4-11e8-9739-{number:012}"))
                .header("lambda-runtime-deadline-ms", "4102444800000")
                .header(
                    "lambda-runtime-invoked-function-arn",
                    "arn:aws:lambda:eu-central-1:123456789012:function:lethe",
                )
                .header("lambda-runtime-trace-id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0");
            return response.body(self.event.clone().into()).unwrap_or_default();
        }
        let ended_well = request.uri().path().ends_with("/response");
        let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
        let status = answer["statusCode"].as_u64().unwrap_or_default();
        let is_refused = !ended_well || !(200..300).contains(&status);
        if is_refused && self.refused.fetch_add(1, Ordering::SeqCst) == 0 {
            eprintln!("the function refused: {}", String::from_utf8_lossy(&body));
        }
        Response::new(Full::default())
    }
}

/// Services behind TLS, each at an address of its own.
pub struct Services {
    /// For `AWS_ENDPOINT_URL_DYNAMODB`.
    pub dynamodb: String,
    /// For `AWS_ENDPOINT_URL_KMS`.
    pub kms: String,
    /// For `AWS_CA_BUNDLE`.
    pub bundle: PathBuf,
}

impl Services {
    /// Starts them. Their root is written to `folder`, after `roots`, which makes the cost of trusting those
    /// a part of the figures.
    ///
    /// # Errors
    /// If certificates cannot be made, or no port can be had.
    pub async fn start(folder: &Path, roots: &str) -> Result<Self, Failure> {
        let (root, config) = chain()?;
        let bundle = folder.join("roots.pem");
        std::fs::write(&bundle, format!("{roots}{root}"))?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Ok(Self { dynamodb: serve(acceptor.clone()).await?, kms: serve(acceptor).await?, bundle })
    }
}

/// A root, an intermediate and a leaf for `localhost`, all RSA-2048: the root as PEM, and how to serve the rest.
fn chain() -> Result<(String, ServerConfig), Failure> {
    let authority = |name: &str| {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params
    };
    let pair = || KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048);
    let root = CertifiedIssuer::self_signed(authority("Root"), pair()?)?;
    let middle = CertifiedIssuer::signed_by(authority("Intermediate"), pair()?, &root)?;
    let key = pair()?;
    let leaf = CertificateParams::new(vec!["localhost".to_owned()])?.signed_by(&key, &middle)?;
    let mut config = ServerConfig::builder().with_no_client_auth().with_single_cert(
        vec![leaf.der().clone(), middle.der().clone()],
        PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
    )?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((root.pem(), config))
}

async fn serve(acceptor: TlsAcceptor) -> Result<String, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("https://localhost:{}", listener.local_addr()?.port());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else {
                    eprintln!("  handshake failed");
                    return;
                };
                eprintln!("  handshake");
                let service = service_fn(|request| async { Ok::<_, Infallible>(canned(request).await) });
                // A function that is ended breaks off.
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    Ok(url)
}

/// What the services say: the tenant has a key, the person is registered and has said nothing yet, and every
/// write is taken.
async fn canned(request: Request<Incoming>) -> Response<Full<Bytes>> {
    const SECRET: &str = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";
    let target = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok());
    let operation =
        target.and_then(|target| target.split_once('.')).map(|(_, operation)| operation.to_owned());
    let _ = request.into_body().collect().await;
    let answer = match operation.as_deref() {
        Some("GetItem") => json!({"Item": {"pk": {"S": "ORG"}, "k": {"B": SECRET}}}),
        Some("Decrypt") => json!({
            "KeyId": "arn:aws:kms:eu-central-1:123456789012:key/1",
            "Plaintext": SECRET,
            "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        }),
        Some("Query") => {
            let person = json!({
                "pk": {"S": "ORG#P"}, "sk": {"S": "P"}, "v": {"N": "1"}, "m": {"M": {}}, "x": {"B": SECRET},
            });
            json!({"Items": [person], "Count": 1, "ScannedCount": 1})
        }
        _ => json!({}),
    };
    Response::builder()
        .header("content-type", "application/x-amz-json-1.0")
        .body(answer.to_string().into())
        .unwrap_or_default()
}
