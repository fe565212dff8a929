//! `GET /lethe/v1/certificates/{certificate_id}`: the signed certificate of an erasure.
//!
//! For whoever may read requests, and for the person whom it is about while they can still sign in.
//! One that is unknown, somebody else's or no longer kept is not there: nobody learns which.

use domain::{Permission, RequestId};
use http::{Method, StatusCode};
use runtime::{Allow, Answer, Caller, Credentials, Failure, Need, Org, Path, Route, State};
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
