//! Requests of every kind, with the takeout or purge that answers them.

mod item;

use std::collections::{BTreeMap, HashMap, hash_map::Entry};

use chrono::NaiveDate;

use domain::{
    OrgId, PersonKey, RequestId, Timestamp,
    processing::Erasure,
    request::{Attention, Request},
};
use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};

use crate::{
    Inner, Ledger, Store, StoreError,
    keys::{self, Key},
    list::{Cursor, FIRST, Filter, Order},
    table::{IndexPage, Item, Only, Place, Range, Read, place_of, readable, sort_key},
    vault::{Owner, Seal},
};
use item::{OwnerItem, Private, RequestItem};

/// How often a change is tried again when others write at the same time.
const TRIES: u32 = 16;

/// What became of the attempt to make a request.
#[derive(Debug)]
pub enum Created {
    /// It is new.
    New,
    /// The same person has a request with this id already: here it is.
    Before(Box<Request>),
}

impl Ledger<'_> {
    /// Makes a request. The same id for the same person is the same request.
    ///
    /// # Errors
    /// When the tables cannot be written.
    pub async fn create_request(&self, request: &Request) -> Result<Created, StoreError> {
        let (person, id) = (request.person, request.id);
        match self.write(&keys::request(self.org, request), request, Only::IfAbsent).await {
            Ok(()) => Ok(Created::New),
            Err(StoreError::Conflict) => match self.request(person, id).await? {
                Some(before) => Ok(Created::Before(Box::new(before))),
                None => Err(StoreError::Conflict),
            },
            Err(error) => Err(error),
        }
    }

    /// Makes the erasure `new` the current one of its person, after `last`, which has ended.
    /// `last` is kept under its own id.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if somebody else was first.
    pub async fn create_erasure(&self, new: &Request, last: Option<&Request>) -> Result<(), StoreError> {
        let only = match last {
            None => Only::IfAbsent,
            Some(last) => {
                self.write(&keys::request_by_id(self.org, last.person, last.id), last, Only::Always).await?;
                Only::IfVersion(last.version)
            }
        };
        self.write(&keys::erasure(self.org, new.person), new, only).await
    }

    /// Notes that a caller has chosen `id` for a request of this person, other than an erasure; false
    /// if the id is another's. Ids of our own making tell whose they are and need no note.
    ///
    /// # Errors
    /// When the tables cannot be written.
    pub async fn claim_id(&self, id: RequestId, person: PersonKey) -> Result<bool, StoreError> {
        match id.person() {
            Some(own) if own == person => {
                let erasure = self.erasure(person).await?;
                return Ok(erasure.is_none_or(|erasure| erasure.id != id));
            }
            Some(other) if self.request(other, id).await?.is_some() => return Ok(false),
            Some(_) | None => {}
        }
        let place = keys::owner(self.org, id);
        match self.store.table.put(&place, &OwnerItem { p: person }, &[], Only::IfAbsent).await {
            Ok(()) => Ok(true),
            Err(StoreError::Conflict) => {
                let owner = self.store.table.get::<OwnerItem>(&place, Read::Consistent).await?;
                Ok(owner.is_some_and(|owner| owner.p == person))
            }
            Err(error) => Err(error),
        }
    }

    /// Writes the next version of a request.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] unless the stored version is the one before.
    pub async fn put_request(&self, request: &Request) -> Result<(), StoreError> {
        self.write(&keys::request(self.org, request), request, Only::IfVersion(request.version - 1)).await
    }

    /// Writes what `change` makes of a request. When somebody else was first, the request is read
    /// again and `change` decides anew; `None` leaves it as it is. Gives what was written.
    ///
    /// # Errors
    /// Those of `change`, and when the tables fail or others write all the time.
    pub async fn amend_request<E: From<StoreError>>(
        &self,
        mut request: Request,
        change: impl Fn(Request) -> Result<Option<Request>, E>,
    ) -> Result<Option<Request>, E> {
        for _ in 0..TRIES {
            let (person, id) = (request.person, request.id);
            let Some(next) = change(request)? else { return Ok(None) };
            match self.put_request(&next).await {
                Ok(()) => return Ok(Some(next)),
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
            let Some(current) = self.request(person, id).await? else { return Ok(None) };
            request = current;
        }
        Err(StoreError::Conflict.into())
    }

    /// Writes the next version of a past erasure, which no longer lies at the place of the current.
    async fn put_past_erasure(&self, request: &Request) -> Result<(), StoreError> {
        let place = keys::request_by_id(self.org, request.person, request.id);
        self.write(&place, request, Only::IfVersion(request.version - 1)).await
    }

    async fn write(&self, place: &Key, request: &Request, only: Only) -> Result<(), StoreError> {
        let private = Private::of(request);
        let x = if private.is_empty() {
            None
        } else {
            let owner = owner(request.person, request.id, request.keep_until);
            let seal = self.store.vault.seal_for(self.org, owner).await?;
            Some(seal.seal(place, &private)?)
        };
        let item = RequestItem::of(place, request, x);
        let indexes = [
            ("due", keys::in_due(request)),
            ("list", keys::in_list(self.org, request)),
            ("open", keys::in_open(self.org, request)),
        ];
        self.store.table.put(place, &item, &indexes, only).await
    }

    /// A request of this person.
    ///
    /// # Errors
    /// When the tables cannot be read.
    pub async fn request(&self, person: PersonKey, id: RequestId) -> Result<Option<Request>, StoreError> {
        let place = keys::request_by_id(self.org, person, id);
        if let Some(item) = self.store.table.get::<RequestItem>(&place, Read::Consistent).await? {
            return self.open(item, person, &mut HashMap::new()).await.map(Some);
        }
        Ok(self.erasure(person).await?.filter(|erasure| erasure.id == id))
    }

    /// The erasure of this person that is, or was last, under way.
    ///
    /// # Errors
    /// When the tables cannot be read.
    pub async fn erasure(&self, person: PersonKey) -> Result<Option<Request>, StoreError> {
        let item = self.store.table.get(&keys::erasure(self.org, person), Read::Consistent).await?;
        match item {
            Some(item) => self.open(item, person, &mut HashMap::new()).await.map(Some),
            None => Ok(None),
        }
    }

    /// A request, whoever made it.
    ///
    /// # Errors
    /// When the tables cannot be read.
    pub async fn request_of_anyone(&self, id: RequestId) -> Result<Option<Request>, StoreError> {
        if let Some(person) = id.person()
            && let Some(request) = self.request(person, id).await?
        {
            return Ok(Some(request));
        }
        match self.store.table.get::<OwnerItem>(&keys::owner(self.org, id), Read::Consistent).await? {
            Some(owner) => self.request(owner.p, id).await,
            None => Ok(None),
        }
    }

    /// All requests of a person, newest first.
    ///
    /// # Errors
    /// When the tables cannot be read.
    pub async fn requests(&self, person: PersonKey) -> Result<Vec<Request>, StoreError> {
        let pk = keys::person_partition(self.org, person);
        let end = format!("{}~", keys::REQUESTS);
        let range = Range {
            pk: &pk,
            sk: Some((keys::ERASURE, &end)),
            newest_first: false,
            limit: None,
            read: Read::Consistent,
        };
        let items = self.store.table.query(range).await?;
        self.open_all(items).await
    }

    /// A page of all requests of the tenant, newest first, and where the next begins.
    ///
    /// # Errors
    /// When the tables cannot be read.
    pub async fn list_requests(
        &self,
        filter: Filter,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<(Vec<Request>, Option<Cursor>), StoreError> {
        let pk = keys::list_partition(self.org);
        let (items, cursor) = self.listed(&pk, filter, after, limit).await?;
        Ok((self.open_all(items).await?, cursor))
    }

    /// A page of the tenant's requests in this order, and where the next begins. Without `with_sealed` what
    /// is private in them is left out, and no key is read.
    ///
    /// # Errors
    /// When the tables cannot be read.
    pub async fn page_of_requests(
        &self,
        order: Order,
        range: Filter,
        after: Option<&Cursor>,
        limit: usize,
        with_sealed: bool,
    ) -> Result<(Vec<Request>, Option<Cursor>), StoreError> {
        let pk = keys::list_partition(self.org);
        let (places, cursor) = self.places(order, &pk, range, after, limit).await?;
        let rank: HashMap<Key, usize> = places.iter().cloned().zip(0..).collect();
        let mut items = self.store.table.get_many(&places, Read::Eventual).await?;
        items.sort_by_key(|item| rank.get(&place_of(item)).copied());
        let mut requests = Vec::with_capacity(items.len());
        let mut seals = HashMap::new();
        if with_sealed {
            let parsed = items.iter().cloned().map(readable::<RequestItem>).collect::<Result<Vec<_>, _>>()?;
            let owners = parsed.iter().filter_map(|item| {
                let (_, person) = keys::owner_of_partition(&item.place().pk)?;
                item.sealed().map(|_| owner(person, item.id, item.keep))
            });
            seals = self.store.vault.seals_of(self.org, owners).await?;
        }
        for item in items {
            let mut item: RequestItem = readable(item)?;
            let Some((_, person)) = keys::owner_of_partition(&item.place().pk) else { continue };
            if !with_sealed {
                item.leave_sealed();
            }
            let request = self.open(item, person, &mut seals).await?;
            // A current erasure may just have been copied to its own id.
            if !requests.iter().any(|known: &Request| known.id == request.id) {
                requests.push(request);
            }
        }
        Ok((requests, cursor))
    }

    /// How many requests were received on each day from `from` on, oldest first; of the newest `most` alone.
    /// Reads the index and nothing else.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn received_by_day(
        &self,
        from: Timestamp,
        most: usize,
    ) -> Result<BTreeMap<NaiveDate, usize>, StoreError> {
        let pk = keys::list_partition(self.org);
        let range = Filter { from: Some(from), to: None };
        let days = self.sort_keys(Order::Newest, &pk, range, most).await?;
        let mut by_day = BTreeMap::new();
        for day in days.iter().filter_map(|sort| sort.get(..10)?.parse::<NaiveDate>().ok()) {
            *by_day.entry(day).or_default() += 1;
        }
        Ok(by_day)
    }

    /// Keeps of all requests of a person only what proves that they were made and dealt with.
    /// One may be `spared`: it is left to the caller. Doing it again changes nothing more.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if a request changes at the same time; then it must be done again.
    pub async fn forget_requests(
        &self,
        person: PersonKey,
        spared: Option<RequestId>,
        keep_until: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let last_erasure = self.erasure(person).await?.map(|request| request.id);
        for request in self.requests(person).await? {
            if Some(request.id) == spared || (request.keep_until.is_some() && request.person_id.is_none()) {
                continue;
            }
            let is_past_erasure = request.purge().is_some() && last_erasure != Some(request.id);
            let kept = request.forgotten(keep_until, now);
            if is_past_erasure {
                self.put_past_erasure(&kept).await?;
            } else {
                self.put_request(&kept).await?;
            }
        }
        Ok(())
    }

    /// Destroys the key of what was still to be said about a request of a forgotten person.
    ///
    /// # Errors
    /// When the key table cannot be written.
    pub async fn forget_mail(&self, id: RequestId) -> Result<(), StoreError> {
        self.store.vault.destroy(self.org, Owner::Request(id)).await
    }

    async fn open_all(&self, items: Vec<Item>) -> Result<Vec<Request>, StoreError> {
        let mut requests: Vec<Request> = Vec::with_capacity(items.len());
        let mut seals = HashMap::new();
        for item in items {
            let place = sort_key(&item).to_owned();
            let item: RequestItem = readable(item)?;
            let Some((_, person)) = keys::owner_of_partition(&item.place().pk) else { continue };
            let request = self.open(item, person, &mut seals).await?;
            // A current erasure may just have been copied to its own id: the current one counts.
            match requests.iter().position(|known| known.id == request.id) {
                Some(at) if place == keys::erasure(self.org, person).sk => requests[at] = request,
                Some(_) => {}
                None => requests.push(request),
            }
        }
        requests.sort_by_key(|request| std::cmp::Reverse(Cursor::from(request)));
        Ok(requests)
    }

    /// Opens a stored request. Keys that were had for others of the same list are not asked for again.
    async fn open(
        &self,
        item: RequestItem,
        person: PersonKey,
        seals: &mut HashMap<Owner, Option<Seal>>,
    ) -> Result<Request, StoreError> {
        let Some(sealed) = item.sealed() else { return Ok(item.into_request(person, Private::default())) };
        let owner = owner(person, item.id, item.keep);
        let seal = match seals.entry(owner) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(self.store.vault.seal_of(self.org, owner).await?),
        };
        let private = match seal {
            Some(seal) => seal.unseal(&item.place(), sealed)?,
            // The key is destroyed, so what it sealed is forgotten.
            None => Private::default(),
        };
        Ok(item.into_request(person, private))
    }
}

