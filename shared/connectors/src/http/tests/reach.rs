//! Where calls go, and where they never do.

use std::io;
use std::net::SocketAddr;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::net::TcpStream;

use super::super::network::Network;
use super::super::settings::Range;
use super::*;

/// A network that knows one name and connects to nothing.
#[derive(Default)]
struct Recorded {
    addresses: Vec<SocketAddr>,
    resolved: Mutex<Vec<String>>,
    connected: Mutex<Vec<SocketAddr>>,
}

#[async_trait]
impl Network for Recorded {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        self.resolved.lock().unwrap().push(format!("{host}:{port}"));
        Ok(self.addresses.clone())
    }

    async fn connect(&self, to: SocketAddr) -> io::Result<TcpStream> {
        self.connected.lock().unwrap().push(to);
        Err(io::Error::other("nothing is connected"))
    }
}

/// What comes of a connection to `base_url`: why it is refused, and with what it was tried.
async fn call(base_url: &str, reach: Reach, resolves_to: &[&str]) -> (String, Vec<String>, Vec<SocketAddr>) {
    let base = match BaseUrl::parse(base_url, reach) {
        Ok(base) => base,
        Err(reason) => return (reason, Vec::new(), Vec::new()),
    };
    let addresses = resolves_to.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 443)).collect();
    let network = Arc::new(Recorded { addresses, ..Recorded::default() });
    let secrets = Kept(Mutex::default());
    secrets.put(KEYS);
    let settings = Settings { base, secret: "crm".into(), ca: None, reach };
    let reason = opened(Arc::clone(&network) as Arc<dyn Network>, &settings, Arc::new(secrets)).await;
    let (resolved, connected) =
        (network.resolved.lock().unwrap().clone(), network.connected.lock().unwrap().clone());
    (reason.err().unwrap(), resolved, connected)
}

const PRIVATE: &str = "an address of a private network, which needs `allow_private: true`";
const SELF: &str = "an address of this machine itself";
const NEVER: &str = "an address that no service has";

#[tokio::test]
async fn no_packet_goes_to_an_address_that_is_out_of_bounds() {
    for (url, reason) in [
        ("https://127.0.0.1/", SELF),
        ("https://127.0.0.1:9001/2018-06-01/runtime/invocation/next", SELF),
        ("https://127.1/", SELF),
        ("https://0x7f.1/", SELF),
        ("https://2130706433/", SELF),
        ("https://017700000001/", SELF),
        ("https://127.255.255.254/", SELF),
        ("https://[::1]/", SELF),
        ("https://0.0.0.0/", NEVER),
        ("https://0/", NEVER),
        ("https://[::]/", NEVER),
        ("https://10.0.0.1/", PRIVATE),
        ("https://172.16.0.1/", PRIVATE),
        ("https://172.31.255.255/", PRIVATE),
        ("https://192.168.1.1/", PRIVATE),
        ("https://[fd12:3456:789a::1]/", PRIVATE),
        ("https://169.254.169.254/latest/meta-data/", NEVER),
        ("https://169.254.170.2/v2/credentials", NEVER),
        ("https://2852039166/", NEVER),
        ("https://[fd00:ec2::254]/", NEVER),
        ("https://[fe80::1]/", NEVER),
        ("https://[fec0::1]/", NEVER),
        ("https://100.64.0.1/", NEVER),
        ("https://100.100.100.200/", NEVER),
        ("https://192.0.0.192/", NEVER),
        ("https://168.63.129.16/", NEVER),
        ("https://198.18.0.1/", NEVER),
        ("https://192.0.2.1/", NEVER),
        ("https://224.0.0.1/", NEVER),
        ("https://255.255.255.255/", NEVER),
        ("https://[::ffff:127.0.0.1]/", NEVER),
        ("https://[::ffff:8.8.8.8]/", NEVER),
        ("https://[::ffff:a9fe:a9fe]/", NEVER),
        ("https://[::127.0.0.1]/", NEVER),
        ("https://[64:ff9b::10.0.0.1]/", NEVER),
        ("https://[64:ff9b::169.254.169.254]/", NEVER),
        ("https://[64:ff9b:1::1]/", NEVER),
        ("https://[2002:7f00:1::]/", NEVER),
        ("https://[2001::1]/", NEVER),
        ("https://[2001:db8::1]/", NEVER),
        ("https://[ff02::1]/", NEVER),
    ] {
        let written = call(url, Reach::default(), &[]).await;
        assert_eq!(written, (format!("base_url has {reason}"), vec![], vec![]), "{url}");

        // The same address behind a name.
        let parsed = url::Url::parse(url).unwrap();
        let ip = match parsed.host().unwrap() {
            url::Host::Ipv4(ip) => ip.to_string(),
            url::Host::Ipv6(ip) => ip.to_string(),
            url::Host::Domain(name) => panic!("{name} is a name"),
        };
        let (told, resolved, connected) = call("https://crm.example", Reach::default(), &[&ip]).await;
        let expected = format!("connections.yml:2: describe: the service cannot be reached: it has {reason}");
        assert_eq!(told, expected, "{url}");
        assert_eq!(resolved, ["crm.example:443"]);
        assert!(connected.is_empty(), "{url}");
        // One good address does not make up for it.
        let (told, _, connected) = call("https://crm.example", Reach::default(), &["8.8.8.8", &ip]).await;
        assert_eq!((told, connected), (expected, vec![]), "{url}");
    }
}

