//! Limits on what strangers may do, by where they come from and by whom it concerns. The gateway's own count all
//! callers together.

use std::net::{IpAddr, Ipv6Addr};

use chrono::TimeDelta;
use domain::{OrgId, PersonKey, limit::Limit};
use wire::{Code, Problem};

use crate::{App, Call, Failure, FromCall};

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limited {
    /// Coming back from the provider of identities: each time it is asked what a code is worth.
    SignIn,
    /// Pressing the button behind a link to a data view.
    OpenView,
    /// Asking how a request stands.
    Receipt,
    /// Asking for a code that proves who somebody is.
    SendCode,
    /// Trying such a code.
    TryCode,
}

impl Limited {
    const fn name(self) -> &'static str {
        match self {
            Self::SignIn => "sign-in",
            Self::OpenView => "open-view",
            Self::Receipt => "receipt",
            Self::SendCode => "send-code",
            Self::TryCode => "try-code",
        }
    }

    const fn limit(self) -> Limit {
        match self {
            Self::SignIn => Limit { burst: 60, every: TimeDelta::seconds(10) },
            Self::OpenView => Limit { burst: 20, every: TimeDelta::seconds(6) },
            Self::Receipt => Limit { burst: 60, every: TimeDelta::seconds(2) },
            // So no mailbox is flooded, and no code is found by trying.
            Self::SendCode => Limit { burst: 3, every: TimeDelta::minutes(20) },
            Self::TryCode => Limit { burst: 10, every: TimeDelta::minutes(3) },
        }
    }
}

/// Where a call comes from, as the gateway says; never what a header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source(pub String);

impl Source {
    /// What is counted as one: an address of version 4, or the network of one of version 6, in which a single
    /// machine may have any number of addresses.
    pub(crate) fn of(address: &str) -> Self {
        Self(match address.parse() {
            Ok(IpAddr::V6(address)) => {
                let [a, b, c, d, ..] = address.segments();
                Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).to_string()
            }
            Ok(IpAddr::V4(address)) => address.to_string(),
            Err(_) => "unknown".to_owned(),
        })
    }
}

impl FromCall for Source {
    fn from_call(call: &Call) -> Result<Self, Failure> {
        Ok(call.source.clone())
    }
}

impl App {
    /// Counts what a stranger does.
    ///
    /// # Errors
    /// [`Code::TooManyRequests`] if it is too often.
    pub async fn limit_source(&self, org: OrgId, what: Limited, source: &Source) -> Result<(), Failure> {
        self.limit(org, what, &source.0).await
    }

    /// Counts what is done about a person, or by one, whoever does it from wherever.
    ///
    /// # Errors
    /// [`Code::TooManyRequests`] if it is too often.
    pub async fn limit_person(&self, org: OrgId, what: Limited, person: PersonKey) -> Result<(), Failure> {
        self.limit(org, what, &person.to_string()).await
    }

    async fn limit(&self, org: OrgId, what: Limited, who: &str) -> Result<(), Failure> {
        let now = self.now();
        match self.ledger(org).take(what.limit(), what.name(), who, now).await? {
            Ok(()) => Ok(()),
            Err(retry_at) => {
                // Rounded up, since whoever comes a moment too early is refused once more.
                let seconds = ((retry_at - now).num_milliseconds() + 999) / 1000;
                let seconds = u32::try_from(seconds).unwrap_or_default();
                Err(Problem { retry_after: Some(seconds), ..Problem::new(Code::TooManyRequests) }.into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(address: &str, expected: &str) {
        assert_eq!(Source::of(address).0, expected);
    }

    #[test]
    fn a_network_of_version_6_is_one_source() {
        check("192.0.2.7", "192.0.2.7");
        check("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::");
        check("2001:db8:1:2:ffff::", "2001:db8:1:2::");
        check("<script>", "unknown");
    }
}
