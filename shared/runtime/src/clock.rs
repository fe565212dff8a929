//! The clock of the App.

use std::sync::Arc;

use chrono::SubsecRound;
use domain::Timestamp;

/// Tells the time. In tests and local mode it can be a virtual one.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// A clock that asks `tell`.
    pub fn new(tell: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// The machine's clock.
    #[expect(clippy::disallowed_methods, reason = "this is the one place where the machine is asked")]
    pub fn system() -> Self {
        Self::new(chrono::Utc::now)
    }

    /// The time, to the microsecond: what is stored reads back as it was.
    pub fn now(&self) -> Timestamp {
        (self.0)().trunc_subsecs(6)
    }
}
