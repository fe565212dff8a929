//! The walk: from a person's identities along the references to all rows, to a fixpoint.
//!
//! Every query is an *ask*: one field of one collection, with values it has not been asked for yet.
//! Asks are numbered. A row belongs to the first ask that it answers, which can be told from the row
//! and the asked values alone; so no row is counted, shown or erased twice, without a list of rows.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use domain::datamap::{
    Cast, CollectionRef, Count, Edge, Identities, NodeId, Ownership, Scalar, Selection, Treatment, Treatments,
};
use domain::plan::Usage;
use domain::row::{Row, Value};
use futures_util::TryStreamExt as _;

use super::Engine;
use super::entry::{self, Matched};
use super::keys::{Asked, First, Pending};
use crate::fault::{EngineError, Fault};
use crate::sink::{Sink, SinkError};
use crate::store::{Content, Found, Question, Store};

/// The number of an ask.
pub(super) type AskNo = usize;

/// What tells a row apart from others of its collection.
pub(super) type Digest = [u8; 16];

/// One question to one collection.
pub(super) struct Ask {
    pub(super) node: NodeId,
    pub(super) path: String,
    pub(super) reach: Ownership,
    pub(super) values: Vec<Value>,
}

/// What is still to be asked of one collection: values by path, own ones first.
pub(super) type Open = BTreeMap<(std::cmp::Reverse<Ownership>, String), Pending>;

/// What was found in one collection.
#[derive(Clone, Default)]
pub(super) struct Tally {
    pub(super) rows: u64,
    /// Those of the rows that an erasure changes.
    pub(super) affected: u64,
    /// Their size, if whole rows were read.
    pub(super) bytes: u64,
    /// A digest of the key of each of them.
    pub(super) keys: Vec<Digest>,
    /// Rows of tables outside the erasure that refer to them, by table.
    pub(super) ties: BTreeMap<String, u64>,
    pub(super) usage: Usage,
    pub(super) asked: bool,
    pub(super) fault: Option<Fault>,
}

/// How much of each row a survey reads.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// What tells rows apart and leads on.
    Keys,
    /// All that the map names, so that sizes are known.
    Whole,
}

/// How a row stands to what was asked.
#[derive(Clone, Copy)]
struct Standing {
    first: First,
    /// Whether an array by which it was found holds other people's elements too.
    common: bool,
}

/// A walk on its way or done.
pub(super) struct Walk<'e> {
    pub(super) engine: &'e Engine,
    /// What an erasure does; an access has none.
    treatments: Option<&'e Treatments>,
    pub(super) asks: Vec<Ask>,
    pub(super) tallies: Vec<Tally>,
    pub(super) open: Vec<Open>,
    /// What was asked of each collection: values by path.
    pub(super) asked: Vec<BTreeMap<String, Asked>>,
    /// What the last ask of an access asks for.
    pub(super) current: Arc<Vec<Value>>,
    /// The rows that were handed on of its answer, and how often each, where the receiver may rest.
    pub(super) given: HashMap<Digest, u32>,
    /// Whether that ask is to be asked again, because another process had to stop in the middle.
    pub(super) is_half_answered: bool,
}

