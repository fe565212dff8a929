//! Building the graph: settling directions, ownership and order, and refusing what cannot work.

use std::collections::{BTreeSet, VecDeque};

use super::order::groups;
use super::{Catalogue, Edge, Graph, KeyKind, Node, NodeId, Ownership, Seed};
use crate::datamap::errors::{At, MapErrors};
use crate::datamap::model::{Collection, CollectionRef, DataMap, Direction, EraseMethod, Field};

/// A reference before its direction is settled: the field that carries it, and the one it names.
struct Link<'a> {
    at: &'a At,
    here: (NodeId, String),
    there: (NodeId, String),
    direction: Option<Direction>,
}

pub(super) struct Builder<'a> {
    map: &'a DataMap,
    catalogue: &'a dyn Catalogue,
    collections: Vec<(CollectionRef, &'a Collection)>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(map: &'a DataMap, catalogue: &'a dyn Catalogue) -> Self {
        let collections = map
            .collections()
            .filter(|(_, _, collection)| !collection.is_manual())
            .map(|(at, _, collection)| (at, collection))
            .collect();
        Self { map, catalogue, collections }
    }

    pub(super) fn build(&self, errors: &mut MapErrors) -> Graph {
        let seeds = self.seeds(errors);
        let edges = self.edges(&seeds, errors);
        let reach = self.reach(&seeds, &edges);
        // A refused edge leads nowhere; that the map then has unreachable ends is no news.
        if errors.0.is_empty() {
            self.refuse_unreached(&edges, &reach, errors);
        }
        let nodes: Vec<Node> = self
            .collections
            .iter()
            .zip(&reach)
            .map(|((at, collection), reach)| Node {
                at: at.clone(),
                // An unreachable collection has been refused just before.
                reach: reach.unwrap_or(Ownership::Shared),
                erase: match collection.erase {
                    EraseMethod::Delete => true,
                    EraseMethod::Keep { .. } => false,
                },
            })
            .collect();
        self.refuse_half_done(&nodes, &edges, errors);

        let flows = edges.iter().map(|edge| (edge.from, edge.to));
        let walk = groups(nodes.len(), flows.chain(self.walk_orders()), |id| id.0);
        let (before, erase) = self.erase_order(&nodes, &seeds, &edges, &walk, errors);
        Graph { nodes, seeds, edges, walk, erase, before }
    }

    fn id(&self, at: &CollectionRef) -> Option<NodeId> {
        self.collections.iter().position(|(name, _)| name == at).map(NodeId)
    }

    fn collection(&self, id: NodeId) -> &'a Collection {
        self.collections[id.0].1
    }

    fn key(&self, id: NodeId, field: &str) -> KeyKind {
        let (at, collection) = &self.collections[id.0];
        self.catalogue.key(at, collection, field)
    }

    fn seeds(&self, errors: &mut MapErrors) -> Vec<Seed> {
        let mut seeds = Vec::new();
        for (id, (_, collection)) in self.collections.iter().enumerate() {
            let id = NodeId(id);
            visit(&collection.fields, "", &mut |path, field| {
                let Some(identity) = &field.identity else { return };
                if self.can_be_asked(id, path, &field.at, errors) {
                    seeds.push(Seed { node: id, field: path.to_owned(), identity: identity.clone() });
                }
            });
        }
        seeds
    }

    /// Whether a field can be the end of an edge; notes an error if not.
    fn can_be_asked(&self, id: NodeId, path: &str, at: &At, errors: &mut MapErrors) -> bool {
        let field = self.collection(id).field_at(path);
        let nested = path.contains('.');
        let array = field.and_then(|field| field.data_type).is_some_and(|data_type| data_type.array);
        if nested || array {
            let kind = if nested { "nested field" } else { "array" };
            let name = &self.collections[id.0].0;
            errors.push(at, format!("asking the {kind} `{name}.{path}` is not supported yet by this build"));
        }
        !nested && !array
    }

    fn edges(&self, seeds: &[Seed], errors: &mut MapErrors) -> Vec<Edge> {
        let mut undirected = Vec::new();
        let mut edges: Vec<Edge> = Vec::new();
        let mut add = |at: &At, from: &(NodeId, String), to: &(NodeId, String)| {
            let known = edges.iter().any(|edge| {
                (edge.from, &edge.source, edge.to, &edge.target) == (from.0, &from.1, to.0, &to.1)
            });
            if !known && self.can_be_asked(to.0, &to.1, at, errors) {
                edges.push(self.edge(at, from, to));
            }
        };
        for link in self.links() {
            match link.direction {
                Some(Direction::From) => add(link.at, &link.there, &link.here),
                Some(Direction::To) => add(link.at, &link.here, &link.there),
                None => undirected.push(Some(link)),
            }
        }

        // Breadth first from the identities; the end met first is the source.
        let directed: Vec<(NodeId, NodeId)> = self.links().filter_map(|link| link.flow()).collect();
        let mut queue: VecDeque<NodeId> = seeds.iter().map(|seed| seed.node).collect();
        let mut met: BTreeSet<NodeId> = BTreeSet::new();
        while let Some(id) = queue.pop_front() {
            if !met.insert(id) {
                continue;
            }
            queue.extend(directed.iter().filter(|(from, _)| *from == id).map(|(_, to)| *to));
            for slot in &mut undirected {
                if let Some(link) = slot.take_if(|link| link.here.0 == id || link.there.0 == id) {
                    let (from, to) = match link.here.0 == id {
                        true => (&link.here, &link.there),
                        false => (&link.there, &link.here),
                    };
                    add(link.at, from, to);
                    queue.push_back(to.0);
                }
            }
        }
        edges
    }

    fn links(&self) -> impl Iterator<Item = Link<'a>> {
        let mut links = Vec::new();
        for (id, (_, collection)) in self.collections.iter().enumerate() {
            visit(&collection.fields, "", &mut |path, field: &'a Field| {
                for reference in &field.references {
                    // A collection filled from the request is no part of the walk, nor is what refers to it.
                    let Some(there) = self.id(&reference.to) else { continue };
                    links.push(Link {
                        at: &reference.at,
                        here: (NodeId(id), path.to_owned()),
                        there: (there, reference.field.clone()),
                        direction: reference.direction,
                    });
                }
            });
        }
        links.into_iter()
    }

    fn edge(&self, at: &At, from: &(NodeId, String), to: &(NodeId, String)) -> Edge {
        let lookup = self.key(to.0, &to.1) != KeyKind::Plain;
        let identifies = self.key(from.0, &from.1) == KeyKind::Primary
            || self.collection(from.0).field_at(&from.1).is_some_and(|field| field.identity.is_some());
        Edge {
            at: at.clone(),
            from: from.0,
            source: from.1.clone(),
            to: to.0,
            target: to.1.clone(),
            owning: (!lookup || identifies) && !self.collection(to.0).shared,
            lookup,
        }
    }

    /// How each collection is reached at best.
    fn reach(&self, seeds: &[Seed], edges: &[Edge]) -> Vec<Option<Ownership>> {
        let mut reach = vec![None; self.collections.len()];
        for seed in seeds {
            reach[seed.node.0] = Some(Ownership::Own);
        }
        loop {
            let before = reach.clone();
            for edge in edges {
                let followed = reach[edge.from.0].and_then(|from| edge.follow(from));
                reach[edge.to.0] = reach[edge.to.0].max(followed);
            }
            if reach == before {
                return reach;
            }
        }
    }

    /// Refuses collections whose rows nobody would ever find.
    fn refuse_unreached(&self, edges: &[Edge], reach: &[Option<Ownership>], errors: &mut MapErrors) {
        for (id, (at, collection)) in self.collections.iter().enumerate() {
            if reach[id].is_none() {
                let over_shared = edges
                    .iter()
                    .filter(|edge| edge.to.0 == id && reach[edge.from.0].is_some())
                    .map(|edge| self.collections[edge.from.0].0.to_string())
                    .next();
                let reason = match over_shared {
                    Some(shared) => format!(
                        "no identity leads to `{at}` but over rows of `{shared}`, which several people share"
                    ),
                    None => format!("no identity leads to `{at}`"),
                };
                errors.push(&collection.at, reason);
            }
        }
    }

    /// Refuses erasures that a store would stop in the middle, or that break what must stay.
    fn refuse_half_done(&self, nodes: &[Node], edges: &[Edge], errors: &mut MapErrors) {
        let erased = |id: NodeId| nodes[id.0].erase && nodes[id.0].reach == Ownership::Own;
        for edge in edges {
            let kept = &nodes[edge.to.0];
            if edge.owning && erased(edge.from) && !kept.erase {
                errors.push(
                    &edge.at,
                    format!(
                        "`{}.{}` is kept, but refers to `{}`, whose rows would be erased",
                        kept.at, edge.target, nodes[edge.from.0].at
                    ),
                );
            }
        }
        for (id, (at, collection)) in self.collections.iter().enumerate() {
            if !erased(NodeId(id)) {
                continue;
            }
            visit(&collection.fields, "", &mut |path, field| {
                if field.read_only {
                    let reason = format!("`{at}.{path}` is read_only, but its row would be erased");
                    errors.push(&field.at, reason);
                }
            });
        }
    }

    /// What `after` says, as pairs of earlier and later.
    fn walk_orders(&self) -> Vec<(NodeId, NodeId)> {
        let mut orders = Vec::new();
        for (id, (at, collection)) in self.collections.iter().enumerate() {
            let of_dataset = self.map.dataset(&at.dataset).map_or(&[][..], |dataset| &dataset.after);
            for (earlier, (other, _)) in self.collections.iter().enumerate() {
                if of_dataset.contains(&other.dataset)
                    || collection.after.iter().any(|(_, named)| named == other)
                {
                    orders.push((NodeId(earlier), NodeId(id)));
                }
            }
        }
        orders
    }

    fn erase_order(
        &self,
        nodes: &[Node],
        seeds: &[Seed],
        edges: &[Edge],
        walk: &[Vec<NodeId>],
        errors: &mut MapErrors,
    ) -> (Vec<(NodeId, NodeId)>, Vec<Vec<NodeId>>) {
        let mut before: Vec<(NodeId, NodeId)> = edges
            .iter()
            .filter(|edge| edge.owning && nodes[edge.from.0].reach == Ownership::Own)
            .map(|edge| (edge.to, edge.from))
            .collect();
        let mut declared = Vec::new();
        for (id, (_, collection)) in self.collections.iter().enumerate() {
            for (at, named) in &collection.erase_after {
                if let Some(earlier) = self.id(named) {
                    declared.push((at, earlier, NodeId(id)));
                    before.push((earlier, NodeId(id)));
                }
            }
        }
        let position = |id: NodeId| walk.iter().position(|group| group.contains(&id));
        // What carries an identity goes as late as it can, all else in reverse order of the walk.
        let erase = groups(nodes.len(), before.iter().copied(), |id| {
            (seeds.iter().any(|seed| seed.node == id), std::cmp::Reverse((position(id), id.0)))
        });
        for (at, earlier, later) in declared {
            if erase.iter().any(|group| group.contains(&earlier) && group.contains(&later)) {
                errors.push(
                    at,
                    format!(
                        "`{}` cannot be erased after `{}`: the references need the opposite order",
                        nodes[later.0].at, nodes[earlier.0].at
                    ),
                );
            }
        }
        (before, erase)
    }
}

impl Link<'_> {
    const fn flow(&self) -> Option<(NodeId, NodeId)> {
        match self.direction {
            Some(Direction::From) => Some((self.there.0, self.here.0)),
            Some(Direction::To) => Some((self.here.0, self.there.0)),
            None => None,
        }
    }
}

/// Calls `with` for every field and every part of one, with its dotted path.
fn visit<'f>(fields: &'f [Field], prefix: &str, with: &mut impl FnMut(&str, &'f Field)) {
    for field in fields {
        let path = match prefix {
            "" => field.name.clone(),
            prefix => format!("{prefix}.{}", field.name),
        };
        with(&path, field);
        visit(&field.fields, &path, with);
    }
}
