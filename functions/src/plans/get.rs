//! `GET /lethe/v1/persons/{person_id}/plan/{sha256}`: a plan as it was made.

use domain::{Permission, PersonId};
use http::Method;
use runtime::{Allow, Credentials, Failure, Json, Need, Org, Path, Route, State};
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
