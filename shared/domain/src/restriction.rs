//! Restrictions: what is barred for a person while they last (GDPR Art. 18; RallyHere R7, R8).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// What is barred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RestrictionType {
    /// The account is banned.
    AccountBan,
    /// The account is locked.
    AccountLockout,
    /// The account waits for its deletion. Follows from a purge; cannot be set or lifted by hand.
    AccountPendingDeletion,
    /// The account cannot sign in.
    AccountDenyAuth,
}

/// A restriction in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restriction {
    /// What is barred.
    #[serde(rename = "type")]
    pub kind: RestrictionType,
    /// Why, as a short code.
    pub reason: Option<String>,
    /// Until when; without end if absent.
    pub expiration: Option<Timestamp>,
    /// Which kind of issuer set it.
    pub issuer_type: Option<String>,
    /// Who set it.
    pub issuer: Option<String>,
}

impl Restriction {
    /// How many restrictions a person can have at once.
    pub const MAX: usize = 100;

    /// The restriction that follows from a waiting or running purge.
    pub fn pending_deletion() -> Self {
        Self {
            kind: RestrictionType::AccountPendingDeletion,
            reason: Some("pending_deletion".into()),
            expiration: None,
            issuer_type: None,
            issuer: None,
        }
    }

    /// Whether it is still in force.
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.expiration.is_none_or(|end| now < end)
    }
}
