//! `POST /lethe/v1/holds`: keep data from being erased.
//!
//! A hold takes effect at once: a purge that waits is held, one that runs stops before its next page.

use domain::{
    HoldId, Permission,
    hold::{Hold, Particulars, Scope, Terms},
};
use http::{Method, StatusCode};
use runtime::{Allow, Body, Caller, Credentials, Failure, Json, Need, Org, Route, State};
use wire::{
    Code, Dialect,
    body::Object,
    shapes::native::{HoldBody, HoldReply, ScopeBody},
};

use crate::purges;

/// The route.
pub static ROUTE: Route = Route {
    name: "create-hold",
    method: Method::POST,
    path: "/lethe/v1/holds",
    aliases: &[],
    dialect: Dialect::Native,
    credentials: Credentials::BasicOrBearer,
    allow: Allow::AnyOf(&[Permission::HoldsWrite]),
    errors: &[Code::InvalidField, Code::PersonNotFound, Code::PurgeInProgress, Code::Conflict],
    needs: &[Need::WriteLedger],
    summary: "Set a legal hold or a duty of retention",
};

/// Sets it.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    caller: Caller,
    Body(body): Body<HoldBody>,
) -> Result<(StatusCode, Json<HoldReply>), Failure> {
    let now = app.now();
    let Object(ScopeBody { person_id, dataset, collection, category }) = body.scope;
    let terms = Terms {
        kind: body.kind,
        ground: body.ground,
        review_on: body.review_on,
        until: body.until,
        scope: Scope { dataset, collection, category },
    };
    let said = Particulars {
        person_id: person_id.clone(),
        owner: Some(body.owner),
        reason: Some(body.reason),
        created_by: Some(caller.subject),
        lifted_by: None,
    };
    let id = HoldId(app.entropy().id(now));
    let hold = Hold::set(id, None, terms, said, now)?;
    let person = match &person_id {
        Some(person) => Some(app.subject(&tenant, person).await?.0),
        None => None,
    };
    let hold = Hold { person, ..hold };
    if let Some(person) = person {
        purges::refuse_once_erased(&app, &tenant, person).await?;
    }
    let hold = app.ledger(tenant.org).create_hold(&hold).await?.unwrap_or(hold);
    if let Some(person) = person {
        purges::hold_back(&app, &tenant, person).await?;
    }
    Ok((StatusCode::CREATED, Json(HoldReply::of(hold, now))))
}

endpoint!(handle);
