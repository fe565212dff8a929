//! `GET /user/{version}/gdpr/takeouts/{takeoutID}`: one's own archive itself.

use domain::{Permission, RequestId};
use http::{HeaderMap, Method};
use runtime::{
    Allow, ApiVersion, Caller, Credentials, Failure, Need, Org, Path, Route, State, Zip,
    docs::{Docs, Good},
};
use wire::{Code, Dialect};

/// The route.
pub static ROUTE: Route = Route {
    name: "download-takeout",
    method: Method::GET,
    path: "/user/{version}/gdpr/takeouts/{takeoutID}",
    aliases: &[],
    dialect: Dialect::JsonApi,
    credentials: Credentials::Bearer,
    allow: Allow::AnyOf(&[Permission::TakeoutRead]),
    errors: &[Code::MissingLinkedIdentity, Code::PersonNotFound, Code::TakeoutNotFound],
    needs: &[Need::WriteLedger, Need::ReadTakeouts],
    summary: "Download one's own takeout",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[
    Good::raw(200, "The archive, protected by the password of the order", "application/zip"),
    Good::empty(
        307,
        "The archive is large, no ZIP, or asked for in part: `Location` is where it can be had for five minutes",
    ),
]);

/// Gives it out.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    caller: Caller,
    Path((_, takeout)): Path<(ApiVersion, RequestId)>,
    headers: HeaderMap,
) -> Result<Zip, Failure> {
    super::check_linked(&tenant, &caller)?;
    super::archive_of(&app, &tenant, &super::own_id(&caller)?, takeout, &headers).await
}

endpoint!(handle);
