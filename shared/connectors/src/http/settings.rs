//! Where a service is, and which addresses it may have.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use url::{Host, Url};

/// The settings of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) base: BaseUrl,
    /// The name or ARN of the secret with the keys.
    pub(crate) secret: String,
    /// The certificates to trust in place of the system's.
    pub(crate) ca: Option<PathBuf>,
    pub(crate) reach: Reach,
}

/// Under which address a service answers; checked when it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BaseUrl {
    /// Host and port as a signature covers them: in lower case, without the scheme's own port.
    pub(super) authority: String,
    /// What all paths begin with; empty, or with a slash in front and none behind.
    pub(super) prefix: String,
    pub(super) is_https: bool,
}

/// Which addresses beside public ones a service may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reach {
    /// Those of private networks: RFC 1918, and unique local ones of IPv6.
    pub(crate) private: bool,
    /// This machine's own, for local mode and tests.
    pub(crate) loopback: bool,
}

/// What an address is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Range {
    Public,
    Private,
    Loopback,
    /// Link-local, metadata services, shared and reserved ranges, multicast, other addresses in disguise.
    Never,
}

impl BaseUrl {
    /// Reads an address; the error is the reason why it cannot be one.
    pub(crate) fn parse(text: &str, reach: Reach) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| format!("base_url is no address: {error}"))?;
        let host = url.host().ok_or("base_url has no host")?;
        let is_https = match url.scheme() {
            "https" => true,
            "http" if reach.loopback && is_this_machine(&host) => false,
            "http" => return Err("base_url must begin with https://".to_owned()),
            other => return Err(format!("base_url must begin with https://, not {other}://")),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err("base_url must not hold a name or password".to_owned());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("base_url must not have a query or fragment".to_owned());
        }
        let address = match host {
            Host::Ipv4(address) => Some(IpAddr::V4(address)),
            Host::Ipv6(address) => Some(IpAddr::V6(address)),
            Host::Domain(_) => None,
        };
        if let Some(reason) = address.and_then(|address| reach.refuses(address)) {
            return Err(format!("base_url has {reason}"));
        }
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        Ok(Self {
            authority: format!("{host}{port}"),
            prefix: url.path().trim_end_matches('/').to_owned(),
            is_https,
        })
    }

    /// The whole address of a path below the base.
    pub(super) fn uri(&self, path: &str) -> String {
        let scheme = if self.is_https { "https" } else { "http" };
        format!("{scheme}://{}{path}", self.authority)
    }
}

fn is_this_machine(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

impl Reach {
    /// Why a service must not have this address; none if it may.
    pub(super) fn refuses(self, address: IpAddr) -> Option<&'static str> {
        match Range::of(address) {
            Range::Public => None,
            Range::Private if self.private => None,
            Range::Private => Some("an address of a private network, which needs `allow_private: true`"),
            Range::Loopback if self.loopback => None,
            Range::Loopback => Some("an address of this machine itself"),
            Range::Never => Some("an address that no service has"),
        }
    }
}

impl Range {
    pub(super) fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => Self::of_v6(address),
        }
    }

    fn of_v4(address: Ipv4Addr) -> Self {
        match address.octets() {
            [127, ..] => Self::Loopback,
            [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Self::Private,
            // This network; shared address space; link-local, where metadata services are; protocol
            // assignments; documentation; 6to4 relays; benchmarks; multicast and reserved; a metadata
            // service with a public address.
            [0, ..]
            | [100, 64..=127, ..]
            | [169, 254, ..]
            | [192, 0, 0 | 2, _]
            | [192, 88, 99, _]
            | [198, 18 | 19, ..]
            | [198, 51, 100, _]
            | [203, 0, 113, _]
            | [224..=255, ..]
            | [168, 63, 129, 16] => Self::Never,
            _ => Self::Public,
        }
    }

    fn of_v6(address: Ipv6Addr) -> Self {
        match address.segments() {
            [0, 0, 0, 0, 0, 0, 0, 1] => Self::Loopback,
            // Where AWS keeps its metadata and credential services, inside the private range.
            [0xfd00, 0x0ec2, ..] => Self::Never,
            [0xfc00..=0xfdff, ..] => Self::Private,
            // A network without IPv4 reaches public IPv4 addresses so.
            [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
                let [a, b] = high.to_be_bytes();
                let [c, d] = low.to_be_bytes();
                match Self::of_v4(Ipv4Addr::new(a, b, c, d)) {
                    Self::Public => Self::Public,
                    Self::Private | Self::Loopback | Self::Never => Self::Never,
                }
            }
            // Protocol assignments with Teredo; documentation; 6to4.
            [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x2002, ..] | [0x3fff, 0..=0xfff, ..] => {
                Self::Never
            }
            [0x2000..=0x3fff, ..] => Self::Public,
            _ => Self::Never,
        }
    }
}
