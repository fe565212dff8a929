//! `note-changes`: notes what changes in the ledger in the logs of its tenants.
//!
//! It may be told of a change more than once, and by another of its kind at the same time; the log says so, and
//! is none the worse.

use std::collections::BTreeMap;

use domain::{OrgId, audit::Entry};
use runtime::{App, Failure, Need, Trigger, WorkerSpec};
use store::Change;

/// The worker.
pub static SPEC: WorkerSpec = WorkerSpec {
    name: "note-changes",
    trigger: Trigger::Changes,
    needs: &[Need::WriteLedger, Need::Certify, Need::NoteChanges],
    summary: "Note what changes in the ledger in the log of the audit",
};

/// Notes them: one signed segment for each tenant.
///
/// # Errors
/// When a log cannot be written. What was noted by then is noted again.
pub async fn handle(app: App, changes: Vec<Change>) -> Result<(), Failure> {
    let mut entries: BTreeMap<OrgId, Vec<Entry>> = BTreeMap::new();
    for change in &changes {
        if let Some((org, entry)) = change.entry()? {
            entries.entry(org).or_default().push(entry);
        }
    }
    for (org, entries) in entries {
        app.ledger(org).note(entries, app.now()).await?;
    }
    Ok(())
}

worker!(on_changes, handle);
