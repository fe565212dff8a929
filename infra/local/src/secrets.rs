//! Secrets of the stores in local mode, where no Secrets Manager keeps them.
//!
//! A file holds them by name; and a variable `LETHE_SECRET_CRM_KEY` holds the secret `crm-key`.

use std::{collections::BTreeMap, fs, io, path::Path};

use serde_json::Value;

/// What the variables that hold secrets begin with.
const VARIABLE: &str = "LETHE_SECRET_";

/// Why there are no secrets.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SecretsError {
    /// The file cannot be read.
    #[error("the file of secrets cannot be read")]
    File(#[source] io::Error),
    /// It is not what was expected. The cause could quote a secret.
    #[error("the file of secrets must be a mapping from names to secrets")]
    Form,
}

/// The secrets in a file and in this process's variables.
///
/// # Errors
/// See [`SecretsError`].
pub(crate) fn of_machine(file: Option<&Path>) -> Result<BTreeMap<String, String>, SecretsError> {
    // A variable that is no text is none of ours.
    let variables = std::env::vars_os();
    read(
        file,
        variables.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
    )
}

/// Secrets by name: those of the variables, over those of the file.
fn read(
    file: Option<&Path>,
    variables: impl Iterator<Item = (String, String)>,
) -> Result<BTreeMap<String, String>, SecretsError> {
    let mut secrets = BTreeMap::new();
    if let Some(file) = file {
        let text = fs::read_to_string(file).map_err(SecretsError::File)?;
        let written: BTreeMap<String, Value> =
            serde_saphyr::from_str(&text).map_err(|_| SecretsError::Form)?;
        secrets.extend(written.into_iter().map(|(name, secret)| match secret {
            Value::String(text) => (name, text),
            // What is not plain text is JSON, as in Secrets Manager.
            other => (name, other.to_string()),
        }));
    }
    secrets.extend(variables.filter_map(|(variable, secret)| {
        let name = variable.strip_prefix(VARIABLE)?;
        Some((name.to_ascii_lowercase().replace('_', "-"), secret))
    }));
    Ok(secrets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_goes_before_the_file_and_structures_are_json() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "crm-key: {current: a, keys: {a: b}}\nurl: from the file\n").unwrap();
        let variables = [("LETHE_SECRET_URL", "from the environment"), ("PATH", "/bin")];

        let secrets =
            read(Some(file.path()), variables.map(|(name, value)| (name.into(), value.into())).into_iter())
                .unwrap();

        assert_eq!(secrets["crm-key"], r#"{"current":"a","keys":{"a":"b"}}"#);
        assert_eq!(secrets["url"], "from the environment");
        assert_eq!(secrets.len(), 2);
    }

    #[test]
    fn a_broken_file_is_refused_without_quoting_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "- hunter2\n").unwrap();

        let error = read(Some(file.path()), std::iter::empty()).unwrap_err();

        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}
