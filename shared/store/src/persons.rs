//! Registered persons, and how to find them by what identifies them.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    PersonId, PersonKey, Timestamp,
    person::{Person, lookup_form},
    restriction::Restriction,
};
use serde::{Deserialize, Serialize};

use crate::{
    Ledger, StoreError, keys,
    table::{Only, Range, Read, readable, sort_key},
    vault::{Owner, TenantKeys},
};

#[derive(Serialize, Deserialize)]
struct PersonItem {
    v: u64,
    #[serde(with = "serde_bytes")]
    x: Vec<u8>,
}

/// What is sealed under the person's data key.
#[derive(Serialize, Deserialize)]
struct Private {
    id: PersonId,
    identities: BTreeMap<String, String>,
    verified: BTreeSet<String>,
    linked: BTreeSet<String>,
    restrictions: Vec<Restriction>,
    created_at: Timestamp,
    changed_at: Timestamp,
}

/// A way to a person, and after their erasure the tombstone of what identified them: a keyed hash
/// and nothing else.
#[derive(Serialize, Deserialize)]
struct Way {
    /// When DynamoDB may drop it, in Unix seconds. Nothing is decided by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ttl: Option<i64>,
}

impl Ledger<'_> {
    /// Whether a person is registered under this pseudonym.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn knows(&self, person: PersonKey) -> Result<bool, StoreError> {
        let item =
            self.store.table.get::<PersonItem>(&keys::person(self.org, person), Read::Consistent).await?;
        Ok(item.is_some())
    }

    /// The person registered under this pseudonym.
    ///
    /// # Errors
    /// When the tables cannot be read, or a stored person cannot be opened.
    pub async fn person(&self, person: PersonKey) -> Result<Option<Person>, StoreError> {
        let key = keys::person(self.org, person);
        let Some(PersonItem { v, x }) = self.store.table.get(&key, Read::Consistent).await? else {
            return Ok(None);
        };
        // Without its key the record is gone, whatever a restored backup says.
        let Some(seal) = self.store.vault.seal_of(self.org, Owner::Person(person)).await? else {
            return Ok(None);
        };
        let Private { id, identities, verified, linked, restrictions, created_at, changed_at } =
            seal.unseal(&key, x)?;
        Ok(Some(Person {
            id,
            identities,
            verified,
            linked_identities: linked,
            restrictions,
            created_at,
            changed_at,
            version: v,
        }))
    }

    /// Registers a person, or writes the next version of one. `before` is the version it follows.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if somebody else was first.
    pub async fn put_person(
        &self,
        key: PersonKey,
        person: &Person,
        before: Option<&Person>,
    ) -> Result<(), StoreError> {
        let tenant = self.store.vault.tenant(self.org).await?;
        let seal = self.store.vault.seal_for(self.org, Owner::Person(key)).await?;
        let (now, then) =
            (hashes(&tenant, person), before.map(|person| hashes(&tenant, person)).unwrap_or_default());
        // The ways to the person come first and go last, so that a death in between leaves a
        // way that leads nowhere, never a person who cannot be found.
        for &hash in now.difference(&then) {
            self.store
                .table
                .put(&keys::identity(self.org, hash, key), &Way { ttl: None }, &[], Only::Always)
                .await?;
        }
        let place = keys::person(self.org, key);
        let private = Private {
            id: person.id.clone(),
            identities: person.identities.clone(),
            verified: person.verified.clone(),
            linked: person.linked_identities.clone(),
            restrictions: person.restrictions.clone(),
            created_at: person.created_at,
            changed_at: person.changed_at,
        };
        let item = PersonItem { v: person.version, x: seal.seal(&place, &private)? };
        let only = match before {
            None => Only::IfAbsent,
            Some(before) => Only::IfVersion(before.version),
        };
        self.store.table.put(&place, &item, &[], only).await?;
        for &hash in then.difference(&now) {
            self.store.table.delete(&keys::identity(self.org, hash, key)).await?;
        }
        Ok(())
    }

    /// The persons identified by `value`, whatever the name of the identity.
    ///
    /// # Errors
    /// When the tables cannot be read.
    pub async fn persons_identified_by(&self, value: &str) -> Result<Vec<(PersonKey, Person)>, StoreError> {
        let mut persons = Vec::new();
        for key in self.ever_identified_by(value).await? {
            // The way may be older than the person's last change: the person decides.
            let identified = |person: &Person| {
                person.identities.values().any(|own| lookup_form(own) == lookup_form(value))
            };
            if let Some(person) = self.person(key).await?.filter(identified) {
                persons.push((key, person));
            }
        }
        Ok(persons)
    }

    /// The pseudonyms of all who are, or until their erasure were, identified by `value`.
    ///
    /// # Errors
    /// When the tables cannot be read.
    pub async fn ever_identified_by(&self, value: &str) -> Result<Vec<PersonKey>, StoreError> {
        let hash = self.store.vault.tenant(self.org).await?.pseudonym(&lookup_form(value));
        let pk = keys::identity_partition(self.org, hash);
        let range = Range { pk: &pk, sk: None, newest_first: false, limit: None, read: Read::Consistent };
        let ways = self.store.table.query(range).await?;
        let key = |item| sort_key(&item).parse().map_err(|_| StoreError::Unreadable { what: "identity" });
        ways.into_iter().map(key).collect()
    }

    /// Forgets everything about a person but the requests, which are kept as proof: consents,
    /// links, ways to find them, their record, and last the data key, without which whatever a
    /// backup still holds stays sealed for ever. With `tombstones_until`, the keyed hashes of what
    /// identified them stay until then. Doing it again changes nothing.
    ///
    /// # Errors
    /// When the tables cannot be written; then it must be done again.
    pub async fn forget_person(
        &self,
        person: PersonKey,
        tombstones_until: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        if let Some(known) = self.person(person).await? {
            let tenant = self.store.vault.tenant(self.org).await?;
            for hash in hashes(&tenant, &known) {
                let place = keys::identity(self.org, hash, person);
                match tombstones_until {
                    Some(until) => {
                        let tombstone = Way { ttl: Some(until.timestamp()) };
                        self.store.table.put(&place, &tombstone, &[], Only::Always).await?;
                    }
                    None => self.store.table.delete(&place).await?,
                }
            }
        }
        let pk = keys::person_partition(self.org, person);
        let range = Range { pk: &pk, sk: None, newest_first: false, limit: None, read: Read::Consistent };
        for item in self.store.table.query(range).await? {
            let sk = sort_key(&item);
            if !sk.starts_with(keys::REQUESTS) && sk != keys::person(self.org, person).sk {
                self.store.table.delete(&keys::Key { pk: pk.clone(), sk: sk.to_owned() }).await?;
            }
        }
        self.store.table.delete(&keys::person(self.org, person)).await?;
        self.store.vault.destroy(self.org, Owner::Person(person)).await
    }
}

/// The keyed hashes of all that identifies `person`.
fn hashes(tenant: &TenantKeys, person: &Person) -> BTreeSet<[u8; 16]> {
    person.identities.values().map(|value| tenant.pseudonym(&lookup_form(value))).collect()
}

/// Whether an item of a person's partition is their record.
pub(crate) fn is_person(item: &crate::table::Item) -> bool {
    sort_key(item) == keys::PERSON && readable::<PersonItem>(item.clone()).is_ok()
}
