//! `GET /console/persons`: whom to look up.

use domain::Permission;
use http::Method;
use pages::console::{Here, persons::Persons};
use runtime::{
    Allow, Answer, Caller, Credentials, Failure, Need, Route, State,
    docs::{Docs, Good, Param},
};
use wire::{Dialect, Query};

use super::{frame, page};

/// The route.
pub static ROUTE: Route = Route {
    name: "show-persons",
    method: Method::GET,
    path: "/console/persons",
    aliases: &[],
    dialect: Dialect::Page,
    credentials: Credentials::Session,
    allow: Allow::AnyOf(&[Permission::AccountView]),
    errors: &[],
    needs: &[Need::ReadLedger],
    summary: "Ask whom to look up",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::page(200, "The question")])
    .query(&[Param::new::<String>("for", "`request`, to make a request for whoever is found")]);

/// Asks.
///
/// # Errors
/// None but those of every endpoint.
pub async fn handle(State(_): State, caller: Caller, query: Query) -> Result<Answer, Failure> {
    let is_for_request = query.all("for").next() == Some("request");
    Ok(page(Persons { frame: frame(&caller, Here::Persons)?, is_for_request, found: None }.page()))
}

page!(super::SHOW, handle);
