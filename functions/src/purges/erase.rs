//! `erase-person`: carries out a purge.
//!
//! Claim, erase store by store with the outcome of each written down, read every store again as
//! proof, then forget the person in the ledger itself and issue the certificate. Whoever dies on the way is followed by
//! another who goes on; whoever comes twice finds nothing to do.
//!
//! Holds are read after the claim, before the first row goes, after each page, and before the ledger
//! forgets: one that was set before a claim is seen by it for certain, one that is set later stops
//! the work before its next page. What they hold stays, and so does the person in the ledger, until
//! they end.

use std::ops::ControlFlow;

use async_trait::async_trait;
use connectors::{EngineError, Progress, Step};
use domain::{
    Timestamp,
    datamap::{Erasure, Kept, Masker, Outcome, Treatment, is_known},
    hold::Bars,
    mandate::Verdict,
    plan::{Plan, PlannedCollection},
    purge::{Purge, PurgeError, PurgeState, StoreOutcome},
    request::{Request, Template, Work},
    tenant::Tenant,
};
use runtime::{
    App, Failure, Need, Trigger, WorkerSpec,
    queues::{Job, Queue},
};
use store::{StoreError, persons::Erased};

use crate::{certificates, plans, takeouts::build::identities};

/// The worker.
pub static SPEC: WorkerSpec = WorkerSpec {
    name: "erase-person",
    trigger: Trigger::Queue(Queue::Purges),
    needs: &[
        Need::ForgetLedger,
        Need::ReadStores,
        Need::EraseStores,
        Need::DeleteTakeouts,
        Need::Certify,
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
    let Some(tenant) = app.config().tenant(job.org) else { return Ok(()) };
    let run = Run { app: &app, tenant: &tenant, job };
    if run.is_still_held(&request).await? {
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

    /// The holds in force.
    async fn bars(&self) -> Result<Bars, Failure> {
        Ok(self.app.ledger(self.job.org).bars(self.job.person, self.app.now()).await?)
    }

    /// Whether a purge that is held stays so: something still holds all of it, or everything that
    /// left a part of it still does. One that nothing holds, but whose time has not come, waits again.
    async fn is_still_held(&self, request: &Request) -> Result<bool, Failure> {
        let Some(purge) = request.purge().filter(|purge| purge.state == PurgeState::Held) else {
            return Ok(false);
        };
        let (bars, now) = (self.bars().await?, self.app.now());
        let is_unchanged = !purge.held_by.is_empty() && bars.include(&purge.held_by);
        if bars.hold_everything() || is_unchanged {
            if purge.lease_until <= now {
                self.amend(request, |purge| super::held(purge, &bars, now)).await?;
            }
            return Ok(true);
        }
        let is_ahead = now < purge.due;
        if is_ahead {
            self.amend(request, Purge::let_go).await?;
        }
        Ok(is_ahead)
    }

    /// Leaves the purge until one of these holds has ended.
    async fn hold(&self, request: &Request, bars: &Bars) -> Result<(), Failure> {
        let now = self.app.now();
        self.amend(request, |purge| super::held(purge, bars, now)).await?;
        Ok(())
    }

    /// Leaves the purge to the next delivery, which goes on where this one stopped, unless something
    /// holds all that is left.
    async fn leave(&self, request: &Request) -> Result<(), Failure> {
        let bars = self.bars().await?;
        if bars.hold_everything() {
            return self.hold(request, &bars).await;
        }
        let now = self.app.now();
        self.amend(request, |purge| purge.release(now)).await?;
        self.app.enqueue(Queue::Purges, &[self.job]).await
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
        let bars = self.bars().await?;
        if bars.hold_everything() {
            self.hold(&claimed, &bars).await?;
            return Ok(None);
        }
        let (app, ledger) = (self.app, self.app.ledger(self.job.org));
        let person =
            ledger.person(self.job.person).await?.ok_or(StoreError::Unreadable { what: "person" })?;
        let engine = app.engine(self.tenant).await?;
        // What is held may be anything if the data map has nothing of that name.
        if bars.iter().any(|hold| !is_known(engine.map(), &hold.terms.scope)) {
            self.hold(&claimed, &bars).await?;
            return Ok(None);
        }
        let secret = ledger.masking_secret(self.job.person, claimed.id).await?;
        let policy = purge_of(&claimed)?.mandate.policy;
        let Ok(order) =
            plans::order(&engine, self.tenant, policy.as_deref(), &bars, Masker::from_secret(*secret))
        else {
            return self.refuse(&claimed, "the tenant no longer has the policy that was asked for").await;
        };
        let mut journal =
            Journal { run: self, bars: &bars, request: claimed, has_erased: false, failure: None };
        let result = engine.erase(&identities(&person), &order, &mut journal).await;
        let Journal { request, failure, .. } = journal;
        if let Some(failure) = failure {
            return Err(failure);
        }
        let erasure = match result {
            Ok(erasure) => erasure,
            // Nothing in any store is linked to the person by what they are registered with.
            Err(EngineError::NoIdentity { .. }) => Erasure::default(),
            // The plan was refused, or waits for a second person.
            Err(EngineError::Interrupted(_)) if purge_of(&request)?.state != PurgeState::Running => {
                return Ok(None);
            }
            Err(EngineError::Interrupted(_)) => {
                self.leave(&request).await?;
                return Ok(None);
            }
            Err(EngineError::HalfDone(reasons)) => {
                let reason = format!("it would end half done: {}", reasons.join("; "));
                return self.refuse(&request, &reason).await;
            }
            Err(error) => return Err(Failure::unavailable(error)),
        };
        let now = app.now();
        let is_held = |outcome: &Outcome| {
            let treatment = order.treatments.of(&outcome.at);
            outcome.kept > 0 && matches!(treatment, Treatment::Keep(Kept::Held { .. }))
        };
        let holds_rows = erasure.collections.iter().any(is_held);
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
        let bars_now = self.bars().await?;
        if !bars.include(&bars_now.ids()) {
            self.leave(&request).await?;
            return Ok(None);
        }
        // What was held when the work began has stayed, whether it still is held or not.
        if holds_rows {
            self.hold(&request, &bars).await?;
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

    /// Gives the purge up before anything was erased: a person must look at it. One that has begun is
    /// tried again like after any other failure.
    async fn refuse(&self, request: &Request, reason: &str) -> Result<Option<Request>, Failure> {
        let now = self.app.now();
        self.amend(request, |purge| match purge.has_begun() {
            true => purge.fail(now),
            false => purge.refuse(reason.to_owned()),
        })
        .await?;
        Ok(None)
    }

    /// Forgets what the ledger itself knows of the person, and closes the purge.
    async fn forget(&self, erased: Request) -> Result<(), Failure> {
        let (app, ledger, person) = (self.app, self.app.ledger(self.job.org), self.job.person);
        let keep_until = erased.keep_until.ok_or(StoreError::Conflict)?;
        certificates::note(app, self.tenant, &erased).await?;
        app.store().takeouts().remove_all(self.job.org, person).await?;
        let now = app.now();
        ledger.forget_requests(person, Some(erased.id), keep_until, now).await?;
        ledger.forget_holds(person, keep_until).await?;
        ledger.forget_person(person, Some(Erased { at: now, until: keep_until })).await?;
        certificates::issue(app, self.tenant, &erased).await?;
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
        masked: outcome.masked,
        kept: outcome.kept,
        kept_because: outcome.kept_because,
        method: outcome.method,
        backup_days: outcome.backup_days,
        after: outcome.after,
        error: outcome.error,
    }
}

fn planned(collection: &PlannedCollection) -> StoreOutcome {
    StoreOutcome {
        dataset: collection.dataset.clone(),
        collection: collection.collection.clone(),
        found: collection.found,
        kept: collection.kept,
        kept_because: collection.kept_because.clone(),
        method: collection.method,
        backup_days: collection.backup_days,
        ..StoreOutcome::default()
    }
}

/// Writes down how far an erasure has got, and stops it when the time is up, somebody has set a hold,
/// or the purge has become somebody else's.
struct Journal<'a> {
    run: &'a Run<'a>,
    /// The holds that were known when the work began.
    bars: &'a Bars,
    request: Request,
    /// Whether this turn has erased anything: small budgets would never end otherwise.
    has_erased: bool,
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

    /// Whether no hold was set since the work began.
    async fn is_unbarred(&mut self) -> ControlFlow<()> {
        match self.run.bars().await {
            Ok(bars) if self.bars.include(&bars.ids()) => ControlFlow::Continue(()),
            Ok(_) => ControlFlow::Break(()),
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
    async fn planned(&mut self, plan: &Plan) -> ControlFlow<()> {
        self.is_unbarred().await?;
        let begun = self.request.purge().is_some_and(Purge::has_begun);
        let mandate = self.request.purge().map(|purge| purge.mandate.clone()).unwrap_or_default();
        // Once rows have gone, the rest is no longer the plan that was read.
        let verdict = if begun { Verdict::Go } else { mandate.judge(plan, self.run.tenant.blast_radius) };
        match verdict {
            Verdict::Go => {
                let found: Vec<StoreOutcome> = plan.collections.iter().map(planned).collect();
                self.note(|purge, now| purge.plan(found.clone(), now)).await
            }
            Verdict::Wait(release) => {
                self.note(|purge, now| purge.await_release(release.clone(), now)).await?;
                ControlFlow::Break(())
            }
            Verdict::Changed => {
                let reason = "what would be erased is no longer what the plan says";
                self.note(|purge, _| purge.refuse(reason.to_owned())).await?;
                ControlFlow::Break(())
            }
        }
    }

    async fn step(&mut self, step: &Step) -> ControlFlow<()> {
        let noted = match step {
            // The worker lives: nobody may take over.
            Step::Erased { .. } => {
                self.has_erased = true;
                self.note(|purge, now| purge.plan([], now)).await
            }
            Step::Finished(outcome) => {
                let outcome = noted(outcome.clone());
                self.note(|purge, now| purge.record(outcome.clone(), now)).await
            }
        };
        noted?;
        self.is_unbarred().await?;
        if self.has_erased && self.run.app.is_out_of_time() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

worker!(on_jobs, handle);
