//! What differs between the products.

use std::{path::Path, process::Command};

use crate::{error::ServerError, place::Place, tools::Tools};

/// The account of every server's owner, who may do anything.
pub(crate) const OWNER: &str = "lethe";

/// A make of database server.
pub(crate) trait Product: Sync {
    /// Its name.
    fn name(&self) -> &'static str;
    /// The package to install.
    fn package(&self) -> &'static str;
    /// The program that serves.
    fn program(&self) -> &'static str;
    /// Accounts it can run as, the best first.
    fn accounts(&self) -> &'static [&'static str];
    /// Begins its URLs.
    fn scheme(&self) -> &'static str;
    /// The database that is always there.
    fn home(&self) -> &'static str;
    /// What its log says once it serves.
    fn ready(&self) -> &'static str;
    /// The signal that ends it in order.
    fn stop(&self) -> &'static str;
    /// The signal that ends it at once, leaving the data as they are, and nothing else behind.
    fn abort(&self) -> &'static str;

    /// Fills the empty folder `data`. The owner's password is also in the file `secret`.
    fn init(&self, tools: &Tools, data: &Path, password: &str, secret: &Path) -> Result<(), ServerError>;
    /// Serves in the foreground, with all its files in the place's data folder.
    fn serve(&self, tools: &Tools, place: &Place) -> Command;
    /// The client program, which reads statements from its input and writes rows with tabs between fields.
    fn client(
        &self,
        tools: &Tools,
        place: &Place,
        password: &str,
        database: &str,
    ) -> Result<Command, ServerError>;
}
