//! Our own dialect: persons, requests of all kinds and doors, holds, and what may be done with data.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use chrono::NaiveDate;
use domain::{
    HoldId, PersonId, RequestId, Timestamp,
    hold::{Bars, Hold, HoldKind, Scope},
    objection::Objection,
    person::Person,
    processing::{Basis, Decision, Purpose, Reason as Because},
    purge::{PurgeState, StoreOutcome},
    request::{Door, Kind, Request, Status},
    takeout::TakeoutState,
};
use schemars::JsonSchema;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, MapAccess},
};

use crate::{body::Object, time};

/// What identifies a person, as it is registered.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonBody {
    /// Identity values by name.
    #[serde(default, deserialize_with = "unique")]
    pub identities: BTreeMap<String, String>,
    /// Which of them were verified.
    #[serde(default)]
    pub verified: BTreeSet<String>,
    /// Third parties with which the person has logged in.
    #[serde(default)]
    pub linked_identities: BTreeSet<String>,
}

/// Reads an object whose names are given once each: of two values for one name, which one
/// identifies the person must not be left to chance.
///
/// # Errors
/// When a name is given twice, or a value is no text.
pub fn unique<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    struct Visitor;

    impl<'de> de::Visitor<'de> for Visitor {
        type Value = BTreeMap<String, String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut values = BTreeMap::new();
            while let Some((name, value)) = map.next_entry::<String, String>()? {
                if values.insert(name, value).is_some() {
                    return Err(de::Error::custom("a name is given twice"));
                }
            }
            Ok(values)
        }
    }

    deserializer.deserialize_map(Visitor)
}

/// A registered person.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PersonReply {
    person_id: PersonId,
    identities: BTreeMap<String, String>,
    verified: BTreeSet<String>,
    linked_identities: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    objections: BTreeMap<String, ObjectionReply>,
    #[schemars(with = "Timestamp")]
    created_at: String,
    #[schemars(with = "Timestamp")]
    changed_at: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    erased_before: Vec<String>,
}

impl PersonReply {
    /// A person just registered, with the names of what once identified somebody who was erased.
    #[must_use]
    pub fn registered(person: Person, erased_before: Vec<String>) -> Self {
        Self { erased_before, ..person.into() }
    }
}

impl From<Person> for PersonReply {
    fn from(person: Person) -> Self {
        Self {
            objections: person.objections.iter().map(|(name, known)| (name.clone(), known.into())).collect(),
            erased_before: Vec::new(),
            person_id: person.id,
            identities: person.identities,
            verified: person.verified,
            linked_identities: person.linked_identities,
            created_at: time::millis(person.created_at),
            changed_at: time::millis(person.changed_at),
        }
    }
}

/// A request of any kind, through any door.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RequestReply {
    id: RequestId,
    kind: Kind,
    door: Door,
    status: Status,
    person_id: Option<PersonId>,
    #[schemars(with = "Timestamp")]
    received_at: String,
    #[schemars(with = "Timestamp")]
    changed_at: String,
    remarks: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    takeout: Option<TakeoutPart>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purge: Option<PurgePart>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Timestamp>")]
    kept_until: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
struct TakeoutPart {
    state: TakeoutState,
    #[schemars(with = "Timestamp")]
    expires_at: String,
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    /// Of the whole, or so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    records: Option<u64>,
    /// Of records and attachments so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_so_far: Option<u64>,
    /// How often it was given out.
    downloads: u32,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
struct PurgePart {
    state: PurgeState,
    #[schemars(with = "Timestamp")]
    due: String,
    attempts: u32,
    stores: Vec<StoreOutcome>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    held_because: Vec<HeldBecause>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<String>,
    /// The plan above the blast radius that waits for a second person.
    #[serde(skip_serializing_if = "Option::is_none")]
    waits_for_release: Option<Waiting>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused_because: Option<String>,
}

/// A plan that waits for a second person.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
struct Waiting {
    plan: String,
    rows: u64,
}

/// Why a purge is held.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
struct HeldBecause {
    hold_id: HoldId,
    kind: HoldKind,
    ground: String,
    reason: Option<String>,
    review_on: Option<NaiveDate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<NaiveDate>,
}

impl RequestReply {
    /// The same, with where its certificate can be had.
    #[must_use]
    pub fn certified(self, certificate: Option<String>) -> Self {
        Self { certificate, ..self }
    }

