//! By when a request must be answered, and how much of that time is over.
//!
//! | regime | confirm receipt | answer | with an extension | while who asks is in doubt |
//! |---|---|---|---|---|
//! | GDPR Art. 12(3), (6), also as it is law in the United Kingdom | | one month | two more | it stops |
//! | CCPA, 11 CCR § 7021 | 10 business days | 45 days | 45 more | it runs on |
//! | CCPA, 11 CCR §§ 7026, 7027: opt out, limit the use | | 15 business days | | it runs on |
//!
//! A month is counted as Regulation (EEC, Euratom) 1182/71, Art. 3 says: the day of receipt does not
//! count, it ends with the day of the same date, or with the last day of a month that has no such date,
//! and if that is a Saturday, a Sunday or a public holiday, with the next working day. Every month has two
//! working days, so Art. 3(5) asks for nothing more. Californian days are not moved.
//!
//! Everything follows from the moment of receipt and from what is noted of the request: nothing has to
//! run at a certain time for a stage to be reached, and a tick that was missed changes nothing.

use std::collections::BTreeSet;

use chrono::{Days, Months, NaiveDate, TimeDelta};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Timestamp,
    calendar::{Calendar, Country},
    request::Kind,
};

/// A law that gives rights, and time to answer those who use them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Regime {
    /// The General Data Protection Regulation.
    Gdpr,
    /// The same as it is law in the United Kingdom, with the holidays there.
    UkGdpr,
    /// The California Consumer Privacy Act.
    Ccpa,
}

impl Regime {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Gdpr, Self::UkGdpr, Self::Ccpa];
}

/// The laws under which something is answered: at least one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "BTreeSet<Regime>", into = "BTreeSet<Regime>")]
pub struct Regimes(BTreeSet<Regime>);

/// Nobody answers under no law at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at least one regime was expected")]
pub struct NoRegime;

impl TryFrom<BTreeSet<Regime>> for Regimes {
    type Error = NoRegime;

    fn try_from(regimes: BTreeSet<Regime>) -> Result<Self, NoRegime> {
        if regimes.is_empty() { Err(NoRegime) } else { Ok(Self(regimes)) }
    }
}

impl From<Regimes> for BTreeSet<Regime> {
    fn from(regimes: Regimes) -> Self {
        regimes.0
    }
}

impl From<Regime> for Regimes {
    fn from(regime: Regime) -> Self {
        Self(BTreeSet::from([regime]))
    }
}

impl Default for Regimes {
    fn default() -> Self {
        Regime::Gdpr.into()
    }
}

impl Regimes {
    /// All of them, in a fixed order.
    pub fn iter(&self) -> impl Iterator<Item = Regime> {
        self.0.iter().copied()
    }
}

/// Under what law a tenant answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Law {
    /// The regimes; the strictest wins.
    pub regimes: Regimes,
    /// Where the tenant acts, for the public holidays that count under the GDPR.
    pub country: Option<Country>,
}

/// Why an answer needs more time (Art. 12(3)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExtensionGround {
    /// It is complex.
    Complexity,
    /// There are many requests.
    Number,
}

/// More time for an answer. It holds only if the person was told of it in the time without it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    /// Why.
    pub ground: ExtensionGround,
    /// The same in words for the person; sealed where it is kept, and absent once they are forgotten.
    #[serde(skip)]
    pub reason: Option<String>,
    /// When it was decided.
    pub decided_at: Timestamp,
    /// When the person was told; not yet if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_at: Option<Timestamp>,
}

/// A question to the person who they are (Art. 12(6)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubt {
    /// When they were asked.
    pub asked_at: Timestamp,
    /// When they answered; not yet if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<Timestamp>,
}

impl Doubt {
    /// How soon after the request, or after the answer to the last question, a question must be asked
    /// to stop the clock. The law says no number; this is ours for "without delay".
    pub const WITHOUT_DELAY: TimeDelta = TimeDelta::days(7);
}

/// What the time for one request depends on, beside when it came. Most requests have nothing of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Clock {
    /// Under what law it is answered, if not under its tenant's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regimes: Option<Regimes>,
    /// When the person was told that it was received, by other means than our mails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged_at: Option<Timestamp>,
    /// Questions who they are, one after the other.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub doubts: Vec<Doubt>,
    /// More time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extension: Option<Extension>,
}

impl Clock {
    /// Whether there is nothing to keep.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the person was asked who they are and has not answered.
    pub fn is_in_doubt(&self) -> bool {
        self.doubts.last().is_some_and(|doubt| doubt.answered_at.is_none())
    }

