//! Where companies keep personal data: reading and erasing one person over all their stores.
//!
//! [`Connections`] says where the datasets of a data map are; [`Engine::open`] opens every store and
//! checks it against the map; [`Engine::access`] streams a person's rows and [`Engine::erase`] deletes them.
//!
//! | module | store |
//! |---|---|
//! | `sql` | SQLite files, PostgreSQL, MySQL and MariaDB; collections are tables or views |
//! | `dynamodb` | collections are tables |
//! | `s3_objects` | one collection: the objects under a key template |
//! | `http` | a service of the company's own, over signed HTTP |
//!
//! Memory stays flat: one page of rows or one chunk of an object at a time, and besides only the key
//! values that lead from one collection to another.
//!
//! No error of this crate holds a value of a row or of an identity.

mod aws;
mod connections;
mod dynamodb;
mod engine;
mod fault;
mod http;
mod s3_objects;
mod secrets;
mod sink;
mod sql;
mod store;

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod testing;

pub use connections::Connections;
pub use engine::{Bookmark, Clients, Engine, Order};
pub use fault::{EngineError, Fault};
pub use secrets::{NoSecrets, Secret, Secrets};
pub use sink::{Census, Chunks, ObjectInfo, Progress, Sink, SinkError, Step, Unseen};
