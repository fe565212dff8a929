//! What a database says about its own tables: columns, keys, foreign keys.

use std::borrow::Cow;
use std::sync::Arc;

use domain::datamap::{Dataset, FieldFacts, KeyKind, MapErrors, Masking, Treatment};

use super::kind::Kind;
use crate::fault::Fault;

/// A table or view that the map names.
#[derive(Debug)]
pub(super) struct Table {
    /// Its name in the map.
    pub(super) name: Arc<str>,
    /// Its full name in SQL, quoted.
    pub(super) sql: String,
    pub(super) form: Form,
    pub(super) columns: Vec<Column>,
    pub(super) key: Key,
    /// Foreign keys of any table onto this one.
    pub(super) referrers: Vec<Referrer>,
}

/// What stands behind a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Rows of its own.
    Table,
    /// Rows that are others' in truth.
    View,
}

/// A column.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: Arc<str>,
    /// Its name in SQL, quoted, or an expression for what is no column.
    pub(super) sql: String,
    pub(super) kind: Kind,
    /// The type in SQL to which a value bound as text is cast; empty if none is needed.
    pub(super) cast: String,
    /// Whether the column's own `=` finds values that are not the same.
    pub(super) is_loose: bool,
    pub(super) is_nullable: bool,
    /// Whether the database computes it.
    pub(super) is_generated: bool,
    /// Whether the database sets it anew when a row changes, unless told otherwise.
    pub(super) is_stamped: bool,
    /// Whether it is the beginning of a foreign key onto another table, or part of one.
    pub(super) is_reference: bool,
    /// Its place in the primary key, from 1; 0 if it is no part of it.
    pub(super) key_rank: i64,
    pub(super) is_unique: bool,
    /// An index that begins with it, the shortest there is.
    pub(super) index: Option<Index>,
}

impl Column {
    /// A plain column of this kind.
    pub(super) fn new(name: &str, sql: String, kind: Kind) -> Self {
        Self {
            name: name.into(),
            sql,
            kind,
            cast: String::new(),
            is_loose: false,
            is_nullable: true,
            is_generated: false,
            is_stamped: false,
            is_reference: false,
            key_rank: 0,
            is_unique: false,
            index: None,
        }
    }
}

/// An index.
#[derive(Clone, Debug)]
pub(super) struct Index {
    pub(super) name: String,
    pub(super) is_unique: bool,
    /// The names of its columns in order, without one for what is an expression or a part of a column.
    pub(super) columns: Vec<Option<String>>,
}

impl Index {
    /// The names of its columns, if that is all it is made of.
    fn names(&self) -> Option<Vec<&str>> {
        self.columns.iter().map(Option::as_deref).collect()
    }

    /// The columns behind the first one, in whose order the rows of one value come.
    pub(super) fn further(&self) -> Vec<&str> {
        self.names().map(|names| names.into_iter().skip(1).collect()).unwrap_or_default()
    }
}

/// By what a row is known.
#[derive(Debug)]
pub(super) enum Key {
    /// Columns, or what the database has in their place, that no two rows have in common.
    Unique(Vec<Column>),
    /// A digest of all that a row holds: only its twins have the same.
    Digest(Column),
    /// Everything that a row holds; such rows can be read only.
    Whole,
}

/// A foreign key of some table onto a table of the map.
#[derive(Clone, Debug)]
pub(super) struct Referrer {
    /// The table's name for people.
    pub(super) name: String,
    /// Its name in the map, if it lies where the map's tables lie.
    pub(super) collection: Option<String>,
    /// Its full name in SQL, quoted.
    pub(super) sql: String,
    /// Its columns, quoted.
    pub(super) columns: Vec<String>,
    /// The columns to which they refer, by name.
    pub(super) to: Vec<String>,
    /// Whether the database changes or deletes its rows when what they refer to goes.
    pub(super) follows: bool,
}