impl<'e> Walk<'e> {
    /// A walk that starts from `identities`.
    pub(super) fn new(
        engine: &'e Engine,
        identities: &Identities,
        treatments: Option<&'e Treatments>,
    ) -> Result<Self, EngineError> {
        let mut walk = Self::empty(engine, treatments);
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

    /// A walk that leads nowhere.
    pub(super) fn empty(engine: &'e Engine, treatments: Option<&'e Treatments>) -> Self {
        let nodes = engine.graph.nodes().len();
        Self {
            engine,
            treatments,
            asks: Vec::new(),
            tallies: vec![Tally::default(); nodes],
            open: vec![Open::new(); nodes],
            asked: vec![BTreeMap::new(); nodes],
            current: Arc::default(),
            given: HashMap::new(),
            is_half_answered: false,
        }
    }

    /// Hands what `selection` leaves of every row to `sink`, once; stops at the first failure.
    pub(super) async fn stream(
        &mut self,
        selection: &Selection,
        sink: &mut dyn Sink,
    ) -> Result<(), EngineError> {
        if std::mem::take(&mut self.is_half_answered) {
            self.stream_ask(self.asks.len() - 1, selection, sink).await?;
        }
        for group in self.engine.graph.walk() {
            while let Some(no) = self.next_ask(group) {
                self.given.clear();
                self.stream_ask(no, selection, sink).await?;
            }
        }
        Ok(())
    }

    async fn stream_ask(
        &mut self,
        no: AskNo,
        selection: &Selection,
        sink: &mut dyn Sink,
    ) -> Result<(), EngineError> {
        let node = self.asks[no].node;
        let at = &self.engine.node(node).at;
        let failed = |fault| EngineError::Store { at: at.clone(), fault };
        let want = self.all_fields(at);
        let store = self.engine.store(at);
        // Each ask is asked once, so that its values need not stay.
        let values = Arc::new(std::mem::take(&mut self.asks[no].values));
        self.current = Arc::clone(&values);
        let path = self.asks[no].path.clone();
        let question = Question { collection: &at.collection, path: &path, values: &values, want: &want };
        // What was handed on by the process before.
        let mut passed = self.given.clone();
        let mut pages = store.ask(&question);
        while let Some(page) = pages.try_next().await.map_err(failed)? {
            for found in page.rows {
                let digest = sink.rests().then(|| key_digest(&found.key));
                if let Some(times) = digest.and_then(|digest| passed.get_mut(&digest))
                    && *times > 0
                {
                    *times -= 1;
                    continue;
                }
                let met = self.meet(no, &found, None);
                if !met.is_new {
                    continue;
                }
                let found = Found { row: met.cut.unwrap_or(found.row), key: found.key };
                let had_object =
                    hand_on(store, at, found, selection, sink).await.map_err(|error| match error {
                        SinkError::Source(fault) => failed(fault),
                        SinkError::Target(error) => EngineError::Sink(error),
                    })?;
                if let Some(digest) = digest {
                    *self.given.entry(digest).or_default() += 1;
                }
                // An object may have taken long.
                if had_object {
                    self.rest(sink).await?;
                }
            }
            self.rest(sink).await?;
        }
        Ok(())
    }

    /// Lets the receiver stop here.
    async fn rest(&self, sink: &mut dyn Sink) -> Result<(), EngineError> {
        let rested = sink.rest(&|| self.bookmark()).await;
        rested.map_err(|error| match error {
            SinkError::Source(fault) => EngineError::Sink(fault.into()),
            SinkError::Target(error) => EngineError::Sink(error),
        })
    }

    /// Finds every row and keeps only what leads on. A store that fails is noted; the others are read.
    pub(super) async fn survey(&mut self, depth: Depth) {
        for group in self.engine.graph.walk() {
            while let Some(no) = self.next_ask(group) {
                let node = self.asks[no].node;
                if self.tallies[node.0].fault.is_some() {
                    continue;
                }
                if let Err(fault) = self.survey_ask(no, depth).await {
                    self.tallies[node.0].fault = Some(fault);
                }
            }
        }
    }

    async fn survey_ask(&mut self, no: AskNo, depth: Depth) -> Result<(), Fault> {
        let node = self.asks[no].node;
        let at = &self.engine.node(node).at;
        let store = self.engine.store(at);
        let want = match depth {
            Depth::Keys => self.key_fields(node),
            Depth::Whole => self.all_fields(at),
        };
        let deleted = self.deleted_beside(node);
        // The walk grows while the answer is read, so the question cannot borrow from it.
        let (path, values) = (self.asks[no].path.clone(), std::mem::take(&mut self.asks[no].values));
        let question = Question { collection: &at.collection, path: &path, values: &values, want: &want };
        let mut pages = store.ask(&question);
        let read = async {
            while let Some(page) = pages.try_next().await? {
                self.tallies[node.0].usage += page.usage;
                let mut affected = Vec::new();
                for found in &page.rows {
                    let weigh = (depth == Depth::Whole).then_some(store);
                    if self.meet(no, found, weigh).becomes_affected {
                        affected.push(found);
                    }
                }
                if let Some(deleted) = &deleted
                    && !affected.is_empty()
                {
                    for tie in store.ties(&at.collection, &affected, deleted).await? {
                        *self.tallies[node.0].ties.entry(tie.table).or_default() += tie.rows;
                    }
                }
            }
            Ok(())
        };
        let result = read.await;
        drop(pages);
        self.asks[no].values = values;
        result
    }

    /// The collections of the same store whose rows are deleted as well, if this one's are.
    fn deleted_beside(&self, node: NodeId) -> Option<Vec<&'e str>> {
        let treatments = self.treatments?;
        let at = &self.engine.node(node).at;
        let is_deleted = |at: &CollectionRef| matches!(treatments.of(at), Treatment::Delete);
        let nodes = self.engine.graph.nodes().iter();
        is_deleted(at).then(|| {
            nodes
                .filter(|other| other.at.dataset == at.dataset && is_deleted(&other.at))
                .map(|other| other.at.collection.as_str())
                .collect()
        })
    }

