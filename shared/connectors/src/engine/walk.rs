//! The walk: from a person's identities along the references to all rows, to a fixpoint.
//!
//! Every query is an *ask*: one field of one collection, with values it has not been asked for yet.
//! Asks are numbered. A row belongs to the first ask that it answers, which can be told from the row
//! and the asked values alone; so no row is counted, shown or erased twice, without a list of rows.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::datamap::{Cast, CollectionRef, Count, Edge, Identities, NodeId, Ownership, Scalar};
use domain::row::{Row, Value};

use super::Engine;
use crate::fault::{EngineError, Fault};
use crate::sink::{Sink, SinkError};
use crate::store::{Content, Cursor, Found, Question, Store};

/// The number of an ask.
pub(super) type AskNo = usize;

/// One question to one collection.
pub(super) struct Ask {
    pub(super) node: NodeId,
    pub(super) field: String,
    pub(super) reach: Ownership,
    pub(super) values: Vec<Value>,
}

/// The first asks that a value was part of.
#[derive(Clone, Copy)]
struct First {
    any: AskNo,
    own: Option<AskNo>,
}

/// What was found in one collection.
#[derive(Clone, Default)]
pub(super) struct Tally {
    pub(super) rows: u64,
    /// Those of the rows that other people share.
    pub(super) shared: u64,
    pub(super) asked: bool,
    pub(super) fault: Option<Fault>,
}

/// Values that are still to be asked for, own ones first.
type Pending = BTreeMap<(std::cmp::Reverse<Ownership>, String), BTreeSet<Value>>;

/// A walk on its way or done.
pub(super) struct Walk<'e> {
    engine: &'e Engine,
    pub(super) asks: Vec<Ask>,
    pub(super) tallies: Vec<Tally>,
    pending: HashMap<NodeId, Pending>,
    first: HashMap<NodeId, HashMap<String, HashMap<Value, First>>>,
}

impl<'e> Walk<'e> {
    /// A walk that starts from `identities`.
    pub(super) fn new(engine: &'e Engine, identities: &Identities) -> Result<Self, EngineError> {
        let mut walk = Self {
            engine,
            asks: Vec::new(),
            tallies: vec![Tally::default(); engine.graph.nodes().len()],
            pending: HashMap::new(),
            first: HashMap::new(),
        };
        let mut known = false;
        for seed in engine.graph.seeds() {
            if let Some(value) = identities.get(&seed.identity) {
                known = true;
                walk.push(seed.node, &seed.field, &Value::from(value), Ownership::Own);
            }
        }
        if known {
            return Ok(walk);
        }
        let wanted = engine.map.identity_names().into_iter().map(str::to_owned).collect();
        Err(EngineError::NoIdentity { wanted })
    }

    /// Hands every row to `sink`, once; stops at the first failure.
    pub(super) async fn stream(&mut self, sink: &mut dyn Sink) -> Result<(), EngineError> {
        for group in self.engine.graph.walk() {
            while let Some(no) = self.next_ask(group) {
                let node = self.asks[no].node;
                let at = &self.engine.node(node).at;
                let failed = |fault| EngineError::Store { at: at.clone(), fault };
                let want = self.all_fields(at);
                let store = self.engine.store(at);
                let mut cursor = Some(Cursor::default());
                while let Some(from) = cursor {
                    let page = store.page(&self.question(no, &want), from).await.map_err(failed)?;
                    for found in &page.rows {
                        if self.take(no, found) {
                            hand_on(store, at, found, sink).await.map_err(|error| match error {
                                SinkError::Source(fault) => failed(fault),
                                SinkError::Target(error) => EngineError::Sink(error),
                            })?;
                        }
                    }
                    cursor = page.next;
                }
            }
        }
        Ok(())
    }

    /// Finds every row and keeps only what leads on. A store that fails is noted; the others are read.
    pub(super) async fn survey(&mut self) {
        for group in self.engine.graph.walk() {
            while let Some(no) = self.next_ask(group) {
                let node = self.asks[no].node;
                if self.tallies[node.0].fault.is_some() {
                    continue;
                }
                if let Err(fault) = self.survey_ask(no).await {
                    self.tallies[node.0].fault = Some(fault);
                }
            }
        }
    }

    async fn survey_ask(&mut self, no: AskNo) -> Result<(), Fault> {
        let node = self.asks[no].node;
        let store = self.engine.store(&self.engine.node(node).at);
        let want = self.key_fields(node);
        let mut cursor = Some(Cursor::default());
        while let Some(from) = cursor {
            let page = store.page(&self.question(no, &want), from).await?;
            for found in &page.rows {
                self.take(no, found);
            }
            cursor = page.next;
        }
        Ok(())
    }

    /// The question that an ask is, for the fields `want`.
    pub(super) fn question<'q>(&'q self, no: AskNo, want: &'q [String]) -> Question<'q> {
        let ask = &self.asks[no];
        let collection = &self.engine.node(ask.node).at.collection;
        Question { collection, field: &ask.field, values: &ask.values, want }
    }

    /// The fields by which rows are told apart and which lead on from them.
    pub(super) fn key_fields(&self, node: NodeId) -> Vec<String> {
        let graph = &self.engine.graph;
        let sources = graph.edges_from(node).filter_map(|edge| edge.source.split('.').next());
        let fields: BTreeSet<&str> = graph.entries(node).into_iter().chain(sources).collect();
        fields.into_iter().map(str::to_owned).collect()
    }

