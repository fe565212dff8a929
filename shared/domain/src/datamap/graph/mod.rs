//! The reference graph: how one leads from a person's identities to all rows, and in which order they go.
//!
//! **Walk.** A reference gives an edge: values of the source field are what the target field is asked with.
//! An edge without direction is used from the end that is met first. Collections are walked after all
//! from which values flow to them; those on a cycle form one group, walked to a fixpoint.
//!
//! **Ownership.** A row is a person's own if it carries the identity, or if it is reached from an own row
//! over an *owning* edge. An edge into a plain field is owning: many rows point at one (the invoices of a
//! customer). An edge into a key is not: one row is pointed at by many (the address of several orders),
//! unless the source is itself its row's primary key or an identity, which makes the two rows one to one.
//! The map may say otherwise: into a collection with `shared: keep` or `anonymise` no edge is owning, into
//! one with `shared: delete` every edge is. Rows reached only otherwise are shared: shown to the person,
//! never deleted. From a shared row only keys are followed: what points *at* a shared row belongs to other
//! people as well.
//!
//! **Erasure.** Targets of owning edges go before their sources, so that after a crash at any point
//! everything that is left can still be found from the identity.

mod build;
mod order;
mod refusals;

use std::collections::BTreeSet;

use super::errors::{At, MapErrors};
use super::model::{Collection, CollectionRef, DataMap};
use build::Builder;

/// The number of a collection in the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub usize);

/// What a field is among the keys of its collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// The whole primary key.
    Primary,
    /// Unique, but not the primary key.
    Unique,
    /// Neither: several rows may hold the same value.
    Plain,
}

/// What a store says about a field, as far as it says anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldFacts {
    /// Whether it may be null.
    pub nullable: bool,
    /// Whether it is the primary key or part of it.
    pub in_key: bool,
    /// Whether no two rows may hold the same value.
    pub unique: bool,
    /// Whether it holds text; `None` if the store does not say.
    pub text: Option<bool>,
    /// How many characters it holds at most.
    pub length: Option<u32>,
}

impl FieldFacts {
    /// Nothing is known, so nothing is in the way.
    pub const UNKNOWN: Self = Self { nullable: true, in_key: false, unique: false, text: None, length: None };
}

impl Default for FieldFacts {
    fn default() -> Self {
        Self::UNKNOWN
    }
}

/// Who knows the fields of collections: the map alone, or the stores themselves.
pub trait Catalogue {
    /// What the field at the dotted path `field` is among the keys of `collection`.
    fn key(&self, at: &CollectionRef, collection: &Collection, field: &str) -> KeyKind;

    /// What else is known about the field at the dotted path `path`.
    fn facts(&self, at: &CollectionRef, collection: &Collection, path: &str) -> FieldFacts {
        let _ = (at, collection, path);
        FieldFacts::UNKNOWN
    }
}

/// The keys as the map declares them.
#[derive(Clone, Copy, Debug)]
pub struct Declared;

impl Catalogue for Declared {
    fn key(&self, _: &CollectionRef, collection: &Collection, field: &str) -> KeyKind {
        let fields = collection.all_fields();
        let mut keys = fields.iter().filter(|(_, field)| field.primary_key);
        match (keys.next(), keys.next()) {
            (Some((key, _)), None) if key == field => KeyKind::Primary,
            _ => KeyKind::Plain,
        }
    }
}

/// A collection that takes part in the walk.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its name.
    pub at: CollectionRef,
    /// How its rows can be reached.
    pub reach: Ownership,
}

/// How rows belong to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ownership {
    /// Other people's rows refer to it as well.
    Shared,
    /// Nobody else's.
    Own,
}

/// A field that is asked with an identity value.
#[derive(Clone, Debug)]
pub struct Seed {
    /// The collection.
    pub node: NodeId,
    /// The dotted path of the field.
    pub field: String,
    /// The name of the identity.
    pub identity: String,
}

