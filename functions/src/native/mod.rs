//! Our own API, where no dialect has one: the registry of persons, and requests of all kinds and
//! doors.

pub mod check;
pub mod delete_person;
pub mod docs;
pub mod get_person;
pub mod get_request;
pub mod health;
pub mod import_persons;
pub mod list_requests;
pub mod openapi;
pub(crate) mod paging;
pub mod put_person;

use domain::{PersonId, person::Person, tenant::Tenant};
use runtime::{App, Failure};
use store::persons::Named;
use wire::{Code, Problem, shapes::native::PersonBody};

/// The name by which callers speak of a person's id as something that identifies them.
const OWN_ID: &str = "person_id";

/// What became of a registration.
struct Registered {
    person: Person,
    is_new: bool,
    /// The names of what is new of the person, and once identified somebody who was erased.
    erased_before: Vec<String>,
}

/// Registers a person, or writes what is now known of one.
async fn register(app: &App, tenant: &Tenant, id: PersonId, body: PersonBody) -> Result<Registered, Failure> {
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
    let erased_before = erased_before(app, tenant, &after, before.as_ref()).await?;
    if tenant.refuse_erased && !erased_before.is_empty() {
        return Err(Problem::about(Code::IdentityErased, erased_before.join(", ")).into());
    }
    ledger.put_person(key, &after, before.as_ref()).await?;
    Ok(Registered { person: after, is_new: before.is_none(), erased_before })
}

/// The names of what identifies `after`, did not identify `before`, and was erased.
async fn erased_before(
    app: &App,
    tenant: &Tenant,
    after: &Person,
    before: Option<&Person>,
) -> Result<Vec<String>, Failure> {
    let is_new = |value: &str| before.is_none_or(|known| known.identities.values().all(|old| old != value));
    let own_id = before.is_none().then_some((OWN_ID, Named::Person(&after.id)));
    let identities = after.identities.iter().filter(|(_, value)| is_new(value));
    let (labels, names): (Vec<_>, Vec<_>) = own_id
        .into_iter()
        .chain(identities.map(|(name, value)| (name.as_str(), Named::Identity(value))))
        .unzip();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let erased = app.ledger(tenant.org).erased(&names, app.now()).await?;
    let found = labels.into_iter().zip(erased).filter(|(_, at)| at.is_some());
    Ok(found.map(|(label, _)| label.to_owned()).collect())
}