    /// The question that an ask is, for the fields `want`.
    pub(super) fn question<'q>(&'q self, no: AskNo, want: &'q [String]) -> Question<'q> {
        let ask = &self.asks[no];
        let collection = &self.engine.node(ask.node).at.collection;
        Question { collection, path: &ask.path, values: &ask.values, want }
    }

    /// The top-level fields by which rows are told apart and which lead on from them.
    pub(super) fn key_fields(&self, node: NodeId) -> Vec<String> {
        let graph = &self.engine.graph;
        let sources = graph.edges_from(node).map(|edge| edge.source.as_str());
        let fields: BTreeSet<&str> = graph
            .entries(node)
            .into_iter()
            .chain(sources)
            .filter_map(|path| path.split('.').next())
            .collect();
        fields.into_iter().map(str::to_owned).collect()
    }

    /// What the erasure that this walk serves does to a row that ask `no` is the first to reach.
    pub(super) fn fate(&self, no: AskNo, row: &Row) -> Option<&'e Treatment> {
        let node = self.asks[no].node;
        let standing = self.standing(node, row)?;
        (standing.first.own.unwrap_or(standing.first.any) == no).then(|| self.lot(node, standing))?
    }

    /// The places by which the row was found, as far as they lie in arrays that are cut.
    pub(super) fn matched(&self, node: NodeId, row: &Row) -> Matched {
        let Some(collection) = self.engine.map.collection(&self.engine.node(node).at) else {
            return Matched::default();
        };
        let mut matched = Matched::default();
        for (path, asked) in &self.asked[node.0] {
            if collection.cuts(path) && entry::may_hold_arrays(row, path) {
                matched.add(row, path, &|value| asked.contains(value));
            }
        }
        matched
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

    /// What happens to a row that stands so; none if it stays as it is.
    fn lot(&self, node: NodeId, standing: Standing) -> Option<&'e Treatment> {
        let at = &self.engine.node(node).at;
        let (own, shared) = (self.treatments?.of(at), self.treatments?.of_shared(at));
        let is_own = standing.first.own.is_some();
        let treatment = match own {
            // Of a row that is common to several people only the person's own elements are masked.
            Treatment::Mask(_) if is_own => own,
            Treatment::Delete if is_own && !standing.common => own,
            Treatment::Mask(_) | Treatment::Delete | Treatment::Keep(_) => shared,
        };
        match treatment {
            Treatment::Delete | Treatment::Mask(_) => Some(treatment),
            Treatment::Keep(_) => None,
        }
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
            while let Some(((reach, path), pending)) = self.open[node.0].pop_first() {
                let reach = reach.0;
                let no = self.asks.len();
                let asked = self.asked[node.0].entry(path.clone()).or_default();
                let values = pending.into_lacking(asked, reach);
                if values.is_empty() {
                    continue;
                }
                asked.note(&values, no, reach);
                self.tallies[node.0].asked = true;
                self.asks.push(Ask { node: *node, path, reach, values });
                return Some(no);
            }
        }
        None
    }

    /// Notes a value to be asked for, in the form in which the field would hold it.
    fn push(&mut self, node: NodeId, path: &str, value: &Value, reach: Ownership) {
        if !value.is_key() {
            return;
        }
        let at = &self.engine.node(node).at;
        let scalar = self.scalar(at, path);
        let Some(value) = scalar.map_or_else(|| Some(value.clone()), |scalar| scalar.cast(value)) else {
            return;
        };
        let Some(value) = self.engine.store(at).cast(&at.collection, path, &value) else {
            return;
        };
        let key = (std::cmp::Reverse(reach), path.to_owned());
        self.open[node.0].entry(key).or_default().insert(value);
    }

    fn scalar(&self, at: &CollectionRef, path: &str) -> Option<Scalar> {
        let field = self.engine.map.collection(at)?.field_at(path)?;
        Some(field.data_type?.scalar)
    }

    /// Counts a row that ask `no` found, and follows its references.
    fn meet(&mut self, no: AskNo, found: &Found, store: Option<&dyn Store>) -> Met {
        let Ask { node, ref path, reach, .. } = self.asks[no];
        let row = &found.row;
        // A store may compare more loosely than we do; what does not hold the very value is not the person's.
        let asked = self.asked[node.0].get(path);
        let holds = asked.is_some_and(|asked| entry::values(row, path).any(|value| asked.contains(value)));
        let Some(standing) = self.standing(node, row).filter(|_| holds) else {
            return Met::default();
        };
        let is_new = standing.first.any == no;
        let is_own = reach == Ownership::Own && standing.first.own == Some(no);
        if !is_new && !is_own {
            return Met::default();
        }
        let is_affected = self.lot(node, standing).is_some();
        let was_affected = !is_new && {
            let shared = Standing { first: First { own: None, ..standing.first }, ..standing };
            self.lot(node, shared).is_some()
        };
        let matched = self.matched(node, row);
        let tally = &mut self.tallies[node.0];
        tally.rows += u64::from(is_new);
        if is_affected && !was_affected {
            tally.affected += 1;
            tally.keys.push(key_digest(&found.key));
            tally.bytes += store.map_or(0, |store| store.weight(found));
        }
        let cut = (!matched.is_empty()).then(|| matched.cut(row));
        let reach = if standing.common { Ownership::Shared } else { reach };
        self.follow(node, cut.as_ref().unwrap_or(row), reach);
        Met { is_new, becomes_affected: is_affected && !was_affected, cut }
    }

    fn follow(&mut self, node: NodeId, row: &Row, reach: Ownership) {
        let engine = self.engine;
        for edge in engine.graph.edges_from(node) {
            let Some(reach) = Edge::follow(edge, reach) else { continue };
            for value in entry::values(row, &edge.source) {
                self.push(edge.to, &edge.target, value, reach);
            }
        }
    }

    /// How a row stands to all that its collection was asked; none if it answers nothing.
    fn standing(&self, node: NodeId, row: &Row) -> Option<Standing> {
        let mut standing: Option<Standing> = None;
        let mut matches = 0;
        let mut others = false;
        for (path, asked) in &self.asked[node.0] {
            for value in entry::values(row, path) {
                let Some(first) = asked.get(value) else {
                    others |= value.is_key();
                    continue;
                };
                matches += 1;
                let first = match standing {
                    None => first,
                    Some(Standing { first: known, .. }) => First {
                        any: known.any.min(first.any),
                        own: match (known.own, first.own) {
                            (Some(a), Some(b)) => Some(a.min(b)),
                            (a, b) => a.or(b),
                        },
                    },
                };
                standing = Some(Standing { first, common: false });
            }
        }
        let standing = standing?;
        // Only an array by which the row was found can make it common.
        let common = matches > 0 && others && self.matched(node, row).leaves_others(row);
        Some(Standing { common, ..standing })
    }
}

