//! `POST /v2/oauth/token`: an API client trades its secret for a token of a day.

use http::Method;
use runtime::{
    Allow, Body, Credentials, Failure, Json, Need, Route, State,
    auth::{self, OwnToken},
    docs::{Docs, Good},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wire::{Code, Dialect, Problem, Query, Reason};

/// The route.
pub static ROUTE: Route = Route {
    name: "issue-token",
    method: Method::POST,
    path: "/v2/oauth/token",
    aliases: &[],
    dialect: Dialect::Connect,
    credentials: Credentials::None,
    allow: Allow::Anyone,
    errors: &[Code::BadClient, Code::CredentialsInQuery, Code::InsufficientPermissions, Code::InvalidField],
    needs: &[Need::ReadLedger],
    summary: "Get a token for an API client",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::json(200, "A token of a day", r#"{"access_token":"eyJhbGciOiJFZERTQSJ9.e30.c2ln","token_type":"Bearer","expires_in":86400,"scope":"connect:fulfillment","created_at":1772445600}"#)])
    .ask(r#"{"client_id":"instacart","client_secret":"known-to-everybody","grant_type":"client_credentials","scope":"connect:fulfillment"}"#);

/// Who wants which scopes.
#[derive(Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Ask {
    client_id: String,
    client_secret: String,
    #[schemars(extend("const" = "client_credentials"))]
    grant_type: String,
    scope: Option<String>,
}

/// A token.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
pub struct Reply {
    access_token: String,
    token_type: &'static str,
    expires_in: i64,
    scope: String,
    created_at: i64,
}

/// Issues it.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    query: Query,
    body: Result<Body<Ask>, Failure>,
) -> Result<Json<Reply>, Failure> {
    if query.has_any(&["client_id", "client_secret", "grant_type", "scope"]) {
        return Err(Code::CredentialsInQuery.into());
    }
    // Whoever puts the credentials there sends no body: what is wrong with it comes second.
    let Body(ask) = body?;
    if ask.grant_type != "client_credentials" {
        return Err(Problem::field("grant_type", Reason::Other("must be client_credentials".into())).into());
    }
    let client = auth::sign_in(&app, &ask.client_id, &ask.client_secret).await?;
    let wanted = ask.scope.unwrap_or_default();
    let mut scopes: Vec<String> =
        wanted.split([',', ' ']).filter(|scope| !scope.is_empty()).map(str::to_owned).collect();
    if scopes.is_empty() {
        scopes = client.grants.iter().map(str::to_owned).collect();
    } else if let Some(foreign) =
        scopes.iter().find(|scope| !client.grants.iter().any(|grant| grant == *scope))
    {
        return Err(Problem::about(Code::InsufficientPermissions, foreign).into());
    }
    let token = OwnToken::issue(&app, &client, &scopes).await?;
    Ok(Json(Reply {
        access_token: token.token,
        token_type: "Bearer",
        expires_in: OwnToken::LIFE.num_seconds(),
        scope: scopes.join(" "),
        created_at: token.issued_at.timestamp(),
    }))
}

endpoint!(handle);
