//! What is in a takeout beside the data itself: schemas, facts, tables for people.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use archive::{About, Facts, Manifest};
use domain::{
    datamap::{Collection as Mapped, CollectionRef, DataMap, DataType, Dataset, Field, Redaction, Scalar},
    locale::Locale,
    row::{Row, Value},
    tenant::Tenant,
};
use pages::takeout_index::{Attachment, Collection, Fact, File, Table, TakeoutIndex, Words};
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};

use super::build::{OWN_RECORD, OwnRecord};

/// How many records of a collection are shown to people.
const ROWS: usize = 100;
/// How many bytes of records the page shows altogether.
const BYTES: usize = 2 << 20;
/// How many characters of a value.
const CHARS: usize = 300;

/// The first records of each collection, as people read them.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Samples {
    collections: Vec<Sample>,
    bytes: usize,
}

#[derive(Clone, Serialize, Deserialize)]
struct Sample {
    name: String,
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Samples {
    /// Keeps a record if it is among the first of its collection.
    pub(super) fn see(&mut self, collection: &str, row: &Row) {
        let known = self.collections.iter().rposition(|sample| sample.name == collection);
        let sample = match known {
            Some(at) => &mut self.collections[at],
            None => {
                let name = collection.to_owned();
                self.collections.push(Sample { name, columns: Vec::new(), rows: Vec::new() });
                let last = self.collections.len() - 1;
                &mut self.collections[last]
            }
        };
        if sample.rows.len() >= ROWS || self.bytes >= BYTES {
            return;
        }
        let mut cells = vec![String::new(); sample.columns.len()];
        for (name, value) in row.iter() {
            let at = sample.columns.iter().position(|column| column == name).unwrap_or_else(|| {
                sample.columns.push(name.to_owned());
                cells.push(String::new());
                sample.columns.len() - 1
            });
            cells[at] = shown(value);
            self.bytes += cells[at].len();
        }
        sample.rows.push(cells);
    }

    fn of(&self, collection: &str) -> Option<Table<'_>> {
        let sample = self.collections.iter().find(|sample| sample.name == collection)?;
        (!sample.rows.is_empty()).then(|| Table { columns: &sample.columns, rows: &sample.rows })
    }
}

/// A value as people read it, shortened.
fn shown(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::Text(text) | Value::Decimal(text) => text.clone(),
        Value::Bytes(bytes) => format!("({} bytes)", bytes.len()),
        Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::List(_) | Value::Map(_) => json_of(value),
    };
    match text.char_indices().nth(CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn json_of(value: &Value) -> String {
    // Values that are read from stores have no way to fail as JSON.
    serde_json::to_string(value).unwrap_or_default()
}

/// Writes records as lines of a table.
pub(super) struct Tables {
    of: BTreeMap<String, Columns>,
    line: Vec<u8>,
}

/// The columns of a collection's table, and the line of their names.
#[derive(Default)]
struct Columns {
    names: Vec<String>,
    header: Vec<u8>,
}

impl Tables {
    pub(super) fn new(map: &DataMap, redaction: &Redaction) -> Self {
        let of = map.collections().map(|(at, _, collection)| {
            let names = names(&at, collection, redaction);
            let mut header = Vec::new();
            write_line(&mut header, names.iter().map(|name| Some(Value::from(name.as_str()))));
            (redaction.name(&at).to_string(), Columns { names, header })
        });
        Self { of: of.collect(), line: Vec::new() }
    }

    /// A record as a line, below the line of names.
    pub(super) fn csv(&mut self, collection: &str, row: &Row) -> Option<archive::Csv<'_>> {
        let Columns { names, header } = self.of.get(collection)?;
        self.line.clear();
        write_line(&mut self.line, names.iter().map(|name| row.get(name).cloned()));
        Some(archive::Csv { header, line: &self.line })
    }
}

/// What makes spreadsheet programs take a text for a formula.
const FORMULA: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];

fn write_line(line: &mut Vec<u8>, values: impl Iterator<Item = Option<Value>>) {
    for (at, value) in values.enumerate() {
        if at > 0 {
            line.push(b',');
        }
        let Some(value) = value else { continue };
        let text = match &value {
            Value::Null => continue,
            Value::Text(text) if text.starts_with(FORMULA) => format!("'{text}"),
            Value::Text(text) | Value::Decimal(text) => text.clone(),
            Value::Bytes(_) => json_of(&value).trim_matches('"').to_owned(),
            Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::List(_) | Value::Map(_) => {
                json_of(&value)
            }
        };
        // Writing into memory has no way to fail.
        let _ = match text.contains([',', '"', '\n', '\r']) {
            true => write!(line, "\"{}\"", text.replace('"', "\"\"")),
            false => write!(line, "{text}"),
        };
    }
    line.extend_from_slice(b"\r\n");
}

