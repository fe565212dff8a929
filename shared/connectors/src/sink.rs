//! What the caller brings: somewhere to put rows, and an ear for progress.

use std::ops::ControlFlow;

use async_trait::async_trait;
use bytes::Bytes;
use domain::datamap::{CollectionRef, Outcome};
use domain::plan::Plan;
use domain::row::{Row, Value};

use crate::engine::Bookmark;
use crate::fault::Fault;

/// Receives a person's rows one by one.
#[async_trait]
pub trait Sink: Send {
    /// Takes one row.
    async fn row(&mut self, at: &CollectionRef, row: &Row) -> Result<(), SinkError>;

    /// Takes one object, after the row that describes it.
    ///
    /// The body is pulled, so that a slow receiver slows the store down instead of filling the memory.
    /// It need not be read to its end.
    async fn object(
        &mut self,
        at: &CollectionRef,
        object: &ObjectInfo,
        body: &mut dyn Chunks,
    ) -> Result<(), SinkError>;

    /// Whether the receiver ever [rests](Self::rest) and wants to go on later: then the rows of the answer
    /// at hand are remembered.
    fn rests(&self) -> bool {
        false
    }

    /// Called now and then: all rows so far were taken, and `here` tells how to go on behind them, should
    /// the receiver stop by failing, or die.
    async fn rest(&mut self, here: &(dyn Fn() -> Bookmark + Sync)) -> Result<(), SinkError> {
        let _ = here;
        Ok(())
    }
}

/// A stored object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Its key below the person's prefix.
    pub name: String,
    /// Its size in bytes, as the store says.
    pub size: u64,
}

/// The content of an object, piece by piece.
#[async_trait]
pub trait Chunks: Send {
    /// The next piece; none at the end.
    ///
    /// # Errors
    /// If the store fails on the way: what was read so far is not the whole object.
    async fn next(&mut self) -> Result<Option<Bytes>, Fault>;
}

/// Why a row or object was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The store broke off while an object was read.
    #[error("the store broke off")]
    Source(#[from] Fault),
    /// The receiver failed.
    #[error("the receiver failed")]
    Target(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl SinkError {
    /// A failure of the receiver.
    pub fn target(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Target(error.into())
    }
}

/// Follows an erasure and may stop it.
#[async_trait]
pub trait Progress: Send {
    /// Called once, after all rows were found and before the first is erased: the place for a
    /// threshold, and for comparing the plan with the one that was approved.
    ///
    /// Sizes are not in this plan. Break ends the run with nothing erased.
    async fn planned(&mut self, plan: &Plan) -> ControlFlow<()> {
        let _ = plan;
        ControlFlow::Continue(())
    }

    /// Called after each page of erased rows and each finished collection.
    ///
    /// Break stops the run there. Whoever stops for want of time lets a page go first, so that every
    /// run gets further, however small its budget.
    async fn step(&mut self, step: &Step) -> ControlFlow<()>;
}

/// A piece of progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A page of rows is deleted or masked for good.
    Erased {
        /// The collection.
        at: CollectionRef,
        /// How many rows.
        rows: u64,
    },
    /// A collection is proven empty of the person, or could not be finished.
    Finished(Outcome),
}

/// Receives identity values that stores hold, whoever's they are.
#[async_trait]
pub trait Census: Send {
    /// Takes some values of the identity `name`, as `at` holds them. The same value may come again.
    ///
    /// # Errors
    /// If the receiver cannot go on: that ends the census.
    async fn met(
        &mut self,
        at: &CollectionRef,
        name: &str,
        values: &[Value],
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>>;
}

/// Where a census did not look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unseen {
    /// The collection.
    pub at: CollectionRef,
    /// Why.
    pub reason: String,
}
