//! The engine: one map, its opened stores, and the two things that are done for a person.

mod erase;
#[cfg(test)]
mod tests;
mod walk;

use std::collections::HashMap;

use domain::datamap::{
    Catalogue, Collection, CollectionRef, Count, DataMap, Declared, Erasure, Graph, Identities, KeyKind,
    MapErrors, Node, NodeId,
};

use crate::connections::{Connections, Kind};
use crate::dynamodb::DynamoDb;
use crate::fault::EngineError;
use crate::s3_objects::S3Objects;
use crate::sink::{Progress, Sink};
use crate::sqlite::Sqlite;
use crate::store::Store;
use walk::Walk;

/// The AWS clients that stores of these kinds share.
#[derive(Clone, Debug)]
pub struct Clients {
    /// For `kind: dynamodb`.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// For `kind: s3_objects`.
    pub s3: aws_sdk_s3::Client,
}

/// A data map with all its stores opened and checked.
pub struct Engine {
    map: DataMap,
    graph: Graph,
    stores: HashMap<String, Box<dyn Store>>,
}

impl Engine {
    /// Opens every store and checks it against the map.
    ///
    /// # Errors
    /// [`EngineError::Refused`] with every missing connection, file, table, column or bucket,
    /// and with what the stores' own keys show to be wrong with the map.
    pub async fn open(map: DataMap, connections: Connections, clients: Clients) -> Result<Self, EngineError> {
        connections.check(&map).map_err(EngineError::Refused)?;
        let mut errors = MapErrors::default();
        let mut stores: HashMap<String, Box<dyn Store>> = HashMap::new();
        for dataset in &map.datasets {
            let Some(connection) = connections.of(&dataset.key) else { continue };
            let at = &connection.at;
            let store: Option<Box<dyn Store>> = match &connection.kind {
                Kind::Sqlite { path } => {
                    Sqlite::open(dataset, at, path, &mut errors).await.map(|store| Box::new(store) as _)
                }
                Kind::DynamoDb => DynamoDb::open(dataset, clients.dynamodb.clone(), &mut errors)
                    .await
                    .map(|store| Box::new(store) as _),
                Kind::S3Objects { bucket, key } => {
                    S3Objects::open(dataset, at, bucket, key, clients.s3.clone(), &mut errors)
                        .await
                        .map(|store| Box::new(store) as _)
                }
            };
            stores.extend(store.map(|store| (dataset.key.clone(), store)));
        }
        errors.or(()).map_err(EngineError::Refused)?;
        Self::assemble(map, stores)
    }

    fn assemble(map: DataMap, stores: HashMap<String, Box<dyn Store>>) -> Result<Self, EngineError> {
        let graph = Graph::new(&map, &Stores(&stores)).map_err(EngineError::Refused)?;
        let engine = Self { map, graph, stores };
        engine.check_entries().map_err(EngineError::Refused)?;
        Ok(engine)
    }

    /// The data map.
    #[must_use]
    pub const fn map(&self) -> &DataMap {
        &self.map
    }

    /// The order in which collections are walked and erased.
    #[must_use]
    pub const fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Streams every row of the person to `sink`, collection by collection in walk order.
    ///
    /// # Errors
    /// At the first store that fails: a takeout that lacks something must not look whole.
    pub async fn access(
        &self,
        identities: &Identities,
        sink: &mut dyn Sink,
    ) -> Result<Vec<Count>, EngineError> {
        let mut walk = Walk::new(self, identities)?;
        walk.stream(sink).await?;
        Ok(walk.counts())
    }

    /// Erases the person's own rows, children before parents and what carries the identity last,
    /// and reads every collection again as proof.
    ///
    /// A store that fails leaves its collection unfinished with the reason in the outcome, and with it
    /// all through which it is found; the others are still erased. Running again goes on from there.
    ///
    /// # Errors
    /// If no identity leads into the map, or when `progress` stops the run.
    pub async fn erase(
        &self,
        identities: &Identities,
        progress: &mut dyn Progress,
    ) -> Result<Erasure, EngineError> {
        let mut walk = Walk::new(self, identities)?;
        walk.survey().await;
        erase::run(self, &walk, progress).await
    }

    /// Refuses fields by which a store cannot find anything.
    fn check_entries(&self) -> Result<(), MapErrors> {
        let mut errors = MapErrors::default();
        for (id, node) in self.graph.nodes().iter().enumerate() {
            let store = self.store(&node.at);
            for field in self.graph.entries(NodeId(id)) {
                if !store.finds_by(&node.at.collection, field)
                    && let Some(written) = self.map.collection(&node.at).and_then(|c| c.field(field))
                {
                    let reason = format!("`{}` cannot be found by its `{field}`", node.at);
                    errors.push(&written.at, reason);
                }
            }
        }
        errors.or(())
    }

    fn node(&self, id: NodeId) -> &Node {
        self.graph.node(id)
    }

    fn store(&self, at: &CollectionRef) -> &dyn Store {
        // Opening refuses a map in which any dataset has no store.
        &*self.stores[&at.dataset]
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("datasets", &self.stores.keys()).finish_non_exhaustive()
    }
}

/// The keys as the map and the stores together know them.
struct Stores<'a>(&'a HashMap<String, Box<dyn Store>>);

impl Catalogue for Stores<'_> {
    fn key(&self, at: &CollectionRef, collection: &Collection, field: &str) -> KeyKind {
        let store = self.0.get(&at.dataset);
        let known = store.map_or(KeyKind::Plain, |store| store.key(&at.collection, field));
        match (known, Declared.key(at, collection, field)) {
            (KeyKind::Primary, _) | (_, KeyKind::Primary) => KeyKind::Primary,
            (KeyKind::Unique, _) | (_, KeyKind::Unique) => KeyKind::Unique,
            (KeyKind::Plain, KeyKind::Plain) => KeyKind::Plain,
        }
    }
}
