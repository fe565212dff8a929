//! `GET /lethe/v1/openapi.json`: what this API takes and answers, as OpenAPI 3.1.
//!
//! The document is made by `cargo generate`; a test tells whether it is fresh.

use http::{Method, StatusCode};
use runtime::{
    Allow, Answer, Credentials, Failure, Need, NoBody, Route,
    docs::{Docs, Good},
};
use wire::Dialect;

/// The document.
pub(super) const DOCUMENT: &str = include_str!("../../../infra/openapi.json");

/// The route.
pub static ROUTE: Route = Route {
    name: "get-openapi",
    method: Method::GET,
    path: "/lethe/v1/openapi.json",
    aliases: &[],
    dialect: Dialect::Native,
    credentials: Credentials::None,
    allow: Allow::Anyone,
    errors: &[],
    needs: &[] as &[Need],
    summary: "Read the OpenAPI document",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::raw(200, "The document", "application/json")]);

/// Gives it out.
///
/// # Errors
/// None but those of every endpoint.
pub async fn handle(NoBody: NoBody) -> Result<Answer, Failure> {
    Ok(Answer {
        status: StatusCode::OK,
        content_type: Some(ROUTE.dialect.media_type().to_owned()),
        headers: vec![("cache-control", "public, max-age=3600".to_owned())],
        body: DOCUMENT.into(),
    })
}

endpoint!(handle);
