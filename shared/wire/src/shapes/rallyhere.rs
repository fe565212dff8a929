//! RallyHere: the purge and restriction objects (`003_7e754b52a3de9fbd.txt`).

use domain::{
    PersonId, Timestamp,
    purge::PurgeState,
    request::Request,
    restriction::{Restriction, RestrictionType},
};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::time;

/// A purge. All five fields are always present: the vendor's client rejects the answer otherwise.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PurgeResponse {
    person_id: PersonId,
    #[schemars(with = "Timestamp")]
    purge_on: String,
    #[schemars(with = "Timestamp")]
    created_on: String,
    #[schemars(with = "Timestamp")]
    last_modified_on: String,
    status: PurgeStatus,
}

/// How a purge stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum PurgeStatus {
    Queued,
    Held,
    Purging,
    Purged,
    Failed,
}

impl PurgeResponse {
    /// A purge that is queued or further; `None` if the request is none, or was called off.
    /// `person` is what the caller named: after the purge the ledger itself no longer knows.
    pub fn of(request: &Request, person: Uuid) -> Option<Self> {
        let purge = request.purge()?;
        Some(Self {
            person_id: PersonId::from(person),
            purge_on: time::offset(purge.due),
            created_on: time::offset(request.received_at),
            last_modified_on: time::offset(request.changed_at),
            status: match purge.state {
                PurgeState::Queued => PurgeStatus::Queued,
                PurgeState::Held => PurgeStatus::Held,
                PurgeState::Running => PurgeStatus::Purging,
                PurgeState::Done => PurgeStatus::Purged,
                PurgeState::Failed => PurgeStatus::Failed,
                PurgeState::Cancelled => return None,
            },
        })
    }
}

/// The restrictions in force.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Restrictions {
    restrictions: Vec<RestrictionEntry>,
}

/// One restriction.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RestrictionEntry {
    r#type: RestrictionType,
    reason: Option<String>,
    #[schemars(with = "Option<Timestamp>")]
    expiration: Option<String>,
}

impl From<&Restriction> for RestrictionEntry {
    fn from(restriction: &Restriction) -> Self {
        Self {
            r#type: restriction.kind,
            reason: restriction.reason.clone(),
            expiration: restriction.expiration.map(time::offset),
        }
    }
}

impl<'a> FromIterator<&'a Restriction> for Restrictions {
    fn from_iter<I: IntoIterator<Item = &'a Restriction>>(restrictions: I) -> Self {
        Self { restrictions: restrictions.into_iter().map(RestrictionEntry::from).collect() }
    }
}
