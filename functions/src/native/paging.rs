//! Pages of our own lists: filters, limits and cursors.

use std::future::Future;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{PersonId, Timestamp};
use runtime::Failure;
use serde::{Deserialize, de::value::StrDeserializer};
use store::{StoreError, list::Cursor};
use wire::{Problem, Query, Reason, time};

/// A page, and where the next begins.
pub(crate) type Page<T> = (Vec<T>, Option<Cursor>);

/// How many pages are read at most to fill one answer: a rare filter is continued by its cursor.
const PAGES: usize = 10;

/// How many are asked for.
pub(crate) fn limit(query: &Query) -> Result<usize, Problem> {
    Ok(query.number("limit", 1..=200)?.unwrap_or(50))
}

/// Where to go on.
pub(crate) fn cursor(query: &Query) -> Result<Option<Cursor>, Problem> {
    let read = |text: &str| {
        let decoded = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let cursor = decoded.and_then(|text| Cursor::read(&text));
        cursor.ok_or_else(|| Problem::query("cursor", Reason::Other("is not a cursor of this list".into())))
    };
    query.one("cursor")?.map(read).transpose()
}

/// A cursor as callers get it.
pub(crate) fn written(cursor: &Cursor) -> String {
    URL_SAFE_NO_PAD.encode(cursor.as_str())
}

/// A value of an enumeration.
pub(crate) fn named<T: for<'de> Deserialize<'de>>(
    query: &Query,
    name: &'static str,
) -> Result<Option<T>, Problem> {
    let read = |text: &str| {
        T::deserialize(StrDeserializer::<serde::de::value::Error>::new(text))
            .map_err(|_| Problem::query(name, Reason::Other("is not a known value".into())))
    };
    query.one(name)?.map(read).transpose()
}

/// A moment.
pub(crate) fn moment(query: &Query, name: &'static str) -> Result<Option<Timestamp>, Problem> {
    let read = |text: &str| time::read(text).ok_or_else(|| Problem::query(name, Reason::Time));
    query.one(name)?.map(read).transpose()
}

/// The person to whom a list is limited.
pub(crate) fn person(query: &Query) -> Result<Option<PersonId>, Problem> {
    let read = |text: &str| {
        text.parse().map_err(|error: domain::ids::IdError| {
            Problem::query("person_id", Reason::Other(error.to_string()))
        })
    };
    query.one("person_id")?.map(read).transpose()
}

/// Fills a page with what is wanted of a list that `read` gives piece by piece.
pub(crate) async fn fill<T, F, Fut>(
    mut cursor: Option<Cursor>,
    limit: usize,
    wanted: impl Fn(&T) -> bool,
    read: F,
) -> Result<Page<T>, Failure>
where
    F: Fn(Option<Cursor>, usize) -> Fut,
    Fut: Future<Output = Result<Page<T>, StoreError>>,
{
    let mut found = Vec::new();
    for _ in 0..PAGES {
        let (piece, next) = read(cursor, limit - found.len()).await?;
        found.extend(piece.into_iter().filter(|one| wanted(one)));
        cursor = next;
        if cursor.is_none() || found.len() >= limit {
            break;
        }
    }
    Ok((found, cursor))
}

/// Cuts a page from a whole list.
pub(crate) fn cut<T>(mut all: Vec<T>, cursor: Option<&Cursor>, limit: usize) -> Page<T>
where
    for<'a> Cursor: From<&'a T>,
{
    all.retain(|one| cursor.is_none_or(|cursor| Cursor::from(one) < *cursor));
    let more = all.len() > limit;
    all.truncate(limit);
    let next = all.last().filter(|_| more).map(Cursor::from);
    (all, next)
}
