//! `GET /console/requests/{request_id}`: the manager of one request.

use domain::{
    Permission, RequestId,
    attachment::{Attachment, FileState, Purpose, Unwanted},
    identity::Fact,
    purge::PurgeState,
    request::{Kind, Outcome, Request, Template, Work},
    takeout::TakeoutState,
};
use http::Method;
use pages::console::{
    Badge, Here, Tone,
    request::{Confirm, Confirmed, Event, File, Mail, Request as View, Start, Time},
};
use runtime::{
    Allow, Answer, Caller, Credentials, Failure, Need, Org, Path, Route, State,
    docs::{Docs, Good},
};
use wire::{Code, Dialect};

use super::{
    answer_by, door_name, frame, kind_name, page, person_path, request_of, request_path, status_of, stores,
    time_left, version,
};
use crate::{attachments::size, portal::receipt};

/// The route.
pub static ROUTE: Route = Route {
    name: "show-request",
    method: Method::GET,
    path: "/console/requests/{request_id}",
    aliases: &[],
    dialect: Dialect::Page,
    credentials: Credentials::Session,
    allow: Allow::AnyOf(&[Permission::PdrView, Permission::PdrViewAll]),
    errors: &[Code::InvalidParameter, Code::RequestNotFound],
    needs: &[Need::ReadLedger],
    summary: "Show the manager of a request",
};

/// What the OpenAPI document says of it.
static DOCS: Docs =
    Docs::answers(&[Good::page(200, "The manager, without forms where the right is missing")]);

/// Shows it.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    caller: Caller,
    Path(id): Path<RequestId>,
) -> Result<Answer, Failure> {
    let request = request_of(&app, &tenant, id).await?;
    let now = app.now();
    let person = app.ledger(tenant.org).person(request.person).await?;
    let can_notify = person.as_ref().is_some_and(|person| person.email().is_some());
    let has_verified = person.as_ref().is_some_and(|person| person.verified_email().is_some());
    let may_confirm = caller.grants.allow(Permission::PdrConfirm);
    let is_closed = request.confirmation.is_some() || request.keep_until.is_some();
    let confirm = (may_confirm && !is_closed).then(|| Confirm {
        path: format!("{}/confirm", request_path(id)),
        version: version(&request),
        can_notify,
    });
    let erasing = app.ledger(tenant.org).erasure(request.person).await?;
    let is_erasing = erasing.is_some_and(|erasure| !erasure.makes_way());
    let start = start(&request).filter(|(permission, _)| caller.grants.allow(*permission));
    let start = start.filter(|_| !is_closed && person.is_some() && !is_erasing).map(|(_, start)| start);
    let view = View {
        frame: frame(&caller, Here::Requests)?,
        path: request_path(id),
        id: id.to_string(),
        kind: kind_name(request.kind),
        door: door_name(request.door),
        person: request.person_id.as_ref().map(ToString::to_string),
        person_path: person_path(request.person),
        received: request.received_at,
        deadline: answer_by(&tenant, &request),
        status: status_of(&request),
        time_left: time_left(&tenant, &request, now),
        work: work(&request).map(str::to_owned),
        stores: stores(&request),
        confirmed: request.confirmation.as_ref().map(|confirmation| Confirmed {
            at: confirmation.at,
            by: confirmation.by.clone(),
            outcome: outcome(confirmation.outcome),
            remarks: confirmation.remarks.clone(),
            comment: confirmation.comment.clone(),
        }),
        start,
        confirm,
        clock: clock(&request),
        time: (may_confirm && !is_closed && request.is_open()).then(|| Time {
            path: format!("{}/clock", request_path(id)),
            version: version(&request),
            can_extend: can_notify
                && request.clock.extension.is_none()
                && request.extended_by(&tenant.law, now).is_some(),
            is_in_doubt: request.clock.is_in_doubt(),
            can_mail_code: has_verified,
            agent: format!("{}/agent", request_path(id)),
            can_accept: request.identity.agent.as_ref().is_some_and(|agent| !agent.is_accepted),
        }),
        agent: request.identity.agent.as_ref().map(|agent| {
            let name = agent.name.clone().unwrap_or_else(|| "forgotten".to_owned());
            let badge = match agent.is_accepted {
                true => Badge::new(Tone::Good, "mandate accepted"),
                false => Badge::new(Tone::Soon, "mandate to be checked"),
            };
            (name, badge)
        }),
        files: request
            .attachments
            .iter()
            .map(|attached| file(&request, attached, may_confirm && request.confirmation.is_none()))
            .collect(),
        attach: (may_confirm && request.takes_attachments())
            .then(|| format!("{}/attachments", request_path(id))),
        mails: request
            .notices
            .iter()
            .map(|notice| Mail { what: mail(notice.template), sent: notice.sent_at })
            .collect(),
        receipt: receipt::address(tenant.org, id),
        remarks: request.remarks,
    };
    Ok(page(view.page()))
}

