//! What a function says, as an HTTP answer; and what API Gateway says itself.

use std::collections::BTreeMap;

use axum::{
    Json,
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde::Deserialize;

/// The output of a function, payload format 2.0. Headers of several values are one text there; what
/// `lambda_http` writes as `multiValueHeaders` is always empty, and ignored by API Gateway.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Output {
    status_code: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    cookies: Vec<String>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

/// The HTTP answer a function means by its output.
pub(super) fn response(output: &[u8], id: &str) -> Result<Response, Refusal> {
    let output: Output = serde_json::from_slice(output).map_err(|_| Refusal::Failed)?;
    let text = output.body.unwrap_or_default();
    let body = if output.is_base64_encoded {
        BASE64.decode(text).map_err(|_| Refusal::Failed)?
    } else {
        text.into_bytes()
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(output.status_code).map_err(|_| Refusal::Failed)?;
    let cookies = output.cookies.into_iter().map(|cookie| (header::SET_COOKIE.to_string(), cookie));
    for (name, value) in output.headers.into_iter().chain(cookies) {
        let name = HeaderName::try_from(name).map_err(|_| Refusal::Failed)?;
        let value = HeaderValue::try_from(value).map_err(|_| Refusal::Failed)?;
        // How the body travels is between the client and us.
        if name != header::CONTENT_LENGTH && name != header::TRANSFER_ENCODING && name != header::CONNECTION {
            response.headers_mut().append(name, value);
        }
    }
    let id = HeaderValue::try_from(id).map_err(|_| Refusal::Failed)?;
    response.headers_mut().insert("apigw-requestid", id);
    Ok(response)
}

/// What API Gateway answers without asking, or instead of, a function.
#[derive(Clone, Copy, Debug)]
pub(super) enum Refusal {
    BadRequest,
    NotFound,
    BodyTooLong,
    HeadersTooLong,
    Failed,
    TooSlow,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = match self {
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::BodyTooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Self::HeadersTooLong => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Failed => StatusCode::INTERNAL_SERVER_ERROR,
            Self::TooSlow => StatusCode::SERVICE_UNAVAILABLE,
        };
        let message = match self {
            // The name this status had when API Gateway was made.
            Self::BodyTooLong => "Request Entity Too Large",
            _ => status.canonical_reason().unwrap_or_default(),
        };
        (status, Json(serde_json::json!({ "message": message }))).into_response()
    }
}
