//! The log of the audit: segments in a bucket in which nothing is changed or removed before its time.
//!
//! A segment lies where the number of its first entry says, counted down, so that the newest comes first in a
//! list; it is put only where none lies. So the log has one order, whoever writes it, and goes on from what the
//! bucket says.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use aws_sdk_s3::{error::ProvideErrorMetadata as _, primitives::ByteStream};
use domain::{
    OrgId, PersonKey, Timestamp,
    audit::{Chain, Commitment, Edge, Entry, Segment, SignedRoot},
};

use crate::{
    Ledger, Services, StoreError,
    changes::commitment,
    keys::{self, Key},
    table::{Range, Read, place_of},
};

const SERVICE: &str = "S3";

/// How often the end of the log is looked for again when others write at the same time.
const TRIES: u32 = 16;

/// The bucket of the log.
pub(crate) struct Audit {
    services: Services,
    bucket: String,
    /// Where the log of a tenant ended when it was last looked at. Only a hint.
    ends: Mutex<HashMap<OrgId, Edge>>,
}

impl Audit {
    pub(crate) fn new(services: Services, bucket: String) -> Self {
        Self { services, bucket, ends: Mutex::default() }
    }

    fn remember(&self, org: OrgId, end: Edge) {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner).insert(org, end);
    }

    /// The key of the segment that begins with this entry.
    fn key(org: OrgId, begin: u64) -> String {
        format!("{org}/{:020}.json", u64::MAX - begin)
    }

    /// The newest segment that begins with this entry or before it.
    async fn at_or_before(&self, org: OrgId, begin: u64) -> Result<Option<Segment>, StoreError> {
        let list = self.services.s3().list_objects_v2().bucket(&self.bucket).prefix(format!("{org}/"));
        // What comes just before its key in the order of keys, whether it is there or not.
        let list = match begin.checked_add(1) {
            Some(later) => list.start_after(Self::key(org, later)),
            None => list,
        };
        let page = list.max_keys(1).send().await.map_err(|error| StoreError::from_sdk(SERVICE, error))?;
        match page.contents().first().and_then(|object| object.key()) {
            Some(key) => self.read(key).await.map(Some),
            None => Ok(None),
        }
    }

    async fn read(&self, key: &str) -> Result<Segment, StoreError> {
        let object = self.services.s3().get_object().bucket(&self.bucket).key(key).send().await;
        let object = object.map_err(|error| StoreError::from_sdk(SERVICE, error))?;
        let body = object.body.collect().await.map_err(|error| StoreError::Unavailable {
            service: SERVICE,
            code: "broken off".into(),
            source: Box::new(error),
        })?;
        let unreadable = |_| StoreError::Unreadable { what: "segment of the log" };
        serde_json::from_slice(&body.into_bytes()).map_err(unreadable)
    }

    /// Puts a segment where none lies; [`StoreError::Conflict`] if one does.
    async fn put(&self, org: OrgId, segment: &Segment) -> Result<(), StoreError> {
        let unreadable = |_| StoreError::Unreadable { what: "segment of the log" };
        let text = serde_json::to_vec(segment).map_err(unreadable)?;
        let put = self
            .services
            .s3()
            .put_object()
            .bucket(&self.bucket)
            .key(Self::key(org, segment.before.size()))
            .if_none_match("*")
            .content_type("application/json")
            .body(ByteStream::from(text));
        match put.send().await {
            Ok(_) => Ok(()),
            Err(error)
                if matches!(error.code(), Some("PreconditionFailed" | "ConditionalRequestConflict")) =>
            {
                Err(StoreError::Conflict)
            }
            Err(error) => Err(StoreError::from_sdk(SERVICE, error)),
        }
    }
}

impl Ledger<'_> {
    /// Notes these entries in the log of the tenant, in one segment with a signed root.
    ///
    /// If it fails it may have been done; to do it again does no harm.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if others wrote all the time, and when the log or the key cannot be had.
    pub async fn note(&self, entries: Vec<Entry>, now: Timestamp) -> Result<(), StoreError> {
        if entries.is_empty() {
            return Ok(());
        }
        let key = self.certificate_signer().await?;
        let audit = &self.store.audit;
        let known = audit.ends.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.org);
        let mut end = match known {
            Some(end) => end,
            None => self.end_of_log().await?,
        };
        for _ in 0..TRIES {
            let segment = Segment::after(end, entries.clone(), (self.org, now), &key);
            let segment = segment.map_err(|_| StoreError::Unreadable { what: "segment of the log" })?;
            match audit.put(self.org, &segment).await {
                Ok(()) => {
                    audit.remember(self.org, segment.edge());
                    return Ok(());
                }
                Err(StoreError::Conflict) => end = self.end_of_log().await?,
                Err(error) => return Err(error),
            }
        }
        Err(StoreError::Conflict)
    }

    async fn end_of_log(&self) -> Result<Edge, StoreError> {
        let last = self.store.audit.at_or_before(self.org, u64::MAX).await?;
        Ok(last.map(|segment| segment.edge()).unwrap_or_default())
    }

    /// The signed root of all that was noted; none before anything was.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn last_root(&self) -> Result<Option<SignedRoot>, StoreError> {
        let last = self.store.audit.at_or_before(self.org, u64::MAX).await?;
        Ok(last.map(|segment| segment.root))
    }

    /// The segment of the log with this entry, counted from zero; nothing if the log has not come so far. If it
    /// has, and yet has no such segment, the newest, so that whoever reads it sees what is missing.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn segment(&self, entry: u64) -> Result<Option<Segment>, StoreError> {
        for place in [entry, u64::MAX] {
            let segment = self.store.audit.at_or_before(self.org, place).await?;
            if let Some(segment) = segment.filter(|segment| entry < segment.edge().size()) {
                return Ok(Some(segment));
            }
        }
        Ok(None)
    }

    /// What all rows of a person that are noted say now, each by its name in the log.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn rows_of(&self, person: PersonKey) -> Result<Vec<(Chain, String, Commitment)>, StoreError> {
        let pk = keys::person_partition(self.org, person);
        let range = Range { pk: &pk, sk: None, newest_first: false, limit: None, read: Read::Consistent };
        let rows = self.store.table.query(range).await?;
        let noted = rows.into_iter().filter_map(|row| {
            let Key { pk, sk } = place_of(&row);
            let (_, chain, record) = keys::audited(&Key { pk, sk }, None)?;
            Some(commitment(&row.into()).map(|commitment| (chain, record, commitment)))
        });
        noted.collect()
    }
}
