//! PostgreSQL.

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

/// A private PostgreSQL server: UTF-8, `C.UTF-8`, passwords by SCRAM.
pub struct Postgres(Server);

impl Postgres {
    /// Starts a server and waits until it is ready.
    ///
    /// # Panics
    /// If PostgreSQL is not installed or does not start.
    #[track_caller]
    pub fn start() -> Self {
        Self(or_panic(Server::start(&PostgreSql)))
    }
}

impl Deref for Postgres {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.0
    }
}

impl DerefMut for Postgres {
    fn deref_mut(&mut self) -> &mut Server {
        &mut self.0
    }
}

struct PostgreSql;

impl Product for PostgreSql {
    fn name(&self) -> &'static str {
        "PostgreSQL"
    }

    fn package(&self) -> &'static str {
        "postgresql"
    }

    fn program(&self) -> &'static str {
        "postgres"
    }

    fn accounts(&self) -> &'static [&'static str] {
        &["postgres", "nobody"]
    }

    fn scheme(&self) -> &'static str {
        "postgres"
    }

    fn home(&self) -> &'static str {
        "postgres"
    }

    fn ready(&self) -> &'static str {
        "database system is ready to accept connections"
    }

    fn stop(&self) -> &'static str {
        "INT"
    }

    // Not KILL: that would leave its shared memory behind, and its children alive for a while.
    fn abort(&self) -> &'static str {
        "QUIT"
    }

    fn init(&self, tools: &Tools, data: &Path, _password: &str, secret: &Path) -> Result<(), ServerError> {
        let mut command = tools.command(tools.program("initdb")?);
        command.arg("--pgdata").arg(data).arg("--pwfile").arg(secret);
        command.args(["--username", OWNER, "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"]);
        // Small, as every server has a copy of it.
        command.arg("--wal-segsize=1");
        run(&mut command, "").map(drop)
    }

    fn serve(&self, tools: &Tools, place: &Place) -> Command {
        let data = place.data();
        let mut command = tools.command(tools.server());
        command.arg("-D").arg(&data).arg("-p").arg(place.port().to_string());
        command.arg("-c").arg(format!("unix_socket_directories={}", data.display()));
        for setting in [
            "listen_addresses=127.0.0.1",
            // What is written outlives the server, not the machine: nobody needs more here.
            "fsync=off",
            "shared_buffers=16MB",
            "min_wal_size=8MB",
            "max_wal_size=64MB",
            // In the data folder, so that it goes with it.
            "dynamic_shared_memory_type=mmap",
            "timezone=UTC",
            "log_timezone=UTC",
        ] {
            command.args(["-c", setting]);
        }
        command
    }

    fn client(
        &self,
        tools: &Tools,
        place: &Place,
        password: &str,
        database: &str,
    ) -> Result<Command, ServerError> {
        let mut command = tools.command(tools.program("psql")?);
        command.env("PGPASSWORD", password).arg("--host").arg(place.data());
        command.args(["--port", &place.port().to_string(), "--username", OWNER, "--dbname", database]);
        command.args(["--no-psqlrc", "--no-align", "--tuples-only", "--quiet", "--field-separator=\t"]);
        command.args(["--set", "ON_ERROR_STOP=1", "--file", "-"]);
        Ok(command)
    }
}
