//! `GET /lethe/v1/takeouts/confirm`: the page behind the link in a confirmation mail.
//!
//! It shows a button and changes nothing, whatever the token: mail scanners open links.

use http::Method;
use pages::confirm_takeout::Ask;
use runtime::{
    Allow, Answer, Credentials, Failure, Need, Route,
    docs::{Docs, Good, Param},
};
use wire::{Dialect, Query};

/// The route.
pub static ROUTE: Route = Route {
    name: "show-confirm-takeout",
    method: Method::GET,
    path: "/lethe/v1/takeouts/confirm",
    aliases: &[],
    dialect: Dialect::Native,
    credentials: Credentials::None,
    allow: Allow::Anyone,
    errors: &[],
    needs: &[] as &[Need],
    summary: "Show the button that confirms where a takeout goes",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::page(200, "A page with a button")]).query(&[Param::new::<String>(
    "token",
    "The token of the link in the mail",
)
.example("AAAA")]);

/// Shows it.
///
/// # Errors
/// None but those of every endpoint.
pub async fn handle(query: Query) -> Result<Answer, Failure> {
    let token = query.one("token")?.unwrap_or_default();
    // The token is written into the page only in the alphabet that tokens have.
    let token: String =
        token.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect();
    let action = format!("?token={token}");
    Ok(super::confirm::page(http::StatusCode::OK, Ask { action: &action }.page()))
}

endpoint!(handle);
