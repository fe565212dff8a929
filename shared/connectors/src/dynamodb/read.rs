//! Reading: the answer to a question, call by call.

use std::collections::HashSet;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, ConsumedCapacity, KeysAndAttributes, ReturnConsumedCapacity};
use domain::plan::Usage;
use domain::row::{Row, Value};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::expression::Expression;
use super::pattern::Known;
use super::table::{Table, Way};
use super::{Item, failed, value};
use crate::aws;
use crate::fault::Fault;
use crate::store::{Found, PAGE, Page, Pages, Question, Values};

/// How many items one `BatchGetItem` takes.
const BATCH: usize = 100;

/// How many values one filter compares; longer lists are compared here.
const OPERANDS: usize = 40;

/// How often unprocessed keys are asked for again without any progress.
const STALLS: u32 = 8;

/// The answer to a question on its way.
pub(super) struct Answer<'a> {
    client: &'a Client,
    table: &'a Table,
    question: &'a Question<'a>,
    asked: HashSet<Value>,
    want: Vec<Wanted>,
    way: Way<'a>,
    next: Option<Mark>,
    /// Keys that an index told and whose items are still to be read.
    open: Vec<Item>,
}

/// Every value that stands at `path` in any item of the collection, a page of the table at a time.
pub(super) fn census<'a>(client: &'a Client, table: &'a Table, path: &'a str) -> Values<'a> {
    let top = path.split('.').next().unwrap_or(path);
    stream::try_unfold(Some(None), move |from: Option<Option<Item>>| async move {
        let Some(after) = from else { return Ok(None) };
        let mut expression = Expression::default();
        let wanted = (!table.is_in_key(top)).then_some(top);
        let projection = expression.projection(table.key_attributes().chain(wanted));
        let request = client
            .scan()
            .table_name(&table.name)
            .consistent_read(true)
            .projection_expression(projection)
            .set_expression_attribute_names(Some(expression.names()))
            .set_exclusive_start_key(after);
        let answer = aws::patiently(|| request.clone().send()).await;
        let answer = answer.map_err(|error| failed("Scan", &error))?;
        let items = answer.items.unwrap_or_default();
        let values = items.iter().flat_map(|item| values_at(table, item, path)).collect();
        let next = answer.last_evaluated_key.filter(|last| !last.is_empty());
        Ok(Some((values, next.map(Some))))
    })
    .boxed()
}

/// The values at `path` of an item; none if it belongs to another collection.
fn values_at(table: &Table, item: &Item, path: &str) -> Vec<Value> {
    let Some(in_keys) = table.fields_in_keys(item) else { return Vec::new() };
    if let Some(value) = in_keys.get(path) {
        return vec![Value::from(*value)];
    }
    let top = path.split('.').next().unwrap_or(path);
    let row: Row = item.get(top).map(|value| (top, value::read(value))).into_iter().collect();
    row.values(path).into_iter().cloned().collect()
}

/// A field to read.
struct Wanted {
    name: Arc<str>,
    /// Whether it stands in the table's key, so that no attribute of that name need be read.
    in_key: bool,
}

/// Where the next call begins: with which value, and after which item.
#[derive(Default)]
struct Mark {
    value: usize,
    after: Option<Item>,
}

impl<'a> Answer<'a> {
    pub(super) fn new(
        client: &'a Client,
        table: &'a Table,
        question: &'a Question<'a>,
    ) -> Result<Self, Fault> {
        if table.pattern_of(question.path).is_some() {
            let fits = |value: &Value| matches!(value, Value::Text(text) if table.fits_pattern(text));
            if !question.values.iter().all(fits) {
                return Err(Fault::new("an identity value that could reach other people's items"));
            }
        }
        let want = question.want.iter();
        let want = want.map(|name| Wanted {
            name: name.as_str().into(),
            in_key: table.is_in_key(name) && table.pattern_of(name).is_some(),
        });
        Ok(Self {
            client,
            table,
            question,
            asked: asked(question),
            want: want.collect(),
            way: table.way(question.path),
            next: Some(Mark::default()),
            open: Vec::new(),
        })
    }

