//! A request as it is stored: what is in the clear, and what is sealed.

use domain::{
    AttachmentId, HoldId, PersonId, PersonKey, RequestId, Timestamp,
    attachment::{Attachment, FileState, Purpose},
    deadline::Clock,
    identity::{Agent, Identity, SentCode, Step},
    mandate::Mandate,
    processing::Erasure,
    purge::{Purge, PurgeState, StoreOutcome},
    request::{Confirmation, Door, Kind, Notice, Outcome, Request, Template, Work},
    takeout::{Archive, Form, Progress, Takeout, TakeoutState},
};
use serde::{Deserialize, Serialize};

use crate::keys::Key;

/// Whose request an id is.
#[derive(Serialize, Deserialize)]
pub(super) struct OwnerItem {
    pub(super) p: PersonKey,
}

/// The stored item.
#[derive(Serialize, Deserialize)]
pub(super) struct RequestItem {
    pk: String,
    sk: String,
    v: u64,
    pub(super) id: RequestId,
    kind: Kind,
    door: Door,
    received: Timestamp,
    changed: Timestamp,
    #[serde(default, skip_serializing_if = "Clock::is_empty")]
    clock: Clock,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    trail: Vec<Step>,
    /// Whether the mandate of whoever acts for the person is accepted, if somebody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    agent: Option<bool>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    files: Vec<FileItem>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    confirmed: Option<Confirmed>,
    work: WorkItem,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    notices: Vec<NoticeItem>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) keep: Option<Timestamp>,
    /// When DynamoDB may drop the item, in Unix seconds. Nothing is decided by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ttl: Option<i64>,
    #[serde(default, with = "serde_bytes", skip_serializing_if = "Option::is_none")]
    x: Option<Vec<u8>>,
}

#[derive(Serialize, Deserialize)]
struct FileItem {
    id: AttachmentId,
    purpose: Purpose,
    by: String,
    asked: Timestamp,
    state: FileState,
}

#[derive(Serialize, Deserialize)]
struct Confirmed {
    at: Timestamp,
    by: String,
    #[serde(default, skip_serializing_if = "Outcome::is_done")]
    outcome: Outcome,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WorkItem {
    Manual,
    Takeout {
        state: TakeoutState,
        expires: Timestamp,
        archive: Option<Archive>,
        attempts: u32,
        retry: Timestamp,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        progress: Option<Progress>,
        #[serde(default, skip_serializing_if = "is_zero")]
        downloads: u32,
    },
    Purge {
        state: PurgeState,
        due: Timestamp,
        outcomes: Vec<StoreOutcome>,
        attempts: u32,
        lease: Timestamp,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        held: Vec<HoldId>,
        #[serde(default)]
        mandate: Mandate,
    },
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

#[derive(Serialize, Deserialize)]
struct NoticeItem {
    template: Template,
    sent: Option<Timestamp>,
    retry: Timestamp,
}

/// What is sealed: under the person's data key, and once the person is forgotten, under a key of
/// the request's own.
#[derive(Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Private {
    person_id: Option<PersonId>,
    remarks: Option<String>,
    extension: Option<String>,
    internal: Option<String>,
    comment: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    labels: Vec<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<SentCode>,
    deliver_to: Option<String>,
    password: Option<String>,
    confirmation: Option<[u8; 32]>,
    /// Unless it is the usual one.
    #[serde(skip_serializing_if = "Option::is_none")]
    form: Option<Form>,
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<[u8; 32]>,
    mail: Vec<(Option<String>, Option<String>)>,
}

impl Private {
    /// What is private in a request.
    pub(super) fn of(request: &Request) -> Self {
        let takeout = request.takeout();
        Self {
            person_id: request.person_id.clone(),
            remarks: request.remarks.clone(),
            extension: request.clock.extension.as_ref().and_then(|extension| extension.reason.clone()),
            internal: request.confirmation.as_ref().and_then(|confirmation| confirmation.remarks.clone()),
            comment: request.confirmation.as_ref().and_then(|confirmation| confirmation.comment.clone()),
            agent: request.identity.agent.as_ref().and_then(|agent| agent.name.clone()),
            code: request.identity.code,
            labels: request.attachments.iter().map(|file| file.label.clone()).collect(),
            deliver_to: takeout.and_then(|takeout| takeout.deliver_to.clone()),
            password: takeout.and_then(|takeout| takeout.password.clone()),
            confirmation: takeout.and_then(|takeout| takeout.confirmation),
            form: takeout.map(|takeout| takeout.form.clone()).filter(|form| *form != Form::default()),
            checkpoint: takeout.and_then(|takeout| takeout.checkpoint.clone()),
            link: takeout.and_then(|takeout| takeout.link),
            mail: request.notices.iter().map(|notice| (notice.to.clone(), notice.secret.clone())).collect(),
        }
    }

