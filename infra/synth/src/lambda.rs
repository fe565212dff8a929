//! What endpoints and workers have in common: each is one Lambda.

use http::Method;
use runtime::{Credentials, Endpoint, Need, Route, Trigger, Worker, queues::Queue};

/// A function of the catalog.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lambda {
    pub(crate) name: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) needs: &'static [Need],
    pub(crate) caller: Caller,
}

/// What calls a function.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Caller {
    /// The gateway.
    Gateway(&'static Route),
    /// A queue.
    Queue(Queue),
    /// The clock, each time so many minutes have passed.
    Clock { minutes: u32 },
}

impl From<&Endpoint> for Lambda {
    fn from(endpoint: &Endpoint) -> Self {
        let route = endpoint.route;
        Self { name: route.name, summary: route.summary, needs: route.needs, caller: Caller::Gateway(route) }
    }
}

impl From<&Worker> for Lambda {
    fn from(worker: &Worker) -> Self {
        let spec = worker.spec;
        let caller = match spec.trigger {
            Trigger::Queue(queue) => Caller::Queue(queue),
            Trigger::Every { minutes } => Caller::Clock { minutes },
        };
        Self { name: spec.name, summary: spec.summary, needs: spec.needs, caller }
    }
}

impl Lambda {
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
        match self.caller {
            Caller::Gateway(route) => route.method == Method::POST && route.credentials != Credentials::None,
            Caller::Queue(_) | Caller::Clock { .. } => false,
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
            Caller::Queue(Queue::Notices) | Caller::Clock { .. } => 300,
        }
    }

    /// How many megabytes of memory it has, and with it how much of a processor.
    pub(crate) fn memory(&self) -> u32 {
        match self.caller {
            Caller::Gateway(_) => 128,
            // Compression and encryption: nearly a whole processor, for which one thread is enough.
            Caller::Queue(Queue::Takeouts) => 1536,
            Caller::Queue(Queue::Purges) => 512,
            Caller::Queue(Queue::Notices) | Caller::Clock { .. } => 256,
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
        | Need::ForgetLedger
        | Need::Certify
        | Need::ReadTakeouts
        | Need::WriteTakeouts
        | Need::ResumeTakeouts
        | Need::DeleteTakeouts
        | Need::SendMail
        | Need::ReadStores
        | Need::EraseStores => None,
    }
}
