//! `send-notice`: sends what is to be said about a request.
//!
//! The mail is noted in the request by the same write that made it necessary, so none is lost.
//! Each is marked as sent right after; a death in between can send one twice, never none. Once it
//! is sent, its address is forgotten.

use std::collections::BTreeSet;

use domain::{
    Timestamp,
    identity::SentCode,
    request::{Notice, Request, Template},
    tenant::Tenant,
};
use pages::mail::{
    ConfirmAddress, Mail, OneTimeCode, PurgeDone, PurgeQueued, RequestConfirmed, RequestExtended,
    RequestReceived, TakeoutElsewhere, TakeoutFailed, TakeoutReady,
};
use runtime::{
    App, Failure, Need, Trigger, WorkerSpec,
    queues::{Job, Queue},
};
use store::StoreError;

use crate::portal::receipt;

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
    let tenant = app.config().tenant(job.org).unwrap_or_else(|| Tenant::new(job.org));
    let pending: Vec<usize> = request.pending_notices().map(|(index, _)| index).collect();
    for index in pending {
        let Some(notice) = request.notices.get(index) else { continue };
        // What a mail says of its time, such as that it is not too late, is what is noted of it.
        let now = app.now();
        if let (Some(to), Some(mail)) = (notice.to.clone(), mail(&app, &tenant, &request, notice, now)) {
            app.send_mail(&to, &mail).await?;
        }
        // The request may go on meanwhile: then the mail is marked in what it has become.
        let template = notice.template;
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
fn mail(app: &App, tenant: &Tenant, request: &Request, notice: &Notice, now: Timestamp) -> Option<Mail> {
    let (url, locale, law) = (&app.config().public_url, tenant.locale, &tenant.law);
    let regimes = request.clock.regimes.as_ref().unwrap_or(&law.regimes);
    let receipt = &format!("{url}{}", receipt::address(tenant.org, request.id));
    Some(match notice.template {
        Template::TakeoutReady => {
            // The address of our own endpoint, never one into the bucket: it works as long as the
            // takeout does, and the archive opens with the password alone.
            let link = format!("{url}/lethe/v1/takeouts/download?token={}", notice.secret.as_ref()?);
            TakeoutReady { link: &link, expires: request.takeout()?.expires_at }.mail(locale)
        }
        Template::ConfirmAddress => {
            let link = format!("{url}/lethe/v1/takeouts/confirm?token={}", notice.secret.as_ref()?);
            ConfirmAddress { link: &link, expires: request.takeout()?.expires_at }.mail(locale)
        }
        Template::TakeoutElsewhere => {
            request.takeout()?;
            TakeoutElsewhere {}.mail(locale)
        }
        Template::TakeoutFailed => {
            request.takeout()?;
            TakeoutFailed {}.mail(locale)
        }
        Template::PurgeQueued => PurgeQueued { due: request.purge()?.due }.mail(locale),
        Template::PurgeDone => {
            let kept = request.purge()?.outcomes.iter().filter(|outcome| outcome.kept > 0);
            let reasons: BTreeSet<&str> =
                kept.flat_map(|outcome| &outcome.kept_because).map(String::as_str).collect();
            let kept_because = &Vec::from_iter(reasons);
            PurgeDone { receipt, kept_because, regimes }.mail(locale)
        }
        Template::Received => {
            let last_day = request.deadline(law).last_day;
            RequestReceived { receipt, kind: request.kind, last_day }.mail(locale)
        }
        Template::Extended => {
            let extension = request.clock.extension.as_ref()?;
            let (ground, reason) = (extension.ground, extension.reason.as_deref()?);
            let last_day = request.extended_by(law, now)?.last_day;
            RequestExtended { receipt, ground, reason, last_day }.mail(locale)
        }
        Template::Confirmed => {
            let confirmation = request.confirmation.as_ref()?;
            let comment_for_user = confirmation.comment.as_deref().unwrap_or_default();
            let (outcome, confirmed_by) = (confirmation.outcome, &confirmation.by);
            RequestConfirmed { outcome, comment_for_user, confirmed_by, regimes }.mail(locale)
        }
        Template::OneTimeCode => {
            OneTimeCode { receipt, code: notice.secret.as_ref()?, life: SentCode::LIFE }.mail(locale)
        }
    })
}

worker!(on_jobs, handle);
