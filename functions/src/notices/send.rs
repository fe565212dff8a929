//! `send-notice`: sends what is to be said about a request.
//!
//! The mail is noted in the request by the same write that made it necessary, so none is lost.
//! Each is marked as sent right after; a death in between can send one twice, never none. Once it
//! is sent, its address is forgotten.

use domain::request::{Notice, Request, Template, Work};
use pages::mail::{ConfirmAddress, Mail, PurgeDone, PurgeQueued, TakeoutFailed, TakeoutReady};
use runtime::{
    App, Failure, Need, Trigger, WorkerSpec,
    queues::{Job, Queue},
};
use store::StoreError;

/// The worker.
pub static SPEC: WorkerSpec = WorkerSpec {
    name: "send-notice",
    trigger: Trigger::Queue(Queue::Notices),
    needs: &[Need::WriteLedger, Need::SendMail],
    summary: "Send mail about requests",
};

/// Sends it.
///
/// # Errors
/// When the mail service or the ledger fails; what is not sent is sent later.
pub async fn handle(app: App, job: Job) -> Result<(), Failure> {
    let ledger = app.ledger(job.org);
    let request = match job.request {
        Some(id) => ledger.request(job.person, id).await?,
        None => ledger.erasure(job.person).await?,
    };
    let Some(mut request) = request else { return Ok(()) };
    let pending: Vec<usize> = request.pending_notices().map(|(index, _)| index).collect();
    for index in pending {
        let Some(notice) = request.notices.get(index) else { continue };
        if let (Some(to), Some(mail)) = (notice.to.clone(), mail(&app, &request, notice)) {
            app.send_mail(&to, &mail).await?;
        }
        // The request may go on meanwhile: then the mail is marked in what it has become.
        let template = notice.template;
        let now = app.now();
        let marked = ledger
            .amend_request(request.clone(), |request: Request| {
                let is_pending = request
                    .pending_notices()
                    .any(|(place, notice)| place == index && notice.template == template);
                Ok::<_, StoreError>(is_pending.then(|| request.notice_sent(index, now)))
            })
            .await?;
        match marked {
            Some(marked) => request = marked,
            // It was forgotten, or marked by somebody else.
            None => break,
        }
    }
    if request.keep_until.is_some() {
        ledger.forget_mail(request.id).await?;
    }
    Ok(())
}

/// What the mail says; `None` if the request no longer is what it was to speak of.
fn mail(app: &App, request: &Request, notice: &Notice) -> Option<Mail> {
    let url = &app.config().public_url;
    Some(match (notice.template, &request.work) {
        (Template::TakeoutReady, Work::Takeout(takeout)) => {
            // The address of our own endpoint, never one into the bucket: it works as long as the
            // takeout does, and the archive opens with the password alone.
            let link = format!("{url}/lethe/v1/takeouts/download?token={}", notice.secret.as_ref()?);
            TakeoutReady { link: &link, expires: takeout.expires_at }.mail()
        }
        (Template::ConfirmAddress, Work::Takeout(takeout)) => {
            let link = format!("{url}/lethe/v1/takeouts/confirm?token={}", notice.secret.as_ref()?);
            ConfirmAddress { link: &link, expires: takeout.expires_at }.mail()
        }
        (Template::TakeoutFailed, Work::Takeout(_)) => TakeoutFailed {}.mail(),
        (Template::PurgeQueued, Work::Purge(purge)) => PurgeQueued { due: purge.due }.mail(),
        (Template::PurgeDone, Work::Purge(_)) => {
            let receipt = request.id.to_string();
            PurgeDone { receipt: &receipt }.mail()
        }
        (
            Template::TakeoutReady | Template::ConfirmAddress | Template::TakeoutFailed,
            Work::Manual | Work::Purge(_),
        )
        | (Template::PurgeQueued | Template::PurgeDone, Work::Manual | Work::Takeout(_)) => return None,
    })
}

worker!(on_jobs, handle);
