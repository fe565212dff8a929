//! `POST /lethe/v1/persons/{person_id}/plan`: what an erasure of the person would do. Nothing is changed.

use chrono::TimeDelta;
use domain::{Permission, PersonId, PersonKey, person::Person, tenant::Tenant};
use http::Method;
use runtime::{
    Allow, App, Body, Credentials, Failure, Json, Need, Org, Path, Route, State,
    docs::{Docs, Good},
};
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

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::json(200, "The plan", r#"{"sha256":"8cb00f9eb177f7fe8657bef6cc6dcc8428ba65234607e9aa76ef93d7a4de284e","data_map":"a3e8a8f8474f8ce2b8924e46812d60a0a1df6e1e0f90a489bb31bd5c08e01943","collections":[{"dataset":"shop","collection":"customers","method":"delete","key":["id"],"keys_sha256":"6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b","found":1,"affected":1,"kept":0,"bytes":48}],"usage":{"read_units":0.0,"write_units":0.0,"s3_lists":0,"s3_gets":0},"usd":0.0,"affected":1,"needs_release":false,"expires_at":"2026-03-09T10:00:00.000Z"}"#)])
    .ask(r#"{}"#);

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
    let kept = keep(&app, &tenant, (key, &person), ask.policy.as_deref()).await?;
    Ok(Json(PlanReply::new(kept.plan, &tenant, kept.expires_at)))
}

/// Makes a plan and keeps it under its hash.
pub(crate) async fn keep(
    app: &App,
    tenant: &Tenant,
    (key, person): (PersonKey, &Person),
    policy: Option<&str>,
) -> Result<KeptPlan, Failure> {
    let plan = plan_now(app, tenant, (key, person), policy).await?;
    let kept = KeptPlan { plan, expires_at: app.now() + LIFE };
    app.ledger(tenant.org).put_plan(key, &kept).await?;
    Ok(kept)
}

endpoint!(handle);