    /// The same, with the reasons for which its purge is held.
    #[must_use]
    pub fn held_by(mut self, bars: &Bars) -> Self {
        if let Some(purge) = self.purge.as_mut().filter(|purge| purge.state == PurgeState::Held) {
            purge.held_because = bars.iter().map(HeldBecause::from).collect();
        }
        self
    }
}

impl From<&Hold> for HeldBecause {
    fn from(hold: &Hold) -> Self {
        Self {
            hold_id: hold.id,
            kind: hold.terms.kind,
            ground: hold.terms.ground.clone(),
            reason: hold.said.reason.clone(),
            review_on: hold.terms.review_on,
            until: hold.terms.until,
        }
    }
}

impl From<Request> for RequestReply {
    fn from(request: Request) -> Self {
        let status = request.status();
        let takeout = request.takeout().map(|takeout| TakeoutPart {
            state: takeout.state,
            expires_at: time::millis(takeout.expires_at),
            attempts: takeout.attempts,
            size: takeout.archive.as_ref().map(|archive| archive.size),
            sha256: takeout.archive.as_ref().map(|archive| archive.sha256.clone()),
            records: takeout
                .archive
                .as_ref()
                .map(|archive| archive.records)
                .or(takeout.progress.map(|progress| progress.records)),
            bytes_so_far: takeout
                .progress
                .filter(|_| takeout.state == TakeoutState::InProgress)
                .map(|progress| progress.bytes),
            downloads: takeout.downloads,
        });
        let purge = request.purge().map(|purge| PurgePart {
            state: purge.state,
            due: time::millis(purge.due),
            attempts: purge.attempts,
            stores: purge.outcomes.clone(),
            held_because: Vec::new(),
            policy: purge.mandate.policy.clone(),
            plan: purge.mandate.plan.clone(),
            waits_for_release: purge
                .mandate
                .waiting()
                .map(|waits| Waiting { plan: waits.plan.clone(), rows: waits.rows }),
            refused_because: purge.mandate.refusal.clone(),
        });
        Self {
            id: request.id,
            kind: request.kind,
            door: request.door,
            status,
            person_id: request.person_id,
            received_at: time::millis(request.received_at),
            changed_at: time::millis(request.changed_at),
            remarks: request.remarks,
            takeout,
            purge,
            kept_until: request.keep_until.map(time::millis),
            certificate: None,
        }
    }
}

/// A hold to set.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldBody {
    /// Legal hold or retention.
    pub kind: HoldKind,
    /// The law, as a citation.
    pub ground: String,
    /// Who answers for it.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// When somebody must ask whether it is still needed.
    #[serde(default)]
    pub review_on: Option<NaiveDate>,
    /// The last day of a retention.
    #[serde(default)]
    pub until: Option<NaiveDate>,
    /// What is held. Nothing in it is everything of everybody, so it must be said.
    pub scope: Object<ScopeBody>,
}

/// What a hold is on.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(deny_unknown_fields)]
pub struct ScopeBody {
    /// Only this person.
    #[serde(default)]
    pub person_id: Option<PersonId>,
    /// Only this data set.
    #[serde(default)]
    pub dataset: Option<String>,
    /// Only this collection of it.
    #[serde(default)]
    pub collection: Option<String>,
    /// Only data of this category.
    #[serde(default)]
    pub category: Option<String>,
}

/// How a hold stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HoldState {
    /// In force.
    Active,
    /// Over by itself.
    Ended,
    /// Lifted by somebody.
    Lifted,
}

impl HoldState {
    /// How `hold` stands.
    pub fn of(hold: &Hold, now: Timestamp) -> Self {
        match (hold.lifted_at, hold.is_active(now)) {
            (Some(_), _) => Self::Lifted,
            (None, true) => Self::Active,
            (None, false) => Self::Ended,
        }
    }
}

/// A hold, in force or past.
#[derive(Debug, Serialize, JsonSchema)]
pub struct HoldReply {
    id: HoldId,
    kind: HoldKind,
    state: HoldState,
    ground: String,
    owner: Option<String>,
    reason: Option<String>,
    review_on: Option<NaiveDate>,
    review_overdue: bool,
    until: Option<NaiveDate>,
    scope: ScopeReply,
    #[schemars(with = "Timestamp")]
    created_at: String,
    created_by: Option<String>,
    #[schemars(with = "Option<Timestamp>")]
    lifted_at: Option<String>,
    lifted_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Timestamp>")]
    kept_until: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
struct ScopeReply {
    /// Whether it is on one person, who is forgotten once they are erased.
    is_personal: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    person_id: Option<PersonId>,
    #[serde(flatten)]
    stores: Scope,
}

impl HoldReply {
    /// A hold as it stands now.
    pub fn of(hold: Hold, now: Timestamp) -> Self {
        Self {
            id: hold.id,
            kind: hold.terms.kind,
            state: HoldState::of(&hold, now),
            review_overdue: hold.is_review_overdue(now),
            ground: hold.terms.ground,
            owner: hold.said.owner,
            reason: hold.said.reason,
            review_on: hold.terms.review_on,
            until: hold.terms.until,
            scope: ScopeReply {
                is_personal: hold.person.is_some(),
                person_id: hold.said.person_id,
                stores: hold.terms.scope,
            },
            created_at: time::millis(hold.created_at),
            created_by: hold.said.created_by,
            lifted_at: hold.lifted_at.map(time::millis),
            lifted_by: hold.said.lifted_by,
            kept_until: hold.keep_until.map(time::millis),
        }
    }
}

/// A person's objection to a purpose.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ObjectionReply {
    #[schemars(with = "Timestamp")]
    objected_at: String,
    recorded_by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    overridden: Option<OverrideReply>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
struct OverrideReply {
    ground: String,
    by: String,
    #[schemars(with = "Timestamp")]
    at: String,
}

impl From<&Objection> for ObjectionReply {
    fn from(objection: &Objection) -> Self {
        Self {
            objected_at: time::millis(objection.at),
            recorded_by: objection.by.clone(),
            overridden: objection.overridden.as_ref().map(|known| OverrideReply {
                ground: known.ground.clone(),
                by: known.by.clone(),
                at: time::millis(known.at),
            }),
        }
    }
}

/// Whether a person's data may be used for a purpose.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ProcessingReply {
    allowed: bool,
    purpose: String,
    reason: Because,
    basis: Basis,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Timestamp>")]
    since: Option<String>,
}

impl ProcessingReply {
    /// A decision about the purpose of this name.
    pub fn of(name: &str, purpose: &Purpose, decision: Decision) -> Self {
        Self {
            allowed: decision.reason.allows(),
            purpose: name.to_owned(),
            reason: decision.reason,
            basis: purpose.basis,
            since: decision.since.map(time::millis),
        }
    }
}
