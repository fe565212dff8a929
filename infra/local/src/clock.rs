//! A clock that can be moved forward, so that 30 days pass in a second.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use chrono::{DateTime, TimeDelta, Utc};

/// The machine's clock, ahead by as much as it was moved; or a clock that stands still but for being moved.
#[derive(Clone, Debug)]
pub struct VirtualClock {
    standing: Option<DateTime<Utc>>,
    ahead_micros: Arc<AtomicI64>,
    file: Option<PathBuf>,
}

impl VirtualClock {
    /// The machine's clock, moved ahead as the folder remembers.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn of_folder(folder: &Path) -> io::Result<Self> {
        let file = folder.join("clock");
        let ahead = match fs::read_to_string(&file) {
            Ok(text) => text.trim().parse().unwrap_or(0),
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        Ok(Self { standing: None, ahead_micros: Arc::new(AtomicI64::new(ahead)), file: Some(file) })
    }

    /// A clock that stands at `at` until it is moved.
    pub fn standing_at(at: DateTime<Utc>) -> Self {
        Self { standing: Some(at), ahead_micros: Arc::default(), file: None }
    }

    /// The time.
    #[expect(clippy::disallowed_methods, reason = "the local clock is made from the machine's")]
    pub fn now(&self) -> DateTime<Utc> {
        let ahead = TimeDelta::microseconds(self.ahead_micros.load(Ordering::SeqCst));
        let base = self.standing.unwrap_or_else(Utc::now);
        base.checked_add_signed(ahead).unwrap_or(base)
    }

    /// Moves the clock forward and remembers it in the folder.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn advance(&self, by: TimeDelta) -> io::Result<()> {
        let micros = by.num_microseconds().unwrap_or(0);
        let ahead = self.ahead_micros.fetch_add(micros, Ordering::SeqCst).saturating_add(micros);
        match &self.file {
            Some(file) => fs::write(file, ahead.to_string()),
            None => Ok(()),
        }
    }
}
