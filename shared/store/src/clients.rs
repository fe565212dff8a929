//! API clients, which sign in with a secret, and the key that signs our own tokens.

use domain::OrgId;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    Ledger, Store, StoreError,
    keys::{self, Key},
    list::FIRST,
    table::{IndexPage, Only, Read, readable},
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

impl ApiClient {
    /// Whether a client may have this id: a longer one fits no key.
    pub fn is_id(text: &str) -> bool {
        !text.is_empty() && text.len() <= 128
    }

    /// Whether it was not removed.
    fn may_sign_in(&self) -> bool {
        !self.secret_hash.is_empty()
    }
}

impl Store {
    /// The API client with this id.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn client(&self, id: &str) -> Result<Option<ApiClient>, StoreError> {
        let client = self.inner.table.get::<ApiClient>(&keys::client(id), Read::Eventual).await?;
        Ok(client.filter(ApiClient::may_sign_in))
    }

    /// Registers an API client, or replaces it.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn put_client(&self, client: &ApiClient) -> Result<(), StoreError> {
        let listed = [("list", Some(keys::in_client_list(client.org, &client.id)))];
        self.inner.table.put(&keys::client(&client.id), client, &listed, Only::Always).await
    }

    /// The Ed25519 key, as PKCS#8, that signs the tokens we issue ourselves; made at the first call.
    ///
    /// # Errors
    /// When the key cannot be had.
    pub async fn signing_key(&self) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        self.inner.vault.secret(&keys::signing_key(), new_pair).await
    }
}

impl Ledger<'_> {
    /// The API clients of the tenant. Comes from an index: one that was just made may be missing.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn clients(&self) -> Result<Vec<ApiClient>, StoreError> {
        let pk = keys::client_list_partition(self.org);
        let mut clients = Vec::new();
        let mut start = None;
        loop {
            let page = IndexPage {
                index: "list",
                pk: &pk,
                sk: (FIRST, "\u{7f}"),
                newest_first: false,
                limit: 1000,
                start,
            };
            let (places, next) = self.store.table.index_page(page).await?;
            let keys: Vec<Key> = places.into_iter().map(|place| place.key).collect();
            for item in self.store.table.get_many(&keys, Read::Eventual).await? {
                clients.push(readable::<ApiClient>(item)?);
            }
            match next {
                Some(next) => start = Some(next),
                None => break,
            }
        }
        clients.retain(ApiClient::may_sign_in);
        clients.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(clients)
    }

    /// Removes an API client of the tenant; false if it never had one of this id. The id stays taken, and
    /// what made it a client is gone.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn remove_client(&self, id: &str) -> Result<bool, StoreError> {
        if !ApiClient::is_id(id) {
            return Ok(false);
        }
        let place = keys::client(id);
        let client = self.store.table.get::<ApiClient>(&place, Read::Consistent).await?;
        match client.filter(|client| client.org == self.org) {
            Some(client) => {
                let removed = ApiClient { secret_hash: String::new(), grants: Vec::new(), ..client };
                self.store.table.put(&place, &removed, &[], Only::Always).await.map(|()| true)
            }
            None => Ok(false),
        }
    }
}
