//! Legal holds and duties of retention.
//!
//! A hold on a person lies in their partition, one on the whole tenant beside them, so that a worker
//! reads what bars an erasure consistently and by keys alone.

use chrono::NaiveDate;
use domain::{
    HoldId, PersonKey, Timestamp,
    hold::{Bars, Hold, HoldKind, Particulars, Scope, Terms},
};
use futures_util::future::try_join;
use serde::{Deserialize, Serialize};

use crate::{
    Ledger, StoreError, keys,
    list::{Cursor, Filter},
    table::{Item, Only, Range, Read, readable},
    vault::Owner,
};

/// Whose data a hold is on; nobody's in particular where it is on the whole tenant.
#[derive(Serialize, Deserialize)]
struct OwnerItem {
    p: Option<PersonKey>,
}

#[derive(Serialize, Deserialize)]
struct HoldItem {
    pk: String,
    sk: String,
    v: u64,
    id: HoldId,
    kind: HoldKind,
    ground: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    review: Option<NaiveDate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<NaiveDate>,
    #[serde(default)]
    scope: Scope,
    at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lifted: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keep: Option<Timestamp>,
    /// When DynamoDB may drop the item, in Unix seconds. Nothing is decided by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ttl: Option<i64>,
    #[serde(default, with = "serde_bytes", skip_serializing_if = "Option::is_none")]
    x: Option<Vec<u8>>,
}

