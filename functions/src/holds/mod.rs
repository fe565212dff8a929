//! Legal holds and duties of retention: what keeps data from being erased, and for how long.

pub mod create;
pub mod get;
pub mod lift;
pub mod list;

use domain::{HoldId, hold::Hold};
use runtime::{App, Failure};
use store::Ledger;
use wire::Code;

/// The hold with this id, unless its proof is over.
async fn find(app: &App, ledger: Ledger<'_>, id: HoldId) -> Result<Hold, Failure> {
    let hold = ledger.hold(id).await?.filter(|hold| hold.is_kept(app.now()));
    hold.ok_or_else(|| Code::HoldNotFound.into())
}
