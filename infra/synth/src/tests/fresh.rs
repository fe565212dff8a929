use std::path::Path;

use crate::{SynthError, WORKSPACE, stale, template::template};

#[test]
fn what_is_committed_is_what_the_catalog_makes() {
    let stale: Vec<&str> = stale(Path::new(WORKSPACE)).unwrap().iter().map(|file| file.path).collect();

    assert!(stale.is_empty(), "run `cargo generate`, which changes {stale:?}");
}

#[test]
fn resources_can_only_be_added_to_the_last_section() {
    let made = template("# About.\nA: 1\nResources:\n  # Kept.\n  B: {}\n", &[]).unwrap();
    let refused = template("Resources:\n  B: {}\nA: 1\n", &[]);

    assert!(made.contains("\nA: 1\nResources:\n  # Kept.\n  B: {}\n"), "{made}");
    assert!(!made.contains("About"));
    assert!(matches!(refused, Err(SynthError::ResourcesNotLast)));
}
