//! The App: everything that a handler can reach.

use std::sync::Arc;

use chrono::TimeDelta;
use connectors::Engine;
use domain::{PersonKey, Timestamp, tenant::Tenant};
use store::Store;

use crate::{
    Clients, Clock, Config, Entropy, Failure, Log, auth::Gatekeeper, engine::Engines, log::Line, trace::Trace,
};

/// Where the data-map engine comes from.
pub enum EngineSource {
    /// Opened at start, so that a broken map is refused there.
    Opened(Box<Engine>),
    /// Opened from the configured files when first needed: most functions never need it.
    Configured,
}

/// What an App is made of.
pub struct Parts {
    /// The settings.
    pub config: Config,
    /// The services.
    pub clients: Clients,
    /// The clock.
    pub clock: Clock,
    /// Randomness and ids.
    pub entropy: Entropy,
    /// Where log lines go.
    pub log: Log,
    /// The data-map engine.
    pub engine: EngineSource,
}

/// Everything that a handler can reach. Cheap to clone.
#[derive(Clone)]
pub struct App {
    inner: Arc<Inner>,
    entropy: Entropy,
    deadline: Option<Timestamp>,
    trace: Option<Trace>,
}

struct Inner {
    config: Config,
    clients: Clients,
    store: Store,
    clock: Clock,
    log: Log,
    gatekeeper: Gatekeeper,
    engines: Engines,
}

impl App {
    /// Puts an App together.
    pub fn new(parts: Parts) -> Self {
        let Parts { config, clients, clock, entropy, log, engine } = parts;
        let store = Store::new(clients.services.clone(), config.places.clone());
        let gatekeeper = Gatekeeper::new(&config.issuers);
        let engines = match engine {
            EngineSource::Opened(engine) => Engines::with(config.map.clone(), *engine),
            EngineSource::Configured => Engines::default(),
        };
        Self {
            inner: Arc::new(Inner { config, clients, store, clock, log, gatekeeper, engines }),
            entropy,
            deadline: None,
            trace: None,
        }
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// The clients.
    pub fn clients(&self) -> &Clients {
        &self.inner.clients
    }

    /// The ledger of all tenants.
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// Randomness and ids.
    pub fn entropy(&self) -> &Entropy {
        &self.entropy
    }

    /// Writes a log line about what is being done.
    pub(crate) fn tell(&self, line: Line<'_>) {
        self.inner.log.line(line, self.trace);
    }

    /// Tells how far long work has got, in words without anything personal.
    pub fn tell_progress(&self, function: &'static str, person: PersonKey, so_far: &str) {
        let person = Some(person.to_string());
        self.tell(Line { function, outcome: so_far, person, ..Line::default() });
    }

    /// Sends counts to CloudWatch, each under its name in the namespace `Lethe`. Those that are zero
    /// cost nothing.
    pub fn count(&self, counts: &[(&str, usize)]) {
        self.inner.log.counts(counts, self.now());
    }

    /// The same App within the trace that this header names, if it names one.
    pub(crate) fn traced(&self, header: Option<&str>) -> Self {
        Self { trace: header.and_then(Trace::read), ..self.clone() }
    }

    /// The trace that this is a part of, as others are told of it.
    pub(crate) fn trace_header(&self) -> Option<String> {
        self.trace.map(|trace| format!("Root={trace}"))
    }

    pub(crate) fn gatekeeper(&self) -> &Gatekeeper {
        &self.inner.gatekeeper
    }

    pub(crate) fn with_entropy(&self, entropy: Entropy) -> Self {
        Self { entropy, ..self.clone() }
    }

    /// The same App inside an invocation that ends at `deadline`.
    pub(crate) fn with_deadline(&self, deadline: Option<Timestamp>) -> Self {
        Self { deadline, ..self.clone() }
    }

    /// Whether the invocation is about to end, so that long work should be left to the next.
    pub fn is_out_of_time(&self) -> bool {
        const RESERVE: TimeDelta = TimeDelta::seconds(20);
        self.deadline.is_some_and(|deadline| deadline - RESERVE <= self.now())
    }

    /// The data-map engine of a tenant.
    ///
    /// # Errors
    /// When its map and connections are not in order.
    pub async fn engine(&self, tenant: &Tenant) -> Result<Arc<Engine>, Failure> {
        let files = tenant.data_map.as_ref().unwrap_or(&self.config().map);
        self.inner.engines.get(files, self.clients()).await.map_err(Failure::unavailable)
    }
}
