//! Sorting what may go in circles.

use super::NodeId;

/// Groups the nodes by cycles and sorts the groups by `orders`, pairs of earlier and later;
/// among those that are free to go, the one whose highest-ranking member ranks lowest goes first.
pub(super) fn groups<K: Ord>(
    count: usize,
    orders: impl IntoIterator<Item = (NodeId, NodeId)>,
    rank: impl Fn(NodeId) -> K,
) -> Vec<Vec<NodeId>> {
    let mut next = vec![Vec::new(); count];
    for (earlier, later) in orders {
        next[earlier.0].push(later.0);
    }
    let reachable: Vec<Vec<bool>> = (0..count).map(|from| reachable(&next, from)).collect();
    let leads = |from: NodeId, to: NodeId| reachable[from.0][to.0];

    let mut rest: Vec<Vec<NodeId>> = Vec::new();
    for id in (0..count).map(NodeId) {
        match rest.iter_mut().find(|group| leads(id, group[0]) && leads(group[0], id)) {
            Some(group) => group.push(id),
            None => rest.push(vec![id]),
        }
    }

    let mut sorted = Vec::with_capacity(rest.len());
    while !rest.is_empty() {
        let free = (0..rest.len())
            .filter(|i| rest.iter().enumerate().all(|(j, other)| j == *i || !leads(other[0], rest[*i][0])))
            .min_by_key(|i| rest[*i].iter().map(|id| rank(*id)).max());
        match free {
            Some(i) => sorted.push(rest.remove(i)),
            // Between groups there is no cycle, so one of them is always free.
            None => sorted.append(&mut rest),
        }
    }
    sorted
}

fn reachable(next: &[Vec<usize>], from: usize) -> Vec<bool> {
    let mut met = vec![false; next.len()];
    let mut open = vec![from];
    while let Some(id) = open.pop() {
        for &later in &next[id] {
            if !met[later] {
                met[later] = true;
                open.push(later);
            }
        }
    }
    met
}
