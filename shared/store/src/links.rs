//! One-time links into the personal data view.

use domain::{PersonKey, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Ledger, StoreError, keys, table::Only};

/// A person's current link. A new one replaces it, so that the old one opens nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewLink {
    /// The digest of its token. The token itself is kept nowhere, so that a copy of the table
    /// opens no link.
    #[serde(with = "serde_bytes")]
    pub digest: Vec<u8>,
    /// Until when it works.
    pub expires_at: Timestamp,
    /// Where the page leads back.
    pub return_uri: Option<String>,
    /// When it was used.
    pub used_at: Option<Timestamp>,
}

impl Ledger<'_> {
    /// Gives the person a link, in place of any before.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn put_view_link(&self, person: PersonKey, link: &ViewLink) -> Result<(), StoreError> {
        self.store.table.put(&keys::view_link(self.org, person), link, &[], Only::Always).await
    }
}
