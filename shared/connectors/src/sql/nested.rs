//! Setting new values, in columns and inside of them.

use std::fmt::Write as _;

use domain::row::{Place, Step, Value};

use super::driver::Failure;
use super::kind::Kind;
use super::statement::{Arg, Dialect, Statement};
use super::table::{Column, Table};
use crate::store::Found;

/// A new value for a part of a document.
type Part<'q> = (&'q [Step], &'q Value);

/// Whether what is at a place may have moved to another one since: elements of arrays do.
pub(super) fn is_movable(place: &Place) -> bool {
    place.0.iter().any(|step| matches!(step, Step::Index(_)))
}

/// What comes after `SET`.
pub(super) fn assign<'q>(
    statement: &mut Statement<'q>,
    table: &Table,
    set: &'q [(Place, Value)],
) -> Result<(), Failure> {
    let mut documents: Vec<(&Column, Vec<Part<'q>>)> = Vec::new();
    let mut between = "";
    for (place, value) in set {
        let (column, inner) = split(table, place)?;
        if !inner.is_empty() && column.kind == Kind::Json {
            match documents.iter_mut().find(|(known, _)| known.name == column.name) {
                Some((_, parts)) => parts.push((inner, value)),
                None => documents.push((column, vec![(inner, value)])),
            }
            continue;
        }
        statement.push(between).push(&column.sql);
        let element = subscript(column, inner)?;
        statement.push(&element).push(" = ");
        match (&column.kind, value) {
            (Kind::Json, value) if *value != Value::Null => statement.value(column, Arg::Own(json(value))),
            (Kind::List(_), value) if !inner.is_empty() => statement.element(column, Arg::One(value)),
            (_, value) => statement.value(column, Arg::One(value)),
        }
        between = ", ";
    }
    for (column, parts) in documents {
        statement.push(between).push(&column.sql).push(" = ");
        replace(statement, column, &parts);
        between = ", ";
    }
    for column in table.columns.iter().filter(|column| column.is_stamped) {
        if !set.iter().any(|(place, _)| place.0.first() == Some(&Step::Field(column.name.clone()))) {
            statement.push(&format!(", {0} = {0}", column.sql));
        }
    }
    Ok(())
}

/// That the elements of arrays still are where they were found.
pub(super) fn still_there<'q>(
    statement: &mut Statement<'q>,
    table: &Table,
    set: &'q [(Place, Value)],
    found: &'q Found,
) -> Result<(), Failure> {
    for (place, _) in set.iter().filter(|(place, _)| is_movable(place)) {
        let (column, inner) = split(table, place)?;
        let Some(old) = found.row.get(&column.name).and_then(|value| value_at(value, inner)) else {
            return Err(Failure::new("there is nothing at a place that is to be masked"));
        };
        statement.push(" AND ");
        match (statement.dialect(), &column.kind) {
            (_, Kind::List(_)) => {
                let element = subscript(column, inner)?;
                statement.push(&column.sql).push(&element).push(" IS NOT DISTINCT FROM ");
                statement.element(column, Arg::One(old));
            }
            (Dialect::Postgres, _) => {
                statement.push(&column.sql).push("::jsonb #> ");
                statement.plain(Arg::Texts(steps(inner)));
                statement.push(" = ");
                statement.plain(Arg::Own(json(old)));
                statement.push("::jsonb");
            }
            (Dialect::MySql, _) => {
                statement.push("JSON_CONTAINS(").push(&column.sql).push(", ");
                statement.plain(Arg::Own(json(old)));
                statement.push(", ");
                statement.plain(Arg::Own(path(inner)));
                statement.push(")");
            }
            (Dialect::Sqlite, _) => {
                statement.push("json_extract(").push(&column.sql).push(", ");
                statement.plain(Arg::Own(path(inner)));
                statement.push(") IS json_extract(");
                statement.plain(Arg::Own(json(old)));
                statement.push(", '$')");
            }
        }
    }
    Ok(())
}

/// A document with new values at some of its places, where there were values before.
fn replace<'q>(statement: &mut Statement<'q>, column: &Column, parts: &[Part<'q>]) {
    match statement.dialect() {
        Dialect::Postgres => {
            statement.push(&"jsonb_set(".repeat(parts.len())).push(&column.sql).push("::jsonb");
            for (inner, value) in parts {
                statement.push(", ");
                statement.plain(Arg::Texts(steps(inner)));
                statement.push(", ");
                statement.plain(Arg::Own(json(value)));
                statement.push("::jsonb, false)");
            }
            statement.push("::").push(&column.cast);
        }
        Dialect::MySql | Dialect::Sqlite => {
            statement.push("JSON_REPLACE(").push(&column.sql);
            for (inner, value) in parts {
                statement.push(", ");
                statement.plain(Arg::Own(path(inner)));
                // As a part of a document, and not as a text.
                let is_sqlite = statement.dialect() == Dialect::Sqlite;
                statement.push(if is_sqlite { ", json(" } else { ", JSON_EXTRACT(" });
                statement.plain(Arg::Own(json(value)));
                statement.push(if is_sqlite { ")" } else { ", '$')" });
            }
            statement.push(")");
        }
    }
}

/// The column of a place, and where inside of its value.
fn split<'t, 'p>(table: &'t Table, place: &'p Place) -> Result<(&'t Column, &'p [Step]), Failure> {
    match place.0.as_slice() {
        [Step::Field(name), inner @ ..] => Ok((table.wanted(name)?, inner)),
        [] | [Step::Index(_), ..] => Err(Failure::new("a place in a row begins with a column")),
    }
}

/// An element of an array, whose first one may have any number.
fn subscript(column: &Column, inner: &[Step]) -> Result<String, Failure> {
    match (inner, &column.kind) {
        ([], _) => Ok(String::new()),
        ([Step::Index(index)], Kind::List(_)) => Ok(format!("[array_lower({}, 1) + {index}]", column.sql)),
        _ => Err(Failure::new("a column of this type has no such places")),
    }
}

fn value_at<'v>(value: &'v Value, inner: &[Step]) -> Option<&'v Value> {
    inner.iter().try_fold(value, |value, step| match (value, step) {
        (Value::Map(fields), Step::Field(name)) => fields.get(&**name),
        (Value::List(values), Step::Index(index)) => values.get(*index),
        _ => None,
    })
}

/// A value as a document.
fn json(value: &Value) -> Value {
    // What the engine hands over has no way to fail as JSON.
    Value::Text(serde_json::to_string(value).unwrap_or_default())
}

/// A place as PostgreSQL takes it: a list of names and numbers.
fn steps(inner: &[Step]) -> Vec<String> {
    let step = |step: &Step| match step {
        Step::Field(name) => name.to_string(),
        Step::Index(index) => index.to_string(),
    };
    inner.iter().map(step).collect()
}

/// A place as the others take it: `$."lines"[0]."name"`.
fn path(inner: &[Step]) -> Value {
    let mut path = "$".to_owned();
    for step in inner {
        // Writing to a text does not fail.
        let _ = match step {
            Step::Field(name) => write!(path, ".{}", serde_json::Value::from(&**name)),
            Step::Index(index) => write!(path, "[{index}]"),
        };
    }
    Value::Text(path)
}
