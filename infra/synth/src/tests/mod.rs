//! The rules that catalog, base and template must keep.

#![allow(clippy::unwrap_used)]

mod catalog;
mod fresh;
mod policies;
mod resources;

use std::path::Path;

use serde_json::{Map, Value};

use crate::{
    TEMPLATE, WORKSPACE, generate,
    lambda::{self, Lambda},
};

fn lambdas() -> Vec<Lambda> {
    let (endpoints, workers) = (functions::catalog::endpoints(), functions::catalog::workers());
    lambda::of_endpoints(&endpoints).into_iter().chain(workers.iter().map(Lambda::from)).collect()
}

/// The template, as CloudFormation reads it.
fn template() -> Value {
    let files = generate(Path::new(WORKSPACE)).unwrap();
    let text = &files.iter().find(|file| file.path == TEMPLATE).unwrap().text;
    serde_saphyr::from_str(text).unwrap()
}

/// The properties of all resources of a type, by logical id.
fn all<'a>(template: &'a Value, kind: &'static str) -> impl Iterator<Item = (&'a str, &'a Value)> {
    let resources = template["Resources"].as_object().unwrap().iter();
    resources
        .filter(move |(_, resource)| resource["Type"] == kind)
        .map(|(id, resource)| (id.as_str(), &resource["Properties"]))
}

/// Calls `each` with every mapping in `value`.
fn mappings<'a>(value: &'a Value, each: &mut impl FnMut(&'a Map<String, Value>)) {
    match value {
        Value::Object(map) => {
            each(map);
            map.values().for_each(|inner| mappings(inner, each));
        }
        Value::Array(list) => list.iter().for_each(|inner| mappings(inner, each)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