impl Ledger<'_> {
    /// Some of the tenant's requests that need this attention by `until`, as the index of all tenants says:
    /// the first `most` of each of its parts are looked at.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn due_until(
        &self,
        attention: Attention,
        until: Timestamp,
        most: usize,
    ) -> Result<Vec<Due>, StoreError> {
        let to = &*keys::sortable(until);
        let limit = i32::try_from(most).unwrap_or(i32::MAX);
        let parts = (0..keys::DUE_SHARDS).map(|shard| async move {
            let pk = keys::due_partition(attention, shard);
            let page =
                IndexPage { index: "due", pk: &pk, sk: (FIRST, to), newest_first: false, limit, start: None };
            self.store.table.index_page(page).await
        });
        let mut due = Vec::new();
        for (places, _) in try_join_all(parts).await? {
            due.extend(places.iter().filter_map(due_at).filter(|due| due.org == self.org));
        }
        Ok(due)
    }
}

/// Which request an index found.
fn due_at(place: &Place) -> Option<Due> {
    let (org, person) = keys::owner_of_partition(&place.key.pk)?;
    let id = match place.key.sk.as_str() {
        keys::ERASURE => None,
        sk => Some(sk.split_once('#')?.1.parse().ok()?),
    };
    Some(Due { org, person, id })
}

