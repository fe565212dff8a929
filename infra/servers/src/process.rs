//! A running server and the shell that watches it.
//!
//! The shell waits for a line that names a signal, or for the end of its input, which comes with the end of
//! the process that holds the other side, however that ended. (A signal at the parent's death would do as
//! well, were it not sent at the end of the parent's *thread*.)

use std::{
    io::{self, BufRead, BufReader, Write},
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
};

use crate::{error::ServerError, place::Place, proc, product::Product, tools::Tools};

/// The arguments are the signal and the data to remove if the input ends, and the server's command.
const WATCH: &str = r#"
abort=$1 data=$2
shift 2
"$@" </dev/null >&2 &
echo $!
read -r signal || { signal=$abort; unwanted=$data; }
kill -s "$signal" $!
wait $!
[ -z "$unwanted" ] || rm -rf "$unwanted"
"#;

/// A running server. When this is dropped it ends at once, and its data are removed.
pub(crate) struct Process {
    shell: Child,
    pid: u32,
}

impl Process {
    pub(crate) fn spawn(product: &dyn Product, tools: &Tools, place: &Place) -> Result<Self, ServerError> {
        let server = product.serve(tools, place);
        let mut watch = tools.command("/bin/sh");
        watch.args(["-c", WATCH, "watch", product.abort()]).arg(place.data());
        watch.arg(server.get_program()).args(server.get_args());
        Self::watched(watch, place).map_err(ServerError::io("starting", tools.server()))
    }

    fn watched(mut watch: Command, place: &Place) -> io::Result<Self> {
        // In a group of its own: what is sent to all of a test's processes is the shell's to pass on.
        watch.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(place.share_log()?);
        let mut shell = watch.spawn()?;
        let mut line = String::new();
        if let Some(stdout) = shell.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let pid = line.trim().parse().map_err(|_| io::Error::other("the shell started nothing"))?;
        Ok(Self { shell, pid })
    }

    /// The id of the server's first process.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether it has not ended by itself.
    pub(crate) fn is_alive(&self) -> bool {
        proc::is_alive(self.pid)
    }

    /// Sends a signal that ends the server, and waits for the end. The data stay.
    pub(crate) fn end(mut self, signal: &str) {
        if let Some(mut stdin) = self.shell.stdin.take() {
            // It fails only if the shell is gone, which nobody but the machine's owner ends.
            let _ = writeln!(stdin, "{signal}");
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Waiting closes the input first, if it is still open: nobody wants the server any more.
        let _ = self.shell.wait();
    }
}
