//! What the rules are tried on: tables that every kind of store can hold, a person, and who looks like her.

use std::collections::{BTreeMap, BTreeSet};

use domain::datamap::{Erasure, Identities};
use serde_json::{Map, Value, json};

use super::fixture::{Dump, Fixture, Patience};
use super::kinds::sql::Sqlite;
use crate::engine::Engine;
use crate::fault::EngineError;
use crate::testing::{Plainly as _, Recorder, Steps, load, person};

pub(super) type Row = Map<String, Value>;

/// What a field holds.
#[derive(Clone)]
pub(super) enum Of {
    Integer,
    Float,
    Flag,
    /// Text that is compared byte by byte.
    Text,
    /// Text that the store itself compares loosely, if it can.
    Loose,
    /// An object with these fields.
    Document(Vec<Field>),
    /// Something by which the store finds nothing.
    Incomparable,
}

/// How a row is told from others.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    No,
    Yes,
    /// Only where the store has no rows without a key.
    IfNeeded,
}

/// A column, attribute or member.
#[derive(Clone)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) of: Of,
    pub(super) key: Key,
    /// Whether it has to hold something.
    pub(super) is_required: bool,
    /// Settings under `fides_meta`.
    meta: Vec<String>,
    category: Option<&'static str>,
    /// The table and field with which it shares values, and the direction in which they flow.
    refers: Option<(&'static str, &'static str, &'static str)>,
    /// What follows `REFERENCES`, in stores that have foreign keys.
    pub(super) foreign: Option<String>,
}

impl Field {
    pub(super) fn new(name: &'static str, of: Of) -> Self {
        Self {
            name,
            of,
            key: Key::No,
            is_required: false,
            meta: Vec::new(),
            category: None,
            refers: None,
            foreign: None,
        }
    }

    pub(super) fn key(mut self) -> Self {
        self.meta.push("primary_key: true".to_owned());
        Self { key: Key::Yes, ..self }
    }

    pub(super) fn meta(mut self, setting: &str) -> Self {
        self.meta.push(setting.to_owned());
        self
    }

    pub(super) fn category(self, category: &'static str) -> Self {
        Self { category: Some(category), ..self }
    }

    /// Found by the values of another table's field.
    fn from(self, table: &'static str, field: &'static str) -> Self {
        Self { refers: Some((table, field, "from")), ..self }
    }

    /// Leads to the rows of another table.
    fn to(self, table: &'static str, field: &'static str) -> Self {
        Self { refers: Some((table, field, "to")), ..self }
    }

    /// The store itself knows the reference.
    pub(super) fn foreign(self, references: &str) -> Self {
        Self { foreign: Some(references.to_owned()), ..self }
    }

    fn required(self) -> Self {
        Self { is_required: true, ..self }
    }

    /// Whether rows are asked for by it.
    pub(super) fn is_entry(&self) -> bool {
        self.refers.is_some() || self.meta.iter().any(|setting| setting.starts_with("identity:"))
    }

    /// As a line of the map; `dataset` tells where each table is.
    fn mapped(&self, dataset: &dyn Fn(&str) -> &'static str) -> String {
        let mut meta = self.meta.clone();
        if let Some((table, field, direction)) = self.refers {
            let dataset = dataset(table);
            meta.push(format!(
                "references: [{{dataset: {dataset}, field: {table}.{field}, direction: {direction}}}]"
            ));
        }
        let category = self.category.map(|category| format!(", data_categories: [{category}]"));
        let parts = match &self.of {
            Of::Document(parts) => {
                let parts: Vec<String> = parts.iter().map(|part| part.mapped(dataset)).collect();
                format!(", fields: [{}]", parts.join(", "))
            }
            _ => String::new(),
        };
        let category = category.unwrap_or_default();
        format!("{{name: {}{category}, fides_meta: {{{}}}{parts}}}", self.name, meta.join(", "))
    }
}

