//! `POST /api/rest/v1/user/{userId}/mydata`: collect the package of a person's data.
//!
//! It is read from the stores whenever it is asked for, so there is nothing to wait for.

use domain::{Permission, PersonId};
use http::Method;
use runtime::{Allow, Credentials, Failure, IntoAnswer, Json, Need, NoBody, Org, Path, Route, State};
use wire::{Code, Dialect};

/// The route.
pub static ROUTE: Route = Route {
    name: "collect-data-package",
    method: Method::POST,
    path: "/api/rest/v1/user/{userId}/mydata",
    aliases: &[],
    dialect: Dialect::Management,
    credentials: Credentials::BasicOrBearer,
    allow: Allow::AnyOf(&[Permission::PdrModify]),
    errors: &[Code::PersonNotFound],
    needs: &[Need::ReadLedger, Need::ReadStores],
    summary: "Collect the package of a person's data",
};

/// Collects it.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    Path(user): Path<PersonId>,
    NoBody: NoBody,
) -> Result<impl IntoAnswer + Send, Failure> {
    super::package::of(&app, &tenant, user).await.map(Json)
}

endpoint!(handle);
