//! SQS: rustack behind its own HTTP face, with a journal where it forgets.
//!
//! rustack keeps messages in memory only. With a data folder, what is sent is also written to a [`Journal`] until
//! it is deleted, so that a job survives a restart, and even a crash. It then starts afresh: visible at once (or
//! when its delay is over), received zero times, under a new id. That is within what SQS promises.
//!
//! Delays and visibility timeouts run in real time; they do not follow a virtual clock.

mod journal;

use std::{collections::HashMap, future::Future, pin::Pin, sync::Arc};

use bytes::Bytes;
use rustack_sqs_core::{config::SqsConfig, handler::RustackSqsHandler, provider::RustackSqs};
use rustack_sqs_http::{
    body::SqsResponseBody,
    dispatch::SqsHandler,
    response::json_response,
    service::{SqsHttpConfig, SqsHttpService},
};
use rustack_sqs_model::{
    error::SqsError,
    input::{
        CreateQueueInput, DeleteMessageBatchInput, DeleteMessageInput, DeleteQueueInput, PurgeQueueInput,
        ReceiveMessageInput, SendMessageBatchInput, SendMessageInput, SetQueueAttributesInput,
    },
    operations::SqsOperation,
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::net::TcpListener;

use self::journal::Journal;
use super::{
    ACCOUNT, Clock, REGION, StartError,
    folder::Folder,
    server::{Server, Stopping, serve},
};

/// The queues, and the journal if there is a folder for one.
pub(super) struct Sqs {
    queues: Arc<RustackSqs>,
    plain: RustackSqsHandler,
    journal: Option<Journal>,
}

type Answer = Result<http::Response<SqsResponseBody>, SqsError>;

impl Sqs {
    /// The queues and messages of the folder, or none. The port becomes part of queue URLs.
    pub(super) async fn open(folder: Option<&Folder>, clock: Clock, port: u16) -> Result<Self, StartError> {
        let queues = Arc::new(RustackSqs::new(SqsConfig {
            default_region: REGION.into(),
            account_id: ACCOUNT.into(),
            host: "127.0.0.1".into(),
            port,
            skip_signature_validation: true,
        }));
        let journal = match folder {
            Some(folder) => Some(Journal::open(folder.sub("sqs")?, clock, &queues).await?),
            None => None,
        };
        Ok(Self { plain: RustackSqsHandler::new(queues.clone()), queues, journal })
    }

    /// Serves the queues.
    pub(super) fn serve(self: Arc<Self>, listener: TcpListener, stopping: Stopping) -> Server {
        let service = SqsHttpService::new(Arc::new(Shared(self)), SqsHttpConfig::default());
        Server::spawn(serve(listener, service, stopping))
    }

    /// Notes which messages have moved to a dead-letter queue, and ends every queue. Whoever waits for a message
    /// gets an error.
    pub(super) async fn close(&self) {
        if let Some(journal) = &self.journal {
            // A message that is not noted returns to the queue it came from, which is no loss.
            let _ = self.note_dead_letters(journal).await;
        }
        self.queues.shutdown_all().await;
    }

    async fn note_dead_letters(&self, journal: &Journal) -> Result<(), SqsError> {
        self.queues.quiesce().await?;
        for queue in self.queues.export_snapshot().await?.queues {
            let Some(target) = queue.attributes.get("RedrivePolicy").and_then(|policy| {
                let policy: serde_json::Value = serde_json::from_str(policy).ok()?;
                policy.get("deadLetterTargetArn")?.as_str().map(str::to_owned)
            }) else {
                continue;
            };
            let url = self.queues.queue_url_for_arn(&target)?;
            let take = || ReceiveMessageInput {
                queue_url: url.clone(),
                max_number_of_messages: Some(10),
                // The longest there is, so that no message is seen twice.
                visibility_timeout: Some(43_200),
                wait_time_seconds: Some(0),
                ..Default::default()
            };
            loop {
                let messages = self.queues.receive_message(take()).await?.messages;
                if messages.is_empty() {
                    break;
                }
                for id in messages.into_iter().filter_map(|message| message.message_id) {
                    journal.moved(&id, &url).await?;
                }
            }
        }
        Ok(())
    }

    async fn answer(&self, operation: SqsOperation, body: Bytes) -> Answer {
        use SqsOperation as Op;
        let queues = &self.queues;
        let _turn = match (&self.journal, operation) {
            (Some(_), Op::ReceiveMessage) | (None, _) => None,
            (Some(journal), _) => Some(journal.turn().await),
        };
        match (operation, &self.journal) {
            (Op::CreateQueue, journal) => {
                let mut ask: CreateQueueInput = parse(&body)?;
                accept_text_count(&mut ask.attributes);
                let answer = reply(&queues.create_queue(ask).await?)?;
                save(journal, queues).await?;
                Ok(answer)
            }
            (Op::SetQueueAttributes, journal) => {
                let mut ask: SetQueueAttributesInput = parse(&body)?;
                accept_text_count(&mut ask.attributes);
                let answer = reply(&queues.set_queue_attributes(ask).await?)?;
                save(journal, queues).await?;
                Ok(answer)
            }
            (Op::TagQueue | Op::UntagQueue, journal) => {
                let answer = self.plain.handle_operation(operation, body).await?;
                save(journal, queues).await?;
                Ok(answer)
            }
            (Op::DeleteQueue, Some(journal)) => {
                let ask: DeleteQueueInput = parse(&body)?;
                let url = ask.queue_url.clone();
                let answer = reply(&queues.delete_queue(ask).await?)?;
                journal.emptied(&url).await?;
                journal.save_queues(queues).await?;
                Ok(answer)
            }
            (Op::PurgeQueue, Some(journal)) => {
                let ask: PurgeQueueInput = parse(&body)?;
                let url = ask.queue_url.clone();
                let answer = reply(&queues.purge_queue(ask).await?)?;
                journal.emptied(&url).await?;
                Ok(answer)
            }
            (Op::SendMessage, Some(journal)) => {
                let ask: SendMessageInput = parse(&body)?;
                reply(&journal.send(queues, ask).await?)
            }
            (Op::SendMessageBatch, Some(journal)) => {
                let ask: SendMessageBatchInput = parse(&body)?;
                let sent = ask.clone();
                let done = queues.send_message_batch(ask).await?;
                for success in &done.successful {
                    let entry = sent.entries.iter().find(|entry| entry.id == success.id);
                    if let Some(entry) = entry.cloned() {
                        let single = SendMessageInput {
                            queue_url: sent.queue_url.clone(),
                            message_body: entry.message_body,
                            delay_seconds: entry.delay_seconds,
                            message_deduplication_id: entry.message_deduplication_id,
                            message_group_id: entry.message_group_id,
                            message_attributes: entry.message_attributes,
                            message_system_attributes: entry.message_system_attributes,
                        };
                        journal.sent(&success.message_id, single).await?;
                    }
                }
                reply(&done)
            }
            (Op::DeleteMessage, Some(journal)) => {
                let ask: DeleteMessageInput = parse(&body)?;
                let receipt = ask.receipt_handle.clone();
                let answer = reply(&queues.delete_message(ask).await?)?;
                journal.deleted(&receipt).await?;
                Ok(answer)
            }
            (Op::DeleteMessageBatch, Some(journal)) => {
                let ask: DeleteMessageBatchInput = parse(&body)?;
                let asked = ask.entries.clone();
                let done = queues.delete_message_batch(ask).await?;
                for success in &done.successful {
                    if let Some(entry) = asked.iter().find(|entry| entry.id == success.id) {
                        journal.deleted(&entry.receipt_handle).await?;
                    }
                }
                reply(&done)
            }
            _ => self.plain.handle_operation(operation, body).await,
        }
    }
}

/// What the HTTP face calls. A type of its own, because the trait wants to own what it calls.
struct Shared(Arc<Sqs>);

impl SqsHandler for Shared {
    fn handle_operation(
        &self,
        operation: SqsOperation,
        body: Bytes,
    ) -> Pin<Box<dyn Future<Output = Answer> + Send>> {
        let sqs = self.0.clone();
        Box::pin(async move { sqs.answer(operation, body).await })
    }
}

/// SQS takes `maxReceiveCount` as text too, which CloudFormation sends; rustack takes a number only.
fn accept_text_count(attributes: &mut HashMap<String, String>) {
    let Some(policy) = attributes.get_mut("RedrivePolicy") else { return };
    let Ok(mut parsed) = serde_json::from_str::<serde_json::Value>(policy) else { return };
    let Some(count) = parsed.get_mut("maxReceiveCount") else { return };
    if let Some(number) = count.as_str().and_then(|text| text.parse::<u32>().ok()) {
        *count = number.into();
        *policy = parsed.to_string();
    }
}

async fn save(journal: &Option<Journal>, queues: &RustackSqs) -> Result<(), SqsError> {
    match journal {
        Some(journal) => journal.save_queues(queues).await,
        None => Ok(()),
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, SqsError> {
    serde_json::from_slice(body).map_err(|error| SqsError::invalid_parameter_value(error.to_string()))
}

fn reply<T: Serialize>(output: &T) -> Answer {
    let json = serde_json::to_vec(output).map_err(|error| SqsError::internal_error(error.to_string()))?;
    Ok(json_response(json, "local"))
}

/// The name of a queue, with which its URL ends.
fn queue_name(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or(url)
}

#[cfg(test)]
mod tests;
