//! Plans: what an erasure would do, read and approved before anything is done.

pub mod apply;
pub mod get;
pub mod make;
pub mod release;

use connectors::{Engine, EngineError, Order};
use domain::{PersonKey, datamap::Masker, hold::Bars, person::Person, plan::Plan, tenant::Tenant};
use runtime::{App, Caller, Failure};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wire::{Code, Problem, Reason, time};

use crate::takeouts::build::identities;

/// What a caller may say of the plan to be made.
#[derive(Default, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(default, deny_unknown_fields)]
pub struct Ask {
    /// A policy of the tenant, in place of the data map's own methods.
    policy: Option<String>,
}

/// A plan, as callers see it.
#[derive(Serialize, JsonSchema)]
pub struct PlanReply {
    #[serde(flatten)]
    plan: Plan,
    /// Rows that would be deleted or masked.
    affected: u64,
    /// Whether a second person must release the purge, because the plan is above the tenant's blast radius.
    needs_release: bool,
    /// Until when it can be applied.
    #[schemars(with = "domain::Timestamp")]
    expires_at: String,
}

impl PlanReply {
    fn new(plan: Plan, tenant: &Tenant, expires_at: domain::Timestamp) -> Self {
        Self {
            affected: plan.affected(),
            needs_release: plan.affected() > tenant.blast_radius,
            expires_at: time::millis(expires_at),
            plan,
        }
    }
}

/// How a person is erased now: by the tenant's policy of that name or by the data map's own methods,
/// less what is held.
///
/// # Errors
/// When the tenant has no such policy.
pub(crate) fn order(
    engine: &Engine,
    tenant: &Tenant,
    policy: Option<&str>,
    bars: &Bars,
    masker: Masker,
) -> Result<Order, Failure> {
    let policy = match policy {
        Some(key) => Some(tenant.policy(key).ok_or_else(|| {
            Problem::field("policy", Reason::Other("the tenant has no policy of this name".to_owned()))
        })?),
        None => None,
    };
    let mut order = engine.order(policy, masker);
    for hold in bars.iter() {
        let reason = format!("{} under {}", hold.terms.kind, hold.terms.ground);
        order.treatments.withhold(engine.map(), engine.graph(), &hold.terms.scope, &reason);
    }
    Ok(order)
}

/// Who of the staff calls, as a pseudonym: enough to tell two of them apart.
async fn staff(app: &App, tenant: &Tenant, caller: &Caller) -> Result<PersonKey, Failure> {
    let id = caller.subject.parse().map_err(|_| Problem::about(Code::AuthTokenInvalidClaim, "sub"))?;
    Ok(app.ledger(tenant.org).key_of(&id).await?)
}

/// What an erasure of the person would do now.
async fn plan_now(
    app: &App,
    tenant: &Tenant,
    (key, person): (PersonKey, &Person),
    policy: Option<&str>,
) -> Result<Plan, Failure> {
    let engine = app.engine(tenant).await?;
    let bars = app.ledger(tenant.org).bars(key, app.now()).await?;
    let order = order(&engine, tenant, policy, &bars, Masker::random())?;
    match engine.plan(&identities(person), &order).await {
        Ok(plan) => Ok(plan),
        // Nothing in any store is linked to the person by what they are registered with.
        Err(EngineError::NoIdentity { .. }) => {
            let nothing = Plan { data_map: engine.map().version.clone(), ..Plan::default() };
            Ok(nothing.seal())
        }
        Err(error) => Err(Failure::unavailable(error)),
    }
}
