//! `POST /lethe/v1/persons/{person_id}/plan`: what an erasure of the person would do. Nothing is changed.

use chrono::TimeDelta;
use domain::{Permission, PersonId};
use http::Method;
use runtime::{Allow, Body, Credentials, Failure, Json, Need, Org, Path, Route, State};
use store::plans::KeptPlan;
use wire::{Code, Dialect};

use super::{Ask, PlanReply, plan_now};

/// The route.
pub static ROUTE: Route = Route {
    name: "make-plan",
    method: Method::POST,
    path: "/lethe/v1/persons/{person_id}/plan",
    aliases: &[],
    dialect: Dialect::Native,
    credentials: Credentials::BasicOrBearer,
    allow: Allow::AnyOf(&[Permission::PlansWrite]),
    errors: &[Code::PersonNotFound, Code::InvalidField],
    needs: &[Need::WriteLedger, Need::ReadStores],
    summary: "Plan the erasure of a person without changing anything",
};

/// For how long a plan can be applied. Rows change, and old plans only drift.
const LIFE: TimeDelta = TimeDelta::days(7);

/// Makes it.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    Path(id): Path<PersonId>,
    Body(ask): Body<Ask>,
) -> Result<Json<PlanReply>, Failure> {
    let (key, person) = app.look_up(&tenant, &id).await?;
    app.refuse_while_erasing(&tenant, key).await?;
    let plan = plan_now(&app, &tenant, (key, &person), ask.policy.as_deref()).await?;
    let kept = KeptPlan { plan, expires_at: app.now() + LIFE };
    app.ledger(tenant.org).put_plan(key, &kept).await?;
    Ok(Json(PlanReply::new(kept.plan, &tenant, kept.expires_at)))
}

endpoint!(handle);
