//! Where an access stands, so that another process can go on with it.
//!
//! A question that is half answered is asked again, and what was handed on of its answer is passed over:
//! stores need not be able to go on in the middle, nor to give the same order twice.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::datamap::{NodeId, Ownership};
use domain::row::{Float, Value};
use serde::{Deserialize, Serialize};

use super::Engine;
use super::keys::{Asked, Pending};
use super::walk::{Ask, Digest, Walk};

/// Where an access stands between two rows. As secret as the rows: it holds the values by which they
/// were found.
#[derive(Clone, Serialize, Deserialize)]
pub struct Bookmark {
    /// The version of the map that was followed.
    map: String,
    nodes: Vec<NodeMark>,
    /// All asks so far, each with its collection.
    asks: Vec<(usize, String, bool)>,
    /// What the last of them asks for, if that has not been answered to its end.
    values: Vec<Kept>,
    /// Digests of the keys that were handed on of the answer, each with how often.
    given: String,
}

/// What was found in a collection, what it was asked for, and what it is still to be asked for.
#[derive(Clone, Serialize, Deserialize)]
struct NodeMark {
    at: String,
    rows: u64,
    asked: Vec<(String, AskedMark)>,
    open: Vec<(bool, String, Vec<Kept>)>,
}

/// Values with the numbers of the first asks that they were part of.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct AskedMark {
    pub(super) numbers: Vec<(i64, u32, u32)>,
    pub(super) others: Vec<(Kept, u32, u32)>,
}

/// A value by which rows are found, such that it comes back as what it was.
#[derive(Clone, Serialize, Deserialize)]
pub(super) enum Kept {
    #[serde(rename = "b")]
    Bool(bool),
    #[serde(rename = "i")]
    Int(i64),
    /// By its bits.
    #[serde(rename = "f")]
    Float(u64),
    #[serde(rename = "d")]
    Decimal(String),
    #[serde(rename = "t")]
    Text(String),
    #[serde(rename = "x")]
    Bytes(String),
}

/// The bookmark is another map's, or no bookmark.
pub(super) struct Foreign;

impl Kept {
    /// None of what finds nothing.
    pub(super) fn of(value: &Value) -> Option<Self> {
        Some(match value {
            Value::Null | Value::List(_) | Value::Map(_) => return None,
            Value::Bool(value) => Self::Bool(*value),
            Value::Int(value) => Self::Int(*value),
            Value::Float(value) => Self::Float(value.0.to_bits()),
            Value::Decimal(text) => Self::Decimal(text.clone()),
            Value::Text(text) => Self::Text(text.clone()),
            Value::Bytes(bytes) => Self::Bytes(STANDARD.encode(bytes)),
        })
    }

    pub(super) fn into_value(self) -> Result<Value, Foreign> {
        Ok(match self {
            Self::Bool(value) => Value::Bool(value),
            Self::Int(value) => Value::Int(value),
            Self::Float(bits) => Value::Float(Float(f64::from_bits(bits))),
            Self::Decimal(text) => Value::Decimal(text),
            Self::Text(text) => Value::Text(text),
            Self::Bytes(text) => Value::Bytes(STANDARD.decode(text).map_err(|_| Foreign)?),
        })
    }
}

fn values(kept: Vec<Kept>) -> Result<Vec<Value>, Foreign> {
    kept.into_iter().map(Kept::into_value).collect()
}

impl Walk<'_> {
    /// Where the walk stands, in the middle of its last ask.
    pub(super) fn bookmark(&self) -> Bookmark {
        let nodes = self.engine.graph.nodes().iter().enumerate().map(|(id, node)| NodeMark {
            at: node.at.to_string(),
            rows: self.tallies[id].rows,
            asked: self.asked[id].iter().map(|(path, asked)| (path.clone(), asked.mark())).collect(),
            open: self.open[id]
                .iter()
                .map(|((reach, path), pending)| (reach.0 == Ownership::Own, path.clone(), pending.mark()))
                .collect(),
        });
        let given = self.given.iter().flat_map(|(digest, times)| {
            digest.iter().copied().chain(times.to_le_bytes()).collect::<Vec<_>>()
        });
        Bookmark {
            map: self.engine.map.version.clone(),
            nodes: nodes.collect(),
            asks: self
                .asks
                .iter()
                .map(|ask| (ask.node.0, ask.path.clone(), ask.reach == Ownership::Own))
                .collect(),
            values: self.current.iter().filter_map(Kept::of).collect(),
            given: STANDARD.encode(given.collect::<Vec<_>>()),
        }
    }

    /// The walk that stood there.
    pub(super) fn resume<'e>(engine: &'e Engine, mark: Bookmark) -> Result<Walk<'e>, Foreign> {
        let known = engine.graph.nodes().iter().map(|node: &domain::datamap::Node| node.at.to_string());
        if mark.map != engine.map.version || !known.eq(mark.nodes.iter().map(|node| node.at.clone())) {
            return Err(Foreign);
        }
        let mut walk = Walk::empty(engine, None);
        let reach = |own| if own { Ownership::Own } else { Ownership::Shared };
        for (id, node) in mark.nodes.into_iter().enumerate() {
            walk.tallies[id].rows = node.rows;
            for (path, asked) in node.asked {
                walk.tallies[id].asked = true;
                walk.asked[id].insert(path, Asked::marked(asked)?);
            }
            for (own, path, pending) in node.open {
                let mut open = Pending::default();
                values(pending)?.into_iter().for_each(|value| open.insert(value));
                walk.open[id].insert((std::cmp::Reverse(reach(own)), path), open);
            }
        }
        for (node, path, own) in mark.asks {
            let node = NodeId(node);
            walk.asks.push(Ask { node, path, reach: reach(own), values: Vec::new() });
        }
        if let Some(last) = walk.asks.last_mut() {
            last.values = values(mark.values)?;
            walk.is_half_answered = !last.values.is_empty();
        }
        let given = STANDARD.decode(mark.given).map_err(|_| Foreign)?;
        let entry = |bytes: &[u8]| {
            let (digest, times) = bytes.split_first_chunk::<16>()?;
            Some((*digest, u32::from_le_bytes(times.try_into().ok()?)))
        };
        let given: Option<HashMap<Digest, u32>> = given.chunks(20).map(entry).collect();
        walk.given = given.ok_or(Foreign)?;
        Ok(walk)
    }
}

impl Bookmark {
    /// Rows handed on so far, of each collection that was met.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.nodes.iter().map(|node| node.rows).sum()
    }
}

impl std::fmt::Debug for Bookmark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bookmark").field("rows", &self.rows()).finish_non_exhaustive()
    }
}
