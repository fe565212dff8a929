//! What calls the workers: a poller per queue and a reader of the ledger's changes in place of Lambda's event
//! sources, and a scheduler in place of EventBridge.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage, SqsMessageAttribute};
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName, QueueAttributeName};
use chrono::{DateTime, TimeDelta, Utc};
use runtime::{App, Trigger, Worker, queues::Queue};
use tokio::{
    sync::{Mutex, RwLock, RwLockWriteGuard},
    task::JoinHandle,
};

use crate::{VirtualClock, services::ChangeStream};

/// Runs the workers of an App.
pub(crate) struct Runner {
    app: App,
    clock: VirtualClock,
    workers: Vec<Worker>,
    busy: AtomicUsize,
    /// Whoever holds this for writing keeps the workers of the queues from working.
    gate: RwLock<()>,
    /// When each scheduled worker runs next. Held while ticks run, so that two never overlap.
    next: Mutex<Vec<(Worker, TimeDelta, DateTime<Utc>)>>,
    changes: Arc<Mutex<ChangeStream>>,
    /// The messages that are being worked on, by what they are given back with.
    taken: Mutex<Vec<(Queue, String)>>,
}

/// A message that was taken off a queue and not yet given to a worker.
#[derive(Clone, Debug)]
pub struct Letter {
    queue: Queue,
    message: Message,
}

/// After how many minutes changes of the ledger are handed on, at the latest.
const BATCHING: u32 = 1;

/// Counts a worker as running for as long as it lives.
struct Busy<'a>(&'a AtomicUsize);

