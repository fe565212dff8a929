//! DynamoDB: collections are tables.
//!
//! A collection's table has its name, unless `fides_meta: {namespace: {table: …}}` gives another.
//! Keys and indexes are those that `DescribeTable` shows; attributes cannot be checked in advance.
//!
//! - The hash key is queried, else an index that has the field as hash key, else the table is scanned.
//! - An index only finds keys: the items are read from the table, consistently, and must still match.
//!   So a stale index never shows or erases a wrong item; an item that an index does not show yet is
//!   not found, which only a scan could.
//! - Items are deleted one by one on condition that they still hold the value they were found by.

mod table;
#[cfg(test)]
mod tests;
mod value;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use domain::datamap::{Collection, Dataset, KeyKind, MapErrors};
use domain::row::{Row, Value};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::aws;
use crate::fault::Fault;
use crate::store::{Cursor, Found, Page, Question, Store};
use table::{Table, Way};

type Item = HashMap<String, AttributeValue>;

/// How many items one `BatchGetItem` takes.
const BATCH: usize = 100;

/// How many operands one `IN` takes; longer lists are compared here.
const OPERANDS: usize = 100;

/// How many items are deleted at the same time.
const PARALLEL: usize = 8;

/// How often unprocessed keys are asked for again, and the first pause before that.
const RETRIES: u32 = 8;
const PAUSE: Duration = Duration::from_millis(50);

/// The tables of one dataset.
pub(crate) struct DynamoDb {
    client: Client,
    tables: HashMap<String, Table>,
}

impl DynamoDb {
    /// Describes the tables of `dataset`.
    pub(crate) async fn open(dataset: &Dataset, client: Client, errors: &mut MapErrors) -> Option<Self> {
        let collections: Vec<&Collection> =
            dataset.collections.iter().filter(|collection| !collection.is_manual()).collect();
        if dataset.namespace.contains_key("table") && collections.len() > 1 {
            errors.push(&dataset.at, "one table cannot hold several collections");
            return None;
        }
        let mut tables = HashMap::new();
        for collection in collections {
            let name = collection
                .namespace
                .get("table")
                .or_else(|| dataset.namespace.get("table"))
                .unwrap_or(&collection.name);
            match Table::describe(&client, name).await {
                Ok(table) => {
                    tables.insert(collection.name.clone(), table);
                }
                Err(reason) => errors.push(&collection.at, reason),
            }
        }
        Some(Self { client, tables })
    }

    fn table(&self, collection: &str) -> Result<&Table, Fault> {
        self.tables.get(collection).ok_or_else(|| Fault::new("the table was not there at start"))
    }

    /// Items by the table's hash key.
    async fn by_hash(&self, table: &Table, question: &Question<'_>, cursor: Cursor) -> Result<Page, Fault> {
        let Some(value) = question.values.get(cursor.part).and_then(value::write) else {
            return Ok(Page { rows: Vec::new(), next: None });
        };
        let (names, projection) = projection(table, question.want);
        let answer = self
            .client
            .query()
            .table_name(&table.name)
            .consistent_read(true)
            .key_condition_expression("#field = :value")
            .set_expression_attribute_names(Some(names))
            .expression_attribute_names("#field", question.field)
            .expression_attribute_values(":value", value)
            .projection_expression(projection)
            .set_exclusive_start_key(start(&cursor))
            .send()
            .await
            .map_err(|error| failed("Query", &aws::reason(&error)))?;
        let rows = answer.items().iter().filter_map(|item| found(table, question, item)).collect();
        let after = mark(answer.last_evaluated_key());
        Ok(Page { rows, next: Cursor::next(cursor.part, after, question.values.len()) })
    }

