//! `POST /api/rest/users/{userId}/personaldatarequest`: record a person's request.
//!
//! It opens the request and nothing else: people deal with it in the console.

use domain::{
    Permission, PersonId,
    request::{Door, Request},
};
use http::{Method, StatusCode};
use runtime::{
    Allow, Body, Credentials, Failure, Json, Need, Org, Path, Route, State,
    docs::{Docs, Good},
    queues::Queue,
};
use schemars::JsonSchema;
use serde::Deserialize;
use store::requests::Created;
use wire::{
    At, Code, Dialect, Fault, Problem, Reason,
    shapes::trivore::{PersonalDataRequest, RequestType},
};

use crate::notices::with_receipt;

/// The route.
pub static ROUTE: Route = Route {
    name: "create-request",
    method: Method::POST,
    path: "/api/rest/users/{userId}/personaldatarequest",
    aliases: &["/api/rest/v1/user/{userId}/personaldatarequests"],
    dialect: Dialect::Management,
    credentials: Credentials::BasicOrBearer,
    allow: Allow::AnyOf(&[Permission::PdrModify]),
    errors: &[Code::InvalidField, Code::PersonNotFound, Code::PurgeInProgress],
    needs: &[Need::WriteLedger, Need::QueueNotices],
    summary: "Record a personal data request",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::json(201, "The request that was recorded", r#"{"id":"019cadfd-8900-776c-b781-a47aac473a54","requestType":"DATA_RETRIEVAL","requestTime":"2026-03-02T10:00:00.000Z","requestRemarks":"User called support and requested a copy of their data.","confirmTime":null,"confirmBy":null,"confirmRemarks":null,"commentForUser":null}"#)])
    .ask(r#"{"requestType":"DATA_RETRIEVAL","requestRemarks":"User called support and requested a copy of their data."}"#);

/// What is asked for. Other fields are ignored.
#[derive(Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(rename_all = "camelCase")]
pub struct Ask {
    #[schemars(required)]
    request_type: Option<RequestType>,
    #[schemars(required, extend("pattern" = r"\S"))]
    request_remarks: Option<String>,
}

impl Ask {
    fn check(self) -> Result<(RequestType, String), Problem> {
        let mut faults = Vec::new();
        let mut fault = |name: &str, reason| faults.push(Fault::new(At::body(name), reason));
        if self.request_type.is_none() {
            fault("requestType", Reason::Missing);
        }
        match &self.request_remarks {
            None => fault("requestRemarks", Reason::Missing),
            Some(remarks) if remarks.trim().is_empty() => fault("requestRemarks", Reason::Missing),
            Some(_) => {}
        }
        match (self.request_type, self.request_remarks) {
            (Some(kind), Some(remarks)) if faults.is_empty() => Ok((kind, remarks)),
            (Some(_) | None, Some(_) | None) => Err(Problem::faults(Code::InvalidField, faults)),
        }
    }
}

/// Records it.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    Path(user): Path<PersonId>,
    Body(ask): Body<Ask>,
) -> Result<(StatusCode, Json<PersonalDataRequest>), Failure> {
    let (kind, remarks) = ask.check()?;
    let (key, person) = app.subject(&tenant, &user).await?;
    app.refuse_while_erasing(&tenant, key).await?;
    let now = app.now();
    let id = app.entropy().request_id(key);
    let mut request = Request::new(id, key, user, kind.into(), Door::Trivore, now);
    request.remarks = Some(remarks);
    let request = with_receipt(request, &tenant, &person, now);
    let request = match app.ledger(tenant.org).create_request(&request).await? {
        Created::New => {
            if request.pending_notices().next().is_some() {
                app.entrust(tenant.org, &request, &[Queue::Notices]).await?;
            }
            request
        }
        // A repeat of this very call.
        Created::Before(before) => *before,
    };
    Ok((StatusCode::CREATED, Json(PersonalDataRequest::from(&request))))
}

endpoint!(handle);
