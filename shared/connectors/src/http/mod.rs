//! HTTP: a service of the company's own finds, exports and erases rows.
//!
//! `docs/http-connector.md` is the contract. In short:
//!
//! - Calls and answers are signed with the same keys ([`signature`]), so that nothing on the way can
//!   ask in our name or answer in the service's.
//! - A name is resolved and its addresses are checked for each connection ([`network`]); no redirect
//!   and no proxy leads elsewhere.
//! - A service is not believed further than it must be: pages, sizes, times and cursors are bounded,
//!   rows that were not asked for are a fault, and that nothing is left has to be said twice: by a
//!   `find` without rows, and by a `verify` that counts none.

mod caller;
mod network;
mod protocol;
mod settings;
mod signature;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use async_trait::async_trait;
use domain::datamap::{
    At, Cast as _, Collection, Dataset, FieldFacts, KeyKind, MapErrors, Scalar, Treatment,
};
use domain::row::{Place, Row, Step, Value};
use futures_util::StreamExt as _;
use futures_util::stream;

use crate::fault::Fault;
use crate::secrets::Secrets;
use crate::store::{Change, Found, PAGE, Page, Pages, Question, Store};
use caller::{Caller, Limits};
use network::{Network, System};
use protocol::{
    Described, DescribedField, Description, Erase, FieldType, Left, Method, Nothing, Outcome, Read, Reason,
    Results, Rows, Set, Target, Verb, Which,
};
pub(crate) use settings::{BaseUrl, Reach, Settings};

/// How many values are asked for in one call.
const VALUES: usize = 500;

/// How many rows are erased in one call.
const BATCH: usize = 500;

/// The longest key and cursor, in bytes.
const MARK: usize = 4096;

/// The largest whole number up to which every JSON reader keeps all whole numbers that are written as floats.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The collections of one dataset, kept by a service.
pub(crate) struct Http {
    caller: Caller,
    collections: BTreeMap<String, Known>,
}

/// A collection as the service describes it and the map names its fields.
struct Known {
    described: Described,
    mapped: Vec<String>,
}

impl Http {
    /// Asks the service what it has, and checks that against `dataset`.
    pub(crate) async fn open(
        dataset: &Dataset,
        at: &At,
        settings: &Settings,
        secrets: Arc<dyn Secrets>,
        errors: &mut MapErrors,
    ) -> Option<Self> {
        Self::open_on(Arc::new(System), Limits::default(), dataset, at, settings, secrets, errors).await
    }

    async fn open_on(
        network: Arc<dyn Network>,
        limits: Limits,
        dataset: &Dataset,
        at: &At,
        settings: &Settings,
        secrets: Arc<dyn Secrets>,
        errors: &mut MapErrors,
    ) -> Option<Self> {
        let client = network::client(network, settings.reach, settings.ca.as_deref());
        let opened = async {
            let (base, secret) = (settings.base.clone(), settings.secret.clone());
            let caller = Caller { client: client?, base, secret, secrets, limits };
            let description: Description = caller.call(Verb::Describe, &Nothing {}).await?;
            Ok::<_, Fault>((caller, description))
        };
        let (caller, mut description) = match opened.await {
            Ok(opened) => opened,
            Err(fault) => {
                errors.push(at, fault.to_string());
                return None;
            }
        };
        let mut collections = BTreeMap::new();
        for collection in dataset.collections.iter().filter(|collection| !collection.is_manual()) {
            match description.collections.remove(&collection.name) {
                Some(described) => {
                    check(collection, &described, errors);
                    let mapped = collection.fields.iter().map(|field| field.name.clone()).collect();
                    collections.insert(collection.name.clone(), Known { described, mapped });
                }
                None => errors
                    .push(&collection.at, format!("the service has no collection `{}`", collection.name)),
            }
        }
        Some(Self { caller, collections })
    }

    fn field(&self, collection: &str, path: &str) -> Option<&DescribedField> {
        self.collections.get(collection)?.described.fields.get(path)
    }

    /// How many rows still hold one of `values`, as the service counts them.
    async fn left(&self, question: &Question<'_>, values: &[&Value]) -> Result<u64, Fault> {
        let which = Which { collection: question.collection, field: question.path, values };
        let left: Left = self.caller.call(Verb::Verify, &which).await?;
        Ok(left.rows)
    }

