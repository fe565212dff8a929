//! The console of the staff. Several pages make one Lambda where they need the same: those that only read,
//! those that write, and those that reach the stores.
//!
//! A page's address names a person by their pseudonym, never by what identifies them: addresses are logged,
//! remembered and sent on.

pub mod agent;
pub mod apply_plan;
pub mod call_off;
pub mod clock;
pub mod confirm;
pub mod dashboard;
pub mod export;
pub mod find;
pub mod listing;
pub mod make_request;
pub mod person;
pub mod persons;
pub mod plan;
pub mod release;
pub mod request;
pub mod requests;
pub mod sign_in;
pub mod sign_out;
pub mod signed_in;
pub mod start_takeout;

use std::process::ExitCode;

use chrono::NaiveTime;
use domain::{
    Permission, PersonKey, RequestId, Timestamp,
    purge::PurgeState,
    request::{Door, Kind, Request, Status, Work},
    takeout::TakeoutState,
    tenant::Tenant,
};
use pages::console::{Badge, Frame, Here, RequestRow, Tone, person::Store};
use runtime::{Answer, App, Caller, Endpoint, Failure};
use wire::Code;

/// The Lambda of the pages that only read.
const SHOW: &str = "show-console";
/// The Lambda that signs staff in and out.
const SIGN: &str = "sign-in-staff";
/// The Lambda of what staff write to the ledger.
const CHANGE: &str = "change-requests";
/// The Lambda of what also reads the stores.
const PLAN: &str = "plan-purges";

/// The Lambda `show-console`.
pub fn show() -> ExitCode {
    runtime::serve_all(shown())
}

/// The Lambda `sign-in-staff`.
pub fn sign() -> ExitCode {
    runtime::serve_all(signed())
}

/// The Lambda `change-requests`.
pub fn change() -> ExitCode {
    runtime::serve_all(changed())
}

/// The Lambda `plan-purges`.
pub fn plan_purges() -> ExitCode {
    runtime::serve_all(planned())
}

fn shown() -> Vec<Endpoint> {
    vec![
        dashboard::endpoint(),
        requests::endpoint(),
        request::endpoint(),
        persons::endpoint(),
        find::endpoint(),
        person::endpoint(),
    ]
}

fn signed() -> Vec<Endpoint> {
    vec![sign_in::endpoint(), signed_in::endpoint(), sign_out::endpoint()]
}

fn changed() -> Vec<Endpoint> {
    vec![
        make_request::endpoint(),
        confirm::endpoint(),
        clock::endpoint(),
        agent::endpoint(),
        start_takeout::endpoint(),
        call_off::endpoint(),
        release::endpoint(),
    ]
}

fn planned() -> Vec<Endpoint> {
    vec![plan::endpoint(), apply_plan::endpoint()]
}

/// Answers with a page.
fn page(html: String) -> Answer {
    Answer::page(http::StatusCode::OK, html)
}

/// What is around a page.
pub(crate) fn frame(caller: &Caller, here: Here) -> Result<Frame<'_>, Failure> {
    let staff = caller.staff.as_ref().ok_or(Code::SignedOut)?;
    let may = |permission| caller.grants.allow(permission);
    Ok(Frame {
        who: &staff.name,
        form_token: &staff.form_token,
        here,
        sees_requests: may(Permission::AccountView) && may(Permission::PdrViewAll),
        sees_persons: may(Permission::AccountView),
    })
}

/// The pseudonym in a path.
fn person_key(text: &str) -> Result<PersonKey, Failure> {
    text.parse().map_err(|_| Code::PersonNotFound.into())
}

/// The request with this id, while it is kept.
pub(crate) async fn request_of(app: &App, tenant: &Tenant, id: RequestId) -> Result<Request, Failure> {
    let request = app.ledger(tenant.org).request_of_anyone(id).await?;
    request.filter(|request| request.is_kept(app.now())).ok_or_else(|| Code::RequestNotFound.into())
}

/// What a form names as the state that its reader saw. Mails that are sent meanwhile make no other.
fn version(request: &Request) -> i64 {
    request.changed_at.timestamp_micros()
}

pub(crate) fn request_path(id: RequestId) -> String {
    format!("/console/requests/{id}")
}

fn person_path(key: PersonKey) -> String {
    format!("/console/persons/{key}")
}

/// What is asked for, in a word.
const fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Access => "Access",
        Kind::Erasure => "Erasure",
        Kind::Correction => "Correction",
        Kind::Restriction => "Restriction",
    }
}

