//! `GET /lethe/v1/persons/{person_id}/plan/{sha256}`: a plan as it was made.

use domain::{Permission, PersonId};
use http::Method;
use runtime::{
    Allow, Credentials, Failure, Json, Need, Org, Path, Route, State,
    docs::{Docs, Good},
};
use wire::{Code, Dialect};

use super::PlanReply;

/// The route.
pub static ROUTE: Route = Route {
    name: "get-plan",
    method: Method::GET,
    path: "/lethe/v1/persons/{person_id}/plan/{sha256}",
    aliases: &[],
    dialect: Dialect::Native,
    credentials: Credentials::BasicOrBearer,
    allow: Allow::AnyOf(&[Permission::PlansRead]),
    errors: &[Code::PersonNotFound, Code::PlanNotFound],
    needs: &[Need::ReadLedger],
    summary: "Read a plan",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::json(
    200,
    "The plan",
    r#"{"sha256":"8cb00f9eb177f7fe8657bef6cc6dcc8428ba65234607e9aa76ef93d7a4de284e","data_map":"a3e8a8f8474f8ce2b8924e46812d60a0a1df6e1e0f90a489bb31bd5c08e01943","collections":[{"dataset":"shop","collection":"customers","method":"delete","key":["id"],"keys_sha256":"6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b","found":1,"affected":1,"kept":0,"bytes":48}],"usage":{"read_units":0.0,"write_units":0.0,"s3_lists":0,"s3_gets":0},"usd":0.0,"affected":1,"needs_release":false,"expires_at":"2026-03-09T10:00:00.000Z"}"#,
)]);

/// Reads it.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    Path((id, sha256)): Path<(PersonId, String)>,
) -> Result<Json<PlanReply>, Failure> {
    let (key, _) = app.look_up(&tenant, &id).await?;
    let kept = app.ledger(tenant.org).plan(key, &sha256, app.now()).await?.ok_or(Code::PlanNotFound)?;
    Ok(Json(PlanReply::new(kept.plan, &tenant, kept.expires_at)))
}

endpoint!(handle);
