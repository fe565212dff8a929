//! What people read: pages and mails, each made of a typed view and a template.
//!
//! Every view is a struct with all that is said in it, and one method that gives text: `page()` or
//! `mail()`, the latter in a language. Values are escaped by the template engine; there are no
//! scripts, and nothing is loaded from anywhere. Views know nothing of storage, HTTP or the clock.
//!
//! | module            | what                                                     |
//! |-------------------|----------------------------------------------------------|
//! | [`mail`]          | every mail we send, as text and as HTML                  |
//! | [`console`]         | the pages of the staff                                   |
//! | [`portal`]          | what the persons themselves see                          |
//! | [`takeout_index`] | `index.html` inside a takeout                            |
//! | [`confirm_takeout`] | the pages behind the link that confirms a delivery     |
//! | [`message`]         | one thing that is to be said                             |
//! | [`download_takeout`] | the pages behind the link that fetches a takeout      |
//! | [`api_docs`]      | what the API takes and answers                           |
//! | [`local_sign_in`]   | the sign-in page of local mode                           |
//! | [`local_home`]    | the first page and the outbox of local mode              |

pub mod api_docs;
pub mod confirm_takeout;
pub mod console;
pub mod download_takeout;
pub mod local_home;
pub mod local_sign_in;
pub mod mail;
pub mod message;
pub mod portal;
pub mod takeout_index;

#[cfg(test)]
mod checks;
mod time;

use askama::Template;

/// The stylesheet that is embedded into every page, byte for byte; a content security policy may
/// name its hash.
pub const STYLE: &str = include_str!("../templates/style.css");

/// Renders a template of plain values.
fn render(view: &impl Template) -> String {
    view.render().expect("no template calls anything that fails, and a String takes every write")
}
