//! `GET /users/v1/person/me/purge`: how one's own purge stands; 404 means none is queued.

use http::Method;
use runtime::{Allow, Caller, Credentials, Failure, Json, Need, Org, Route, State};
use wire::{Code, Dialect, shapes::rallyhere::PurgeResponse};

/// The route.
pub static ROUTE: Route = Route {
    name: "get-own-purge",
    method: Method::GET,
    path: "/users/v1/person/me/purge",
    aliases: &[],
    dialect: Dialect::Detail,
    credentials: Credentials::BearerOrCookie,
    allow: Allow::Anyone,
    errors: &[Code::PurgeNotFound],
    needs: &[Need::ReadLedger],
    summary: "See how one's own purge stands",
};

/// Shows it.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    caller: Caller,
) -> Result<Json<PurgeResponse>, Failure> {
    super::purge_of(&app, &tenant, super::own_id(&caller)?).await
}

endpoint!(handle);
