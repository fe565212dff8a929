//! `GET /console/sign-in`: to the provider of identities, and back to where somebody wanted to go.

use http::Method;
use runtime::{
    Allow, Answer, Credentials, Failure, Need, Route, SIGN_IN, State,
    auth::sign_in,
    docs::{Docs, Good, Param},
};
use wire::{Code, Dialect, Query};

/// The route.
pub static ROUTE: Route = Route {
    name: "sign-in",
    method: Method::GET,
    path: SIGN_IN,
    aliases: &[],
    dialect: Dialect::Page,
    credentials: Credentials::None,
    allow: Allow::Anyone,
    errors: &[Code::FeatureOff, Code::InvalidParameter],
    needs: &[] as &[Need],
    summary: "Sign in to the console",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::empty(303, "To the provider of identities")])
    .query(&[Param::new::<String>("next", "Where to go afterwards: a path of the console")]);

/// Sends somebody there.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(State(app): State, query: Query) -> Result<Answer, Failure> {
    let leaving = sign_in::leave(&app, query.one("next")?.unwrap_or_default())?;
    Ok(Answer::see_other(leaving.location).with_cookie(leaving.cookie))
}

page!(super::SIGN, handle);
