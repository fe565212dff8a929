//! PACE: the takeout resource (`000_c2491cd37c7c1d0e.txt`).

use domain::{
    RequestId,
    request::{Kind, Request, Work},
    takeout::TakeoutState,
};
use serde::Serialize;

use crate::time;

/// The only resource type of this surface.
pub const TYPE: &str = "GDPRTakeout";

/// A document with one takeout or a list of them.
#[derive(Debug, Serialize)]
pub struct Document<T> {
    /// The primary data.
    pub data: T,
}

/// A takeout as a JSON:API resource. Password and address are never echoed.
#[derive(Debug, Serialize)]
pub struct TakeoutResource {
    r#type: &'static str,
    id: RequestId,
    attributes: Attributes,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Attributes {
    creation_date: String,
    expiration_date: String,
    status: &'static str,
}

impl TakeoutResource {
    /// An access request seen through this door. Requests of other kinds are not seen.
    pub fn of(request: &Request, life: chrono::TimeDelta) -> Option<Self> {
        let (status, expires) = match &request.work {
            Work::Takeout(takeout) => (status(takeout.state), takeout.expires_at),
            // Opened through another door, and not yet dealt with.
            Work::Manual if request.kind == Kind::Access => {
                let status = if request.confirmation.is_some() { "expired" } else { "inProgress" };
                (status, request.received_at + life)
            }
            Work::Manual | Work::Purge(_) => return None,
        };
        Some(Self {
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

const fn status(state: TakeoutState) -> &'static str {
    match state {
        TakeoutState::Unconfirmed | TakeoutState::InProgress => "inProgress",
        TakeoutState::Ready => "ready",
        TakeoutState::Expired => "expired",
        TakeoutState::Failed => "failed",
    }
}
