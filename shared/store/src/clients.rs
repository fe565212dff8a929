//! API clients, which sign in with a secret, and the key that signs our own tokens.

use domain::OrgId;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    Store, StoreError, keys,
    table::{Only, Read},
    vault::new_pair,
};

/// A program of a tenant's that signs in with a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiClient {
    /// Its id; unique across tenants.
    pub id: String,
    /// The tenant for which it speaks.
    pub org: OrgId,
    /// The Argon2 hash of its secret, as a PHC string.
    pub secret_hash: String,
    /// What it is granted.
    pub grants: Vec<String>,
}

impl Store {
    /// The API client with this id.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn client(&self, id: &str) -> Result<Option<ApiClient>, StoreError> {
        self.inner.table.get(&keys::client(id), Read::Eventual).await
    }

    /// Registers an API client, or replaces it.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn put_client(&self, client: &ApiClient) -> Result<(), StoreError> {
        self.inner.table.put(&keys::client(&client.id), client, &[], Only::Always).await
    }

    /// The Ed25519 key, as PKCS#8, that signs the tokens we issue ourselves; made at the first call.
    ///
    /// # Errors
    /// When the key cannot be had.
    pub async fn signing_key(&self) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        self.inner.vault.secret(&keys::signing_key(), new_pair).await
    }
}
