//! `GET /user/{version}/gdpr/{userID}/takeouts/{takeoutID}`: the archive itself.
//!
//! Small ones are answered as they are, large ones by a redirect to a link of a few minutes, for
//! API Gateway takes no large answers. Before it is ready and after it has expired there is
//! nothing: 404.

use domain::{Permission, RequestId};
use http::{HeaderMap, Method};
use runtime::{
    Allow, ApiVersion, Caller, Credentials, Failure, Need, Org, Path, PersonUuid, Route, State, Zip,
    docs::{Docs, Good},
};
use wire::{Code, Dialect};

/// The route.
pub static ROUTE: Route = Route {
    name: "download-user-takeout",
    method: Method::GET,
    path: "/user/{version}/gdpr/{userID}/takeouts/{takeoutID}",
    aliases: &[],
    dialect: Dialect::JsonApi,
    credentials: Credentials::Bearer,
    allow: Allow::AnyOf(&[Permission::TakeoutRead]),
    errors: &[Code::MissingLinkedIdentity, Code::PersonNotFound, Code::TakeoutNotFound],
    needs: &[Need::WriteLedger, Need::ReadTakeouts],
    summary: "Download a takeout of a user",
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
    Path((_, person, takeout)): Path<(ApiVersion, PersonUuid, RequestId)>,
    headers: HeaderMap,
) -> Result<Zip, Failure> {
    super::check_linked(&tenant, &caller)?;
    super::archive_of(&app, &tenant, &person.into(), takeout, &headers).await
}

endpoint!(handle);