    /// Notes that the person was told of the extension, if there is one.
    pub(crate) fn tell_extension(&mut self, now: Timestamp) {
        if let Some(extension) = &mut self.extension {
            extension.told_at.get_or_insert(now);
        }
    }

    /// Whether the person was told of an extension before this moment.
    fn is_extended_before(&self, end: Timestamp) -> bool {
        self.extension.as_ref().and_then(|extension| extension.told_at).is_some_and(|told| told < end)
    }
}

/// What is owed to the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Duty {
    /// A word that the request was received.
    Acknowledge,
    /// The answer.
    Answer,
}

/// The time in which something is owed under one law.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// The law.
    pub regime: Regime,
    /// What is owed.
    pub duty: Duty,
    /// The last day on which it is in time.
    pub last_day: NaiveDate,
    /// The first moment that is too late. While the clock stands still, as though it went on.
    pub ends_at: Timestamp,
    received_at: Timestamp,
    /// When the clock stood still.
    stops: Vec<Doubt>,
}

/// How much of the time is over: at least this part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Half.
    Half,
    /// Four fifths.
    FourFifths,
    /// All but a twentieth.
    Near,
    /// All of it.
    Breached,
}

impl Stage {
    /// All of them, in the order in which they come.
    pub const ALL: [Self; 4] = [Self::Half, Self::FourFifths, Self::Near, Self::Breached];

    /// In thousandths of the time.
    const fn share(self) -> i64 {
        match self {
            Self::Half => 500,
            Self::FourFifths => 800,
            Self::Near => 950,
            Self::Breached => 1000,
        }
    }
}

impl Deadline {
    /// Whether the clock stands still until the person says who they are.
    pub fn is_stopped(&self) -> bool {
        self.stops.iter().any(|stop| stop.answered_at.is_none())
    }

    /// How far it has run; nothing before half of it is over.
    pub fn stage(&self, now: Timestamp) -> Option<Stage> {
        // A question that is still open makes the time no longer, and none of it passes.
        let stood: TimeDelta =
            self.stops.iter().filter_map(|stop| Some(stop.answered_at? - stop.asked_at)).sum();
        let by_now = |stop: &Doubt| stop.answered_at.map_or(now, |end| end.min(now)) - stop.asked_at;
        let stood_by_now: TimeDelta = self.stops.iter().map(|stop| by_now(stop).max(TimeDelta::zero())).sum();
        let whole = (self.ends_at - self.received_at - stood).num_milliseconds();
        let over = (now - self.received_at - stood_by_now).num_milliseconds();
        let has_come =
            |stage: &Stage| i128::from(over) * 1000 >= i128::from(whole) * i128::from(stage.share());
        Stage::ALL.into_iter().rev().find(has_come)
    }
}

impl Regime {
    /// How days are counted.
    fn calendar(self, country: Option<Country>) -> Calendar {
        match self {
            Self::Gdpr => Calendar(country),
            Self::UkGdpr => Calendar(Some(Country::Gb)),
            Self::Ccpa => Calendar(Some(Country::Us)),
        }
    }

    /// The last day on which receipt may be confirmed, if it must be.
    fn acknowledged_by(self, kind: Kind, received: NaiveDate, calendar: Calendar) -> Option<NaiveDate> {
        match (self, kind) {
            (Self::Ccpa, Kind::Access | Kind::Erasure | Kind::Correction) => {
                Some(calendar.after_working_days(received, 10))
            }
            (Self::Ccpa, Kind::Restriction) | (Self::Gdpr | Self::UkGdpr, _) => None,
        }
    }

    /// The last day for the answer, with an extension or without.
    fn answered_by(
        self,
        kind: Kind,
        received: NaiveDate,
        calendar: Calendar,
        stops: &[Doubt],
        is_extended: bool,
    ) -> NaiveDate {
        let last = match (self, kind) {
            (Self::Gdpr | Self::UkGdpr, _) => {
                // Whole days only: what was asked and answered on one day took none away.
                let stood = |stop: &Doubt| Some((stop.answered_at? - stop.asked_at).num_days());
                let stood = TimeDelta::days(stops.iter().filter_map(stood).sum());
                let day = received.checked_add_months(Months::new(if is_extended { 3 } else { 1 }));
                // No time ends while it stands still.
                let answered = stops.iter().filter_map(|stop| stop.answered_at).max();
                let first = answered
                    .and_then(|at| calendar.day_of(at).iter_days().find(|day| at < calendar.end_of(*day)));
                day.and_then(|day| day.checked_add_signed(stood))
                    .map(|day| calendar.working_day_from(first.map_or(day, |first| day.max(first))))
            }
            (Self::Ccpa, Kind::Access | Kind::Erasure | Kind::Correction) => {
                received.checked_add_days(Days::new(if is_extended { 90 } else { 45 }))
            }
            (Self::Ccpa, Kind::Restriction) => Some(calendar.after_working_days(received, 15)),
        };
        // Where the calendar ends, nothing is due any more.
        last.unwrap_or(NaiveDate::MAX)
    }