impl Inner {
    /// The requests at these places, without what is sealed in them: no key is asked for. Past erasures
    /// are left out, since the current one took over.
    pub(crate) async fn outlines(&self, places: &[Key]) -> Result<Vec<Request>, StoreError> {
        let mut requests = Vec::new();
        for item in self.table.get_many(places, Read::Eventual).await? {
            let item: RequestItem = readable(item)?;
            let place = item.place();
            let Some((_, person)) = keys::owner_of_partition(&place.pk) else { continue };
            let request = item.into_request(person, Private::default());
            if request.purge().is_none() || place.sk == keys::ERASURE {
                requests.push(request);
            }
        }
        Ok(requests)
    }
}

/// How the erasure in a stored item stands.
pub(crate) fn erasure_in(item: Item) -> Result<Option<Erasure>, StoreError> {
    Ok(readable::<RequestItem>(item)?.erasure())
}

/// Whose key seals what is private in a request: the person's, and once they are forgotten, one of
/// the request's own.
fn owner(person: PersonKey, id: RequestId, keep_until: Option<Timestamp>) -> Owner {
    match keep_until {
        None => Owner::Person(person),
        Some(_) => Owner::Request(id),
    }
}

/// A request that needs attention, as an index says. The index may be behind: whoever gets this
/// must read the request and decide by that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due {
    /// Whose tenant.
    pub org: OrgId,
    /// Whose request.
    pub person: PersonKey,
    /// Which request; none for the person's current erasure.
    pub id: Option<RequestId>,
}

