//! `POST /console/persons/{person}/call-off`: call off the erasure of a person, unless it has begun.

use domain::{
    Permission,
    request::{Request, Work},
};
use http::Method;
use runtime::{
    Allow, Answer, Credentials, Failure, Form, Need, Org, Path, Route, State,
    docs::{Docs, Good},
};
use wire::{Code, Dialect};

use super::{person_key, person_path, start_takeout::Ask};

/// The route.
pub static ROUTE: Route = Route {
    name: "call-off-purge",
    method: Method::POST,
    path: "/console/persons/{person}/call-off",
    aliases: &[],
    dialect: Dialect::Page,
    credentials: Credentials::Session,
    allow: Allow::AnyOf(&[Permission::PurgePersonAdmin, Permission::PurgeAny]),
    errors: &[Code::InvalidField, Code::PersonNotFound, Code::PurgeInProgress, Code::Conflict],
    needs: &[Need::WriteLedger],
    summary: "Call off the erasure of a person",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::empty(303, "To the person")]).ask(r#"{"form_token":"7f3a"}"#);

/// Calls it off.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    Path(key): Path<String>,
    Form(_): Form<Ask>,
) -> Result<Answer, Failure> {
    let key = person_key(&key)?;
    let ledger = app.ledger(tenant.org);
    let request = ledger.erasure(key).await?.filter(|request| request.is_kept(app.now()));
    let request = request.ok_or(Code::PersonNotFound)?;
    let now = app.now();
    let call_off = |request: Request| {
        let Some(purge) = request.purge().cloned() else { return Ok(None) };
        let cancelled = Work::Purge(purge.cancel()?);
        Ok::<_, Failure>(Some(request.with_work(cancelled, now).without_pending_notices()))
    };
    ledger.amend_request(request, call_off).await?;
    Ok(Answer::see_other(person_path(key)))
}

page!(super::CHANGE, handle);
