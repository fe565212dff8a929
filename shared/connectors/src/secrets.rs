//! Secrets of stores: named in the connections file, kept elsewhere.

use async_trait::async_trait;
use zeroize::Zeroizing;

use crate::fault::Fault;

/// Where secrets are kept.
#[async_trait]
pub trait Secrets: Send + Sync {
    /// The present value of a secret, by its name or ARN.
    ///
    /// Asked again whenever it is needed, so that a secret can be changed without a restart;
    /// what keeps it for a while must not keep it for long.
    ///
    /// # Errors
    /// If there is no such secret, or it may not be read.
    async fn secret(&self, name: &str) -> Result<Secret, Fault>;
}

/// A secret. It cannot be printed, and is wiped when it is dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// A secret with this text.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text, for whoever needs it now.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// No secrets at all, for connections that name none.
pub struct NoSecrets;

#[async_trait]
impl Secrets for NoSecrets {
    async fn secret(&self, _: &str) -> Result<Secret, Fault> {
        Err(Fault::new("there is nowhere to take secrets from"))
    }
}
