//! `POST /lethe/v1/keys`: a new key for the tenant's certificates.
//!
//! The key before it is destroyed and signs nothing any more; what it signed is still verified.

use domain::{Permission, certificate::Jwk};
use http::{Method, StatusCode};
use runtime::{Allow, Credentials, Failure, Json, Need, NoBody, Org, Route, State};
use wire::{Code, Dialect};

/// The route.
pub static ROUTE: Route = Route {
    name: "create-key",
    method: Method::POST,
    path: "/lethe/v1/keys",
    aliases: &[],
    dialect: Dialect::Native,
    credentials: Credentials::BasicOrBearer,
    allow: Allow::AnyOf(&[Permission::KeysWrite]),
    errors: &[Code::Conflict],
    needs: &[Need::WriteLedger, Need::Certify],
    summary: "Make a new key for certificates, in place of the one before",
};

/// Makes it.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    NoBody: NoBody,
) -> Result<(StatusCode, Json<Jwk>), Failure> {
    let key = app.ledger(tenant.org).replace_certificate_key().await?;
    Ok((StatusCode::CREATED, Json(key.jwk())))
}

endpoint!(handle);
