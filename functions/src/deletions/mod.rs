//! Deletion requests, as Instacart speaks of them (`002_a71f3c77ddceadfa.txt`), and the endpoint
//! where API clients get their tokens.

pub mod request;
pub mod request_customer;
pub mod status;
pub mod token;

use domain::tenant::Tenant;
use schemars::JsonSchema;
use serde::Serialize;
use wire::{Code, Problem};

/// The answer to an accepted request.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Success {
    success: bool,
}

impl Success {
    const TRUE: Self = Self { success: true };
}

/// Whether the tenant lets deletions be asked for here.
fn check_enabled(tenant: &Tenant) -> Result<(), Problem> {
    if tenant.erasure_enabled { Ok(()) } else { Err(Problem::new(Code::FeatureOff)) }
}
