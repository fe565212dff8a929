//! A server of either product.

use std::{
    fs,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use crate::{
    error::{ServerError, or_panic},
    place::{self, Place},
    proc,
    process::Process,
    product::{OWNER, Product},
    template::Template,
    tools::{Tools, run},
};

/// How long a start may take; recovery on a busy machine takes seconds.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a starting server's log is read.
const GLANCE: Duration = Duration::from_millis(3);
/// How many ports may be snatched away while a server starts.
const ATTEMPTS: usize = 5;

/// A private server, running or stopped. Dropped, it is gone with all its data.
pub struct Server {
    product: &'static dyn Product,
    tools: Tools,
    password: String,
    // Before the place, as it has to end before its data are removed.
    process: Option<Process>,
    place: Place,
}

impl Server {
    pub(crate) fn start(product: &'static dyn Product) -> Result<Self, ServerError> {
        let tools = Tools::find(product)?;
        let root = place::root()?;
        let template = Template::of(product, &tools, &root)?;
        let mut attempt = 1;
        loop {
            let place = Place::take(&root)?;
            template.copy_to(&place)?;
            match launch(product, &tools, &place) {
                Ok(process) => {
                    let password = template.password;
                    return Ok(Self { product, tools, password, process: Some(process), place });
                }
                Err(error) if error.is_not_started() && attempt < ATTEMPTS && !place.is_free() => {
                    attempt += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The URL of a database, for its owner.
    pub fn url(&self, database: &str) -> String {
        let Self { product, password, place, .. } = self;
        format!("{}://{OWNER}:{password}@127.0.0.1:{}/{database}", product.scheme(), place.port())
    }

    /// Makes an empty database.
    ///
    /// # Panics
    /// If there is one already, or the name needs quoting.
    #[track_caller]
    pub fn create_database(&self, name: &str) {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        or_panic(if !name.is_empty() && name.bytes().all(plain) {
            self.client(self.product.home(), &format!("CREATE DATABASE {name};"))
        } else {
            Err(ServerError::Name { name: name.to_owned() })
        });
    }

    /// Runs statements in a database with the product's own client, and returns its rows, with tabs between
    /// the fields.
    ///
    /// # Panics
    /// If the server is stopped or refuses one.
    #[track_caller]
    pub fn sql(&self, database: &str, statements: &str) -> String {
        or_panic(self.client(database, statements))
    }

    /// Stops the server in order, as for a restart.
    pub fn stop(&mut self) {
        self.end(self.product.stop());
    }

    /// Ends the server in the midst of whatever it does; what was committed survives.
    pub fn crash(&mut self) {
        self.end(self.product.abort());
    }

    /// Starts it again, with the same data and URLs, if it does not run.
    ///
    /// # Panics
    /// If it does not start.
    #[track_caller]
    pub fn start_again(&mut self) {
        if !self.process.as_ref().is_some_and(Process::is_alive) {
            self.crash();
            self.process = Some(or_panic(launch(self.product, &self.tools, &self.place)));
        }
    }

    /// The folder of the server's data.
    pub fn data_dir(&self) -> PathBuf {
        self.place.data()
    }

    /// The file of the server's log, since the first start.
    pub fn log_file(&self) -> PathBuf {
        self.place.log()
    }

    /// The id of the server's first process.
    ///
    /// # Panics
    /// If it is stopped.
    #[track_caller]
    pub fn pid(&self) -> u32 {
        or_panic(self.process().map(Process::pid))
    }

    /// The time that all processes of the server, ended ones included, have kept processors busy since it
    /// was last started.
    ///
    /// # Panics
    /// If it is stopped.
    #[track_caller]
    pub fn cpu_seconds(&self) -> f64 {
        let seconds = self.process().and_then(|process| {
            proc::cpu_seconds(process.pid()).ok_or(ServerError::Stopped { product: self.product.name() })
        });
        or_panic(seconds)
    }

    fn end(&mut self, signal: &str) {
        if let Some(process) = self.process.take() {
            process.end(signal);
        }
    }

    fn process(&self) -> Result<&Process, ServerError> {
        self.process.as_ref().ok_or(ServerError::Stopped { product: self.product.name() })
    }

    fn client(&self, database: &str, statements: &str) -> Result<String, ServerError> {
        let mut client = self.product.client(&self.tools, &self.place, &self.password, database)?;
        run(&mut client, statements)
    }
}

/// Starts a server on the data of a place, and waits until it says that it is ready.
fn launch(product: &dyn Product, tools: &Tools, place: &Place) -> Result<Process, ServerError> {
    let path = place.log();
    let read = || fs::read(&path).map_err(ServerError::io("reading", &path));
    let (began, earlier) = (Instant::now(), read()?.len());
    let process = Process::spawn(product, tools, place)?;
    loop {
        // First, so that the last words of a server that ended are read.
        let waiting = process.is_alive() && began.elapsed() < PATIENCE;
        let log = read()?;
        let log = String::from_utf8_lossy(log.get(earlier..).unwrap_or_default());
        if log.contains(product.ready()) {
            return Ok(process);
        }
        if !waiting {
            // Another attempt will need the data.
            process.end(product.abort());
            return Err(ServerError::NotStarted { product: product.name(), log: log.into_owned() });
        }
        thread::sleep(GLANCE);
    }
}
