//! Records that are there and of which nobody asks: copies of others, in the ledger's tables and in the company's.
//!
//! They are as many and as long as real ones; but they are written by the batch, where registering each of 100,000
//! persons would take hours without optimisation, and they are not in the log of the audit: the embedded database
//! looks through all changes of a table that it ever streamed whenever it streams another one.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::{
    AttributeValue, PutRequest, StreamSpecification, StreamViewType, WriteRequest,
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::{
    Failure,
    dice::Dice,
    oracle::Record,
    site::{Site, progress},
};

/// How many rows DynamoDB takes at once.
const BATCH: usize = 25;
/// How many batches are under way at once.
const AT_ONCE: usize = 8;
/// How many copies are made in a row.
const ROUND: usize = 500;
/// What separates a person's pseudonym from the tenant in a key.
const PERSON: &str = "#P#";

type Item = HashMap<String, AttributeValue>;

/// The rows of each person, by their pseudonym, each with its table.
type Templates = BTreeMap<String, Vec<(String, Item)>>;

fn text<'a>(item: &'a Item, name: &str) -> &'a str {
    item.get(name).and_then(|value| value.as_s().ok()).map_or("", String::as_str)
}

impl Site {
    /// Fills up with copies until there are `count` records.
    pub(crate) async fn copy(&mut self, count: usize, dice: &mut Dice) -> Result<(), Failure> {
        let templates: Vec<(String, Vec<(String, Item)>)> = self.templates().await?.into_iter().collect();
        self.stream(None).await?;
        while self.records.len() + self.copies < count {
            progress("records copied", self.records.len() + self.copies, count);
            let round = ROUND.min(count - self.records.len() - self.copies);
            // Nobody is looked up by these addresses.
            let first = usize::MAX / 2 + self.copies;
            let rows: Vec<Record> = (first..first + round).map(|number| Record::new(number, dice)).collect();
            self.insert_rows(&rows).await?;
            let mut tables: BTreeMap<&str, Vec<WriteRequest>> = BTreeMap::new();
            for _ in 0..round {
                let (of, items) = &templates[dice.below(templates.len())];
                let copy = hex(of.len(), dice);
                for (table, item) in items {
                    let put = PutRequest::builder().set_item(Some(copied(item, of, &copy, dice))).build()?;
                    tables.entry(table).or_default().push(WriteRequest::builder().put_request(put).build());
                }
            }
            let batches = tables.into_iter().flat_map(|(table, puts)| {
                let batches: Vec<_> = puts.chunks(BATCH).map(|batch| (table, batch.to_vec())).collect();
                batches
            });
            let database = self.stack.app.clients().dynamodb();
            stream::iter(batches)
                .map(|(table, puts)| async move {
                    database.batch_write_item().request_items(table, puts).send().await?;
                    Ok::<_, Failure>(())
                })
                .buffer_unordered(AT_ONCE)
                .try_collect::<()>()
                .await?;
            self.copies += round;
        }
        self.stream(Some(StreamViewType::NewAndOldImages)).await?;
        progress("records copied", count, count);
        Ok(())
    }

    /// Has the ledger's changes streamed in this form, or not at all.
    async fn stream(&self, form: Option<StreamViewType>) -> Result<(), Failure> {
        let is_on = StreamSpecification::builder().stream_enabled(form.is_some()).set_stream_view_type(form);
        let update = self.stack.app.clients().dynamodb().update_table();
        let table = &self.stack.app.config().places.table;
        update.table_name(table).stream_specification(is_on.build()?).send().await?;
        Ok(())
    }

    /// The person, the consents, the ways to them and the key of each person of whom nothing else is known.
    async fn templates(&self) -> Result<Templates, Failure> {
        let places = self.stack.app.config().places.clone();
        let mut templates = Templates::new();
        for table in [places.table, places.key_table] {
            let scan = self.stack.app.clients().dynamodb().scan().table_name(&table).consistent_read(true);
            let items: Vec<Item> = scan.into_paginator().items().send().try_collect().await?;
            for item in items {
                let (pk, sk) = (text(&item, "pk"), text(&item, "sk"));
                let of = match pk.split_once(PERSON) {
                    Some((_, person)) => person.to_owned(),
                    None if pk.contains("#I#") => sk.to_owned(),
                    None => continue,
                };
                templates.entry(of).or_default().push((table.clone(), item));
            }
        }
        // A hold has rows elsewhere, too.
        templates.retain(|_, items| !items.iter().any(|(_, item)| text(item, "sk").starts_with("W#")));
        Ok(templates)
    }
}

/// The same row about somebody else.
fn copied(item: &Item, of: &str, copy: &str, dice: &mut Dice) -> Item {
    let mut item = item.clone();
    for value in item.values_mut() {
        if let AttributeValue::S(text) = value {
            *text = text.replace(of, copy);
        }
    }
    if let Some((tenant, hash)) = text(&item, "pk").split_once("#I#") {
        let way = format!("{tenant}#I#{}", hex(hash.len(), dice));
        item.insert("pk".to_owned(), AttributeValue::S(way));
    }
    item
}

/// So many digits.
fn hex(length: usize, dice: &mut Dice) -> String {
    (0..length).map(|_| char::from(dice.one(b"0123456789abcdef"))).collect()
}
