//! Where a database server is, and how it is spoken to.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use url::Url;
use zeroize::Zeroizing;

use crate::fault::Fault;
use crate::secrets::Secrets;

/// After how long an unused connection is closed.
pub(super) const IDLE: Duration = Duration::from_secs(60);

/// The settings of a connection to a server.
#[derive(PartialEq, Eq)]
pub(crate) struct Server {
    /// Where it is, with user, password and database as far as the secret does not say.
    pub(crate) url: Option<String>,
    /// The secret: a whole address, or a document with `username` and `password` as AWS keeps it.
    pub(crate) secret: Option<String>,
    /// How long the server may take for a statement.
    pub(crate) statement_timeout: Duration,
    /// How many connections there are at most.
    pub(crate) connections: u32,
}

// The address may hold a password.
impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("secret", &self.secret).finish_non_exhaustive()
    }
}

impl Server {
    /// How long a connection is waited for.
    pub(super) fn acquire_timeout(&self) -> Duration {
        self.statement_timeout.min(Duration::from_secs(10))
    }

    /// How long an answer is waited for. The server's own reason is better, so it comes first.
    pub(super) fn patience(&self) -> Duration {
        self.acquire_timeout() + self.statement_timeout + Duration::from_secs(5)
    }

    /// The address and login, with the secret as it is now.
    pub(super) async fn access(&self, secrets: &dyn Secrets) -> Result<Access, Fault> {
        let secret = match &self.secret {
            Some(name) => Some(secrets.secret(name).await?),
            None => None,
        };
        let Some(secret) = secret else {
            let url = self.url.clone().ok_or_else(|| Fault::new("there is neither a url nor a secret"))?;
            return Ok(Access { url: Zeroizing::new(url), login: None });
        };
        let text = secret.expose();
        if !text.trim_start().starts_with('{') {
            return Ok(Access { url: Zeroizing::new(text.trim().to_owned()), login: None });
        }
        let login: Login = serde_json::from_str(text)
            .map_err(|_| Fault::new("the secret is neither an address nor a login"))?;
        let url = match (&self.url, &login) {
            (Some(url), _) => url.clone(),
            (None, Login { host: Some(host), engine, port, dbname, .. }) => {
                let port = port.map(|port| format!(":{port}")).unwrap_or_default();
                let engine = engine.as_deref().unwrap_or("postgres");
                format!("{engine}://{host}{port}/{}", dbname.as_deref().unwrap_or_default())
            }
            (None, Login { host: None, .. }) => {
                return Err(Fault::new("the secret names no host, and there is no url"));
            }
        };
        Ok(Access { url: Zeroizing::new(url), login: Some((login.username, Zeroizing::new(login.password))) })
    }
}

/// An address with a login.
pub(super) struct Access {
    pub(super) url: Zeroizing<String>,
    /// User and password, if they are not in the address.
    pub(super) login: Option<(String, Zeroizing<String>)>,
}

/// A login as Secrets Manager keeps it for databases.
#[derive(Deserialize)]
struct Login {
    username: String,
    password: String,
    host: Option<String>,
    port: Option<u16>,
    dbname: Option<String>,
    engine: Option<String>,
}

/// Whether a text is an address of a server of one of these kinds.
pub(crate) fn is_address(text: &str, schemes: &[&str]) -> bool {
    Url::parse(text).is_ok_and(|url| schemes.contains(&url.scheme()) && url.has_authority())
}
