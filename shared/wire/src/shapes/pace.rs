//! PACE: the takeout resource (`000_c2491cd37c7c1d0e.txt`).

use domain::{
    RequestId, Timestamp,
    request::{Kind, Request, Work},
    takeout::TakeoutState,
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::time;

/// The only resource type of this surface.
pub const TYPE: &str = "GDPRTakeout";

/// A document with one takeout or a list of them.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
pub struct Document<T> {
    /// The primary data.
    pub data: T,
}

/// A takeout as a JSON:API resource. Password and address are never echoed.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TakeoutResource {
    #[schemars(extend("const" = TYPE))]
    r#type: &'static str,
    id: RequestId,
    attributes: Attributes,
    /// What the vendor does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<SoFar>,
}

/// How far the building has got.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
struct SoFar {
    records: u64,
    bytes: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
#[serde(rename_all = "camelCase")]
struct Attributes {
    #[schemars(with = "Timestamp")]
    creation_date: String,
    #[schemars(with = "Timestamp")]
    expiration_date: String,
    status: TakeoutStatus,
}

/// How a takeout stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum TakeoutStatus {
    InProgress,
    Ready,
    Expired,
    Failed,
}

impl TakeoutResource {
    /// An access request seen through this door. Requests of other kinds are not seen.
    pub fn of(request: &Request, life: chrono::TimeDelta) -> Option<Self> {
        let (status, expires) = match &request.work {
            Work::Takeout(takeout) => (takeout.state.into(), takeout.expires_at),
            // Opened through another door, and not yet dealt with.
            Work::Manual if request.kind == Kind::Access => {
                let is_over = request.confirmation.is_some();
                let status = if is_over { TakeoutStatus::Expired } else { TakeoutStatus::InProgress };
                (status, request.received_at + life)
            }
            Work::Manual | Work::Purge(_) => return None,
        };
        let so_far = request
            .takeout()
            .filter(|takeout| takeout.state == TakeoutState::InProgress)
            .and_then(|takeout| takeout.progress)
            .map(|progress| SoFar { records: progress.records, bytes: progress.bytes });
        Some(Self {
            meta: so_far,
            r#type: TYPE,
            id: request.id,
            attributes: Attributes {
                creation_date: time::seconds(request.received_at),
                expiration_date: time::seconds(expires),
                status,
            },
        })
    }
}

impl From<TakeoutState> for TakeoutStatus {
    fn from(state: TakeoutState) -> Self {
        match state {
            TakeoutState::Unconfirmed | TakeoutState::InProgress => Self::InProgress,
            TakeoutState::Ready => Self::Ready,
            TakeoutState::Expired => Self::Expired,
            TakeoutState::Failed => Self::Failed,
        }
    }
}
