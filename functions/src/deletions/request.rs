//! `POST /v2/fulfillment/users/{user_id}/privacy_request`: delete the data of a user.
//!
//! There is no body; whatever is sent is ignored. Asking again is the same request.

use domain::{Permission, PersonId, request::Door};
use http::Method;
use runtime::{
    Allow, Credentials, Failure, Json, Need, NoBody, Org, Path, Route, State,
    docs::{Docs, Good},
};
use wire::{Code, Dialect};

use super::Success;
use crate::purges::{self, Asked, IfQueued};

/// The route.
pub static ROUTE: Route = Route {
    name: "request-user-deletion",
    method: Method::POST,
    path: "/v2/fulfillment/users/{user_id}/privacy_request",
    aliases: &[],
    dialect: Dialect::Connect,
    credentials: Credentials::Bearer,
    allow: Allow::AnyOf(&[Permission::Fulfillment]),
    errors: &[Code::PersonNotFound, Code::FeatureOff],
    needs: &[Need::WriteLedger, Need::QueuePurges, Need::QueueNotices],
    summary: "Request the deletion of a user's data",
};

/// What the OpenAPI document says of it.
static DOCS: Docs =
    Docs::answers(&[Good::json(200, "User data deletion request created", r#"{"success":true}"#)]);

/// Requests it.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    Path(user): Path<PersonId>,
    NoBody: NoBody,
) -> Result<Json<Success>, Failure> {
    super::check_enabled(&tenant)?;
    let (key, person) = app.subject(&tenant, &user).await?;
    purges::queue_erasure(&app, &tenant, (key, &person), Door::Instacart, Asked::default(), IfQueued::Keep)
        .await?;
    Ok(Json(Success::TRUE))
}

endpoint!(handle);
