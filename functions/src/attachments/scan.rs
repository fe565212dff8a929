//! `scan-attachments`: looks at files in quarantine, and keeps those that are what they may be.
//!
//! What a file is its content says, never its name. Where a scanner is configured, a file is kept only once its
//! tag says that nothing was found; other scanners than GuardDuty can set the same tag. What is refused is
//! deleted, and the request says why.

use domain::{
    Timestamp,
    attachment::{Attachment, FileState, Unwanted},
    request::{Attention, Request},
};
use runtime::{App, Failure, Need, Scanner, Trigger, WorkerSpec};
use store::{
    StoreError,
    attachments::{FilePlace, Quarantined},
    requests::{Due, DueCursor},
};

use super::{place, sniff};

/// The worker.
pub static SPEC: WorkerSpec = WorkerSpec {
    name: "scan-attachments",
    trigger: Trigger::Every { minutes: 1 },
    needs: &[Need::WriteLedger, Need::ScanAttachments],
    summary: "Look at files that were attached, and keep or refuse them",
};

/// Looks at what has come.
///
/// # Errors
/// When ledger or bucket cannot be reached; the next tick goes on.
pub async fn handle(app: App) -> Result<(), Failure> {
    let mut cursor = Some(DueCursor::default());
    while let Some(from) = cursor {
        let (page, next) = app.store().due(Attention::Scan, app.now(), from).await?;
        for due in page {
            scan_request(&app, due).await?;
        }
        cursor = next;
    }
    Ok(())
}

async fn scan_request(app: &App, due: Due) -> Result<(), Failure> {
    let Some(id) = due.id else { return Ok(()) };
    let Some(request) = app.ledger(due.org).request(due.person, id).await? else { return Ok(()) };
    if request.purge().is_some() {
        return Ok(());
    }
    for file in request.attachments.iter().filter(|file| file.is_awaited()) {
        scan(app, &request, file, &place(due.org, &request, file.id)).await?;
    }
    Ok(())
}

async fn scan(app: &App, request: &Request, file: &Attachment, place: &FilePlace) -> Result<(), Failure> {
    let (files, ledger, id) = (app.store().attachments(), app.ledger(place.org), file.id);
    let Some(found) = files.quarantined(place).await? else {
        if file.is_overdue(app.now()) {
            ledger.amend_request(request.clone(), |request| gone(request, id)).await?;
        }
        return Ok(());
    };
    let Some(verdict) = verdict(app, file, place, &found, app.now()).await? else { return Ok(()) };
    let is_kept = matches!(verdict, FileState::Kept { .. });
    // Only what was looked at; what has come in its place since is looked at next time.
    if is_kept && !files.keep(place, &found.etag).await? {
        return Ok(());
    }
    let known = |request: Request| Ok::<_, StoreError>(request.attachment_is(id, verdict));
    match ledger.amend_request(request.clone(), known).await? {
        Some(_) => files.clear(place).await?,
        // It was taken away meanwhile, or its person was forgotten.
        None => files.discard(place).await?,
    }
    Ok(())
}

/// The request without a file that never came.
fn gone(request: Request, id: domain::AttachmentId) -> Result<Option<Request>, StoreError> {
    let is_awaited = request.attachment(id).is_some_and(Attachment::is_awaited);
    Ok(if is_awaited { request.without_attachment(id) } else { None })
}

/// What becomes of a file; nothing yet while its scanner is at it.
async fn verdict(
    app: &App,
    file: &Attachment,
    place: &FilePlace,
    found: &Quarantined,
    now: Timestamp,
) -> Result<Option<FileState>, Failure> {
    let kind = match sniff::kind(&found.content) {
        Ok(kind) => kind,
        Err(unwanted) => return Ok(Some(FileState::Refused(unwanted))),
    };
    let scanned = match app.config().scanner {
        None => Some(Ok(())),
        Some(Scanner::GuardDuty) => {
            let tag = app.store().attachments().tag(place, GUARD_DUTY).await?;
            tag.map(|said| guard_duty(&said))
        }
    };
    let size = u64::try_from(found.content.len()).unwrap_or(u64::MAX);
    Ok(match scanned {
        Some(Ok(())) => Some(FileState::Kept { kind, size }),
        Some(Err(unwanted)) => Some(FileState::Refused(unwanted)),
        None => file.is_unscanned(now).then_some(FileState::Refused(Unwanted::Unscanned)),
    })
}

/// The tag by which GuardDuty tells what it found.
const GUARD_DUTY: &str = "GuardDutyMalwareScanStatus";

fn guard_duty(said: &str) -> Result<(), Unwanted> {
    match said {
        "NO_THREATS_FOUND" => Ok(()),
        "THREATS_FOUND" => Err(Unwanted::Harmful),
        // `UNSUPPORTED`, `ACCESS_DENIED`, `FAILED`, and whatever may come.
        _ => Err(Unwanted::Unscanned),
    }
}

worker!(on_tick, handle);
