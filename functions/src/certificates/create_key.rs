//! `POST /lethe/v1/keys`: a new key for the tenant's certificates.
//!
//! The key before it is destroyed and signs nothing any more; what it signed is still verified.

use domain::{Permission, certificate::Jwk};
use http::{Method, StatusCode};
use runtime::{
    Allow, Credentials, Failure, Json, Need, NoBody, Org, Route, State,
    docs::{Docs, Good},
};
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

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::json(
    201,
    "The public half of the key",
    r#"{"kty":"OKP","crv":"Ed25519","x":"5aqUm9tIEXsMsdbsY2ZJ87jU5VvAh2bFmt6e972mVV4","kid":"KuMFZaJAgMyITyIimTzWcGJ_ptq4fify5iFl87JK1wc","alg":"EdDSA","use":"sig"}"#,
)]);

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
