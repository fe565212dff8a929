//! Ids: one newtype each, nothing that turns one kind into another.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Why a text is not an id. Says what was expected, never what was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not a UUID.
    #[error("expected a UUID")]
    Uuid,
    /// Not an opaque id: empty, too long, or with control characters.
    #[error("expected 1 to {} characters without control characters", PersonId::MAX_CHARS)]
    Opaque,
    /// Not the hexadecimal form of a pseudonym.
    #[error("expected 20 hexadecimal digits")]
    Pseudonym,
}

macro_rules! uuid_ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[schemars(inline)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Uuid::try_parse(text).map(Self).map_err(|_| IdError::Uuid)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }
    )*};
}

uuid_ids! {
    /// A tenant: the company whose users Lethe answers for.
    OrgId;
    /// A request of a person, and the takeout or purge that answers it.
    RequestId;
    /// A legal hold, or a duty of retention.
    HoldId;
    /// A file that belongs to a request.
    AttachmentId;
}

/// The id by which a tenant knows a person: an opaque text, often a UUID.
///
/// Two spellings of one UUID are one person, so hyphenated UUIDs are kept in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(inline, extend("minLength" = 1, "maxLength" = Self::MAX_CHARS, "pattern" = r"^[^\x00-\x1f\x7f-\x9f]*$"))]
#[serde(try_from = "String", into = "String")]
pub struct PersonId(String);

impl PersonId {
    /// The longest id that is accepted, in characters.
    pub const MAX_CHARS: usize = 200;

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as a UUID, for the dialects that speak of nothing else.
    pub fn uuid(&self) -> Option<Uuid> {
        Uuid::try_parse(&self.0).ok()
    }
}

impl FromStr for PersonId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let chars = text.chars().count();
        if chars == 0 || chars > Self::MAX_CHARS || text.chars().any(char::is_control) || text.trim() != text
        {
            return Err(IdError::Opaque);
        }
        Ok(match Uuid::try_parse(text) {
            Ok(uuid) if text.len() == 36 => Self::from(uuid),
            Ok(_) | Err(_) => Self(text.to_owned()),
        })
    }
}

impl From<Uuid> for PersonId {
    fn from(uuid: Uuid) -> Self {
        Self(uuid.as_hyphenated().to_string())
    }
}

impl TryFrom<String> for PersonId {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<PersonId> for String {
    fn from(id: PersonId) -> Self {
        id.0
    }
}

impl fmt::Display for PersonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The pseudonym of a person inside the ledger, its queues and its logs: a keyed hash of the
/// tenant and the [`PersonId`].
///
/// What is kept as proof after an erasure can be found by whoever presents the id again, and says
/// nothing to whoever reads the table.
///
/// 80 bits: among a hundred million persons of one tenant, two share a pseudonym with a chance of
/// less than one in a hundred million. Short enough to be carried by a [`RequestId`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(inline, extend("pattern" = "^[0-9a-f]{20}$"))]
#[serde(try_from = "String", into = "String")]
pub struct PersonKey(pub [u8; PersonKey::BYTES]);

impl PersonKey {
    /// How long it is.
    pub const BYTES: usize = 10;

    fn number(self) -> u128 {
        self.0.iter().fold(0, |number, &byte| number << 8 | u128::from(byte))
    }

    /// From the lowest 80 bits of a number.
    fn from_number(number: u128) -> Self {
        let bytes = number.to_be_bytes();
        let mut key = [0; Self::BYTES];
        key.copy_from_slice(&bytes[bytes.len() - Self::BYTES..]);
        Self(key)
    }
}

/// Bits of a [`RequestId`] that tell the requests of one person apart.
const TAIL_BITS: u32 = 42;

impl RequestId {
    /// An id that tells whose request it is, so that nothing else has to be written to find it by:
    /// a UUID of version 8 (RFC 9562, 5.8) with the pseudonym, then 42 bits of `tail`.
    pub fn of(person: PersonKey, tail: u64) -> Self {
        let own = person.number() << TAIL_BITS | u128::from(tail) & ((1 << TAIL_BITS) - 1);
        let (first, second, third) = (own >> 74, own >> 62 & 0xfff, own & ((1 << 62) - 1));
        Self(Uuid::from_u128(first << 80 | 8 << 76 | second << 64 | 2 << 62 | third))
    }

    /// Whose request it is, if the id tells. One that a caller chose does not, and nobody must
    /// rely on one that does: whoever has seen it can present it.
    pub fn person(self) -> Option<PersonKey> {
        let id = self.0.as_u128();
        let own = (id >> 80) << 74 | (id >> 64 & 0xfff) << 62 | id & ((1 << 62) - 1);
        (self.0.get_version_num() == 8 && id >> 62 & 3 == 2).then(|| PersonKey::from_number(own >> TAIL_BITS))
    }
}

impl fmt::Display for PersonKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PersonKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for PersonKey {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let digits = text.as_bytes();
        if digits.len() != 2 * Self::BYTES || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(IdError::Pseudonym);
        }
        u128::from_str_radix(text, 16).map(Self::from_number).map_err(|_| IdError::Pseudonym)
    }
}

impl TryFrom<String> for PersonKey {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<PersonKey> for String {
    fn from(key: PersonKey) -> Self {
        key.to_string()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn two_spellings_of_a_uuid_are_one_person() {
        let upper: PersonId = "903C1FF9-F2CC-435C-B242-9D8A690FCF0A".parse().unwrap();
        let lower: PersonId = "903c1ff9-f2cc-435c-b242-9d8a690fcf0a".parse().unwrap();

        assert_eq!(upper, lower);
    }

    #[test]
    fn an_opaque_id_is_kept_as_it_is() {
        for id in ["Alice", "a/b", "ünïcode", "903c1ff9f2cc435cb2429d8a690fcf0a"] {
            assert_eq!(id.parse::<PersonId>().unwrap().as_str(), id);
        }
    }

    #[test]
    fn empty_long_and_control_ids_are_refused() {
        for id in ["", " a", "a\n", "\0", &"x".repeat(201)] {
            assert_eq!(id.parse::<PersonId>(), Err(IdError::Opaque));
        }
    }

    #[test]
    fn a_pseudonym_survives_its_text() {
        let key = PersonKey([7; 10]);

        assert_eq!(key.to_string().parse(), Ok(key));
        assert!("+0000000000000000000".parse::<PersonKey>().is_err());
    }

    proptest::proptest! {
        #[test]
        fn an_id_tells_whose_request_it_is(key: [u8; 10], tail: u64, other: u64) {
            let (key, low) = (PersonKey(key), tail & 0x3ff_ffff_ffff);
            let id = RequestId::of(key, tail);

            proptest::prop_assert_eq!(id.person(), Some(key));
            proptest::prop_assert_eq!(id.0.get_version_num(), 8);
            proptest::prop_assert_eq!(id.0.get_variant(), uuid::Variant::RFC4122);
            proptest::prop_assert_eq!(id == RequestId::of(key, other), low == other & 0x3ff_ffff_ffff);
        }
    }

    #[test]
    fn an_id_of_another_kind_tells_nobody() {
        for id in ["903c1ff9-f2cc-435c-b242-9d8a690fcf0a", "00000000-0000-8000-0000-000000000000"] {
            assert_eq!(id.parse::<RequestId>().unwrap().person(), None);
        }
    }
}
