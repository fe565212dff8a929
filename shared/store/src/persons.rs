//! Registered persons, and how to find them by what identifies them.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use domain::{
    PersonId, PersonKey, Timestamp,
    objection::Objection,
    person::{Person, lookup_form},
    processing::Marks,
    restriction::Restriction,
};
use serde::{Deserialize, Serialize};

use crate::{
    Ledger, StoreError,
    keys::{self, Key},
    list::FIRST,
    table::{IndexPage, Item, Only, Range, Read, readable, sort_key},
    vault::{Owner, TenantKeys},
};

#[derive(Serialize, Deserialize)]
struct PersonItem {
    v: u64,
    /// What decides on the use of the person's data, so that it is told by one read without a key.
    #[serde(default)]
    m: Marks,
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
    #[serde(default)]
    objections: BTreeMap<String, Objection>,
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

/// That whatever has this keyed hash was erased, and no word about whose it was.
#[derive(Serialize, Deserialize)]
struct Tombstone {
    pk: String,
    at: Timestamp,
    until: Timestamp,
    /// When DynamoDB may drop it, in Unix seconds. Nothing is decided by it.
    ttl: i64,
}

/// When somebody was erased, and until when that is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erased {
    /// When the stores were proven empty.
    pub at: Timestamp,
    /// Until when tombstones are kept.
    pub until: Timestamp,
}

