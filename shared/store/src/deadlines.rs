//! Requests whose time runs out.
//!
//! Looking at every request of the last weeks at every tick would cost more than making them did, and an
//! index of what is open a write unit for each. So each request is looked at once, when half of its
//! time is over, in the list of its tenant; what is still open then, which is little, gets an item of its
//! own in the index of what is due, and only these are looked at again.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use domain::{
    OrgId, PersonKey, RequestId, Timestamp,
    deadline::Law,
    request::{Attention, Request},
};
use serde::{Deserialize, Serialize};

use crate::{
    Ledger, Store, StoreError,
    keys::{self, Key},
    list::FIRST,
    requests::{Due, DueCursor},
    table::{IndexPage, Only, Place, Read},
};

/// How far the list of a tenant was looked through.
#[derive(Serialize, Deserialize)]
struct Marker {
    /// The place in the list of the last request that was looked at.
    last: String,
}

/// That a request is watched.
#[derive(Serialize)]
struct WatchItem {
    /// Set once it is over, when the item is in the index no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<i64>,
}

/// How many watched requests are read together.
const AT_ONCE: usize = 50;

/// How long after its receipt the last request is found among the watched ones. Where a request has more
/// time, it is no matter that it stands among those that have less.
const LONGEST: TimeDelta = TimeDelta::days(32);

/// Comes after every place that begins with the same time.
const AFTER: char = '~';

impl Ledger<'_> {
    /// Begins to watch every request of the tenant that is open although half of its time may be over.
    /// Each is looked at once: who is cut off goes on where they were.
    ///
    /// # Errors
    /// When the table cannot be read or written; the next call goes on.
    pub async fn watch_open(&self, law: &Law, now: Timestamp) -> Result<(), StoreError> {
        let table = &self.store.table;
        let mark = keys::watch_marker(self.org);
        let mut last = match table.get::<Marker>(&mark, Read::Eventual).await? {
            Some(Marker { last }) => last,
            None => FIRST.to_owned(),
        };
        let pk = keys::list_partition(self.org);
        let to = format!("{}{AFTER}", keys::sortable(now - law.first_look()));
        while last < to {
            let page = IndexPage {
                index: "list",
                pk: &pk,
                sk: (&last, &to),
                newest_first: false,
                limit: 1000,
                start: None,
            };
            let (places, next) = table.index_page(page).await?;
            let new: Vec<&Place> = places.iter().filter(|place| place.sort > last).collect();
            let Some(end) = new.last().map(|place| place.sort.clone()) else { break };
            let keys: Vec<Key> = new.into_iter().map(|place| place.key.clone()).collect();
            for request in self.store.outlines(&keys).await? {
                if request.is_open() {
                    let ends_at = request.deadline(law).ends_at.min(request.received_at + LONGEST);
                    self.watch(request.person, request.id, Some(ends_at), now).await?;
                }
            }
            last = end;
            table.put(&mark, &Marker { last: last.clone() }, &[], Only::Always).await?;
            if next.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// Watches a request until it is over; without an end of its time, no longer.
    async fn watch(
        &self,
        person: PersonKey,
        id: RequestId,
        ends_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let due = ends_at.map(|ends_at| keys::watch_due(id, ends_at));
        let item = WatchItem { ttl: if due.is_some() { None } else { Some(now.timestamp()) } };
        self.store.table.put(&keys::watch(self.org, person, id), &item, &[("due", due)], Only::Always).await
    }
}

impl Store {
    /// The open requests of all tenants of whose time half may be over, without what is sealed in them.
    /// Those that are over are watched no longer.
    ///
    /// # Errors
    /// When the table cannot be read or written.
    pub async fn watched(&self, now: Timestamp) -> Result<Vec<(OrgId, Request)>, StoreError> {
        let mut open = Vec::new();
        let mut cursor = Some(DueCursor::default());
        while let Some(from) = cursor {
            let (watched, next) = self.due(Attention::Deadline, now + LONGEST, from).await?;
            for some in watched.chunks(AT_ONCE) {
                open.extend(self.still_open(some, now).await?);
            }
            cursor = next;
        }
        Ok(open)
    }

    /// Those of some watched requests that are open. The others are watched no longer.
    async fn still_open(&self, watched: &[Due], now: Timestamp) -> Result<Vec<(OrgId, Request)>, StoreError> {
        // The current erasure of a person has a place of its own; a person may have several requests.
        let places: BTreeSet<Key> = watched
            .iter()
            .flat_map(|due| {
                let by_id = due.id.map(|id| keys::request_by_id(due.org, due.person, id));
                by_id.into_iter().chain([keys::erasure(due.org, due.person)])
            })
            .collect();
        let mut open = self.inner.outlines(&Vec::from_iter(places)).await?;
        open.retain(Request::is_open);
        for due in watched {
            let is_it = |request: &Request| request.person == due.person && Some(request.id) == due.id;
            if let (Some(id), false) = (due.id, open.iter().any(is_it)) {
                self.of(due.org).watch(due.person, id, None, now).await?;
            }
        }
        let org_of = |request: &Request| {
            let is_it = |due: &&Due| request.person == due.person && Some(request.id) == due.id;
            watched.iter().find(is_it).map(|due| due.org)
        };
        Ok(open.into_iter().filter_map(|request| Some((org_of(&request)?, request))).collect())
    }
}
