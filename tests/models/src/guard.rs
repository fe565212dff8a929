//! What keeps purges safe, as a table; each line can be left out of the model.

use crate::Harm;

/// Something in the code without which harm is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Guard {
    /// `Purge::claim`: not before it is due.
    Due,
    /// `Purge::claim`: not while another worker has it.
    Lease,
    /// `Purge::claim`: a worker that fell silent is followed by another.
    Takeover,
    /// `Purge::cancel`: not while it runs.
    CancelRunning,
    /// `Purge::cancel`: not while it waits for its second turn.
    CancelBegun,
    /// `Purge::reschedule`: not while it runs.
    MoveRunning,
    /// `Purge::plan`: what the first attempt counted stays.
    FirstPlan,
    /// `Purge::finish`: only what is verified.
    Finish,
    /// `Request::makes_way`: a new erasure comes after the last, not in its place.
    MakesWay,
    /// `Request::attention`: a purge that runs stays in the index until it has ended.
    IndexRunning,
    /// `Request::attention`: a purge that is held is looked at again.
    IndexHeld,
    /// Each write of the ledger names the version that it read.
    Version,
    /// `purges::erase`: a worker whose attempt is no longer the current one writes nothing.
    Turn,
    /// `purges::erase`: nobody claims what another has begun since it was read.
    Last,
    /// `purges::erase`: of whom nothing is known any more, there is nothing to search by.
    Nobody,
    /// `purges::erase`: no work on what is held from the start.
    HeldFirst,
    /// `purges::erase`: holds are read again after the claim.
    HeldAfterClaim,
    /// `purges::erase`: holds are read again after each page.
    HeldAfterPage,
    /// `purges::erase`: holds are read again before the ledger forgets.
    HeldBeforeForgetting,
    /// `purges::erase`: what a hold has kept is not forgotten.
    HoldsRows,
    /// `connectors::Engine`: every store is read again.
    ReadAgain,
    /// `purges::erase`: what is not verified is tried again.
    Verified,
    /// `purges::erase`: nobody goes on to forget what another may be at.
    ClaimedFirst,
    /// `purges::erase`: that the stores are empty is noted before the person is forgotten.
    NotedFirst,
    /// `certificates::note`: what the certificate will say is noted before the person is forgotten.
    FactsFirst,
    /// `issue_certificate`: the first certificate stays.
    OneCertificate,
    /// `purges::erase`: a purge is done once the person is forgotten and not before.
    ForgottenFirst,
}

impl Guard {
    /// All of them: what happens without each, and which other guard hides that, if one does.
    pub const TABLE: [(Self, &'static [Harm], Option<Self>); 27] = {
        use Harm::{
            AfterCancel, CameBack, CancelledHalf, Certificates, Counts, Early, ForgottenUnderHold,
            LeftBehind, NotForgotten, Stuck, TwoAtOnce, UnderHold,
        };
        [
            (Self::Due, &[Early], None),
            (Self::Lease, &[TwoAtOnce], None),
            (Self::Takeover, &[Stuck], None),
            (Self::CancelRunning, &[CancelledHalf, AfterCancel], None),
            (Self::CancelBegun, &[CancelledHalf], None),
            (Self::MoveRunning, &[Early], None),
            (Self::FirstPlan, &[Counts], None),
            (Self::Finish, &[LeftBehind], Some(Self::Verified)),
            (Self::MakesWay, &[CancelledHalf, Early, TwoAtOnce, Counts], None),
            (Self::IndexRunning, &[Stuck], None),
            (Self::IndexHeld, &[Stuck], None),
            (Self::Version, &[AfterCancel, CancelledHalf, Early, TwoAtOnce, Stuck], None),
            (Self::Turn, &[TwoAtOnce], None),
            (Self::Last, &[Stuck], None),
            (Self::Nobody, &[Stuck], None),
            (Self::HeldFirst, &[UnderHold, ForgottenUnderHold], None),
            (Self::HeldAfterClaim, &[UnderHold], None),
            (Self::HeldAfterPage, &[UnderHold], None),
            (Self::HeldBeforeForgetting, &[ForgottenUnderHold], None),
            (Self::HoldsRows, &[ForgottenUnderHold, LeftBehind], None),
            (Self::ReadAgain, &[LeftBehind], None),
            (Self::Verified, &[Stuck], None),
            (Self::ClaimedFirst, &[CameBack], None),
            (Self::NotedFirst, &[Stuck], None),
            (Self::FactsFirst, &[Certificates], None),
            (Self::OneCertificate, &[Certificates], None),
            (Self::ForgottenFirst, &[NotForgotten], None),
        ]
    };
}

/// The guards that are left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Without(u32);

impl Without {
    /// Whether this guard is left out.
    pub fn has(self, guard: Guard) -> bool {
        self.0 & (1 << guard as u32) != 0
    }
}

impl FromIterator<Guard> for Without {
    fn from_iter<I: IntoIterator<Item = Guard>>(guards: I) -> Self {
        Self(guards.into_iter().fold(0, |all, guard| all | 1 << guard as u32))
    }
}