/// Something by which a person can be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named<'a> {
    /// The value of an identity.
    Identity(&'a str),
    /// The tenant's own id of the person.
    Person(&'a PersonId),
}

impl Named<'_> {
    fn hash(self, tenant: &TenantKeys) -> [u8; 16] {
        match self {
            Self::Identity(value) => tenant.pseudonym(&lookup_form(value)),
            Self::Person(id) => tenant.pseudonym(id.as_str()),
        }
    }
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
        let Some(PersonItem { v, m: _, x }) = self.store.table.get(&key, Read::Consistent).await? else {
            return Ok(None);
        };
        // Without its key the record is gone, whatever a restored backup says.
        let Some(seal) = self.store.vault.seal_of(self.org, Owner::Person(person)).await? else {
            return Ok(None);
        };
        let Private { id, identities, verified, linked, restrictions, objections, created_at, changed_at } =
            seal.unseal(&key, x)?;
        Ok(Some(Person {
            id,
            identities,
            verified,
            linked_identities: linked,
            restrictions,
            objections,
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
            objections: person.objections.clone(),
            created_at: person.created_at,
            changed_at: person.changed_at,
        };
        let item = PersonItem { v: person.version, m: person.marks(), x: seal.seal(&place, &private)? };
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
        let key = |way: &Item| sort_key(way).parse().map_err(|_| StoreError::Unreadable { what: "identity" });
        ways.iter().filter(|way| sort_key(way) != keys::TOMBSTONE).map(key).collect()
    }

    /// When each of `names` was erased, in their order; none for what was not, or whose proof is
    /// no longer kept.
    ///
    /// # Errors
    /// When the tables cannot be read.
    pub async fn erased(
        &self,
        names: &[Named<'_>],
        now: Timestamp,
    ) -> Result<Vec<Option<Timestamp>>, StoreError> {
        let tenant = self.store.vault.tenant(self.org).await?;
        let places: Vec<Key> =
            names.iter().map(|name| keys::tombstone(self.org, name.hash(&tenant))).collect();
        let wanted: Vec<Key> = places.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect();
        let mut erased = BTreeMap::new();
        for item in self.store.table.get_many(&wanted, Read::Consistent).await? {
            let Tombstone { pk, at, until, ttl: _ } = readable(item)?;
            if now < until {
                erased.insert(pk, at);
            }
        }
        Ok(places.iter().map(|place| erased.get(&place.pk).copied()).collect())
    }

    /// Forgets everything about a person but the requests, which are kept as proof: consents,
    /// links, ways to find them, their record, and last the data key, without which whatever a
    /// backup still holds stays sealed for ever. After an erasure the keyed hashes of what
    /// identified them stay as tombstones. Doing it again changes nothing.
    ///
    /// # Errors
    /// When the tables cannot be written; then it must be done again.
    pub async fn forget_person(&self, person: PersonKey, erased: Option<Erased>) -> Result<(), StoreError> {
        if let Some(known) = self.person(person).await? {
            let tenant = self.store.vault.tenant(self.org).await?;
            for hash in hashes(&tenant, &known) {
                let place = keys::identity(self.org, hash, person);
                match erased {
                    Some(Erased { at, until }) => {
                        let way = Way { ttl: Some(until.timestamp()) };
                        self.store.table.put(&place, &way, &[], Only::Always).await?;
                        self.put_tombstone(hash, at, until).await?;
                    }
                    None => self.store.table.delete(&place).await?,
                }
            }
            if let Some(Erased { at, until }) = erased {
                self.put_tombstone(Named::Person(&known.id).hash(&tenant), at, until).await?;
            }
        }
        let pk = keys::person_partition(self.org, person);
        let range = Range { pk: &pk, sk: None, newest_first: false, limit: None, read: Read::Consistent };
        for item in self.store.table.query(range).await? {
            let sk = sort_key(&item);
            let is_proof =
                sk == keys::ERASURE || sk.starts_with(keys::REQUESTS) || sk.starts_with(keys::HOLDS);
            if !is_proof && sk != keys::PERSON {
                self.store.table.delete(&Key { pk: pk.clone(), sk: sk.to_owned() }).await?;
            }
        }
        self.store.table.delete(&keys::person(self.org, person)).await?;
        self.store.vault.destroy(self.org, Owner::Person(person)).await
    }

    /// The keyed hashes of all that was erased and is remembered. Comes from an index: what it lacks is
    /// only a little younger than it.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn tombstones(&self) -> Result<HashSet<[u8; 16]>, StoreError> {
        let pk = keys::tombstone_list_partition(self.org);
        let mut hashes = HashSet::new();
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
            hashes.extend(places.iter().filter_map(|place| keys::hash_of_identity_partition(&place.key.pk)));
            match next {
                Some(next) => start = Some(next),
                None => return Ok(hashes),
            }
        }
    }

    /// Hashes values as tombstones do.
    ///
    /// # Errors
    /// When the tenant's key cannot be had.
    pub async fn identity_hasher(
        &self,
    ) -> Result<impl Fn(&str) -> [u8; 16] + Send + Sync + use<>, StoreError> {
        let tenant = self.store.vault.tenant(self.org).await?;
        Ok(move |value: &str| Named::Identity(value).hash(&tenant))
    }

    async fn put_tombstone(&self, hash: [u8; 16], at: Timestamp, until: Timestamp) -> Result<(), StoreError> {
        let place = keys::tombstone(self.org, hash);
        let tombstone = Tombstone { pk: place.pk.clone(), at, until, ttl: until.timestamp() };
        let listed = [("list", Some(keys::in_tombstone_list(self.org, hash)))];
        self.store.table.put(&place, &tombstone, &listed, Only::Always).await
    }
}

/// The keyed hashes of all that identifies `person`.
fn hashes(tenant: &TenantKeys, person: &Person) -> BTreeSet<[u8; 16]> {
    person.identities.values().map(|value| tenant.pseudonym(&lookup_form(value))).collect()
}

/// Whether an item of a person's partition is their record.
pub(crate) fn is_person(item: &Item) -> bool {
    sort_key(item) == keys::PERSON && readable::<PersonItem>(item.clone()).is_ok()
}

/// What in the record of a person bears on the use of their data.
pub(crate) fn marks_in(item: Item) -> Result<Marks, StoreError> {
    Ok(readable::<PersonItem>(item)?.m)
}
