//! `cargo local verify`: whether a certificate is genuine. Needs its file and the public key, and
//! neither a network nor a ledger.

use std::{fmt::Write as _, fs, path::PathBuf, process::ExitCode};

use clap::Args;
use domain::certificate::{Certificate, KeyRing, Verified, verify};
use serde::Serialize;

/// What is verified by what.
#[derive(Args)]
pub(crate) struct Verify {
    /// File of the certificate
    certificate: PathBuf,
    /// File of the public key or keys: PEM, JWK or JWK set
    #[arg(long)]
    key: PathBuf,
}

/// The exit code of a certificate that is refused.
const REFUSED: u8 = 2;

/// Prints what a genuine certificate says, or why it is refused.
pub(crate) fn main(ask: &Verify) -> ExitCode {
    match run(ask) {
        Ok(summary) => {
            print!("{summary}");
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("refused: {reason}");
            ExitCode::from(REFUSED)
        }
    }
}

fn run(ask: &Verify) -> Result<String, String> {
    let read = |path: &PathBuf| {
        fs::read_to_string(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))
    };
    let keys = KeyRing::read(&read(&ask.key)?).map_err(|error| format!("{}: {error}", ask.key.display()))?;
    let verified = verify(&read(&ask.certificate)?, &keys).map_err(|refused| refused.to_string())?;
    Ok(summary(&verified))
}

fn summary(Verified { certificate, key }: &Verified) -> String {
    let Certificate {
        version,
        id,
        tenant,
        subject,
        kind,
        door,
        requested_at,
        executed_at,
        attempts,
        searched_by,
        data_map,
        policy,
        plan_sha256,
        collections: _,
        ledger,
        backup_horizon,
        generator,
    } = certificate;
    let or_none = |text: &Option<String>| text.as_deref().map_or("-".to_owned(), plain);
    let mut text = format!("The certificate is genuine: signed with the key {}.\n\n", key.id());
    for (name, value) in [
        ("request", format!("{id}, {} asked for through {}", word(kind), word(door))),
        ("tenant", tenant.to_string()),
        ("subject", format!("{subject} (a pseudonym)")),
        ("asked for", requested_at.to_rfc3339()),
        ("complete", format!("{}, attempts: {attempts}", executed_at.to_rfc3339())),
        ("searched by", plain(&searched_by.join(", "))),
        ("data map", plain(data_map)),
        ("policy", or_none(policy)),
        ("plan", or_none(plan_sha256)),
        ("made by", format!("{}, form {version}", plain(generator))),
    ] {
        line(&mut text, &format!("{name:12} {value}"));
    }
    line(&mut text, "");
    table(&mut text, certificate);
    line(
        &mut text,
        &format!(
            "\nThe person's key in the ledger was destroyed by {}; what was asked is kept until {}.",
            ledger.key_destroyed_at.to_rfc3339(),
            ledger.kept_until.to_rfc3339()
        ),
    );
    let horizon = match backup_horizon {
        Some(day) => format!("No backup can restore anything after {day}."),
        None => "Until when backups can restore something is not known of every store.".to_owned(),
    };
    line(&mut text, &horizon);
    text
}

/// What became of each collection, and why something stayed.
fn table(text: &mut String, certificate: &Certificate) {
    let names: Vec<String> = certificate
        .collections
        .iter()
        .map(|one| plain(&format!("{}:{}", one.dataset, one.collection)))
        .collect();
    let wide = names.iter().map(|name| name.chars().count()).chain([10]).max().unwrap_or_default();
    line(
        text,
        &format!("{:wide$}  method   found  erased  masked    kept    left  backups until", "collection"),
    );
    for (one, name) in certificate.collections.iter().zip(&names) {
        let horizon = one.backup_horizon.map_or("not known".to_owned(), |day| day.to_string());
        line(
            text,
            &format!(
                "{name:wide$}  {:6} {:>7} {:>7} {:>7} {:>7} {:>7}  {horizon}",
                word(&one.method),
                one.found,
                one.erased,
                one.masked,
                one.kept,
                one.after,
            ),
        );
    }
    for (one, name) in certificate.collections.iter().zip(&names) {
        for reason in &one.kept_because {
            line(text, &format!("kept in {name}: {}", plain(reason)));
        }
    }
}

fn line(text: &mut String, line: &str) {
    // Writing to a text has no way to fail.
    let _ = writeln!(text, "{line}");
}

/// The word that stands for a value in the certificate.
fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// A text that cannot move the cursor: whoever signed chose it.
fn plain(text: &str) -> String {
    text.chars().fold(String::new(), |mut plain, c| {
        if c.is_control() {
            plain.extend(c.escape_default())
        } else {
            plain.push(c)
        }
        plain
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_text_moves_the_cursor() {
        assert_eq!(super::plain("a\u{1b}[2Jb\nç"), "a\\u{1b}[2Jb\\nç");
    }
}
