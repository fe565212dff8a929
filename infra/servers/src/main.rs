//! `servers postgres` or `servers mariadb`: a private server until the input ends.

use std::{io, process::ExitCode};

use servers::{MariaDb, Postgres, Server};

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("postgres") => hold(&Postgres::start()),
        Some("mariadb") => hold(&MariaDb::start()),
        Some(_) | None => {
            eprintln!("usage: servers postgres|mariadb");
            ExitCode::from(2)
        }
    }
}

/// Says where the server is, and waits.
fn hold(server: &Server) -> ExitCode {
    println!("{}\n{}\n{}", server.url(""), server.pid(), server.log_file().display());
    match io::copy(&mut io::stdin(), &mut io::sink()) {
        Ok(_) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