    /// Deletes or masks up to [`BATCH`] rows in one call.
    async fn erase(
        &self,
        question: &Question<'_>,
        method: Method,
        rows: Vec<(&Found, &[(Place, Value)])>,
    ) -> Result<u64, Fault> {
        let held: HashSet<Value> = rows
            .iter()
            .flat_map(|(found, _)| found.row.values(question.path))
            .map(Value::canonical)
            .collect();
        // The service checks each row against the values; those of other rows would only be passed around.
        let values: Vec<&Value> =
            question.values.iter().filter(|value| held.contains(&value.canonical())).collect();
        let mut open = HashSet::new();
        let mut targets = Vec::with_capacity(rows.len());
        for (found, set) in rows {
            let [key @ Value::Text(text)] = found.key.as_slice() else {
                return Err(Fault::new("a row without a key of the service"));
            };
            open.insert(text.clone());
            targets.push(Target {
                key,
                set: set.iter().map(|(at, value)| new_value(found, at, value)).collect(),
            });
        }
        let which = Which { collection: question.collection, field: question.path, values: &values };
        let answer: Results = self.caller.call(Verb::Erase, &Erase { which, method, rows: targets }).await?;
        let mut changed = 0;
        let mut failed: BTreeMap<Reason, u64> = BTreeMap::new();
        for done in answer.results {
            if !open.remove(&done.key) {
                return Err(Fault::new("erase: the answer is about a row that was not asked for"));
            }
            match done.outcome {
                Outcome::Done => changed += 1,
                Outcome::Unchanged => {}
                Outcome::Failed => *failed.entry(done.reason.unwrap_or(Reason::Other)).or_default() += 1,
            }
        }
        if !open.is_empty() {
            return Err(Fault::new("erase: the answer says nothing about some rows"));
        }
        if !failed.is_empty() {
            let reasons: Vec<String> =
                failed.iter().map(|(reason, rows)| format!("{rows} {}", reason.text())).collect();
            return Err(Fault::new(format!("erase: rows that stay: {}", reasons.join(", "))));
        }
        Ok(changed)
    }
}

/// Checks that the service has the fields that the map names.
fn check(collection: &Collection, described: &Described, errors: &mut MapErrors) {
    for (path, field) in collection.all_fields() {
        if !described.fields.contains_key(&path) {
            errors.push(&field.at, format!("the service has no field `{}.{path}`", collection.name));
        }
    }
}

/// A new value for a place of a found row.
fn new_value<'a>(found: &'a Found, at: &'a Place, value: &'a Value) -> Set<'a> {
    let in_array = at.0.iter().any(|step| matches!(step, Step::Index(_)));
    Set { at: protocol::At(at), value, was: in_array.then(|| value_at(&found.row, at)).flatten() }
}

fn value_at<'r>(row: &'r Row, place: &Place) -> Option<&'r Value> {
    let [Step::Field(first), rest @ ..] = place.0.as_slice() else { return None };
    rest.iter().try_fold(row.get(first)?, |value, step| match (value, step) {
        (Value::Map(fields), Step::Field(name)) => fields.get(&**name),
        (Value::List(values), Step::Index(index)) => values.get(*index),
        _ => None,
    })
}

#[async_trait]
impl Store for Http {
    fn key(&self, collection: &str, path: &str) -> KeyKind {
        match (self.key_names(collection).as_slice(), self.field(collection, path)) {
            ([key], _) if key == path => KeyKind::Primary,
            (_, Some(field)) if field.unique => KeyKind::Unique,
            _ => KeyKind::Plain,
        }
    }

    fn key_names(&self, collection: &str) -> Vec<String> {
        self.collections.get(collection).map(|known| known.described.key.clone()).unwrap_or_default()
    }

    fn facts(&self, collection: &str, path: &str) -> FieldFacts {
        let Some(field) = self.field(collection, path) else { return FieldFacts::default() };
        FieldFacts {
            nullable: field.nullable,
            in_key: self.key_names(collection).iter().any(|key| key == path),
            unique: field.unique,
            text: field.r#type.map(|of| of == FieldType::String),
            length: field.length,
        }
    }

    fn finds_by(&self, collection: &str, path: &str) -> bool {
        self.field(collection, path).is_some_and(|field| field.find)
    }

    fn refuses(&self, collection: &str, treatment: &Treatment) -> Option<String> {
        let (method, does) = match treatment {
            Treatment::Delete => (Method::Delete, "delete"),
            Treatment::Mask(_) => (Method::Mask, "mask"),
            Treatment::Keep(_) => return None,
        };
        let known = self.collections.get(collection)?;
        let can = known.described.methods.contains(&method);
        (!can).then(|| format!("the service does not {does} rows of `{collection}`"))
    }

    fn cast(&self, collection: &str, path: &str, value: &Value) -> Option<Value> {
        let value = match self.field(collection, path)?.r#type {
            Some(of) => Scalar::from(of).cast(value)?,
            None => value.canonical(),
        };
        match value {
            Value::Bool(_) | Value::Int(_) | Value::Text(_) => Some(value),
            Value::Float(number) => number.0.is_finite().then_some(value),
            Value::Decimal(text) => Some(Value::Text(text)),
            // JSON has no bytes, and no key is a list or an object.
            Value::Null | Value::Bytes(_) | Value::List(_) | Value::Map(_) => None,
        }
    }

    fn ask<'a>(&'a self, question: &'a Question<'a>) -> Pages<'a> {
        stream::try_unfold(Reading::new(self, question), Reading::next).boxed()
    }

    async fn delete(&self, question: &Question<'_>, rows: &[Found]) -> Result<u64, Fault> {
        let mut deleted = 0;
        for rows in rows.chunks(BATCH) {
            let rows = rows.iter().map(|found| (found, [].as_slice())).collect();
            deleted += self.erase(question, Method::Delete, rows).await?;
        }
        Ok(deleted)
    }

    async fn mask(&self, question: &Question<'_>, changes: &[Change<'_>]) -> Result<u64, Fault> {
        let mut masked = 0;
        for changes in changes.chunks(BATCH) {
            let rows = changes.iter().map(|change| (change.found, change.set.as_slice())).collect();
            masked += self.erase(question, Method::Mask, rows).await?;
        }
        Ok(masked)
    }
}

