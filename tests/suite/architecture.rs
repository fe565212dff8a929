//! The arrows between the crates, and what production must not contain.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write as _,
    process::{Command, Stdio},
};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Which of our crates each may use.
const ARROWS: [(&str, &[&str]); 16] = [
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
    ("benches", &["domain", "connectors", "servers", "archive", "bench-archive"]),
    ("bench-archive", &["archive"]),
    ("gdprbench", &["domain", "runtime", "local", "bench-archive"]),
    ("models", &["domain"]),
    ("fuzz", &["domain", "wire"]),
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

/// What functions trust: the roots of Amazon Trust Services, by name, SHA-256 and end.
const ROOTS: [(&str, &str, &str); 5] = [
    (
        "Amazon Root CA 1",
        "8E:CD:E6:88:4F:3D:87:B1:12:5B:A3:1A:C3:FC:B1:3D:70:16:DE:7F:57:CC:90:4F:E1:CB:97:C6:AE:98:19:6E",
        "Jan 17 00:00:00 2038 GMT",
    ),
    (
        "Amazon Root CA 2",
        "1B:A5:B2:AA:8C:65:40:1A:82:96:01:18:F8:0B:EC:4F:62:30:4D:83:CE:C4:71:3A:19:C3:9C:01:1E:A4:6D:B4",
        "May 26 00:00:00 2040 GMT",
    ),
    (
        "Amazon Root CA 3",
        "18:CE:6C:FE:7B:F1:4E:60:B2:E3:47:B8:DF:E8:68:CB:31:D0:2E:BB:3A:DA:27:15:69:F5:03:43:B4:6D:B3:A4",
        "May 26 00:00:00 2040 GMT",
    ),
    (
        "Amazon Root CA 4",
        "E3:5D:28:41:9E:D0:20:25:CF:A6:90:38:CD:62:39:62:45:8D:A5:C6:95:FB:DE:A3:C2:2B:0B:FB:25:89:70:92",
        "May 26 00:00:00 2040 GMT",
    ),
    (
        "Starfield Services Root Certificate Authority - G2",
        "56:8D:69:05:A2:C8:87:08:A4:B3:02:51:90:ED:CF:ED:B1:97:4A:60:6A:13:C6:E5:29:0F:CB:2A:E6:3E:DA:B5",
        "Dec 31 23:59:59 2037 GMT",
    ),
];

#[test]
fn the_roots_are_amazons_and_good_for_two_more_years() {
    let file = include_str!("../../shared/runtime/src/roots.pem");
    let certificates: Vec<&str> = file.split_inclusive("-----END CERTIFICATE-----\n").collect();
    assert_eq!(certificates.len(), ROOTS.len());

    for (certificate, (name, sha256, end)) in certificates.into_iter().zip(ROOTS) {
        let told = openssl(certificate, &["-noout", "-subject", "-enddate", "-fingerprint", "-sha256"]);
        for expected in [name, sha256, end] {
            assert!(told.contains(expected), "{expected} is not in {told}");
        }
        let two_years = (2 * 365 * 24 * 60 * 60).to_string();
        assert!(
            openssl(certificate, &["-noout", "-checkend", &two_years]).contains("will not expire"),
            "{name}"
        );
    }
}

/// What OpenSSL says of a certificate.
fn openssl(certificate: &str, ask: &[&str]) -> String {
    let mut openssl = Command::new("openssl")
        .arg("x509")
        .args(ask)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    openssl.stdin.take().unwrap().write_all(certificate.as_bytes()).unwrap();
    String::from_utf8(openssl.wait_with_output().unwrap().stdout).unwrap()
}