impl Ledger<'_> {
    /// Sets a hold. One of the same id that was set before is given back instead.
    ///
    /// # Errors
    /// When the tables cannot be written, or the person is being forgotten.
    pub async fn create_hold(&self, hold: &Hold) -> Result<Option<Hold>, StoreError> {
        // The way to the hold comes first: a way that leads nowhere does no harm.
        let owner = OwnerItem { p: hold.person };
        self.store.table.put(&keys::hold_owner(self.org, hold.id), &owner, &[], Only::Always).await?;
        match self.write_hold(hold, Only::IfAbsent).await {
            Ok(()) => Ok(None),
            Err(StoreError::Conflict) => match self.hold(hold.id).await? {
                Some(before) => Ok(Some(before)),
                None => Err(StoreError::Conflict),
            },
            Err(error) => Err(error),
        }
    }

    /// Writes the next version of a hold.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] unless the stored version is the one before.
    pub async fn put_hold(&self, hold: &Hold) -> Result<(), StoreError> {
        self.write_hold(hold, Only::IfVersion(hold.version - 1)).await
    }

    async fn write_hold(&self, hold: &Hold, only: Only) -> Result<(), StoreError> {
        let place = keys::hold(self.org, hold.person, hold.id);
        let x = match (hold.said == Particulars::default(), hold.person) {
            (true, _) => None,
            (false, None) => {
                Some(self.store.vault.tenant(self.org).await?.records().seal(&place, &hold.said)?)
            }
            // Never a new key for a person whose key was destroyed.
            (false, Some(person)) => {
                let seal = self.store.vault.seal_of(self.org, Owner::Person(person)).await?;
                Some(seal.ok_or(StoreError::Conflict)?.seal(&place, &hold.said)?)
            }
        };
        let item = HoldItem {
            pk: place.pk.clone(),
            sk: place.sk.clone(),
            v: hold.version,
            id: hold.id,
            kind: hold.terms.kind,
            ground: hold.terms.ground.clone(),
            review: hold.terms.review_on,
            until: hold.terms.until,
            scope: hold.terms.scope.clone(),
            at: hold.created_at,
            lifted: hold.lifted_at,
            keep: hold.keep_until,
            ttl: hold.keep_until.map(|end| end.timestamp()),
            x,
        };
        self.store.table.put(&place, &item, &[("list", Some(keys::in_hold_list(self.org, hold)))], only).await
    }

    /// The hold with this id.
    ///
    /// # Errors
    /// When the tables cannot be read.
    pub async fn hold(&self, id: HoldId) -> Result<Option<Hold>, StoreError> {
        let owner = keys::hold_owner(self.org, id);
        let Some(OwnerItem { p }) = self.store.table.get(&owner, Read::Consistent).await? else {
            return Ok(None);
        };
        let item = self.store.table.get(&keys::hold(self.org, p, id), Read::Consistent).await?;
        match item {
            Some(item) => Ok(Some(self.open_hold(item).await?)),
            None => Ok(None),
        }
    }

    /// All holds on this person alone, past ones included, newest first.
    ///
    /// # Errors
    /// When the tables cannot be read.
    pub async fn holds_on(&self, person: PersonKey) -> Result<Vec<Hold>, StoreError> {
        self.holds_in(&keys::person_partition(self.org, person)).await
    }

    /// The holds in force against the erasure of this person.
    ///
    /// # Errors
    /// When the tables cannot be read.
    pub async fn bars(&self, person: PersonKey, now: Timestamp) -> Result<Bars, StoreError> {
        let (own, all) = (keys::person_partition(self.org, person), keys::tenant_partition(self.org));
        let (own, all) = try_join(self.holds_in(&own), self.holds_in(&all)).await?;
        Ok(Bars::of(own.into_iter().chain(all), now))
    }

    async fn holds_in(&self, pk: &str) -> Result<Vec<Hold>, StoreError> {
        let end = format!("{}~", keys::HOLDS);
        let range = Range {
            pk,
            sk: Some((keys::HOLDS, &end)),
            newest_first: false,
            limit: None,
            read: Read::Consistent,
        };
        let items = self.store.table.query(range).await?;
        self.open_holds(items).await
    }

    /// A page of all holds of the tenant, newest first, and where the next begins.
    ///
    /// # Errors
    /// When the tables cannot be read.
    pub async fn list_holds(
        &self,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<(Vec<Hold>, Option<Cursor>), StoreError> {
        let pk = keys::hold_list_partition(self.org);
        let (items, next) = self.listed(&pk, Filter::default(), after, limit).await?;
        Ok((self.open_holds(items).await?, next))
    }

    /// Keeps of all holds on a person only what proves that they were. Doing it again changes
    /// nothing more.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if a hold changes at the same time; then it must be done again.
    pub async fn forget_holds(&self, person: PersonKey, keep_until: Timestamp) -> Result<(), StoreError> {
        for hold in self.holds_on(person).await? {
            if hold.keep_until.is_none() {
                self.put_hold(&hold.forgotten(keep_until)).await?;
            }
        }
        Ok(())
    }

    async fn open_holds(&self, items: Vec<Item>) -> Result<Vec<Hold>, StoreError> {
        let mut holds = Vec::with_capacity(items.len());
        for item in items {
            holds.push(self.open_hold(readable(item)?).await?);
        }
        holds.sort_by_key(|hold| std::cmp::Reverse(Cursor::from(hold)));
        Ok(holds)
    }

    async fn open_hold(&self, item: HoldItem) -> Result<Hold, StoreError> {
        let place = keys::Key { pk: item.pk, sk: item.sk };
        let person = keys::owner_of_partition(&place.pk).map(|(_, person)| person);
        let said = match (item.x, person) {
            (None, _) => Particulars::default(),
            (Some(sealed), None) => {
                self.store.vault.tenant(self.org).await?.records().unseal(&place, sealed)?
            }
            (Some(sealed), Some(person)) => {
                match self.store.vault.seal_of(self.org, Owner::Person(person)).await? {
                    Some(seal) => seal.unseal(&place, sealed)?,
                    // The key is destroyed, so what it sealed is forgotten.
                    None => Particulars::default(),
                }
            }
        };
        Ok(Hold {
            id: item.id,
            person,
            terms: Terms {
                kind: item.kind,
                ground: item.ground,
                review_on: item.review,
                until: item.until,
                scope: item.scope,
            },
            said,
            created_at: item.at,
            lifted_at: item.lifted,
            version: item.v,
            keep_until: item.keep,
        })
    }
}