    /// Which questions stop the clock: those that were asked in time and without delay.
    fn stops(self, kind: Kind, received_at: Timestamp, clock: &Clock, calendar: Calendar) -> Vec<Doubt> {
        match self {
            Self::Gdpr | Self::UkGdpr => {}
            Self::Ccpa => return Vec::new(),
        }
        let received = calendar.day_of(received_at);
        let mut stops = Vec::new();
        let mut since = received_at;
        for doubt in &clock.doubts {
            let end = calendar.end_of(self.answered_by(kind, received, calendar, &stops, false));
            if doubt.asked_at - since > Doubt::WITHOUT_DELAY || end <= doubt.asked_at {
                break;
            }
            stops.push(*doubt);
            let Some(answered_at) = doubt.answered_at else { break };
            since = answered_at;
        }
        stops
    }
}

impl Law {
    /// How long after receipt half of any time can be over at the earliest.
    pub fn first_look(&self) -> TimeDelta {
        let earliest = |regime| match regime {
            // Half of 28 days, less the hours by which days may end early.
            Regime::Gdpr | Regime::UkGdpr => TimeDelta::days(13),
            // Half of 10 business days, which are at least 12 days.
            Regime::Ccpa => TimeDelta::days(5),
        };
        self.regimes.iter().map(earliest).min().unwrap_or_default()
    }

    /// What is owed to who asked for this, and by when: the answer under each law, and a word that the
    /// request was received where that is still to be said.
    pub fn deadlines(&self, kind: Kind, received_at: Timestamp, clock: &Clock) -> Vec<Deadline> {
        let regimes = clock.regimes.as_ref().unwrap_or(&self.regimes);
        let of = |regime: Regime| {
            let calendar = regime.calendar(self.country);
            let received = calendar.day_of(received_at);
            let due = |duty, last_day, stops| {
                let ends_at = calendar.end_of(last_day);
                Deadline { regime, duty, last_day, ends_at, received_at, stops }
            };
            let first = regime
                .acknowledged_by(kind, received, calendar)
                .filter(|_| clock.acknowledged_at.is_none())
                .map(|last_day| due(Duty::Acknowledge, last_day, Vec::new()));
            let stops = regime.stops(kind, received_at, clock, calendar);
            let answered_by = |is_extended| regime.answered_by(kind, received, calendar, &stops, is_extended);
            let is_extended = clock.is_extended_before(calendar.end_of(answered_by(false)));
            let answer = due(Duty::Answer, answered_by(is_extended), stops.clone());
            first.into_iter().chain([answer])
        };
        regimes.iter().flat_map(of).collect()
    }

    /// By when the answer is due: the earliest end, of clocks that run before those that stand still.
    pub fn answer_by(&self, kind: Kind, received_at: Timestamp, clock: &Clock) -> Deadline {
        let deadlines = self.deadlines(kind, received_at, clock).into_iter();
        deadlines
            .filter(|deadline| deadline.duty == Duty::Answer)
            .min_by_key(|deadline| (deadline.is_stopped(), deadline.ends_at))
            .expect("there is at least one regime, and each has a time for the answer")
    }

    /// By when the answer is due if the person is told of an extension now; nothing if that wins no time.
    pub fn extended_by(
        &self,
        kind: Kind,
        received_at: Timestamp,
        clock: &Clock,
        now: Timestamp,
    ) -> Option<Deadline> {
        let told = Extension {
            ground: ExtensionGround::Complexity,
            reason: None,
            decided_at: now,
            told_at: Some(now),
        };
        let by = |extension| self.answer_by(kind, received_at, &Clock { extension, ..clock.clone() });
        let (plain, extended) = (by(None), by(Some(told)));
        (extended.ends_at > plain.ends_at).then_some(extended)
    }
}

#[cfg(test)]
mod tests;
