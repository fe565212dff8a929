//! `GET /lethe/v1/keys/{org_id}`: the public keys of a tenant's certificates, as a JWK set.
//!
//! For everybody: whoever holds a certificate must be able to verify it. Keys that sign nothing any
//! more stay. A tenant that has certified nothing has none, just like one that does not exist.

use domain::{OrgId, certificate::JwkSet};
use http::{Method, StatusCode};
use runtime::{
    Allow, Answer, Credentials, Failure, Need, Path, Route, State,
    docs::{Docs, Good},
};
use wire::{Code, Dialect};

/// The route.
pub static ROUTE: Route = Route {
    name: "list-keys",
    method: Method::GET,
    path: "/lethe/v1/keys/{org_id}",
    aliases: &[],
    dialect: Dialect::Native,
    credentials: Credentials::None,
    allow: Allow::Anyone,
    errors: &[Code::InvalidParameter],
    needs: &[Need::ReadLedger],
    summary: "Read the public keys of a tenant's certificates",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::written::<JwkSet>(
    200,
    "The public keys",
    "application/jwk-set+json",
    r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"5aqUm9tIEXsMsdbsY2ZJ87jU5VvAh2bFmt6e972mVV4","kid":"KuMFZaJAgMyITyIimTzWcGJ_ptq4fify5iFl87JK1wc","alg":"EdDSA","use":"sig"}]}"#,
)]);

/// Lists them.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(State(app): State, Path(org): Path<OrgId>) -> Result<Answer, Failure> {
    let keys: JwkSet = app.ledger(org).certificate_keys().await?.into_iter().collect();
    Ok(Answer {
        status: StatusCode::OK,
        content_type: Some("application/jwk-set+json".to_owned()),
        // A new key is kept before it signs anything, and is looked for again after this time.
        headers: vec![("cache-control", "public, max-age=300".to_owned())],
        body: serde_json::to_vec(&keys).map_err(Failure::internal)?.into(),
    })
}

endpoint!(handle);
