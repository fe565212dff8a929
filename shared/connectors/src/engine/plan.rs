//! The plan: what a walk found, beside what would be done to it.

use aws_lc_rs::digest::{SHA256, digest};
use domain::datamap::{Kept, MaskedField, Treatment};
use domain::plan::{MaskedAs, Plan, PlannedCollection, Usage};

use super::walk::{Tally, Walk};
use super::{Engine, Order};

/// How often an erasure reads what the plan read once: to find, to erase and to prove, twice.
const READS: f64 = 4.0;

/// Makes the plan of what `walk` surveyed; `refusals` are those that the map itself gives.
pub(super) fn plan(engine: &Engine, walk: &Walk<'_>, order: &Order, refusals: Vec<String>) -> Plan {
    let mut plan = Plan {
        data_map: engine.map.version.clone(),
        policy: order.policy.clone(),
        refusals,
        ..Plan::default()
    };
    for id in engine.graph.walk().iter().flatten() {
        let at = &engine.node(*id).at;
        let tally = &walk.tallies[id.0];
        let treatment = order.treatments.of(at);
        let masked = match treatment {
            Treatment::Mask(fields) => fields.as_slice(),
            Treatment::Delete | Treatment::Keep(_) => &[],
        };
        let masked_as = |field: &MaskedField| MaskedAs {
            field: field.path.clone(),
            strategy: field.masking.name().to_owned(),
        };
        for (table, rows) in &tally.ties {
            plan.refusals.push(format!(
                "`{at}`: {rows} rows of `{table}`, which the plan does not delete, refer to rows that it would"
            ));
        }
        let store = engine.store(at);
        let reads = Usage { read_units: tally.usage.read_units * READS, ..tally.usage };
        plan.usage += reads + store.usage_of(treatment, tally.affected, tally.bytes);
        plan.collections.push(PlannedCollection {
            dataset: at.dataset.clone(),
            collection: at.collection.clone(),
            method: treatment.method(),
            key: store.key_names(&at.collection),
            keys_sha256: keys_digest(tally),
            found: tally.rows,
            affected: tally.affected,
            kept: tally.rows - tally.affected,
            bytes: tally.bytes,
            masked_fields: masked.iter().map(masked_as).collect(),
            kept_because: kept_because(treatment, tally),
            backup_days: engine.map.dataset(&at.dataset).and_then(|dataset| dataset.backups),
            error: tally.fault.as_ref().map(ToString::to_string),
        });
    }
    plan.seal()
}

/// Why some or all rows of a collection stay.
pub(super) fn kept_because(treatment: &Treatment, tally: &Tally) -> Vec<String> {
    match treatment {
        _ if tally.rows == tally.affected => Vec::new(),
        Treatment::Keep(kept) => vec![kept.to_string()],
        Treatment::Delete | Treatment::Mask(_) => vec![Kept::Shared.to_string()],
    }
}

/// One digest for all keys, whatever the order in which a store told them.
fn keys_digest(tally: &Tally) -> String {
    let mut keys = tally.keys.clone();
    keys.sort_unstable();
    hex::encode(digest(&SHA256, keys.as_flattened()))
}
