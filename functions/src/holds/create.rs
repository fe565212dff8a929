//! `POST /lethe/v1/holds`: keep data from being erased.
//!
//! A hold takes effect at once: a purge that waits is held, one that runs stops before its next page.

use domain::{
    HoldId, Permission,
    hold::{Hold, Particulars, Scope, Terms},
};
use http::{Method, StatusCode};
use runtime::{
    Allow, Body, Caller, Credentials, Failure, Json, Need, Org, Route, State,
    docs::{Docs, Good},
};
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

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::json(201, "The hold", r#"{"id":"019cadfd-8900-7b81-91ac-637486e9709b","kind":"legal_hold","state":"active","ground":"Art. 17(3)(e)","owner":"legal@example.com","reason":"Case 4711","review_on":"2026-09-01","review_overdue":false,"until":null,"scope":{"is_personal":true,"person_id":"903c1ff9-f2cc-435c-b242-9d8a690fcf0a"},"created_at":"2026-03-02T10:00:00.000Z","created_by":"3dabae4e-b780-43fd-84ea-804c76897b89","lifted_at":null,"lifted_by":null}"#)])
    .ask(r#"{"kind":"legal_hold","ground":"Art. 17(3)(e)","owner":"legal@example.com","reason":"Case 4711","review_on":"2026-09-01","scope":{"person_id":"903c1ff9-f2cc-435c-b242-9d8a690fcf0a"}}"#);

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
