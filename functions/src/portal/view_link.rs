//! `GET /personal-data-view`: the page behind a one-time link. It shows a button and changes nothing, whatever
//! the token: mail scanners open links, and some run what they find there.

use http::Method;
use pages::portal::view::Open;
use runtime::{
    Allow, Answer, Credentials, Failure, Need, Route,
    docs::{Docs, Good, Param},
};
use wire::{Dialect, Query};

/// The route.
pub static ROUTE: Route = Route {
    name: "show-view-link",
    method: Method::GET,
    path: "/personal-data-view",
    aliases: &[],
    dialect: Dialect::Page,
    credentials: Credentials::None,
    allow: Allow::Anyone,
    errors: &[],
    needs: &[] as &[Need],
    summary: "Show the button that opens a personal data view",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::page(200, "A page with a button")]).query(&[Param::new::<String>(
    "ssdt",
    "The token of the link",
)
.example("AAAA")]);

/// Shows it.
///
/// # Errors
/// None but those of every endpoint.
pub async fn handle(query: Query) -> Result<Answer, Failure> {
    let token = query.all("ssdt").next().unwrap_or_default();
    // It is written into the page only in the alphabet that tokens have.
    let token: String =
        token.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect();
    let action = format!("{}?ssdt={token}", ROUTE.path);
    Ok(Answer::page(http::StatusCode::OK, Open { action: &action }.page()))
}

page!(super::SHOW, handle);
