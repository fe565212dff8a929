//! Mail to the data subject.

pub mod send;

use domain::{
    Timestamp,
    person::Person,
    request::{Request, Template},
    tenant::Tenant,
};

/// A new request, with word that it was received where the law asks for it and there is an address.
pub(crate) fn with_receipt(request: Request, tenant: &Tenant, person: &Person, now: Timestamp) -> Request {
    match person.email() {
        Some(address) if request.owes_receipt(&tenant.law) => {
            request.with_notice(Template::Received, address.to_owned(), None, now)
        }
        Some(_) | None => request,
    }
}
