//! `GET /console/persons/{person}`: a person, as customer care sees them.

use domain::{
    Permission,
    consent::{ConsentLevel, Version},
    hold::{Hold as Kept, HoldKind},
    purge::PurgeState,
    request::Request,
    restriction::RestrictionType,
};
use http::Method;
use pages::console::{
    Here,
    person::{Change, Consent, Hold, Identity, Person as View, Purge, Release},
};
use runtime::{
    Allow, Answer, Caller, Credentials, Failure, Need, Org, Path, Route, State,
    docs::{Docs, Good},
};
use wire::{Code, Dialect};

use super::{frame, page, person_key, person_path, purge_status, request_path, row, stores};
use crate::portal::receipt;

/// The route.
pub static ROUTE: Route = Route {
    name: "show-person",
    method: Method::GET,
    path: "/console/persons/{person}",
    aliases: &[],
    dialect: Dialect::Page,
    credentials: Credentials::Session,
    allow: Allow::AnyOf(&[Permission::AccountView]),
    errors: &[Code::PersonNotFound],
    needs: &[Need::ReadLedger],
    summary: "Show a person",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::page(200, "The person")]);

/// Shows them.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    caller: Caller,
    Path(key): Path<String>,
) -> Result<Answer, Failure> {
    let key = person_key(&key)?;
    let (ledger, now) = (app.ledger(tenant.org), app.now());
    let may = |permission| caller.grants.allow(permission);
    let person = ledger.person(key).await?;
    let mut requests = ledger.requests(key).await?;
    requests.retain(|request| request.is_kept(now));
    if person.is_none() && requests.is_empty() {
        return Err(Code::PersonNotFound.into());
    }
    let history = ledger.consent_history(key).await?;
    let bars = ledger.bars(key, now).await?;
    let erasure = ledger.erasure(key).await?.filter(|request| request.is_kept(now));
    let may_call_off = may(Permission::PurgePersonAdmin) || may(Permission::PurgeAny);
    let purge = erasure.and_then(|request| {
        let purge = request.purge()?;
        let waits = matches!(purge.state, PurgeState::Queued | PurgeState::Held) && !purge.has_begun();
        Some(Purge {
            path: request_path(request.id),
            status: purge_status(purge),
            due: purge.due,
            stores: stores(&request),
            call_off: (waits && may_call_off).then(|| format!("{}/call-off", person_path(key))),
            release: purge.mandate.waiting().map(|release| Release {
                path: format!("{}/release", request_path(request.id)),
                plan: release.plan.clone(),
                rows: release.rows,
                may: may(Permission::PurgesRelease),
            }),
            certificate: (purge.state == PurgeState::Done).then(|| receipt::address(tenant.org, request.id)),
        })
    });
    let sees_requests = may(Permission::PdrView) || may(Permission::PdrViewAll);
    let consents = history.last().map(|version: &Version| version.consents.clone()).unwrap_or_default();
    let restrictions = person.as_ref().map(|person| person.restrictions.clone()).unwrap_or_default();
    let make =
        (person.is_some() && may(Permission::PdrModify)).then(|| format!("{}/requests", person_path(key)));
    let view = View {
        frame: frame(&caller, Here::Persons)?,
        path: person_path(key),
        id: person.as_ref().map(|person| person.id.to_string()),
        identities: person.iter().flat_map(identities).collect(),
        consents: consents
            .iter()
            .map(|consent| Consent { level: level(consent.level).to_owned(), since: consent.created_at })
            .collect(),
        history: history.iter().rev().map(change).collect(),
        requests: sees_requests
            .then(|| requests.iter().map(|request: &Request| row(&tenant, request, now)).collect()),
        purge,
        holds: bars.iter().map(hold).collect(),
        restrictions: restrictions.iter().map(|restriction| barred(restriction.kind).to_owned()).collect(),
        make,
    };
    Ok(page(view.page()))
}

fn identities(person: &domain::person::Person) -> impl Iterator<Item = Identity> {
    person.identities.iter().map(|(name, value)| Identity {
        name: name.clone(),
        value: value.clone(),
        is_verified: person.verified.contains(name),
    })
}

pub(crate) const fn level(level: ConsentLevel) -> &'static str {
    match level {
        ConsentLevel::None => "none",
        ConsentLevel::Necessary => "necessary",
        ConsentLevel::Analytics => "analytics",
        ConsentLevel::Marketing => "marketing",
        ConsentLevel::Retargeting => "retargeting",
        ConsentLevel::Tracking => "tracking",
    }
}

fn change(version: &Version) -> Change {
    let levels: Vec<&str> = version.consents.iter().map(|consent| level(consent.level)).collect();
    let levels = if levels.is_empty() { "nothing in force".to_owned() } else { levels.join(", ") };
    Change { at: version.at, by: version.by.clone(), levels }
}

fn hold(hold: &Kept) -> Hold {
    let kind = match hold.terms.kind {
        HoldKind::LegalHold => "legal hold",
        HoldKind::Retention => "duty of retention",
    };
    let until = match (hold.terms.until, hold.terms.review_on) {
        (Some(day), _) => format!("until {}", day.format("%-d %B %Y")),
        (None, Some(day)) => format!("to be reviewed on {}", day.format("%-d %B %Y")),
        (None, None) => String::new(),
    };
    Hold {
        what: format!("{kind} under {}", hold.terms.ground),
        why: hold.said.reason.clone().unwrap_or_default(),
        until,
    }
}

const fn barred(kind: RestrictionType) -> &'static str {
    match kind {
        RestrictionType::AccountBan => "The account is banned",
        RestrictionType::AccountLockout => "The account is locked",
        RestrictionType::AccountPendingDeletion => "The account waits for its deletion",
        RestrictionType::AccountDenyAuth => "The account cannot sign in",
    }
}

page!(super::SHOW, handle);
