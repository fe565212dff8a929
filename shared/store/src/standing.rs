//! Everything that bears on whether a person's data may be used, in one read.

use domain::{PersonKey, processing::Standing};

use crate::{
    Ledger, StoreError, consents, keys, persons, requests,
    table::{Range, Read, sort_key},
};

impl Ledger<'_> {
    /// How a person stands: what their record says in the clear, their consents, their erasure.
    ///
    /// One query, and no key: nothing sealed is opened.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn standing(&self, person: PersonKey) -> Result<Standing, StoreError> {
        let pk = keys::person_partition(self.org, person);
        let range = Range {
            pk: &pk,
            sk: Some((keys::CONSENTS, keys::ERASURE)),
            newest_first: true,
            limit: Some(3),
            read: Read::Consistent,
        };
        let mut standing = Standing::default();
        for item in self.store.table.query(range).await? {
            match sort_key(&item) {
                keys::ERASURE => standing.erasure = requests::erasure_in(item)?,
                keys::PERSON => standing.person = Some(persons::marks_in(item)?),
                // A consent; the first is the newest, and says all.
                _ => {
                    let version = consents::read(item)?;
                    (standing.granted, standing.withdrawn) = (version.consents, version.withdrawn);
                    break;
                }
            }
        }
        Ok(standing)
    }
}
