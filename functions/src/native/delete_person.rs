//! `DELETE /lethe/v1/persons/{person_id}`: take a person out of the registry.
//!
//! This erases nothing from the company's stores: that is what a purge is for, and while one
//! waits or runs, or a hold is on them, the person cannot be taken out. Of requests and holds, only
//! what proves them is kept.

use domain::{Permission, PersonId};
use http::{Method, StatusCode};
use runtime::{
    Allow, Credentials, Failure, Need, Org, Path, Route, State,
    docs::{Docs, Good},
};
use wire::{Code, Dialect};

/// The route.
pub static ROUTE: Route = Route {
    name: "delete-person",
    method: Method::DELETE,
    path: "/lethe/v1/persons/{person_id}",
    aliases: &[],
    dialect: Dialect::Native,
    credentials: Credentials::BasicOrBearer,
    allow: Allow::AnyOf(&[Permission::PersonsWrite]),
    errors: &[Code::PersonNotFound, Code::PurgeInProgress, Code::Held, Code::Conflict],
    needs: &[Need::ForgetLedger, Need::DeleteTakeouts],
    summary: "Take a person out of the registry",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::empty(204, "Taken out")]);

/// Takes them out.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    Path(id): Path<PersonId>,
) -> Result<StatusCode, Failure> {
    let ledger = app.ledger(tenant.org);
    let key = ledger.key_of(&id).await?;
    if !ledger.knows(key).await? {
        return Err(Code::PersonNotFound.into());
    }
    let erasure = ledger.erasure(key).await?;
    if erasure.as_ref().and_then(|request| request.purge()).is_some_and(|purge| purge.restricts()) {
        return Err(Code::PurgeInProgress.into());
    }
    let now = app.now();
    let bars = ledger.bars(key, now).await?;
    // A hold on parts of all persons' stores does not speak of the registry.
    if bars.hold_everything() || bars.iter().any(|hold| hold.person.is_some()) {
        return Err(Code::Held.into());
    }
    app.store().takeouts().remove_all(tenant.org, key).await?;
    app.store().attachments().discard_all(tenant.org, key).await?;
    ledger.forget_requests(key, None, now + tenant.proof_life(), now).await?;
    ledger.forget_holds(key, now + tenant.proof_life()).await?;
    ledger.forget_person(key, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

endpoint!(handle);
