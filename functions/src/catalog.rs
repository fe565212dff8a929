//! THE list of endpoints and workers. Router, template, policies and the README's table follow
//! from it.

use runtime::{Endpoint, Worker};

use crate::{
    certificates, consents, deletions, holds, native, notices, pdr, plans, processing, purges, takeouts,
    upkeep,
};

/// Every endpoint.
pub fn endpoints() -> Vec<Endpoint> {
    vec![
        takeouts::request::endpoint(),
        takeouts::request_own::endpoint(),
        takeouts::list_own::endpoint(),
        takeouts::list::endpoint(),
        takeouts::download::endpoint(),
        takeouts::download_own::endpoint(),
        takeouts::confirm_page::endpoint(),
        takeouts::confirm::endpoint(),
        consents::get::endpoint(),
        consents::store::endpoint(),
        consents::replace::endpoint(),
        consents::withdraw::endpoint(),
        consents::get_own::endpoint(),
        consents::store_own::endpoint(),
        consents::replace_own::endpoint(),
        consents::withdraw_own::endpoint(),
        deletions::request::endpoint(),
        deletions::request_customer::endpoint(),
        deletions::status::endpoint(),
        deletions::token::endpoint(),
        purges::queue::endpoint(),
        purges::get::endpoint(),
        purges::cancel::endpoint(),
        purges::queue_own::endpoint(),
        purges::get_own::endpoint(),
        purges::cancel_own::endpoint(),
        purges::list_restrictions::endpoint(),
        purges::restrict::endpoint(),
        purges::lift_restrictions::endpoint(),
        pdr::create::endpoint(),
        pdr::list::endpoint(),
        pdr::get::endpoint(),
        pdr::create_view_link::endpoint(),
        pdr::get_data::endpoint(),
        pdr::collect_data::endpoint(),
        pdr::get_data_user::endpoint(),
        pdr::get_data_entry::endpoint(),
        native::put_person::endpoint(),
        native::get_person::endpoint(),
        native::delete_person::endpoint(),
        native::import_persons::endpoint(),
        native::list_requests::endpoint(),
        native::get_request::endpoint(),
        native::check::endpoint(),
        plans::make::endpoint(),
        plans::get::endpoint(),
        plans::apply::endpoint(),
        plans::release::endpoint(),
        holds::create::endpoint(),
        holds::list::endpoint(),
        holds::get::endpoint(),
        holds::lift::endpoint(),
        processing::get::endpoint(),
        processing::object::endpoint(),
        processing::withdraw::endpoint(),
        processing::overrule::endpoint(),
        certificates::get::endpoint(),
        certificates::list_keys::endpoint(),
        certificates::create_key::endpoint(),
        native::health::endpoint(),
    ]
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
    ]
}
