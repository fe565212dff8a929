//! `GET /lethe/v1/certificates/{certificate_id}`: the signed certificate of an erasure.
//!
//! For whoever may read requests, and for the person whom it is about while they can still sign in.
//! One that is unknown, somebody else's or no longer kept is not there: nobody learns which.

use domain::{Permission, RequestId, certificate::File};
use http::{Method, StatusCode};
use runtime::{
    Allow, Answer, Caller, Credentials, Failure, Need, Org, Path, Route, State,
    docs::{Docs, Good},
};
use wire::{Code, Dialect};

use super::Shown;

/// The route.
pub static ROUTE: Route = Route {
    name: "get-certificate",
    method: Method::GET,
    path: "/lethe/v1/certificates/{certificate_id}",
    aliases: &[],
    dialect: Dialect::Native,
    credentials: Credentials::BasicOrBearer,
    allow: Allow::Anyone,
    errors: &[Code::InvalidParameter, Code::CertificateNotFound],
    needs: &[Need::ReadLedger],
    summary: "Read the signed certificate of an erasure",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::written::<File>(
    200,
    "The certificate with its signature",
    "application/json",
    r#"{"certificate":{"version":1,"id":"019cadfd-8900-7e1a-a6d4-9634d4fed270","tenant":"af5fbd30-7ce7-4548-8b30-4cd59cb2aba1","subject":"00112233445566778899","kind":"erasure","door":"rallyhere","requested_at":"2026-03-02T10:00:00Z","executed_at":"2026-03-09T10:00:07Z","attempts":1,"searched_by":["email"],"data_map":"a3e8a8f8474f8ce2b8924e46812d60a0a1df6e1e0f90a489bb31bd5c08e01943","policy":null,"plan_sha256":null,"collections":[{"dataset":"shop","collection":"customers","method":"delete","found":1,"erased":1,"masked":0,"kept":0,"kept_because":[],"after":0,"backup_horizon":null}],"ledger":{"key_destroyed_at":"2026-03-09T10:00:07Z","kept_until":"2029-03-09T10:00:00Z"},"backup_horizon":null,"generator":"lethe 0.1.0"},"jws":"eyJhbGciOiJFZERTQSJ9.e30.c2ln"}"#,
)]);

/// Reads it.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    caller: Caller,
    Path(id): Path<RequestId>,
) -> Result<Answer, Failure> {
    let ledger = app.ledger(tenant.org);
    let known = ledger.certificate(id).await?.and_then(|known| super::shown(known, app.now()));
    let Shown { signed, subject } = known.ok_or(Code::CertificateNotFound)?;
    let is_own = match caller.person() {
        Some(own) => ledger.key_of(&own).await? == subject,
        None => false,
    };
    if !is_own && !caller.grants.allow(Permission::RequestsRead) {
        return Err(Code::CertificateNotFound.into());
    }
    Ok(Answer {
        status: StatusCode::OK,
        content_type: Some(ROUTE.dialect.media_type().to_owned()),
        headers: Vec::new(),
        body: signed.file().map_err(Failure::internal)?.into(),
    })
}

endpoint!(handle);