/// A table, or what a store has in its place.
#[derive(Clone)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) fields: Vec<Field>,
    /// The person's come first.
    pub(super) rows: Vec<Row>,
    /// How many of them are found for the person.
    pub(super) found: usize,
    /// How many of those are hers alone.
    pub(super) own: usize,
    /// Further settings of the collection, as the map has them.
    pub(super) settings: Vec<String>,
    /// Whether the map names it.
    pub(super) is_mapped: bool,
}

impl Table {
    pub(super) fn new(name: &'static str, fields: Vec<Field>) -> Self {
        Self { name, fields, rows: Vec::new(), found: 0, own: 0, settings: Vec::new(), is_mapped: true }
    }

    pub(super) fn is_of<'t>(name: &str) -> impl Fn(&&'t Self) -> bool {
        move |table| table.name == name
    }

    fn settings(mut self, settings: &str) -> Self {
        self.settings.push(settings.to_owned());
        self
    }

    /// Adds the person's own rows.
    fn hers(mut self, rows: impl IntoIterator<Item = Value>) -> Self {
        self.rows.extend(rows.into_iter().map(row));
        (self.found, self.own) = (self.rows.len(), self.rows.len());
        self
    }

    fn others(mut self, rows: impl IntoIterator<Item = Value>) -> Self {
        self.rows.extend(rows.into_iter().map(row));
        self
    }

    /// Its rows that `other` has otherwise or not at all.
    fn rows_unlike(&self, other: &Self) -> Vec<Row> {
        self.rows.iter().filter(|row| !other.rows.contains(row)).cloned().collect()
    }

    /// Its rows whose keys `other` does not have.
    fn rows_beside(&self, other: &Self) -> Vec<Row> {
        let key = |row: &Row| -> Vec<Value> {
            self.key(true).iter().map(|field| row[field.name].clone()).collect()
        };
        let keys: Vec<_> = other.rows.iter().map(key).collect();
        self.rows.iter().filter(|row| !keys.contains(&key(row))).cloned().collect()
    }

    /// The fields that tell rows apart.
    pub(super) fn key(&self, needed: bool) -> Vec<&Field> {
        let is_key = |field: &&Field| match field.key {
            Key::Yes => true,
            Key::IfNeeded => needed,
            Key::No => false,
        };
        self.fields.iter().filter(is_key).collect()
    }

    /// The same without the rows that are the person's alone.
    pub(super) fn without_hers(&self) -> Self {
        Self { rows: self.rows[self.own..].to_vec(), found: 0, own: 0, ..self.clone() }
    }

    /// The same with her own rows changed.
    pub(super) fn changed(&self, change: impl Fn(&mut Row)) -> Self {
        let mut changed = self.clone();
        changed.rows[..self.own].iter_mut().for_each(change);
        changed
    }
}

fn row(row: Value) -> Row {
    let Value::Object(row) = row else { panic!("rows are objects") };
    row
}

/// The person. The `ë` is one code point.
pub(super) const ADA: &str = "zo\u{eb}@example.org";

pub(super) fn ada() -> Identities {
    person("email", ADA)
}

/// The collection that every kind can hold: nothing is found through its rows.
pub(super) const LEAF: &str = "notes";

/// What stands in a note of hers.
pub(super) fn note(id: &str, text: &str) -> Row {
    row(json!({"customer": "1", "note": id, "text": text}))
}

/// A shop with the person as its first customer, and fifty others who look like her.
pub(super) fn shop() -> Vec<Table> {
    shop_among(50)
}