    /// Whether there is nothing to seal.
    pub(super) fn is_empty(&self) -> bool {
        let nothing = Self {
            labels: vec![None; self.labels.len()],
            mail: vec![(None, None); self.mail.len()],
            ..Self::default()
        };
        *self == nothing
    }
}

impl RequestItem {
    /// The item of a request at `place`, with what is sealed of it.
    pub(super) fn of(place: &Key, request: &Request, x: Option<Vec<u8>>) -> Self {
        Self {
            pk: place.pk.clone(),
            sk: place.sk.clone(),
            v: request.version,
            id: request.id,
            kind: request.kind,
            door: request.door,
            received: request.received_at,
            changed: request.changed_at,
            clock: request.clock.clone(),
            trail: request.identity.trail.clone(),
            agent: request.identity.agent.as_ref().map(|agent| agent.is_accepted),
            files: request.attachments.iter().map(FileItem::of).collect(),
            confirmed: request.confirmation.as_ref().map(Confirmed::of),
            work: WorkItem::of(&request.work),
            notices: request
                .notices
                .iter()
                .map(|notice| NoticeItem {
                    template: notice.template,
                    sent: notice.sent_at,
                    retry: notice.retry_at,
                })
                .collect(),
            keep: request.keep_until,
            ttl: request.tidied_at().map(|end| end.timestamp()),
            x,
        }
    }

    /// How the erasure stands, if the request is one.
    pub(super) fn erasure(&self) -> Option<Erasure> {
        match &self.work {
            WorkItem::Purge { state, .. } => Some(Erasure {
                state: *state,
                asked_at: self.received,
                changed_at: self.changed,
                keep_until: self.keep,
            }),
            WorkItem::Manual | WorkItem::Takeout { .. } => None,
        }
    }

    /// Where it lies.
    pub(super) fn place(&self) -> Key {
        Key { pk: self.pk.clone(), sk: self.sk.clone() }
    }

    /// What is sealed of it.
    pub(super) fn sealed(&self) -> Option<Vec<u8>> {
        self.x.clone()
    }

    /// Leaves out what is sealed of it.
    pub(super) fn leave_sealed(&mut self) {
        self.x = None;
    }

