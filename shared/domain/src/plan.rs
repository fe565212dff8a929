//! The plan of an erasure: what would be done to which rows, before anything is.
//!
//! A plan is bound to what it was made from by [`Plan::sha256`]: the rows found (by a digest of their
//! keys), what is done to them, the policy and the data map. Carrying it out makes it anew and
//! refuses if the hash differs: then the data, the map or a hold have changed since it was approved.

use aws_lc_rs::digest::{SHA256, digest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::price;

/// What would be done to one collection.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedCollection {
    /// The dataset's key.
    pub dataset: String,
    /// The collection's name.
    pub collection: String,
    /// What is done to the person's own rows.
    pub method: Method,
    /// The fields by which rows are told apart.
    pub key: Vec<String>,
    /// A digest of the keys of all rows that would be changed. The keys themselves may be personal data.
    pub keys_sha256: String,
    /// Rows found, kept ones included.
    pub found: u64,
    /// Rows that would be deleted or masked.
    pub affected: u64,
    /// Rows that would stay.
    pub kept: u64,
    /// Size in bytes of the rows that would be changed.
    pub bytes: u64,
    /// The fields that would be masked, with the strategy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub masked_fields: Vec<MaskedAs>,
    /// Why rows stay, with the legal ground where there is one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept_because: Vec<String>,
    /// For how many days after the erasure backups can still restore the rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup_days: Option<u32>,
    /// Why the collection could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What is done to rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// They are deleted.
    Delete,
    /// Some fields are overwritten.
    Mask,
    /// They stay.
    #[default]
    Keep,
}

/// How a field would be masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MaskedAs {
    /// The dotted path of the field.
    pub field: String,
    /// The name of the strategy.
    pub strategy: String,
}

/// What would be done for one person in all stores.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// The SHA-256 of what was decided; see [`Plan::seal`].
    pub sha256: String,
    /// The version of the data map.
    pub data_map: String,
    /// The policy, if not the map's own methods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The collections in walk order.
    pub collections: Vec<PlannedCollection>,
    /// Why the plan cannot be carried out as it is: what would end half done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<String>,
    /// What carrying it out will use at AWS, the reads of planning included.
    pub usage: Usage,
    /// The price of that in US dollars.
    pub usd: f64,
}

/// What of a plan its hash covers.
#[derive(Serialize)]
struct Decided<'a> {
    data_map: &'a str,
    policy: Option<&'a str>,
    collections: Vec<PlannedCollection>,
}

impl Plan {
    /// Fixes the plan: computes its price and its hash.
    #[must_use]
    pub fn seal(mut self) -> Self {
        self.usd = self.usage.usd();
        // Sizes, prices and how many rows stay may change without harm.
        let decided = |collection: &PlannedCollection| PlannedCollection {
            found: 0,
            kept: 0,
            bytes: 0,
            backup_days: None,
            ..collection.clone()
        };
        let decided = Decided {
            data_map: &self.data_map,
            policy: self.policy.as_deref(),
            collections: self.collections.iter().map(decided).collect(),
        };
        // Texts, numbers and lists of them have no way to fail.
        let text = serde_json::to_vec(&decided).unwrap_or_default();
        self.sha256 = hex::encode(digest(&SHA256, &text));
        self
    }

    /// Rows that would be deleted or masked in all stores: what a blast radius is measured by.
    #[must_use]
    pub fn affected(&self) -> u64 {
        self.collections.iter().map(|collection| collection.affected).sum()
    }

    /// Whether every store could be read and nothing would end half done.
    #[must_use]
    pub fn is_feasible(&self) -> bool {
        self.refusals.is_empty() && self.collections.iter().all(|collection| collection.error.is_none())
    }
}

/// What calls use, in the units that AWS bills.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// DynamoDB read request units.
    pub read_units: f64,
    /// DynamoDB write request units.
    pub write_units: f64,
    /// S3 requests that list, put or copy.
    pub s3_lists: u64,
    /// S3 requests that read.
    pub s3_gets: u64,
}

impl Usage {
    /// The price in US dollars. Deletes are free in S3.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "nobody makes 2^53 requests")]
    pub fn usd(&self) -> f64 {
        self.read_units * price::READ_UNIT
            + self.write_units * price::WRITE_UNIT
            + self.s3_lists as f64 * price::S3_PUT
            + self.s3_gets as f64 * price::S3_GET
    }
}

impl std::ops::Add for Usage {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            read_units: self.read_units + other.read_units,
            write_units: self.write_units + other.write_units,
            s3_lists: self.s3_lists + other.s3_lists,
            s3_gets: self.s3_gets + other.s3_gets,
        }
    }
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn plan() -> Plan {
        let collection = PlannedCollection {
            dataset: "shop".into(),
            collection: "customers".into(),
            method: Method::Delete,
            keys_sha256: "00".into(),
            found: 1,
            affected: 1,
            ..PlannedCollection::default()
        };
        Plan { data_map: "v1".into(), collections: vec![collection], ..Plan::default() }.seal()
    }

    #[test]
    fn the_hash_covers_what_is_done_and_not_what_it_costs() {
        let change = |change: &dyn Fn(&mut Plan)| {
            let mut changed = plan();
            change(&mut changed);
            changed.seal().sha256
        };

        assert_eq!(change(&|plan| plan.collections[0].bytes = 7), plan().sha256);
        assert_eq!(change(&|plan| plan.usage.read_units = 7.0), plan().sha256);
        assert_ne!(change(&|plan| plan.collections[0].keys_sha256 = "01".into()), plan().sha256);
        assert_ne!(change(&|plan| plan.collections[0].method = Method::Keep), plan().sha256);
        assert_ne!(change(&|plan| plan.policy = Some("p".into())), plan().sha256);
        assert_ne!(change(&|plan| plan.data_map = "v2".into()), plan().sha256);
    }

    #[test]
    fn a_million_units_cost_what_the_price_list_says() {
        let usage = Usage { read_units: 1e6, write_units: 1e6, s3_lists: 1000, s3_gets: 1000 };
        assert!((usage.usd() - 0.7554).abs() < 1e-9);
    }
}
