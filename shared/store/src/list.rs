//! Lists of everything of one kind that a tenant has, newest first, page by page.

use domain::{Timestamp, hold::Hold, request::Request};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Ledger, StoreError,
    keys::{self, Key},
    table::{IndexPage, Item, Place, Read},
};

/// Comes before every time; DynamoDB takes no empty text in the condition on a key.
pub(crate) const FIRST: &str = "0";

/// Where a list goes on: the place of the last thing shown. What comes later in the list is smaller.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cursor(String);

impl Cursor {
    /// The place as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads a place from text.
    pub fn read(text: &str) -> Option<Self> {
        let (at, id) = text.split_once('#')?;
        let at: Timestamp = at.parse().ok()?;
        let id = Uuid::try_parse(id).ok()?;
        Some(Self(keys::list_sort(at, id)))
    }
}

impl From<&Request> for Cursor {
    fn from(request: &Request) -> Self {
        Self(keys::list_sort(request.received_at, request.id.0))
    }
}

impl From<&Hold> for Cursor {
    fn from(hold: &Hold) -> Self {
        Self(keys::list_sort(hold.created_at, hold.id.0))
    }
}

/// Which part of a list is wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter {
    /// Made at or after.
    pub from: Option<Timestamp>,
    /// Made before.
    pub to: Option<Timestamp>,
}

/// In which order requests are listed, and which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// All, what was received last first.
    Newest,
    /// All, what was received first first.
    Oldest,
    /// What waits for the staff, the next deadline first.
    Due,
    /// What waits for the staff, the last deadline first.
    DueLast,
}

impl Ledger<'_> {
    /// A page of the list in partition `pk`, and where the next begins.
    pub(crate) async fn listed(
        &self,
        pk: &str,
        filter: Filter,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<(Vec<Item>, Option<Cursor>), StoreError> {
        let (keys, cursor) = self.places(Order::Newest, pk, filter, after, limit).await?;
        Ok((self.store.table.get_many(&keys, Read::Eventual).await?, cursor))
    }

    /// The newest `most` places of a list, as they stand in it: no item is read.
    pub(crate) async fn sort_keys(
        &self,
        order: Order,
        pk: &str,
        range: Filter,
        most: usize,
    ) -> Result<Vec<String>, StoreError> {
        let (places, _) = self.page(order, pk, range, None, most).await?;
        Ok(places.into_iter().map(|place| place.sort).collect())
    }

    /// Where the items of a page of the list lie, and where the next page begins.
    pub(crate) async fn places(
        &self,
        order: Order,
        pk: &str,
        filter: Filter,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<(Vec<Key>, Option<Cursor>), StoreError> {
        let (places, cursor) = self.page(order, pk, filter, after, limit).await?;
        Ok((places.into_iter().map(|place| place.key).collect(), cursor))
    }

    async fn page(
        &self,
        order: Order,
        pk: &str,
        filter: Filter,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<(Vec<Place>, Option<Cursor>), StoreError> {
        let (index, newest_first) = match order {
            Order::Newest => ("list", true),
            Order::Oldest => ("list", false),
            Order::Due => ("open", false),
            Order::DueLast => ("open", true),
        };
        let last = after.map(|Cursor(last)| last.clone());
        let from = match (&last, newest_first) {
            (Some(last), false) => last.clone(),
            (Some(_), true) | (None, _) => filter.from.map_or_else(|| FIRST.to_owned(), keys::sortable),
        };
        // Sort keys are unique and what comes after the cursor is strictly smaller; `#` is what
        // follows the time, and `\u{7f}` is above every character that a sort key has.
        let to = match (&last, newest_first, filter.to) {
            (Some(last), true, _) => last.clone(),
            (Some(_), false, Some(to)) | (None, _, Some(to)) => keys::sortable(to),
            (Some(_), false, None) | (None, _, None) => "\u{7f}".into(),
        };
        // DynamoDB refuses a range that ends before it begins.
        if to < from {
            return Ok((Vec::new(), None));
        }
        let wanted = i32::try_from(limit + 2).unwrap_or(i32::MAX);
        let page = IndexPage { index, pk, sk: (&from, &to), newest_first, limit: wanted, start: None };
        let (mut places, _) = self.store.table.index_page(page).await?;
        if let Some(Cursor(last)) = after {
            places.retain(|place| place.sort != *last);
        }
        let more = places.len() > limit;
        places.truncate(limit);
        let cursor = places.last().filter(|_| more).map(|place| Cursor(place.sort.clone()));
        Ok((places, cursor))
    }
}
