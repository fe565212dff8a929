//! Certificates of erasures: who may read them, and the public keys by which anybody may verify them.

pub mod create_key;
pub mod get;
pub mod list_keys;

use domain::{
    PersonKey, RequestId, Timestamp,
    certificate::{Certificate, Facts, Signed},
    request::Request,
    tenant::Tenant,
};
use runtime::{App, Failure};
use store::{StoreError, certificates::Certification};

use crate::takeouts::build::identities;

/// Notes what the certificate of an erasure will say and nobody will know once the person is
/// forgotten. Comes before the ledger forgets anything; a repeat changes nothing.
///
/// # Errors
/// When the ledger or the data map cannot be read, or the note not be written.
pub async fn note(app: &App, tenant: &Tenant, request: &Request) -> Result<(), Failure> {
    let ledger = app.ledger(tenant.org);
    // Whoever was here before may have gone on to forget the person.
    if ledger.certificate(request.id).await?.is_some() {
        return Ok(());
    }
    let person = ledger.person(request.person).await?;
    let searched = person.as_ref().map(identities).unwrap_or_default();
    let facts = Facts::of(app.engine(tenant).await?.map(), &searched);
    Ok(ledger.note_certificate(request.id, facts).await?)
}

/// Issues the certificate of an erasure that is complete but for being closed: every store was read
/// again, and the ledger has forgotten the person. There is one, however often this is done.
///
/// # Errors
/// When it is not complete, nothing was noted, or the ledger fails; then the purge must be tried
/// again, since it ends with its certificate.
pub async fn issue(app: &App, tenant: &Tenant, request: &Request) -> Result<(), Failure> {
    const GENERATOR: &str = concat!("lethe ", env!("CARGO_PKG_VERSION"));

    let ledger = app.ledger(tenant.org);
    let facts = match ledger.certificate(request.id).await? {
        Some(Certification::Issued { .. }) => return Ok(()),
        Some(Certification::Noted(facts)) => facts,
        None => return Err(StoreError::Conflict.into()),
    };
    let certificate =
        Certificate::of(tenant.org, request, facts, GENERATOR, app.now()).map_err(Failure::internal)?;
    let key = ledger.certificate_signer().await?;
    let signed = Signed::sign(&certificate, &key).map_err(Failure::internal)?;
    let (subject, keep_until) = (certificate.subject, certificate.ledger.kept_until);
    Ok(ledger.issue_certificate(request.id, subject, keep_until, signed).await?)
}

/// Where the certificate about a request can be had, if there is one that is still shown.
///
/// # Errors
/// When the ledger cannot be read.
pub(crate) async fn link(app: &App, tenant: &Tenant, request: &Request) -> Result<Option<String>, Failure> {
    // Before the person is forgotten there is none; only then it is worth a look.
    if request.purge().is_none() || request.keep_until.is_none() {
        return Ok(None);
    }
    let path = get::ROUTE.path.replace("{certificate_id}", &request.id.to_string());
    Ok(app
        .ledger(tenant.org)
        .certificate(request.id)
        .await?
        .and_then(|known| shown(known, app.now()))
        .map(|_| format!("{}{path}", app.config().public_url)))
}

/// The certificate about a request, if there is one that is still shown.
///
/// # Errors
/// When the ledger cannot be read.
pub(crate) async fn issued(app: &App, tenant: &Tenant, id: RequestId) -> Result<Option<Signed>, Failure> {
    let known = app.ledger(tenant.org).certificate(id).await?;
    Ok(known.and_then(|known| shown(known, app.now())).map(|shown| shown.signed))
}

/// A certificate that is issued, and still shown.
struct Shown {
    signed: Signed,
    subject: PersonKey,
}

fn shown(known: Certification, now: Timestamp) -> Option<Shown> {
    match known {
        Certification::Issued { signed, subject, keep_until } if now < keep_until => {
            Some(Shown { signed, subject })
        }
        Certification::Issued { .. } | Certification::Noted(_) => None,
    }
}
