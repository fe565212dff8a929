//! Opening the data-map engine from its files.

use std::path::{Path, PathBuf};

use connectors::{Connections, Engine};
use domain::datamap::DataMap;

use crate::Clients;

/// Why the engine cannot be had: one line per fault, with file and line. Says nothing of persons.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct EngineRefused(String);

fn refused(error: impl std::fmt::Display) -> EngineRefused {
    EngineRefused(error.to_string())
}

/// Reads the data map and the connections file, opens every store, and checks one against the
/// other.
///
/// # Errors
/// When a file cannot be read, map and connections do not fit each other or the stores, or a
/// store cannot be opened.
pub async fn open_engine(
    datamaps: &[PathBuf],
    connections: Option<&Path>,
    clients: &Clients,
) -> Result<Engine, EngineRefused> {
    let text = |path: &Path| {
        std::fs::read_to_string(path).map_err(|error| refused(format!("{}: {error}", path.display())))
    };
    let mut files = Vec::new();
    for path in datamaps {
        files.push((path.display().to_string(), text(path)?));
    }
    let map = match files.as_slice() {
        // Nothing is mapped: the ledger is all there is.
        [] => DataMap::default(),
        files => {
            DataMap::load(files.iter().map(|(name, text)| (name.as_str(), text.as_str()))).map_err(refused)?
        }
    };
    // Without a connections file there is nothing to connect to, which the map must agree with.
    let (name, content, base) = match connections {
        Some(path) => (path.display().to_string(), text(path)?, path.parent().unwrap_or(Path::new(""))),
        None => ("connections".to_owned(), "connections: {}".to_owned(), Path::new("")),
    };
    let connections =
        Connections::load(&name, &content, base, &|name| std::env::var(name).ok()).map_err(refused)?;
    let clients = connectors::Clients { dynamodb: clients.dynamodb.clone(), s3: clients.s3.clone() };
    Engine::open(map, connections, clients).await.map_err(refused)
}
