//! What the stream of the ledger's table says of changes, as entries of the audit's log.

use domain::{
    OrgId, Timestamp,
    audit::{Commitment, Entry},
};
use serde_dynamo::{AttributeValue, Item};

use crate::{
    StoreError,
    keys::{self, Key},
};

/// A change of a row, as the stream of the table tells it. A row that is not there is empty.
#[derive(Clone, Debug)]
pub struct Change {
    /// The key of the row.
    pub key: Item,
    /// The row before.
    pub before: Item,
    /// The row since.
    pub after: Item,
    /// When.
    pub at: Timestamp,
}

impl Change {
    /// The change as an entry of the log of a tenant; nothing if such rows are not noted.
    ///
    /// # Errors
    /// When the row cannot be written as JSON.
    pub fn entry(&self) -> Result<Option<(OrgId, Entry)>, StoreError> {
        let Self { key, before, after, at } = self;
        let of_client = [after, before].into_iter().find_map(|row| text(row, "org")?.parse().ok());
        let [pk, sk] = ["pk", "sk"].map(|name| text(key, name).unwrap_or_default().to_owned());
        let Some((org, subject, record)) = keys::audited(&Key { pk, sk }, of_client) else {
            return Ok(None);
        };
        let version = match after.get("v") {
            Some(AttributeValue::N(number)) => number.parse().ok(),
            Some(_) | None => None,
        };
        let (commitment, previous) = (commitment(after)?, commitment(before)?);
        Ok(Some((org, Entry { subject, record, version, at: *at, commitment, previous })))
    }
}

fn text<'a>(row: &'a Item, name: &str) -> Option<&'a str> {
    match row.get(name) {
        Some(AttributeValue::S(text)) => Some(text),
        Some(_) | None => None,
    }
}

/// What the log says of a row.
///
/// # Errors
/// When it cannot be written as JSON.
pub(crate) fn commitment(row: &Item) -> Result<Commitment, StoreError> {
    if row.is_empty() {
        return Ok(Commitment::NOTHING);
    }
    let unreadable = |_| StoreError::Unreadable { what: "row" };
    let mut row = serde_json::to_value(row).map_err(unreadable)?;
    // So that the same row is the same text.
    row.sort_all_objects();
    Ok(Commitment::to(&serde_json::to_vec(&row).map_err(unreadable)?))
}