/// The names under which the fields of a collection are shown, in their order.
fn names(at: &CollectionRef, collection: &Mapped, redaction: &Redaction) -> Vec<String> {
    let own: Row = collection.fields.iter().map(|field| (field.name.as_str(), Value::Null)).collect();
    let shown = redaction.row(at, &own);
    shown.as_ref().unwrap_or(&own).iter().map(|(name, _)| name.to_owned()).collect()
}

/// What the data map says of each collection.
pub(super) fn facts(map: &DataMap, redaction: &Redaction) -> Facts {
    let own = About {
        collection: OWN_RECORD.to_owned(),
        description: Some("What the privacy service itself holds: identities, consents, requests".to_owned()),
        schema: serde_json::to_vec_pretty(&schemars::schema_for!(OwnRecord)).ok(),
        ..About::default()
    };
    let mapped =
        map.collections().map(|(at, dataset, collection)| about(map, redaction, &at, dataset, collection));
    Facts {
        generator: concat!("Lethe ", env!("CARGO_PKG_VERSION")).to_owned(),
        data_map: map.version.clone(),
        collections: std::iter::once(own).chain(mapped).collect(),
    }
}

fn about(
    map: &DataMap,
    redaction: &Redaction,
    at: &CollectionRef,
    dataset: &Dataset,
    collection: &Mapped,
) -> About {
    let names = names(at, collection, redaction);
    let name = redaction.name(at).to_string();
    let fields = collection.fields.iter();
    let categories: BTreeSet<String> = fields
        .clone()
        .flat_map(|field| map.categories(dataset, collection, field))
        .map(ToString::to_string)
        .collect();
    let purposes: BTreeSet<&String> = fields
        .clone()
        .flat_map(|field| &field.data_purposes)
        .chain(&collection.data_purposes)
        .chain(&dataset.data_purposes)
        .collect();
    let mut field_origins: BTreeMap<String, String> = fields
        .zip(&names)
        .filter_map(|(field, name)| Some((name.clone(), field.origin?.name().to_owned())))
        .collect();
    // What holds for all fields is said once.
    let all: BTreeSet<&String> = field_origins.values().collect();
    let origin = match all.into_iter().collect::<Vec<_>>()[..] {
        [one] if field_origins.len() == names.len() => Some(one.clone()),
        _ => None,
    };
    if origin.is_some() {
        field_origins.clear();
    }
    About {
        schema: serde_json::to_vec_pretty(&schema(&name, collection, &names)).ok(),
        collection: name,
        description: collection.description.clone(),
        categories: categories.into_iter().collect(),
        purposes: purposes.into_iter().cloned().collect(),
        origin,
        field_origins,
    }
}

/// The JSON Schema of a collection's records. Only as strict as the map is: a store may hold more than
/// the map says, but never under another name.
fn schema(title: &str, collection: &Mapped, names: &[String]) -> serde_json::Value {
    let properties: Map<String, serde_json::Value> =
        names.iter().zip(&collection.fields).map(|(name, field)| (name.clone(), property(field))).collect();
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    if let Some(description) = &collection.description {
        schema["description"] = json!(description);
    }
    schema
}

fn property(field: &Field) -> serde_json::Value {
    let mut property = Map::new();
    if let Some(description) = &field.description {
        property.insert("description".to_owned(), json!(description));
    }
    if let Some(data_type) = field.data_type.filter(|_| !field.redact) {
        property.extend(types(data_type));
    }
    property.into()
}

/// What a value of a declared type may be. Stores hold numbers that no JSON number says exactly, which come
/// as text, and truths as 0 and 1.
fn types(DataType { scalar, array }: DataType) -> Map<String, serde_json::Value> {
    let of = match scalar {
        Scalar::String | Scalar::ObjectId => json!({"type": ["string", "null"]}),
        Scalar::Integer | Scalar::Float => json!({"type": ["number", "string", "null"]}),
        Scalar::Boolean => json!({"type": ["boolean", "integer", "null"]}),
        Scalar::Object => json!({"type": ["object", "array", "string", "null"]}),
    };
    let schema = if array { json!({"type": ["array", "string", "null"]}) } else { of };
    match schema {
        serde_json::Value::Object(schema) => schema,
        _ => Map::new(),
    }
}

