//! Workers: functions that are called by a queue or by the clock.

use std::{future::Future, sync::Arc};

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use domain::Timestamp;
use futures_util::future::BoxFuture;

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

#[derive(Clone)]
enum Run {
    Job(Arc<OnJob>),
    Tick(Arc<OnTick>),
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
            Run::Tick(run) => run(app.clone()).await,
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
            Run::Job(_) => Ok(()),
        };
        let cause = result.as_ref().err().and_then(Failure::cause);
        let outcome = if result.is_ok() { "done" } else { "failed" };
        app.tell(Line { function: self.spec.name, outcome, cause, ..Line::default() });
        result
    }
}
