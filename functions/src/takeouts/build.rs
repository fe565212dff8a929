//! `build-takeout`: collects a person's data into a password-protected archive.
//!
//! Rows stream from the stores through the archive into the bucket; nothing but the keys that lead
//! from one collection to the next is kept in memory. The takeout is ready only once the archive
//! is whole, and with that one write its password is gone.
//!
//! What takes longer than an invocation is gone on with by the next: every minute the record is told how
//! far the work has got, with the key to what is needed to go on.

use std::collections::{BTreeMap, BTreeSet};

use archive::{Archive, ArchiveError, Checkpoint, Destination, Manifest, Opener, Password};
use chrono::TimeDelta;
use connectors::{Bookmark, Chunks, Engine, EngineError, ObjectInfo, Sink, SinkError};
use domain::{
    PersonId, RequestId, Timestamp,
    datamap::{CollectionRef, Identities, Redaction, Selection},
    person::Person,
    request::{Kind, Request, Status, Template, Work},
    row::Row,
    takeout::{self, Format, Takeout, TakeoutError},
};
use runtime::{
    App, Failure, Need, Trigger, WorkerSpec,
    queues::{Job, Queue},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{StoreError, takeouts::Takeouts};
use wire::{shapes::slashid::Entry, time};

use super::contents::{self, Samples, Tables};
use super::link;

/// The worker.
pub static SPEC: WorkerSpec = WorkerSpec {
    name: "build-takeout",
    trigger: Trigger::Queue(Queue::Takeouts),
    needs: &[
        Need::WriteLedger,
        Need::ReadStores,
        Need::ResumeTakeouts,
        Need::WriteTakeouts,
        Need::DeleteTakeouts,
        Need::QueueNotices,
    ],
    summary: "Build the archive of a takeout",
};

/// What of the archive Lethe itself knows of the person.
pub(super) const OWN_RECORD: &str = "lethe:record";

/// How often it is noted how far the work has got. What takes less is never noted.
const NOTED: TimeDelta = TimeDelta::minutes(1);

/// How an invocation ended that met no error.
enum End {
    /// The archive is whole.
    Whole(takeout::Archive),
    /// Its time was up. The next goes on where it stopped.
    Paused,
    /// Somebody else went on, or the takeout is not wanted any more.
    Lost,
}

/// Builds it.
///
/// # Errors
/// When a store, the bucket or the ledger fails; a later attempt goes on from what was last noted.
pub async fn handle(app: App, job: Job) -> Result<(), Failure> {
    let Some(id) = job.request else { return Ok(()) };
    let ledger = app.ledger(job.org);
    let Some(request) = ledger.request(job.person, id).await? else { return Ok(()) };
    let Some(takeout) = request.takeout().cloned() else { return Ok(()) };
    let now = app.now();
    let mut request = match takeout.begin(now) {
        Ok(takeout) => request.with_work(Work::Takeout(takeout), now),
        // An old message: there is nothing to do, or another worker is at it.
        Err(TakeoutError::WrongState { .. } | TakeoutError::Leased { .. }) => return Ok(()),
        Err(TakeoutError::Exhausted) => return give_up(&app, job, request).await,
    };
    match ledger.put_request(&request).await {
        Ok(()) => {}
        Err(StoreError::Conflict) => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    match collect(&app, job, &mut request).await {
        Ok(End::Whole(archive)) => finish(&app, job, request, archive).await,
        Ok(End::Paused) => {
            app.nudge(Queue::Takeouts, job).await;
            Ok(())
        }
        Ok(End::Lost) => Ok(()),
        Err(failure) => {
            give_up(&app, job, request).await?;
            Err(failure)
        }
    }
}

/// Collects what there is. `request` becomes its latest version.
async fn collect(app: &App, job: Job, request: &mut Request) -> Result<End, Failure> {
    let ledger = app.ledger(job.org);
    let person = ledger.person(job.person).await?.ok_or(StoreError::Unreadable { what: "person" })?;
    let Some(tenant) = app.config().tenant(job.org) else { return Err(StoreError::Conflict.into()) };
    let engine = app.engine(&tenant).await?;
    let takeout = request.takeout().cloned().ok_or(StoreError::Conflict)?;
    let (archive, note) = open(app, job, request.id, &takeout).await?;
    let locale = takeout.form.locale;
    let redaction = Redaction::new(engine.map());
    let note_at = app.now() + NOTED;
    let (bookmark, samples) = note.map_or_else(Default::default, |note| (Some(note.bookmark), note.samples));
    let tables = takeout.form.csv.then(|| Tables::new(engine.map(), &redaction));
    let (line, halt) = (Vec::new(), None);
    let (redaction, has_gone) = (&redaction, false);
    let mut into =
        Into { app, job, request, archive, redaction, tables, line, note_at, samples, halt, has_gone };
    let gathered = match bookmark {
        Some(bookmark) => {
            let everything = Selection::new(engine.map(), &[]);
            let read = engine.resume_access(bookmark, &everything, &mut into).await;
            read.map(drop).map_err(Gathering::Engine)
        }
        None => into.gather(&person, &engine).await,
    };
    let Into { request, archive, samples, halt, has_gone, .. } = into;
    match (gathered, halt) {
        (Ok(()), _) => {}
        (Err(_), Some(end)) => {
            archive.leave().await;
            return Ok(end);
        }
        (Err(Gathering::Engine(error)), None)
            if matches!(error, EngineError::Moved) || has_gone || is_gone(&error) =>
        {
            archive.abort().await;
            restart(app, job, request).await?;
            return Err(Failure::unavailable(error));
        }
        (Err(error), None) => {
            archive.leave().await;
            return Err(error.into());
        }
    }
    let key = archive.key().to_owned();
    let facts = contents::facts(engine.map(), redaction);
    let index = |manifest: &Manifest| contents::index(manifest, &samples, &tenant, locale);
    let finished = match archive.finish(facts, index).await {
        Ok(finished) => finished,
        Err(error) => {
            if matches!(error, ArchiveError::Gone) {
                restart(app, job, request).await?;
            }
            return Err(Failure::unavailable(error));
        }
    };
    Ok(End::Whole(takeout::Archive {
        key,
        size: finished.size,
        sha256: finished.sha256.iter().map(|byte| format!("{byte:02x}")).collect(),
        records: finished.records,
    }))
}

/// Whether the upload that was gone on with has ended: a worker that died may have completed it without saying so.
fn is_gone(error: &EngineError) -> bool {
    matches!(error, EngineError::Sink(cause) if matches!(cause.downcast_ref(), Some(ArchiveError::Gone)))
}

/// Has the next attempt begin anew.
async fn restart(app: &App, job: Job, request: &mut Request) -> Result<(), Failure> {
    let restarted = request.takeout().cloned().ok_or(StoreError::Conflict)?.restarted();
    *request = request.clone().with_work(Work::Takeout(restarted), app.now());
    Ok(app.ledger(job.org).put_request(request).await?)
}

/// What is handed to whoever goes on, beside where the archive stands.
#[derive(Serialize, Deserialize)]
struct Note {
    bookmark: Bookmark,
    samples: Samples,
}

/// The archive where it stood, with the note that was left there; else a new one.
async fn open(
    app: &App,
    job: Job,
    id: RequestId,
    takeout: &Takeout,
) -> Result<(Archive, Option<Note>), Failure> {
    let password = takeout.password.clone().ok_or(StoreError::Unreadable { what: "takeout" })?;
    let (s3, bucket) = app.store().takeouts().bucket();
    let destination = |key| Destination { s3: s3.clone(), bucket: bucket.to_owned(), key };
    let checkpoint: Option<Checkpoint> =
        takeout.checkpoint.as_deref().and_then(|text| serde_json::from_str(text).ok());
    if let Some(checkpoint) = checkpoint {
        let to = destination(checkpoint.key().to_owned());
        match Archive::resume(to, Password::new(password.clone()), checkpoint).await {
            Ok((archive, note)) => match serde_json::from_slice(&note) {
                Ok(note) => return Ok((archive, Some(note))),
                Err(_) => archive.abort().await,
            },
            Err(ArchiveError::Gone) => {}
            Err(error) => return Err(Failure::unavailable(error)),
        }
    }
    if takeout.attempts > 1 {
        // A worker that died may have begun an upload that nobody knows of.
        app.store().takeouts().remove_takeout(job.org, job.person, id).await?;
    }
    let format = &takeout.form.format;
    let key = Takeouts::key(job.org, job.person, id, takeout.attempts, format.extension());
    let (to, password, now) = (destination(key), Password::new(password), app.now());
    let archive = match format {
        Format::Zip => Archive::create(to, password, now),
        Format::Age => Archive::create_age(to, Opener::Password(password), now),
        Format::AgeFor(recipient) => Archive::create_age(to, Opener::Recipient(recipient.clone()), now),
    };
    Ok((archive, None))
}

/// Why what there is could not be gathered.
enum Gathering {
    Engine(EngineError),
    Other(Failure),
}

impl From<Gathering> for Failure {
    fn from(error: Gathering) -> Self {
        match error {
            Gathering::Engine(error) => Self::unavailable(error),
            Gathering::Other(failure) => failure,
        }
    }
}

/// The identities of a person as the data map knows them, the tenant's own id included.
pub(crate) fn identities(person: &Person) -> Identities {
    let id = ("person_id".to_owned(), person.id.to_string());
    person.identities.clone().into_iter().chain([id]).collect()
}

/// Reads everything about a person from the stores. Somebody with nothing that leads into the
/// stores has nothing there.
pub(crate) async fn access(engine: &Engine, person: &Person, sink: &mut dyn Sink) -> Result<(), EngineError> {
    let everything = Selection::new(engine.map(), &[]);
    match engine.access(&identities(person), &everything, sink).await {
        Ok(_) | Err(EngineError::NoIdentity { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// What the ledger itself holds about a person.
#[derive(Serialize, JsonSchema)]
pub struct OwnRecord {
    person_id: PersonId,
    identities: BTreeMap<String, String>,
    verified: BTreeSet<String>,
    linked_identities: BTreeSet<String>,
    #[schemars(with = "Timestamp")]
    registered_at: String,
    consents: Vec<OwnConsents>,
    requests: Vec<OwnRequest>,
}

/// All that was granted from a moment on.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct OwnConsents {
    #[schemars(with = "Timestamp")]
    at: String,
    granted: Vec<Entry>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct OwnRequest {
    id: RequestId,
    kind: Kind,
    #[schemars(with = "Timestamp")]
    received_at: String,
    status: Status,
    remarks: Option<String>,
    comment: Option<String>,
}

impl From<Request> for OwnRequest {
    fn from(request: Request) -> Self {
        Self {
            id: request.id,
            kind: request.kind,
            received_at: time::millis(request.received_at),
            status: request.status(),
            remarks: request.remarks,
            comment: request.confirmation.and_then(|confirmation| confirmation.comment),
        }
    }
}

/// What the ledger itself holds about a person.
pub(crate) async fn own_record(app: &App, job: Job, person: &Person) -> Result<OwnRecord, Failure> {
    let ledger = app.ledger(job.org);
    let history = ledger.consent_history(job.person).await?;
    let requests = ledger.requests(job.person).await?;
    Ok(OwnRecord {
        person_id: person.id.clone(),
        identities: person.identities.clone(),
        verified: person.verified.clone(),
        linked_identities: person.linked_identities.clone(),
        registered_at: time::millis(person.created_at),
        consents: history
            .into_iter()
            .map(|version| OwnConsents {
                at: time::millis(version.at),
                granted: version.consents.into_iter().map(Entry::from).collect(),
            })
            .collect(),
        requests: requests
            .into_iter()
            .filter(|request| request.keep_until.is_none())
            .map(OwnRequest::from)
            .collect(),
    })
}

/// Rows and objects on their way into the archive.
struct Into<'a> {
    app: &'a App,
    job: Job,
    /// Its latest version.
    request: &'a mut Request,
    archive: Archive,
    redaction: &'a Redaction,
    /// If records are wanted as tables, too.
    tables: Option<Tables>,
    line: Vec<u8>,
    /// When to note next how far the work has got.
    note_at: Timestamp,
    /// What the page for people shows.
    samples: Samples,
    /// Why it stopped, if not for an error.
    halt: Option<End>,
    /// Whether the upload had ended when it was to be noted how far the work has got.
    has_gone: bool,
}

impl Into<'_> {
    async fn gather(&mut self, person: &Person, engine: &Engine) -> Result<(), Gathering> {
        let failed = |error| Gathering::Other(Failure::unavailable(error));
        let record = own_record(self.app, self.job, person).await.map_err(Gathering::Other)?;
        let record = serde_json::to_string_pretty(&record);
        let record = record.map_err(|error| Gathering::Other(Failure::internal(error)))?;
        self.archive.begin_file(OWN_RECORD, "lethe.json", record.len() as u64).map_err(failed)?;
        self.archive.file_chunk(record.as_bytes()).await.map_err(failed)?;
        self.archive.end_file().await.map_err(failed)?;
        access(engine, person, self).await.map_err(Gathering::Engine)
    }

    /// Writes down how far the work has got, and how to go on from there.
    async fn note(&mut self, bookmark: Bookmark, is_over: bool) -> Result<(), Failure> {
        let checkpoint = match self.archive.can_be_resumed() {
            true => {
                let note = Note { bookmark, samples: self.samples.clone() };
                let note = serde_json::to_vec(&note).map_err(Failure::internal)?;
                let checkpoint = self.archive.checkpoint(note).await.map_err(|error| {
                    self.has_gone = matches!(error, ArchiveError::Gone);
                    Failure::unavailable(error)
                })?;
                Some(serde_json::to_string(&checkpoint).map_err(Failure::internal)?)
            }
            false => None,
        };
        let given = self.archive.given();
        let now = self.app.now();
        let takeout = self.request.takeout().cloned().ok_or(StoreError::Conflict)?;
        let takeout = takeout.note(given.records, given.bytes, checkpoint, now)?;
        // Whoever comes next may begin at once.
        let takeout = if is_over { takeout.release(now)? } else { takeout };
        let next = self.request.clone().with_work(Work::Takeout(takeout), now);
        match self.app.ledger(self.job.org).put_request(&next).await {
            Ok(()) => *self.request = next,
            Err(StoreError::Conflict) => {
                self.halt = Some(End::Lost);
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        }
        self.note_at = now + NOTED;
        let so_far = format!("{} records, {} bytes so far", given.records, given.bytes);
        self.app.tell_progress(SPEC.name, self.job.person, &so_far);
        if is_over {
            self.halt = Some(End::Paused);
        }
        Ok(())
    }
}

#[async_trait::async_trait]
impl Sink for Into<'_> {
    async fn row(&mut self, at: &CollectionRef, row: &Row) -> Result<(), SinkError> {
        self.line.clear();
        let shown = self.redaction.row(at, row);
        let row = shown.as_ref().unwrap_or(row);
        serde_json::to_writer(&mut self.line, row).map_err(SinkError::target)?;
        let name = self.redaction.name(at).to_string();
        self.samples.see(&name, row);
        let csv = self.tables.as_mut().and_then(|tables| tables.csv(&name, row));
        let taken = match csv {
            Some(csv) => self.archive.record_with_csv(&name, &self.line, csv).await,
            None => self.archive.record(&name, &self.line).await,
        };
        taken.map_err(SinkError::target)
    }

    async fn object(
        &mut self,
        at: &CollectionRef,
        object: &ObjectInfo,
        body: &mut dyn Chunks,
    ) -> Result<(), SinkError> {
        let name = self.redaction.name(at).to_string();
        self.archive.begin_file(&name, &object.name, object.size).map_err(SinkError::target)?;
        while let Some(chunk) = body.next().await? {
            self.archive.file_chunk(&chunk).await.map_err(SinkError::target)?;
        }
        self.archive.end_file().await.map_err(SinkError::target)
    }

    fn rests(&self) -> bool {
        true
    }

    async fn rest(&mut self, here: &(dyn Fn() -> Bookmark + Sync)) -> Result<(), SinkError> {
        let is_over = self.archive.can_be_resumed() && self.app.is_out_of_time();
        if is_over || self.note_at <= self.app.now() {
            self.note(here(), is_over).await.map_err(|failure| {
                let cause = failure.cause().unwrap_or_default();
                SinkError::target(format!("the progress could not be noted: {cause}"))
            })?;
        }
        if self.halt.is_some() { Err(SinkError::target("the work was stopped")) } else { Ok(()) }
    }
}

async fn finish(app: &App, job: Job, request: Request, archive: takeout::Archive) -> Result<(), Failure> {
    let ledger = app.ledger(job.org);
    let now = app.now();
    let key = archive.key.clone();
    let secret: [u8; link::SECRET] = app.entropy().bytes();
    let takeout = request.takeout().cloned().ok_or(StoreError::Conflict)?;
    let takeout = takeout.finish(archive, link::digest(&secret))?;
    let deliver_to = takeout.deliver_to.clone();
    let token = link::Token { org: job.org, person: job.person, request: request.id, secret };
    let mut ready = request.with_work(Work::Takeout(takeout), now);
    if let Some(address) = deliver_to {
        let person = ledger.person(job.person).await?;
        let verified = person.as_ref().and_then(|person| person.verified_email());
        let elsewhere = verified.filter(|verified| !verified.eq_ignore_ascii_case(&address));
        ready = ready.with_notice(Template::TakeoutReady, address.clone(), Some(token.to_string()), now);
        if let Some(verified) = elsewhere {
            ready = ready.with_notice(Template::TakeoutElsewhere, verified.to_owned(), None, now);
        }
    }
    match ledger.put_request(&ready).await {
        Ok(()) => {}
        Err(StoreError::Conflict) => {
            // The takeout went on without us: another worker took over, or the person was erased.
            app.store().takeouts().remove(&key).await?;
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    }
    if ready.pending_notices().next().is_some() {
        app.nudge(Queue::Notices, job).await;
    }
    Ok(())
}

async fn give_up(app: &App, job: Job, request: Request) -> Result<(), Failure> {
    let now = app.now();
    let takeout = request.takeout().cloned().ok_or(StoreError::Conflict)?.fail(now)?;
    let has_failed = takeout.state == takeout::TakeoutState::Failed;
    if has_failed {
        app.store().takeouts().remove_takeout(job.org, job.person, request.id).await?;
    }
    let address = takeout.deliver_to.clone().filter(|_| has_failed);
    let mut failed = request.with_work(Work::Takeout(takeout), now);
    if let Some(address) = address {
        failed = failed.with_notice(Template::TakeoutFailed, address, None, now);
    }
    match app.ledger(job.org).put_request(&failed).await {
        Ok(()) | Err(StoreError::Conflict) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

worker!(on_jobs, handle);