const fn door_name(door: Door) -> &'static str {
    match door {
        Door::Pace => "PACE",
        Door::Instacart => "Instacart",
        Door::RallyHere => "RallyHere",
        Door::Trivore => "Trivore",
        Door::Native => "Native",
    }
}

/// How a request stands.
fn status_of(request: &Request) -> Badge {
    if request.confirmation.is_some() {
        return Badge::new(Tone::Good, "confirmed");
    }
    match (&request.work, request.status()) {
        (Work::Purge(purge), _) => purge_status(purge),
        (Work::Takeout(takeout), _) => match takeout.state {
            TakeoutState::Unconfirmed => Badge::new(Tone::Plain, "address to be confirmed"),
            TakeoutState::InProgress => {
                // How much there will be in all nobody knows before it is read.
                let so_far = takeout.progress.map(|so_far| format!(", {} records so far", so_far.records));
                Badge::new(Tone::Busy, format!("collecting{}", so_far.unwrap_or_default()))
            }
            TakeoutState::Ready => Badge::new(Tone::Good, "ready to fetch"),
            TakeoutState::Expired => Badge::new(Tone::Plain, "expired"),
            TakeoutState::Failed => Badge::new(Tone::Late, "failed"),
        },
        (Work::Manual, Status::Open) => Badge::new(Tone::Soon, "waits for you"),
        (
            Work::Manual,
            Status::InProgress | Status::Held | Status::Completed | Status::Failed | Status::Cancelled,
        ) => Badge::new(Tone::Good, "closed"),
    }
}

fn purge_status(purge: &domain::purge::Purge) -> Badge {
    match purge.state {
        PurgeState::Queued => Badge::new(Tone::Busy, "waits for its time"),
        PurgeState::Held if purge.mandate.waiting().is_some() => {
            Badge::new(Tone::Soon, "waits for a release")
        }
        PurgeState::Held => Badge::new(Tone::Plain, "held by law"),
        PurgeState::Running => Badge::new(Tone::Busy, "erasing"),
        PurgeState::Done => Badge::new(Tone::Good, "erased"),
        PurgeState::Failed => Badge::new(Tone::Late, "failed"),
        PurgeState::Cancelled => Badge::new(Tone::Plain, "called off"),
    }
}

/// The last day on which a request can be answered in time, as it is shown.
pub(crate) fn answer_by(tenant: &Tenant, request: &Request) -> Timestamp {
    request.deadline(&tenant.law).last_day.and_time(NaiveTime::MIN).and_utc()
}

/// How much time is left for a request that needs an answer.
fn time_left(tenant: &Tenant, request: &Request, now: Timestamp) -> Option<Badge> {
    let deadline = request.deadline(&tenant.law);
    if !request.is_open() && !request.awaits_staff() {
        None
    } else if deadline.is_stopped() {
        Some(Badge::new(Tone::Plain, "waits for the person"))
    } else {
        Some(Badge::time_left(deadline.ends_at, now))
    }
}

/// A request in a list.
fn row(tenant: &Tenant, request: &Request, now: Timestamp) -> RequestRow {
    RequestRow {
        path: request_path(request.id),
        kind: kind_name(request.kind),
        door: door_name(request.door),
        person: request.person_id.as_ref().map(ToString::to_string),
        person_path: person_path(request.person),
        received: request.received_at,
        status: status_of(request),
        time_left: time_left(tenant, request, now),
    }
}

/// What was done to each collection.
fn stores(request: &Request) -> Vec<Store> {
    let store = |outcome: &domain::purge::StoreOutcome| Store {
        name: format!("{}.{}", outcome.dataset, outcome.collection),
        found: outcome.found,
        done: outcome.erased + outcome.masked,
        kept: outcome.kept,
        remark: outcome.error.clone().unwrap_or_else(|| outcome.kept_because.join("; ")),
    };
    request.outcomes().iter().map(store).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_lambda_serves_what_the_catalog_says_it_does() {
        let portal = crate::portal::groups().into_iter().chain(crate::attachments::groups());
        let own = [(SHOW, shown()), (SIGN, signed()), (CHANGE, changed()), (PLAN, planned())];
        for (lambda, served) in own.into_iter().chain(portal) {
            let names = |all: &[Endpoint]| -> BTreeSet<&str> { all.iter().map(|e| e.route.name).collect() };
            let mut listed = crate::catalog::endpoints();
            listed.retain(|endpoint| endpoint.lambda == lambda);
            assert!(served.iter().all(|endpoint| endpoint.lambda == lambda), "{lambda}");
            assert_eq!(names(&served), names(&listed), "{lambda}");
        }
    }
}
