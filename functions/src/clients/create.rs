//! `POST /lethe/v1/clients`: let a program sign in with a secret.
//!
//! The secret is shown once and kept as a hash. A client is granted no more than whoever makes it.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::Permission;
use http::{Method, StatusCode};
use runtime::{
    Allow, Body, Caller, Credentials, Failure, Json, Need, Org, Route, State,
    auth::hash_secret,
    docs::{Docs, Good},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::clients::ApiClient;
use wire::{At, Code, Dialect, Fault, Problem, Reason};

use super::ClientReply;

/// The route.
pub static ROUTE: Route = Route {
    name: "create-client",
    method: Method::POST,
    path: "/lethe/v1/clients",
    aliases: &[],
    dialect: Dialect::Native,
    credentials: Credentials::BasicOrBearer,
    allow: Allow::AnyOf(&[Permission::ClientsWrite]),
    errors: &[Code::InvalidField, Code::Conflict],
    needs: &[Need::WriteLedger],
    summary: "Let a program sign in with a secret",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::json(
    201,
    "The client with its secret, which is shown this once",
    r#"{"client_id":"c019cadfd89007b8191ac637486e9709b","grants":["consent:gdpr:read"],"client_secret":"mD0n3SecretOfFortyThreeCharactersAltogether","api_key":"c019cadfd89007b8191ac637486e9709b.mD0n3SecretOfFortyThreeCharactersAltogether"}"#,
)])
.ask(r#"{"grants":["consent:gdpr:read"]}"#);

/// What a client is to be granted.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// Names of permissions.
    grants: Vec<String>,
}

/// A client with its secret.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
pub struct Reply {
    #[serde(flatten)]
    client: ClientReply,
    /// For HTTP Basic and for the token endpoint.
    client_secret: String,
    /// Both in one, for `SlashID-API-Key`.
    api_key: String,
}

impl Ask {
    /// The grants, if each is the name of a permission that the caller has.
    fn check(self, caller: &Caller) -> Result<Vec<String>, Problem> {
        let is_given = |grant: &String| {
            let named = Permission::ALL.iter().find(|permission| permission.name() == grant);
            named.is_some_and(|permission| caller.grants.allow(*permission))
        };
        if self.grants.is_empty() {
            return Err(Problem::faults(
                Code::InvalidField,
                vec![Fault::new(At::body("grants"), Reason::Blank)],
            ));
        }
        if !self.grants.iter().all(is_given) {
            let reason = Reason::Other("must be names of permissions that the caller has".into());
            return Err(Problem::faults(Code::InvalidField, vec![Fault::new(At::body("grants"), reason)]));
        }
        Ok(self.grants)
    }
}

/// Makes it.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    caller: Caller,
    Body(ask): Body<Ask>,
) -> Result<(StatusCode, Json<Reply>), Failure> {
    let grants = ask.check(&caller)?;
    let id = format!("c{}", app.entropy().id(app.now()).simple());
    let secret = URL_SAFE_NO_PAD.encode(app.entropy().bytes::<32>());
    let secret_hash = hash_secret(&secret, app.entropy().bytes()).map_err(Failure::internal)?;
    let client = ApiClient { id, org: tenant.org, secret_hash, grants };
    app.store().put_client(&client).await?;
    let api_key = format!("{}.{secret}", client.id);
    Ok((StatusCode::CREATED, Json(Reply { client: client.into(), client_secret: secret, api_key })))
}

endpoint!(handle);
