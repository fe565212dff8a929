//! `build-takeout`: collects a person's data into a password-protected archive.
//!
//! Rows stream from the stores through the archive into the bucket; nothing but the keys that lead
//! from one collection to the next is kept in memory. The takeout is ready only once the archive
//! is whole, and with that one write its password is gone.

use std::collections::{BTreeMap, BTreeSet};

use archive::{About, Archive, Destination, Facts, Manifest, Password};
use connectors::{Chunks, Engine, EngineError, ObjectInfo, Sink, SinkError};
use domain::{
    PersonId, RequestId, Timestamp,
    datamap::{CollectionRef, Identities, Redaction, Selection},
    person::Person,
    request::{Kind, Request, Status, Template, Work},
    row::Row,
    takeout::{self, TakeoutError},
};
use pages::takeout_index::{Attachment, Collection, File, TakeoutIndex};
use runtime::{
    App, Failure, Need, Trigger, WorkerSpec,
    queues::{Job, Queue},
};
use schemars::JsonSchema;
use serde::Serialize;
use store::{StoreError, takeouts::Takeouts};
use wire::{shapes::slashid::Entry, time};

/// The worker.
pub static SPEC: WorkerSpec = WorkerSpec {
    name: "build-takeout",
    trigger: Trigger::Queue(Queue::Takeouts),
    needs: &[
        Need::WriteLedger,
        Need::ReadStores,
        Need::WriteTakeouts,
        Need::DeleteTakeouts,
        Need::QueueNotices,
    ],
    summary: "Build the archive of a takeout",
};

/// What of the archive Lethe itself knows of the person.
const OWN_RECORD: &str = "lethe:record";

