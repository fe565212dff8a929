//! `POST /console/persons/{person}/requests`: make a request for a person. It opens the request and nothing
//! else.

use domain::{
    Permission,
    request::{Door, Kind, Request, Template},
};
use http::Method;
use runtime::{
    Allow, Answer, Caller, Credentials, Failure, Form, Need, Org, Path, Route, State,
    docs::{Docs, Good},
    queues::Queue,
};
use schemars::JsonSchema;
use serde::Deserialize;
use wire::{Code, Dialect, Problem, Reason};

use super::{person_key, person_path, request_path};

/// The route.
pub static ROUTE: Route = Route {
    name: "make-request",
    method: Method::POST,
    path: "/console/persons/{person}/requests",
    aliases: &[],
    dialect: Dialect::Page,
    credentials: Credentials::Session,
    allow: Allow::AllOf(&[Permission::AccountView, Permission::PdrModify]),
    errors: &[Code::InvalidField, Code::PersonNotFound, Code::PurgeInProgress],
    needs: &[Need::WriteLedger, Need::QueueNotices],
    summary: "Make a request for a person",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::empty(303, "To the request")])
    .ask(r#"{"form_token":"7f3a","kind":"access","remarks":"Called support and asked for a copy."}"#);

/// The form.
#[derive(Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Ask {
    kind: Kind,
    remarks: String,
    #[expect(dead_code, reason = "compared before")]
    form_token: String,
}

/// Makes it.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    caller: Caller,
    Path(key): Path<String>,
    Form(ask): Form<Ask>,
) -> Result<Answer, Failure> {
    let key = person_key(&key)?;
    let remarks = ask.remarks.trim();
    if remarks.is_empty() {
        return Err(Problem::field("remarks", Reason::Missing).into());
    }
    let ledger = app.ledger(tenant.org);
    let person = ledger.person(key).await?.ok_or(Code::PersonNotFound)?;
    app.refuse_while_erasing(&tenant, key).await?;
    let address = person.email().map(str::to_owned);
    let id = app.entropy().request_id(key);
    let mut request = Request::new(id, key, person.id, ask.kind, Door::Trivore, app.now());
    request.remarks = Some(remarks.to_owned());
    if let Some(address) = &address {
        request = request.with_notice(Template::Received, address.clone(), None, app.now());
    }
    ledger.create_request(&request).await?;
    let queues: &[Queue] = if address.is_some() { &[Queue::Notices] } else { &[] };
    app.entrust(tenant.org, &request, queues).await?;
    // Who makes requests need not be allowed to see them.
    let sees = caller.grants.allow(Permission::PdrView) || caller.grants.allow(Permission::PdrViewAll);
    Ok(Answer::see_other(if sees { request_path(id) } else { person_path(key) }))
}

page!(super::CHANGE, handle);
