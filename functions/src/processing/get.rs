//! `GET /lethe/v1/persons/{person_id}/processing?purpose=`: whether a person's data may be used now.
//!
//! Meant to be asked before each use: one read of the ledger answers. The rules are the table of
//! [`domain::processing`].

use domain::{
    Permission, PersonId,
    processing::{Marks, Standing},
    tenant::Subjects,
};
use http::Method;
use runtime::{
    Allow, Credentials, Failure, Json, Need, Org, Path, Route, State,
    docs::{Docs, Good, Param},
};
use wire::{Code, Dialect, Problem, Query, Reason, shapes::native::ProcessingReply};

/// The route.
pub static ROUTE: Route = Route {
    name: "get-processing",
    method: Method::GET,
    path: "/lethe/v1/persons/{person_id}/processing",
    aliases: &[],
    dialect: Dialect::Native,
    credentials: Credentials::BasicOrBearer,
    allow: Allow::AnyOf(&[Permission::ProcessingRead]),
    errors: &[Code::InvalidParameter, Code::UnknownPurpose, Code::PersonNotFound],
    needs: &[Need::ReadLedger],
    summary: "Ask whether data may be used for a purpose",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::json(
    200,
    "Whether it may, and why",
    r#"{"allowed":false,"purpose":"marketing","reason":"no_consent","basis":"consent"}"#,
)])
.query(&[Param::new::<String>("purpose", "The name of the purpose, as the tenant has it")
    .required()
    .example("marketing")]);

/// Answers it.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    Path(id): Path<PersonId>,
    query: Query,
) -> Result<Json<ProcessingReply>, Failure> {
    let name = query.one("purpose")?.ok_or_else(|| Problem::query("purpose", Reason::Missing))?;
    let purpose = super::purpose(&tenant, name)?;
    let (ledger, now) = (app.ledger(tenant.org), app.now());
    let standing = ledger.standing(ledger.key_of(&id).await?).await?;
    let standing = match (standing.is_known(now), tenant.subjects) {
        (true, Subjects::Registered | Subjects::Open) => standing,
        // Somebody of whom nothing is known.
        (false, Subjects::Open) => Standing { person: Some(Marks::default()), ..Standing::default() },
        (false, Subjects::Registered) => return Err(Code::PersonNotFound.into()),
    };
    Ok(Json(ProcessingReply::of(name, purpose, standing.decide(name, purpose, now))))
}

endpoint!(handle);