/// Builds it.
///
/// # Errors
/// When a store, the bucket or the ledger fails; a later attempt begins anew.
pub async fn handle(app: App, job: Job) -> Result<(), Failure> {
    let Some(id) = job.request else { return Ok(()) };
    let ledger = app.ledger(job.org);
    let Some(request) = ledger.request(job.person, id).await? else { return Ok(()) };
    let Some(takeout) = request.takeout().cloned() else { return Ok(()) };
    let now = app.now();
    let begun = match takeout.begin(now) {
        Ok(takeout) => request.with_work(Work::Takeout(takeout), now),
        // An old message: there is nothing to do, or another worker is at it.
        Err(TakeoutError::WrongState { .. } | TakeoutError::Leased { .. }) => return Ok(()),
        Err(TakeoutError::Exhausted) => return give_up(&app, job, request).await,
    };
    match ledger.put_request(&begun).await {
        Ok(()) => {}
        Err(StoreError::Conflict) => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    match collect(&app, job, &begun).await {
        Ok(archive) => finish(&app, job, begun, archive).await,
        Err(failure) => {
            give_up(&app, job, begun).await?;
            Err(failure)
        }
    }
}

async fn collect(app: &App, job: Job, request: &Request) -> Result<takeout::Archive, Failure> {
    let ledger = app.ledger(job.org);
    let takeout = request.takeout().ok_or(StoreError::Conflict)?;
    let password = takeout.password.clone().ok_or(StoreError::Unreadable { what: "takeout" })?;
    let person = ledger.person(job.person).await?.ok_or(StoreError::Unreadable { what: "person" })?;
    let Some(tenant) = app.config().tenant(job.org) else { return Err(StoreError::Conflict.into()) };
    let engine = app.engine(&tenant).await?;
    let (s3, bucket) = app.store().takeouts().bucket();
    let key = Takeouts::key(job.org, job.person, request.id, takeout.attempts);
    let destination = Destination { s3: s3.clone(), bucket: bucket.to_owned(), key: key.clone() };
    let mut archive = Archive::create(destination, Password::new(password), app.now());

    let gathered = gather(app, job, &person, &engine, &mut archive).await;
    if let Err(failure) = gathered {
        archive.abort().await;
        return Err(failure);
    }
    let facts = Facts {
        generator: concat!("Lethe ", env!("CARGO_PKG_VERSION")).to_owned(),
        data_map: engine.map().version.clone(),
        collections: abouts(engine.map()),
    };
    let finished = archive.finish(facts, index).await.map_err(Failure::unavailable)?;
    Ok(takeout::Archive {
        key,
        size: finished.size,
        sha256: finished.sha256.iter().map(|byte| format!("{byte:02x}")).collect(),
        records: finished.records,
    })
}

async fn gather(
    app: &App,
    job: Job,
    person: &Person,
    engine: &Engine,
    archive: &mut Archive,
) -> Result<(), Failure> {
    let record = own_record(app, job, person).await?;
    let record = serde_json::to_string_pretty(&record).map_err(Failure::internal)?;
    archive.begin_file(OWN_RECORD, "lethe.json", record.len() as u64).map_err(Failure::unavailable)?;
    archive.file_chunk(record.as_bytes()).await.map_err(Failure::unavailable)?;
    archive.end_file().await.map_err(Failure::unavailable)?;
    let redaction = Redaction::new(engine.map());
    let mut into = Into { archive, redaction: &redaction, line: Vec::new() };
    access(engine, person, &mut into).await
}

/// The identities of a person as the data map knows them, the tenant's own id included.
pub(crate) fn identities(person: &Person) -> Identities {
    let id = ("person_id".to_owned(), person.id.to_string());
    person.identities.clone().into_iter().chain([id]).collect()
}

/// Reads everything about a person from the stores. Somebody with nothing that leads into the
/// stores has nothing there.
pub(crate) async fn access(engine: &Engine, person: &Person, sink: &mut dyn Sink) -> Result<(), Failure> {
    let everything = Selection::new(engine.map(), &[]);
    match engine.access(&identities(person), &everything, sink).await {
        Ok(_) | Err(EngineError::NoIdentity { .. }) => Ok(()),
        Err(error) => Err(Failure::unavailable(error)),
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
    archive: &'a mut Archive,
    redaction: &'a Redaction,
    line: Vec<u8>,
}

#[async_trait::async_trait]
impl Sink for Into<'_> {
    async fn row(&mut self, at: &CollectionRef, row: &Row) -> Result<(), SinkError> {
        self.line.clear();
        let shown = self.redaction.row(at, row);
        serde_json::to_writer(&mut self.line, shown.as_ref().unwrap_or(row)).map_err(SinkError::target)?;
        let name = self.redaction.name(at).to_string();
        self.archive.record(&name, &self.line).await.map_err(SinkError::target)
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
}

/// What the data map says of each collection.
fn abouts(map: &domain::datamap::DataMap) -> Vec<About> {
    let own = About {
        collection: OWN_RECORD.to_owned(),
        description: Some("What the privacy service itself holds: identities, consents, requests".to_owned()),
        ..About::default()
    };
    let redaction = Redaction::new(map);
    let mapped = map.collections().map(|(at, dataset, collection)| {
        let fields = collection.fields.iter().flat_map(|field| map.categories(dataset, collection, field));
        let categories: BTreeSet<String> = fields.map(ToString::to_string).collect();
        About {
            collection: redaction.name(&at).to_string(),
            description: collection.description.clone(),
            categories: categories.into_iter().collect(),
            ..About::default()
        }
    });
    std::iter::once(own).chain(mapped).collect()
}

/// The page that a person opens first.
fn index(manifest: &Manifest) -> String {
    TakeoutIndex {
        created_at: manifest.created_at,
        generator: &manifest.generator,
        collections: manifest.collections.iter().map(view).collect(),
        facts: Vec::new(),
    }
    .page()
}

fn view(collection: &archive::Collection) -> Collection<'_> {
    Collection {
        name: &collection.collection,
        description: collection.description.as_deref().unwrap_or_default(),
        categories: collection.categories.iter().map(String::as_str).collect(),
        origin: collection.origin.as_deref().unwrap_or_default(),
        records: collection.records,
        files: collection.files.iter().map(|file| File { name: &file.name, records: file.records }).collect(),
        attachments: collection
            .attachments
            .iter()
            .map(|file| Attachment {
                name: &file.name,
                original_name: &file.original_name,
                bytes: file.bytes,
            })
            .collect(),
    }
}

async fn finish(app: &App, job: Job, request: Request, archive: takeout::Archive) -> Result<(), Failure> {
    let ledger = app.ledger(job.org);
    let now = app.now();
    let key = archive.key.clone();
    let takeout = request.takeout().cloned().ok_or(StoreError::Conflict)?.finish(archive)?;
    let deliver_to = takeout.deliver_to.clone();
    let mut ready = request.with_work(Work::Takeout(takeout), now);
    if let Some(address) = deliver_to {
        ready = ready.with_notice(Template::TakeoutReady, address, None, now);
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
    let address = takeout.deliver_to.clone().filter(|_| takeout.state == takeout::TakeoutState::Failed);
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
