//! `GET /console/signed-in`: where the provider of identities sends people back to.

use http::{HeaderMap, Method};
use runtime::{
    Allow, Answer, Credentials, Failure, Need, Route, Source, State,
    auth::sign_in,
    docs::{Docs, Good, Param},
};
use wire::{Code, Dialect, Query};

/// The route.
pub static ROUTE: Route = Route {
    name: "finish-sign-in",
    method: Method::GET,
    path: sign_in::CALLBACK,
    aliases: &[],
    dialect: Dialect::Page,
    credentials: Credentials::None,
    allow: Allow::Anyone,
    errors: &[Code::SignInFailed, Code::FeatureOff, Code::InvalidParameter, Code::TooManyRequests],
    needs: &[Need::KeepSessions, Need::KeepLimits, Need::ReadSignInSecret],
    summary: "Begin a session of the console",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::empty(303, "To the console")]).query(&[
    Param::new::<String>("code", "What the provider exchanges for tokens"),
    Param::new::<String>("state", "What the provider was sent"),
    Param::new::<String>("iss", "Who the provider is (RFC 9207)"),
]);

/// Begins it.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    headers: HeaderMap,
    source: Source,
    query: Query,
) -> Result<Answer, Failure> {
    let arrived = sign_in::arrive(&app, &headers, &source, &query).await?;
    let answer = Answer::see_other(arrived.next);
    Ok(arrived.cookies.into_iter().fold(answer, Answer::with_cookie))
}

page!(super::SIGN, handle);
