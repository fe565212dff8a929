//! Our own dialect: persons and requests of all kinds and doors.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use domain::{
    PersonId, RequestId,
    person::Person,
    purge::{PurgeState, StoreOutcome},
    request::{Door, Kind, Request, Status},
    takeout::TakeoutState,
};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, MapAccess},
};

use crate::time;

/// What identifies a person, as it is registered.
#[derive(Clone, Debug, Default, Deserialize)]
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
#[derive(Debug, Serialize)]
pub struct PersonReply {
    person_id: PersonId,
    identities: BTreeMap<String, String>,
    verified: BTreeSet<String>,
    linked_identities: BTreeSet<String>,
    created_at: String,
    changed_at: String,
}

impl From<Person> for PersonReply {
    fn from(person: Person) -> Self {
        Self {
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
#[derive(Debug, Serialize)]
pub struct RequestReply {
    id: RequestId,
    kind: Kind,
    door: Door,
    status: Status,
    person_id: Option<PersonId>,
    received_at: String,
    changed_at: String,
    remarks: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    takeout: Option<TakeoutPart>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purge: Option<PurgePart>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kept_until: Option<String>,
}

#[derive(Debug, Serialize)]
struct TakeoutPart {
    state: TakeoutState,
    expires_at: String,
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    records: Option<u64>,
}

#[derive(Debug, Serialize)]
struct PurgePart {
    state: PurgeState,
    due: String,
    attempts: u32,
    stores: Vec<StoreOutcome>,
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
            records: takeout.archive.as_ref().map(|archive| archive.records),
        });
        let purge = request.purge().map(|purge| PurgePart {
            state: purge.state,
            due: time::millis(purge.due),
            attempts: purge.attempts,
            stores: purge.outcomes.clone(),
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
        }
    }
}
