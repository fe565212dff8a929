//! The engine: one map, its opened stores, and what is done for a person: access, plan, erasure.

mod bookmark;
mod broken;
mod entry;
mod erase;
mod keys;
mod mask;
mod plan;
#[cfg(test)]
mod tests;
mod walk;

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use domain::datamap::{
    Catalogue, Collection, CollectionRef, Count, DataMap, Dataset, Declared, Erasure, FieldFacts, Graph,
    Identities, KeyKind, MapErrors, Masker, Node, NodeId, Selection, Treatments,
};
use domain::plan::Plan;
use domain::policy::Policy;
use futures_util::TryStreamExt as _;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::connections::{Connection, Connections, Kind};
use crate::dynamodb::DynamoDb;
use crate::fault::EngineError;
use crate::http::Http;
use crate::s3_objects::S3Objects;
use crate::secrets::Secrets;
use crate::sink::{Census, Progress, Sink, Unseen};
use crate::sql::Sql;
use crate::store::Store;
pub use bookmark::Bookmark;
use broken::Broken;
use walk::{Depth, Walk};

/// How many accesses run at the same time.
const TURNS: usize = 4;

/// How long an access has the stores to itself before the next one begins beside it.
///
/// Most are done by then, and sooner than side by side; a long one holds nobody up.
const START: Duration = Duration::from_secs(1);

/// What stores of these kinds share.
#[derive(Clone)]
pub struct Clients {
    /// For `kind: dynamodb`.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// For `kind: s3_objects`.
    pub s3: aws_sdk_s3::Client,
    /// For every kind with a `secret`.
    pub secrets: Arc<dyn Secrets>,
}

/// A data map with all its stores opened and checked.
pub struct Engine {
    map: DataMap,
    graph: Graph,
    stores: HashMap<String, Box<dyn Store>>,
    broken: MapErrors,
    turns: Semaphore,
    start: Semaphore,
}

/// What an erasure does: to which rows, and with which secrets values are masked.
#[derive(Debug)]
pub struct Order {
    /// The policy, if not the map's own methods.
    pub policy: Option<String>,
    /// What is done to each collection.
    pub treatments: Treatments,
    /// Makes the new values.
    pub masker: Masker,
}

impl Engine {
    /// Opens every store and checks it against the map.
    ///
    /// A store that cannot be opened, or does not hold what the map says, fails every question that
    /// it is asked later, and no other store's: see [`Engine::whole`].
    ///
    /// # Errors
    /// [`EngineError::Refused`] with every missing connection and what the stores' own keys show to
    /// be wrong with the map.
    pub async fn open(map: DataMap, connections: Connections, clients: Clients) -> Result<Self, EngineError> {
        connections.check(&map).map_err(EngineError::Refused)?;
        let mut broken = MapErrors::default();
        let mut stores: HashMap<String, Box<dyn Store>> = HashMap::new();
        for dataset in &map.datasets {
            let Some(connection) = connections.of(&dataset.key) else { continue };
            let mut errors = MapErrors::default();
            let store = open_store(dataset, connection, &clients, &mut errors).await;
            let store = match store.filter(|_| errors.0.is_empty()) {
                Some(store) => store,
                None => Box::new(Broken::new(&errors)),
            };
            broken.0.append(&mut errors.0);
            stores.insert(dataset.key.clone(), store);
        }
        let engine = Self::assemble(map, stores)?;
        Ok(Self { broken, ..engine })
    }

    /// The engine, if every store was opened.
    ///
    /// # Errors
    /// [`EngineError::Refused`] with every missing file, table, column or bucket.
    pub fn whole(self) -> Result<Self, EngineError> {
        self.broken.clone().or(self).map_err(EngineError::Refused)
    }

    /// What kept stores from being opened.
    #[must_use]
    pub const fn broken(&self) -> &MapErrors {
        &self.broken
    }

    fn assemble(map: DataMap, stores: HashMap<String, Box<dyn Store>>) -> Result<Self, EngineError> {
        let graph = Graph::new(&map, &Stores(&stores)).map_err(EngineError::Refused)?;
        let broken = MapErrors::default();
        let (turns, start) = (Semaphore::new(TURNS), Semaphore::new(1));
        let engine = Self { map, graph, stores, broken, turns, start };
        engine.check_entries().map_err(EngineError::Refused)?;
        Ok(engine)
    }

