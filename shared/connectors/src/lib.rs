//! Where companies keep personal data: reading and erasing one person over all their stores.
//!
//! [`Connections`] says where the datasets of a data map are; [`Engine::open`] opens every store and
//! checks it against the map; [`Engine::access`] streams a person's rows and [`Engine::erase`] deletes them.
//!
//! | module | store |
//! |---|---|
//! | `sqlite` | one SQLite file per dataset; collections are tables |
//! | `dynamodb` | collections are tables |
//! | `s3_objects` | one collection: the objects under a key template |
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
mod s3_objects;
mod sink;
mod sqlite;
mod store;

#[cfg(test)]
mod testing;

pub use connections::Connections;
pub use engine::{Clients, Engine};
pub use fault::{EngineError, Fault};
pub use sink::{Chunks, ObjectInfo, Progress, Sink, SinkError, Step};
