//! A registered person: the subject of every request.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    PersonId, Timestamp,
    objection::Objection,
    processing::{Marks, Objected},
    restriction::Restriction,
};

/// The identity name of e-mail addresses.
pub const EMAIL: &str = "email";

/// A person as the tenant registered them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The tenant's own id of the person.
    pub id: PersonId,
    /// What identifies the person in the stores of the data map, by name: `email`, `phone_number`, …
    pub identities: BTreeMap<String, String>,
    /// The identities that were verified to belong to the person.
    pub verified: BTreeSet<String>,
    /// Third parties with which the person has logged in or authorised.
    pub linked_identities: BTreeSet<String>,
    /// Restrictions set by the tenant. That of a waiting purge is derived, not stored here.
    pub restrictions: Vec<Restriction>,
    /// Objections by purpose.
    pub objections: BTreeMap<String, Objection>,
    /// When the person was registered.
    pub created_at: Timestamp,
    /// When the record last changed.
    pub changed_at: Timestamp,
    /// 1 when new; rises with each change.
    pub version: u64,
}

/// Why a person was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PersonError {
    /// The name of an identity is not usable.
    #[error("an identity name has 1 to 64 characters of a-z, A-Z, 0-9, '_', '-', '.'")]
    IdentityName,
    /// The value of an identity is not usable.
    #[error("an identity value has 1 to 320 characters without control characters")]
    IdentityValue {
        /// The name under which it came.
        name: String,
    },
    /// An e-mail address that is none.
    #[error("expected an e-mail address")]
    Email,
    /// Something is said to be verified that was not given.
    #[error("only given identities can be verified")]
    VerifiedUnknown,
    /// Too many identities or linked identities.
    #[error("at most {} entries are allowed", Person::MAX_IDENTITIES)]
    TooMany,
}

impl Person {
    /// How many identities, and how many linked identities, a person may have.
    pub const MAX_IDENTITIES: usize = 64;

    /// A person with nothing but an id.
    pub fn new(id: PersonId, now: Timestamp) -> Self {
        Self {
            id,
            identities: BTreeMap::new(),
            verified: BTreeSet::new(),
            linked_identities: BTreeSet::new(),
            restrictions: Vec::new(),
            objections: BTreeMap::new(),
            created_at: now,
            changed_at: now,
            version: 1,
        }
    }

    /// The same person with other identities.
    ///
    /// # Errors
    /// See [`PersonError`].
    pub fn with_identities(
        self,
        identities: BTreeMap<String, String>,
        verified: BTreeSet<String>,
        linked_identities: BTreeSet<String>,
    ) -> Result<Self, PersonError> {
        if identities.len() > Self::MAX_IDENTITIES || linked_identities.len() > Self::MAX_IDENTITIES {
            return Err(PersonError::TooMany);
        }
        for name in identities.keys().chain(&linked_identities) {
            let usable = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
            if name.is_empty() || name.len() > 64 || !name.chars().all(usable) {
                return Err(PersonError::IdentityName);
            }
        }
        for (name, value) in &identities {
            let chars = value.chars().count();
            if chars == 0 || chars > 320 || value.trim() != value || value.chars().any(char::is_control) {
                return Err(PersonError::IdentityValue { name: name.clone() });
            }
        }
        if identities.get(EMAIL).is_some_and(|email| !is_address(email)) {
            return Err(PersonError::Email);
        }
        if !verified.iter().all(|name| identities.contains_key(name)) {
            return Err(PersonError::VerifiedUnknown);
        }
        Ok(Self { identities, verified, linked_identities, ..self })
    }

    /// What of the record bears on whether the person's data may be used.
    pub fn marks(&self) -> Marks {
        let objected = |objection: &Objection| Objected {
            since: objection.at,
            overridden: objection.overridden.is_some(),
        };
        Marks {
            restrictions: self.restrictions.iter().map(|restriction| restriction.expiration).collect(),
            objections: self.objections.iter().map(|(name, known)| (name.clone(), objected(known))).collect(),
        }
    }

    /// The address that was verified to be the person's.
    pub fn verified_email(&self) -> Option<&str> {
        let email = self.identities.get(EMAIL)?;
        self.verified.contains(EMAIL).then_some(email.as_str())
    }

    /// The address to which notices about the person's own requests go.
    pub fn email(&self) -> Option<&str> {
        self.identities.get(EMAIL).map(String::as_str)
    }
}

/// Whether `text` is one plain e-mail address: no display name, no line breaks, no list.
pub fn is_address(text: &str) -> bool {
    email_address::EmailAddress::parse_with_options(
        text,
        email_address::Options::default().without_display_text().without_domain_literal(),
    )
    .is_ok()
        && !text
            .chars()
            .any(|c| c.is_control() || c.is_whitespace() || matches!(c, ',' | ';' | '<' | '>' | '"'))
}

/// Two spellings under which an identity value counts as the same for looking persons up: e-mail
/// addresses regardless of case, telephone numbers regardless of their punctuation.
pub fn lookup_form(value: &str) -> String {
    let value = value.trim();
    let digits: String = value.chars().filter(char::is_ascii_digit).collect();
    let telephone =
        value.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | ' ' | '-' | '(' | ')' | '.' | '/'));
    if telephone && digits.len() >= 7 {
        return format!("tel:{digits}");
    }
    value.to_lowercase()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn alice() -> Person {
        Person::new("alice".parse().unwrap(), "2026-01-01T00:00:00Z".parse().unwrap())
    }

    fn check(name: &str, value: &str, expected: Option<PersonError>) {
        let identities = BTreeMap::from([(name.to_owned(), value.to_owned())]);
        let result = alice().with_identities(identities, BTreeSet::new(), BTreeSet::new());
        assert_eq!(result.err(), expected, "{name}: {value}");
    }

    #[test]
    fn identities_are_checked() {
        check("email", "alice@example.com", None);
        check("loyalty_card", "ünïcode / 17", None);
        check("email", "alice", Some(PersonError::Email));
        check("email", "a@example.com,b@example.com", Some(PersonError::Email));
        check("email", "Alice <a@example.com>", Some(PersonError::Email));
        check("", "x", Some(PersonError::IdentityName));
        check("a b", "x", Some(PersonError::IdentityName));
        check("x", "", Some(PersonError::IdentityValue { name: "x".into() }));
        check("x", "a\r\nb", Some(PersonError::IdentityValue { name: "x".into() }));
    }

    #[test]
    fn only_given_identities_are_verified() {
        let result =
            alice().with_identities(BTreeMap::new(), BTreeSet::from(["email".into()]), BTreeSet::new());

        assert_eq!(result, Err(PersonError::VerifiedUnknown));
    }

    #[test]
    fn lookups_see_through_spelling() {
        assert_eq!(lookup_form("Alice@Example.com "), lookup_form("alice@example.com"));
        assert_eq!(lookup_form("+55 (12) 3923-5555"), lookup_form("+551239235555"));
        assert_ne!(lookup_form("123456"), lookup_form("tel:123456"));
    }
}
