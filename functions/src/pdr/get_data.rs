//! `GET /api/rest/v1/user/{userId}/mydata`: the package of a person's data.

use domain::{Permission, PersonId};
use http::Method;
use runtime::{Allow, Credentials, Failure, IntoAnswer, Json, Need, Org, Path, Route, State};
use wire::{Code, Dialect};

/// The route.
pub static ROUTE: Route = Route {
    name: "get-data-package",
    method: Method::GET,
    path: "/api/rest/v1/user/{userId}/mydata",
    aliases: &[],
    dialect: Dialect::Management,
    credentials: Credentials::BasicOrBearer,
    allow: Allow::AnyOf(&[Permission::PdrView]),
    errors: &[Code::PersonNotFound],
    needs: &[Need::ReadLedger, Need::ReadStores],
    summary: "Read the package of a person's data",
};

/// Reads it.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    Path(user): Path<PersonId>,
) -> Result<impl IntoAnswer + Send, Failure> {
    super::package::of(&app, &tenant, user).await.map(Json)
}

endpoint!(handle);
