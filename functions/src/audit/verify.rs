//! `POST /lethe/v1/audit/verify`: whether the log of the audit is whole.
//!
//! Roots that somebody has kept may be given: then it must be the same log, with all that it had then. A person
//! may be named: then it is told which of their rows are not what the log says of them. A change takes a minute
//! or two to be noted; what is told still after that was done behind the log's back.
//!
//! A log too long for one call is verified from its files, by `cargo local verify-log`.

use domain::{
    Permission, PersonId,
    audit::{Root, SignedRoot, Tampered, Verifier},
    certificate::KeyRing,
};
use http::Method;
use runtime::{
    Allow, Body, Credentials, Failure, Json, Need, Org, Route, State,
    docs::{Docs, Good},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wire::{Code, Dialect};

/// The route.
pub static ROUTE: Route = Route {
    name: "verify-audit",
    method: Method::POST,
    path: "/lethe/v1/audit/verify",
    aliases: &[],
    dialect: Dialect::Native,
    credentials: Credentials::BasicOrBearer,
    allow: Allow::AnyOf(&[Permission::AuditRead]),
    errors: &[Code::InvalidField],
    needs: &[Need::ReadLedger, Need::ReadAudit],
    summary: "Verify the log of the audit",
};

/// What the OpenAPI document says of it.
static DOCS: Docs = Docs::answers(&[Good::json(
    200,
    "What was found",
    r#"{"is_whole":true,"finding":null,"entries":6,"is_end":true,"root":{"version":1,"tenant":"af5fbd30-7ce7-4548-8b30-4cd59cb2aba1","size":6,"root":"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4","at":"2026-03-02T10:00:00Z"},"unnoted":[]}"#,
)])
.ask(r#"{"roots":[],"person_id":null}"#);

/// What is to be compared with the log.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "AuditVerification")]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Signed roots that somebody has kept.
    #[serde(default)]
    #[schemars(length(max = 100))]
    roots: Vec<SignedRoot>,
    /// Whose rows are compared.
    #[serde(default)]
    person_id: Option<PersonId>,
}

/// What was found.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
pub struct Reply {
    /// Whether nothing is wrong.
    is_whole: bool,
    /// What is wrong, whatever was found first.
    finding: Option<String>,
    /// How many entries are in order.
    entries: u64,
    /// Whether these are all.
    is_end: bool,
    /// The last root, which stands for all of them.
    root: Option<Root>,
    /// The person's rows that are not what the log says of them.
    unnoted: Vec<String>,
}

/// How many segments are verified in one call: what can be read in the time there is.
const MOST: usize = 200;

/// Verifies it.
///
/// # Errors
/// Those of `ROUTE`.
pub async fn handle(
    State(app): State,
    Org(tenant): Org,
    Body(Input { roots, person_id }): Body<Input>,
) -> Result<Json<Reply>, Failure> {
    let ledger = app.ledger(tenant.org);
    let keys: KeyRing = ledger.certificate_keys().await?.into_iter().collect();
    let refused = |finding: &Tampered, entries| {
        let finding = Some(finding.to_string());
        Json(Reply { is_whole: false, finding, entries, is_end: false, root: None, unnoted: Vec::new() })
    };
    let mut verifier = match Verifier::new(tenant.org, &keys, &roots) {
        Ok(verifier) => verifier,
        Err(finding) => return Ok(refused(&finding, 0)),
    };
    let mut entries = 0;
    let mut is_end = false;
    for _ in 0..MOST {
        let Some(segment) = ledger.segment(entries).await? else {
            is_end = true;
            break;
        };
        if let Err(finding) = verifier.take(&segment) {
            return Ok(refused(&finding, entries));
        }
        entries = segment.edge().size();
    }
    let mut unnoted = Vec::new();
    if let Some(person) = person_id.filter(|_| is_end) {
        let rows = ledger.rows_of(ledger.key_of(&person).await?).await?;
        let differs =
            |(chain, record, said): (_, String, _)| (verifier.row(chain, &record) != said).then_some(record);
        unnoted = rows.into_iter().filter_map(differs).collect();
    }
    if !is_end {
        let root = verifier.root().cloned();
        return Ok(Json(Reply { is_whole: true, finding: None, entries, is_end, root, unnoted }));
    }
    match verifier.end() {
        Ok(verified) => {
            let root = verified.root;
            Ok(Json(Reply { is_whole: true, finding: None, entries, is_end, root, unnoted }))
        }
        Err(finding) => Ok(refused(&finding, entries)),
    }
}

endpoint!(handle);
