//! API clients: the programs of a tenant that sign in with a secret, as the dialects of SlashID, Instacart and
//! Trivore do.

pub mod create;
pub mod delete;
pub mod list;

use schemars::JsonSchema;
use serde::Serialize;
use store::clients::ApiClient;

/// A client, without its secret.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ClientReply {
    client_id: String,
    grants: Vec<String>,
}

impl From<ApiClient> for ClientReply {
    fn from(client: ApiClient) -> Self {
        Self { client_id: client.id, grants: client.grants }
    }
}
