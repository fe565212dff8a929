//! The ledger: one DynamoDB table, a second small one for keys, and the bucket of finished takeouts.
//!
//! | module | keeps |
//! |---|---|
//! | [`persons`] | registered persons and how to find them by what identifies them |
//! | [`requests`] | requests of every kind, with the takeout or purge that answers them |
//! | [`consents`] | the append-only consent history |
//! | [`holds`] | legal holds and duties of retention |
//! | [`plans`] | plans of erasures |
//! | [`standing`] | what bears on whether a person's data may be used, in one read |
//! | [`list`] | lists of everything of a kind, page by page |
//! | [`certificates`] | certificates of erasures, and the keys that sign them |
//! | [`clients`] | API clients and our own token-signing key |
//! | [`replies`] | what was answered under an idempotency key |
//! | [`sessions`] | who of the staff is signed in to the console |
//! | [`limits`] | how often strangers did something of late |
//! | [`links`] | one-time links into the personal data view |
//! | [`takeouts`] | finished archives |
//! | `audit` | the log of all changes |
//! | `changes` | what the table's stream says of them |
//! | [`attachments`] | files that belong to requests |
//! | [`vault`] | keys: pseudonyms, sealing, and forgetting by destroying a key |
//!
//! Every read and write goes through a [`Ledger`], which belongs to one tenant; only sweepers and
//! the look-up of API clients work across tenants, and they say so.

pub mod attachments;
mod audit;
pub mod certificates;
mod changes;
pub mod clients;
pub mod consents;
pub mod deadlines;
mod error;
pub mod holds;
pub mod keys;
pub mod limits;
pub mod links;
pub mod list;
pub mod persons;
pub mod plans;
mod post_policy;
pub mod replies;
pub mod requests;
mod services;
pub mod sessions;
pub mod standing;
mod table;
pub mod takeouts;
pub mod vault;

use std::sync::Arc;

use domain::{OrgId, PersonId, PersonKey};

use attachments::Attachments;
use audit::Audit;
use certificates::Signers;
pub use changes::Change;
pub use error::StoreError;
pub use services::Services;
pub use table::Read;
use table::Table;
use takeouts::Takeouts;
use vault::Vault;

/// Where the ledger lies.
#[derive(Clone, Debug)]
pub struct Places {
    /// The table of the ledger.
    pub table: String,
    /// The table of keys, which has no point-in-time recovery.
    pub key_table: String,
    /// The bucket of finished takeouts.
    pub takeout_bucket: String,
    /// The bucket of the audit's log.
    pub audit_bucket: String,
    /// The bucket of files that belong to requests.
    pub attachment_bucket: String,
    /// The KMS key that wraps all others.
    pub kms_key: String,
}

/// The ledger of all tenants. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    table: Table,
    vault: Vault,
    takeouts: Takeouts,
    audit: Audit,
    attachments: Attachments,
    signers: Signers,
}

impl Store {
    /// The ledger in `places`.
    pub fn new(services: Services, places: Places) -> Self {
        let Places { table, key_table, takeout_bucket, attachment_bucket, audit_bucket, kms_key } = places;
        let vault = Vault::new(Table::new(services.clone(), key_table), services.clone(), kms_key);
        let takeouts = Takeouts::new(services.clone(), takeout_bucket);
        let attachments = Attachments::new(services.clone(), attachment_bucket);
        let audit = Audit::new(services.clone(), audit_bucket);
        let (table, signers) = (Table::new(services, table), Signers::default());
        Self { inner: Arc::new(Inner { table, vault, takeouts, attachments, audit, signers }) }
    }

    /// The part of the ledger that belongs to one tenant.
    pub fn of(&self, org: OrgId) -> Ledger<'_> {
        Ledger { store: &self.inner, org }
    }

    /// Finished takeouts.
    pub fn takeouts(&self) -> &Takeouts {
        &self.inner.takeouts
    }

    /// Files that belong to requests.
    pub fn attachments(&self) -> &Attachments {
        &self.inner.attachments
    }
}

/// The ledger of one tenant.
#[derive(Clone, Copy)]
pub struct Ledger<'a> {
    store: &'a Inner,
    org: OrgId,
}

impl Ledger<'_> {
    /// The tenant.
    pub fn org(&self) -> OrgId {
        self.org
    }

    /// Has the tenant's keys ready, and with them the connections to where they lie.
    ///
    /// # Errors
    /// When the tenant's keys cannot be had.
    pub async fn unlock(&self) -> Result<(), StoreError> {
        self.store.vault.tenant(self.org).await.map(drop)
    }

    /// The pseudonym of a person.
    ///
    /// # Errors
    /// When the tenant's keys cannot be had.
    pub async fn key_of(&self, person: &PersonId) -> Result<PersonKey, StoreError> {
        let hash = self.store.vault.tenant(self.org).await?.pseudonym(person.as_str());
        let mut key = [0; PersonKey::BYTES];
        key.copy_from_slice(&hash[..PersonKey::BYTES]);
        Ok(PersonKey(key))
    }
}
