//! Consents, as SlashID speaks of them (`001_371a57b7554a0a7f.txt`).

pub mod get;
pub mod get_own;
pub mod replace;
pub mod replace_own;
pub mod store;
pub mod store_own;
pub mod withdraw;
pub mod withdraw_own;

use ::store::Read;
use domain::{
    PersonId,
    consent::{Change, Consent},
    tenant::{Subjects, Tenant},
};
use runtime::{App, Caller, Failure};
use wire::{
    Code, Problem,
    shapes::slashid::{Consents, Envelope},
};

/// The caller as a person, for the calls about oneself.
fn own_id(caller: &Caller) -> Result<PersonId, Failure> {
    caller.person().ok_or_else(|| Problem::about(Code::AuthTokenInvalidClaim, "sub").into())
}

/// The consents of a person that are in force.
async fn consents_of(
    app: &App,
    tenant: &Tenant,
    person: &PersonId,
    read: Read,
) -> Result<Envelope<Consents>, Failure> {
    let ledger = app.ledger(tenant.org);
    let key = ledger.key_of(person).await?;
    match (ledger.consents(key, read).await?, tenant.subjects) {
        (Some(consents), Subjects::Registered | Subjects::Open) => Ok(consents.into()),
        (None, Subjects::Open) => Ok(Vec::new().into()),
        (None, Subjects::Registered) => Err(Code::PersonNotFound.into()),
    }
}

/// Appends a change to a person's consent history.
async fn change(
    app: &App,
    tenant: &Tenant,
    person: &PersonId,
    caller: &Caller,
    change: Change,
) -> Result<Vec<Consent>, Failure> {
    let ledger = app.ledger(tenant.org);
    let key = ledger.key_of(person).await?;
    let (now, actor, once) = (app.now(), caller.actor(), app.entropy().once());
    if let Some(consents) = ledger.change_consents(key, &change, &actor, now, once).await? {
        return Ok(consents);
    }
    // Unknown: an open tenant gets to know the person now.
    app.subject(tenant, person).await?;
    let changed = ledger.change_consents(key, &change, &actor, now, once).await?;
    changed.ok_or_else(|| Code::PersonNotFound.into())
}
