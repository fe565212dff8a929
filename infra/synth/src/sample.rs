//! Who calls in the sample events: a tenant, its people and its API clients, made up and the same for
//! ever. Their secrets are public. A stack that knows them must hold nothing real.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use domain::Permission;
use runtime::{
    Credentials, Route,
    auth::{self, Audience, TokenClaims},
};
use wire::Dialect;

use crate::SynthError;

/// The tenant.
pub const ORG: &str = "af5fbd30-7ce7-4548-8b30-4cd59cb2aba1";
/// The person whom the events are about.
pub const PERSON: &str = "903c1ff9-f2cc-435c-b242-9d8a690fcf0a";
/// Who calls about others.
pub const STAFF: &str = "3dabae4e-b780-43fd-84ea-804c76897b89";
/// An id of a takeout, request, hold or certificate that is not there.
pub const UNKNOWN: &str = "c0daf39b-4df5-4241-9e7d-b1b85f829090";
/// The issuer of the tokens.
pub const ISSUER: &str = "https://issuer.lethe.localhost";
/// For whom they are.
pub const AUDIENCE: &str = "lethe";
/// The id of the key that signs them.
pub const KEY_ID: &str = "local";
/// The API client that speaks as SlashID's callers do.
pub const SLASHID: &str = "slashid";
/// The API client that speaks as Trivore's callers do.
pub const TRIVORE: &str = "trivore";
/// The API client that speaks as Instacart's callers do.
pub const INSTACART: &str = "instacart";
/// The secret of all of them.
pub const SECRET: &str = "known-to-everybody";
/// A third party with which the person has logged in.
pub const LINKED: &str = "default";

/// The end of the tokens, in the year 2100: the events stay good.
const END: i64 = 4_102_444_800;
/// Their beginning.
const BEGIN: i64 = 1_767_225_600;

/// The private key that signs the tokens, as PKCS #8: what every Ed25519 key begins with, and 32 bytes
/// that say what they are for.
pub fn signing_key() -> Vec<u8> {
    const HEAD: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    const SEED: [u8; 32] = *b"public key of the sample events.";
    [&HEAD[..], &SEED].concat()
}

/// What stands in a path.
pub(crate) fn path(parameter: &str) -> &'static str {
    match parameter {
        "version" => "2024-3",
        "person_id" | "userID" | "user_id" | "userId" => PERSON,
        "org_id" => ORG,
        "purpose" => "marketing",
        "sha256" => "8cb00f9eb177f7fe8657bef6cc6dcc8428ba65234607e9aa76ef93d7a4de284e",
        "dataId" => "138ad68089df26ae6e159925",
        _ => UNKNOWN,
    }
}

/// The headers with which a caller says who they are.
pub(crate) fn credentials(route: &Route) -> Result<Vec<(&'static str, String)>, SynthError> {
    Ok(match route.credentials {
        // A session lies in the ledger: no event can bring one.
        Credentials::None | Credentials::Session => Vec::new(),
        Credentials::ApiKey => {
            vec![("slashid-api-key", format!("{SLASHID}.{SECRET}")), ("slashid-orgid", ORG.to_owned())]
        }
        Credentials::BasicOrBearer if route.dialect == Dialect::Management => {
            let basic = BASE64.encode(format!("{TRIVORE}:{SECRET}"));
            vec![("authorization", format!("Basic {basic}"))]
        }
        Credentials::Bearer | Credentials::BearerOrCookie | Credentials::BasicOrBearer => {
            vec![("authorization", format!("Bearer {}", token(route)?))]
        }
    })
}

/// A token of whoever calls: of staff, or of the person where the path names nobody.
fn token(route: &Route) -> Result<String, SynthError> {
    let is_own = route.dialect != Dialect::Native && route.person_param().is_none();
    let claims = TokenClaims {
        iss: ISSUER.to_owned(),
        sub: if is_own { PERSON } else { STAFF }.to_owned(),
        aud: Audience::One(AUDIENCE.to_owned()),
        exp: END,
        nbf: None,
        iat: Some(BEGIN),
        ver: Some(1),
        org: ORG.parse().ok(),
        scope: None,
        permissions: Permission::ALL.iter().map(|permission| permission.name().to_owned()).collect(),
        linked_identities: vec![LINKED.to_owned()],
        client: None,
    };
    auth::sign(&claims, &signing_key(), KEY_ID).map_err(|_| SynthError::Token)
}
