//! `POST /v2/compliance/customers/deletion/status`: how deletions stand, by identifier.
//!
//! An identifier stays known after the deletion by its keyed hash, so that `completed` can be told
//! without keeping the identifier itself.

use domain::{
    Permission, PersonKey,
    request::{Kind, Status},
};
use http::Method;
use runtime::{
    Allow, App, Body, Credentials, Failure, Json, Need, Org, Route, State,
    docs::{Docs, Good},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::Ledger;
use wire::{At, Code, Dialect, Fault, Problem, Reason, Step};

/// The route.
pub static ROUTE: Route = Route {
    name: "get-deletion-status",
    method: Method::POST,
    path: "/v2/compliance/customers/deletion/status",
    aliases: &[],
    dialect: Dialect::Connect,
    credentials: Credentials::Bearer,
    allow: Allow::AnyOf(&[Permission::Compliance]),
    errors: &[Code::InvalidField, Code::FeatureOff],
    needs: &[Need::ReadLedger],
    summary: "See how deletions stand",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::json(200, "How each stands, in the order asked", r#"{"results":[{"identifier":"alice@example.com","status":"pending"}],"summary":{"total":1,"completed":0,"pending":1}}"#)])
    .ask(r#"{"identifiers":["alice@example.com"]}"#);

/// Whose deletions.
#[derive(Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Ask {
    identifiers: Vec<String>,
}

/// How they stand.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
pub struct Reply {
    results: Vec<Entry>,
    summary: Summary,
}

#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct Entry {
    identifier: String,
    status: Deletion,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(inline)]
#[serde(rename_all = "snake_case")]
enum Deletion {
    Pending,
    Completed,
}

#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct Summary {
    total: usize,
    completed: usize,
    pending: usize,
}

/// The most identifiers of one call.
const MOST: usize = 100;

/// Tells how they stand.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    Body(ask): Body<Ask>,
) -> Result<Json<Reply>, Failure> {
    super::check_enabled(&tenant)?;
    if ask.identifiers.is_empty() {
        return Err(Problem::field("identifiers", Reason::Blank).into());
    }
    if ask.identifiers.len() > MOST {
        let must = format!("must not be more than {MOST}");
        return Err(Problem::field("identifiers", Reason::Other(must)).into());
    }
    let ledger = app.ledger(tenant.org);
    let mut results = Vec::new();
    let mut faults = Vec::new();
    for (index, identifier) in ask.identifiers.into_iter().enumerate() {
        match deletion_of(&app, ledger, &identifier).await? {
            Some(status) => results.push(Entry { identifier, status }),
            None => {
                let at = At::Body(vec![Step::Field("identifiers".into()), Step::Index(index)]);
                faults.push(Fault::new(at, Reason::Other("has no deletion request".into())));
            }
        }
    }
    if !faults.is_empty() {
        return Err(Problem::faults(Code::InvalidField, faults).into());
    }
    let completed = results.iter().filter(|entry| entry.status == Deletion::Completed).count();
    let total = results.len();
    Ok(Json(Reply { results, summary: Summary { total, completed, pending: total - completed } }))
}

/// How the deletion of whoever `identifier` names stands; `None` if none was asked for.
async fn deletion_of(app: &App, ledger: Ledger<'_>, identifier: &str) -> Result<Option<Deletion>, Failure> {
    let mut persons: Vec<PersonKey> = ledger.ever_identified_by(identifier).await?;
    if let Ok(id) = identifier.parse() {
        persons.push(ledger.key_of(&id).await?);
    }
    let now = app.now();
    let mut found = None;
    for person in persons {
        for request in ledger.requests(person).await? {
            if request.kind != Kind::Erasure || !request.is_kept(now) {
                continue;
            }
            match request.status() {
                Status::Open | Status::InProgress | Status::Held | Status::Failed => {
                    return Ok(Some(Deletion::Pending));
                }
                Status::Completed => found = Some(Deletion::Completed),
                Status::Cancelled => {}
            }
        }
    }
    Ok(found)
}

endpoint!(handle);