fn shop_among(neighbours: usize) -> Vec<Table> {
    let text = |name| Field::new(name, Of::Text).meta("data_type: string");
    let addresses = Table::new(
        "addresses",
        vec![Field::new("id", Of::Integer).key(), text("street").category("user.contact.address.street")],
    );
    let customers = Table::new(
        "customers",
        vec![
            Field::new("id", Of::Integer).key().meta("data_type: integer"),
            Field::new("email", Of::Loose)
                .meta("identity: email")
                .meta("data_type: string")
                .meta("length: 120")
                .category("user.contact.email")
                .required(),
            Field::new("address", Of::Integer).to("addresses", "id").foreign("addresses (id)"),
            text("name").category("user.name"),
        ],
    );
    let orders = Table::new(
        "orders",
        vec![
            Field::new("id", Of::Text).key(),
            Field::new("customer", Of::Integer).from("customers", "id").foreign("customers (id)"),
            Field::new("address", Of::Integer).to("addresses", "id").foreign("addresses (id)"),
            Field::new("total", Of::Float),
        ],
    );
    // A name that has to be quoted, and a key of two parts.
    let items = Table::new(
        "items",
        vec![
            Field::new("order", Of::Text).key().from("orders", "id").foreign("orders (id)"),
            Field::new("line", Of::Integer).key(),
            text("product").category("user.behavior.purchase_history"),
        ],
    );
    let notes = Table::new(
        LEAF,
        vec![
            Field::new("customer", Of::Loose).meta("data_type: string").from("customers", "id"),
            Field { key: Key::IfNeeded, ..Field::new("note", Of::Text).category("system.operations") },
            text("text"),
        ],
    );
    let order = |id: &str, customer: usize, address: usize| json!({"id": id, "customer": customer, "address": address, "total": 9.5});
    let item =
        |order: &str, line: usize, product: &str| json!({"order": order, "line": line, "product": product});
    let customer = |id: usize, email: &str| json!({"id": id, "email": email, "address": 1, "name": "Zoë"});
    let note_of = |customer: &str, note: String| json!({"customer": customer, "note": note, "text": "kind"});
    let others = || look_alikes().into_iter().take(neighbours).enumerate().map(|(i, email)| (i + 10, email));
    let street = |id: usize, street: &str| json!({"id": id, "street": street});
    let addresses =
        addresses.hers([street(1, "Shared Lane"), street(2, "Gift Road")]).others([street(3, "Elsewhere")]);
    vec![
        Table { own: 0, ..addresses },
        customers.hers([customer(1, ADA)]).others(others().map(|(id, email)| customer(id, &email))),
        orders
            .hers([order("o'1", 1, 1), order("o\"2\n", 1, 1), order("o\\3 \u{1f30a}", 1, 2)])
            // Their keys begin with hers.
            .others(others().map(|(id, _)| order(&format!("o'1{id}"), id, 1))),
        items
            .hers(
                ["o'1", "o\"2\n", "o\\3 \u{1f30a}"]
                    .into_iter()
                    .flat_map(|id| [item(id, 1, "it's \"quoted\", 100 % \\ and\n\tbroken"), item(id, 2, "")]),
            )
            .others(others().map(|(id, _)| item(&format!("o'1{id}"), 1, "it's"))),
        notes
            .settings("data_categories: [user.content]")
            .hers([
                Value::Object(note("kind", "kind")),
                Value::Object(note("quo'ted \"1\"", "kind")),
                Value::Object(note(
                    "gr\u{fc}n \u{1f30a} 100%+",
                    "it's \"quoted\", \\ and\n\tbroken \u{1f30a}",
                )),
            ])
            .others(others().map(|(id, _)| note_of(&id.to_string(), format!("n{id}"))))
            // Of nobody, but a loose comparison takes them for hers.
            .others(
                [
                    " 1",
                    "1 ",
                    "01",
                    "1.0",
                    "+1",
                    "1e0",
                    "%",
                    "_",
                    "1%",
                    "",
                    "\u{661}",
                    "\u{ff11}",
                    "1\u{200b}",
                ]
                .into_iter()
                .enumerate()
                .map(|(i, customer)| note_of(customer, format!("of nobody {i}"))),
            ),
    ]
}

