//! Connections to a service: its name is resolved, the addresses are checked, and one of those very
//! addresses is connected to. Nothing else leads out: no proxy and no redirect is followed.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::Uri;
use http_body_util::Full;
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tower_service::Service;

use super::settings::Reach;
use crate::fault::Fault;

/// How long one address has to take a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// How long a connection is kept for the next call.
const IDLE: Duration = Duration::from_secs(20);

/// An HTTP client that only reaches what it may.
pub(super) type Client = legacy::Client<HttpsConnector<Dialer>, Full<Bytes>>;

/// What a dialer needs of the system.
#[async_trait]
pub(super) trait Network: Send + Sync {
    /// The addresses of a name.
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;

    /// A connection to an address.
    async fn connect(&self, to: SocketAddr) -> io::Result<TcpStream>;
}

/// The system's own network.
pub(super) struct System;

#[async_trait]
impl Network for System {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((host, port)).await?.collect())
    }

    async fn connect(&self, to: SocketAddr) -> io::Result<TcpStream> {
        TcpStream::connect(to).await
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreachable {
    #[error("its name cannot be resolved")]
    Unknown,
    #[error("it has {0}")]
    Forbidden(&'static str),
    #[error("it takes no connections")]
    Closed,
}

/// Connects to the host of an address, if that may be reached.
#[derive(Clone)]
pub(super) struct Dialer {
    network: Arc<dyn Network>,
    reach: Reach,
}

impl Dialer {
    async fn dial(self, uri: Uri) -> Result<TcpStream, Unreachable> {
        let host = uri.host().ok_or(Unreachable::Unknown)?;
        let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("http") { 80 } else { 443 });
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        let addresses = match literal {
            Ok(address) => vec![SocketAddr::new(address, port)],
            Err(_) => self.network.resolve(host, port).await.map_err(|_| Unreachable::Unknown)?,
        };
        // One address that is out of bounds makes the name suspect.
        for address in &addresses {
            if let Some(reason) = self.reach.refuses(address.ip()) {
                return Err(Unreachable::Forbidden(reason));
            }
        }
        for address in &addresses {
            if let Ok(Ok(stream)) = tokio::time::timeout(CONNECT, self.network.connect(*address)).await {
                // Small calls must not wait for the acknowledgement of the previous one.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
        }
        Err(if addresses.is_empty() { Unreachable::Unknown } else { Unreachable::Closed })
    }
}

impl Service<Uri> for Dialer {
    type Response = TokioIo<TcpStream>;
    type Error = Unreachable;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let dialer = self.clone();
        Box::pin(async move { dialer.dial(uri).await.map(TokioIo::new) })
    }
}

/// A client that trusts the certificates in the file `ca`, or those that the system trusts.
pub(super) fn client(network: Arc<dyn Network>, reach: Reach, ca: Option<&Path>) -> Result<Client, Fault> {
    let unusable = |what: &str| Fault::new(format!("TLS cannot be used: {what}"));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| unusable("no protocol version"))?;
    let config = match ca {
        Some(file) => config.with_root_certificates(roots(file)?),
        None => config.with_native_roots().map_err(|_| unusable("the system has no certificates"))?,
    };
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(config.with_no_client_auth())
        // Plain HTTP is kept to loopback by the settings.
        .https_or_http()
        .enable_http1()
        .wrap_connector(Dialer { network, reach });
    let mut client = legacy::Client::builder(TokioExecutor::new());
    Ok(client.pool_idle_timeout(IDLE).pool_timer(TokioTimer::new()).build(connector))
}

fn roots(file: &Path) -> Result<RootCertStore, Fault> {
    let unusable = |what: &str| Fault::new(format!("{}: {what}", file.display()));
    let mut roots = RootCertStore::empty();
    let certificates =
        CertificateDer::pem_file_iter(file).map_err(|_| unusable("the file cannot be read"))?;
    for certificate in certificates {
        let added = certificate.ok().and_then(|certificate| roots.add(certificate).ok());
        added.ok_or_else(|| unusable("it holds something that is no certificate"))?;
    }
    if roots.is_empty() {
        return Err(unusable("it holds no certificate"));
    }
    Ok(roots)
}
