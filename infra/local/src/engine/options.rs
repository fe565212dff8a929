//! The options of `cargo local engine`, and what they say.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::{
    Args, Subcommand,
    error::{ContextKind, ContextValue, ErrorKind},
};
use domain::{
    datamap::{Category, DataMap, Identities, Masking, Selection},
    policy::{Action, Policy},
    tenant::MapFiles,
};

use super::say;

/// What to do for a person.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Print every row of a person
    Access(Access),
    /// Print what an erasure would do, with nothing changed
    Plan(Planned),
    /// Erase a person's rows and read every store again as proof
    Erase(Erase),
}

/// Which stores, and for whom.
#[derive(Args)]
pub(crate) struct Shared {
    /// File of the data map; may be given several times
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    datamap: Vec<PathBuf>,
    /// Connections file, which says where the datasets of the map are
    #[arg(long, value_name = "FILE")]
    connections: PathBuf,
    /// By what the person is found, such as email=ada@example.com; may be given several times
    #[arg(long, value_name = "NAME=VALUE", required = true, num_args = 1..)]
    identity: Vec<String>,
    /// Print JSON; an erasure then asks nothing
    #[arg(long)]
    pub(super) json: bool,
}

/// The options of an access.
#[derive(Args)]
pub(crate) struct Access {
    #[command(flatten)]
    pub(super) shared: Shared,
    /// Data category to show, with all inside it; may be given several times; all if absent
    #[arg(long, value_name = "CATEGORY", num_args = 1.., conflicts_with = "policy")]
    target: Vec<String>,
    #[command(flatten)]
    policy: PolicyFile,
}

/// The options of a plan.
#[derive(Args)]
pub(crate) struct Planned {
    #[command(flatten)]
    pub(super) shared: Shared,
    #[command(flatten)]
    pub(super) method: Method,
}

/// The options of an erasure.
#[derive(Args)]
pub(crate) struct Erase {
    #[command(flatten)]
    pub(super) shared: Shared,
    #[command(flatten)]
    pub(super) method: Method,
    /// Erase without asking
    #[arg(long)]
    pub(super) yes: bool,
    /// Erase only if the plan is still the one with this hash
    #[arg(long, value_name = "SHA256")]
    pub(super) plan: Option<String>,
}

/// How it is erased: by the map's own methods, by one strategy, or by a policy.
#[derive(Args)]
pub(crate) struct Method {
    /// Data category to mask, with all inside it; may be given several times
    #[arg(long, value_name = "CATEGORY", num_args = 1.., requires = "strategy", conflicts_with = "policy")]
    target: Vec<String>,
    /// Masking strategy, such as hash, in place of the map's own methods
    #[arg(long, value_name = "NAME", requires = "target", conflicts_with = "policy")]
    strategy: Option<String>,
    /// Configuration of the strategy
    #[arg(long, value_name = "JSON", requires = "strategy")]
    config: Option<String>,
    #[command(flatten)]
    policy: PolicyFile,
}

/// A policy in a file.
#[derive(Args)]
struct PolicyFile {
    /// File of a policy, or of a list `policies`
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Which policy of the file
    #[arg(long, value_name = "KEY", requires = "policy")]
    policy_key: Option<String>,
}

/// What the parser says of a wrong command line, without the words that it does not know: one of them
/// may be the value of an identity.
pub(crate) fn discreet(mut error: clap::Error) -> clap::Error {
    if !std::env::args().any(|argument| argument == "engine") {
        return error;
    }
    for kind in [ContextKind::InvalidArg, ContextKind::InvalidValue, ContextKind::InvalidSubcommand] {
        let Some(ContextValue::String(text)) = error.get(kind) else { continue };
        let harmless = match kind {
            // Only an unknown option is not one of ours.
            ContextKind::InvalidArg => error.kind() != ErrorKind::UnknownArgument || is_flag(text),
            _ => text.is_empty(),
        };
        if !harmless {
            error.insert(kind, ContextValue::String("...".to_owned()));
        }
    }
    error.remove(ContextKind::Suggested);
    error
}

/// Whether this looks like an option without a value.
fn is_flag(text: &str) -> bool {
    text.starts_with('-') && text.chars().all(|char| char == '-' || char.is_ascii_lowercase())
}

impl Shared {
    pub(super) fn files(&self) -> MapFiles {
        MapFiles { files: self.datamap.clone(), connections: Some(self.connections.clone()) }
    }

