//! Finding the person whom a call is about.

use domain::{
    OrgId, PersonId, PersonKey,
    person::Person,
    tenant::{Subjects, Tenant},
};
use store::{Ledger, StoreError};
use wire::Code;

use crate::{App, Failure};

impl App {
    /// The ledger of a tenant.
    pub fn ledger(&self, org: OrgId) -> Ledger<'_> {
        self.store().of(org)
    }

    /// The person with this id: registered, or created now in an open tenant.
    ///
    /// # Errors
    /// The dialect's not-found answer for an unknown person of a tenant that registers persons.
    pub async fn subject(&self, tenant: &Tenant, id: &PersonId) -> Result<(PersonKey, Person), Failure> {
        let ledger = self.ledger(tenant.org);
        let key = ledger.key_of(id).await?;
        if let Some(person) = ledger.person(key).await? {
            return Ok((key, person));
        }
        match tenant.subjects {
            Subjects::Registered => Err(Code::PersonNotFound.into()),
            Subjects::Open => {
                let person = Person::new(id.clone(), self.now());
                match ledger.put_person(key, &person, None).await {
                    Ok(()) => Ok((key, person)),
                    // Another call was first with the same person.
                    Err(StoreError::Conflict) => {
                        let person = ledger.person(key).await?.ok_or(StoreError::Conflict)?;
                        Ok((key, person))
                    }
                    Err(error) => Err(error.into()),
                }
            }
        }
    }

    /// The person with this id, for a call that changes nothing: where persons need not be
    /// registered, an unknown one is somebody of whom nothing is known.
    ///
    /// # Errors
    /// The dialect's not-found answer for an unknown person of a tenant that registers persons.
    pub async fn look_up(&self, tenant: &Tenant, id: &PersonId) -> Result<(PersonKey, Person), Failure> {
        let ledger = self.ledger(tenant.org);
        let key = ledger.key_of(id).await?;
        match (ledger.person(key).await?, tenant.subjects) {
            (Some(person), Subjects::Registered | Subjects::Open) => Ok((key, person)),
            (None, Subjects::Open) => Ok((key, Person::new(id.clone(), self.now()))),
            (None, Subjects::Registered) => Err(Code::PersonNotFound.into()),
        }
    }

    /// Refuses what a running purge would forget before anybody could use it.
    ///
    /// # Errors
    /// [`Code::PurgeInProgress`] while the person is being erased.
    pub async fn refuse_while_erasing(&self, tenant: &Tenant, person: PersonKey) -> Result<(), Failure> {
        let erasure = self.ledger(tenant.org).erasure(person).await?;
        match erasure.as_ref().and_then(|request| request.purge()) {
            Some(purge) if purge.is_running() => Err(Code::PurgeInProgress.into()),
            Some(_) | None => Ok(()),
        }
    }

    /// The pseudonym of a person who may be unknown, or forgotten.
    ///
    /// # Errors
    /// When the tenant's keys cannot be had.
    pub async fn pseudonym(&self, tenant: &Tenant, id: &PersonId) -> Result<PersonKey, Failure> {
        Ok(self.ledger(tenant.org).key_of(id).await?)
    }
}