/// A field that is asked with values of another collection's field.
#[derive(Clone, Debug)]
pub struct Edge {
    /// Where it is written.
    pub at: At,
    /// The collection from which values flow.
    pub from: NodeId,
    /// The dotted path of the field there.
    pub source: String,
    /// The collection that is asked.
    pub to: NodeId,
    /// The dotted path of the field that is asked.
    pub target: String,
    /// Whether rows that an own row leads to are own rows.
    pub owning: bool,
    /// Whether a value leads to one row at most.
    pub lookup: bool,
    /// Whether the rows found are what the rows of `from` refer to, and not the other way round.
    pub upward: bool,
}

impl Edge {
    /// What the rows found over this edge are, if it is followed from a row that is `from`.
    #[must_use]
    pub const fn follow(&self, from: Ownership) -> Option<Ownership> {
        match (from, self.owning, self.lookup) {
            (Ownership::Own, true, _) => Some(Ownership::Own),
            (Ownership::Own, false, _) | (Ownership::Shared, _, true) => Some(Ownership::Shared),
            (Ownership::Shared, _, false) => None,
        }
    }

    /// The end that refers: its collection and field.
    const fn child(&self) -> (NodeId, &String) {
        if self.upward { (self.from, &self.source) } else { (self.to, &self.target) }
    }

    /// The collection that is referred to.
    const fn parent(&self) -> NodeId {
        if self.upward { self.to } else { self.from }
    }
}

/// The reference graph of a map.
#[derive(Clone, Debug)]
pub struct Graph {
    nodes: Vec<Node>,
    seeds: Vec<Seed>,
    edges: Vec<Edge>,
    walk: Vec<Vec<NodeId>>,
    erase: Vec<Vec<NodeId>>,
    before: Vec<(NodeId, NodeId)>,
}

impl Graph {
    /// The graph of `map`, whose references are known to exist.
    ///
    /// # Errors
    /// What cannot be walked, with its place.
    pub fn new(map: &DataMap, catalogue: &dyn Catalogue) -> Result<Self, MapErrors> {
        let mut errors = MapErrors::default();
        let graph = Self::build(map, catalogue, &mut errors);
        errors.or(graph)
    }

    /// The graph of `map`; notes what cannot be walked.
    pub(super) fn build(map: &DataMap, catalogue: &dyn Catalogue, errors: &mut MapErrors) -> Self {
        Builder::new(map, catalogue).build(errors)
    }

    /// All collections of the walk, in the order in which the map names them.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// One collection.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    /// Where identities enter.
    #[must_use]
    pub fn seeds(&self) -> &[Seed] {
        &self.seeds
    }

    /// The edges that leave a collection.
    pub fn edges_from(&self, id: NodeId) -> impl Iterator<Item = &Edge> {
        self.edges.iter().filter(move |edge| edge.from == id)
    }

    /// The collections to whose own rows those of `at` refer.
    pub(super) fn referred_by(&self, at: &CollectionRef) -> impl Iterator<Item = &CollectionRef> {
        let edges = self.edges.iter().filter(move |edge| self.node(edge.child().0).at == *at);
        edges
            .map(|edge| self.node(edge.parent()))
            .filter(|node| node.reach == Ownership::Own)
            .map(|node| &node.at)
    }

    /// The dotted paths of the fields with which a collection can be asked.
    #[must_use]
    pub fn entries(&self, id: NodeId) -> BTreeSet<&str> {
        let seeds = self.seeds.iter().filter(|seed| seed.node == id).map(|seed| &*seed.field);
        let edges = self.edges.iter().filter(|edge| edge.to == id).map(|edge| &*edge.target);
        seeds.chain(edges).collect()
    }

    /// Groups of collections in walk order; more than one member only on a cycle.
    #[must_use]
    pub fn walk(&self) -> &[Vec<NodeId>] {
        &self.walk
    }

    /// Groups of collections in the order of erasure; more than one member only on a cycle.
    #[must_use]
    pub fn erase(&self) -> &[Vec<NodeId>] {
        &self.erase
    }

    /// The collections that must be proven empty before `id` may be erased.
    pub fn before(&self, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        self.before.iter().filter(move |(_, later)| *later == id).map(|(earlier, _)| *earlier)
    }
}
