//! Our own API, where no dialect has one: the registry of persons, and requests of all kinds and
//! doors.

pub mod delete_person;
pub mod get_person;
pub mod get_request;
pub mod health;
pub mod import_persons;
pub mod list_requests;
pub mod put_person;

use domain::{PersonId, person::Person, tenant::Tenant};
use runtime::{App, Failure};
use wire::shapes::native::PersonBody;

/// Registers a person, or writes what is now known of one; true if the person is new.
async fn register(
    app: &App,
    tenant: &Tenant,
    id: PersonId,
    body: PersonBody,
) -> Result<(Person, bool), Failure> {
    let ledger = app.ledger(tenant.org);
    let key = ledger.key_of(&id).await?;
    let now = app.now();
    let before = ledger.person(key).await?;
    // Even when the person is forgotten already: whoever finishes the purge would forget them anew.
    app.refuse_while_erasing(tenant, key).await?;
    let base = match &before {
        Some(known) => Person { version: known.version + 1, changed_at: now, ..known.clone() },
        None => Person::new(id, now),
    };
    let after = base.with_identities(body.identities, body.verified, body.linked_identities)?;
    ledger.put_person(key, &after, before.as_ref()).await?;
    Ok((after, before.is_none()))
}
