//! `cargo local verify-log`: whether a log of the audit is whole. Needs its files and the public keys, and neither
//! a network nor a ledger.

use std::{fs, path::PathBuf, process::ExitCode};

use clap::Args;
use domain::{
    audit::{Segment, SignedRoot, Verified, Verifier},
    certificate::KeyRing,
};
use serde::Deserialize;

/// What is verified by what.
#[derive(Args)]
pub(crate) struct VerifyLog {
    /// Files of the log's segments, as they lie in the bucket or as they are handed out, in any order
    #[arg(required = true)]
    segments: Vec<PathBuf>,
    /// File of the public key or keys: PEM, JWK or JWK set
    #[arg(long)]
    key: PathBuf,
    /// File of a signed root that somebody has kept; may be given several times
    #[arg(long)]
    root: Vec<PathBuf>,
}

/// The exit code of a log with which something is wrong.
const REFUSED: u8 = 2;

/// A segment as it lies in the bucket, or as it is handed out.
#[derive(Deserialize)]
#[serde(untagged)]
enum File {
    Segment(Segment),
    Page { segment: Option<Segment> },
}

/// Prints what a log is that is whole, or what is wrong with it.
pub(crate) fn main(ask: &VerifyLog) -> ExitCode {
    match run(ask) {
        Ok(Verified { entries, chains, root }) => {
            println!("The log is whole: {entries} entries of {chains} persons and the tenant as a whole.");
            if let Some(root) = root {
                println!("Its last root was signed at {}: {}", root.at.to_rfc3339(), root.root);
            }
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("refused: {reason}");
            ExitCode::from(REFUSED)
        }
    }
}

fn run(ask: &VerifyLog) -> Result<Verified, String> {
    let read = |path: &PathBuf| {
        fs::read_to_string(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))
    };
    let keys = KeyRing::read(&read(&ask.key)?).map_err(|error| format!("{}: {error}", ask.key.display()))?;
    let mut segments = Vec::new();
    for path in &ask.segments {
        let file = serde_json::from_str(&read(path)?);
        match file.map_err(|_| format!("{} is no segment of a log", path.display()))? {
            File::Page { segment } => segments.extend(segment),
            File::Segment(segment) => segments.push(segment),
        }
    }
    segments.sort_by_key(|segment| segment.before.size());
    let roots: Vec<SignedRoot> = ask
        .root
        .iter()
        .map(|path| read(path).map(|text| SignedRoot(text.trim().to_owned())))
        .collect::<Result<_, _>>()?;
    let first = segments.first().map(|segment| &segment.root).or(roots.first());
    let first = first.ok_or("there is nothing to verify")?;
    let tenant = first.open(&keys).map_err(|error| error.to_string())?.tenant;
    let refused = |finding: domain::audit::Tampered| finding.to_string();
    let mut verifier = Verifier::new(tenant, &keys, &roots).map_err(refused)?;
    segments.iter().try_for_each(|segment| verifier.take(segment)).map_err(refused)?;
    verifier.end().map_err(refused)
}
