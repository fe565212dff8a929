//! `erase-person`: carries out a purge.
//!
//! Find what there is, claim the purge with the very write that notes it, erase store by store, read
//! every store again as proof, then forget the person in the ledger itself and issue the certificate.
//! Whoever dies on the way is followed by another who goes on; whoever comes twice finds nothing to do.
//!
//! Holds are read after the claim, before the first row goes, after each page, and before the ledger
//! forgets: one that was set before a claim is seen by it for certain, one that is set later stops
//! the work before its next page. What they hold stays, and so does the person in the ledger, until
//! they end.

use std::{ops::ControlFlow, sync::OnceLock};

use async_trait::async_trait;
use connectors::{EngineError, Progress, Step};
use domain::{
    Timestamp,
    datamap::{Erasure, Kept, Masker, Outcome, Treatment, is_known},
    hold::Bars,
    mandate::Verdict,
    person::Person,
    plan::{Plan, PlannedCollection},
    purge::{Purge, PurgeError, PurgeState, StoreOutcome},
    request::{Request, Status, Template, Work},
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
    let last = request.purge().map_or(0, |purge| purge.attempts);
    let run = Run { app: &app, tenant: &tenant, job, last, turn: OnceLock::new() };
    if run.is_still_held(&request).await? {
        return Ok(());
    }
    // Saves the reading where there is nothing to claim; the claim itself comes with the first write.
    if request.purge().is_none_or(|purge| purge.clone().claim(app.now()).is_err()) {
        // One that is done stays in the index until the person has been told.
        if request.status() == Status::Completed && request.is_mail_late(app.now()) {
            match ledger.put_request(&request.notices_deferred(app.now())).await {
                Ok(()) => {
                    app.nudge(Queue::Notices, job).await;
                }
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        return Ok(());
    }
    match run.carry_out(request).await {
        Ok(()) => Ok(()),
        Err(failure) => match run.put_off().await? {
            true => Err(failure),
            // After a cancel, another time or another worker it is no longer this one's.
            false => Ok(()),
        },
    }
}

/// One worker's turn at a purge.
struct Run<'a> {
    app: &'a App,
    tenant: &'a Tenant,
    job: Job,
    /// Which attempt was the last when the purge was read: what others have begun since, they know better.
    last: u32,
    /// Which attempt this is, once the purge is claimed.
    turn: OnceLock<u32>,
}

impl Run<'_> {
    async fn carry_out(&self, request: Request) -> Result<(), Failure> {
        // Once the stores are proven empty, this is noted with the time until which it is kept.
        let erased = match request.keep_until {
            // Of two who forget at once the slower might forget who has come back meanwhile.
            Some(_) => self.amend(&request, Ok).await?,
            None => match self.erase(request).await? {
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
        let (next, is_held) = if bars.hold_everything() || is_unchanged {
            let is_time_to_look = purge.lease_until <= now;
            (is_time_to_look.then(|| super::held(purge.clone(), &bars, now)), true)
        } else {
            let is_ahead = now < purge.due;
            (is_ahead.then(|| purge.clone().let_go()), is_ahead)
        };
        if let Some(next) = next.transpose()? {
            let next = request.clone().with_work(Work::Purge(next), now);
            match self.app.ledger(self.job.org).put_request(&next).await {
                // Somebody else has changed it: they decide.
                Ok(()) | Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(is_held)
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

    /// Writes a step of the purge, as long as it is this worker's; the first step claims it. Others
    /// may write too, such as who marks a mail as sent; a purge that was called off, moved or taken
    /// over by another worker is left alone, and gives none.
    async fn try_amend(
        &self,
        request: &Request,
        step: impl Fn(Request, Purge, Timestamp) -> Result<Request, PurgeError>,
    ) -> Result<Option<Request>, Failure> {
        let now = self.app.now();
        let amended = self
            .app
            .ledger(self.job.org)
            .amend_request(request.clone(), |request: Request| {
                let claimed = request.purge().cloned().and_then(|purge| match self.turn.get() {
                    Some(turn) => (purge.attempts == *turn).then_some(purge),
                    None if purge.attempts == self.last => purge.claim(now).ok(),
                    None => None,
                });
                let Some(purge) = claimed else { return Ok::<_, Failure>(None) };
                Ok(Some(step(request, purge, now)?))
            })
            .await?;
        if let Some(purge) = amended.as_ref().and_then(Request::purge) {
            self.turn.get_or_init(|| purge.attempts);
        }
        Ok(amended)
    }

    /// The same, where a purge that is no longer this worker's ends its turn.
    async fn amend(
        &self,
        request: &Request,
        step: impl Fn(Purge) -> Result<Purge, PurgeError>,
    ) -> Result<Request, Failure> {
        let step = |request: Request, purge, now| Ok(request.with_work(Work::Purge(step(purge)?), now));
        self.try_amend(request, step).await?.ok_or_else(|| StoreError::Conflict.into())
    }

    /// Erases the person from all stores; `None` if that has to go on later.
    async fn erase(&self, request: Request) -> Result<Option<Request>, Failure> {
        let bars = self.bars().await?;
        if bars.hold_everything() {
            self.hold(&request, &bars).await?;
            return Ok(None);
        }
        let (app, ledger) = (self.app, self.app.ledger(self.job.org));
        // Nobody is known where another erasure has ended while this one was asked for: there is nothing to
        // search by, and nothing left.
        let person = ledger.person(self.job.person).await?;
        let searched = person.as_ref().map(identities).unwrap_or_default();
        let engine = app.engine(self.tenant).await?;
        // What is held may be anything if the data map has nothing of that name.
        if bars.iter().any(|hold| !is_known(engine.map(), &hold.terms.scope)) {
            self.hold(&request, &bars).await?;
            return Ok(None);
        }
        let secret = ledger.masking_secret(self.job.person, request.id).await?;
        let policy = purge_of(&request)?.mandate.policy;
        let Ok(order) =
            plans::order(&engine, self.tenant, policy.as_deref(), &bars, Masker::from_secret(*secret))
        else {
            return self.refuse(&request, "the tenant no longer has the policy that was asked for").await;
        };
        let mut journal = Journal {
            run: self,
            bars: &bars,
            request,
            finished: Vec::new(),
            has_erased: false,
            is_over: false,
            failure: None,
        };
        let result = engine.erase(&searched, &order, &mut journal).await;
        let Journal { request, is_over, failure, .. } = journal;
        if let Some(failure) = failure {
            return Err(failure);
        }
        let erasure = match result {
            Ok(erasure) => erasure,
            // Nothing in any store is linked to the person by what they are registered with.
            Err(EngineError::NoIdentity { .. }) => Erasure::default(),
            // The plan was refused, or waits for a second person.
            Err(EngineError::Interrupted(_)) if is_over => return Ok(None),
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
        let record = |purge: Purge| {
            outcomes.iter().cloned().try_fold(purge, |purge, outcome| purge.record(outcome, now))
        };
        if !outcomes.iter().all(StoreOutcome::is_verified) {
            self.amend(&request, |purge| record(purge)?.fail(now)).await?;
            return Ok(None);
        }
        let bars_now = self.bars().await?;
        if !bars.include(&bars_now.ids()) {
            let request = self.amend(&request, record).await?;
            self.leave(&request).await?;
            return Ok(None);
        }
        // What was held when the work began has stayed, whether it still is held or not.
        if holds_rows {
            self.amend(&request, |purge| super::held(record(purge)?, &bars, now)).await?;
            return Ok(None);
        }
        let keep_until = now + self.tenant.proof_life();
        let verified = |request: Request, purge, now| {
            let erased = Request { work: Work::Purge(record(purge)?), ..request }.forgotten(keep_until, now);
            Ok(match person.as_ref().and_then(Person::email) {
                Some(address) => erased.with_notice(Template::PurgeDone, address.to_owned(), None, now),
                None => erased,
            })
        };
        Ok(Some(self.try_amend(&request, verified).await?.ok_or(StoreError::Conflict)?))
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
        app.store().attachments().discard_all(self.job.org, person).await?;
        let now = app.now();
        ledger.forget_requests(person, Some(erased.id), keep_until, now).await?;
        ledger.forget_holds(person, keep_until).await?;
        ledger.forget_person(person, Some(Erased { at: now, until: keep_until })).await?;
        certificates::issue(app, self.tenant, &erased).await?;
        let done = self.amend(&erased, Purge::finish).await?;
        if done.pending_notices().next().is_some() {
            app.nudge(Queue::Notices, Job { request: None, ..self.job }).await;
        }
        Ok(())
    }

    /// Gives the purge back after a failure, to be tried again later; false if it is not this
    /// worker's.
    async fn put_off(&self) -> Result<bool, Failure> {
        let ledger = self.app.ledger(self.job.org);
        let Some(request) = ledger.erasure(self.job.person).await? else { return Ok(false) };
        let fail =
            |request: Request, purge: Purge, now| Ok(request.with_work(Work::Purge(purge.fail(now)?), now));
        Ok(self.try_amend(&request, fail).await?.is_some())
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

/// Claims the purge with its plan, writes down now and then how far it has got, and stops it when the
/// time is up, somebody has set a hold, or the purge has become somebody else's.
struct Journal<'a> {
    run: &'a Run<'a>,
    /// The holds that were known when the work began.
    bars: &'a Bars,
    request: Request,
    /// What is finished and not yet written down.
    finished: Vec<StoreOutcome>,
    /// Whether this turn has erased anything: small budgets would never end otherwise.
    has_erased: bool,
    /// Whether the plan was refused, or waits for a second person.
    is_over: bool,
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
        // Before the claim, so that what is held at once has not begun; and after it, for certain.
        self.is_unbarred().await?;
        let begun = self.request.purge().is_some_and(Purge::has_begun);
        let mandate = self.request.purge().map(|purge| purge.mandate.clone()).unwrap_or_default();
        // Once rows have gone, the rest is no longer the plan that was read.
        let verdict = if begun { Verdict::Go } else { mandate.judge(plan, self.run.tenant.blast_radius) };
        match verdict {
            Verdict::Go => {
                let found: Vec<StoreOutcome> = plan.collections.iter().map(planned).collect();
                self.note(|purge, now| purge.plan(found.clone(), now)).await?;
                self.is_unbarred().await
            }
            Verdict::Wait(release) => {
                self.is_over = true;
                self.note(|purge, now| purge.await_release(release.clone(), now)).await?;
                ControlFlow::Break(())
            }
            Verdict::Changed => {
                self.is_over = true;
                let reason = "what would be erased is no longer what the plan says";
                self.note(|purge, _| purge.refuse(reason.to_owned())).await?;
                ControlFlow::Break(())
            }
        }
    }

    async fn step(&mut self, step: &Step) -> ControlFlow<()> {
        match step {
            Step::Erased { .. } => self.has_erased = true,
            Step::Finished(outcome) => self.finished.push(noted(outcome.clone())),
        }
        let now = self.run.app.now();
        if self.request.purge().is_some_and(|purge| purge.is_lease_ageing(now)) {
            let finished = std::mem::take(&mut self.finished);
            self.note(|purge, now| {
                finished
                    .iter()
                    .cloned()
                    .try_fold(purge.plan([], now)?, |purge, outcome| purge.record(outcome, now))
            })
            .await?;
        }
        self.is_unbarred().await?;
        if self.has_erased && self.run.app.is_out_of_time() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

worker!(on_jobs, handle);
