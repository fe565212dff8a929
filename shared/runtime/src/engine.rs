//! Opening the data-map engine from its files.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use connectors::{Connections, Engine, EngineError};
use domain::{datamap::DataMap, tenant::MapFiles};
use tokio::sync::Mutex;

use crate::Clients;

/// Why the engine cannot be had: one line per fault, with file and line. Says nothing of persons.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct EngineRefused(String);

impl From<EngineError> for EngineRefused {
    fn from(error: EngineError) -> Self {
        refused(error)
    }
}

fn refused(error: impl std::fmt::Display) -> EngineRefused {
    EngineRefused(error.to_string())
}

/// The engines in use. Tenants whose files are the same share one; a bad map is its tenants' alone.
#[derive(Default)]
pub(crate) struct Engines(Mutex<BTreeMap<MapFiles, Arc<Engine>>>);

impl Engines {
    /// Engines of which one is open already.
    pub(crate) fn with(files: MapFiles, engine: Engine) -> Self {
        Self(Mutex::new(BTreeMap::from([(files, Arc::new(engine))])))
    }

    /// The engine of these files, opened when first asked for, and again as long as one of its
    /// stores could not be.
    pub(crate) async fn get(
        &self,
        files: &MapFiles,
        clients: &Clients,
    ) -> Result<Arc<Engine>, EngineRefused> {
        let mut engines = self.0.lock().await;
        if let Some(engine) = engines.get(files)
            && engine.broken().0.is_empty()
        {
            return Ok(Arc::clone(engine));
        }
        let engine = Arc::new(open_engine(files, clients).await?);
        engines.insert(files.clone(), Arc::clone(&engine));
        Ok(engine)
    }
}

/// Reads the data map and the connections file, opens every store, and checks one against the
/// other.
///
/// # Errors
/// When a file cannot be read, or map and connections do not fit each other. What keeps a store
/// from being opened is said by the engine itself: see [`Engine::whole`].
pub async fn open_engine(files: &MapFiles, clients: &Clients) -> Result<Engine, EngineRefused> {
    let MapFiles { files: datamaps, connections } = files;
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
    let (name, content, base) = match connections.as_deref() {
        Some(path) => (path.display().to_string(), text(path)?, path.parent().unwrap_or(Path::new(""))),
        None => ("connections".to_owned(), "connections: {}".to_owned(), Path::new("")),
    };
    let connections =
        Connections::load(&name, &content, base, &|name| std::env::var(name).ok()).map_err(refused)?;
    let clients = connectors::Clients {
        dynamodb: clients.dynamodb().clone(),
        s3: clients.s3().clone(),
        secrets: Arc::new(clients.secrets.clone()),
    };
    Engine::open(map, connections, clients).await.map_err(refused)
}