/// A file, and whether it may be taken away.
fn file(request: &Request, file: &Attachment, may_remove: bool) -> File {
    let path = format!("{}/attachments/{}", request_path(request.id), file.id);
    let status = match file.state {
        FileState::Awaited => Some(Badge::new(Tone::Busy, "being looked at")),
        FileState::Kept { .. } => None,
        FileState::Refused(unwanted) => Some(Badge::new(
            Tone::Late,
            match unwanted {
                Unwanted::Kind => "refused and deleted: neither PDF, PNG, JPEG nor plain text",
                Unwanted::Harmful => "refused and deleted: it would do harm",
                Unwanted::Unscanned => "refused and deleted: the scanner could not look at it",
            },
        )),
    };
    File {
        path: matches!(file.state, FileState::Kept { .. }).then(|| path.clone()),
        label: file.label.clone().unwrap_or_else(|| "File".to_owned()),
        purpose: match file.purpose {
            Purpose::Answer => "for the person",
            Purpose::Internal => "for the staff alone",
            Purpose::Mandate => "a mandate",
        },
        size: size(file.state),
        status,
        by: file.by.clone(),
        at: file.asked_at,
        remove: may_remove.then(|| format!("{path}/remove")),
    }
}

/// What one click starts, and who may.
fn start(request: &Request) -> Option<(Permission, Start)> {
    let path = request_path(request.id);
    match (request.kind, &request.work) {
        (Kind::Access, Work::Manual) => Some((
            Permission::TakeoutCreate,
            Start {
                path: format!("{path}/takeout"),
                button: "Start the takeout",
                what: "All stores are read, and the person gets a mail when the archive can be fetched.",
            },
        )),
        (Kind::Erasure, Work::Manual) => Some((
            Permission::PlansWrite,
            Start {
                path: format!("{path}/plan"),
                button: "Plan the erasure",
                what: "Nothing is erased before you have seen the plan and agreed to it.",
            },
        )),
        (Kind::Access | Kind::Erasure, Work::Takeout(_) | Work::Purge(_))
        | (Kind::Correction | Kind::Restriction, _) => None,
    }
}

/// What Lethe does about it.
fn work(request: &Request) -> Option<&'static str> {
    match &request.work {
        Work::Manual => None,
        Work::Takeout(takeout) => Some(match takeout.state {
            TakeoutState::Unconfirmed => "The takeout begins when the person has confirmed where it goes.",
            TakeoutState::InProgress => "The takeout is being made.",
            TakeoutState::Ready => "The takeout is ready and can be fetched by the person.",
            TakeoutState::Expired => "The takeout was ready; its time is over and it is deleted.",
            TakeoutState::Failed => "The takeout could not be made. Somebody must find out why.",
        }),
        Work::Purge(purge) => Some(match purge.state {
            PurgeState::Queued => "The erasure waits for its time.",
            PurgeState::Held if purge.mandate.waiting().is_some() => {
                "The erasure waits for somebody else to release it: see the page of the person."
            }
            PurgeState::Held => "A hold forbids the erasure.",
            PurgeState::Running => "The person is being erased.",
            PurgeState::Done => "Everything is erased, and every store was read again.",
            PurgeState::Failed => "The erasure was given up. Somebody must find out why.",
            PurgeState::Cancelled => "The erasure was called off.",
        }),
    }
}

const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "done",
        Outcome::Partly => "partly done",
        Outcome::Refused(_) => "refused",
    }
}

/// What the time for it depends on.
fn clock(request: &Request) -> Vec<Event> {
    let event = |at, what: &str| Event { at, what: what.to_owned() };
    let asked = request.clock.doubts.iter().flat_map(|doubt| {
        let answer = doubt.answered_at.map(|at| event(at, "The person has shown who they are"));
        [event(doubt.asked_at, "The person was asked who they are")].into_iter().chain(answer)
    });
    let extended = request.clock.extension.iter().flat_map(|extension| {
        let reason = extension.reason.as_deref().unwrap_or("the reason is forgotten");
        let told = extension.told_at.map(|at| event(at, "The person was told of the extension"));
        [event(extension.decided_at, &format!("Extended: {reason}"))].into_iter().chain(told)
    });
    let trail = request.identity.trail.iter().map(|step| {
        let what = match step.what {
            Fact::CodeSent => "A code was mailed to the person",
            Fact::CodeMissed => "Another code was tried",
            Fact::CodeEntered => "The code was entered",
            Fact::SeenByStaff => "Staff have seen who it is",
            Fact::AgentNamed => "It was noted who acts for the person",
            Fact::MandateAccepted => "The mandate was accepted",
        };
        let by = step.by.as_ref().map(|by| format!(": {by}")).unwrap_or_default();
        event(step.at, &format!("{what}{by}"))
    });
    let mut events: Vec<Event> = asked.chain(extended).chain(trail).collect();
    events.sort_by_key(|event| event.at);
    events
}

const fn mail(template: Template) -> &'static str {
    match template {
        Template::TakeoutReady => "The takeout is ready",
        Template::ConfirmAddress => "Confirm the address",
        Template::TakeoutElsewhere => "The takeout is ready, and sent elsewhere",
        Template::TakeoutFailed => "The takeout failed",
        Template::PurgeQueued => "The erasure is set",
        Template::PurgeDone => "Everything is erased",
        Template::Received => "Receipt",
        Template::Extended => "More time is needed",
        Template::Confirmed => "Confirmation",
        Template::OneTimeCode => "One-time code",
    }
}

page!(super::SHOW, handle);
