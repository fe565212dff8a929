//! Which requests are listed, in which order: the same for the page, its next pages and the spreadsheet.

use chrono::{NaiveDate, NaiveTime, TimeDelta};
use domain::{
    PersonKey, Timestamp,
    request::{Door, Kind, Request},
    tenant::Tenant,
};
use pages::console::{Choice, requests::Filter};
use runtime::{App, Failure, docs::Param};
use serde::Deserialize;
use store::list::{self, Cursor, Order};
use wire::{Problem, Query, Reason};

use crate::native::paging::{self, named};

/// The query parameters.
pub(super) const PARAMS: [Param; 8] = [
    Param::new::<String>("status", "`waiting` for the staff, as without it; `confirmed`; or `all`"),
    Param::new::<Kind>("kind", "Only those of this kind"),
    Param::new::<Door>("door", "Only those of this door"),
    Param::new::<String>("due", "Only those `overdue`, or due `soon`: within seven days"),
    Param::new::<String>("from", "Only those received on this day or later"),
    Param::new::<String>("to", "Only those received on this day or earlier"),
    Param::new::<String>("person", "Only those of this person, by pseudonym"),
    Param::new::<String>("order", "`due`, `due_last`, `newest` or `oldest` first"),
];

/// Confirmed or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Standing {
    Waiting,
    Confirmed,
    All,
}

/// How much time is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Due {
    Overdue,
    Soon,
}

/// In which order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Sorting {
    Due,
    DueLast,
    Newest,
    Oldest,
}

/// What is asked for.
pub(super) struct Listing {
    standing: Standing,
    kind: Option<Kind>,
    door: Option<Door>,
    due: Option<Due>,
    from: Option<NaiveDate>,
    to: Option<NaiveDate>,
    person: Option<PersonKey>,
    sorting: Sorting,
}

/// A piece of the list, and where it goes on.
type Piece = (Vec<Request>, Option<Cursor>);

/// A value of the form; an empty one is none.
fn given<'a>(query: &'a Query, name: &'static str) -> Result<Option<&'a str>, Problem> {
    Ok(query.one(name)?.filter(|value| !value.is_empty()))
}

fn choice<T: for<'de> Deserialize<'de>>(query: &Query, name: &'static str) -> Result<Option<T>, Problem> {
    if given(query, name)?.is_some() { named(query, name) } else { Ok(None) }
}

fn day(query: &Query, name: &'static str) -> Result<Option<NaiveDate>, Problem> {
    let read =
        |text: &str| text.parse().map_err(|_| Problem::query(name, Reason::Other("must be a day".into())));
    given(query, name)?.map(read).transpose()
}

impl Listing {
    pub(super) fn of(query: &Query) -> Result<Self, Problem> {
        let standing = choice(query, "status")?.unwrap_or(Standing::Waiting);
        let person = |text: &str| {
            text.parse().map_err(|_| Problem::query("person", Reason::Other("must be a pseudonym".into())))
        };
        let sorting = match (choice(query, "order")?, standing) {
            // What waits for nobody has no place among what does.
            (Some(Sorting::Due | Sorting::DueLast) | None, Standing::Confirmed | Standing::All) => {
                Sorting::Newest
            }
            (None, Standing::Waiting) => Sorting::Due,
            (Some(sorting), Standing::Waiting | Standing::Confirmed | Standing::All) => sorting,
        };
        Ok(Self {
            standing,
            kind: choice(query, "kind")?,
            door: choice(query, "door")?,
            due: choice(query, "due")?,
            from: day(query, "from")?,
            to: day(query, "to")?,
            person: given(query, "person")?.map(person).transpose()?,
            sorting,
        })
    }

    /// Whether a request is among them.
    fn takes(&self, tenant: &Tenant, request: &Request, now: Timestamp) -> bool {
        let received = request.received_at.date_naive();
        let stands = match self.standing {
            Standing::Waiting => request.awaits_staff(),
            Standing::Confirmed => request.confirmation.is_some(),
            Standing::All => true,
        };
        let left = || request.deadline(&tenant.law).ends_at - now;
        let is_open = || request.is_open() || request.awaits_staff();
        let is_due = match self.due {
            None => true,
            Some(Due::Overdue) => is_open() && left() <= TimeDelta::zero(),
            Some(Due::Soon) => is_open() && left() <= TimeDelta::days(8) && left() > TimeDelta::zero(),
        };
        stands
            && is_due
            && self.kind.is_none_or(|kind| request.kind == kind)
            && self.door.is_none_or(|door| request.door == door)
            && self.from.is_none_or(|from| from <= received)
            && self.to.is_none_or(|to| received <= to)
            && self.person.is_none_or(|person| request.person == person)
            && request.is_kept(now)
    }

    /// The next piece of at most `limit`, and where it goes on; of a rare kind perhaps fewer, or none.
    pub(super) async fn page(
        &self,
        app: &App,
        tenant: &Tenant,
        cursor: Option<Cursor>,
        limit: usize,
    ) -> Result<Piece, Failure> {
        let (ledger, now) = (app.ledger(tenant.org), app.now());
        if let Some(person) = self.person {
            let mut requests = ledger.requests(person).await?;
            requests.retain(|request| self.takes(tenant, request, now));
            return Ok(paging::cut(requests, cursor.as_ref(), limit));
        }
        let (order, range) = self.range();
        let read = |cursor: Option<Cursor>, limit| async move {
            ledger.page_of_requests(order, range, cursor.as_ref(), limit, true).await
        };
        paging::fill(cursor, limit, |request| self.takes(tenant, request, now), read).await
    }

