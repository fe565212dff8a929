//! Deleting and masking: item by item, each on condition that it is still the one that was read.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::row::{Place, Row, Step, Value};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::expression::Expression;
use super::pattern::Known;
use super::read::{self, asked};
use super::table::Table;
use super::{Item, failed, value};
use crate::aws;
use crate::fault::Fault;
use crate::store::{Change, Found, Question};

/// How many items are written at the same time.
const PARALLEL: usize = 8;

/// How many items are read at once to be masked: no more than fit into memory at 400 KB each.
const BATCH: usize = 25;

/// How many places one `UpdateItem` sets: its expressions have at most 4 KB.
const PLACES: usize = 25;

/// How many of the places by which an item was found its condition names.
const HELD: usize = 10;

/// A place to be set, in the item as it is stored.
struct Assignment<'i> {
    place: Vec<Step>,
    was: &'i AttributeValue,
    new: AttributeValue,
}

/// Writes to the table of one collection in answer to one question.
pub(super) struct Writer<'a> {
    pub(super) client: &'a Client,
    pub(super) table: &'a Table,
    pub(super) question: &'a Question<'a>,
}

impl Writer<'_> {
    /// Deletes `rows`; says how many were still there as they were found.
    pub(super) async fn delete(&self, rows: &[Found]) -> Result<u64, Fault> {
        let deletions: Vec<_> = rows.iter().map(|row| self.delete_one(row)).collect();
        count(deletions).await
    }

    /// Sets new values in rows; says how many were still as they were found.
    pub(super) async fn mask(&self, changes: &[Change<'_>]) -> Result<u64, Fault> {
        let mut masked = 0;
        for changes in changes.chunks(BATCH) {
            let items = self.items(changes).await?;
            let maskings: Vec<_> = changes
                .iter()
                .filter_map(|change| Some(self.mask_one(change, items.get(&change.found.key)?)))
                .collect();
            masked += count(maskings).await?;
        }
        Ok(masked)
    }

    async fn delete_one(&self, row: &Found) -> Result<u64, Fault> {
        let mut expression = Expression::default();
        let condition = self.holds(&mut expression, row)?;
        let request = self
            .client
            .delete_item()
            .table_name(&self.table.name)
            .set_key(Some(self.key(row)))
            .condition_expression(condition)
            .set_expression_attribute_names(Some(expression.names()))
            .set_expression_attribute_values(expression.values());
        match aws::patiently(|| request.clone().send()).await {
            Ok(_) => Ok(1),
            Err(error) => match error.as_service_error() {
                // It has gone, or to someone else; the read that follows tells.
                Some(DeleteItemError::ConditionalCheckFailedException(_)) => Ok(0),
                _ => Err(failed("DeleteItem", &error)),
            },
        }
    }

    /// The stored form of the items to be masked, by key. A row does not tell sets from lists.
    async fn items(&self, changes: &[Change<'_>]) -> Result<HashMap<Vec<Value>, Item>, Fault> {
        let tops = changes.iter().flat_map(|change| &change.set).filter_map(|(place, _)| top(place));
        let mut fields: Vec<&str> = self.table.key_attributes().chain(tops).collect();
        fields.sort_unstable();
        fields.dedup();
        let mut open = changes.iter().map(|change| self.key(change.found)).collect();
        let mut items = HashMap::new();
        loop {
            let (read, _) = read::get(self.client, self.table, &mut open, &fields).await?;
            items.extend(read.into_iter().filter_map(|item| {
                let key = self.table.key.iter().map(|name| item.get(name).map(value::read));
                Some((key.collect::<Option<Vec<_>>>()?, item))
            }));
            if open.is_empty() {
                return Ok(items);
            }
        }
    }

    async fn mask_one(&self, change: &Change<'_>, item: &Item) -> Result<u64, Fault> {
        let Some(mut assignments) = self.assignments(change, item)? else { return Ok(0) };
        // What the condition names goes last: or the condition of a further update would fail, and
        // the item could not be found again for what is left to mask.
        let held = self.held(change.found);
        assignments.sort_by_key(|assignment| self.is_held(&assignment.place, &held));
        for assignments in assignments.chunks(PLACES) {
            if !self.update(change.found, assignments).await? {
                return Ok(0);
            }
        }
        Ok(1)
    }

    async fn update(&self, row: &Found, assignments: &[Assignment<'_>]) -> Result<bool, Fault> {
        let mut expression = Expression::default();
        let mut conditions = vec![self.holds(&mut expression, row)?];
        let mut sets = Vec::new();
        for Assignment { place, was, new } in assignments {
            let place = expression.place(place);
            conditions.push(format!("{place} = {}", expression.value((*was).clone())));
            sets.push(format!("{place} = {}", expression.value(new.clone())));
        }
        let request = self
            .client
            .update_item()
            .table_name(&self.table.name)
            .set_key(Some(self.key(row)))
            .update_expression(format!("SET {}", sets.join(", ")))
            .condition_expression(conditions.join(" AND "))
            .set_expression_attribute_names(Some(expression.names()))
            .set_expression_attribute_values(expression.values());
        match aws::patiently(|| request.clone().send()).await {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(false),
                _ => Err(failed("UpdateItem", &error)),
            },
        }
    }

    /// What is set where; none if the item has changed since it was found.
    fn assignments<'i>(
        &self,
        change: &Change<'_>,
        item: &'i Item,
    ) -> Result<Option<Vec<Assignment<'i>>>, Fault> {
        let Some(in_keys) = self.table.fields_in_keys(item) else { return Ok(None) };
        let mut assignments = Vec::new();
        for (place, new) in &change.set {
            if let [Step::Field(field)] = &place.0[..]
                && in_keys.contains_key(&**field)
            {
                let Some(set) = self.in_keys(change, item, &in_keys, field, new)? else { return Ok(None) };
                assignments.extend(set);
                continue;
            }
            let Some(was) = stored(item, &place.0) else { return Ok(None) };
            if at(&change.found.row, place) != Some(value::read(was)) {
                return Ok(None);
            }
            assignments.push(Assignment { place: place.0.clone(), was, new: value::write_any(new) });
        }
        Ok(Some(assignments))
    }

    /// A new value for a field that stands in keys of indexes: in all of them, and in the attribute of
    /// that name if the item has one besides.
    fn in_keys<'i>(
        &self,
        change: &Change<'_>,
        item: &'i Item,
        in_keys: &BTreeMap<&str, &'i str>,
        field: &str,
        new: &Value,
    ) -> Result<Option<Vec<Assignment<'i>>>, Fault> {
        let Value::Text(new) = new else {
            return Err(Fault::new("only a text can stand in the key of an index"));
        };
        let unfit = || Fault::new("a value that cannot stand in the key of an item");
        if self.table.is_in_key(field) || !self.table.fits_pattern(new) {
            return Err(unfit());
        }
        let was = in_keys.get(field).map(|value| Value::from(*value));
        if was.is_none() || change.found.row.get(field) != was.as_ref() {
            return Ok(None);
        }
        let mut set = Vec::new();
        let mut assign = |name: &str, was, new| {
            set.push(Assignment { place: vec![Step::Field(name.into())], was, new: AttributeValue::S(new) });
        };
        for (attribute, pattern) in self.table.patterns_of(field) {
            // An item need not be in every index.
            let Some(was) = item.get(attribute) else { continue };
            let value_of = |name: &str| if name == field { Some(&**new) } else { in_keys.get(name).copied() };
            let Known::Whole(key) = pattern.fill(value_of) else { return Err(unfit()) };
            assign(attribute, was, key);
        }
        if let Some(copy) = item.get(field) {
            assign(field, copy, new.clone());
        }
        Ok(Some(set))
    }

    /// That an item still holds a value it was found by.
    fn holds(&self, expression: &mut Expression, row: &Found) -> Result<String, Fault> {
        let path = self.question.path;
        if let Some((attribute, pattern)) = self.table.pattern_of(path) {
            let name = expression.name(attribute);
            // What stands in the table's key cannot change.
            if self.table.key.iter().any(|key| key == attribute) {
                return Ok(format!("attribute_exists({name})"));
            }
            let Some(Value::Text(value)) = row.row.get(path) else {
                return Err(Fault::new("an item without the value it was found by"));
            };
            return Ok(match pattern.with(path, value) {
                Known::Whole(key) => format!("{name} = {}", expression.value(AttributeValue::S(key))),
                Known::Start(key) => {
                    format!("begins_with({name}, {})", expression.value(AttributeValue::S(key)))
                }
            });
        }
        let held: Vec<String> = self
            .held(row)
            .into_iter()
            .filter_map(|(place, value)| {
                let value = expression.value(value::write(value)?);
                Some(match place.0.split_last() {
                    // A set has no places of its own.
                    Some((Step::Index(_), list)) => format!("contains({}, {value})", expression.place(list)),
                    Some((Step::Field(_), _)) | None => format!("{} = {value}", expression.place(&place.0)),
                })
            })
            .collect();
        match held.is_empty() {
            true => Err(Fault::new("an item without the value it was found by")),
            false => Ok(format!("({})", held.join(" OR "))),
        }
    }

    /// The places by which an item was found, or some of them if there are many.
    fn held<'f>(&self, row: &'f Found) -> Vec<(Place, &'f Value)> {
        let asked = asked(self.question);
        let places = row.row.elements(self.question.path).into_iter();
        places.filter(|(_, value)| asked.contains(&value.canonical())).take(HELD).collect()
    }

    /// Whether setting a place changes one by which the item was found.
    fn is_held(&self, place: &[Step], held: &[(Place, &Value)]) -> bool {
        let by_key = self.table.pattern_of(self.question.path).map(|(attribute, _)| attribute);
        let is_key = matches!(place.first(), Some(Step::Field(name)) if Some(&**name) == by_key);
        is_key || held.iter().any(|(held, _)| held.0.starts_with(place) || place.starts_with(&held.0))
    }

    fn key(&self, row: &Found) -> Item {
        let parts = self.table.key.iter().zip(&row.key);
        parts.filter_map(|(name, value)| Some((name.clone(), value::write(value)?))).collect()
    }
}

