//! `POST /v2/compliance/customers/delete`: delete the data of whoever an identifier names.
//!
//! An identifier that names several persons deletes none of them.

use domain::{Permission, request::Door};
use http::Method;
use runtime::{
    Allow, Body, Credentials, Failure, Json, Need, Org, Route, State,
    docs::{Docs, Good},
};
use schemars::JsonSchema;
use serde::Deserialize;
use wire::{Code, Dialect, Problem, Reason};

use super::Success;
use crate::purges::{self, Asked, IfQueued};

/// The route.
pub static ROUTE: Route = Route {
    name: "request-customer-deletion",
    method: Method::POST,
    path: "/v2/compliance/customers/delete",
    aliases: &[],
    dialect: Dialect::Connect,
    credentials: Credentials::Bearer,
    allow: Allow::AnyOf(&[Permission::Compliance]),
    errors: &[Code::InvalidField, Code::PersonNotFound, Code::FeatureOff],
    needs: &[Need::WriteLedger, Need::QueuePurges, Need::QueueNotices],
    summary: "Request the deletion of a customer's data",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::json(200, "The request was received", r#"{"success":true}"#)])
    .ask(r#"{"identifier":"alice@example.com"}"#);

/// Whom to delete.
#[derive(Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Ask {
    identifier: String,
}

/// Requests it.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    Body(ask): Body<Ask>,
) -> Result<Json<Success>, Failure> {
    super::check_enabled(&tenant)?;
    if ask.identifier.trim().is_empty() {
        return Err(Problem::field("identifier", Reason::Blank).into());
    }
    let ledger = app.ledger(tenant.org);
    let mut persons = ledger.persons_identified_by(&ask.identifier).await?;
    if let Ok(id) = ask.identifier.parse() {
        let key = ledger.key_of(&id).await?;
        if persons.iter().all(|(known, _)| *known != key) {
            persons.extend(ledger.person(key).await?.map(|person| (key, person)));
        }
    }
    let [(key, person)] = persons.as_slice() else {
        return Err(Problem::about(Code::PersonNotFound, "identifier").into());
    };
    purges::queue_erasure(&app, &tenant, (*key, person), Door::Instacart, Asked::default(), IfQueued::Keep)
        .await?;
    Ok(Json(Success::TRUE))
}

endpoint!(handle);