    /// Who the person is. A name by which nothing is found is pointed out.
    pub(super) fn identities(&self, map: &DataMap) -> Result<Identities, String> {
        let known = map.identity_names();
        let mut pairs: Vec<(&str, &str)> = Vec::new();
        for (text, number) in self.identity.iter().zip(1..) {
            // What is not understood may be anything, so it is not repeated.
            let (name, value) = text
                .split_once('=')
                .filter(|(name, value)| (known.contains(name) || is_name(name)) && !value.is_empty())
                .ok_or_else(|| format!("identity {number} is not written as NAME=VALUE"))?;
            if pairs.iter().any(|(other, _)| *other == name) {
                return Err(format!("the identity `{name}` is given twice"));
            }
            if !known.contains(&name) {
                say(&format!("nothing in the data map is found by the identity `{name}`"));
            }
            pairs.push((name, value));
        }
        Ok(pairs.into_iter().collect())
    }
}

/// Whether this looks like the name of an identity.
fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|char| char.is_ascii_alphanumeric() || "_-.".contains(char))
}

impl Access {
    /// What is shown.
    pub(super) fn selection(&self, map: &DataMap) -> Result<Selection, String> {
        let Some(policy) = self.policy.load(map)? else {
            return Ok(Selection::new(map, &categories(&self.target, map)?));
        };
        match policy.shown().as_slice() {
            // No targets at all would mean everything.
            [] => Err(format!("the policy `{}` shows nothing", policy.key)),
            shown => Ok(Selection::new(map, shown)),
        }
    }
}

impl Method {
    /// The policy by which it is erased; none for the map's own methods.
    pub(super) fn policy(&self, map: &DataMap) -> Result<Option<Policy>, String> {
        let Some(strategy) = &self.strategy else {
            let policy = self.policy.load(map)?;
            return match policy {
                Some(policy) if policy.rules.iter().all(|rule| rule.action == Action::Access) => {
                    Err(format!("the policy `{}` erases nothing", policy.key))
                }
                policy => Ok(policy),
            };
        };
        let config = match &self.config {
            Some(text) => Some(serde_json::from_str(text).map_err(|error| format!("--config: {error}"))?),
            None => None,
        };
        let masking =
            Masking::parse(strategy, config.as_ref()).map_err(|reason| format!("--strategy: {reason}"))?;
        Ok(Some(Policy::erasure_of(categories(&self.target, map)?, masking)))
    }
}

/// The named categories, if all are known.
fn categories(names: &[String], map: &DataMap) -> Result<Vec<Category>, String> {
    let known = |name: &String| {
        let category = Category(name.clone());
        match map.knows(&category) {
            true => Ok(category),
            false => Err(format!("unknown data category `{name}`")),
        }
    };
    names.iter().map(known).collect()
}

impl PolicyFile {
    fn load(&self, map: &DataMap) -> Result<Option<Policy>, String> {
        let Some(path) = &self.policy else { return Ok(None) };
        let wrong = |reason: &dyn std::fmt::Display| format!("{}: {reason}", path.display());
        let policy = self.choose(read(path)?).map_err(|reason| wrong(&reason))?;
        policy.check(map).map_err(|error| wrong(&format!("the policy `{}`: {error}", policy.key)))?;
        Ok(Some(policy))
    }

    fn choose(&self, policies: Vec<Policy>) -> Result<Policy, String> {
        let keys: Vec<String> = policies.iter().map(|policy| format!("`{}`", policy.key)).collect();
        let mut fitting = policies
            .into_iter()
            .filter(|policy| self.policy_key.as_ref().is_none_or(|key| *key == policy.key));
        match (fitting.next(), fitting.next()) {
            (Some(policy), None) => Ok(policy),
            (Some(_), Some(_)) => Err(format!("--policy-key must be one of: {}", keys.join(", "))),
            (None, _) => Err(format!("there is no such policy; expected one of: {}", keys.join(", "))),
        }
    }
}

/// The policies of a file, JSON or YAML: one, or several under `policies`.
fn read(path: &Path) -> Result<Vec<Policy>, String> {
    let wrong = |reason: &dyn std::fmt::Display| format!("{}: {reason}", path.display());
    let text = fs::read_to_string(path).map_err(|error| wrong(&error))?;
    let mut content: serde_json::Value = serde_saphyr::from_str(&text).map_err(|error| wrong(&error))?;
    let policies = match content.get_mut("policies") {
        Some(list) => list.take(),
        None => serde_json::Value::Array(vec![content]),
    };
    serde_json::from_value(policies).map_err(|error| wrong(&error))
}