    /// The own ask that a row belongs to.
    pub(super) fn own_ask(&self, node: NodeId, row: &Row) -> Option<AskNo> {
        self.firsts(node, row).filter_map(|first| first.own).min()
    }

    /// What was found, in walk order.
    pub(super) fn counts(&self) -> Vec<Count> {
        let order = self.engine.graph.walk().iter().flatten();
        order
            .map(|id| {
                let tally = &self.tallies[id.0];
                Count { at: self.engine.node(*id).at.clone(), rows: tally.rows, asked: tally.asked }
            })
            .collect()
    }

    fn all_fields(&self, at: &CollectionRef) -> Vec<String> {
        let collection = self.engine.map.collection(at);
        collection
            .into_iter()
            .flat_map(|collection| &collection.fields)
            .map(|field| field.name.clone())
            .collect()
    }

    /// Makes the next ask of a group, if any values are still to be asked for.
    fn next_ask(&mut self, group: &[NodeId]) -> Option<AskNo> {
        for node in group {
            let Some(pending) = self.pending.get_mut(node) else { continue };
            while let Some(((reach, field), values)) = pending.pop_first() {
                let reach = reach.0;
                let no = self.asks.len();
                let first = self.first.entry(*node).or_default();
                let first = first.entry(field.clone()).or_default();
                let values: Vec<Value> =
                    values.into_iter().filter(|value| is_new(first.get(&value.canonical()), reach)).collect();
                if values.is_empty() {
                    continue;
                }
                for value in &values {
                    let first = first.entry(value.canonical()).or_insert(First { any: no, own: None });
                    if reach == Ownership::Own {
                        first.own.get_or_insert(no);
                    }
                }
                self.tallies[node.0].asked = true;
                self.asks.push(Ask { node: *node, field, reach, values });
                return Some(no);
            }
        }
        None
    }

    /// Notes a value to be asked for, in the form in which the field would hold it.
    fn push(&mut self, node: NodeId, field: &str, value: &Value, reach: Ownership) {
        if !value.is_key() {
            return;
        }
        let at = &self.engine.node(node).at;
        let scalar = self.scalar(at, field);
        let Some(value) = scalar.map_or_else(|| Some(value.clone()), |scalar| scalar.cast(value)) else {
            return;
        };
        let Some(value) = self.engine.store(at).cast(&at.collection, field, &value) else {
            return;
        };
        let pending = self.pending.entry(node).or_default();
        pending.entry((std::cmp::Reverse(reach), field.to_owned())).or_default().insert(value);
    }

    fn scalar(&self, at: &CollectionRef, field: &str) -> Option<Scalar> {
        let field = self.engine.map.collection(at)?.field(field)?;
        Some(field.data_type?.scalar)
    }

    /// Counts a row and follows its references; says whether it was met for the first time.
    fn take(&mut self, no: AskNo, found: &Found) -> bool {
        let Ask { node, ref field, reach, .. } = self.asks[no];
        let row = &found.row;
        // A store may compare more loosely than we do; what does not hold the very value is not the person's.
        let asked = self.first.get(&node).and_then(|asked| asked.get(field));
        let holds = row
            .get(field)
            .is_some_and(|value| asked.is_some_and(|asked| asked.contains_key(&value.canonical())));
        if !holds {
            return false;
        }
        let first_any = self.firsts(node, row).map(|first| first.any).min() == Some(no);
        let first_own = reach == Ownership::Own && self.own_ask(node, row) == Some(no);
        let tally = &mut self.tallies[node.0];
        if first_any {
            tally.rows += 1;
        }
        match (reach, first_any, first_own) {
            (Ownership::Shared, true, _) => tally.shared += 1,
            // It was met as shared before and now proves to be the person's own.
            (Ownership::Own, false, true) => tally.shared -= 1,
            (Ownership::Shared, false, _) | (Ownership::Own, true, _) | (Ownership::Own, false, false) => {}
        }
        if first_any || first_own {
            self.follow(node, row, reach);
        }
        first_any
    }

    fn follow(&mut self, node: NodeId, row: &Row, reach: Ownership) {
        let graph = &self.engine.graph;
        let edges: Vec<(&Edge, Ownership)> =
            graph.edges_from(node).filter_map(|edge| Some((edge, edge.follow(reach)?))).collect();
        for (edge, reach) in edges {
            for value in row.values(&edge.source) {
                self.push(edge.to, &edge.target, value, reach);
            }
        }
    }

    /// For each field with which a row could have been found, the first asks that found it.
    fn firsts(&self, node: NodeId, row: &Row) -> impl Iterator<Item = First> {
        let fields = self.first.get(&node).into_iter().flatten();
        fields.filter_map(|(field, asked)| asked.get(&row.get(field)?.canonical()).copied())
    }
}

/// Whether a value is to be asked for: never before, or before only as shared and now as own.
const fn is_new(first: Option<&First>, reach: Ownership) -> bool {
    match (first, reach) {
        (None, _) => true,
        (Some(First { own: None, .. }), Ownership::Own) => true,
        (Some(_), Ownership::Own | Ownership::Shared) => false,
    }
}

async fn hand_on(
    store: &dyn Store,
    at: &CollectionRef,
    found: &Found,
    sink: &mut dyn Sink,
) -> Result<(), SinkError> {
    match store.object(found).await? {
        Content::None => sink.row(at, &found.row).await,
        Content::Gone => Ok(()),
        Content::Object(object, mut body) => {
            sink.row(at, &found.row).await?;
            sink.object(at, &object, &mut *body).await
        }
    }
}
