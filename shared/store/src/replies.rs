//! What was answered under an idempotency key.

use domain::{PersonKey, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    Ledger, StoreError, keys,
    table::{Only, Read},
    vault::Owner,
};

/// An answer as it was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The media type.
    pub content_type: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct ReplyItem {
    v: u64,
    /// The hash of what was asked.
    #[serde(with = "serde_bytes")]
    h: Vec<u8>,
    until: Timestamp,
    ttl: i64,
    #[serde(default, with = "serde_bytes", skip_serializing_if = "Option::is_none")]
    x: Option<Vec<u8>>,
}

/// What is known of an idempotency key.
#[derive(Debug, PartialEq, Eq)]
pub enum Known {
    /// The call may go on: it is the first, or the first died before it answered.
    Proceed {
        /// Until when the key counts; the same for every repeat.
        until: Timestamp,
    },
    /// This was answered.
    Answered(Reply),
    /// The key was used for something else.
    OtherCall,
}

impl Ledger<'_> {
    /// A keyed hash of `text` that only this tenant's keys give.
    ///
    /// # Errors
    /// When the tenant's keys cannot be had.
    pub async fn secret_hash(&self, text: &[u8]) -> Result<[u8; 32], StoreError> {
        Ok(self.store.vault.tenant(self.org).await?.keyed_hash(text))
    }

    /// Notes a call under its idempotency key. `scope` is the hash of caller, route and key, `call`
    /// that of everything asked. What is noted counts until `until`.
    ///
    /// # Errors
    /// When the tables cannot be read or written.
    pub async fn begin_call(
        &self,
        scope: [u8; 32],
        call: [u8; 32],
        person: Option<PersonKey>,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Known, StoreError> {
        let place = keys::reply(self.org, scope);
        let item = ReplyItem { v: 1, h: call.to_vec(), until, ttl: until.timestamp(), x: None };
        match self.store.table.put(&place, &item, &[], Only::IfAbsent).await {
            Ok(()) => return Ok(Known::Proceed { until }),
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(error),
        }
        let Some(noted) = self.store.table.get::<ReplyItem>(&place, Read::Consistent).await? else {
            return Ok(Known::Proceed { until });
        };
        if noted.until <= now {
            self.store.table.put(&place, &item, &[], Only::Always).await?;
            return Ok(Known::Proceed { until });
        }
        if noted.h != call {
            return Ok(Known::OtherCall);
        }
        let again = Known::Proceed { until: noted.until };
        let Some(sealed) = noted.x else { return Ok(again) };
        let reply = match person {
            None => self.store.vault.tenant(self.org).await?.replies().unseal(&place, sealed)?,
            Some(person) => match self.store.vault.seal_of(self.org, Owner::Person(person)).await? {
                // The person may have been forgotten and registered anew since: then the old
                // answer is gone, and the call is a new one.
                Some(seal) => match seal.unseal(&place, sealed) {
                    Ok(reply) => reply,
                    Err(_) => return Ok(again),
                },
                None => return Ok(again),
            },
        };
        Ok(Known::Answered(reply))
    }

    /// Notes what was answered.
    ///
    /// # Errors
    /// When the tables cannot be written.
    pub async fn end_call(
        &self,
        scope: [u8; 32],
        call: [u8; 32],
        person: Option<PersonKey>,
        reply: &Reply,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let place = keys::reply(self.org, scope);
        let sealed = match person {
            None => self.store.vault.tenant(self.org).await?.replies().seal(&place, reply)?,
            Some(person) => match self.store.vault.seal_of(self.org, Owner::Person(person)).await? {
                Some(seal) => seal.seal(&place, reply)?,
                // Nobody is registered, so nothing personal may be kept.
                None => return Ok(()),
            },
        };
        let item = ReplyItem { v: 2, h: call.to_vec(), until, ttl: until.timestamp(), x: Some(sealed) };
        self.store.table.put(&place, &item, &[], Only::Always).await
    }
}
