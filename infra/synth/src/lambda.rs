//! What endpoints and workers have in common: each is one Lambda, but for pages, of which several are.

use runtime::{Credentials, Endpoint, Need, Route, Trigger, Worker, queues::Queue};

/// A function of the catalog.
#[derive(Clone, Debug)]
pub(crate) struct Lambda {
    pub(crate) name: &'static str,
    pub(crate) summary: String,
    pub(crate) needs: Vec<Need>,
    pub(crate) caller: Caller,
}

/// What calls a function.
#[derive(Clone, Debug)]
pub(crate) enum Caller {
    /// The gateway, for these routes.
    Gateway(Vec<&'static Route>),
    /// A queue.
    Queue(Queue),
    /// The stream of the ledger's table.
    Changes,
    /// The clock, each time so many minutes have passed.
    Clock { minutes: u32 },
}

impl From<&Endpoint> for Lambda {
    fn from(endpoint: &Endpoint) -> Self {
        let route = endpoint.route;
        Self {
            name: endpoint.lambda,
            summary: route.summary.to_owned(),
            needs: route.needs.to_vec(),
            caller: Caller::Gateway(vec![route]),
        }
    }
}

impl From<&Worker> for Lambda {
    fn from(worker: &Worker) -> Self {
        let spec = worker.spec;
        let caller = match spec.trigger {
            Trigger::Queue(queue) => Caller::Queue(queue),
            Trigger::Every { minutes } => Caller::Clock { minutes },
            Trigger::Changes => Caller::Changes,
        };
        Self { name: spec.name, summary: spec.summary.to_owned(), needs: spec.needs.to_vec(), caller }
    }
}

/// The Lambdas of these endpoints, in their order.
pub(crate) fn of_endpoints(endpoints: &[Endpoint]) -> Vec<Lambda> {
    let mut lambdas: Vec<Lambda> = Vec::new();
    for endpoint in endpoints {
        match lambdas.iter_mut().find(|known| known.name == endpoint.lambda) {
            Some(known) => known.add(endpoint.route),
            None => lambdas.push(endpoint.into()),
        }
    }
    lambdas
}

impl Lambda {
    /// Serves another route as well.
    fn add(&mut self, route: &'static Route) {
        if let Caller::Gateway(routes) = &mut self.caller {
            routes.push(route);
        }
        self.summary = format!("{}; {}", self.summary, route.summary);
        for need in route.needs {
            if !self.needs.contains(need) {
                self.needs.push(*need);
            }
        }
    }

    /// The logical id: `queue-purge` is `QueuePurge`.
    pub(crate) fn id(&self) -> String {
        self.name
            .split('-')
            .flat_map(|word| {
                let mut letters = word.chars();
                letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters)
            })
            .collect()
    }

    /// Whether it works on the stores of the data map.
    pub(crate) fn reaches_stores(&self) -> bool {
        self.needs.iter().any(|need| matches!(need, Need::ReadStores | Need::EraseStores))
    }

    /// Whether it keeps answers under idempotency keys, whatever else it needs: the runtime does so
    /// for every `POST` by somebody known.
    pub(crate) fn keeps_replies(&self) -> bool {
        match &self.caller {
            Caller::Gateway(routes) => routes.iter().any(|route| route.takes_idempotency_key()),
            Caller::Queue(_) | Caller::Clock { .. } | Caller::Changes => false,
        }
    }

    /// Whether it notes that sessions were used, whatever else it needs: the runtime does so for every page
    /// of the console.
    pub(crate) fn keeps_sessions(&self) -> bool {
        match &self.caller {
            Caller::Gateway(routes) => routes.iter().any(|route| route.credentials == Credentials::Session),
            Caller::Queue(_) | Caller::Clock { .. } | Caller::Changes => false,
        }
    }

    /// For how many seconds it may run.
    pub(crate) fn timeout(&self) -> u32 {
        match self.caller {
            // Half of what the gateway waits, so that its own refusal, which speaks no dialect, is
            // never what a caller gets to see.
            Caller::Gateway(_) => 15,
            // As long as there is: both walk all stores, and go on where they were when cut off.
            Caller::Queue(Queue::Takeouts | Queue::Purges) => 900,
            Caller::Queue(Queue::Notices) | Caller::Clock { .. } | Caller::Changes => 300,
        }
    }

    /// How many megabytes of memory it has, and with it how much of a processor.
    pub(crate) fn memory(&self) -> u32 {
        match self.caller {
            Caller::Gateway(_) => 128,
            // Compression and encryption: nearly a whole processor, for which one thread is enough.
            Caller::Queue(Queue::Takeouts) => 1536,
            Caller::Queue(Queue::Purges) => 512,
            Caller::Queue(Queue::Notices) | Caller::Clock { .. } | Caller::Changes => 256,
        }
    }
}

/// The logical id of a queue.
pub(crate) const fn queue_id(queue: Queue) -> &'static str {
    match queue {
        Queue::Takeouts => "Takeouts",
        Queue::Purges => "Purges",
        Queue::Notices => "Notices",
    }
}

/// The queue that a need sends to, if it does.
pub(crate) const fn sends_to(need: Need) -> Option<Queue> {
    match need {
        Need::QueueTakeouts => Some(Queue::Takeouts),
        Need::QueuePurges => Some(Queue::Purges),
        Need::QueueNotices => Some(Queue::Notices),
        Need::ReadLedger
        | Need::WriteLedger
        | Need::KeepSessions
        | Need::KeepLimits
        | Need::ForgetLedger
        | Need::Certify
        | Need::ReadTakeouts
        | Need::WriteTakeouts
        | Need::ResumeTakeouts
        | Need::KeepExports
        | Need::DeleteTakeouts
        | Need::NoteChanges
        | Need::ReadAudit
        | Need::KeepAttachments
        | Need::ScanAttachments
        | Need::SendMail
        | Need::ReadSignInSecret
        | Need::ReadStores
        | Need::EraseStores => None,
    }
}
