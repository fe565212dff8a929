//! Building the graph: settling directions, ownership and order, and refusing what cannot be walked.

use std::collections::{BTreeSet, VecDeque};

use super::order::groups;
use super::{Catalogue, Edge, Graph, KeyKind, Node, NodeId, Ownership, Seed};
use crate::datamap::errors::{At, MapErrors};
use crate::datamap::model::{Collection, CollectionRef, DataMap, Direction, Shared};

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
        let seeds = self.seeds();
        let edges = self.edges(&seeds);
        let reach = self.reach(&seeds, &edges);
        self.refuse_unreached(&edges, &reach, errors);
        let nodes: Vec<Node> = self
            .collections
            .iter()
            .zip(&reach)
            .map(|((at, _), reach)| Node {
                at: at.clone(),
                // An unreachable collection has been refused just before.
                reach: reach.unwrap_or(Ownership::Shared),
            })
            .collect();

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

    fn seeds(&self) -> Vec<Seed> {
        let mut seeds = Vec::new();
        for (id, (_, collection)) in self.collections.iter().enumerate() {
            for (path, field) in collection.all_fields() {
                if let Some(identity) = &field.identity {
                    seeds.push(Seed { node: NodeId(id), field: path, identity: identity.clone() });
                }
            }
        }
        seeds
    }

    fn edges(&self, seeds: &[Seed]) -> Vec<Edge> {
        let mut undirected = Vec::new();
        let mut edges: Vec<Edge> = Vec::new();
        let mut add = |at: &At, from: &(NodeId, String), to: &(NodeId, String)| {
            let known = edges.iter().any(|edge| {
                (edge.from, &edge.source, edge.to, &edge.target) == (from.0, &from.1, to.0, &to.1)
            });
            if !known {
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
            for (path, field) in collection.all_fields() {
                for reference in &field.references {
                    // A collection filled from the request is no part of the walk, nor is what refers to it.
                    let Some(there) = self.id(&reference.to) else { continue };
                    links.push(Link {
                        at: &reference.at,
                        here: (NodeId(id), path.clone()),
                        there: (there, reference.field.clone()),
                        direction: reference.direction,
                    });
                }
            }
        }
        links.into_iter()
    }

    fn edge(&self, at: &At, from: &(NodeId, String), to: &(NodeId, String)) -> Edge {
        let lookup = self.key(to.0, &to.1) != KeyKind::Plain;
        let identifies = self.key(from.0, &from.1) == KeyKind::Primary
            || self.collection(from.0).field_at(&from.1).is_some_and(|field| field.identity.is_some());
        let upward = lookup && !identifies;
        Edge {
            at: at.clone(),
            from: from.0,
            source: from.1.clone(),
            to: to.0,
            target: to.1.clone(),
            owning: match self.collection(to.0).shared {
                None => !upward,
                Some(Shared::Keep | Shared::Anonymise) => false,
                Some(Shared::Delete) => true,
            },
            lookup,
            upward,
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
