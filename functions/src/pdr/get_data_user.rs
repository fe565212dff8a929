//! `GET /api/rest/v1/user/{userId}/mydata/user`: what the ledger itself holds about a person.

use domain::{Permission, PersonId};
use http::{Method, StatusCode};
use runtime::{Allow, Answer, Credentials, Failure, Need, Org, Path, Route, State, queues::Job};
use wire::{Code, Dialect};

/// The route.
pub static ROUTE: Route = Route {
    name: "get-data-user",
    method: Method::GET,
    path: "/api/rest/v1/user/{userId}/mydata/user",
    aliases: &[],
    dialect: Dialect::Management,
    credentials: Credentials::BasicOrBearer,
    allow: Allow::AnyOf(&[Permission::PdrView]),
    errors: &[Code::PersonNotFound],
    needs: &[Need::ReadLedger],
    summary: "Read what the ledger holds about a person",
};

/// Reads it.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    Path(user): Path<PersonId>,
) -> Result<Answer, Failure> {
    let (key, person) = app.look_up(&tenant, &user).await?;
    let job = Job { org: tenant.org, person: key, request: None };
    let record = crate::takeouts::build::own_record(&app, job, &person).await?;
    Ok(Answer {
        status: StatusCode::OK,
        content_type: Some(ROUTE.dialect.media_type().to_owned()),
        headers: Vec::new(),
        body: record.into(),
    })
}

endpoint!(handle);