/// How far an answer has been read.
struct Reading<'a> {
    store: &'a Http,
    question: &'a Question<'a>,
    verb: Verb,
    fields: Vec<Arc<str>>,
    /// Which of the chunks of values.
    part: usize,
    after: Option<String>,
    /// Whether this part has shown a row.
    shown: bool,
    pages: usize,
    blanks: usize,
    /// Fingerprints of the cursors of this part.
    cursors: HashSet<u64>,
    hasher: RandomState,
}

impl<'a> Reading<'a> {
    fn new(store: &'a Http, question: &'a Question<'a>) -> Self {
        let mapped = store.collections.get(question.collection).map(|known| known.mapped.as_slice());
        let all = mapped.is_some_and(|mapped| mapped.iter().all(|field| question.want.contains(field)));
        Self {
            store,
            question,
            // Whoever keeps a record of what personal data leaves the service can tell the two apart.
            verb: if all { Verb::Export } else { Verb::Find },
            fields: question.want.iter().map(|name| name.as_str().into()).collect(),
            part: 0,
            after: None,
            shown: false,
            pages: 0,
            blanks: 0,
            cursors: HashSet::new(),
            hasher: RandomState::new(),
        }
    }

    async fn next(mut self) -> Result<Option<(Page, Self)>, Fault> {
        let Some(values) = self.question.values.chunks(VALUES).nth(self.part) else { return Ok(None) };
        let values: Vec<&Value> = values.iter().collect();
        let Question { collection, path, want, .. } = *self.question;
        let read = Read {
            which: Which { collection, field: path, values: &values },
            fields: want,
            limit: PAGE,
            after: self.after.as_deref(),
        };
        let answer: Rows = self.store.caller.call(self.verb, &read).await?;
        let fault = |reason: &str| Fault::new(format!("{}: {reason}", self.verb.name()));
        let next = answer.next.clone();
        let page = self.page(answer.rows, &values).map_err(fault)?;
        self.shown |= !page.rows.is_empty();
        match next {
            Some(next) => {
                self.blanks = if page.rows.is_empty() { self.blanks + 1 } else { 0 };
                self.pages += 1;
                if next.len() > MARK || !self.cursors.insert(self.hasher.hash_one(&next)) {
                    return Err(fault("the answer leads back to a page that was read"));
                }
                let Limits { pages, blanks, .. } = self.store.caller.limits;
                if self.pages >= pages || self.blanks >= blanks {
                    return Err(fault("the answer does not end"));
                }
                self.after = Some(next);
            }
            None => {
                // A service that shows nothing must also say so, because that is what ends an erasure.
                if !self.shown && self.store.left(self.question, &values).await? > 0 {
                    return Err(fault("the service counts rows that it does not show"));
                }
                self.part += 1;
                self.after = None;
                self.shown = false;
                self.pages = 0;
                self.blanks = 0;
                self.cursors.clear();
            }
        }
        Ok(Some((page, self)))
    }

    /// The rows of an answer, if they are what was asked for.
    fn page(&self, rows: Vec<protocol::AnsweredRow>, values: &[&Value]) -> Result<Page, &'static str> {
        if rows.len() > PAGE {
            return Err("the answer has more rows than were asked for");
        }
        let asked: HashSet<Value> = values.iter().map(|value| value.canonical()).collect();
        let mut keys = HashSet::with_capacity(rows.len());
        let mut found = Vec::with_capacity(rows.len());
        for answered in rows {
            if answered.key.is_empty() || answered.key.len() > MARK {
                return Err("the answer has a row without a key, or with one that is too long");
            }
            let mut fields = answered.row;
            let mut row = Row::new();
            for name in &self.fields {
                if let Some(value) = fields.remove(&**name) {
                    if !is_exact(&value) {
                        return Err("the answer has a number that must be a text to be exact");
                    }
                    row.push(Arc::clone(name), Value::from(value));
                }
            }
            if !row.values(self.question.path).iter().any(|value| asked.contains(&value.canonical())) {
                return Err("the answer has a row that was not asked for");
            }
            if !keys.insert(answered.key.clone()) {
                return Err("the answer has a row twice");
            }
            found.push(Found { key: vec![Value::Text(answered.key)], row });
        }
        Ok(Page { rows: found, ..Page::default() })
    }
}

/// Whether all numbers are held exactly: whole ones of 64 bits, and floats that are no rounded whole ones.
fn is_exact(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::Number(number) => {
            number.is_i64()
                || (!number.is_u64()
                    && number.as_f64().is_some_and(|float| float.fract() != 0.0 || float.abs() <= EXACT))
        }
        serde_json::Value::Array(values) => values.iter().all(is_exact),
        serde_json::Value::Object(fields) => fields.values().all(is_exact),
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::String(_) => true,
    }
}
