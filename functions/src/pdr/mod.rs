//! Personal data requests, as Trivore speaks of them (`004_e2c16d59e31fafcb.txt`), and the package
//! of a person's data.
//!
//! The vendor confirms requests in its console only; so do we: there is no route for it here.

pub mod collect_data;
pub mod create;
pub mod create_view_link;
pub mod get;
pub mod get_data;
pub mod get_data_entry;
pub mod get_data_user;
pub mod list;
mod package;
