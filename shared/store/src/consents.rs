//! The append-only consent history: the event is the state and the audit record.

use aws_lc_rs::digest;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    PersonKey, Timestamp,
    consent::{Change, Consent, Version, withdrawn},
};
use serde::{Deserialize, Serialize};

use crate::{
    Ledger, StoreError, keys,
    persons::is_person,
    table::{Item, Only, Range, Read, readable, sort_key},
};

#[derive(Serialize, Deserialize)]
struct ConsentItem {
    n: u64,
    at: Timestamp,
    by: String,
    c: Vec<Consent>,
    /// What was withdrawn; not hashed, because it follows from what is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    w: Vec<Consent>,
    #[serde(with = "serde_bytes")]
    p: Vec<u8>,
    #[serde(with = "serde_bytes")]
    h: Vec<u8>,
    /// Of the call that made it, if it was one under an idempotency key; not hashed, because it says nothing.
    #[serde(default, with = "serde_bytes", skip_serializing_if = "Option::is_none")]
    i: Option<Vec<u8>>,
}

/// A call that may be repeated, and changes something once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Once {
    /// The same for every repeat.
    pub id: [u8; Self::BYTES],
    /// Whether another has begun it, so that there may be what it made.
    pub is_repeat: bool,
}

impl Once {
    /// The length of an id.
    pub const BYTES: usize = 16;
}

/// The hash of a version, over everything that it says and the hash of the one before.
fn hash(version: &Version) -> Result<[u8; 32], StoreError> {
    let said = serde_json::to_vec(&(version.number, version.at, &version.by, &version.consents))
        .map_err(|_| StoreError::Unreadable { what: "consent" })?;
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(&version.previous);
    context.update(&said);
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    Ok(hash)
}

pub(crate) fn read(item: Item) -> Result<Version, StoreError> {
    let ConsentItem { n, at, by, c, w, p, h: _, i: _ } = readable(item)?;
    let previous = p.try_into().map_err(|_| StoreError::Unreadable { what: "consent" })?;
    Ok(Version { number: n, at, by, consents: c, withdrawn: w, previous })
}

/// How often a change is tried again when others write at the same time.
const TRIES: u32 = 16;

impl Ledger<'_> {
    /// The person's current version; `None` without a person, `Some(None)` without a consent.
    async fn head(&self, person: PersonKey, how: Read) -> Result<Option<Option<Version>>, StoreError> {
        let pk = keys::person_partition(self.org, person);
        let own = keys::person(self.org, person).sk;
        let range = Range {
            pk: &pk,
            sk: Some((keys::CONSENTS, &own)),
            newest_first: true,
            limit: Some(2),
            read: how,
        };
        let mut items = self.store.table.query(range).await?.into_iter();
        match items.next() {
            Some(item) if is_person(&item) => items.next().map(read).transpose().map(Some),
            Some(_) | None => Ok(None),
        }
    }

    /// The consents in force; `None` without a person. Whether there is a person is always certain.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn consents(&self, person: PersonKey, how: Read) -> Result<Option<Vec<Consent>>, StoreError> {
        let consents = |head: Option<Version>| head.map(|version| version.consents).unwrap_or_default();
        let head = match (self.head(person, how).await?, how) {
            (None, Read::Eventual) => self.head(person, Read::Consistent).await?,
            (head, Read::Eventual | Read::Consistent) => head,
        };
        Ok(head.map(consents))
    }

    /// Appends a change and gives what is in force from then on; `None` without a person. What was appended by
    /// the same call before is not appended again, whatever others have changed since.
    ///
    /// # Errors
    /// When the table cannot be written, or too many others write at the same time.
    pub async fn change_consents(
        &self,
        person: PersonKey,
        change: &Change,
        by: &str,
        now: Timestamp,
        once: Option<Once>,
    ) -> Result<Option<Vec<Consent>>, StoreError> {
        if let Some(Once { id, is_repeat: true }) = once {
            let made = |item: &Item| match item.get("i") {
                Some(AttributeValue::B(call)) => call.as_ref() == id,
                Some(_) | None => false,
            };
            if let Some(item) = self.consent_items(person).await?.into_iter().find(made) {
                return Ok(Some(read(item)?.consents));
            }
        }
        // The cheap reading is nearly always right; where it is not, the condition on the write
        // finds out and the next round reads consistently.
        let mut how = Read::Eventual;
        for _ in 0..TRIES {
            let head = match (self.head(person, how).await?, how) {
                (Some(head), Read::Eventual | Read::Consistent) => head,
                (None, Read::Consistent) => return Ok(None),
                (None, Read::Eventual) => {
                    how = Read::Consistent;
                    continue;
                }
            };
            how = Read::Consistent;
            let (number, previous, current) = match &head {
                Some(version) => (version.number + 1, hash(version)?, version.consents.as_slice()),
                None => (1, [0; 32], &[][..]),
            };
            let consents = change.apply(current, now);
            let version = Version {
                number,
                at: now,
                by: by.to_owned(),
                withdrawn: withdrawn(head.as_ref(), &consents, now),
                consents,
                previous,
            };
            let item = ConsentItem {
                n: version.number,
                at: version.at,
                by: version.by.clone(),
                c: version.consents.clone(),
                w: version.withdrawn.clone(),
                p: version.previous.to_vec(),
                h: hash(&version)?.to_vec(),
                i: once.map(|once| once.id.to_vec()),
            };
            match self
                .store
                .table
                .put(&keys::consent(self.org, person, number), &item, &[], Only::IfAbsent)
                .await
            {
                Ok(()) => return Ok(Some(version.consents)),
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
        Err(StoreError::Conflict)
    }

    /// The whole history of a person's consents, oldest first.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn consent_history(&self, person: PersonKey) -> Result<Vec<Version>, StoreError> {
        self.consent_items(person).await?.into_iter().map(read).collect()
    }

    async fn consent_items(&self, person: PersonKey) -> Result<Vec<Item>, StoreError> {
        let pk = keys::person_partition(self.org, person);
        let end = keys::consent(self.org, person, u64::MAX).sk;
        let range = Range {
            pk: &pk,
            sk: Some((keys::CONSENTS, &end)),
            newest_first: false,
            limit: None,
            read: Read::Consistent,
        };
        let mut items = self.store.table.query(range).await?;
        items.retain(|item| sort_key(item).starts_with(keys::CONSENTS));
        Ok(items)
    }
}

/// Whether every version of a history names the hash of the one before it, without a gap.
///
/// # Errors
/// When a version cannot be hashed.
pub fn is_unbroken(history: &[Version]) -> Result<bool, StoreError> {
    let mut previous = [0; 32];
    for (version, number) in history.iter().zip(1..) {
        if version.number != number || version.previous != previous {
            return Ok(false);
        }
        previous = hash(version)?;
    }
    Ok(true)
}