    /// The order of the index, and the part of it that can hold what is asked for.
    fn range(&self) -> (Order, list::Filter) {
        let start = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
        let received = list::Filter {
            from: self.from.map(start),
            to: self.to.and_then(|day| day.succ_opt()).map(start),
        };
        match (self.sorting, self.standing) {
            (Sorting::Newest, _) => (Order::Newest, received),
            (Sorting::Oldest, _) => (Order::Oldest, received),
            (Sorting::Due, _) => (Order::Due, list::Filter::default()),
            (Sorting::DueLast, _) => (Order::DueLast, list::Filter::default()),
        }
    }

    /// The form that says the same.
    pub(super) fn form(&self) -> Filter<'static> {
        let choices = |all: &[(&'static str, &'static str)], chosen: &str| -> Vec<Choice<'static>> {
            all.iter().map(|&(value, text)| Choice { value, text, is_chosen: value == chosen }).collect()
        };
        let status = match self.standing {
            Standing::Waiting => "waiting",
            Standing::Confirmed => "confirmed",
            Standing::All => "all",
        };
        let kind = match self.kind {
            None => "",
            Some(Kind::Access) => "access",
            Some(Kind::Erasure) => "erasure",
            Some(Kind::Correction) => "correction",
            Some(Kind::Restriction) => "restriction",
        };
        let door = match self.door {
            None => "",
            Some(Door::Pace) => "pace",
            Some(Door::Instacart) => "instacart",
            Some(Door::RallyHere) => "rallyhere",
            Some(Door::Trivore) => "trivore",
            Some(Door::Native) => "native",
        };
        let due = match self.due {
            None => "",
            Some(Due::Overdue) => "overdue",
            Some(Due::Soon) => "soon",
        };
        let order = match self.sorting {
            Sorting::Due => "due",
            Sorting::DueLast => "due_last",
            Sorting::Newest => "newest",
            Sorting::Oldest => "oldest",
        };
        let text = |day: Option<NaiveDate>| day.map(|day| day.to_string()).unwrap_or_default();
        Filter {
            status: choices(
                &[("waiting", "Unconfirmed"), ("confirmed", "Confirmed"), ("all", "All")],
                status,
            ),
            kind: choices(
                &[
                    ("", "All"),
                    ("access", "Access"),
                    ("erasure", "Erasure"),
                    ("correction", "Correction"),
                    ("restriction", "Restriction"),
                ],
                kind,
            ),
            door: choices(
                &[
                    ("", "All"),
                    ("pace", "PACE"),
                    ("instacart", "Instacart"),
                    ("rallyhere", "RallyHere"),
                    ("trivore", "Trivore"),
                    ("native", "Native"),
                ],
                door,
            ),
            due: choices(&[("", "Any"), ("overdue", "Overdue"), ("soon", "Within 7 days")], due),
            order: choices(
                &[
                    ("due", "Least time first"),
                    ("due_last", "Most time first"),
                    ("newest", "Newest first"),
                    ("oldest", "Oldest first"),
                ],
                order,
            ),
            from: text(self.from),
            to: text(self.to),
            person: self.person.map(|person| person.to_string()),
        }
    }

    /// An address of `path` with the same question, and perhaps a place to go on.
    pub(super) fn address(&self, path: &str, cursor: Option<&Cursor>) -> String {
        let form = self.form();
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let named = [
            ("status", &form.status),
            ("kind", &form.kind),
            ("door", &form.door),
            ("due", &form.due),
            ("order", &form.order),
        ];
        for (name, choices) in named {
            let chosen = choices.iter().find(|choice| choice.is_chosen && !choice.value.is_empty());
            if let Some(choice) = chosen {
                query.append_pair(name, choice.value);
            }
        }
        for (name, value) in [("from", &form.from), ("to", &form.to)] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        if let Some(person) = &form.person {
            query.append_pair("person", person);
        }
        if let Some(cursor) = cursor {
            query.append_pair("cursor", &paging::written(cursor));
        }
        format!("{path}?{}", query.finish())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_address_asks_what_was_asked() {
        let asked = "status=all&kind=erasure&door=pace&due=overdue&order=oldest&from=2026-03-01&to=2026-03-31&person=00112233445566778899";
        let listing = Listing::of(&Query::parse(asked)).unwrap();

        let address = listing.address("/console/requests", None);
        let again = Listing::of(&Query::parse(address.split_once('?').unwrap().1)).unwrap();

        assert_eq!(again.address("/console/requests", None), address);
        for part in asked.split('&') {
            assert!(address.contains(part), "{part} in {address}");
        }
    }

    #[test]
    fn without_a_question_what_waits_is_listed_by_its_deadline() {
        let listing = Listing::of(&Query::parse("kind=&from=")).unwrap();
        let (order, range) = listing.range();

        assert_eq!((order, range.from, range.to), (Order::Due, None, None));
        assert_eq!(Listing::of(&Query::parse("status=all")).unwrap().range().0, Order::Newest);
        for wrong in ["status=x", "kind=x", "from=x", "person=x", "order=x", "due=x"] {
            assert!(Listing::of(&Query::parse(wrong)).is_err(), "{wrong}");
        }
    }
}
