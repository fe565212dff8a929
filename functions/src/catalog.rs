//! THE list of endpoints and workers. Router, template, policies, the OpenAPI
//! document and the README's table follow from it.

use runtime::{Endpoint, Worker, docs::Operation};

use crate::{
    attachments, audit, certificates, clients, consents, console, deletions, holds, native, notices, pdr,
    plans, portal, processing, purges, takeouts, upkeep,
};

/// The endpoints, as what is called and as what is documented.
macro_rules! endpoints {
    ($($($file:ident)::+,)*) => {
        /// Every endpoint.
        pub fn endpoints() -> Vec<Endpoint> {
            vec![$($($file)::+::endpoint()),*]
        }

        /// What the OpenAPI document says of every endpoint.
        pub fn operations() -> Vec<Operation> {
            vec![$($($file)::+::operation()),*]
        }
    };
}

endpoints! {
    takeouts::request,
    takeouts::request_own,
    takeouts::list_own,
    takeouts::list,
    takeouts::download,
    takeouts::download_own,
    takeouts::confirm_page,
    takeouts::confirm,
    takeouts::show,
    takeouts::fetch,
    takeouts::revoke,
    consents::get,
    consents::store,
    consents::replace,
    consents::withdraw,
    consents::get_own,
    consents::store_own,
    consents::replace_own,
    consents::withdraw_own,
    deletions::request,
    deletions::request_customer,
    deletions::status,
    deletions::token,
    purges::queue,
    purges::get,
    purges::cancel,
    purges::queue_own,
    purges::get_own,
    purges::cancel_own,
    purges::list_restrictions,
    purges::restrict,
    purges::lift_restrictions,
    pdr::create,
    pdr::list,
    pdr::get,
    pdr::create_view_link,
    pdr::get_data,
    pdr::collect_data,
    pdr::get_data_user,
    pdr::get_data_entry,
    native::put_person,
    native::get_person,
    native::delete_person,
    native::import_persons,
    native::list_requests,
    native::get_request,
    native::check,
    plans::make,
    plans::get,
    plans::apply,
    plans::release,
    audit::get,
    audit::verify,
    audit::bundle,
    holds::create,
    holds::list,
    holds::get,
    holds::lift,
    processing::get,
    processing::object,
    processing::withdraw,
    processing::overrule,
    certificates::get,
    certificates::list_keys,
    certificates::create_key,
    clients::create,
    clients::list,
    clients::delete,
    native::health,
    native::openapi,
    native::docs,
    console::sign_in,
    console::signed_in,
    console::sign_out,
    console::dashboard,
    console::requests,
    console::export,
    console::request,
    console::persons,
    console::find,
    console::person,
    console::make_request,
    console::confirm,
    console::clock,
    console::agent,
    console::start_takeout,
    console::call_off,
    console::release,
    console::plan,
    console::apply_plan,
    attachments::attach,
    attachments::upload,
    attachments::download,
    attachments::remove,
    attachments::download_own,
    portal::view_link,
    portal::open_view,
    portal::view,
    portal::receipt,
    portal::prove,
}

/// Every worker.
pub fn workers() -> Vec<Worker> {
    vec![
        takeouts::build::worker(),
        takeouts::expire::worker(),
        purges::run_due::worker(),
        purges::erase::worker(),
        notices::send::worker(),
        upkeep::resume::worker(),
        upkeep::sweep::worker(),
        upkeep::deadlines::worker(),
        audit::note::worker(),
        attachments::scan::worker(),
    ]
}