/// The page that a person opens first.
pub(super) fn index(manifest: &Manifest, samples: &Samples, tenant: &Tenant, locale: Locale) -> String {
    let words = match locale {
        // Not in Finnish so far.
        Locale::En => &Words::EN,
        Locale::De => &Words::DE,
        Locale::Fi => &Words::FI,
    };
    TakeoutIndex {
        words,
        created_at: manifest.created_at,
        generator: &manifest.generator,
        collections: manifest.collections.iter().map(|collection| view(collection, samples)).collect(),
        facts: told(manifest, tenant, words),
    }
    .page()
}

fn view<'a>(collection: &'a archive::Collection, samples: &'a Samples) -> Collection<'a> {
    Collection {
        name: &collection.collection,
        description: collection.description.as_deref().unwrap_or_default(),
        categories: collection.categories.iter().map(String::as_str).collect(),
        purposes: collection.purposes.iter().map(String::as_str).collect(),
        origin: collection.origin.as_deref().unwrap_or_default(),
        records: collection.records,
        table: samples.of(&collection.collection),
        files: collection
            .files
            .iter()
            .chain(&collection.csv)
            .map(|file| File { name: &file.name, records: file.records })
            .collect(),
        attachments: collection
            .attachments
            .iter()
            .map(|file| Attachment {
                name: &file.name,
                original_name: &file.original_name,
                bytes: file.bytes,
            })
            .collect(),
    }
}

/// What the law wants told with the data (Art. 15(1)).
fn told<'a>(manifest: &Manifest, tenant: &Tenant, words: &'a Words) -> Vec<Fact<'a>> {
    let law = &words.law;
    let said = &tenant.information;
    let found = || manifest.collections.iter().filter(|it| it.records > 0 || !it.attachments.is_empty());
    let listed = |texts: BTreeSet<&String>, none: &str| match texts.is_empty() {
        true => none.to_owned(),
        false => texts.into_iter().map(String::as_str).collect::<Vec<_>>().join("\n"),
    };
    let own = |text: &Option<String>, else_: &str| text.clone().unwrap_or_else(|| else_.to_owned());
    let purposes = listed(found().flat_map(|it| &it.purposes).collect(), law.no_purposes);
    let categories = listed(found().flat_map(|it| &it.categories).collect(), law.no_categories);
    let complaint = match &said.authority {
        Some(authority) => format!("{}\n{authority}", law.your_complaint),
        None => law.your_complaint.to_owned(),
    };
    [
        (law.controller, own(&said.controller, law.ask)),
        (law.purposes, purposes),
        (law.categories, categories),
        (law.recipients, own(&said.recipients, law.ask)),
        (law.retention, own(&said.retention, law.ask)),
        (law.source, own(&said.source, law.sources)),
        (law.automated, own(&said.automated_decisions, law.ask)),
        (law.transfers, own(&said.transfers, law.ask)),
        (law.rights, law.your_rights.to_owned()),
        (law.complaint, complaint),
    ]
    .into_iter()
    .map(|(title, text)| Fact { title, text })
    .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn no_text_is_a_formula_in_a_table() {
        let line = |value: Value| {
            let mut line = Vec::new();
            write_line(&mut line, [Some(value), Some(Value::Int(-1))].into_iter());
            String::from_utf8(line).unwrap()
        };

        assert_eq!(line("=1+1".into()), "'=1+1,-1\r\n");
        assert_eq!(line("＠SUM".into()), "'＠SUM,-1\r\n");
        assert_eq!(line("\tx".into()), "'\tx,-1\r\n");
        assert_eq!(line("a, \"b\"\nc".into()), "\"a, \"\"b\"\"\nc\",-1\r\n");
        assert_eq!(line(Value::Null), ",-1\r\n");
        assert_eq!(line(Value::List(vec!["a".into()])), "\"[\"\"a\"\"]\",-1\r\n");
    }

    #[test]
    fn only_the_first_records_are_shown() {
        let mut samples = Samples::default();
        for number in 0..2 * ROWS {
            let row: Row =
                [("id", Value::Int(number as i64)), ("text", "x".repeat(2 * CHARS).as_str().into())]
                    .into_iter()
                    .collect();
            samples.see("shop:orders", &row);
        }
        let wider: Row = [("id", Value::Int(1)), ("new", Value::Null)].into_iter().collect();
        samples.see("crm:notes", &wider);

        let orders = samples.of("shop:orders").unwrap();
        assert_eq!(
            (orders.rows.len(), orders.columns),
            (ROWS, ["id".to_owned(), "text".to_owned()].as_slice())
        );
        assert_eq!(orders.rows[1][1].chars().count(), CHARS + 1);
        assert_eq!(samples.of("crm:notes").unwrap().rows, [["1", ""]]);
        assert!(samples.of("else:where").is_none());
    }
}
