//! `POST /console/requests/{request_id}/agent`: who acts for the person, and that their mandate was seen.

use domain::{Permission, RequestId, identity::IdentityError, request::Request};
use http::Method;
use runtime::{
    Allow, Answer, Caller, Credentials, Failure, Form, Need, Org, Path, Route, State,
    docs::{Docs, Good},
};
use schemars::JsonSchema;
use serde::Deserialize;
use wire::{Code, Dialect, Problem, Reason};

use super::{request_of, request_path, version};

/// The route.
pub static ROUTE: Route = Route {
    name: "set-agent",
    method: Method::POST,
    path: "/console/requests/{request_id}/agent",
    aliases: &[],
    dialect: Dialect::Page,
    credentials: Credentials::Session,
    allow: Allow::AnyOf(&[Permission::PdrConfirm]),
    errors: &[Code::InvalidParameter, Code::InvalidField, Code::RequestNotFound, Code::Conflict],
    needs: &[Need::WriteLedger],
    summary: "Note who acts for a person, or accept their mandate",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::empty(303, "To the request")])
    .ask(r#"{"form_token":"7f3a","version":"1","name":"Bo Berg, attorney"}"#);

/// The longest name, in characters.
const LONGEST: usize = 200;

/// The form.
#[derive(Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Ask {
    #[schemars(with = "String")]
    version: i64,
    /// Who it is; without a name, the mandate of who was named is accepted.
    #[serde(default)]
    name: String,
    #[expect(dead_code, reason = "compared before")]
    form_token: String,
}

/// Notes it.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    caller: Caller,
    Path(id): Path<RequestId>,
    Form(ask): Form<Ask>,
) -> Result<Answer, Failure> {
    let staff = caller.staff.as_ref().ok_or(Code::SignedOut)?;
    let name = ask.name.trim();
    if name.chars().count() > LONGEST || name.chars().any(char::is_control) {
        let reason = format!("must have at most {LONGEST} characters, on one line");
        return Err(Problem::field("name", Reason::Other(reason)).into());
    }
    let now = app.now();
    let request = request_of(&app, &tenant, id).await?;
    let noted = |request: Request| {
        if version(&request) != ask.version {
            return Err(Failure::from(Code::Conflict));
        }
        let next = match name {
            "" => request.mandate_accepted(&staff.name, now),
            name => request.agent_named(name, &staff.name, now),
        };
        next.map(Some).map_err(refusal)
    };
    app.ledger(tenant.org).amend_request(request, noted).await?;
    Ok(Answer::see_other(request_path(id)))
}

/// Why something about who makes a request is refused.
pub(super) fn refusal(error: IdentityError) -> Failure {
    match error {
        IdentityError::NoMandate => {
            Problem::field("name", Reason::Other("needs a mandate among the files".into())).into()
        }
        IdentityError::NotInDoubt | IdentityError::NoMoreCodes | IdentityError::NoCode => {
            Code::Conflict.into()
        }
    }
}

page!(super::CHANGE, handle);
