//! `erase-person`: carries out a purge.
//!
//! Claim, erase store by store with the outcome of each written down, read every store again as
//! proof, then forget the person in the ledger itself. Whoever dies on the way is followed by
//! another who goes on; whoever comes twice finds nothing to do.

use std::ops::ControlFlow;

use async_trait::async_trait;
use connectors::{EngineError, Progress, Step};
use domain::{
    Timestamp,
    datamap::{Count, Erasure, Outcome},
    purge::{Purge, PurgeError, PurgeState, StoreOutcome},
    request::{Request, Template, Work},
    tenant::Tenant,
};
use runtime::{
    App, Failure, Need, Trigger, WorkerSpec,
    queues::{Job, Queue},
};
use store::StoreError;

use crate::takeouts::build::identities;

/// The worker.
pub static SPEC: WorkerSpec = WorkerSpec {
    name: "erase-person",
    trigger: Trigger::Queue(Queue::Purges),
    needs: &[
        Need::ForgetLedger,
        Need::ReadStores,
        Need::EraseStores,
        Need::DeleteTakeouts,
        Need::QueuePurges,
        Need::QueueNotices,
    ],
    summary: "Carry out a purge",
};

/// Carries it out.
///
/// # Errors
/// When the ledger fails. A store that fails is noted in the purge and tried again later.
pub async fn handle(app: App, job: Job) -> Result<(), Failure> {
    let ledger = app.ledger(job.org);
    let Some(request) = ledger.erasure(job.person).await? else { return Ok(()) };
    // A message about an erasure that is past: its request is no longer the current one.
    if job.request.is_some_and(|id| id != request.id) {
        return Ok(());
    }
    let now = app.now();
    // Whoever was first decides: after a cancel, another time or another worker there is nothing
    // to claim, after a mail that was marked as sent there still is.
    let claimed = ledger
        .amend_request(request, |request: Request| {
            let claimed = request.purge().cloned().and_then(|purge| purge.claim(now).ok());
            Ok::<_, StoreError>(claimed.map(|purge| request.with_work(Work::Purge(purge), now)))
        })
        .await?;
    let Some(claimed) = claimed else { return Ok(()) };
    let Some(tenant) = app.config().tenant(job.org) else { return Ok(()) };
    let run = Run { app: &app, tenant: &tenant, job };
    match run.carry_out(claimed).await {
        Ok(()) => Ok(()),
        Err(failure) => {
            run.put_off().await?;
            Err(failure)
        }
    }
}

/// One worker's turn at a purge.
struct Run<'a> {
    app: &'a App,
    tenant: &'a Tenant,
    job: Job,
}