/// A table with a value of every type, of a person whose key is zero.
pub(super) fn profiles() -> Vec<Table> {
    let inner = || {
        vec![
            Field::new("name", Of::Text).meta("data_type: string").category("user.name"),
            Field::new("size", Of::Float),
            Field::new("open", Of::Flag),
        ]
    };
    let profile = |id: i64, email: &str, name: &str| {
        json!({
            "id": id, "email": email, "zero": 0, "least": i64::MIN, "most": i64::MAX, "half": -0.5,
            "no": false, "yes": true, "empty": "", "odd": "'\"`\\\n\t%_\u{fc}\u{1f30a} ", "nothing": null,
            "doc": {"name": name, "size": 1.5, "open": false, "list": [0, "", null, [], {}]},
        })
    };
    let visit = |place: i64, profile: i64| json!({"place": place, "profile": profile});
    vec![
        Table::new(
            "profiles",
            vec![
                Field::new("id", Of::Integer).key(),
                Field::new("email", Of::Loose).meta("identity: email"),
                Field::new("zero", Of::Integer),
                Field::new("least", Of::Integer),
                Field::new("most", Of::Integer),
                Field::new("half", Of::Float),
                Field::new("no", Of::Flag),
                Field::new("yes", Of::Flag),
                Field::new("empty", Of::Text),
                Field::new("odd", Of::Text),
                Field::new("nothing", Of::Text),
                Field::new("doc", Of::Document(inner())),
            ],
        )
        .hers([profile(0, ADA, "Zoë")])
        .others([profile(1, "bob@example.org", "Bob")]),
        Table::new(
            "visits",
            vec![
                Field::new("place", Of::Integer).key(),
                Field::new("profile", Of::Integer).from("profiles", "id"),
            ],
        )
        .hers([visit(0, 0), visit(1, 0)])
        .others([visit(2, 1)]),
    ]
}

/// Documents that the person shares with others: she is one of those named in an array.
pub(super) fn threads() -> Vec<Table> {
    let person = |email: &str| json!({"email": email, "name": format!("name of {email}")});
    let thread = |id: usize, people: &[&str]| {
        let people: Vec<Value> = people.iter().map(|email| person(email)).collect();
        json!({"id": id, "doc": {"title": "hello", "people": people}})
    };
    let people = Of::Document(vec![
        Field::new("email", Of::Text).meta("identity: email"),
        Field::new("name", Of::Text).meta("data_type: string").category("user.name"),
    ]);
    let people = Field::new("people", people).meta("data_type: 'object[]'");
    let doc = Field::new("doc", Of::Document(vec![Field::new("title", Of::Text), people]));
    vec![
        Table::new("threads", vec![Field::new("id", Of::Integer).key(), doc])
            .hers([thread(1, &["bob@example.org", ADA, "eve@example.org"]), thread(2, &[ADA])])
            .others(
                look_alikes()
                    .iter()
                    .enumerate()
                    .map(|(i, email)| thread(i + 10, &["bob@example.org", email])),
            ),
    ]
}

/// Fifty e-mail addresses that a loose comparison takes for the person's.
fn look_alikes() -> Vec<String> {
    let mut all: Vec<String> = [
        "zoe\u{308}@example.org",
        "ZO\u{cb}@EXAMPLE.ORG",
        "Zo\u{eb}@example.org",
        "zo\u{eb}@Example.org",
        "zoe@example.org",
        "zo@example.org",
        "zo_@example.org",
        "zo%",
        "%",
        "_",
        "*",
        "zo?@example.org",
        "@example.org",
        "example.org",
        "1",
        "'",
        "zo\u{eb}@example.org'--",
        "' OR 1=1--",
        "zo\u{eb}@example,org",
        "zo\u{eb}@example_org",
        "zo\u{eb}@examp1e.org",
        "zo\u{435}@example.org",
        "zo\u{eb}+x@example.org",
        "zo\u{eb}\u{200b}@example.org",
        "zo\u{eb}\u{ad}@example.org",
    ]
    .map(str::to_owned)
    .to_vec();
    for part in [" ", "\t", "\n", ",", ";", "|", ":", "/", "#", ".", "x", "%"] {
        all.push(format!("{ADA}{part}"));
        all.push(format!("{part}{ADA}"));
    }
    all.push(format!("{ADA},{ADA}"));
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 50);
    all
}

/// The store to be tried, beside it a SQLite file for the tables that it does not hold.
pub(super) struct World<F> {
    pub(super) store: F,
    desk: Option<Sqlite>,
    pub(super) tables: Vec<Table>,
}

impl<F: Fixture> World<F> {
    /// A world in which the store holds everything that it can.
    pub(super) async fn new(tables: Vec<Table>) -> Self {
        match tables.iter().all(|table| F::holds(table.name)) {
            true => Self::made(tables, None).await,
            false => Self::leaf(tables).await,
        }
    }

