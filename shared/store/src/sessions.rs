//! Sessions of staff in the console.
//!
//! A session lies with its member of staff, under the digest of what their cookie holds: a copy of the
//! table opens none. One that is over is never removed at once, only marked, so that whoever shows pages
//! needs no right to delete.

use domain::{OrgId, PersonKey, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    Ledger, StoreError, keys,
    table::{Only, Range, Read, readable, sort_key},
};

/// Somebody of the staff who is signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Whom the provider named.
    pub subject: String,
    /// How they are called on pages and in confirmations.
    pub name: String,
    /// What they were granted when they signed in.
    pub grants: Vec<String>,
    /// When they signed in.
    pub began_at: Timestamp,
    /// When they were last seen, to within a few minutes.
    pub seen_at: Timestamp,
    /// Whether they signed out.
    pub has_ended: bool,
    /// 1 when new; rises with each change.
    #[serde(rename = "v")]
    pub version: u64,
    /// When DynamoDB may drop it, in Unix seconds. Nothing is decided by it.
    pub ttl: i64,
}

/// Where a session lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionPlace {
    /// Whose tenant.
    pub org: OrgId,
    /// Whose session: the pseudonym of a member of staff.
    pub staff: PersonKey,
    /// The digest of what their cookie holds.
    pub digest: [u8; 32],
}

impl Ledger<'_> {
    /// The session there, whether it is over or not.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn session(&self, staff: PersonKey, digest: [u8; 32]) -> Result<Option<Session>, StoreError> {
        self.store.table.get(&keys::session(self.org, staff, digest), Read::Consistent).await
    }

    /// Begins a session, or writes the next version of one.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if somebody else was first.
    pub async fn put_session(
        &self,
        staff: PersonKey,
        digest: [u8; 32],
        session: &Session,
    ) -> Result<(), StoreError> {
        let only = match session.version {
            1 => Only::IfAbsent,
            version => Only::IfVersion(version - 1),
        };
        self.store.table.put(&keys::session(self.org, staff, digest), session, &[], only).await
    }

    /// Ends all sessions of a member of staff.
    ///
    /// # Errors
    /// When the table fails; then it must be done again.
    pub async fn end_sessions(&self, staff: PersonKey) -> Result<(), StoreError> {
        let pk = keys::session_partition(self.org, staff);
        let range = Range { pk: &pk, sk: None, newest_first: false, limit: None, read: Read::Consistent };
        for item in self.store.table.query(range).await? {
            let place = keys::Key { pk: pk.clone(), sk: sort_key(&item).to_owned() };
            let session: Session = readable(item)?;
            if !session.has_ended {
                // Whoever was just seen there would be another version; they are signed out all the same.
                let ended = Session { has_ended: true, version: session.version + 1, ..session };
                self.store.table.put(&place, &ended, &[], Only::Always).await?;
            }
        }
        Ok(())
    }
}
