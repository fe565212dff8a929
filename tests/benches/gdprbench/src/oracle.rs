//! What is known of every record, and so what each answer must be.
//!
//! It is a second, plainer telling of the rules, so that an answer is not compared with what gave it.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::dice::Dice;

/// A purpose of the company.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purpose {
    /// Its name.
    pub name: &'static str,
    /// On what it rests.
    pub basis: &'static str,
    /// The consent that it needs.
    pub level: Option<&'static str>,
}

/// The purpose whose data a record may be used for by consent: the benchmark's PUR.
pub const CONSENTED: [Purpose; 3] = [
    Purpose { name: "statistics", basis: "consent", level: Some("analytics") },
    Purpose { name: "newsletter", basis: "consent", level: Some("marketing") },
    Purpose { name: "recommendations", basis: "consent", level: Some("tracking") },
];
/// A purpose that persons may object to: OBJ.
pub const FRAUD: Purpose = Purpose { name: "fraud", basis: "legitimate_interests", level: None };
/// A decision made by a program, which persons may object to: DEC.
pub const SCORING: Purpose = Purpose { name: "scoring", basis: "legitimate_interests", level: None };
/// A purpose that the law wants.
pub const TAX: Purpose = Purpose { name: "tax", basis: "legal_obligation", level: None };

/// All purposes.
pub const PURPOSES: [Purpose; 6] = [CONSENTED[0], CONSENTED[1], CONSENTED[2], FRAUD, SCORING, TAX];

/// The third parties that data is shared with: SHR.
pub const PARTNERS: [&str; 4] = ["carrier", "bank", "printer", "insurer"];
/// Where data came from: SRC.
const SOURCES: [&str; 3] = ["form", "import", "call"];
/// What it is about: CAT.
const CATEGORIES: [&str; 4] = ["orders", "support", "visits", "contracts"];

/// The columns of the company's store.
pub const COLUMNS: [&str; 5] = ["id", "email", "data", "source", "category"];

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is there.
    Kept,
    /// It is to be erased once nothing holds it any more.
    Held,
    /// It was erased.
    Erased,
}

/// A record.
#[derive(Clone, Debug)]
pub struct Record {
    /// The person: the key.
    pub id: Uuid,
    /// What the company knows them by: USR.
    pub email: String,
    /// The data: 100 bytes.
    pub data: String,
    source: &'static str,
    category: &'static str,
    /// Consents in force: PUR.
    pub levels: BTreeSet<&'static str>,
    given: BTreeSet<&'static str>,
    /// How often consents were stored.
    pub versions: usize,
    /// Objections, by purpose: OBJ and DEC.
    pub objections: BTreeSet<&'static str>,
    /// Whether access is restricted: ACL.
    pub restricted: bool,
    /// The retention in force: TTL.
    pub hold: Option<String>,
    /// With whom data is shared: SHR.
    pub linked: BTreeSet<&'static str>,
    /// How often its person asked for a correction.
    pub corrections: usize,
    /// What became of it.
    pub fate: Fate,
}

impl Record {
    /// A new record.
    pub fn new(number: usize, dice: &mut Dice) -> Self {
        const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&dice.number().to_be_bytes());
        bytes[8..].copy_from_slice(&dice.number().to_be_bytes());
        Self {
            id: uuid::Builder::from_random_bytes(bytes).into_uuid(),
            email: format!("{number}@example.com"),
            data: (0..100).map(|_| char::from(dice.one(LETTERS))).collect(),
            source: dice.one(&SOURCES),
            category: dice.one(&CATEGORIES),
            levels: BTreeSet::new(),
            given: BTreeSet::new(),
            versions: 0,
            objections: BTreeSet::new(),
            restricted: false,
            hold: None,
            linked: PARTNERS.into_iter().filter(|_| dice.happens(25)).collect(),
            corrections: 0,
            fate: Fate::Kept,
        }
    }

    /// The row in the company's store, in the order of [`COLUMNS`].
    #[must_use]
    pub fn row(&self) -> [String; 5] {
        [
            self.id.to_string(),
            self.email.clone(),
            self.data.clone(),
            self.source.to_owned(),
            self.category.to_owned(),
        ]
    }

    /// The row as whoever reads the data gets it.
    #[must_use]
    pub fn told(&self) -> Value {
        COLUMNS.into_iter().zip(self.row()).collect()
    }

    /// The person as they are registered.
    #[must_use]
    pub fn person(&self) -> Value {
        json!({"identities": {"email": self.email}, "verified": ["email"], "linked_identities": self.linked})
    }

    /// What is stored with these consents from now on.
    pub fn allow(&mut self, levels: BTreeSet<&'static str>) {
        self.given.extend(&levels);
        self.levels = levels;
        self.versions += 1;
    }

    /// Why data may, or may not, be used for `purpose`, as the API words it.
    #[must_use]
    pub fn reason(&self, purpose: Purpose) -> &'static str {
        let is_wanted_by_law = purpose == TAX;
        match (self.fate, purpose.level) {
            (Fate::Erased, _) => "erased",
            (Fate::Held, _) if !is_wanted_by_law => "pending_purge",
            _ if self.restricted => "restricted",
            _ if self.objections.contains(purpose.name) => "objected",
            (_, None) => "not_required",
            (_, Some(level)) if self.levels.contains(level) => "consent",
            (_, Some(level)) if self.given.contains(level) => "consent_withdrawn",
            (_, Some(_)) => "no_consent",
        }
    }
}