/// Where the reading of what is due goes on.
#[derive(Debug, Default)]
pub struct DueCursor {
    shard: u8,
    start: Option<Item>,
}

impl Store {
    /// A page of the requests, of all tenants, that need this attention by `now`, as the index says,
    /// and where the next begins.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn due(
        &self,
        attention: Attention,
        now: Timestamp,
        from: DueCursor,
    ) -> Result<(Vec<Due>, Option<DueCursor>), StoreError> {
        let DueCursor { shard, start } = from;
        let (pk, to) = (keys::due_partition(attention, shard), keys::sortable(now));
        let page =
            IndexPage { index: "due", pk: &pk, sk: (FIRST, &to), newest_first: false, limit: 1000, start };
        let (places, start) = self.inner.table.index_page(page).await?;
        let due = places.iter().filter_map(due_at);
        let next = match start {
            Some(start) => Some(DueCursor { shard, start: Some(start) }),
            None => (shard + 1 < keys::DUE_SHARDS).then_some(DueCursor { shard: shard + 1, start: None }),
        };
        Ok((due.collect(), next))
    }

    /// The current erasures of these persons, without what is sealed in them, as they were a moment ago.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn erasures(&self, of: &[Due]) -> Result<Vec<Request>, StoreError> {
        let places: Vec<Key> = of.iter().map(|due| keys::erasure(due.org, due.person)).collect();
        self.inner.outlines(&places).await
    }
}