    /// Keys by an index, then the items themselves from the table.
    async fn by_index(
        &self,
        table: &Table,
        index: &str,
        question: &Question<'_>,
        cursor: Cursor,
    ) -> Result<Page, Fault> {
        let Some(value) = question.values.get(cursor.part).and_then(value::write) else {
            return Ok(Page { rows: Vec::new(), next: None });
        };
        let (names, keys) = projection(table, &[]);
        let answer = self
            .client
            .query()
            .table_name(&table.name)
            .index_name(index)
            .limit(BATCH as i32)
            .key_condition_expression("#field = :value")
            .set_expression_attribute_names(Some(names))
            .expression_attribute_names("#field", question.field)
            .expression_attribute_values(":value", value)
            .projection_expression(keys)
            .set_exclusive_start_key(start(&cursor))
            .send()
            .await
            .map_err(|error| failed("Query", &aws::reason(&error)))?;
        let keys = answer.items().iter().map(|item| key_of(table, item)).collect();
        let items = self.items(table, keys, question).await?;
        let rows = items.iter().filter_map(|item| found(table, question, item)).collect();
        let after = mark(answer.last_evaluated_key());
        Ok(Page { rows, next: Cursor::next(cursor.part, after, question.values.len()) })
    }

    /// Items by their keys, read consistently.
    async fn items(
        &self,
        table: &Table,
        keys: Vec<Item>,
        question: &Question<'_>,
    ) -> Result<Vec<Item>, Fault> {
        let (names, projection) = projection(table, question.want);
        let mut items = Vec::with_capacity(keys.len());
        let mut open = keys;
        for retry in 0..RETRIES {
            if open.is_empty() {
                return Ok(items);
            }
            if retry > 0 {
                tokio::time::sleep(PAUSE * 2_u32.pow(retry)).await;
            }
            let request = KeysAndAttributes::builder()
                .set_keys(Some(open))
                .consistent_read(true)
                .set_expression_attribute_names(Some(names.clone()))
                .projection_expression(&projection)
                .build()
                .map_err(|_| Fault::new("BatchGetItem: the request could not be built"))?;
            let answer = self
                .client
                .batch_get_item()
                .request_items(&table.name, request)
                .send()
                .await
                .map_err(|error| failed("BatchGetItem", &aws::reason(&error)))?;
            let answered = answer.responses.unwrap_or_default();
            items.extend(answered.into_values().flatten());
            let unprocessed = answer.unprocessed_keys.unwrap_or_default();
            open = unprocessed.into_values().flat_map(|keys| keys.keys).collect();
        }
        match open.is_empty() {
            true => Ok(items),
            false => Err(Fault::new("BatchGetItem: keys stayed unprocessed")),
        }
    }

    /// Items by looking at all of them.
    async fn by_scan(&self, table: &Table, question: &Question<'_>, cursor: Cursor) -> Result<Page, Fault> {
        let (names, projection) = projection(table, question.want);
        let mut scan = self
            .client
            .scan()
            .table_name(&table.name)
            .consistent_read(true)
            .set_expression_attribute_names(Some(names))
            .projection_expression(projection)
            .set_exclusive_start_key(start(&cursor));
        if question.values.len() <= OPERANDS {
            let operands: Vec<String> = (0..question.values.len()).map(|i| format!(":v{i}")).collect();
            scan = scan
                .filter_expression(format!("#field IN ({})", operands.join(", ")))
                .expression_attribute_names("#field", question.field);
            for (operand, value) in operands.into_iter().zip(question.values) {
                let value = value::write(value).unwrap_or(AttributeValue::Null(true));
                scan = scan.expression_attribute_values(operand, value);
            }
        }
        let answer = scan.send().await.map_err(|error| failed("Scan", &aws::reason(&error)))?;
        let rows = answer.items().iter().filter_map(|item| found(table, question, item)).collect();
        let after = mark(answer.last_evaluated_key());
        Ok(Page { rows, next: Cursor::next(0, after, 1) })
    }

