//! Private PostgreSQL and MariaDB servers, for tests and benches.
//!
//! The programs are the machine's own; see `tests/run` for what to install. Each server has its own files,
//! port, password and log, is ready in a fraction of a second, and is gone with the value that started it,
//! or with the process if that is killed:
//!
//! ```no_run
//! let server = servers::Postgres::start();
//! server.create_database("shop");
//! println!("{}", server.url("shop"));
//! ```
//!
//! What makes it fast: a data folder is made once (`template`) and then copied. What makes it safe to kill:
//! a shell watches each server (`process`), and nobody takes a `place` in which anything still lives.
//!
//! A test without its server can only fail, so everything here panics rather than returning an error.

mod error;
mod mariadb;
mod place;
mod postgres;
mod proc;
mod process;
mod product;
mod server;
mod template;
mod tools;

pub use mariadb::MariaDb;
pub use postgres::Postgres;
pub use server::Server;
