//! Plans of erasures, kept for those who read and apply them.

use domain::{PersonKey, RequestId, Timestamp, plan::Plan};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    Ledger, StoreError, keys,
    table::{Only, Read},
    vault::Owner,
};

#[derive(Serialize, Deserialize)]
struct PlanItem {
    until: Timestamp,
    /// When DynamoDB may drop it, in Unix seconds. Nothing is decided by it.
    ttl: i64,
    #[serde(with = "serde_bytes")]
    x: Vec<u8>,
}

/// A plan and until when it can be applied.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptPlan {
    /// The plan.
    pub plan: Plan,
    /// Until when it can be read and applied.
    pub expires_at: Timestamp,
}

impl Ledger<'_> {
    /// Keeps a plan under its hash. Writing the same plan again only prolongs it.
    ///
    /// # Errors
    /// When the tables cannot be written.
    pub async fn put_plan(&self, person: PersonKey, kept: &KeptPlan) -> Result<(), StoreError> {
        let place = keys::plan(self.org, person, &kept.plan.sha256);
        let seal = self.store.vault.seal_for(self.org, Owner::Person(person)).await?;
        let item = PlanItem {
            until: kept.expires_at,
            ttl: kept.expires_at.timestamp(),
            x: seal.seal(&place, &kept.plan)?,
        };
        self.store.table.put(&place, &item, &[], Only::Always).await
    }

    /// The secret with which the purge `id` masks values: the same however often its worker dies, and
    /// gone with the person's data key.
    ///
    /// # Errors
    /// When the tables cannot be read, or the person has no data key any more.
    pub async fn masking_secret(
        &self,
        person: PersonKey,
        id: RequestId,
    ) -> Result<Zeroizing<[u8; 32]>, StoreError> {
        let purpose = format!("masking {id}");
        let secret = self.store.vault.derived(self.org, Owner::Person(person), &purpose).await?;
        secret.ok_or(StoreError::Conflict)
    }

    /// The plan with this hash, unless it has expired.
    ///
    /// # Errors
    /// When the tables cannot be read.
    pub async fn plan(
        &self,
        person: PersonKey,
        sha256: &str,
        now: Timestamp,
    ) -> Result<Option<KeptPlan>, StoreError> {
        // What is no hash names no plan, and could be too long for a key.
        if sha256.len() != 64 || !sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(None);
        }
        let place = keys::plan(self.org, person, sha256);
        let item: Option<PlanItem> = self.store.table.get(&place, Read::Consistent).await?;
        let Some(PlanItem { until, ttl: _, x }) = item.filter(|item| now < item.until) else {
            return Ok(None);
        };
        let Some(seal) = self.store.vault.seal_of(self.org, Owner::Person(person)).await? else {
            return Ok(None);
        };
        Ok(Some(KeptPlan { plan: seal.unseal(&place, x)?, expires_at: until }))
    }
}
