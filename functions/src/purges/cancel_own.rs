//! `DELETE /users/v1/person/me/purge`: call off one's own purge, unless it has begun.

use http::{Method, StatusCode};
use runtime::{
    Allow, Caller, Credentials, Failure, Need, Org, Route, State,
    docs::{Docs, Good},
};
use wire::{Code, Dialect};

/// The route.
pub static ROUTE: Route = Route {
    name: "cancel-own-purge",
    method: Method::DELETE,
    path: "/users/v1/person/me/purge",
    aliases: &[],
    dialect: Dialect::Detail,
    credentials: Credentials::BearerOrCookie,
    allow: Allow::Anyone,
    errors: &[Code::PersonNotFound, Code::PurgeInProgress],
    needs: &[Need::WriteLedger],
    summary: "Call off one's own purge",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::empty(204, "Called off, or nothing was queued")]);

/// Calls it off.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(State(app): State, Org(tenant): Org, caller: Caller) -> Result<StatusCode, Failure> {
    super::cancel(&app, &tenant, super::own_id(&caller)?).await
}

endpoint!(handle);
