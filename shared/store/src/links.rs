//! One-time links into the personal data view, and the view that one has opened.

use domain::{PersonKey, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    Ledger, StoreError, keys,
    table::{Only, Read},
};

/// A person's current link. A new one replaces it, so that the old one opens nothing, and what it had opened
/// is closed.
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
    /// The view that it has opened.
    #[serde(default)]
    pub view: Option<OpenView>,
    /// Drawn by lot, so that no link is mistaken for the one before; rises when it is used.
    #[serde(rename = "v", default)]
    pub version: u64,
}

/// A view that is open in somebody's browser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenView {
    /// The digest of what the cookie holds.
    #[serde(with = "serde_bytes")]
    pub digest: Vec<u8>,
    /// Until when.
    pub until: Timestamp,
}

impl Ledger<'_> {
    /// Gives the person a link, in place of any before.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn put_view_link(&self, person: PersonKey, link: &ViewLink) -> Result<(), StoreError> {
        self.store.table.put(&keys::view_link(self.org, person), link, &[], Only::Always).await
    }

    /// The person's current link.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn view_link(&self, person: PersonKey) -> Result<Option<ViewLink>, StoreError> {
        self.store.table.get(&keys::view_link(self.org, person), Read::Consistent).await
    }

    /// Uses a link, and notes the view that it opens.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if it was used or replaced meanwhile.
    pub async fn use_view_link(
        &self,
        person: PersonKey,
        link: &ViewLink,
        view: OpenView,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let used =
            ViewLink { used_at: Some(now), view: Some(view), version: link.version + 1, ..link.clone() };
        let place = keys::view_link(self.org, person);
        self.store.table.put(&place, &used, &[], Only::IfVersion(link.version)).await
    }
}