    /// The pages of the answer. An answer of many small items is more than one page.
    pub(super) fn pages(self) -> Pages<'a> {
        stream::try_unfold(
            self,
            |mut answer| async move { Ok(answer.page().await?.map(|page| (page, answer))) },
        )
        .map_ok(|page| stream::iter(split(page).into_iter().map(Ok)))
        .try_flatten()
        .boxed()
    }

    async fn page(&mut self) -> Result<Option<Page>, Fault> {
        if !self.open.is_empty() {
            let mut open = std::mem::take(&mut self.open);
            let fields: Vec<&str> = self.fields().collect();
            let (items, read_units) = get(self.client, self.table, &mut open, &fields).await?;
            self.open = open;
            return Ok(Some(self.found(items, read_units)));
        }
        let Some(from) = self.next.take() else { return Ok(None) };
        match self.way {
            Way::Query { .. } => self.query(from).await,
            Way::Scan => self.scan(from).await,
        }
        .map(Some)
    }

    async fn query(&mut self, from: Mark) -> Result<Page, Fault> {
        let Way::Query { index, hash, range, by_value } = self.way else { return self.scan(from).await };
        let value = &self.question.values[from.value];
        let mut expression = Expression::default();
        let Some(mut condition) = self.condition(&mut expression, hash, value) else {
            return Ok(Page::default());
        };
        if let Some(range) = range.and_then(|range| self.condition(&mut expression, range, value)) {
            condition += " AND ";
            condition += &range;
        }
        // An index only tells keys, a global one late; the items are then read from the table.
        let projection = match index {
            Some(_) => expression.projection(self.table.key.iter().map(String::as_str)),
            None => expression.projection(self.fields()),
        };
        let request = self
            .client
            .query()
            .table_name(&self.table.name)
            .set_index_name(index.map(|index| index.name.clone()))
            .consistent_read(index.is_none_or(|index| index.local))
            .set_limit(index.map(|_| BATCH as i32))
            .key_condition_expression(condition)
            .projection_expression(projection)
            .set_expression_attribute_names(Some(expression.names()))
            .set_expression_attribute_values(expression.values())
            .set_exclusive_start_key(from.after)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = aws::patiently(|| request.clone().send()).await;
        let answer = answer.map_err(|error| failed("Query", &error))?;
        let parts = if by_value { self.question.values.len() } else { 1 };
        self.next = match answer.last_evaluated_key.filter(|last| !last.is_empty()) {
            Some(last) => Some(Mark { value: from.value, after: Some(last) }),
            None => (from.value + 1 < parts).then(|| Mark { value: from.value + 1, after: None }),
        };
        let read_units = units(answer.consumed_capacity.as_ref());
        let items = answer.items.unwrap_or_default();
        if index.is_some() {
            self.open = items;
            return Ok(Page { usage: read(read_units), ..Page::default() });
        }
        Ok(self.found(items, read_units))
    }

    /// What a key attribute of the items that hold `value` must be; none if nothing is known of it.
    fn condition(&self, expression: &mut Expression, attribute: &str, value: &Value) -> Option<String> {
        if self.table.pattern(attribute).is_none() {
            let value = (attribute == self.question.path).then(|| value::write(value))??;
            return Some(format!("{} = {}", expression.name(attribute), expression.value(value)));
        }
        let text = match value {
            Value::Text(text) => text,
            _ => "",
        };
        let known = self.table.key_of(attribute, self.question.path, text)?;
        let name = expression.name(attribute);
        Some(match known {
            Known::Whole(key) => format!("{name} = {}", expression.value(AttributeValue::S(key))),
            Known::Start(key) => format!("begins_with({name}, {})", expression.value(AttributeValue::S(key))),
        })
    }

    async fn scan(&mut self, from: Mark) -> Result<Page, Fault> {
        let mut expression = Expression::default();
        let mut filters: Vec<String> = Vec::new();
        for attribute in &self.table.key {
            if self.table.pattern(attribute).is_some() {
                filters.extend(self.condition(&mut expression, attribute, &Value::Null));
            }
        }
        let stands_in_key = self.table.pattern_of(self.question.path).is_some();
        if !stands_in_key && self.question.values.len() <= OPERANDS {
            filters.push(self.filter(&mut expression));
        }
        let projection = expression.projection(self.fields());
        let request = self
            .client
            .scan()
            .table_name(&self.table.name)
            .consistent_read(true)
            .set_filter_expression((!filters.is_empty()).then(|| filters.join(" AND ")))
            .projection_expression(projection)
            .set_expression_attribute_names(Some(expression.names()))
            .set_expression_attribute_values(expression.values())
            .set_exclusive_start_key(from.after)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = aws::patiently(|| request.clone().send()).await;
        let answer = answer.map_err(|error| failed("Scan", &error))?;
        let last = answer.last_evaluated_key.filter(|last| !last.is_empty());
        self.next = last.map(|last| Mark { value: 0, after: Some(last) });
        let read_units = units(answer.consumed_capacity.as_ref());
        Ok(self.found(answer.items.unwrap_or_default(), read_units))
    }

    /// Lets through every item that may hold one of the values: as itself, as an element of a list
    /// or set, or somewhere below a list, which only we can look through.
    fn filter(&self, expression: &mut Expression) -> String {
        let mut path = String::new();
        let mut ways: Vec<String> = Vec::new();
        let mut steps = self.question.path.split('.').peekable();
        while let Some(step) = steps.next() {
            if !path.is_empty() {
                path.push('.');
            }
            path += &expression.name(step);
            if steps.peek().is_some() {
                let list = expression.value(AttributeValue::S("L".to_owned()));
                ways.push(format!("attribute_type({path}, {list})"));
            }
        }
        let operands: Vec<String> = self
            .question
            .values
            .iter()
            .filter_map(value::write)
            .map(|value| expression.value(value))
            .collect();
        ways.push(format!("{path} IN ({})", operands.join(", ")));
        ways.extend(operands.iter().map(|operand| format!("contains({path}, {operand})")));
        format!("({})", ways.join(" OR "))
    }

    /// The attributes to read: those of keys, and those wanted.
    fn fields(&self) -> impl Iterator<Item = &str> {
        let wanted = self.want.iter().filter(|wanted| !wanted.in_key);
        self.table.key_attributes().chain(wanted.map(|wanted| &*wanted.name))
    }

    /// Those of the items that answer the question.
    fn found(&self, items: Vec<Item>, read_units: f64) -> Page {
        let rows = items.iter().filter_map(|item| self.row(item));
        let holds = |found: &Found| {
            let values = found.row.values(self.question.path);
            values.into_iter().any(|value| self.asked.contains(&value.canonical()))
        };
        Page { rows: rows.filter(holds).collect(), usage: read(read_units) }
    }

    /// An item as a row with the fields it has of those wanted; none if it belongs to another collection.
    ///
    /// What stands in a key is taken from there, whatever an attribute of the same name holds.
    fn row(&self, item: &Item) -> Option<Found> {
        let in_keys = self.table.fields_in_keys(item)?;
        let key = self.table.key.iter().map(|name| item.get(name).map(value::read)).collect::<Option<_>>()?;
        let value = |wanted: &Wanted| match in_keys.get(&*wanted.name) {
            Some(value) => Some(Value::from(*value)),
            None => item.get(&*wanted.name).map(value::read),
        };
        let row = self.want.iter().filter_map(|wanted| Some((wanted.name.clone(), value(wanted)?)));
        Some(Found { key, row: row.collect::<Row>() })
    }
}

