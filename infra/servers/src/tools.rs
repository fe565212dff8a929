//! The programs of a product, and the account that runs them.

use std::{
    env, fs,
    io::Write,
    os::unix::{
        fs::{MetadataExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use crate::{error::ServerError, product::Product};

/// Where Debian keeps the programs of each version of PostgreSQL.
const POSTGRES_VERSIONS: &str = "/usr/lib/postgresql";

/// The programs of one product.
pub(crate) struct Tools {
    server: PathBuf,
    package: &'static str,
    account: Option<Account>,
}

/// Whom a server runs as if we are root: it would refuse to.
#[derive(Clone, Copy)]
struct Account {
    uid: u32,
    gid: u32,
}

impl Tools {
    pub(crate) fn find(product: &dyn Product) -> Result<Self, ServerError> {
        let package = product.package();
        let server = find(product.program(), package)?;
        let account = match uid()? {
            0 => Some(Account::first_of(product.accounts())?),
            _ => None,
        };
        Ok(Self { server, package, account })
    }

    /// The program that serves.
    pub(crate) fn server(&self) -> &Path {
        &self.server
    }

    /// The id of the account that servers run as.
    pub(crate) fn runs_as(&self) -> Result<u32, ServerError> {
        self.account.map_or_else(uid, |account| Ok(account.uid))
    }

    /// A program of the product: the one beside the server, so that versions are not mixed, or any.
    pub(crate) fn program(&self, name: &'static str) -> Result<PathBuf, ServerError> {
        let beside = self.server.with_file_name(name);
        if beside.is_file() { Ok(beside) } else { find(name, self.package) }
    }

    /// A command that runs as the server does, and in a known environment.
    pub(crate) fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        let path = env::var_os("PATH").unwrap_or_default();
        // The folder we are in may be closed to the account.
        command.current_dir("/").env_clear().env("PATH", path).env("LC_ALL", "C").env("TZ", "UTC");
        if let Some(Account { uid, gid }) = self.account {
            // Further groups are dropped with it.
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Lets servers have a file or folder of ours.
    pub(crate) fn give(&self, path: &Path) -> Result<(), ServerError> {
        match self.account {
            Some(Account { uid, gid }) => {
                chown(path, Some(uid), Some(gid)).map_err(ServerError::io("giving away", path))
            }
            None => Ok(()),
        }
    }
}

impl Account {
    fn first_of(names: &'static [&'static str]) -> Result<Self, ServerError> {
        let file = Path::new("/etc/passwd");
        let text = fs::read_to_string(file).map_err(ServerError::io("reading", file))?;
        names
            .iter()
            .find_map(|name| text.lines().find_map(|line| Self::parse(line, name)))
            .ok_or(ServerError::NoAccount { accounts: names })
    }

    fn parse(line: &str, wanted: &str) -> Option<Self> {
        let mut fields = line.split(':');
        let (name, _password) = (fields.next()?, fields.next()?);
        let (uid, gid) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        (name == wanted).then_some(Self { uid, gid })
    }
}

/// Who we are.
pub(crate) fn uid() -> Result<u32, ServerError> {
    let own = Path::new("/proc/self");
    Ok(fs::metadata(own).map_err(ServerError::io("reading", own))?.uid())
}

/// Runs a program to its end on `input`, and returns what it says.
pub(crate) fn run(command: &mut Command, input: &str) -> Result<String, ServerError> {
    let program = command.get_program().to_owned();
    let failed = ServerError::io("running", Path::new(&program));
    let ended = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().and_then(
        |mut child| {
            let stdin = child.stdin.take();
            thread::scope(|scope| {
                // Beside the reading, as either side may wait for the other. A program that reads no
                // further says so with its status.
                scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(input.as_bytes())));
                child.wait_with_output()
            })
        },
    );
    let output = ended.map_err(failed)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(ServerError::Failed {
        program: program.to_string_lossy().into_owned(),
        status: output.status,
        output: String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned(),
    })
}

fn find(program: &'static str, package: &'static str) -> Result<PathBuf, ServerError> {
    folders()
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
        .ok_or(ServerError::Missing { program, package })
}

/// Where programs may be, the likeliest first.
fn folders() -> impl Iterator<Item = PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir(POSTGRES_VERSIONS)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    versions.sort_unstable();
    let path = env::var_os("PATH").unwrap_or_default();
    let on_path: Vec<PathBuf> = env::split_paths(&path).collect();
    on_path
        .into_iter()
        .chain(versions.into_iter().rev().map(|(_version, folder)| folder))
        .chain(["/usr/sbin", "/usr/bin"].map(PathBuf::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_told_with_its_package() {
        let refused = find("no-such-program", "postgresql").unwrap_err();

        let said = refused.to_string();
        assert_eq!(
            said,
            "no-such-program is not on this machine: install it with `apt-get install postgresql`"
        );
    }

    #[test]
    fn a_program_that_fails_is_told_with_its_words() {
        let mut command = Command::new("sh");

        let refused = run(&mut command, "echo out; echo err >&2; exit 3").unwrap_err();

        assert_eq!(refused.to_string(), "sh ended with exit status: 3: out\nerr\n");
    }

    #[test]
    fn a_program_may_leave_its_input_unread() {
        let input = "x".repeat(1 << 20);

        assert_eq!(run(&mut Command::new("true"), &input).unwrap(), "");
    }

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let account = |line| Account::parse(line, "mysql").map(|Account { uid, gid }| (uid, gid));

        assert_eq!(account("mysql:x:103:111:MariaDB:/nonexistent:/bin/false"), Some((103, 111)));
        assert_eq!(account("mysqlx:x:103:111::/:/bin/false"), None);
        assert_eq!(account("mysql:x"), None);
    }
}
