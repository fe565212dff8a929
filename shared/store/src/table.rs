//! The few calls that everything else in this crate is made of.

use std::collections::HashMap;

use aws_lc_rs::rand;
use aws_sdk_dynamodb::{
    operation::put_item::PutItemError,
    primitives::Blob,
    types::{AttributeValue, KeysAndAttributes, ReturnValuesOnConditionCheckFailure},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_dynamo::aws_sdk_dynamodb_1::{from_item, to_item};

use crate::{Services, StoreError, keys::Key};

pub(crate) type Item = HashMap<String, AttributeValue>;

/// When a write may take effect.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Only {
    /// Nothing lies there yet.
    IfAbsent,
    /// What lies there has this version.
    IfVersion(u64),
    /// In any case.
    Always,
}

/// How much a read must know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// Every write that was answered before. Costs twice as much.
    Consistent,
    /// Perhaps not the newest writes.
    Eventual,
}

/// Which part of a partition is read.
pub(crate) struct Range<'a> {
    pub(crate) pk: &'a str,
    /// Sort keys from here to there, both included; all without.
    pub(crate) sk: Option<(&'a str, &'a str)>,
    pub(crate) newest_first: bool,
    pub(crate) limit: Option<i32>,
    pub(crate) read: Read,
}

fn salt() -> Result<[u8; 16], StoreError> {
    let mut salt = [0; 16];
    rand::fill(&mut salt).map_err(|_| StoreError::Sealing("made"))?;
    Ok(salt)
}

#[derive(Clone)]
pub(crate) struct Table {
    services: Services,
    name: String,
}

const SERVICE: &str = "DynamoDB";

/// Where a row keeps some bytes that are never the same twice.
const SALT: &str = "z";

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn primary(key: &Key) -> Item {
    let mut item = Item::from([("pk".to_owned(), text(&key.pk))]);
    if !key.sk.is_empty() {
        item.insert("sk".to_owned(), text(&key.sk));
    }
    item
}

impl Table {
    pub(crate) fn new(services: Services, name: String) -> Self {
        Self { services, name }
    }

    /// Puts `record` at `key`, with the attributes that place it in indexes.
    pub(crate) async fn put<T: Serialize>(
        &self,
        key: &Key,
        record: &T,
        indexes: &[(&str, Option<Key>)],
        only: Only,
    ) -> Result<(), StoreError> {
        let mut item: Item =
            to_item(record).map_err(|_| StoreError::Unreadable { what: "record to be written" })?;
        item.extend(primary(key));
        // What nobody can guess, for the log of the audit; and by which a write knows itself again.
        let salt = AttributeValue::B(Blob::new(salt()?));
        item.insert(SALT.to_owned(), salt.clone());
        for (index, place) in indexes {
            if let Some(Key { pk, sk }) = place {
                item.insert(format!("{index}_pk"), text(pk));
                item.insert(format!("{index}_sk"), text(sk));
            }
        }
        let put = self.services.dynamodb().put_item().table_name(&self.name).set_item(Some(item));
        let put = match only {
            Only::Always => put,
            Only::IfAbsent => put.condition_expression("attribute_not_exists(pk)"),
            Only::IfVersion(version) => put
                .condition_expression("#v = :v")
                .expression_attribute_names("#v", "v")
                .expression_attribute_values(":v", AttributeValue::N(version.to_string())),
        };
        let put = put.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match put.send().await {
            Ok(_) => Ok(()),
            // The answer was lost, and the client's own second attempt has met what the first has written.
            Err(error) if error.as_service_error().and_then(in_the_way) == Some(&salt) => Ok(()),
            Err(error) => Err(StoreError::from_sdk(SERVICE, error)),
        }
    }

