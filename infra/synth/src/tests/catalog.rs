use std::{collections::BTreeSet, path::Path};

use super::lambdas;
use crate::WORKSPACE;

/// The verbs that names begin with. A new one is welcome, but should be meant.
const VERBS: &[&str] = &[
    "apply", "build", "cancel", "change", "check", "collect", "confirm", "create", "delete", "download",
    "erase", "expire", "fetch", "get", "import", "issue", "keep", "lift", "list", "make", "note", "override",
    "plan", "put", "queue", "record", "release", "replace", "request", "restrict", "resume", "revoke", "run",
    "scan", "send", "set", "show", "sign", "store", "sweep", "verify", "withdraw",
];

#[test]
fn names_are_unique_and_say_what_is_done_to_what() {
    let names: Vec<&str> = lambdas().iter().map(|lambda| lambda.name).collect();
    let unique: BTreeSet<&str> = names.iter().copied().collect();

    assert_eq!(names.len(), unique.len());
    for name in names {
        let words: Vec<&str> = name.split('-').collect();
        assert!(words.len() >= 2 && VERBS.contains(&words[0]), "{name}");
        assert!(
            words.iter().all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase())),
            "{name}"
        );
    }
}

#[test]
fn every_function_has_a_binary_and_every_binary_a_function() {
    let manifest = std::fs::read_to_string(Path::new(WORKSPACE).join("functions/Cargo.toml")).unwrap();
    let binaries: BTreeSet<&str> = manifest
        .split("[[bin]]")
        .skip(1)
        .map(|block| block.split_once("name = \"").unwrap().1.split_once('"').unwrap().0)
        .collect();

    assert_eq!(binaries, lambdas().iter().map(|lambda| lambda.name).collect());
}

#[test]
fn no_two_endpoints_can_be_meant_by_the_same_call() {
    // However a path calls its parameters, they stand at the same place.
    let shape = |path: &str| {
        let segments = path.split('/').map(|segment| if segment.starts_with('{') { "{}" } else { segment });
        segments.collect::<Vec<_>>().join("/")
    };
    let mut calls = BTreeSet::new();
    for route in functions::catalog::endpoints().iter().map(|endpoint| endpoint.route) {
        for path in [route.path].iter().chain(route.aliases) {
            assert!(calls.insert((route.method.to_string(), shape(path))), "{} {path}", route.method);
        }
    }
}

#[test]
fn a_logical_id_is_the_name_without_its_hyphens() {
    for lambda in lambdas() {
        assert_eq!(lambda.id().to_lowercase(), lambda.name.replace('-', ""));
        assert!(lambda.id().starts_with(|first: char| first.is_ascii_uppercase()));
    }
}