#[tokio::test]
async fn a_base_url_that_is_none_is_refused_when_it_is_read() {
    for (url, reason) in [
        ("crm.example", "base_url is no address: relative URL without a base"),
        ("http://crm.example", "base_url must begin with https://"),
        ("http://127.0.0.1", "base_url must begin with https://"),
        ("ftp://crm.example", "base_url must begin with https://, not ftp://"),
        ("file:///etc/passwd", "base_url has no host"),
        ("https://user@crm.example", "base_url must not hold a name or password"),
        ("https://user:password@crm.example", "base_url must not hold a name or password"),
        ("https://crm.example?x=1", "base_url must not have a query or fragment"),
        ("https://crm.example#x", "base_url must not have a query or fragment"),
    ] {
        let refused = call(url, Reach::default(), &["8.8.8.8"]).await;
        assert_eq!(refused, (reason.to_owned(), vec![], vec![]), "{url}");
    }
}

#[tokio::test]
async fn a_name_is_resolved_and_that_very_address_is_connected_to() {
    let reach = Reach { private: true, loopback: false };
    for ip in ["8.8.8.8", "10.1.2.3", "fd12::1", "2600:1f18::1", "64:ff9b::8.8.8.8"] {
        let (_, resolved, connected) = call("https://crm.example", reach, &[ip]).await;
        // Three tries, each with its own look at the name.
        assert_eq!(resolved.len(), 3);
        assert!(
            connected
                .iter()
                .all(|to| to.ip().to_string() == ip.parse::<std::net::IpAddr>().unwrap().to_string())
        );
        assert_eq!(connected.len(), 3);
    }
    for ip in ["127.0.0.1", "169.254.169.254", "fd00:ec2::254", "100.64.0.1", "::ffff:10.0.0.1"] {
        let (_, _, connected) = call("https://crm.example", reach, &[ip]).await;
        assert!(connected.is_empty(), "{ip}");
    }
}

#[test]
fn ranges_end_where_they_end() {
    for (inside, outside) in [
        ("10.255.255.255", "11.0.0.0"),
        ("172.16.0.0", "172.15.255.255"),
        ("172.31.255.255", "172.32.0.0"),
        ("192.168.0.0", "192.167.255.255"),
        ("169.254.0.0", "169.253.255.255"),
        ("100.127.255.255", "100.128.0.0"),
        ("100.64.0.0", "100.63.255.255"),
        ("127.0.0.0", "126.255.255.255"),
        ("198.19.255.255", "198.20.0.0"),
        ("224.0.0.0", "223.255.255.255"),
        ("2001:1ff::", "2001:200::"),
        ("fdff::", "2600::"),
        ("3fff:fff::", "3fff:1000::"),
    ] {
        assert_ne!(Range::of(inside.parse().unwrap()), Range::Public, "{inside}");
        assert_eq!(Range::of(outside.parse().unwrap()), Range::Public, "{outside}");
    }
}

#[test]
fn the_base_is_what_signatures_cover() {
    let base = BaseUrl::parse("HTTPS://CRM.Example:443/lethe/", Reach::default()).unwrap();
    assert_eq!((&*base.authority, &*base.prefix), ("crm.example", "/lethe"));
    let base = BaseUrl::parse("https://crm.example:8443", Reach::default()).unwrap();
    assert_eq!((&*base.authority, &*base.prefix), ("crm.example:8443", ""));
}

/// A TLS server in front of the reference service, with a certificate for `name` from an issuer of its own.
async fn secure(name: &str) -> (World, String) {
    let mut issuer = CertificateParams::default();
    issuer.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(issuer, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key.into())
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("localhost:{}", listener.local_addr().unwrap().port());
    let handler = Tables::sample().into_handler();
    let service = service::Service::new(&address, service::Keys::parse(KEYS).unwrap(), handler);
    let inner = plain.local_addr().unwrap();
    tokio::spawn(service.serve(plain));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut outside = acceptor.accept(stream).await?;
                let mut inside = TcpStream::connect(inner).await?;
                tokio::io::copy_bidirectional(&mut outside, &mut inside).await
            });
        }
    });
    let world = World { address, ..World::new().await };
    (world, issuer.pem())
}

/// Opens a store over TLS with the certificates of this file.
async fn open_securely(world: &World, ca: &str) -> Result<Http, String> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), ca).unwrap();
    let reach = Reach { loopback: true, ..Reach::default() };
    let base = BaseUrl::parse(&format!("https://{}", world.address), reach).unwrap();
    let ca = Some(file.path().to_owned());
    let settings = Settings { base, secret: "crm".into(), ca, reach };
    opened(Arc::new(System), &settings, Arc::clone(&world.secrets) as Arc<dyn Secrets>).await
}

#[tokio::test]
async fn a_certificate_of_the_companys_own_issuer_is_trusted() {
    let (world, ca) = secure("localhost").await;

    let store = open_securely(&world, &ca).await.unwrap();

    assert_eq!(ask_for_ada(&store).await.unwrap().len(), 1);
}

#[tokio::test]
async fn certificates_of_others_or_for_others_are_not() {
    let reason = "connections.yml:2: describe: the service has no certificate that is trusted, or no TLS";
    let (world, ca) = secure("localhost").await;
    let (for_another, its_ca) = secure("crm.example").await;

    assert_eq!(open_securely(&world, &its_ca).await.err().unwrap(), reason);
    assert_eq!(open_securely(&for_another, &its_ca).await.err().unwrap(), reason);
    // A server without TLS.
    let plain = World::new().await;
    assert_eq!(open_securely(&plain, &ca).await.err().unwrap(), reason);
    let no_certificate = open_securely(&world, "nothing").await.err().unwrap();
    assert!(no_certificate.ends_with(": it holds no certificate"), "{no_certificate}");
}
