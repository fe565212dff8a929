//! Tests from the outside: the real App behind its gateway, on embedded services, with a clock that stands
//! still until it is moved.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod architecture;
mod attachments;
mod canary;
mod contract;
mod crashes;
mod dice;
mod moto;
mod staff;
mod world;

mod audit;
mod bad_input;
mod browser;
mod certificates;
mod chinook;
mod clients;
mod console;
mod deadlines;
mod demo;
mod doors;
mod engine_cli;
mod erased;
mod events;
mod fault;
mod figures;
mod format;
mod holds;
mod idempotency;
mod instacart;
mod native;
mod pace;
mod plans;
mod portal;
mod prices;
mod processing;
mod proof;
mod purges;
mod rallyhere;
mod simulation;
mod slashid;
mod takeouts;
mod template;
mod tokens;
mod tour;
mod trivore;