    /// The request, given what was sealed of it.
    pub(super) fn into_request(self, person: PersonKey, private: Private) -> Request {
        let mut mail = private.mail.into_iter();
        let mut labels = private.labels.into_iter();
        let mut clock = self.clock;
        if let Some(extension) = &mut clock.extension {
            extension.reason = private.extension;
        }
        Request {
            id: self.id,
            person,
            person_id: private.person_id,
            kind: self.kind,
            door: self.door,
            received_at: self.received,
            changed_at: self.changed,
            version: self.v,
            remarks: private.remarks,
            clock,
            identity: Identity {
                code: private.code,
                agent: self.agent.map(|is_accepted| Agent { name: private.agent, is_accepted }),
                trail: self.trail,
            },
            attachments: self
                .files
                .into_iter()
                .map(|FileItem { id, purpose, by, asked, state }| {
                    let label = labels.next().flatten();
                    Attachment { id, purpose, label, by, asked_at: asked, state }
                })
                .collect(),
            confirmation: self.confirmed.map(|Confirmed { at, by, outcome }| Confirmation {
                outcome,
                at,
                by,
                remarks: private.internal,
                comment: private.comment,
            }),
            work: match self.work {
                WorkItem::Manual => Work::Manual,
                WorkItem::Takeout { state, expires, archive, attempts, retry, progress, downloads } => {
                    Work::Takeout(Takeout {
                        state,
                        expires_at: expires,
                        deliver_to: private.deliver_to,
                        password: private.password,
                        confirmation: private.confirmation,
                        form: private.form.unwrap_or_default(),
                        progress,
                        checkpoint: private.checkpoint,
                        archive,
                        link: private.link,
                        downloads,
                        attempts,
                        retry_at: retry,
                    })
                }
                WorkItem::Purge { state, due, outcomes, attempts, lease, held, mandate } => {
                    Work::Purge(Purge {
                        state,
                        due,
                        outcomes,
                        attempts,
                        lease_until: lease,
                        held_by: held,
                        mandate,
                    })
                }
            },
            notices: self
                .notices
                .into_iter()
                .map(|notice| {
                    let (to, secret) = mail.next().unwrap_or_default();
                    Notice {
                        template: notice.template,
                        to,
                        secret,
                        sent_at: notice.sent,
                        retry_at: notice.retry,
                    }
                })
                .collect(),
            keep_until: self.keep,
        }
    }
}

impl FileItem {
    fn of(file: &Attachment) -> Self {
        let Attachment { id, purpose, label: _, by, asked_at, state } = file.clone();
        Self { id, purpose, by, asked: asked_at, state }
    }
}

impl Confirmed {
    fn of(confirmation: &Confirmation) -> Self {
        Self { at: confirmation.at, by: confirmation.by.clone(), outcome: confirmation.outcome }
    }
}

impl WorkItem {
    fn of(work: &Work) -> Self {
        match work {
            Work::Manual => Self::Manual,
            Work::Takeout(takeout) => Self::Takeout {
                state: takeout.state,
                expires: takeout.expires_at,
                archive: takeout.archive.clone(),
                attempts: takeout.attempts,
                retry: takeout.retry_at,
                progress: takeout.progress,
                downloads: takeout.downloads,
            },
            Work::Purge(purge) => Self::Purge {
                state: purge.state,
                due: purge.due,
                outcomes: purge.outcomes.clone(),
                attempts: purge.attempts,
                lease: purge.lease_until,
                held: purge.held_by.clone(),
                mandate: purge.mandate.clone(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use domain::{
        deadline::{Doubt, Extension, ExtensionGround},
        request::Refusal,
    };
    use serde_json::{Value, json};

    use super::*;

    const AT: &str = "2026-03-02T10:00:00Z";

    /// A row as it was written before requests had clocks.
    fn old_row() -> Value {
        json!({
            "pk": "ORG#o#P#p", "sk": "R#r", "v": 3,
            "id": "c0daf39b-4df5-4241-9e7d-b1b85f829090",
            "kind": "correction", "door": "trivore", "received": AT, "changed": AT,
            "confirmed": {"at": AT, "by": "Ada"},
            "work": "manual",
            "notices": [{"template": "purge_done", "sent": AT, "retry": AT}],
            "x": null,
        })
    }

    fn read(row: &Value, private: Private) -> Request {
        let item: RequestItem = serde_json::from_value(row.clone()).unwrap();
        item.into_request(PersonKey([1; 10]), private)
    }

    fn written(request: &Request) -> Value {
        let place = Key { pk: "ORG#o#P#p".into(), sk: "R#r".into() };
        serde_json::to_value(RequestItem::of(&place, request, None)).unwrap()
    }

    #[test]
    fn a_row_of_the_release_before_is_read_and_written_as_it_was() {
        let request = read(&old_row(), Private::default());

        assert_eq!(request.clock, Clock::default());
        assert_eq!(request.confirmation.as_ref().unwrap().outcome, Outcome::Done);
        let mut row = old_row();
        row.as_object_mut().unwrap().remove("x");
        assert_eq!(written(&request), row);
    }

    #[test]
    fn a_clock_is_kept_and_its_reason_sealed() {
        let mut request = read(&old_row(), Private::default());
        let at: Timestamp = AT.parse().unwrap();
        request.clock.doubts = vec![Doubt { asked_at: at, answered_at: None }];
        request.clock.extension = Some(Extension {
            ground: ExtensionGround::Number,
            reason: Some("Four archives.".into()),
            decided_at: at,
            told_at: Some(at),
        });
        let outcome = Outcome::Refused(Refusal::Excessive);
        request.confirmation = request.confirmation.map(|own| Confirmation { outcome, ..own });
        let row = written(&request);

        assert!(!row.to_string().contains("Four archives"));
        assert_eq!(read(&row, Private::of(&request)), request);
    }
}