    pub(super) async fn shop() -> Self {
        Self::new(shop()).await
    }

    /// The shop with fewer of those who look like her, to be tried often.
    pub(super) async fn small() -> Self {
        Self::new(shop_among(10)).await
    }

    /// A world in which the store holds [`LEAF`] alone, so that what becomes of the rest can be seen.
    pub(super) async fn leaf(tables: Vec<Table>) -> Self {
        Self::made(tables, Some(Sqlite::start().await)).await
    }

    async fn made(mut tables: Vec<Table>, desk: Option<Sqlite>) -> Self {
        if let Some(notes) = tables.iter_mut().find(|table| table.name == LEAF) {
            notes.rows.extend(F::of_other_types());
        }
        let world = Self { store: F::start().await, desk, tables };
        let (here, there): (Vec<_>, Vec<_>) =
            world.tables.iter().partition(|table| world.is_here(table.name));
        world.store.fill(&here).await;
        if let Some(desk) = &world.desk {
            desk.fill(&there).await;
        }
        world
    }

    pub(super) fn table(&self, name: &str) -> &Table {
        self.tables.iter().find(Table::is_of(name)).unwrap()
    }

    pub(super) fn table_mut(&mut self, name: &str) -> &mut Table {
        self.tables.iter_mut().find(|table| table.name == name).unwrap()
    }

    /// Whether a table is in the store to be tried.
    fn is_here(&self, name: &str) -> bool {
        self.desk.is_none() || name == LEAF
    }

