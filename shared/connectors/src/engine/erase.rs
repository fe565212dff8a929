//! The erasure: what the walk found is deleted or masked, in the opposite order.
//!
//! Each ask is read and erased page by page, and read again until it finds nothing more to do: that
//! read is the proof. Only then may go what leads to it. So at any moment everything that is left can
//! be found again from the identity, and a run after a crash finishes what the first one began.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::ControlFlow;

use domain::datamap::{Erasure, NodeId, Outcome, Ownership, Treatment};
use futures_util::TryStreamExt as _;

use super::mask::Masks;
use super::plan::kept_because;
use super::walk::{AskNo, Walk};
use super::{Engine, Order};
use crate::fault::{EngineError, Fault};
use crate::sink::{Progress, Step};
use crate::store::{Change, Found};

/// How often the rows of an ask are erased before those that come back count as a failure.
const ROUNDS: usize = 3;

/// Erases what `walk` found.
pub(super) async fn run(
    engine: &Engine,
    walk: &Walk<'_>,
    order: &Order,
    progress: &mut dyn Progress,
) -> Result<Erasure, EngineError> {
    let mut run = Run::new(engine, walk, order, progress);
    let stopped = run.all().await;
    let erasure = run.erasure();
    match stopped {
        ControlFlow::Continue(()) => Ok(erasure),
        ControlFlow::Break(()) => Err(EngineError::Interrupted(Box::new(erasure))),
    }
}

struct Run<'r, 'e> {
    engine: &'e Engine,
    walk: &'r Walk<'e>,
    order: &'r Order,
    masks: Masks<'r>,
    progress: &'r mut dyn Progress,
    outcomes: Vec<Outcome>,
    /// Collections whose rows are not all known, and the one that could not be read before them.
    unread: BTreeMap<NodeId, NodeId>,
}

/// Why an ask was left.
enum Halt {
    Stopped,
    Fault(Fault),
    Remain(u64),
}

impl From<Fault> for Halt {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl<'r, 'e> Run<'r, 'e> {
    fn new(engine: &'e Engine, walk: &'r Walk<'e>, order: &'r Order, progress: &'r mut dyn Progress) -> Self {
        let nodes = engine.graph.nodes().iter();
        let outcomes = nodes
            .zip(&walk.tallies)
            .map(|(node, tally)| Outcome {
                at: node.at.clone(),
                method: order.treatments.of(&node.at).method(),
                backup_days: engine.map.dataset(&node.at.dataset).and_then(|dataset| dataset.backups),
                found: tally.rows,
                erased: 0,
                masked: 0,
                kept: tally.rows - tally.affected,
                kept_because: kept_because(order.treatments.of(&node.at), tally),
                after: None,
                asked: tally.asked,
                error: tally.fault.as_ref().map(ToString::to_string),
            })
            .collect();
        let unread = unread(engine, walk);
        Self { engine, walk, order, masks: Masks::new(&order.masker), progress, outcomes, unread }
    }

    async fn all(&mut self) -> ControlFlow<()> {
        for group in self.engine.graph.erase() {
            self.group(group).await?;
            for id in group {
                let step = Step::Finished(self.outcomes[id.0].clone());
                self.step(&step).await?;
            }
        }
        // While the last rows went, others may have been written. Their keys are still at hand, once.
        for group in self.engine.graph.erase() {
            if group.iter().all(|id| self.outcomes[id.0].is_done()) {
                self.group(group).await?;
            }
        }
        ControlFlow::Continue(())
    }

    /// Erases and proves the collections of a group, if nothing stands in the way.
    async fn group(&mut self, group: &[NodeId]) -> ControlFlow<()> {
        if let Some(reason) = self.obstacle(group) {
            self.give_up(group, &reason);
            return ControlFlow::Continue(());
        }
        for id in group {
            self.outcomes[id.0].after = None;
        }
        let asks: Vec<AskNo> = (0..self.walk.asks.len())
            .rev()
            .filter(|no| group.contains(&self.walk.asks[*no].node) && self.may_change(*no))
            .collect();
        for no in asks {
            let id = self.walk.asks[no].node;
            let halt = self.ask(no).await;
            let outcome = &mut self.outcomes[id.0];
            match halt {
                Ok(()) => continue,
                Err(Halt::Stopped) => return ControlFlow::Break(()),
                Err(Halt::Fault(fault)) => outcome.error = Some(fault.to_string()),
                Err(Halt::Remain(rows)) => {
                    outcome.after = Some(rows);
                    outcome.error = Some("rows remain after erasing them".to_owned());
                }
            }
            let failed = &self.engine.node(id).at;
            self.give_up(group, &format!("not erased, because {failed} failed"));
            return ControlFlow::Continue(());
        }
        for id in group {
            self.outcomes[id.0].after = Some(0);
        }
        ControlFlow::Continue(())
    }

    /// Gives every member of a group that has no reason of its own this one.
    fn give_up(&mut self, group: &[NodeId], reason: &str) {
        for id in group {
            self.outcomes[id.0].error.get_or_insert_with(|| reason.to_owned());
        }
    }

