//! Queues: a message only says which record to look at; the record says what is to be done.

use aws_sdk_sqs::types::{MessageAttributeValue, SendMessageBatchRequestEntry};
use domain::{OrgId, PersonKey, RequestId, request::Request};
use serde::{Deserialize, Serialize};
use store::{StoreError, requests::Due};

use crate::{App, Failure, log::Line};

/// A queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Queue {
    /// Takeouts to build.
    Takeouts,
    /// Purges to carry out.
    Purges,
    /// Mails to send.
    Notices,
}

impl Queue {
    /// All queues.
    pub const ALL: [Self; 3] = [Self::Takeouts, Self::Purges, Self::Notices];

    /// The name, in which those of tables, alarms and settings are rooted.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Takeouts => "takeouts",
            Self::Purges => "purges",
            Self::Notices => "notices",
        }
    }
}

/// Which record to look at. Carries pseudonyms only: messages end up in dead-letter queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Whose tenant.
    pub org: OrgId,
    /// Whose record.
    pub person: PersonKey,
    /// Which request; none for the person's current erasure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestId>,
}

impl From<Due> for Job {
    fn from(due: Due) -> Self {
        Self { org: due.org, person: due.person, request: due.id }
    }
}

/// The attribute of a message that names the trace in which it was sent.
pub(crate) const TRACE: &str = "trace";

/// The most jobs that one message carries. A job that fails brings back its message, in which
/// those that are done find nothing to do.
const JOBS_PER_MESSAGE: usize = 100;
/// The most messages that one call sends: a limit of the service.
const MESSAGES_PER_CALL: usize = 10;
/// The most jobs that one call sends.
pub const JOBS_PER_CALL: usize = JOBS_PER_MESSAGE * MESSAGES_PER_CALL;

impl App {
    /// Puts jobs on a queue. Sending a job twice is harmless; not sending it is mended by
    /// `resume-stalled`.
    ///
    /// # Errors
    /// When the queue cannot be reached.
    pub async fn enqueue(&self, queue: Queue, jobs: &[Job]) -> Result<(), Failure> {
        let urls = &self.config().queues;
        let url = match queue {
            Queue::Takeouts => &urls.takeouts,
            Queue::Purges => &urls.purges,
            Queue::Notices => &urls.notices,
        };
        let trace = self.trace_header().and_then(|trace| {
            MessageAttributeValue::builder().data_type("String").string_value(trace).build().ok()
        });
        let messages: Vec<&[Job]> = jobs.chunks(JOBS_PER_MESSAGE).collect();
        for batch in messages.chunks(MESSAGES_PER_CALL) {
            let mut send = self.clients().sqs().send_message_batch().queue_url(url);
            for (number, jobs) in batch.iter().enumerate() {
                let entry = SendMessageBatchRequestEntry::builder()
                    .id(number.to_string())
                    .set_message_attributes(trace.clone().map(|trace| [(TRACE.to_owned(), trace)].into()))
                    .message_body(serde_json::to_string(jobs).map_err(Failure::internal)?)
                    .build()
                    .map_err(Failure::internal)?;
                send = send.entries(entry);
            }
            let answer = send.send().await.map_err(Failure::unavailable)?;
            if !answer.failed.is_empty() {
                return Err(Failure::unavailable(PartlySent { left: answer.failed.len() }));
            }
        }
        Ok(())
    }

    /// Puts a job on a queue after the record that it speaks of was written. A failure is logged
    /// and nothing else: the record is what was promised, and `resume-stalled` finds it. Tells
    /// whether the queue took it.
    pub async fn nudge(&self, queue: Queue, job: Job) -> bool {
        let Err(failure) = self.enqueue(queue, &[job]).await else { return true };
        let cause = failure.cause();
        let person = Some(job.person.to_string());
        self.tell(Line { function: queue.name(), outcome: "not queued", person, cause, ..Line::default() });
        false
    }

    /// Tells the queues of a request that was just made, and the indexes where a queue cannot be
    /// told.
    ///
    /// # Errors
    /// When neither can be told; then the request must be made again.
    pub async fn entrust(&self, org: OrgId, request: &Request, queues: &[Queue]) -> Result<(), Failure> {
        let is_current = request.purge().is_some();
        let job = Job { org, person: request.person, request: (!is_current).then_some(request.id) };
        let mut told = true;
        for &queue in queues {
            told &= self.nudge(queue, job).await;
        }
        if told {
            return Ok(());
        }
        match self.ledger(org).put_request(&request.clone().noticed(self.now())).await {
            // Somebody has it in hand.
            Ok(()) | Err(StoreError::Conflict) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// A queue took only a part of what was sent.
#[derive(Debug, thiserror::Error)]
#[error("{left} messages were not taken")]
struct PartlySent {
    left: usize,
}
