//! `POST /lethe/v1/check`: whether what identifies persons belonged to somebody who was erased.
//!
//! For importers, before they bring old data back. It is told by keyed hashes, and never who it was.

use domain::{Permission, PersonId};
use http::Method;
use runtime::{
    Allow, Body, Credentials, Failure, Json, Need, Org, Route, State,
    docs::{Docs, Good},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::persons::Named;
use wire::{Code, Dialect, Problem, Reason, body::Object, time};

use super::OWN_ID;

/// The route.
pub static ROUTE: Route = Route {
    name: "check-identities",
    method: Method::POST,
    path: "/lethe/v1/check",
    aliases: &[],
    dialect: Dialect::Native,
    credentials: Credentials::BasicOrBearer,
    allow: Allow::AnyOf(&[Permission::PersonsWrite, Permission::PersonsRead]),
    errors: &[Code::InvalidField],
    needs: &[Need::ReadLedger],
    summary: "Ask whether identities were erased",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::json(
    200,
    "What was found, in the order asked",
    r#"{"results":[{"erased":true,"erased_at":"2026-03-02T10:00:00.000Z"}]}"#,
)])
.ask(r#"{"identities":[{"name":"email","value":"alice@example.com"}]}"#);

/// What to look for.
#[derive(Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    identities: Vec<Object<Identity>>,
}

/// Something that identifies a person; `person_id` is the tenant's own id.
#[derive(Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(deny_unknown_fields)]
struct Identity {
    name: String,
    value: String,
}

/// What was found, in the order of what was asked.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
pub struct Reply {
    results: Vec<Entry>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct Entry {
    erased: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<domain::Timestamp>")]
    erased_at: Option<String>,
}

/// The most identities of one call.
const MOST: usize = 100;
/// The longest value, in characters.
const LONGEST: usize = 320;

/// Looks for them.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    Body(ask): Body<Ask>,
) -> Result<Json<Reply>, Failure> {
    let wrong = |must: String| Problem::field("identities", Reason::Other(must));
    if ask.identities.is_empty() {
        return Err(Problem::field("identities", Reason::Blank).into());
    }
    if ask.identities.len() > MOST {
        return Err(wrong(format!("must not be more than {MOST}")).into());
    }
    let is_long = |text: &String| !(1..=LONGEST).contains(&text.chars().count());
    if ask.identities.iter().any(|Object(identity)| is_long(&identity.name) || is_long(&identity.value)) {
        return Err(wrong(format!("must have names and values of 1 to {LONGEST} characters")).into());
    }
    let ids: Vec<Option<PersonId>> = ask
        .identities
        .iter()
        .map(|Object(identity)| identity.value.parse().ok().filter(|_| identity.name == OWN_ID))
        .collect();
    let names: Vec<Named<'_>> = ask
        .identities
        .iter()
        .zip(&ids)
        .map(|(Object(identity), id)| id.as_ref().map_or(Named::Identity(&identity.value), Named::Person))
        .collect();
    let erased = app.ledger(tenant.org).erased(&names, app.now()).await?;
    let entry = |at: Option<_>| Entry { erased: at.is_some(), erased_at: at.map(time::millis) };
    Ok(Json(Reply { results: erased.into_iter().map(entry).collect() }))
}

endpoint!(handle);