    /// The same with another store in place of that of `dataset`.
    #[cfg(test)]
    pub(crate) fn on(mut self, dataset: &str, change: impl FnOnce(Box<dyn Store>) -> Box<dyn Store>) -> Self {
        if let Some(store) = self.stores.remove(dataset) {
            self.stores.insert(dataset.to_owned(), change(store));
        }
        self
    }

    /// The store of `dataset` alone.
    #[cfg(test)]
    pub(crate) fn into_store(mut self, dataset: &str) -> Option<Box<dyn Store>> {
        self.stores.remove(dataset)
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

    /// Streams what `selection` leaves of every row of the person to `sink`, collection by
    /// collection in walk order.
    ///
    /// Few accesses run at the same time, so that the first of many is done long before the last.
    ///
    /// # Errors
    /// At the first store that fails: a takeout that lacks something must not look whole.
    pub async fn access(
        &self,
        identities: &Identities,
        selection: &Selection,
        sink: &mut dyn Sink,
    ) -> Result<Vec<Count>, EngineError> {
        self.stream(Walk::new(self, identities, None)?, selection, sink).await
    }

    /// Goes on with an access from where it [rested](Sink::rest).
    ///
    /// # Errors
    /// As [`Engine::access`]; [`EngineError::Moved`] if the data map is another by now, so that the access
    /// must begin anew.
    pub async fn resume_access(
        &self,
        bookmark: Bookmark,
        selection: &Selection,
        sink: &mut dyn Sink,
    ) -> Result<Vec<Count>, EngineError> {
        let walk = Walk::resume(self, bookmark).map_err(|_| EngineError::Moved)?;
        self.stream(walk, selection, sink).await
    }

    async fn stream(
        &self,
        mut walk: Walk<'_>,
        selection: &Selection,
        sink: &mut dyn Sink,
    ) -> Result<Vec<Count>, EngineError> {
        // The semaphores are never closed; without a permit the access would only be less orderly.
        let _turn = self.turns.acquire().await.ok();
        let start = self.start.acquire().await.ok();
        {
            let mut stream = pin!(walk.stream(selection, sink));
            if let Ok(done) = timeout(START, &mut stream).await {
                done?;
            } else {
                drop(start);
                stream.await?;
            }
        }
        Ok(walk.counts())
    }

    /// What [`Engine::erase`] would do now, with nothing changed. A store that cannot be read is
    /// part of the plan, with the reason.
    ///
    /// # Errors
    /// If no identity leads into the map.
    pub async fn plan(&self, identities: &Identities, order: &Order) -> Result<Plan, EngineError> {
        let mut walk = Walk::new(self, identities, Some(&order.treatments))?;
        walk.survey(Depth::Whole).await;
        Ok(plan::plan(self, &walk, order, self.refusals(order)))
    }

    /// Erases the person's rows as `order` says, children before parents and what carries the
    /// identity last, and reads every collection again as proof.
    ///
    /// A store that fails leaves its collection unfinished with the reason in the outcome, and with it
    /// all through which it is found; the others are still erased. Running again goes on from there.
    ///
    /// # Errors
    /// If no identity leads into the map, if the erasure would end half done, or when `progress`
    /// stops the run.
    pub async fn erase(
        &self,
        identities: &Identities,
        order: &Order,
        progress: &mut dyn Progress,
    ) -> Result<Erasure, EngineError> {
        let mut walk = Walk::new(self, identities, Some(&order.treatments))?;
        walk.survey(Depth::Keys).await;
        let plan = plan::plan(self, &walk, order, self.refusals(order));
        if !plan.refusals.is_empty() {
            return Err(EngineError::HalfDone(plan.refusals));
        }
        if progress.planned(&plan).await.is_break() {
            return Err(EngineError::Interrupted(Box::default()));
        }
        erase::run(self, &walk, order, progress).await
    }

    /// Hands every identity value that any store holds to `census`: how erased persons are found who
    /// came back, with a restored backup or a late writer. Says where it could not look.
    ///
    /// # Errors
    /// If `census` cannot go on.
    pub async fn census(&self, census: &mut dyn Census) -> Result<Vec<Unseen>, EngineError> {
        let mut unseen = Vec::new();
        for seed in self.graph.seeds() {
            let at = &self.node(seed.node).at;
            let Some(mut values) = self.store(at).census(&at.collection, &seed.field) else {
                let reason = "the store cannot list whom it knows".to_owned();
                unseen.push(Unseen { at: at.clone(), reason });
                continue;
            };
            loop {
                match values.try_next().await {
                    Ok(Some(values)) => {
                        census.met(at, &seed.identity, &values).await.map_err(EngineError::Sink)?;
                    }
                    Ok(None) => break,
                    Err(fault) => {
                        unseen.push(Unseen { at: at.clone(), reason: fault.to_string() });
                        break;
                    }
                }
            }
        }
        Ok(unseen)
    }

    /// The order to erase by the map's own methods, or by a policy.
    #[must_use]
    pub fn order(&self, policy: Option<&Policy>, masker: Masker) -> Order {
        Order {
            policy: policy.map(|policy| policy.key.clone()),
            treatments: Treatments::new(&self.map, policy),
            masker,
        }
    }

    /// What would end half done by what the map and the stores themselves say.
    fn refusals(&self, order: &Order) -> Vec<String> {
        let stores = Stores(&self.stores);
        let by_map = self.graph.refusals(&self.map, &order.treatments, &stores);
        let mut refusals: Vec<String> = by_map.0.into_iter().map(|error| error.reason).collect();
        for node in self.graph.nodes() {
            let store = self.store(&node.at);
            for treatment in [order.treatments.of(&node.at), order.treatments.of_shared(&node.at)] {
                if let Some(reason) = store.refuses(&node.at.collection, treatment) {
                    refusals.push(format!("`{}`: {reason}", node.at));
                }
            }
        }
        refusals
    }

    /// Refuses fields by which a store cannot find anything.
    fn check_entries(&self) -> Result<(), MapErrors> {
        let mut errors = MapErrors::default();
        for (id, node) in self.graph.nodes().iter().enumerate() {
            let store = self.store(&node.at);
            for field in self.graph.entries(NodeId(id)) {
                if !store.finds_by(&node.at.collection, field)
                    && let Some(written) = self.map.collection(&node.at).and_then(|c| c.field_at(field))
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

/// Opens the store of a dataset; what is wrong with it is noted.
async fn open_store(
    dataset: &Dataset,
    connection: &Connection,
    clients: &Clients,
    errors: &mut MapErrors,
) -> Option<Box<dyn Store>> {
    let at = &connection.at;
    match &connection.kind {
        Kind::Sqlite { path } => boxed(Sql::sqlite(dataset, at, path, errors).await),
        Kind::Postgres(server) => boxed(Sql::postgres(dataset, at, server, &*clients.secrets, errors).await),
        Kind::MySql(server) => boxed(Sql::mysql(dataset, at, server, &*clients.secrets, errors).await),
        Kind::DynamoDb => boxed(DynamoDb::open(dataset, clients.dynamodb.clone(), errors).await),
        Kind::S3Objects { bucket, whose } => {
            boxed(S3Objects::open(dataset, at, bucket, whose, clients.s3.clone(), errors).await)
        }
        Kind::Http(settings) => {
            boxed(Http::open(dataset, at, settings, Arc::clone(&clients.secrets), errors).await)
        }
    }
}

fn boxed(store: Option<impl Store + 'static>) -> Option<Box<dyn Store>> {
    store.map(|store| Box::new(store) as Box<dyn Store>)
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("datasets", &self.stores.keys()).finish_non_exhaustive()
    }
}

/// The keys as the map and the stores together know them.
struct Stores<'a>(&'a HashMap<String, Box<dyn Store>>);

impl Catalogue for Stores<'_> {
    fn facts(&self, at: &CollectionRef, _: &Collection, path: &str) -> FieldFacts {
        self.0.get(&at.dataset).map_or_else(FieldFacts::default, |store| store.facts(&at.collection, path))
    }

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
