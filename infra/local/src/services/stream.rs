//! The stream of a table's changes, read as Lambda reads it for a function.

use std::{
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use dynoxide::{
    Database,
    actions::{
        describe_stream::DescribeStreamRequest,
        get_records::{GetRecordsRequest, Record},
        get_shard_iterator::GetShardIteratorRequest,
        list_streams::ListStreamsRequest,
    },
};

use super::folder;

/// How many changes a function is handed at once.
const BATCH: usize = 1000;

/// A reader of the changes of one table, and how far it is.
pub struct ChangeStream {
    database: Database,
    table: &'static str,
    /// Where it is kept how far it is, if anything is kept.
    file: Option<PathBuf>,
    /// The number of the last change that was taken.
    taken: Mutex<Option<String>>,
}

/// Some changes.
pub struct Changes {
    /// As the event that a function is handed.
    pub event: Vec<u8>,
    last: String,
}

/// Why changes cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the changes of the table cannot be read: {0}")]
pub struct StreamError(String);

impl ChangeStream {
    pub(super) fn open(database: Database, table: &'static str, file: Option<PathBuf>) -> Self {
        let taken = file.as_ref().and_then(|file| std::fs::read_to_string(file).ok());
        Self { database, table, file, taken: Mutex::new(taken) }
    }

    /// The next changes; nothing if there are none.
    pub async fn next(&self) -> Result<Option<Changes>, StreamError> {
        let after = self.taken.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (database, table) = (self.database.clone(), self.table);
        let failed = |error: &dyn std::fmt::Display| StreamError(error.to_string());
        let read = tokio::task::spawn_blocking(move || records(&database, table, after));
        let records = read.await.map_err(|error| failed(&error))?.map_err(|error| failed(&error))?;
        let Some(last) = records.last().map(|record| record.dynamodb.sequence_number.clone()) else {
            return Ok(None);
        };
        let event = serde_json::to_vec(&serde_json::json!({"Records": records}));
        Ok(Some(Changes { event: event.map_err(|error| failed(&error))?, last }))
    }

    /// Goes on after these changes: they were handled.
    pub async fn took(&self, changes: Changes) {
        if let Some(file) = &self.file {
            // Should it fail, they come once more after a restart, which is harmless.
            let _ = folder::replace(file, changes.last.as_bytes()).await;
        }
        *self.taken.lock().unwrap_or_else(PoisonError::into_inner) = Some(changes.last);
    }
}

fn records(
    database: &Database,
    table: &str,
    after: Option<String>,
) -> Result<Vec<Record>, dynoxide::DynoxideError> {
    let streams = ListStreamsRequest { table_name: Some(table.to_owned()), ..Default::default() };
    let Some(stream) = database.list_streams(streams)?.streams.pop() else { return Ok(Vec::new()) };
    let stream_arn = stream.stream_arn;
    let described = DescribeStreamRequest { stream_arn: stream_arn.clone(), ..Default::default() };
    // There is one, for ever.
    let Some(shard) = database.describe_stream(described)?.stream_description.shards.pop() else {
        return Ok(Vec::new());
    };
    let kind = if after.is_some() { "AFTER_SEQUENCE_NUMBER" } else { "TRIM_HORIZON" };
    let iterator = database.get_shard_iterator(GetShardIteratorRequest {
        stream_arn,
        shard_id: shard.shard_id,
        shard_iterator_type: kind.to_owned(),
        sequence_number: after,
    })?;
    let Some(shard_iterator) = iterator.shard_iterator else { return Ok(Vec::new()) };
    Ok(database.get_records(GetRecordsRequest { shard_iterator, limit: Some(BATCH) })?.records)
}
