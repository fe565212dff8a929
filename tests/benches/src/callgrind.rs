//! Instructions and memory of a process, as Valgrind and the kernel count them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tokio::process::Child;

use crate::Failure;
use crate::lambda::RuntimeApi;

/// How a function is run.
#[derive(Clone, Debug)]
pub struct Run {
    /// The binary.
    pub binary: PathBuf,
    /// Its environment, but for where Lambda is.
    pub variables: BTreeMap<&'static str, String>,
    /// What it is given.
    pub event: Value,
}

impl Run {
    /// Counts the instructions of a process from its start to the moment when it has answered so many calls and
    /// asks for the next.
    ///
    /// # Errors
    /// If Valgrind is missing, or the function did not answer with success.
    pub async fn instructions(&self, calls: u32, profile: &Path) -> Result<u64, Failure> {
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--tool=callgrind", "--quiet"]);
        valgrind.arg(format!("--callgrind-out-file={}", profile.display())).arg(&self.binary);
        self.until_idle(valgrind, calls).await?;
        let text = std::fs::read_to_string(profile)?;
        let total = text.lines().find_map(|line| line.strip_prefix("totals: ")).ok_or("no totals")?;
        Ok(total.trim().parse()?)
    }

    /// The most memory that a process has held while it answered so many calls, in MiB.
    ///
    /// # Errors
    /// If the function did not answer with success.
    pub async fn peak_mib(&self, calls: u32) -> Result<f64, Failure> {
        self.until_idle(Command::new(&self.binary), calls).await
    }

    /// Runs a function until it has nothing more to do and ends it; gives the most memory that it has held.
    async fn until_idle(&self, command: Command, calls: u32) -> Result<f64, Failure> {
        let (api, address) = RuntimeApi::start(&self.event, calls).await?;
        let mut child = self.start(command, address)?;
        tokio::select! {
            () = api.idle.notified() => {}
            status = child.wait() => return Err(format!("{} ended: {}", self.binary.display(), status?).into()),
        }
        let id = child.id().ok_or("the function ended")?;
        let peak = crate::gauge::peak_mib_of(&id.to_string())?;
        // Valgrind writes what it counted when the process is asked to end.
        Command::new("kill").arg(id.to_string()).status()?;
        child.wait().await?;
        match api.refused() {
            0 => Ok(peak),
            some => Err(format!("{}: {some} calls were refused", self.binary.display()).into()),
        }
    }

    fn start(&self, command: Command, lambda: SocketAddr) -> Result<Child, Failure> {
        let mut command = tokio::process::Command::from(command);
        let path = std::env::var("PATH").unwrap_or_default();
        command.env_clear().env("PATH", path).env("AWS_LAMBDA_RUNTIME_API", lambda.to_string());
        command.envs(&self.variables).kill_on_drop(true);
        Ok(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?)
    }
}

/// The functions of a profile with the instructions spent in them and in what they call, dearest first.
///
/// # Errors
/// If Valgrind's own reader of profiles is missing.
pub fn inclusive(profile: &Path) -> Result<Vec<(u64, String)>, Failure> {
    let mut read = Command::new("callgrind_annotate");
    read.args(["--inclusive=yes", "--threshold=100", "--show-percs=no"]).arg(profile);
    let output = read.stderr(Stdio::null()).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let functions = text.lines().filter_map(|line| {
        let (count, function) = line.trim().split_once(' ')?;
        Some((count.replace(',', "").parse().ok()?, function.trim().to_owned()))
    });
    Ok(functions.collect())
}
