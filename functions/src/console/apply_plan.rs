//! `POST /console/requests/{request_id}/purge`: carry out the plan that was shown, and nothing else.

use domain::{Permission, RequestId, request::Door};
use http::Method;
use runtime::{
    Allow, Answer, Caller, Credentials, Failure, Form, Need, Org, Path, Route, State,
    docs::{Docs, Good},
};
use schemars::JsonSchema;
use serde::Deserialize;
use wire::{Code, Dialect};

use super::{person_path, plan::to_erase};
use crate::plans;

/// The route.
pub static ROUTE: Route = Route {
    name: "start-purge",
    method: Method::POST,
    path: "/console/requests/{request_id}/purge",
    aliases: &[],
    dialect: Dialect::Page,
    credentials: Credentials::Session,
    allow: Allow::AnyOf(&[Permission::PlansWrite]),
    errors: &[
        Code::InvalidParameter,
        Code::InvalidField,
        Code::RequestNotFound,
        Code::PersonNotFound,
        Code::PlanNotFound,
        Code::PlanChanged,
        Code::PlanRefused,
        Code::PurgeInProgress,
        Code::Conflict,
    ],
    needs: &[Need::WriteLedger, Need::ReadStores, Need::QueuePurges, Need::QueueNotices],
    summary: "Carry out the plan of an erasure",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::empty(303, "To the person")]).ask(
    r#"{"form_token":"7f3a","plan":"8cb00f9eb177f7fe8657bef6cc6dcc8428ba65234607e9aa76ef93d7a4de284e"}"#,
);

/// The form.
#[derive(Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Ask {
    /// The hash of the plan that was shown.
    pub(super) plan: String,
    #[expect(dead_code, reason = "compared before")]
    form_token: String,
}

/// Carries it out.
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
    let request = to_erase(&app, &tenant, id).await?;
    let key = request.person;
    let person = app.ledger(tenant.org).person(key).await?.ok_or(Code::PersonNotFound)?;
    plans::apply::apply(&app, &tenant, &caller, (key, &person), &ask.plan, Door::Trivore).await?;
    Ok(Answer::see_other(person_path(key)))
}

page!(super::PLAN, handle);
