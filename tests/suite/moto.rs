//! Another emulator of AWS, written by others: what holds on both is not the habit of one.

use std::{
    env,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

/// A running moto; ends when it is dropped.
pub(crate) struct Moto {
    server: Child,
    pub(crate) url: String,
}

impl Moto {
    /// One for this world alone, if the tests are to run on it: `LETHE_MOTO` names its program.
    pub(crate) fn start_if_asked() -> Option<Self> {
        let program = env::var_os("LETHE_MOTO")?;
        let mut server = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", "0"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(server.stderr.take().unwrap()).lines();
        let url = lines.find_map(|line| {
            let line = line.unwrap();
            let (_, url) = line.split_once("Running on ")?;
            Some(url.split_whitespace().next()?.to_owned())
        });
        // Read on, so that it never waits for somebody who takes its lines.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Some(Self { server, url: url.expect("moto does not begin") })
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }
}
