//! From the catalog to the files that follow from it: the SAM template, the table of what each function
//! may do, the OpenAPI document, a sample event of each function, and the tables of endpoints and workers
//! in the README.
//!
//! `template.yaml` is `infra/base.yaml`, word for word, followed by three resources for each
//! endpoint and worker: the function, its role and its log. What a role may do is said once per
//! [`runtime::Need`], in the policies of `base.yaml`. Everything comes in the order of the catalog,
//! so that the same catalog always makes the same files, and a test can tell whether the committed
//! ones are fresh.

mod error;
mod events;
mod function;
mod intrinsic;
mod lambda;
mod openapi;
mod readme;
mod rights;
mod role;
pub mod sample;
mod template;
#[cfg(test)]
mod tests;

use std::path::Path;

pub use error::SynthError;
use lambda::Lambda;

/// The root of the workspace.
pub const WORKSPACE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

const BASE: &str = "infra/base.yaml";
const TEMPLATE: &str = "template.yaml";
const RIGHTS: &str = "infra/roles.yaml";
const README: &str = "README.md";

/// A generated file.
#[derive(Debug, PartialEq, Eq)]
pub struct Generated {
    /// Its path from the root of the workspace.
    pub path: String,
    /// All that is in it.
    pub text: String,
}

impl Generated {
    /// Writes it into the workspace at `root`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, root: &Path) -> Result<(), SynthError> {
        std::fs::write(root.join(&self.path), &self.text)
            .map_err(|source| SynthError::File { path: self.path.clone(), source })
    }
}

/// Everything that follows from the catalog, for the workspace at `root`.
///
/// # Errors
/// When a hand-written part cannot be read or is not as it must be.
pub fn generate(root: &Path) -> Result<Vec<Generated>, SynthError> {
    let (endpoints, workers) = (functions::catalog::endpoints(), functions::catalog::workers());
    let lambdas: Vec<Lambda> =
        lambda::of_endpoints(&endpoints).into_iter().chain(workers.iter().map(Lambda::from)).collect();
    let template = template::template(&read(root, BASE)?, &lambdas)?;
    let rights = rights::table(&template, &lambdas)?;
    let file = |path: &str, text| Generated { path: path.to_owned(), text };
    let mut files = vec![file(TEMPLATE, template), file(RIGHTS, rights)];
    if let Some(before) = read_if_there(root, README)? {
        files.push(file(README, readme::with_tables(&before, &endpoints, &workers)?));
    }
    let operations = functions::catalog::operations();
    files.push(Generated { path: openapi::FILE.to_owned(), text: openapi::document(&operations)? });
    files.extend(events::events(&operations, &workers)?);
    Ok(files)
}

/// Those of the generated files that are not in the workspace at `root` as they should be.
///
/// # Errors
/// When a file cannot be read or generated.
pub fn stale(root: &Path) -> Result<Vec<Generated>, SynthError> {
    let mut stale = Vec::new();
    for file in generate(root)? {
        if read_if_there(root, &file.path)?.as_ref() != Some(&file.text) {
            stale.push(file);
        }
    }
    Ok(stale)
}

fn read(root: &Path, path: &str) -> Result<String, SynthError> {
    std::fs::read_to_string(root.join(path))
        .map_err(|source| SynthError::File { path: path.to_owned(), source })
}

fn read_if_there(root: &Path, path: &str) -> Result<Option<String>, SynthError> {
    if root.join(path).exists() { read(root, path).map(Some) } else { Ok(None) }
}