impl Run<'_> {
    async fn carry_out(&self, claimed: Request) -> Result<(), Failure> {
        // Once the stores are proven empty, this is noted with the time until which it is kept.
        let erased = match claimed.keep_until {
            Some(_) => claimed,
            None => match self.erase(claimed).await? {
                Some(erased) => erased,
                None => return Ok(()),
            },
        };
        self.forget(erased).await
    }

    /// Writes a step of the purge, as long as it is this worker's. Others may write too, such as
    /// who marks a mail as sent; a purge that was taken over by another worker is left alone.
    async fn amend(
        &self,
        request: &Request,
        step: impl Fn(Purge) -> Result<Purge, PurgeError>,
    ) -> Result<Request, Failure> {
        let turn = request.purge().map(|purge| purge.attempts);
        let now = self.app.now();
        let amended = self
            .app
            .ledger(self.job.org)
            .amend_request(request.clone(), |request: Request| {
                let Some(purge) = request.purge().filter(|purge| Some(purge.attempts) == turn).cloned()
                else {
                    return Ok::<_, Failure>(None);
                };
                Ok(Some(request.with_work(Work::Purge(step(purge)?), now)))
            })
            .await?;
        amended.ok_or_else(|| StoreError::Conflict.into())
    }

    /// Erases the person from all stores; `None` if that has to go on later.
    async fn erase(&self, claimed: Request) -> Result<Option<Request>, Failure> {
        let (app, ledger) = (self.app, self.app.ledger(self.job.org));
        let person =
            ledger.person(self.job.person).await?.ok_or(StoreError::Unreadable { what: "person" })?;
        let engine = app.engine().await?;
        let mut journal = Journal { run: self, request: claimed, failure: None };
        let result = engine.erase(&identities(&person), &mut journal).await;
        let Journal { request, failure, .. } = journal;
        if let Some(failure) = failure {
            return Err(failure);
        }
        let erasure = match result {
            Ok(erasure) => erasure,
            // Nothing in any store is linked to the person by what they are registered with.
            Err(EngineError::NoIdentity { .. }) => Erasure::default(),
            Err(EngineError::Interrupted(_)) => {
                // Out of time: the next delivery goes on where this one stopped.
                let now = app.now();
                self.amend(&request, |purge| purge.release(now)).await?;
                app.enqueue(Queue::Purges, &[self.job]).await?;
                return Ok(None);
            }
            Err(error) => return Err(Failure::unavailable(error)),
        };
        let now = app.now();
        let outcomes: Vec<StoreOutcome> = erasure.collections.into_iter().map(noted).collect();
        let request = self
            .amend(&request, |purge| {
                outcomes.iter().cloned().try_fold(purge, |purge, outcome| purge.record(outcome, now))
            })
            .await?;
        if !purge_of(&request)?.is_verified() {
            self.amend(&request, |purge| purge.fail(now)).await?;
            return Ok(None);
        }
        let keep_until = now + self.tenant.proof_life();
        let address = person.email().map(str::to_owned);
        ledger
            .amend_request(request, |request: Request| {
                let erased = request.forgotten(keep_until, now);
                Ok(Some(match address.clone() {
                    Some(address) => erased.with_notice(Template::PurgeDone, address, None, now),
                    None => erased,
                }))
            })
            .await
    }

    /// Forgets what the ledger itself knows of the person, and closes the purge.
    async fn forget(&self, erased: Request) -> Result<(), Failure> {
        let (app, ledger, person) = (self.app, self.app.ledger(self.job.org), self.job.person);
        let keep_until = erased.keep_until.ok_or(StoreError::Conflict)?;
        app.store().takeouts().remove_all(self.job.org, person).await?;
        ledger.forget_requests(person, Some(erased.id), keep_until, app.now()).await?;
        ledger.forget_person(person, Some(keep_until)).await?;
        self.amend(&erased, Purge::finish).await?;
        app.nudge(Queue::Notices, Job { request: None, ..self.job }).await;
        Ok(())
    }

    /// Gives the purge back after a failure, to be tried again later.
    async fn put_off(&self) -> Result<(), Failure> {
        let ledger = self.app.ledger(self.job.org);
        let Some(request) = ledger.erasure(self.job.person).await? else { return Ok(()) };
        let Some(purge) = request.purge().filter(|purge| purge.state == PurgeState::Running).cloned() else {
            return Ok(());
        };
        let now = self.app.now();
        match ledger.put_request(&request.with_work(Work::Purge(purge.fail(now)?), now)).await {
            Ok(()) | Err(StoreError::Conflict) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

fn purge_of(request: &Request) -> Result<Purge, Failure> {
    request.purge().cloned().ok_or_else(|| StoreError::Conflict.into())
}

fn noted(outcome: Outcome) -> StoreOutcome {
    StoreOutcome {
        dataset: outcome.at.dataset,
        collection: outcome.at.collection,
        found: outcome.found,
        erased: outcome.erased,
        kept: outcome.kept,
        after: outcome.after,
        error: outcome.error,
    }
}

/// Writes down how far an erasure has got, and stops it when the time is up or the purge has
/// become somebody else's.
struct Journal<'a> {
    run: &'a Run<'a>,
    request: Request,
    failure: Option<Failure>,
}

impl Journal<'_> {
    async fn note(
        &mut self,
        change: impl Fn(Purge, Timestamp) -> Result<Purge, PurgeError>,
    ) -> ControlFlow<()> {
        match self.write(change).await {
            Ok(()) => ControlFlow::Continue(()),
            Err(failure) => {
                self.failure = Some(failure);
                ControlFlow::Break(())
            }
        }
    }

    async fn write(
        &mut self,
        change: impl Fn(Purge, Timestamp) -> Result<Purge, PurgeError>,
    ) -> Result<(), Failure> {
        let now = self.run.app.now();
        let next = self.run.amend(&self.request, |purge| change(purge, now)).await?;
        self.request = next;
        Ok(())
    }
}

#[async_trait]
impl Progress for Journal<'_> {
    async fn planned(&mut self, plan: &[Count]) -> ControlFlow<()> {
        let found: Vec<_> = plan
            .iter()
            .map(|count| (count.at.dataset.clone(), count.at.collection.clone(), count.rows))
            .collect();
        self.note(|purge, now| purge.plan(found.clone(), now)).await
    }

    async fn step(&mut self, step: &Step) -> ControlFlow<()> {
        let noted = match step {
            // The worker lives: nobody may take over.
            Step::Erased { .. } => self.note(|purge, now| purge.plan([], now)).await,
            Step::Finished(outcome) => {
                let outcome = noted(outcome.clone());
                self.note(|purge, now| purge.record(outcome.clone(), now)).await
            }
        };
        if self.run.app.is_out_of_time() { ControlFlow::Break(()) } else { noted }
    }
}

worker!(on_jobs, handle);
