//! `POST /console/sign-out`: end this session, or all that somebody has.

use http::{Method, StatusCode};
use pages::message::{Message, Way};
use runtime::{
    Allow, Answer, Caller, Credentials, Failure, Form, Need, Route, SIGN_IN, State,
    auth::session,
    docs::{Docs, Good},
};
use schemars::JsonSchema;
use serde::Deserialize;
use wire::{Code, Dialect};

/// The route.
pub static ROUTE: Route = Route {
    name: "sign-out",
    method: Method::POST,
    path: "/console/sign-out",
    aliases: &[],
    dialect: Dialect::Page,
    credentials: Credentials::Session,
    allow: Allow::Anyone,
    errors: &[Code::InvalidField],
    needs: &[Need::KeepSessions],
    summary: "Sign out of the console",
};

/// What the OpenAPI document says of it.
static DOCS: Docs =
    Docs::answers(&[Good::page(200, "Signed out")]).ask(r#"{"form_token":"7f3a","where":"everywhere"}"#);

/// Where to sign out.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Where {
    /// In this browser.
    Here,
    /// In all browsers.
    Everywhere,
}

/// The form.
#[derive(Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Ask {
    r#where: Where,
    #[expect(dead_code, reason = "compared before")]
    form_token: String,
}

/// Ends it.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(State(app): State, caller: Caller, Form(ask): Form<Ask>) -> Result<Answer, Failure> {
    let everywhere = matches!(ask.r#where, Where::Everywhere);
    let cookie = session::end(&app, &caller, everywhere).await?;
    let text = if everywhere {
        "You are signed out in all browsers."
    } else {
        "You are signed out in this browser."
    };
    let way = Some(Way { path: SIGN_IN, text: "Sign in again" });
    let page = Message { title: "Signed out", text, detail: None, way }.page();
    Ok(Answer::page(StatusCode::OK, page).with_cookie(cookie))
}

page!(super::SIGN, handle);
