//! How we are called and what we call.
//!
//! An endpoint is a [`Route`] and a handler; [`mount`] puts authentication, permissions, limits,
//! idempotency, error rendering and logging around it, the same for all. A worker is a
//! [`WorkerSpec`] and a handler of one [`queues::Job`] or of one tick.

mod answer;
mod app;
pub mod auth;
mod call;
mod clients;
mod clock;
mod config;
pub mod cookie;
pub mod docs;
mod engine;
mod entropy;
mod events;
mod failure;
mod idempotency;
mod limits;
mod log;
mod mail;
mod mount;
mod outbound;
pub mod queues;
mod route;
mod secrets;
mod serve;
mod subject;
mod trace;
mod trouble;

pub use answer::{Answer, IntoAnswer, Json, Zip};
pub use app::{App, EngineSource, Parts};
pub use auth::Caller;
pub use call::{
    ApiVersion, Body, Call, FORM, Form, Freshness, FromCall, LINES, Lines, NoBody, Org, Path, PersonUuid,
    State,
};
pub use clients::Clients;
pub use clock::Clock;
pub use config::{Config, ConfigError, Issuer, QueueUrls, Scanner, SignIn};
pub use engine::{EngineRefused, open_engine};
pub use entropy::Entropy;
pub use events::{Trigger, Worker, WorkerSpec, on_changes, on_jobs, on_tick};
pub use failure::Failure;
pub use limits::{Limited, Source};
pub use log::Log;
pub use mount::{Endpoint, Handler, SIGN_IN, mount};
pub use route::{Allow, Credentials, Need, Route};
pub use serve::{serve, serve_all, serve_worker};