/// What came of meeting a row.
#[derive(Default)]
struct Met {
    /// Whether it is the person's and was never met before.
    is_new: bool,
    /// Whether it is now known that an erasure changes it.
    becomes_affected: bool,
    /// The row with the arrays cut by which it was found, if there are any.
    cut: Option<Row>,
}

/// What tells a row apart, without saying what it is.
fn key_digest(key: &[Value]) -> Digest {
    // Values that are read from stores have no way to fail as JSON.
    let text = serde_json::to_vec(key).unwrap_or_default();
    let mut short = [0; 16];
    short.copy_from_slice(&digest(&SHA256, &text).as_ref()[..16]);
    short
}

/// Hands a row to the receiver, and the object that it describes; says whether there was one.
async fn hand_on(
    store: &dyn Store,
    at: &CollectionRef,
    found: Found,
    selection: &Selection,
    sink: &mut dyn Sink,
) -> Result<bool, SinkError> {
    let content = store.object(&found).await?;
    if matches!(content, Content::Gone) {
        return Ok(false);
    }
    let Some(row) = selection.cut(at, found.row) else { return Ok(false) };
    sink.row(at, &row).await?;
    match content {
        Content::None | Content::Gone => Ok(false),
        Content::Object(object, mut body) => sink.object(at, &object, &mut *body).await.map(|()| true),
    }
}
