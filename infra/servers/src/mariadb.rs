//! MariaDB.

use std::{
    ops::{Deref, DerefMut},
    path::Path,
    process::Command,
};

use crate::{
    error::{ServerError, or_panic},
    place::Place,
    product::{OWNER, Product},
    server::Server,
    tools::{Tools, run},
};

/// Has to be the same when the data folder is made and when it is served.
const LOG_SIZE: &str = "--innodb-log-file-size=4M";

/// A private MariaDB server: InnoDB, `utf8mb4`, strict as by default.
pub struct MariaDb(Server);

impl MariaDb {
    /// Starts a server and waits until it is ready.
    ///
    /// # Panics
    /// If MariaDB is not installed or does not start.
    #[track_caller]
    pub fn start() -> Self {
        Self(or_panic(Server::start(&Maria)))
    }
}

impl Deref for MariaDb {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.0
    }
}

impl DerefMut for MariaDb {
    fn deref_mut(&mut self) -> &mut Server {
        &mut self.0
    }
}

struct Maria;

impl Product for Maria {
    fn name(&self) -> &'static str {
        "MariaDB"
    }

    fn package(&self) -> &'static str {
        "mariadb-server"
    }

    fn program(&self) -> &'static str {
        "mariadbd"
    }

    fn accounts(&self) -> &'static [&'static str] {
        &["mysql", "nobody"]
    }

    fn scheme(&self) -> &'static str {
        "mysql"
    }

    fn home(&self) -> &'static str {
        "mysql"
    }

    fn ready(&self) -> &'static str {
        "ready for connections"
    }

    fn stop(&self) -> &'static str {
        "TERM"
    }

    fn abort(&self) -> &'static str {
        "KILL"
    }

    fn init(&self, tools: &Tools, data: &Path, password: &str, _secret: &Path) -> Result<(), ServerError> {
        let install = tools.program("mariadb-install-db")?;
        run(
            tools.command(install).args(["--no-defaults", LOG_SIZE]).args(folder(data)).args([
                "--skip-test-db",
                "--skip-name-resolve",
                "--auth-root-authentication-method=socket",
            ]),
            "",
        )?;
        let bootstrap = ["--no-defaults", "--bootstrap", LOG_SIZE];
        let owner = format!(
            "FLUSH PRIVILEGES;\n\
             CREATE USER {OWNER} IDENTIFIED BY '{password}';\n\
             GRANT ALL ON *.* TO {OWNER} WITH GRANT OPTION;\n"
        );
        run(tools.command(tools.server()).args(bootstrap).args(folder(data)), &owner).map(drop)
    }

    fn serve(&self, tools: &Tools, place: &Place) -> Command {
        let mut command = tools.command(tools.server());
        command.args(["--no-defaults", LOG_SIZE]).args(folder(&place.data()));
        command.arg(format!("--port={}", place.port())).arg(socket(place)).args([
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            "--character-set-server=utf8mb4",
            // What is written outlives the server, not the machine: nobody needs more here.
            "--innodb-flush-log-at-trx-commit=2",
            "--debug-no-sync",
            "--innodb-buffer-pool-size=64M",
            "--innodb-buffer-pool-dump-at-shutdown=off",
            "--innodb-buffer-pool-load-at-startup=off",
        ]);
        command
    }

    fn client(
        &self,
        tools: &Tools,
        place: &Place,
        password: &str,
        database: &str,
    ) -> Result<Command, ServerError> {
        let mut command = tools.command(tools.program("mariadb")?);
        command.env("MYSQL_PWD", password).arg("--no-defaults").arg(socket(place));
        command.args(["--user", OWNER, "--default-character-set=utf8mb4"]);
        command.args(["--batch", "--skip-column-names", "--database", database]);
        Ok(command)
    }
}

/// Temporary tables too: a server that starts deletes every `#sql…` file of its temporary folder,
/// so two that share one take each other's away in the middle of a query.
fn folder(data: &Path) -> [String; 2] {
    [format!("--datadir={}", data.display()), format!("--tmpdir={}", data.display())]
}

fn socket(place: &Place) -> String {
    format!("--socket={}", place.data().join("socket").display())
}
