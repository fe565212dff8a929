//! `POST /console/requests/{request_id}/release`: a second person lets an erasure go that is above the
//! tenant's blast radius.

use domain::{Permission, RequestId};
use http::Method;
use runtime::{
    Allow, Answer, Caller, Credentials, Failure, Form, Need, Org, Path, Route, State,
    docs::{Docs, Good},
};
use wire::{Code, Dialect};

use super::{apply_plan::Ask, person_path};
use crate::plans::release::release;

/// The route.
pub static ROUTE: Route = Route {
    name: "release-held-purge",
    method: Method::POST,
    path: "/console/requests/{request_id}/release",
    aliases: &[],
    dialect: Dialect::Page,
    credentials: Credentials::Session,
    allow: Allow::AnyOf(&[Permission::PurgesRelease]),
    errors: &[
        Code::InvalidParameter,
        Code::InvalidField,
        Code::RequestNotFound,
        Code::NothingToRelease,
        Code::SamePerson,
        Code::PlanChanged,
        Code::Conflict,
    ],
    needs: &[Need::WriteLedger, Need::QueuePurges],
    summary: "Release an erasure above the blast radius",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::empty(303, "To the person")]).ask(
    r#"{"form_token":"7f3a","plan":"8cb00f9eb177f7fe8657bef6cc6dcc8428ba65234607e9aa76ef93d7a4de284e"}"#,
);

/// Releases it.
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
    let released = release(&app, &tenant, &caller, id, &ask.plan).await?;
    Ok(Answer::see_other(person_path(released.person)))
}

page!(super::CHANGE, handle);