    /// Deletes one item if it still holds the value it was found by; says whether it did.
    async fn delete(&self, table: &Table, question: &Question<'_>, row: &Found) -> Result<u64, Fault> {
        let value = row.row.get(question.field).and_then(value::write);
        let value = value.ok_or_else(|| Fault::new("an item without the value it was found by"))?;
        let key = table
            .key
            .iter()
            .zip(&row.key)
            .filter_map(|(name, value)| Some((name.clone(), value::write(value)?)))
            .collect();
        let deleted = self
            .client
            .delete_item()
            .table_name(&table.name)
            .set_key(Some(key))
            .condition_expression("#field = :value")
            .expression_attribute_names("#field", question.field)
            .expression_attribute_values(":value", value)
            .send()
            .await;
        match deleted {
            Ok(_) => Ok(1),
            Err(error) => match error.as_service_error() {
                // It has gone, or to someone else; the read that follows tells.
                Some(DeleteItemError::ConditionalCheckFailedException(_)) => Ok(0),
                _ => Err(failed("DeleteItem", &aws::reason(&error))),
            },
        }
    }
}

#[async_trait]
impl Store for DynamoDb {
    fn key(&self, collection: &str, field: &str) -> KeyKind {
        match self.tables.get(collection).map(|table| table.key.as_slice()) {
            Some([hash]) if hash == field => KeyKind::Primary,
            Some(_) | None => KeyKind::Plain,
        }
    }

    fn cast(&self, collection: &str, field: &str, value: &Value) -> Option<Value> {
        match self.tables.get(collection)?.key_type(field) {
            Some(key_type) => value::hold(key_type, value),
            None => value::write(value).map(|_| value.clone()),
        }
    }

    async fn page(&self, question: &Question<'_>, cursor: Cursor) -> Result<Page, Fault> {
        let table = self.table(question.collection)?;
        match table.way(question.field) {
            Way::Hash => self.by_hash(table, question, cursor).await,
            Way::Index(index) => self.by_index(table, index, question, cursor).await,
            Way::Scan => self.by_scan(table, question, cursor).await,
        }
    }

    async fn erase(&self, question: &Question<'_>, rows: &[Found]) -> Result<u64, Fault> {
        let table = self.table(question.collection)?;
        let deletions: Vec<_> = rows.iter().map(|row| self.delete(table, question, row)).collect();
        stream::iter(deletions)
            .buffer_unordered(PARALLEL)
            .try_fold(0, |sum, deleted| async move { Ok(sum + deleted) })
            .await
    }
}

fn failed(call: &str, reason: &str) -> Fault {
    Fault::new(format!("{call}: {reason}"))
}

/// The placeholders and the expression that read the key and the fields `want`.
fn projection(table: &Table, want: &[String]) -> (HashMap<String, String>, String) {
    let mut fields: Vec<&String> = table.key.iter().collect();
    fields.extend(want.iter().filter(|field| !table.key.contains(field)));
    let names: Vec<String> = (0..fields.len()).map(|i| format!("#p{i}")).collect();
    let expression = names.join(", ");
    (names.into_iter().zip(fields.into_iter().cloned()).collect(), expression)
}

fn key_of(table: &Table, item: &Item) -> Item {
    let parts = table.key.iter();
    parts.filter_map(|name| Some((name.clone(), item.get(name)?.clone()))).collect()
}

/// An item as a row with the fields it has of those wanted.
fn found(table: &Table, question: &Question<'_>, item: &Item) -> Option<Found> {
    let key = table.key.iter().map(|name| item.get(name).map(value::read)).collect::<Option<_>>()?;
    let fields = question.want.iter();
    let row: Row = fields.filter_map(|name| Some((name.clone(), value::read(item.get(name)?)))).collect();
    Some(Found { key, row })
}

/// Where to go on, as the cursor keeps it.
fn mark(last: Option<&Item>) -> Option<Value> {
    let last = last.filter(|last| !last.is_empty())?;
    let keys: BTreeMap<String, Value> =
        last.iter().map(|(name, value)| (name.clone(), value::read(value))).collect();
    Some(Value::Map(keys))
}

/// Where to go on, as DynamoDB wants it.
fn start(cursor: &Cursor) -> Option<Item> {
    match &cursor.after {
        Some(Value::Map(keys)) => {
            Some(keys.iter().filter_map(|(name, value)| Some((name.clone(), value::write(value)?))).collect())
        }
        Some(_) | None => None,
    }
}