    /// Why a group must stay: a member that could not be read or whose rows are not all known,
    /// or something found through it that is not gone.
    fn obstacle(&self, group: &[NodeId]) -> Option<String> {
        let name = |id: NodeId| &self.engine.node(id).at;
        if let Some(id) = group.iter().find(|id| self.outcomes[id.0].error.is_some()) {
            return Some(format!("not erased, because {} failed", name(*id)));
        }
        if let Some(unread) = group.iter().find_map(|id| self.unread.get(id)) {
            return Some(format!("not erased, because {} could not be read", name(*unread)));
        }
        let mut before = group.iter().flat_map(|id| self.engine.graph.before(*id));
        before
            .find(|id| !group.contains(id) && !self.outcomes[id.0].is_done())
            .map(|id| format!("not erased, because {} is not done", name(id)))
    }

    /// Whether rows that an ask finds can be among those that are changed.
    fn may_change(&self, no: AskNo) -> bool {
        let ask = &self.walk.asks[no];
        let at = &self.engine.node(ask.node).at;
        let changes = |treatment: &Treatment| match treatment {
            Treatment::Delete | Treatment::Mask(_) => true,
            Treatment::Keep(_) => false,
        };
        let treatments = &self.order.treatments;
        changes(treatments.of_shared(at)) || ask.reach == Ownership::Own && changes(treatments.of(at))
    }

    /// Erases the rows that belong to an ask, until a read finds none.
    async fn ask(&mut self, no: AskNo) -> Result<(), Halt> {
        for _ in 0..ROUNDS {
            if self.pass(no, true).await? == 0 {
                return Ok(());
            }
        }
        match self.pass(no, false).await? {
            0 => Ok(()),
            rows => Err(Halt::Remain(rows)),
        }
    }

    /// Reads the rows of an ask to the end, erasing them or not; says how many there were to erase.
    async fn pass(&mut self, no: AskNo, erase: bool) -> Result<u64, Halt> {
        let node = self.walk.asks[no].node;
        let at = &self.engine.node(node).at;
        let store = self.engine.store(at);
        let want = self.fields(node);
        let question = self.walk.question(no, &want);
        let mut pages = store.ask(&question);
        let mut seen = 0;
        while let Some(page) = pages.try_next().await? {
            let mut deleted: Vec<Found> = Vec::new();
            let mut masked = Vec::new();
            for found in page.rows {
                // A row that an earlier ask found as well goes with that one: it leads to this one.
                match self.walk.fate(no, &found.row) {
                    None | Some(Treatment::Keep(_)) => {}
                    Some(Treatment::Delete) => deleted.push(found),
                    Some(Treatment::Mask(fields)) => {
                        let matched = self.walk.matched(node, &found.row);
                        let set = self.masks.changes(fields, &found.row, &matched);
                        if !set.is_empty() {
                            masked.push((found, set));
                        }
                    }
                }
            }
            seen += (deleted.len() + masked.len()) as u64;
            if !erase {
                continue;
            }
            let mut rows = 0;
            if !deleted.is_empty() {
                let erased = store.delete(&question, &deleted).await?;
                self.outcomes[node.0].erased += erased;
                rows += erased;
            }
            if !masked.is_empty() {
                let changes: Vec<Change<'_>> =
                    masked.iter().map(|(found, set)| Change { found, set: set.clone() }).collect();
                let changed = store.mask(&question, &changes).await?;
                self.outcomes[node.0].masked += changed;
                rows += changed;
            }
            if rows > 0 && self.step(&Step::Erased { at: at.clone(), rows }).await.is_break() {
                return Err(Halt::Stopped);
            }
        }
        Ok(seen)
    }

    /// The top-level fields that must be read to erase rows: those of keys, and those to be masked.
    fn fields(&self, node: NodeId) -> Vec<String> {
        let at = &self.engine.node(node).at;
        let mut fields = self.walk.key_fields(node);
        for treatment in [self.order.treatments.of(at), self.order.treatments.of_shared(at)] {
            let masked = match treatment {
                Treatment::Mask(masked) => masked.as_slice(),
                Treatment::Delete | Treatment::Keep(_) => &[],
            };
            fields.extend(masked.iter().filter_map(|field| field.path.split('.').next()).map(str::to_owned));
        }
        fields.sort_unstable();
        fields.dedup();
        fields
    }

    async fn step(&mut self, step: &Step) -> ControlFlow<()> {
        self.progress.step(step).await
    }

    /// The outcomes in walk order.
    fn erasure(self) -> Erasure {
        let order = self.engine.graph.walk().iter().flatten();
        Erasure { collections: order.map(|id| self.outcomes[id.0].clone()).collect() }
    }
}

/// The collections to which values flow from one that could not be read.
fn unread(engine: &Engine, walk: &Walk<'_>) -> BTreeMap<NodeId, NodeId> {
    let mut unread = BTreeMap::new();
    for (id, _) in walk.tallies.iter().enumerate().filter(|(_, tally)| tally.fault.is_some()) {
        let cause = NodeId(id);
        let mut open = vec![cause];
        while let Some(id) = open.pop() {
            for edge in engine.graph.edges_from(id) {
                if let Entry::Vacant(entry) = unread.entry(edge.to) {
                    entry.insert(cause);
                    open.push(edge.to);
                }
            }
        }
    }
    unread
}
