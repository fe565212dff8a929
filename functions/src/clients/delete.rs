//! `DELETE /lethe/v1/clients/{client_id}`: a program may sign in no more.
//!
//! Environments that have just served it know it for up to a minute, and tokens that it was given for their life.

use domain::Permission;
use http::{Method, StatusCode};
use runtime::{
    Allow, Credentials, Failure, Need, Org, Path, Route, State,
    docs::{Docs, Good},
};
use wire::{Code, Dialect};

/// The route.
pub static ROUTE: Route = Route {
    name: "delete-client",
    method: Method::DELETE,
    path: "/lethe/v1/clients/{client_id}",
    aliases: &[],
    dialect: Dialect::Native,
    credentials: Credentials::BasicOrBearer,
    allow: Allow::AnyOf(&[Permission::ClientsWrite]),
    errors: &[Code::ClientNotFound],
    needs: &[Need::WriteLedger],
    summary: "Let a program sign in no more",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::empty(204, "Removed, now or before")]);

/// Removes it. Removing it again changes nothing.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    Path(id): Path<String>,
) -> Result<StatusCode, Failure> {
    match app.ledger(tenant.org).remove_client(&id).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Code::ClientNotFound.into()),
    }
}

endpoint!(handle);
