//! How often something was done of late, by whom. Who it was is kept as a keyed hash, and not for long.

use domain::{Timestamp, limit::Limit};
use serde::{Deserialize, Serialize};

use crate::{
    Ledger, StoreError, keys,
    table::{Only, Read},
};

#[derive(Serialize, Deserialize)]
struct BucketItem {
    v: u64,
    full_at: Timestamp,
    /// When DynamoDB may drop it, in Unix seconds: once it is full, it says nothing.
    ttl: i64,
}

/// How many may be at it at the same time. Each of them but one tries again.
const TRIES: u32 = 32;

impl Ledger<'_> {
    /// Does `what` once, as `who`; or says when it may be done next. A refusal costs a read.
    ///
    /// # Errors
    /// When the tables cannot be read or written.
    pub async fn take(
        &self,
        limit: Limit,
        what: &str,
        who: &str,
        now: Timestamp,
    ) -> Result<Result<(), Timestamp>, StoreError> {
        // No id of a person has a zero in it.
        let hash = self.store.vault.tenant(self.org).await?.pseudonym(&format!("{what}\0{who}"));
        let place = keys::bucket(self.org, hash);
        for _ in 0..TRIES {
            let known = self.store.table.get::<BucketItem>(&place, Read::Consistent).await?;
            let full_at = match limit.take(known.as_ref().map(|bucket| bucket.full_at), now) {
                Ok(full_at) => full_at,
                Err(retry_at) => return Ok(Err(retry_at)),
            };
            let version = known.map_or(0, |bucket| bucket.v);
            let only = if version == 0 { Only::IfAbsent } else { Only::IfVersion(version) };
            let bucket = BucketItem { v: version + 1, full_at, ttl: full_at.timestamp() };
            match self.store.table.put(&place, &bucket, &[], only).await {
                Ok(()) => return Ok(Ok(())),
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
        // So many at once are too many.
        Ok(Err(now + limit.every))
    }
}
