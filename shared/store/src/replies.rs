//! What was answered under an idempotency key.

use domain::{PersonKey, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    Ledger, StoreError, keys,
    table::{Only, Read},
    vault::{Owner, Seal},
};

/// An answer as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answer: Option<AnswerItem>,
}

#[derive(Serialize, Deserialize)]
struct AnswerItem {
    status: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    /// Whether the body is sealed under the key of whom it is about, else under the tenant's.
    own: bool,
    #[serde(with = "serde_bytes")]
    x: Vec<u8>,
}

/// Whom a call is about, and with them its answer.
#[derive(Clone, Copy, Debug)]
pub enum About {
    /// Nobody in particular.
    Nobody,
    /// Whom the call names.
    Person(PersonKey),
    /// The caller, if they are registered; else nobody, such as when a clerk calls.
    Caller(PersonKey),
}

impl About {
    fn person(self) -> Option<PersonKey> {
        match self {
            Self::Nobody => None,
            Self::Person(person) | Self::Caller(person) => Some(person),
        }
    }
}

/// The longest body that is kept: DynamoDB takes items of 400 KB. After a longer one, a repeat is
/// carried out again, with the same ids.
const LONGEST: usize = 384 * 1024;

/// What is known of an idempotency key.
#[derive(Debug, PartialEq, Eq)]
pub enum Known {
    /// The call may go on: it is the first, or the first died before it answered.
    Proceed {
        /// Until when the key counts; the same for every repeat.
        until: Timestamp,
        /// Whether another has begun it.
        is_repeat: bool,
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
        about: About,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Known, StoreError> {
        let place = keys::reply(self.org, scope);
        let item = ReplyItem { v: 1, h: call.to_vec(), until, ttl: until.timestamp(), answer: None };
        let first = Known::Proceed { until, is_repeat: false };
        match self.store.table.put(&place, &item, &[], Only::IfAbsent).await {
            Ok(()) => return Ok(first),
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(error),
        }
        let Some(noted) = self.store.table.get::<ReplyItem>(&place, Read::Consistent).await? else {
            return Ok(first);
        };
        if noted.until <= now {
            self.store.table.put(&place, &item, &[], Only::Always).await?;
            return Ok(first);
        }
        if noted.h != call {
            return Ok(Known::OtherCall);
        }
        let again = Known::Proceed { until: noted.until, is_repeat: true };
        let Some(AnswerItem { status, kind, own, x }) = noted.answer else { return Ok(again) };
        let body = if own {
            // The person may have been forgotten, and registered anew since: then the old answer
            // is gone, and the call is a new one.
            let Some(seal) = self.seal_of(about).await? else { return Ok(again) };
            let Ok(body) = seal.unseal_bytes(&place, x) else { return Ok(again) };
            body
        } else {
            self.store.vault.tenant(self.org).await?.replies().unseal_bytes(&place, x)?
        };
        Ok(Known::Answered(Reply { status, content_type: kind, body }))
    }

    /// Notes what was answered.
    ///
    /// # Errors
    /// When the tables cannot be written.
    pub async fn end_call(
        &self,
        scope: [u8; 32],
        call: [u8; 32],
        about: About,
        reply: &Reply,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let place = keys::reply(self.org, scope);
        if reply.body.len() > LONGEST {
            return Ok(());
        }
        let body = reply.body.clone();
        let seal = self.seal_of(about).await?;
        let own = seal.is_some();
        let x = match (seal, about) {
            (Some(seal), _) => seal.seal_bytes(&place, body)?,
            // The person was forgotten meanwhile, so nothing about them may be kept.
            (None, About::Person(_)) => return Ok(()),
            (None, About::Nobody | About::Caller(_)) => {
                self.store.vault.tenant(self.org).await?.replies().seal_bytes(&place, body)?
            }
        };
        let answer = AnswerItem { status: reply.status, kind: reply.content_type.clone(), own, x };
        let item = ReplyItem { v: 2, h: call.to_vec(), until, ttl: until.timestamp(), answer: Some(answer) };
        self.store.table.put(&place, &item, &[], Only::Always).await
    }

    /// What seals an answer about a registered person.
    async fn seal_of(&self, about: About) -> Result<Option<Seal>, StoreError> {
        match about.person() {
            Some(person) => self.store.vault.seal_of(self.org, Owner::Person(person)).await,
            None => Ok(None),
        }
    }
}
