//! Holds: what forbids an erasure for a while, as data (GDPR Art. 17(3)).
//!
//! A legal hold lasts until somebody lifts it and names the day on which somebody must ask whether
//! it is still needed. A duty of retention ends by itself. Days are days in UTC.

use std::fmt;

use chrono::{Datelike as _, NaiveDate, TimeDelta};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{HoldId, PersonId, PersonKey, Timestamp};

/// What kind of hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HoldKind {
    /// Claims are, or may be, before a court.
    LegalHold,
    /// The law wants the data kept.
    Retention,
}

/// As it is told among the reasons for which rows stay.
impl fmt::Display for HoldKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LegalHold => "legal hold",
            Self::Retention => "retention",
        })
    }
}

/// Which part of the stores is held: everything that is given must fit. Nothing given is everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(default, deny_unknown_fields)]
pub struct Scope {
    /// Only this data set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// Only this collection of the data set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collection: Option<String>,
    /// Only collections that hold data of this category.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
}

impl Scope {
    /// Whether everything is held.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }
}

/// What a caller says of a hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// What kind.
    pub kind: HoldKind,
    /// The law that allows or wants it, as a citation: `17(3)(e)`.
    pub ground: String,
    /// On which day somebody must ask whether it is still needed.
    pub review_on: Option<NaiveDate>,
    /// The last day of a duty of retention.
    pub until: Option<NaiveDate>,
    /// Which part of the stores is held.
    pub scope: Scope,
}

/// What is said of a hold in free words, and who said it. Sealed, and forgotten with the person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Particulars {
    /// Whose data is held; none for the whole tenant.
    pub person_id: Option<PersonId>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// Who set it.
    pub created_by: Option<String>,
    /// Who lifted it.
    pub lifted_by: Option<String>,
}

/// A hold, in force or past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Unique within the tenant.
    pub id: HoldId,
    /// Whose data is held; none for the whole tenant.
    pub person: Option<PersonKey>,
    /// What it says.
    pub terms: Terms,
    /// What is said in free words.
    pub said: Particulars,
    /// When it was set.
    pub created_at: Timestamp,
    /// When it was lifted.
    pub lifted_at: Option<Timestamp>,
    /// 1 when new; rises with each change.
    pub version: u64,
    /// Until when it is kept as proof; set once the person is forgotten.
    pub keep_until: Option<Timestamp>,
}

/// Why a hold was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HoldError {
    /// The ground is no citation.
    #[error("a ground is a citation of 1 to {} letters, digits, spaces and ().,:;§/-", Hold::LONGEST_GROUND)]
    Ground,
    /// A text is empty, too long, or has control characters.
    #[error("{field} has 1 to {} characters without control characters", Hold::LONGEST_TEXT)]
    Text {
        /// Which.
        field: &'static str,
    },
    /// A day beyond the year 9999, or before 1970.
    #[error("{field} is a day of the years 1970 to 9999")]
    Day {
        /// Which.
        field: &'static str,
    },
    /// Nobody would ever ask whether it is still needed.
    #[error("a legal hold has a day of review, a duty of retention that or its last day")]
    NoReview,
    /// A legal hold does not end by itself.
    #[error("only a duty of retention has a last day")]
    EndOfLegalHold,
    /// It would be over before it began.
    #[error("the last day of a duty of retention is not in the past")]
    Over,
    /// A collection without the data set that it is in.
    #[error("a collection is named with its data set")]
    CollectionAlone,
}

impl Terms {
    fn check(&self, now: Timestamp) -> Result<(), HoldError> {
        let is_cited = |c: char| c.is_alphanumeric() || " ().,:;§/-".contains(c);
        let ground = self.ground.chars().count();
        if !(1..=Hold::LONGEST_GROUND).contains(&ground) || !self.ground.chars().all(is_cited) {
            return Err(HoldError::Ground);
        }
        for (field, day) in [("review_on", self.review_on), ("until", self.until)] {
            if day.is_some_and(|day| !(1970..=9999).contains(&day.year())) {
                return Err(HoldError::Day { field });
            }
        }
        match (self.kind, self.review_on, self.until) {
            (HoldKind::LegalHold, _, Some(_)) => return Err(HoldError::EndOfLegalHold),
            (HoldKind::LegalHold | HoldKind::Retention, None, None) => return Err(HoldError::NoReview),
            (HoldKind::Retention, _, Some(until)) if until < now.date_naive() => return Err(HoldError::Over),
            (HoldKind::LegalHold, Some(_), None) | (HoldKind::Retention, ..) => {}
        }
        let Scope { dataset, collection, category } = &self.scope;
        if collection.is_some() && dataset.is_none() {
            return Err(HoldError::CollectionAlone);
        }
        check_text("scope.dataset", dataset.as_ref())?;
        check_text("scope.collection", collection.as_ref())?;
        check_text("scope.category", category.as_ref())
    }
}

