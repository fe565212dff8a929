//! The certificate of an erasure: what was done, in terms that tell nothing of the person, signed so
//! that anybody can check it without asking us.
//!
//! It is made once a purge is complete, never for a part of one. Its format is described in
//! `docs/certificate.md`.

mod jws;
mod keys;

#[cfg(test)]
mod tests;

use chrono::{Days, NaiveDate};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    OrgId, PersonKey, RequestId, Timestamp,
    datamap::{DataMap, Identities},
    mandate::Mandate,
    plan::Method,
    purge::StoreOutcome,
    request::{Door, Kind, Request},
};

pub use jws::{File, Refused, Signed, Verified, verify};
pub use keys::{Jwk, JwkSet, KeyError, KeyRing, PublicKey, SigningKey};

/// What is certified of an erasure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// The version of this form.
    pub version: u32,
    /// The id of the request that was answered.
    pub id: RequestId,
    /// Whose data it was: the tenant.
    pub tenant: OrgId,
    /// Whom it was about: a pseudonym that only the tenant's key can make of a person's id.
    pub subject: PersonKey,
    /// What was asked for.
    pub kind: Kind,
    /// The dialect in which it was asked for.
    pub door: Door,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When all stores had been read again and Lethe had forgotten the person itself.
    pub executed_at: Timestamp,
    /// How often the work was begun.
    pub attempts: u32,
    /// The names, never the values, of the identities by which the stores were searched.
    pub searched_by: Vec<String>,
    /// The version of the data map.
    pub data_map: String,
    /// The policy, if not the map's own methods.
    pub policy: Option<String>,
    /// The hash of the plan that was asked for or released, if one was.
    pub plan_sha256: Option<String>,
    /// What became of each collection, in the order in which they were searched.
    pub collections: Vec<Certified>,
    /// What Lethe itself forgot.
    pub ledger: Forgotten,
    /// The last day on which a backup of any of the stores may still restore something; absent if
    /// a store does not say for how long it has backups.
    pub backup_horizon: Option<NaiveDate>,
    /// Name and version of the program that made the certificate.
    pub generator: String,
}

/// What became of one collection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Certified {
    /// The data set in the data map.
    pub dataset: String,
    /// The collection in it.
    pub collection: String,
    /// What was done to the person's own rows.
    pub method: Method,
    /// Rows found before.
    pub found: u64,
    /// Rows deleted.
    pub erased: u64,
    /// Rows of which something was overwritten.
    pub masked: u64,
    /// Rows kept on purpose.
    pub kept: u64,
    /// Why they were kept, with the legal ground where there is one.
    pub kept_because: Vec<String>,
    /// Rows to be erased that were found when the store was read again: none.
    pub after: u64,
    /// The last day on which a backup may still restore them; absent if the store does not say.
    pub backup_horizon: Option<NaiveDate>,
}

/// What Lethe itself forgot of the person, and what it keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Forgotten {
    /// By when the person's data key was destroyed, and with it all that is sealed in the ledger
    /// and in every backup of it.
    pub key_destroyed_at: Timestamp,
    /// Until when the request, without anything that tells who the person is, is kept as proof.
    pub kept_until: Timestamp,
}

/// What must be noted for a certificate while the person is still known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The names of the identities by which the stores are searched.
    pub searched_by: Vec<String>,
    /// The version of the data map.
    pub data_map: String,
}

/// Why there is nothing to certify.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Uncertifiable {
    /// Lethe did nothing about the request.
    #[error("only a purge is certified")]
    NoPurge,
    /// Something is left, or was not read again.
    #[error("a purge is certified only when every store was read again and found empty")]
    NotVerified,
    /// The person is still known.
    #[error("a purge is certified only when the person is forgotten")]
    NotForgotten,
}

impl Facts {
    /// What a map and the identities of a person say. Only names that lead into the map count.
    pub fn of(map: &DataMap, identities: &Identities) -> Self {
        let leading = map.identity_names();
        let names = identities.iter().map(|(name, _)| name).filter(|name| leading.contains(name));
        Self { searched_by: names.map(str::to_owned).collect(), data_map: map.version.clone() }
    }
}

impl Certificate {
    /// The version of the form that is written, and the only one that is read.
    pub const VERSION: u32 = 1;

    /// The certificate of a purge that is complete.
    ///
    /// # Errors
    /// See [`Uncertifiable`].
    pub fn of(
        tenant: OrgId,
        request: &Request,
        facts: Facts,
        generator: &str,
        now: Timestamp,
    ) -> Result<Self, Uncertifiable> {
        let purge = request.purge().ok_or(Uncertifiable::NoPurge)?;
        let kept_until = request.keep_until.ok_or(Uncertifiable::NotForgotten)?;
        // Clocks differ: nothing is done before it was asked for.
        let executed_at = now.max(request.received_at);
        let collections: Vec<Certified> = purge
            .outcomes
            .iter()
            .map(|outcome| Certified::of(outcome, executed_at))
            .collect::<Option<_>>()
            .ok_or(Uncertifiable::NotVerified)?;
        Ok(Self {
            version: Self::VERSION,
            id: request.id,
            tenant,
            subject: request.person,
            kind: request.kind,
            door: request.door,
            requested_at: request.received_at,
            executed_at,
            attempts: purge.attempts,
            backup_horizon: horizon(&collections, executed_at),
            searched_by: facts.searched_by,
            data_map: facts.data_map,
            policy: purge.mandate.policy.clone(),
            plan_sha256: approved(&purge.mandate).cloned(),
            collections,
            ledger: Forgotten { key_destroyed_at: executed_at, kept_until },
            generator: generator.to_owned(),
        })
    }

    /// Whether it certifies what a certificate must: that nothing is left, and until when backups
    /// last. One that does not is none, whoever signed it.
    fn is_sound(&self) -> bool {
        self.kind == Kind::Erasure
            && self.requested_at <= self.executed_at
            && self.collections.iter().all(|collection| collection.after == 0)
            && self.backup_horizon == horizon(&self.collections, self.executed_at)
    }
}

impl Certified {
    /// What became of a collection; nothing if it is not proven empty.
    fn of(outcome: &StoreOutcome, executed_at: Timestamp) -> Option<Self> {
        let after = outcome.after.filter(|left| *left == 0 && outcome.error.is_none())?;
        Some(Self {
            dataset: outcome.dataset.clone(),
            collection: outcome.collection.clone(),
            method: outcome.method,
            found: outcome.found,
            erased: outcome.erased,
            masked: outcome.masked,
            kept: outcome.kept,
            kept_because: outcome.kept_because.clone(),
            after,
            // What lies beyond the calendar is as good as unknown.
            backup_horizon: outcome
                .backup_days
                .and_then(|days| executed_at.date_naive().checked_add_days(Days::new(days.into()))),
        })
    }
}

/// The hash of the plan that somebody has read and asked for, or released.
fn approved(mandate: &Mandate) -> Option<&String> {
    let released = mandate.release.as_ref().filter(|release| release.by.is_some());
    mandate.plan.as_ref().or(released.map(|release| &release.plan))
}

/// The last day on which any backup may still restore something: unknown if one is unknown, and the
/// day itself if there was nothing to search.
fn horizon(collections: &[Certified], executed_at: Timestamp) -> Option<NaiveDate> {
    let first = Some(executed_at.date_naive());
    collections
        .iter()
        .map(|collection| collection.backup_horizon)
        .fold(first, |latest, one| Some(latest?.max(one?)))
}
