//! The four roles of the benchmark: their operations, in percent, and how they choose records.

use std::time::Duration;

use crate::{
    Failure,
    dice::{Choice, Dice},
    site::{Site, progress},
};

/// An operation of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are the benchmark's; the README says what each does")]
pub enum Operation {
    Insert,
    Delete,
    UpdateMetadataByPurpose,
    UpdateMetadataByUser,
    ReadData,
    ReadMetadata,
    UpdateData,
    UpdateMetadata,
    ReadByKey,
    ReadByPurpose,
    ReadByUser,
    ReadMetadataByUser,
    ReadLogs,
    VerifyDeletion,
}

/// A role of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the benchmark's")]
pub enum Role {
    Controller,
    Customer,
    Processor,
    Regulator,
}

impl Role {
    /// All, in the order in which they come.
    pub const ALL: [Self; 4] = [Self::Controller, Self::Customer, Self::Processor, Self::Regulator];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Controller => "controller",
            Self::Customer => "customer",
            Self::Processor => "processor",
            Self::Regulator => "regulator",
        }
    }

    /// Its operations, each with how many of a hundred it is.
    #[must_use]
    pub const fn mix(self) -> &'static [(Operation, usize)] {
        use Operation::{
            Delete, Insert, ReadByKey, ReadByPurpose, ReadByUser, ReadData, ReadLogs, ReadMetadata,
            ReadMetadataByUser, UpdateData, UpdateMetadata, UpdateMetadataByPurpose, UpdateMetadataByUser,
            VerifyDeletion,
        };
        match self {
            Self::Controller => {
                &[(Insert, 25), (Delete, 25), (UpdateMetadataByPurpose, 25), (UpdateMetadataByUser, 25)]
            }
            Self::Customer => {
                &[(ReadData, 20), (ReadMetadata, 20), (UpdateData, 20), (UpdateMetadata, 20), (Delete, 20)]
            }
            Self::Processor => &[(ReadByKey, 20), (ReadByPurpose, 40), (ReadByUser, 40)],
            Self::Regulator => &[(ReadMetadataByUser, 46), (ReadLogs, 31), (VerifyDeletion, 23)],
        }
    }

    fn choice(self, records: usize) -> Choice {
        match self {
            Self::Customer => Choice::zipfian(records),
            Self::Controller | Self::Processor | Self::Regulator => Choice::Uniform,
        }
    }
}

/// A role at work on a site.
pub struct Session {
    role: Role,
    choice: Choice,
    // Which operation comes next is left to dice of its own, so that it is the same at sites of any size.
    order: Dice,
    dice: Dice,
    /// How long each operation took that was answered as it must be.
    pub took: Vec<(Operation, Duration)>,
    /// What was wrong.
    pub wrong: Vec<String>,
}

impl Session {
    /// Begins.
    #[must_use]
    pub fn new(role: Role, site: &Site, seed: u64) -> Self {
        Self {
            role,
            choice: role.choice(site.living.len()),
            order: Dice::new(seed),
            dice: Dice::new(!seed),
            took: Vec::new(),
            wrong: Vec::new(),
        }
    }

    /// Carries out the next operation.
    pub async fn step(&mut self, site: &mut Site) {
        let mut at = self.order.below(100);
        let operation = self.role.mix().iter().find_map(|(operation, percent)| {
            let is_it = at < *percent;
            at = at.saturating_sub(*percent);
            is_it.then_some(*operation)
        });
        let Some(operation) = operation else { return };
        match site.carry_out(operation, &self.choice, &mut self.dice).await {
            Ok(took) => self.took.push((operation, took)),
            Err(failure) => self.wrong.push(format!("{operation:?}: {failure}")),
        }
    }

    /// Carries out so many.
    pub async fn run(&mut self, site: &mut Site, operations: usize) {
        for done in 0..operations {
            progress(self.role.name(), done, operations);
            self.step(site).await;
        }
        progress(self.role.name(), operations, operations);
    }

    /// How long the slowest 5 of 100 operations of a kind took at least, in milliseconds; of all kinds if
    /// none is said.
    #[must_use]
    pub fn p95(&self, of: Option<Operation>) -> f64 {
        self.percentile(of, 95)
    }

    /// The same for any number of a hundred.
    #[must_use]
    pub fn percentile(&self, of: Option<Operation>, percent: usize) -> f64 {
        let took = self.took.iter().filter(|(operation, _)| of.is_none_or(|of| of == *operation));
        let mut millis: Vec<f64> = took.map(|(_, took)| took.as_secs_f64() * 1000.0).collect();
        millis.sort_unstable_by(f64::total_cmp);
        let at = (millis.len() * percent).div_ceil(100).max(1) - 1;
        millis.get(at).copied().unwrap_or(f64::NAN)
    }

    /// All that was asked for was answered as it must be, or what was not.
    ///
    /// # Errors
    /// What was wrong first, and how often something was.
    pub fn judge(&self) -> Result<(), Failure> {
        match self.wrong.first() {
            None => Ok(()),
            Some(first) => {
                let (name, wrong, right) = (self.role.name(), self.wrong.len(), self.took.len());
                Err(format!("{name}: {wrong} of {} wrong, first {first}", wrong + right).into())
            }
        }
    }
}