async fn count(writes: Vec<impl Future<Output = Result<u64, Fault>>>) -> Result<u64, Fault> {
    stream::iter(writes)
        .buffer_unordered(PARALLEL)
        .try_fold(0, |sum, written| async move { Ok(sum + written) })
        .await
}

fn top(place: &Place) -> Option<&str> {
    match place.0.first() {
        Some(Step::Field(name)) => Some(name),
        Some(Step::Index(_)) | None => None,
    }
}

/// The stored value at a place.
fn stored<'i>(item: &'i Item, place: &[Step]) -> Option<&'i AttributeValue> {
    let (Step::Field(first), rest) = place.split_first()? else { return None };
    rest.iter().try_fold(item.get(&**first)?, |value, step| match (step, value) {
        (Step::Field(name), AttributeValue::M(fields)) => fields.get(&**name),
        (Step::Index(index), AttributeValue::L(values)) => values.get(*index),
        _ => None,
    })
}

/// The value at a place of a row.
fn at(row: &Row, place: &Place) -> Option<Value> {
    let (Step::Field(first), rest) = place.0.split_first()? else { return None };
    let value = rest.iter().try_fold(row.get(first)?, |value, step| match (step, value) {
        (Step::Field(name), Value::Map(fields)) => fields.get(&**name),
        (Step::Index(index), Value::List(values)) => values.get(*index),
        _ => None,
    });
    value.cloned()
}
