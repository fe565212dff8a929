//! Trivore: the personal data request (`004_e2c16d59e31fafcb.txt`).

use domain::{
    RequestId, Timestamp,
    request::{Kind, Request},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::time;

/// The type of a request in this dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the seed's table says what each means")]
pub enum RequestType {
    DataRetrieval,
    Removal,
    Correction,
    ProcessingRestriction,
}

impl From<RequestType> for Kind {
    fn from(kind: RequestType) -> Self {
        match kind {
            RequestType::DataRetrieval => Self::Access,
            RequestType::Removal => Self::Erasure,
            RequestType::Correction => Self::Correction,
            RequestType::ProcessingRestriction => Self::Restriction,
        }
    }
}

impl From<Kind> for RequestType {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Access => Self::DataRetrieval,
            Kind::Erasure => Self::Removal,
            Kind::Correction => Self::Correction,
            Kind::Restriction => Self::ProcessingRestriction,
        }
    }
}

/// A personal data request. What is not known is `null`, never absent.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PersonalDataRequest {
    id: RequestId,
    request_type: RequestType,
    #[schemars(with = "Timestamp")]
    request_time: String,
    request_remarks: Option<String>,
    #[schemars(with = "Option<Timestamp>")]
    confirm_time: Option<String>,
    confirm_by: Option<String>,
    confirm_remarks: Option<String>,
    comment_for_user: Option<String>,
}

impl From<&Request> for PersonalDataRequest {
    fn from(request: &Request) -> Self {
        let confirmation = request.confirmation.as_ref();
        Self {
            id: request.id,
            request_type: request.kind.into(),
            request_time: time::millis(request.received_at),
            request_remarks: request.remarks.clone(),
            confirm_time: confirmation.map(|confirmation| time::millis(confirmation.at)),
            confirm_by: confirmation.map(|confirmation| confirmation.by.clone()),
            confirm_remarks: confirmation.and_then(|confirmation| confirmation.remarks.clone()),
            comment_for_user: confirmation.and_then(|confirmation| confirmation.comment.clone()),
        }
    }
}
