//! `POST /console/persons`: look a person up by anything that identifies them. A form and not an address,
//! because addresses are logged.

use domain::{Permission, PersonId, PersonKey, person::Person};
use http::Method;
use pages::console::{
    Here,
    persons::{Found, Persons},
};
use runtime::{
    Allow, Answer, Caller, Credentials, Failure, Form, Need, Org, Route, State,
    docs::{Docs, Good},
};
use schemars::JsonSchema;
use serde::Deserialize;
use wire::{Code, Dialect};

use super::{frame, page, person_path};

/// The route.
pub static ROUTE: Route = Route {
    name: "find-persons",
    method: Method::POST,
    path: "/console/persons",
    aliases: &[],
    dialect: Dialect::Page,
    credentials: Credentials::Session,
    allow: Allow::AnyOf(&[Permission::AccountView]),
    errors: &[Code::InvalidField],
    needs: &[Need::ReadLedger],
    summary: "Look persons up by an identity",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::page(200, "Who was found")])
    .ask(r#"{"form_token":"7f3a","identity":"alice@example.com","for":"request"}"#);

/// The form.
#[derive(Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Ask {
    identity: String,
    #[serde(default)]
    r#for: String,
    #[expect(dead_code, reason = "compared before")]
    form_token: String,
}

/// Looks them up.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    caller: Caller,
    Form(ask): Form<Ask>,
) -> Result<Answer, Failure> {
    let ledger = app.ledger(tenant.org);
    let wanted = ask.identity.trim();
    let mut persons: Vec<(PersonKey, Person)> = ledger.persons_identified_by(wanted).await?;
    if let Ok(id) = wanted.parse::<PersonId>() {
        let key = ledger.key_of(&id).await?;
        if let (Some(person), true) =
            (ledger.person(key).await?, persons.iter().all(|(known, _)| *known != key))
        {
            persons.push((key, person));
        }
    }
    let found = |(key, person): (PersonKey, Person)| Found {
        path: person_path(key),
        id: person.id.to_string(),
        identities: person.identities.into_iter().collect(),
    };
    let view = Persons {
        frame: frame(&caller, Here::Persons)?,
        is_for_request: ask.r#for == "request",
        found: Some(persons.into_iter().map(found).collect()),
    };
    Ok(page(view.page()))
}

page!(super::SHOW, handle);