fn check_text(field: &'static str, text: Option<&String>) -> Result<(), HoldError> {
    let fits = |text: &String| {
        let chars = text.chars().count();
        (1..=Hold::LONGEST_TEXT).contains(&chars) && !text.chars().any(char::is_control)
    };
    if text.is_none_or(fits) { Ok(()) } else { Err(HoldError::Text { field }) }
}

impl Hold {
    /// The longest citation, in characters.
    const LONGEST_GROUND: usize = 64;
    /// The longest text of any other kind, in characters.
    const LONGEST_TEXT: usize = 1000;

    /// A hold set now.
    ///
    /// # Errors
    /// See [`HoldError`].
    pub fn set(
        id: HoldId,
        person: Option<PersonKey>,
        terms: Terms,
        said: Particulars,
        now: Timestamp,
    ) -> Result<Self, HoldError> {
        terms.check(now)?;
        check_text("owner", said.owner.as_ref())?;
        check_text("reason", said.reason.as_ref())?;
        Ok(Self { id, person, terms, said, created_at: now, lifted_at: None, version: 1, keep_until: None })
    }

    /// The next version, lifted. Lifting what was lifted changes nothing.
    #[must_use]
    pub fn lift(self, by: String, now: Timestamp) -> Option<Self> {
        if self.lifted_at.is_some() {
            return None;
        }
        let said = Particulars { lifted_by: Some(by), ..self.said };
        Some(Self { lifted_at: Some(now), said, version: self.version + 1, ..self })
    }

    /// The next version as it is kept once the person is forgotten: that there was a hold, on what
    /// ground and for how long.
    #[must_use]
    pub fn forgotten(self, keep_until: Timestamp) -> Self {
        let keep_until = Some(self.keep_until.unwrap_or(keep_until));
        Self { said: Particulars::default(), version: self.version + 1, keep_until, ..self }
    }

    /// Whether it is in force.
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.lifted_at.is_none() && self.terms.until.is_none_or(|until| now.date_naive() <= until)
    }

    /// Whether the day of its review has passed and it is still in force.
    pub fn is_review_overdue(&self, now: Timestamp) -> bool {
        self.is_active(now) && self.terms.review_on.is_some_and(|day| day < now.date_naive())
    }

    /// Whether it may still be shown: proof has an end too.
    pub fn is_kept(&self, now: Timestamp) -> bool {
        self.keep_until.is_none_or(|end| now < end)
    }

    /// When it ends by itself.
    fn end(&self) -> Option<Timestamp> {
        let next = self.terms.until?.succ_opt()?;
        Some(next.and_hms_opt(0, 0, 0)?.and_utc())
    }
}

/// The holds in force against the erasure of one person: their own, and those on the whole tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bars(Vec<Hold>);

impl Bars {
    /// The longest that a held purge is not looked at, unless a hold on the person is lifted.
    const LOOK_AGAIN: TimeDelta = TimeDelta::hours(1);

    /// Those of `holds` that are in force.
    pub fn of(holds: impl IntoIterator<Item = Hold>, now: Timestamp) -> Self {
        Self(holds.into_iter().filter(|hold| hold.is_active(now)).collect())
    }

    /// The holds.
    pub fn iter(&self) -> impl Iterator<Item = &Hold> {
        self.0.iter()
    }