/// The values asked for, as they compare.
pub(super) fn asked(question: &Question<'_>) -> HashSet<Value> {
    question.values.iter().map(Value::canonical).collect()
}

/// Items by some of the keys in `open`, read consistently; the rest stays open.
pub(super) async fn get(
    client: &Client,
    table: &Table,
    open: &mut Vec<Item>,
    fields: &[&str],
) -> Result<(Vec<Item>, f64), Fault> {
    let mut read_units = 0.0;
    let mut stalled = 0;
    loop {
        let keys = open.split_off(open.len().saturating_sub(BATCH));
        let mut expression = Expression::default();
        let request = KeysAndAttributes::builder()
            .set_keys(Some(keys))
            .consistent_read(true)
            .projection_expression(expression.projection(fields.iter().copied()))
            .set_expression_attribute_names(Some(expression.names()))
            .build()
            .map_err(|_| Fault::new("BatchGetItem: the request could not be built"))?;
        let request = client
            .batch_get_item()
            .request_items(&table.name, request)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = aws::patiently(|| request.clone().send()).await;
        let answer = answer.map_err(|error| failed("BatchGetItem", &error))?;
        read_units += answer.consumed_capacity().iter().map(|used| units(Some(used))).sum::<f64>();
        let items: Vec<Item> = answer.responses.unwrap_or_default().into_values().flatten().collect();
        let unprocessed = answer.unprocessed_keys.unwrap_or_default();
        let before = open.len();
        open.extend(unprocessed.into_values().flat_map(|keys| keys.keys));
        // An answer of 16 MB leaves keys as well; only one without any item is a sign of throttling.
        if open.len() == before || !items.is_empty() {
            return Ok((items, read_units));
        }
        stalled += 1;
        if stalled > STALLS {
            return Err(Fault::new("BatchGetItem: keys stayed unprocessed"));
        }
        tokio::time::sleep(aws::pause(stalled)).await;
    }
}

fn units(used: Option<&ConsumedCapacity>) -> f64 {
    used.and_then(ConsumedCapacity::capacity_units).unwrap_or_default()
}

fn read(read_units: f64) -> Usage {
    Usage { read_units, ..Usage::default() }
}

/// A page as pages of the size that the engine expects.
fn split(mut page: Page) -> Vec<Page> {
    if page.rows.len() <= PAGE {
        return vec![page];
    }
    let usage = std::mem::take(&mut page.usage);
    let mut rows = page.rows.into_iter();
    let mut pages = Vec::new();
    loop {
        let rows: Vec<Found> = rows.by_ref().take(PAGE).collect();
        if rows.is_empty() {
            break;
        }
        pages.push(Page { rows, usage: Usage::default() });
    }
    if let Some(first) = pages.first_mut() {
        first.usage = usage;
    }
    pages
}