    fn dataset(&self, table: &str) -> &'static str {
        if self.is_here(table) { "shop" } else { "desk" }
    }

    /// The full name of a collection.
    pub(super) fn at(&self, table: &str) -> String {
        format!("{}:{table}", self.dataset(table))
    }

    /// Every row of every table, exactly.
    pub(super) async fn dump(&self) -> Dump {
        let (here, there): (Vec<_>, Vec<_>) = self.tables.iter().partition(|table| self.is_here(table.name));
        let mut dump = self.store.dump(&here).await;
        if let Some(desk) = &self.desk {
            dump.append(&mut desk.dump(&there).await);
        }
        dump
    }

    /// What a dump is with other tables in place of those of the same name.
    pub(super) async fn with(&self, tables: &[Table]) -> Dump {
        let pairs = || tables.iter().map(|table| (self.table(table.name), table));
        for (now, then) in pairs().rev() {
            self.remove(now, &now.rows_beside(then)).await;
        }
        for (now, then) in pairs() {
            self.put(now.name, &then.rows_unlike(now)).await;
        }
        let dump = self.dump().await;
        for (now, then) in pairs().rev() {
            self.remove(now, &then.rows_beside(now)).await;
        }
        for (now, then) in pairs() {
            self.put(now.name, &now.rows_unlike(then)).await;
        }
        dump
    }

    /// What a dump is as if the person had never been there.
    pub(super) async fn without_her(&self) -> Dump {
        let without: Vec<Table> = self.tables.iter().map(Table::without_hers).collect();
        self.with(&without).await
    }

    /// Writes rows, as somebody else would.
    pub(super) async fn put(&self, table: &str, rows: &[Row]) {
        let table = self.table(table);
        match &self.desk {
            Some(desk) if !self.is_here(table.name) => desk.put(table, rows).await,
            Some(_) | None => self.store.put(table, rows).await,
        }
    }

    async fn remove(&self, table: &Table, rows: &[Row]) {
        match &self.desk {
            Some(desk) if !self.is_here(table.name) => desk.remove(table, rows).await,
            Some(_) | None => self.store.remove(table, rows).await,
        }
    }

    /// Puts the person's own rows back as they were, and nothing else.
    pub(super) async fn restore(&self) {
        for table in &self.tables {
            self.put(table.name, &table.rows[..table.own]).await;
        }
    }

    fn map(&self) -> String {
        let mut map = "dataset:\n".to_owned();
        for dataset in ["shop", "desk"] {
            let tables: Vec<&Table> = self
                .tables
                .iter()
                .filter(|table| table.is_mapped && self.dataset(table.name) == dataset)
                .collect();
            if tables.is_empty() {
                continue;
            }
            map += &format!("- fides_key: {dataset}\n  collections:\n");
            for table in tables {
                map += &format!("  - name: {}\n", table.name);
                for setting in &table.settings {
                    map += &format!("    {setting}\n");
                }
                map += "    fields:\n";
                let fields = if dataset == "shop" { F::fields(table) } else { table.fields.clone() };
                for field in fields {
                    map += &format!("    - {}\n", field.mapped(&|table| self.dataset(table)));
                }
            }
        }
        map
    }

    /// The engine, even if stores could not be opened.
    pub(super) async fn open(&self, patience: Patience) -> Result<Engine, EngineError> {
        let mut connections = format!("connections:\n  shop: {}\n", self.store.connection(patience));
        let mut base_dir = self.store.base_dir();
        if let Some(desk) = &self.desk {
            connections += &format!("  desk: {}\n", desk.connection(patience));
            base_dir = base_dir.or_else(|| desk.base_dir());
        }
        let base_dir = base_dir.unwrap_or_else(|| "/".into());
        let (map, connections) = load(&self.map(), &connections, &base_dir)?;
        let hurried = match patience {
            Patience::Usual => None,
            Patience::Short => self.store.hurried(&map, &connections).await,
        };
        let engine = Engine::open(map, connections, self.store.clients(patience)).await?;
        Ok(match hurried {
            Some(hurried) => engine.on("shop", |_| hurried),
            None => engine,
        })
    }

    pub(super) async fn engine(&self) -> Engine {
        self.open(Patience::Usual).await.unwrap().whole().unwrap()
    }

    /// Erases the person by the map's own methods.
    pub(super) async fn erase(&self) -> Erasure {
        self.engine().await.wipe(&ada(), &mut Steps::default()).await.unwrap()
    }

    /// All rows of hers that are shown, as `(dataset:collection, row)`, in one order.
    pub(super) async fn shown(&self) -> Vec<(String, Value)> {
        let mut sink = Recorder::default();
        self.engine().await.read(&ada(), &mut sink).await.unwrap();
        sink.rows.sort_by_cached_key(|(at, row)| format!("{at} {row}"));
        sink.rows
    }

    /// What is to be shown of the person's rows, in the same order.
    pub(super) fn to_show(&self) -> Vec<(String, Value)> {
        let mut rows: Vec<(String, Value)> = Vec::new();
        for table in self.tables.iter().filter(|table| table.is_mapped) {
            for row in &table.rows[..table.found] {
                let shown = if self.is_here(table.name) { F::shown(table, row) } else { row.clone() };
                rows.push((self.at(table.name), Value::Object(shown)));
            }
        }
        rows.sort_by_cached_key(|(at, row)| format!("{at} {row}"));
        rows
    }
}

/// Rows found, erased, masked and kept of a collection.
pub(super) fn effect(erasure: &Erasure, collection: &str) -> (u64, u64, u64, u64) {
    let outcome = erasure.collections.iter().find(|outcome| outcome.at.collection == collection).unwrap();
    (outcome.found, outcome.erased, outcome.masked, outcome.kept)
}

/// Why a collection is not done.
pub(super) fn reason(erasure: &Erasure, collection: &str) -> Option<String> {
    let outcome = erasure.collections.iter().find(|outcome| outcome.at.collection == collection).unwrap();
    outcome.error.clone()
}

/// Compares two dumps and shows where they differ.
#[track_caller]
pub(super) fn same(found: &Dump, expected: &Dump, what: &str) {
    let difference = |a: &Dump, b: &Dump| {
        let mut only: BTreeMap<String, Vec<Value>> = a.clone();
        for (table, rows) in &mut only {
            rows.retain(|row| b.get(table).is_none_or(|others| !others.contains(row)));
        }
        only.retain(|_, rows| !rows.is_empty());
        only
    };
    if found != expected {
        let (more, less) = (difference(found, expected), difference(expected, found));
        panic!("{what}: there is too much: {more:#?}\nthere lacks: {less:#?}");
    }
}