    /// Whether nothing at all may be erased.
    pub fn hold_everything(&self) -> bool {
        self.iter().any(|hold| hold.terms.scope.is_everything())
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Which holds they are.
    pub fn ids(&self) -> Vec<HoldId> {
        self.iter().map(|hold| hold.id).collect()
    }

    /// Whether all of `ids` are still in force.
    pub fn include(&self, ids: &[HoldId]) -> bool {
        ids.iter().all(|id| self.iter().any(|hold| hold.id == *id))
    }

    /// When a purge that they hold should be looked at again.
    pub fn look_at(&self, now: Timestamp) -> Timestamp {
        let ends = self.iter().filter_map(Hold::end).filter(|end| now < *end);
        ends.chain([now + Self::LOOK_AGAIN]).min().unwrap_or(now)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn now() -> Timestamp {
        "2026-03-02T10:00:00Z".parse().unwrap()
    }

    fn day(text: &str) -> Option<NaiveDate> {
        Some(text.parse().unwrap())
    }

    fn legal() -> Terms {
        Terms {
            kind: HoldKind::LegalHold,
            ground: "17(3)(e)".into(),
            review_on: day("2026-09-01"),
            until: None,
            scope: Scope::default(),
        }
    }

    fn retention(until: &str) -> Terms {
        Terms { kind: HoldKind::Retention, review_on: None, until: day(until), ..legal() }
    }

    fn set(terms: Terms) -> Result<Hold, HoldError> {
        Hold::set(HoldId(uuid::Uuid::nil()), None, terms, Particulars::default(), now())
    }

    fn check(terms: Terms, expected: Option<HoldError>) {
        assert_eq!(set(terms.clone()).err(), expected, "{terms:?}");
    }

    #[test]
    fn a_hold_that_nobody_would_ever_look_at_again_is_refused() {
        check(legal(), None);
        check(Terms { review_on: None, ..legal() }, Some(HoldError::NoReview));
        check(Terms { until: day("2030-01-01"), ..legal() }, Some(HoldError::EndOfLegalHold));
        check(retention("2026-03-02"), None);
        check(retention("2026-03-01"), Some(HoldError::Over));
        check(Terms { until: None, ..retention("2030-01-01") }, Some(HoldError::NoReview));
        check(Terms { kind: HoldKind::Retention, ..legal() }, None);
        check(Terms { review_on: day("1969-12-31"), ..legal() }, Some(HoldError::Day { field: "review_on" }));
    }

    #[test]
    fn a_ground_is_a_citation_and_a_collection_has_its_data_set() {
        for ground in ["§ 147 AO", "17(3)(b)", "26 U.S.C. 6001"] {
            check(Terms { ground: ground.into(), ..legal() }, None);
        }
        for ground in ["", "a@example.com", "x\n", &"1".repeat(65)] {
            check(Terms { ground: ground.into(), ..legal() }, Some(HoldError::Ground));
        }
        let scope = Scope { collection: Some("orders".into()), ..Scope::default() };
        check(Terms { scope: scope.clone(), ..legal() }, Some(HoldError::CollectionAlone));
        let scope = Scope { dataset: Some("shop".into()), ..scope };
        check(Terms { scope: scope.clone(), ..legal() }, None);
        let scope = Scope { category: Some(String::new()), ..scope };
        check(Terms { scope, ..legal() }, Some(HoldError::Text { field: "scope.category" }));
    }

    #[test]
    fn a_legal_hold_lasts_until_it_is_lifted_and_a_retention_through_its_last_day() {
        let (hold, duty) = (set(legal()).unwrap(), set(retention("2026-03-03")).unwrap());
        let later = |text: &str| text.parse::<Timestamp>().unwrap();

        assert!(hold.is_active(later("2099-01-01T00:00:00Z")));
        assert!(!hold.is_review_overdue(later("2026-09-01T23:59:59Z")));
        assert!(hold.is_review_overdue(later("2026-09-02T00:00:00Z")));
        assert!(duty.is_active(later("2026-03-03T23:59:59Z")));
        assert!(!duty.is_active(later("2026-03-04T00:00:00Z")));
        let lifted = hold.lift("clerk".into(), now()).unwrap();
        assert!(!lifted.is_active(now()) && !lifted.is_review_overdue(later("2099-01-01T00:00:00Z")));
        assert_eq!(lifted.lift("another".into(), now()), None);
    }

    #[test]
    fn what_is_held_is_looked_at_when_a_retention_ends() {
        let duty = set(retention("2026-03-02")).unwrap();
        let evening: Timestamp = "2026-03-02T23:30:00Z".parse().unwrap();

        assert_eq!(Bars::of([duty.clone()], now()).look_at(now()), now() + TimeDelta::hours(1));
        assert_eq!(
            Bars::of([duty.clone()], evening).look_at(evening),
            "2026-03-03T00:00:00Z".parse::<Timestamp>().unwrap()
        );
        assert!(Bars::of([duty], evening + TimeDelta::hours(1)).is_empty());
    }
}
