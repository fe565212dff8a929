//! The forms in which the dialects tell errors.

use schemars::JsonSchema;
use serde::Serialize;

/// PACE: a list of errors (`000_c2491cd37c7c1d0e.txt`).
#[derive(Debug, Serialize, JsonSchema)]
pub struct JsonApiErrors {
    /// At least one.
    pub(crate) errors: Vec<JsonApiError>,
}

/// One error. What has nothing to say is left out.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[schemars(inline)]
pub(crate) struct JsonApiError {
    /// The id of the call, as in the header `Request-Id`.
    pub(crate) id: String,
    /// The HTTP status as text.
    pub(crate) status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<&'static str>,
    pub(crate) title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<Source>,
}

/// SlashID: the envelope without a result (`001_371a57b7554a0a7f.txt`).
#[derive(Debug, Serialize, JsonSchema)]
pub struct EnvelopeErrors {
    pub(crate) errors: [EnvelopeError; 1],
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
pub(crate) struct EnvelopeError {
    pub(crate) httpcode: u16,
    pub(crate) message: String,
}

/// Instacart: one error, or several under one (`002_a71f3c77ddceadfa.txt`).
#[derive(Debug, Serialize, JsonSchema)]
pub struct ConnectError {
    pub(crate) error: ConnectMessage,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) meta: Option<ConnectMeta>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
pub(crate) struct ConnectMessage {
    pub(crate) message: String,
    /// 1001 for a faulty value, 9999 for several, else the HTTP status.
    pub(crate) code: u16,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) errors: Vec<ConnectError>,
}

/// Beside the error, not in it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
pub(crate) struct ConnectMeta {
    /// The faulty value's place.
    pub(crate) key: String,
}

/// RallyHere: what is wrong with the caller or the record (`003_7e754b52a3de9fbd.txt`).
#[derive(Debug, Serialize, JsonSchema)]
pub struct HzApiErrorModel {
    /// Whether the credential was good.
    pub(crate) auth_success: bool,
    pub(crate) error_code: &'static str,
    pub(crate) desc: String,
}

/// RallyHere: what is wrong with the call (`003_7e754b52a3de9fbd.txt`).
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "HTTPValidationError")]
pub struct ValidationErrors {
    pub(crate) detail: Vec<ValidationError>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ValidationError {
    /// Where: `body`, `path`, `query` or `header`, and what in it.
    pub(crate) loc: Vec<Loc>,
    pub(crate) msg: String,
    pub(crate) r#type: &'static str,
}

/// A name, or a place in a list or text.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
#[serde(untagged)]
pub(crate) enum Loc {
    Name(String),
    Place(usize),
}

/// Trivore: a sentence and the HTTP status (`004_e2c16d59e31fafcb.txt`).
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManagementError {
    pub(crate) error_message: String,
    pub(crate) status_code: u16,
}

/// Native: problem details (RFC 9457).
#[derive(Debug, Serialize, JsonSchema)]
pub struct ProblemDetails {
    /// `urn:lethe:problem:` and the name of the error.
    pub(crate) r#type: String,
    pub(crate) title: String,
    pub(crate) status: u16,
    pub(crate) detail: String,
    /// `urn:lethe:call:` and the id of the call, as in the header `Request-Id`.
    pub(crate) instance: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) errors: Vec<ProblemFault>,
}

/// What exactly is wrong with the call.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
pub(crate) struct ProblemFault {
    #[serde(flatten)]
    pub(crate) at: Source,
    pub(crate) detail: String,
}

/// Where in the call it is.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(inline)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Source {
    /// A JSON pointer into the body, in lower case.
    Pointer(String),
    /// A part of path or query, or a header.
    Parameter(&'static str),
}
