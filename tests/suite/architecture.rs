//! The arrows between the crates, and what production must not contain.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Which of our crates each may use.
const ARROWS: [(&str, &[&str]); 13] = [
    ("domain", &[]),
    ("wire", &["domain"]),
    ("store", &["domain"]),
    ("connectors", &["domain"]),
    ("archive", &["domain"]),
    ("pages", &["domain"]),
    ("runtime", &["domain", "wire", "store", "connectors", "archive", "pages"]),
    ("functions", &["domain", "wire", "store", "connectors", "archive", "pages", "runtime"]),
    ("servers", &[]),
    ("synth", &["domain", "wire", "store", "runtime", "functions"]),
    (
        "local",
        &["domain", "wire", "store", "connectors", "archive", "pages", "runtime", "functions", "synth"],
    ),
    ("benches", &["domain", "connectors", "servers"]),
    ("bench-archive", &["archive"]),
];

/// Crates that serve local mode or tests and are never part of a Lambda.
const EMULATORS: [&str; 5] =
    ["dynoxide-rs", "s3s", "rustack-sqs-core", "rustack-secretsmanager-core", "axum"];

#[test]
fn crates_use_each_other_only_along_the_arrows() {
    let metadata = MetadataCommand::new().no_deps().exec().unwrap();
    let ours: BTreeSet<String> = metadata.packages.iter().map(|package| package.name.to_string()).collect();
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.into_iter().collect();

    for package in metadata.packages.iter().filter(|package| package.name.as_str() != "tests") {
        let allowed =
            allowed.get(package.name.as_str()).unwrap_or_else(|| panic!("no arrows for {}", package.name));
        let normal =
            package.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal);
        for dependency in normal.filter(|dependency| ours.contains(&dependency.name)) {
            assert!(
                allowed.contains(&dependency.name.as_str()),
                "{} must not use {}",
                package.name,
                dependency.name
            );
        }
    }
}

#[test]
fn no_emulator_is_part_of_production() {
    let metadata = MetadataCommand::new().exec().unwrap();
    let resolve = metadata.resolve.as_ref().unwrap();
    let names: BTreeMap<_, _> = metadata.packages.iter().map(|p| (&p.id, p.name.to_string())).collect();
    let edges: BTreeMap<_, Vec<_>> = resolve
        .nodes
        .iter()
        .map(|node| {
            let normal = |dep: &&cargo_metadata::NodeDep| {
                dep.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal)
            };
            (&node.id, node.deps.iter().filter(normal).map(|dep| &dep.pkg).collect())
        })
        .collect();
    let functions = metadata.packages.iter().find(|package| package.name.as_str() == "functions").unwrap();

    let (mut seen, mut open) = (BTreeSet::new(), vec![&functions.id]);
    while let Some(id) = open.pop() {
        if seen.insert(id) {
            open.extend(edges[id].iter().copied());
        }
    }

    for emulator in EMULATORS {
        assert!(!seen.iter().any(|id| names[id] == emulator), "{emulator} is part of production");
    }
}

#[test]
fn the_domain_stays_pure() {
    let metadata = MetadataCommand::new().no_deps().exec().unwrap();
    let domain = metadata.packages.iter().find(|package| package.name.as_str() == "domain").unwrap();

    for dependency in
        domain.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal)
    {
        let impure = ["tokio", "async-trait", "futures-util", "http", "reqwest", "sqlx"];
        assert!(
            // Cryptography is computation; everything else of that name talks to AWS.
            !impure.contains(&dependency.name.as_str())
                && (dependency.name == "aws-lc-rs" || !dependency.name.starts_with("aws")),
            "{}",
            dependency.name
        );
    }
}