    /// The record at `key`.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        key: &Key,
        read: Read,
    ) -> Result<Option<T>, StoreError> {
        let answer = self
            .services
            .dynamodb()
            .get_item()
            .table_name(&self.name)
            .set_key(Some(primary(key)))
            .consistent_read(read == Read::Consistent)
            .send()
            .await
            .map_err(|error| StoreError::from_sdk(SERVICE, error))?;
        answer.item.map(readable).transpose()
    }

    /// Removes what lies at `key`, if anything.
    pub(crate) async fn delete(&self, key: &Key) -> Result<(), StoreError> {
        let delete =
            self.services.dynamodb().delete_item().table_name(&self.name).set_key(Some(primary(key)));
        delete.send().await.map(drop).map_err(|error| StoreError::from_sdk(SERVICE, error))
    }

    /// The items in `range`, page after page, up to its limit.
    pub(crate) async fn query(&self, range: Range<'_>) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::new();
        let mut start = None;
        loop {
            let mut query = self
                .services
                .dynamodb()
                .query()
                .table_name(&self.name)
                .consistent_read(range.read == Read::Consistent)
                .scan_index_forward(!range.newest_first)
                .set_limit(range.limit)
                .set_exclusive_start_key(start)
                .expression_attribute_values(":pk", text(range.pk));
            query = match range.sk {
                Some((from, to)) => query
                    .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
                    .expression_attribute_values(":from", text(from))
                    .expression_attribute_values(":to", text(to)),
                None => query.key_condition_expression("pk = :pk"),
            };
            let page = query.send().await.map_err(|error| StoreError::from_sdk(SERVICE, error))?;
            items.extend(page.items.unwrap_or_default());
            start = page.last_evaluated_key;
            let enough = range.limit.is_some_and(|limit| items.len() >= usize::try_from(limit).unwrap_or(0));
            if start.is_none() || enough {
                return Ok(items);
            }
        }
    }

    /// One page of an index, as the primary keys of its items, and where the next page begins.
    pub(crate) async fn index_page(
        &self,
        page: IndexPage<'_>,
    ) -> Result<(Vec<Place>, Option<Item>), StoreError> {
        let IndexPage { index, pk, sk: (from, to), newest_first, limit, start } = page;
        let answer = self
            .services
            .dynamodb()
            .query()
            .table_name(&self.name)
            .index_name(index)
            .key_condition_expression("#pk = :pk AND #sk BETWEEN :from AND :to")
            .expression_attribute_names("#pk", format!("{index}_pk"))
            .expression_attribute_names("#sk", format!("{index}_sk"))
            .expression_attribute_values(":pk", text(pk))
            .expression_attribute_values(":from", text(from))
            .expression_attribute_values(":to", text(to))
            .scan_index_forward(!newest_first)
            .limit(limit)
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(|error| StoreError::from_sdk(SERVICE, error))?;
        let sort_name = format!("{index}_sk");
        let places = answer
            .items
            .unwrap_or_default()
            .into_iter()
            .filter_map(|mut item| {
                let mut take = |name: &str| match item.remove(name) {
                    Some(AttributeValue::S(value)) => Some(value),
                    _ => None,
                };
                Some(Place { key: Key { pk: take("pk")?, sk: take("sk")? }, sort: take(&sort_name)? })
            })
            .collect();
        Ok((places, answer.last_evaluated_key))
    }

    /// The records at `keys`, each once, in any order; those that are not there are left out.
    pub(crate) async fn get_many(&self, keys: &[Key], read: Read) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::new();
        for chunk in keys.chunks(100) {
            let mut wanted = Some(chunk.iter().map(primary).collect::<Vec<_>>());
            while let Some(keys) = wanted.take().filter(|keys| !keys.is_empty()) {
                let keys = KeysAndAttributes::builder()
                    .set_keys(Some(keys))
                    .consistent_read(read == Read::Consistent)
                    .build()
                    .map_err(|_| StoreError::Unreadable { what: "key" })?;
                let answer = self
                    .services
                    .dynamodb()
                    .batch_get_item()
                    .request_items(&self.name, keys)
                    .send()
                    .await
                    .map_err(|error| StoreError::from_sdk(SERVICE, error))?;
                items.extend(answer.responses.and_then(|mut all| all.remove(&self.name)).unwrap_or_default());
                wanted =
                    answer.unprocessed_keys.and_then(|mut all| all.remove(&self.name)).map(|rest| rest.keys);
            }
        }
        Ok(items)
    }
}

/// The salt of the record because of which a write was refused.
fn in_the_way(error: &PutItemError) -> Option<&AttributeValue> {
    match error {
        PutItemError::ConditionalCheckFailedException(refused) => refused.item()?.get(SALT),
        _ => None,
    }
}

/// What is asked of an index.
pub(crate) struct IndexPage<'a> {
    pub(crate) index: &'static str,
    pub(crate) pk: &'a str,
    pub(crate) sk: (&'a str, &'a str),
    pub(crate) newest_first: bool,
    pub(crate) limit: i32,
    pub(crate) start: Option<Item>,
}

/// Where an index found an item: its primary key and its sort key in the index.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) key: Key,
    pub(crate) sort: String,
}

/// Reads a stored item.
pub(crate) fn readable<T: DeserializeOwned>(item: Item) -> Result<T, StoreError> {
    from_item(item).map_err(|_| StoreError::Unreadable { what: "item" })
}

/// Where a stored item lies.
pub(crate) fn place_of(item: &Item) -> Key {
    let pk = item.get("pk").and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
    Key { pk, sk: sort_key(item).to_owned() }
}

/// The sort key of a stored item.
pub(crate) fn sort_key(item: &Item) -> &str {
    item.get("sk").and_then(|value| value.as_s().ok()).map_or("", String::as_str)
}
