//! The rules that concern several entries of a map: unique names, references, order.

use std::collections::HashSet;
use std::sync::Arc;

use super::errors::{At, MapErrors};
use super::graph::{Declared, Graph};
use super::model::{CollectionRef, DataMap, Field};
use super::read::Raw;
use super::treatment::Treatments;

/// Checks the whole and leaves out what does not take part.
pub(super) fn check(raw: Raw, errors: &mut MapErrors) -> DataMap {
    let mut map = DataMap { datasets: raw.datasets, declared: raw.declared, version: String::new() };
    unique_names(&map, errors);
    for dataset in &mut map.datasets {
        let key = dataset.key.clone();
        dataset
            .collections
            .retain(|collection| !raw.skipped.contains(&CollectionRef::new(&key, &collection.name)));
    }
    if map.datasets.is_empty() && errors.0.is_empty() {
        let nowhere = At { file: Arc::from("data map"), line: 1 };
        errors.push(&nowhere, "there is no dataset");
    }
    orders(&map, errors);
    references(&map, errors);

    // The graph of a map with broken references would only repeat what is wrong.
    if errors.0.is_empty() {
        let graph = Graph::build(&map, &Declared, errors);
        errors.0.extend(graph.refusals(&map, &Treatments::new(&map, None), &Declared).0);
    }
    map
}

fn unique_names(map: &DataMap, errors: &mut MapErrors) {
    let mut datasets = HashSet::new();
    for dataset in &map.datasets {
        if !datasets.insert(&dataset.key) {
            errors.push(&dataset.at, format!("the dataset `{}` is there twice", dataset.key));
        }
        let mut collections = HashSet::new();
        for collection in &dataset.collections {
            if !collections.insert(&collection.name) {
                let name = &collection.name;
                errors.push(&collection.at, format!("the collection `{name}` is there twice"));
            }
            unique_fields(&collection.fields, errors);
        }
    }
}

fn unique_fields(fields: &[Field], errors: &mut MapErrors) {
    let mut names = HashSet::new();
    for field in fields {
        if !names.insert(&field.name) {
            errors.push(&field.at, format!("the field `{}` is there twice", field.name));
        }
        unique_fields(&field.fields, errors);
    }
}

fn orders(map: &DataMap, errors: &mut MapErrors) {
    for dataset in &map.datasets {
        for key in &dataset.after {
            if map.dataset(key).is_none() {
                errors.push(&dataset.at, format!("after names a dataset `{key}` that does not exist"));
            }
        }
        for collection in &dataset.collections {
            for (at, named) in collection.after.iter().chain(&collection.erase_after) {
                if map.collection(named).is_none() {
                    errors.push(at, format!("the collection `{named}` does not exist"));
                }
            }
        }
    }
}

fn references(map: &DataMap, errors: &mut MapErrors) {
    for (here, _, collection) in map.collections() {
        for field in &collection.fields {
            field_references(map, &here, field, errors);
        }
    }
}

fn field_references(map: &DataMap, here: &CollectionRef, field: &Field, errors: &mut MapErrors) {
    for reference in &field.references {
        let to = &reference.to;
        let Some(target) = map.collection(to) else {
            errors.push(&reference.at, format!("the referenced collection `{to}` does not exist"));
            continue;
        };
        if to == here {
            let name = &field.name;
            errors.push(&reference.at, format!("`{name}` must not reference its own collection"));
            continue;
        }
        let path = &reference.field;
        match target.field_at(path) {
            None => {
                errors.push(&reference.at, format!("the referenced field `{to}.{path}` does not exist"));
            }
            Some(end) if !end.fields.is_empty() => {
                errors.push(
                    &reference.at,
                    format!("the referenced field `{to}.{path}` is an object; name one of its fields"),
                );
            }
            Some(_) => {}
        }
    }
    for inner in &field.fields {
        field_references(map, here, inner, errors);
    }
}
