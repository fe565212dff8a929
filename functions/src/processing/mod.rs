//! What may be done with a person's data, and to what the person objects.

pub mod get;
pub mod object;
pub mod overrule;
pub mod withdraw;

use domain::{
    PersonId,
    person::Person,
    processing::Purpose,
    tenant::{Subjects, Tenant},
};
use runtime::{App, Failure};
use wire::{Code, Problem};

/// The tenant's purpose of this name.
fn purpose<'a>(tenant: &'a Tenant, name: &str) -> Result<&'a Purpose, Problem> {
    tenant.purposes.get(name).ok_or_else(|| {
        let known: Vec<_> = tenant.purposes.names().collect();
        Problem::about(Code::UnknownPurpose, format!("known are {}", known.join(", ")))
    })
}

/// Writes what `change` makes of a person's record; false leaves it as it is. Gives the record as
/// it then is, and whether it was changed.
async fn amend(
    app: &App,
    tenant: &Tenant,
    id: &PersonId,
    change: impl FnOnce(&mut Person) -> Result<bool, Failure>,
) -> Result<(Person, bool), Failure> {
    let (ledger, now) = (app.ledger(tenant.org), app.now());
    let key = ledger.key_of(id).await?;
    let before = ledger.person(key).await?;
    let mut after = match (&before, tenant.subjects) {
        (Some(known), Subjects::Registered | Subjects::Open) => {
            Person { version: known.version + 1, changed_at: now, ..known.clone() }
        }
        (None, Subjects::Open) => Person::new(id.clone(), now),
        (None, Subjects::Registered) => return Err(Code::PersonNotFound.into()),
    };
    let is_changed = change(&mut after)?;
    if is_changed {
        ledger.put_person(key, &after, before.as_ref()).await?;
    }
    Ok((after, is_changed))
}
