//! Settings: read once at start, refused as a whole when anything is wrong.

use std::{collections::BTreeMap, path::PathBuf};

use domain::{
    OrgId,
    tenant::{MapFiles, Tenant},
};
use jsonwebtoken::{Algorithm, jwk::JwkSet};
use serde::Deserialize;
use store::Places;

/// Who issues tokens that we accept.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// The `iss` claim.
    pub iss: String,
    /// The `aud` claim that names us.
    pub audience: String,
    /// The algorithms that the issuer signs with.
    pub algorithms: Vec<Algorithm>,
    /// Where its keys are, unless given here.
    #[serde(default)]
    pub jwks_url: Option<String>,
    /// Its keys.
    #[serde(default)]
    pub jwks: Option<JwkSet>,
    /// The tenant for which it speaks; without one, the token's `org` claim says.
    #[serde(default)]
    pub org: Option<OrgId>,
}

/// Where staff sign in to the console: OpenID Connect, with a code and PKCE.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The provider: one of the issuers, whose keys sign what it says.
    pub iss: String,
    /// As whom the console is registered there.
    pub client_id: String,
    /// The name or ARN of its secret in Secrets Manager, unless it is registered as a public client.
    #[serde(default)]
    pub client_secret: Option<String>,
    /// Where staff are sent to sign in.
    pub authorize_url: String,
    /// Where a code is exchanged for tokens.
    pub token_url: String,
    /// What is asked for.
    #[serde(default = "scope")]
    pub scope: String,
}

fn scope() -> String {
    "openid profile".to_owned()
}

/// Who looks for harm in files that were attached, beside ourselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scanner {
    /// Malware Protection for S3 of GuardDuty, or whatever else tells its findings by the same tag.
    GuardDuty,
}

/// Where the queues are.
#[derive(Clone, Debug, Default)]
pub struct QueueUrls {
    /// Takeouts to build.
    pub takeouts: String,
    /// Purges to carry out.
    pub purges: String,
    /// Mails to send.
    pub notices: String,
}

/// All settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the ledger lies.
    pub places: Places,
    /// Where the queues are.
    pub queues: QueueUrls,
    /// The address under which callers and persons reach us, without a final slash. Links are
    /// made from it, never from a `Host` header.
    pub public_url: String,
    /// The sender of our mails.
    pub mail_from: String,
    /// Who issues tokens that we accept.
    pub issuers: Vec<Issuer>,
    /// Where staff sign in; nowhere without it.
    pub sign_in: Option<SignIn>,
    /// Who scans files that were attached; nobody but ourselves without it.
    pub scanner: Option<Scanner>,
    /// The tenants.
    pub tenants: BTreeMap<OrgId, Tenant>,
    /// The settings of tenants that are not named; without them there are no others.
    pub other_tenants: Option<Tenant>,
    /// The data map of tenants that have none of their own.
    pub map: MapFiles,
}

/// Why the settings were refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A variable is not set.
    #[error("{0} is not set")]
    Missing(&'static str),
    /// A variable cannot be read.
    #[error("{name} cannot be read: {reason}")]
    Unreadable {
        /// Which.
        name: &'static str,
        /// Why.
        reason: String,
    },
}

impl Config {
    /// The settings of a tenant, if it is one.
    pub fn tenant(&self, org: OrgId) -> Option<Tenant> {
        let other = || self.other_tenants.clone().map(|settings| settings.of(org));
        self.tenants.get(&org).cloned().or_else(other)
    }

    /// Reads the settings from environment variables.
    ///
    /// # Errors
    /// When one is missing or cannot be read.
    pub fn from_env(get: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let need = |name: &'static str| {
            get(name).filter(|value| !value.is_empty()).ok_or(ConfigError::Missing(name))
        };
        let optional = |name: &str| get(name).filter(|value| !value.is_empty());
        let tenants: Vec<Tenant> = json("LETHE_TENANTS", &need("LETHE_TENANTS")?)?;
        Ok(Self {
            places: Places {
                table: need("LETHE_TABLE")?,
                key_table: need("LETHE_KEY_TABLE")?,
                takeout_bucket: need("LETHE_TAKEOUT_BUCKET")?,
                audit_bucket: need("LETHE_AUDIT_BUCKET")?,
                attachment_bucket: need("LETHE_ATTACHMENT_BUCKET")?,
                kms_key: need("LETHE_KMS_KEY")?,
            },
            queues: QueueUrls {
                takeouts: optional("LETHE_TAKEOUT_QUEUE").unwrap_or_default(),
                purges: optional("LETHE_PURGE_QUEUE").unwrap_or_default(),
                notices: optional("LETHE_NOTICE_QUEUE").unwrap_or_default(),
            },
            public_url: need("LETHE_PUBLIC_URL")?.trim_end_matches('/').to_owned(),
            mail_from: need("LETHE_MAIL_FROM")?,
            issuers: json("LETHE_ISSUERS", &need("LETHE_ISSUERS")?)?,
            sign_in: optional("LETHE_SIGN_IN").map(|text| json("LETHE_SIGN_IN", &text)).transpose()?,
            scanner: optional("LETHE_SCANNER")
                .map(|name| json("LETHE_SCANNER", &format!("\"{name}\"")))
                .transpose()?,
            tenants: tenants.into_iter().map(|tenant| (tenant.org, tenant)).collect(),
            other_tenants: None,
            map: MapFiles {
                files: optional("LETHE_DATAMAPS")
                    .map(|list| list.split(':').map(PathBuf::from).collect())
                    .unwrap_or_default(),
                connections: optional("LETHE_CONNECTIONS").map(PathBuf::from),
            },
        })
    }
}

fn json<T: serde::de::DeserializeOwned>(name: &'static str, text: &str) -> Result<T, ConfigError> {
    serde_json::from_str(text).map_err(|error| ConfigError::Unreadable { name, reason: error.to_string() })
}