impl Table {
    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| *column.name == *name)
    }

    /// The column at a path of the map, or the part of a document that lies there.
    pub(super) fn at(&self, path: &str) -> Option<Cow<'_, Column>> {
        if let Some(column) = self.column(path) {
            return Some(Cow::Borrowed(column));
        }
        let (top, inner) = path.split_once('.')?;
        let column = self.column(top).filter(|column| column.kind == Kind::Json)?;
        let kind = Kind::Member(inner.to_owned());
        Some(Cow::Owned(Column { kind, index: None, is_loose: false, ..column.clone() }))
    }

    /// The same, where it has to be.
    pub(super) fn known(&self, path: &str) -> Result<Cow<'_, Column>, Fault> {
        self.at(path).ok_or_else(absent)
    }

    /// A column to read.
    pub(super) fn wanted(&self, name: &str) -> Result<&Column, Fault> {
        self.column(name).ok_or_else(absent)
    }

    /// The columns by which a row is known.
    pub(super) fn key(&self) -> Vec<&Column> {
        match &self.key {
            Key::Unique(columns) => columns.iter().collect(),
            Key::Digest(column) => vec![column],
            Key::Whole => self.columns.iter().collect(),
        }
    }

    fn primary(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.key_rank > 0)
    }

    pub(super) fn key_kind(&self, path: &str) -> KeyKind {
        let Some(column) = self.column(path) else { return KeyKind::Plain };
        if column.key_rank > 0 && self.primary().count() == 1 {
            KeyKind::Primary
        } else if column.is_unique {
            KeyKind::Unique
        } else {
            KeyKind::Plain
        }
    }

    pub(super) fn facts(&self, path: &str) -> FieldFacts {
        let Some(column) = self.column(path) else { return FieldFacts::UNKNOWN };
        FieldFacts {
            nullable: column.is_nullable,
            in_key: column.key_rank > 0,
            unique: column.is_unique || (column.key_rank > 0 && self.primary().count() == 1),
            text: column.kind.is_text(),
            length: column.kind.length(),
        }
    }

    /// Why `treatment` can never be carried out here.
    pub(super) fn refuses(&self, treatment: &Treatment) -> Option<String> {
        let fields = match treatment {
            Treatment::Keep(_) => return None,
            Treatment::Delete => &[][..],
            Treatment::Mask(fields) => fields,
        };
        if let Some(reason) = self.is_read_only() {
            return Some(reason.to_owned());
        }
        fields.iter().find_map(|field| {
            let path = &field.path;
            let top = path.split('.').next().unwrap_or(path);
            let column = self.column(top)?;
            let reason = if column.is_generated {
                "is computed by the database"
            } else if self.referrers.iter().any(|referrer| referrer.to.iter().any(|to| **to == *column.name))
            {
                "is what a foreign key of the database refers to"
            } else if column.is_reference && field.masking != Masking::NullRewrite {
                "is a foreign key of the database, which only null can stand in for"
            } else if top != path && !column.kind.is_nested() {
                "has no fields that could be masked one by one"
            } else {
                return None;
            };
            Some(format!("`{path}` {reason}"))
        })
    }

    /// Why rows can be read only, if so.
    pub(super) fn is_read_only(&self) -> Option<&'static str> {
        match (&self.form, &self.key) {
            (Form::View, _) => Some("it is a view: its rows are those of other tables"),
            (Form::Table, Key::Whole) => Some("nothing tells its rows apart"),
            (Form::Table, Key::Unique(_) | Key::Digest(_)) => None,
        }
    }
}

fn absent() -> Fault {
    Fault::new("a column was not there at start")
}

/// Notes on each column what indexes say about it.
pub(super) fn note_indexes(columns: &mut [Column], indexes: &[Index]) {
    for column in columns {
        let name = Some(&*column.name);
        let begins = |index: &&Index| index.columns.first().map(Option::as_deref) == Some(name);
        let own = indexes.iter().filter(begins);
        column.is_unique = own.clone().any(|index| index.is_unique && index.columns.len() == 1);
        column.index = own.min_by_key(|index| index.columns.len()).cloned();
    }
}

/// The unique key that tells rows apart best: the primary key, else the shortest unique index without nulls.
pub(super) fn unique_key(columns: &[Column], indexes: &[Index]) -> Option<Vec<Column>> {
    let mut primary: Vec<&Column> = columns.iter().filter(|column| column.key_rank > 0).collect();
    primary.sort_by_key(|column| column.key_rank);
    if !primary.is_empty() {
        return Some(primary.into_iter().cloned().collect());
    }
    let solid = |name: &str| columns.iter().find(|column| *column.name == *name && !column.is_nullable);
    let key = |index: &Index| {
        let names = index.names().filter(|_| index.is_unique)?;
        names.into_iter().map(|name| solid(name).cloned()).collect::<Option<Vec<Column>>>()
    };
    indexes.iter().filter_map(key).filter(|key| !key.is_empty()).min_by_key(Vec::len)
}

/// Notes which tables and columns of `dataset` are missing, and takes JSON for what the map gives fields.
pub(super) fn check(dataset: &Dataset, tables: &mut [Table], errors: &mut MapErrors) {
    for collection in dataset.collections.iter().filter(|collection| !collection.is_manual()) {
        let name = &collection.name;
        let Some(table) = tables.iter_mut().find(|table| *table.name == **name) else {
            errors.push(&collection.at, format!("`{}` has no table `{name}`", dataset.key));
            continue;
        };
        for field in &collection.fields {
            let place = format!("{name}.{}", field.name);
            let Some(column) = table.columns.iter_mut().find(|column| *column.name == *field.name) else {
                errors.push(&field.at, format!("the table `{name}` has no column `{}`", field.name));
                continue;
            };
            if !field.fields.is_empty() && !column.kind.become_nested() {
                errors.push(
                    &field.at,
                    format!("`{place}` has fields of its own, which a column of its type cannot hold"),
                );
            }
        }
    }
}
