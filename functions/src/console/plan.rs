//! `POST /console/requests/{request_id}/plan`: what the erasure that somebody asked for would do.

use domain::{
    Permission, RequestId,
    plan::{Method as Treated, PlannedCollection},
    request::{Kind, Request},
    tenant::Tenant,
};
use http::Method;
use pages::console::{
    Here,
    plan::{Collection, Plan as View},
};
use runtime::{
    Allow, Answer, App, Caller, Credentials, Failure, Form, Need, Org, Path, Route, State,
    docs::{Docs, Good},
};
use wire::{Code, Dialect};

use super::{frame, page, request_of, request_path, start_takeout::Ask};
use crate::plans;

/// The route.
pub static ROUTE: Route = Route {
    name: "plan-purge",
    method: Method::POST,
    path: "/console/requests/{request_id}/plan",
    aliases: &[],
    dialect: Dialect::Page,
    credentials: Credentials::Session,
    allow: Allow::AnyOf(&[Permission::PlansWrite]),
    errors: &[
        Code::InvalidParameter,
        Code::InvalidField,
        Code::RequestNotFound,
        Code::PersonNotFound,
        Code::PurgeInProgress,
        Code::Conflict,
    ],
    needs: &[Need::WriteLedger, Need::ReadStores],
    summary: "Plan the erasure that a request asks for",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::page(200, "The plan")]).ask(r#"{"form_token":"7f3a"}"#);

/// Plans it.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    caller: Caller,
    Path(id): Path<RequestId>,
    Form(_): Form<Ask>,
) -> Result<Answer, Failure> {
    let request = to_erase(&app, &tenant, id).await?;
    let key = request.person;
    let person = app.ledger(tenant.org).person(key).await?.ok_or(Code::PersonNotFound)?;
    app.refuse_while_erasing(&tenant, key).await?;
    let kept = plans::make::keep(&app, &tenant, (key, &person), None).await?;
    let plan = kept.plan;
    let view = View {
        frame: frame(&caller, Here::Requests)?,
        request: request_path(id),
        action: format!("{}/purge", request_path(id)),
        affected: plan.affected(),
        needs_release: plan.affected() > tenant.blast_radius,
        refusals: refusals(&plan),
        collections: plan.collections.iter().map(collection).collect(),
        sha256: plan.sha256,
    };
    Ok(page(view.page()))
}

/// A request whose erasure may be planned.
pub(super) async fn to_erase(app: &App, tenant: &Tenant, id: RequestId) -> Result<Request, Failure> {
    let request = request_of(app, tenant, id).await?;
    let is_open = request.confirmation.is_none() && request.keep_until.is_none();
    if request.kind == Kind::Erasure && request.purge().is_none() && is_open {
        Ok(request)
    } else {
        Err(Code::Conflict.into())
    }
}

fn refusals(plan: &domain::plan::Plan) -> Vec<String> {
    let failed = |collection: &PlannedCollection| {
        let error = collection.error.as_ref()?;
        Some(format!("{}.{}: {error}", collection.dataset, collection.collection))
    };
    plan.refusals.iter().cloned().chain(plan.collections.iter().filter_map(failed)).collect()
}

fn collection(planned: &PlannedCollection) -> Collection {
    let method = match planned.method {
        Treated::Delete => "delete".to_owned(),
        Treated::Keep => "keep".to_owned(),
        Treated::Mask => {
            let fields: Vec<&str> =
                planned.masked_fields.iter().map(|masked| masked.field.as_str()).collect();
            format!("mask {}", fields.join(", "))
        }
    };
    Collection {
        name: format!("{}.{}", planned.dataset, planned.collection),
        method,
        found: planned.found,
        affected: planned.affected,
        kept: planned.kept,
        because: planned.kept_because.join("; "),
    }
}

page!(super::PLAN, handle);
