use std::{collections::BTreeSet, path::Path};

use functions::catalog;

use crate::{SynthError, WORKSPACE, stale, template::template};

#[test]
fn what_is_committed_is_what_the_catalog_makes() {
    let stale: Vec<String> = stale(Path::new(WORKSPACE)).unwrap().into_iter().map(|file| file.path).collect();

    assert!(stale.is_empty(), "run `cargo generate`, which changes {stale:?}");
}

#[test]
fn there_is_an_event_of_every_route_and_worker_and_no_other() {
    let folder = std::fs::read_dir(Path::new(WORKSPACE).join("infra/events")).unwrap();
    let files: BTreeSet<String> =
        folder.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();

    let routes = catalog::endpoints().into_iter().map(|endpoint| endpoint.route.name);
    let workers = catalog::workers().into_iter().map(|worker| worker.spec.name);
    assert_eq!(files, routes.chain(workers).map(|name| format!("{name}.json")).collect());
}

#[test]
fn resources_can_only_be_added_to_the_last_section() {
    let made = template("# About.\nA: 1\nResources:\n  # Kept.\n  B: {}\n", &[]).unwrap();
    let refused = template("Resources:\n  B: {}\nA: 1\n", &[]);

    assert!(made.contains("\nA: 1\nResources:\n  # Kept.\n  B: {}\n"), "{made}");
    assert!(!made.contains("About"));
    assert!(matches!(refused, Err(SynthError::ResourcesNotLast)));
}
