//! Workers: functions that are called by a queue, by the clock or by changes of the ledger.

use std::{future::Future, sync::Arc};

use aws_lambda_events::event::{
    dynamodb,
    sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent},
};
use domain::Timestamp;
use futures_util::future::BoxFuture;
use store::Change;

use crate::{
    App, Failure, Need,
    log::Line,
    queues::{Job, Queue, TRACE},
};

/// What calls a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// A queue.
    Queue(Queue),
    /// The clock, each time so many minutes have passed.
    Every {
        /// Minutes.
        minutes: u32,
    },
    /// Changes of the ledger, as the stream of its table tells them.
    Changes,
}

/// Everything about a worker but what it does.
#[derive(Debug)]
pub struct WorkerSpec {
    /// The Lambda's name: verb-noun, in kebab case.
    pub name: &'static str,
    /// What calls it.
    pub trigger: Trigger,
    /// What it touches; becomes its IAM policy.
    pub needs: &'static [Need],
    /// What it is for, in a few words.
    pub summary: &'static str,
}

type OnJob = dyn Fn(App, Job) -> BoxFuture<'static, Result<(), Failure>> + Send + Sync;
type OnTick = dyn Fn(App) -> BoxFuture<'static, Result<(), Failure>> + Send + Sync;

type OnChanges = dyn Fn(App, Vec<Change>) -> BoxFuture<'static, Result<(), Failure>> + Send + Sync;

#[derive(Clone)]
enum Run {
    Job(Arc<OnJob>),
    Tick(Arc<OnTick>),
    Changes(Arc<OnChanges>),
}

/// A worker with its handler.
#[derive(Clone)]
pub struct Worker {
    /// What is particular to it, as data.
    pub spec: &'static WorkerSpec,
    run: Run,
}

/// A worker that handles the jobs of a queue. A job whose handler fails is delivered again.
pub fn on_jobs<F, Fut>(spec: &'static WorkerSpec, handler: F) -> Worker
where
    F: Fn(App, Job) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), Failure>> + Send + 'static,
{
    Worker { spec, run: Run::Job(Arc::new(move |app, job| Box::pin(handler(app, job)))) }
}

/// A worker that handles ticks of the clock.
pub fn on_tick<F, Fut>(spec: &'static WorkerSpec, handler: F) -> Worker
where
    F: Fn(App) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), Failure>> + Send + 'static,
{
    Worker { spec, run: Run::Tick(Arc::new(move |app| Box::pin(handler(app)))) }
}

/// A worker that handles changes of the ledger: those of one row in their order. If it fails it gets them again,
/// with others or without.
pub fn on_changes<F, Fut>(spec: &'static WorkerSpec, handler: F) -> Worker
where
    F: Fn(App, Vec<Change>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), Failure>> + Send + 'static,
{
    Worker { spec, run: Run::Changes(Arc::new(move |app, changes| Box::pin(handler(app, changes)))) }
}

impl Worker {
    /// Handles a batch of messages; those that failed are to be delivered again, and no others.
    pub async fn batch(&self, app: &App, event: SqsEvent, deadline: Option<Timestamp>) -> SqsBatchResponse {
        let app = app.with_deadline(deadline);
        let mut failures = Vec::new();
        for record in event.records {
            let trace = record.message_attributes.get(TRACE).and_then(|trace| trace.string_value.as_deref());
            let app = app.traced(trace);
            let id = record.message_id.unwrap_or_default();
            let jobs: Option<Vec<Job>> =
                record.body.as_deref().and_then(|body| serde_json::from_str(body).ok());
            let done = match jobs {
                Some(jobs) => {
                    let mut all = true;
                    for job in jobs {
                        all &= self.job(&app, job, &id).await;
                    }
                    all
                }
                None => {
                    let cause = Some("the message cannot be read".to_owned());
                    app.tell(Line {
                        function: self.spec.name,
                        id: &id,
                        outcome: "failed",
                        cause,
                        ..Line::default()
                    });
                    false
                }
            };
            if !done {
                let mut failure = BatchItemFailure::default();
                failure.item_identifier = id;
                failures.push(failure);
            }
        }
        let mut response = SqsBatchResponse::default();
        response.batch_item_failures = failures;
        response
    }

    async fn job(&self, app: &App, job: Job, id: &str) -> bool {
        let result = match &self.run {
            Run::Job(run) => run(app.clone(), job).await,
            // Its trigger is no queue.
            Run::Tick(_) | Run::Changes(_) => Ok(()),
        };
        let cause = result.as_ref().err().and_then(Failure::cause);
        let outcome = if result.is_ok() { "done" } else { "failed" };
        let person = Some(job.person.to_string());
        app.tell(Line { function: self.spec.name, id, outcome, cause, person, ..Line::default() });
        result.is_ok()
    }

    /// Handles a tick of the clock, in the trace that this header names.
    ///
    /// # Errors
    /// When the work could not be done; the next tick does it.
    pub async fn tick(&self, app: &App, trace: Option<&str>) -> Result<(), Failure> {
        let app = &app.traced(trace);
        let result = match &self.run {
            Run::Tick(run) => run(app.clone()).await,
            // Its trigger is not the clock.
            Run::Job(_) | Run::Changes(_) => Ok(()),
        };
        self.tell_end(app, result)
    }

    /// Handles changes of the ledger.
    ///
    /// # Errors
    /// When the work could not be done; then they come again.
    pub async fn changes(&self, app: &App, event: dynamodb::Event) -> Result<(), Failure> {
        let change = |record: dynamodb::EventRecord| {
            let record = record.change;
            let (key, before, after) = (record.keys, record.old_image, record.new_image);
            Change { key, before, after, at: record.approximate_creation_date_time }
        };
        let changes = event.records.into_iter().map(change).collect();
        let result = match &self.run {
            Run::Changes(run) => run(app.clone(), changes).await,
            // Its trigger is something else.
            Run::Job(_) | Run::Tick(_) => Ok(()),
        };
        self.tell_end(app, result)
    }

    fn tell_end(&self, app: &App, result: Result<(), Failure>) -> Result<(), Failure> {
        let cause = result.as_ref().err().and_then(Failure::cause);
        let outcome = if result.is_ok() { "done" } else { "failed" };
        app.tell(Line { function: self.spec.name, outcome, cause, ..Line::default() });
        result
    }
}