impl<'a> Busy<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Runner {
    pub(crate) fn new(
        app: App,
        clock: VirtualClock,
        workers: Vec<Worker>,
        changes: Arc<Mutex<ChangeStream>>,
    ) -> Arc<Self> {
        let now = clock.now();
        let scheduled = workers.iter().filter_map(|worker| {
            let period = TimeDelta::minutes(minutes(worker)?.into());
            Some((worker.clone(), period, now + period))
        });
        let next = Mutex::new(scheduled.collect());
        let (busy, gate, taken) = (AtomicUsize::new(0), RwLock::default(), Mutex::default());
        Arc::new(Self { app, clock, workers, busy, gate, next, changes, taken })
    }

    /// Runs the same workers for another App.
    pub(crate) fn over(&self, app: App) -> Arc<Self> {
        Self::new(app, self.clock.clone(), self.workers.clone(), Arc::clone(&self.changes))
    }

    fn url(&self, queue: Queue) -> &str {
        let urls = &self.app.config().queues;
        match queue {
            Queue::Takeouts => &urls.takeouts,
            Queue::Purges => &urls.purges,
            Queue::Notices => &urls.notices,
        }
    }

    /// Starts a poller for each queue, and the scheduler.
    pub(crate) fn start(self: &Arc<Self>) -> Vec<JoinHandle<()>> {
        let mut tasks = Vec::new();
        for worker in &self.workers {
            if let Trigger::Queue(queue) = worker.spec.trigger {
                let (runner, worker) = (Arc::clone(self), worker.clone());
                tasks.push(tokio::spawn(async move { runner.poll(queue, &worker).await }));
            }
        }
        let runner = Arc::clone(self);
        tasks.push(tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(500)).await;
                runner.run_due_ticks().await;
            }
        }));
        tasks
    }

    async fn poll(&self, queue: Queue, worker: &Worker) {
        loop {
            match self.receive(queue, 5).await {
                Some(messages) if messages.is_empty() => {}
                Some(messages) => self.deliver(queue, worker, messages).await,
                // The embedded queue is starting or stopping.
                None => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }

    /// Works off what the queues have to give.
    pub(crate) async fn work(&self) {
        let mut is_done = false;
        while !is_done {
            is_done = true;
            for worker in &self.workers {
                let Trigger::Queue(queue) = worker.spec.trigger else { continue };
                let messages = self.receive(queue, 0).await.unwrap_or_default();
                if !messages.is_empty() {
                    is_done = false;
                    self.deliver(queue, worker, messages).await;
                }
            }
        }
    }

    /// Takes off the queues what they have to give.
    pub(crate) async fn take(&self) -> Vec<Letter> {
        let mut letters = Vec::new();
        for queue in Queue::ALL {
            loop {
                let messages = self.receive(queue, 0).await.unwrap_or_default();
                if messages.is_empty() {
                    break;
                }
                letters.extend(messages.into_iter().map(|message| Letter { queue, message }));
            }
        }
        letters
    }

    /// Gives letters to their workers, those of one queue as one batch.
    pub(crate) async fn hand_over(&self, letters: &[Letter]) {
        for worker in &self.workers {
            let Trigger::Queue(queue) = worker.spec.trigger else { continue };
            let own = letters.iter().filter(|letter| letter.queue == queue);
            let messages: Vec<Message> = own.map(|letter| letter.message.clone()).collect();
            if !messages.is_empty() {
                self.deliver(queue, worker, messages).await;
            }
        }
    }

    /// Gives back what it died over: the time it had for it is up.
    pub(crate) async fn give_back(&self, taken: &Self) {
        for (queue, handle) in taken.taken.lock().await.drain(..) {
            // Should this fail, the message comes again later.
            let _ = self.make_visible(queue, handle).await;
        }
    }

    async fn make_visible(&self, queue: Queue, handle: String) -> Option<()> {
        let sqs = self.app.clients().sqs();
        let visible = sqs.change_message_visibility().queue_url(self.url(queue)).receipt_handle(handle);
        visible.visibility_timeout(0).send().await.ok().map(drop)
    }

    /// Takes messages off a queue, for which it waits some seconds; nothing if it does not answer.
    async fn receive(&self, queue: Queue, seconds: i32) -> Option<Vec<Message>> {
        let received = self
            .app
            .clients()
            .sqs()
            .receive_message()
            .queue_url(self.url(queue))
            .max_number_of_messages(10)
            .wait_time_seconds(seconds)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .message_attribute_names("All")
            .send()
            .await;
        Some(received.ok()?.messages.unwrap_or_default())
    }

    /// Gives a batch to a worker; deletes what it finished and puts back what it did not.
    async fn deliver(&self, queue: Queue, worker: &Worker, messages: Vec<Message>) {
        let _busy = Busy::new(&self.busy);
        let _open = self.gate.read().await;
        let mut event = SqsEvent::default();
        event.records = messages.iter().map(record).collect();
        let handles = messages.iter().filter_map(|message| message.receipt_handle.clone());
        self.taken.lock().await.extend(handles.map(|handle| (queue, handle)));
        let response = worker.batch(&self.app, event, None).await;
        self.taken.lock().await.clear();
        let sqs = self.app.clients().sqs();
        for message in messages {
            let failed = response
                .batch_item_failures
                .iter()
                .any(|failure| Some(&failure.item_identifier) == message.message_id.as_ref());
            let handle = message.receipt_handle.unwrap_or_default();
            // Should this fail, the message comes again, which is harmless.
            if failed {
                let _ = self.make_visible(queue, handle).await;
            } else {
                let _ = sqs.delete_message().queue_url(self.url(queue)).receipt_handle(handle).send().await;
            }
        }
    }

    /// Lets no worker of a queue begin anything until what this gives is dropped.
    pub(crate) async fn pause(&self) -> RwLockWriteGuard<'_, ()> {
        self.gate.write().await
    }

    /// Lets no scheduled worker run by itself until what this gives is dropped.
    pub(crate) async fn without_schedule(&self) -> impl Sized + '_ {
        self.next.lock().await
    }

    /// Runs the scheduled workers whose time has come.
    pub(crate) async fn run_due_ticks(&self) {
        let mut next = self.next.lock().await;
        for (worker, period, at) in next.iter_mut() {
            let now = self.clock.now();
            if *at <= now {
                *at = now + *period;
                self.tick(worker).await;
            }
        }
    }

    /// Gives a worker an event, as Lambda does, and takes its answer; nothing if it fails.
    pub(crate) async fn invoke(&self, worker: &Worker, event: &[u8]) -> Option<Vec<u8>> {
        let _busy = Busy::new(&self.busy);
        match worker.spec.trigger {
            Trigger::Queue(_) => {
                let event: SqsEvent = serde_json::from_slice(event).ok()?;
                serde_json::to_vec(&worker.batch(&self.app, event, None).await).ok()
            }
            Trigger::Every { .. } => worker.tick(&self.app, None).await.ok().map(|()| b"null".to_vec()),
            Trigger::Changes => {
                let event = serde_json::from_slice(event).ok()?;
                worker.changes(&self.app, event).await.ok().map(|()| b"null".to_vec())
            }
        }
    }

    /// Runs a scheduled worker now, or hands a worker all changes that it has not had.
    pub(crate) async fn tick(&self, worker: &Worker) {
        let _busy = Busy::new(&self.busy);
        if worker.spec.trigger == Trigger::Changes {
            let stream = self.changes.lock().await;
            while let Ok(Some(changes)) = stream.next().await {
                let Ok(event) = serde_json::from_slice(&changes.event) else { return };
                if worker.changes(&self.app, event).await.is_err() {
                    return;
                }
                stream.took(changes).await;
            }
        } else {
            // A failed tick is logged, and the next one makes up for it.
            let _ = worker.tick(&self.app, None).await;
        }
    }

    /// Runs a scheduled worker now; false if there is none of this name.
    pub(crate) async fn tick_named(&self, name: &str) -> bool {
        match self.worker(name) {
            Some(worker) => {
                self.tick(worker).await;
                true
            }
            None => false,
        }
    }

    /// The workers that the clock calls, and after how many minutes each runs again.
    pub(crate) fn scheduled(&self) -> impl Iterator<Item = (&Worker, u32)> {
        self.workers.iter().filter_map(|worker| match worker.spec.trigger {
            Trigger::Every { minutes } => Some((worker, minutes)),
            // Nothing is asked where nothing has changed.
            Trigger::Changes | Trigger::Queue(_) => None,
        })
    }

    /// The worker of this name.
    pub(crate) fn worker(&self, name: &str) -> Option<&Worker> {
        self.workers.iter().find(|worker| worker.spec.name == name)
    }

    /// Waits until all queues are empty and no worker runs.
    pub(crate) async fn drain(&self) {
        let mut quiet = 0;
        while quiet < 2 {
            quiet = if self.is_quiet().await { quiet + 1 } else { 0 };
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn is_quiet(&self) -> bool {
        if self.busy.load(Ordering::SeqCst) > 0 {
            return false;
        }
        for queue in Queue::ALL {
            let names = [
                QueueAttributeName::ApproximateNumberOfMessages,
                QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
                QueueAttributeName::ApproximateNumberOfMessagesDelayed,
            ];
            let asked = self
                .app
                .clients()
                .sqs()
                .get_queue_attributes()
                .queue_url(self.url(queue))
                .set_attribute_names(Some(names.to_vec()))
                .send()
                .await;
            let Ok(answer) = asked else { return false };
            let attributes = answer.attributes.unwrap_or_default();
            if names.iter().any(|name| attributes.get(name).is_some_and(|count| count != "0")) {
                return false;
            }
        }
        self.busy.load(Ordering::SeqCst) == 0
    }
}

/// After how many minutes a worker runs again, unless a queue calls it.
fn minutes(worker: &Worker) -> Option<u32> {
    match worker.spec.trigger {
        Trigger::Every { minutes } => Some(minutes),
        Trigger::Changes => Some(BATCHING),
        Trigger::Queue(_) => None,
    }
}

/// A message as Lambda hands it over.
fn record(message: &Message) -> SqsMessage {
    let mut record = SqsMessage::default();
    record.message_id.clone_from(&message.message_id);
    record.receipt_handle.clone_from(&message.receipt_handle);
    record.body.clone_from(&message.body);
    for (name, value) in message.message_attributes.iter().flatten() {
        let mut attribute = SqsMessageAttribute::default();
        attribute.data_type = Some(value.data_type.clone());
        attribute.string_value.clone_from(&value.string_value);
        record.message_attributes.insert(name.clone(), attribute);
    }
    record
}
