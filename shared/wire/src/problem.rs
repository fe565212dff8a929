//! An error on its way to a caller, and how the errors of the domain become one.

use domain::{
    consent::ConsentError, hold::HoldError, objection::ObjectionError, person::PersonError,
    purge::PurgeError, takeout::TakeoutError,
};

use crate::{At, Code, Fault, Reason};

/// An error on its way to a caller. It knows no dialect and carries nothing personal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which.
    pub code: Code,
    /// What exactly is wrong with the call, if that is it.
    pub faults: Vec<Fault>,
    /// What the title leaves open: the name of a permission, of a claim, of a media type.
    pub about: Option<String>,
    /// Seconds after which another try makes sense.
    pub retry_after: Option<u32>,
}

impl Problem {
    /// A problem that its code says all of.
    pub fn new(code: Code) -> Self {
        Self { code, faults: Vec::new(), about: None, retry_after: None }
    }

    /// A problem about something with a name.
    pub fn about(code: Code, about: impl Into<String>) -> Self {
        Self { about: Some(about.into()), ..Self::new(code) }
    }

    /// A field of the body, as dotted path, is wrong.
    pub fn field(path: &str, reason: Reason) -> Self {
        Self::faults(Code::InvalidField, vec![Fault::new(At::body(path), reason)])
    }

    /// A query parameter is wrong.
    pub fn query(name: &'static str, reason: Reason) -> Self {
        Self::faults(Code::InvalidParameter, vec![Fault::new(At::Query(name), reason)])
    }

    /// A header is wrong.
    pub fn header(name: &'static str, reason: Reason) -> Self {
        Self::faults(Code::InvalidParameter, vec![Fault::new(At::Header(name), reason)])
    }

    /// Several things are wrong.
    pub fn faults(code: Code, faults: Vec<Fault>) -> Self {
        Self { faults, ..Self::new(code) }
    }

    /// The title, with what it leaves open.
    pub fn title(&self) -> String {
        let title = self.code.row().title;
        match &self.about {
            Some(about) => title.replace("{}", about),
            None => title.replace(" - {}", "").replace(": {}", ""),
        }
    }

    /// What is wrong, in one sentence without a final stop.
    pub fn detail(&self) -> String {
        match self.faults.as_slice() {
            [] => self.title(),
            [fault] => fault.to_string(),
            many => many.iter().map(Fault::to_string).collect::<Vec<_>>().join("; "),
        }
    }
}

impl From<PurgeError> for Problem {
    fn from(error: PurgeError) -> Self {
        Self::new(match error {
            PurgeError::Begun | PurgeError::Leased { .. } => Code::PurgeInProgress,
            PurgeError::NotDue { .. } | PurgeError::WrongState { .. } => Code::Conflict,
            PurgeError::SamePerson => Code::SamePerson,
            PurgeError::OtherPlan => Code::PlanChanged,
        })
    }
}

impl From<TakeoutError> for Problem {
    fn from(error: TakeoutError) -> Self {
        Self::new(match error {
            TakeoutError::WrongState { .. } | TakeoutError::Leased { .. } | TakeoutError::Exhausted => {
                Code::Conflict
            }
        })
    }
}

impl From<ConsentError> for Problem {
    fn from(error: ConsentError) -> Self {
        let reason = match error {
            ConsentError::Empty => Reason::Blank,
            ConsentError::NoneWithOthers => Reason::Other("must hold none alone".into()),
        };
        Self::field("consent_levels", reason)
    }
}

impl From<HoldError> for Problem {
    fn from(error: HoldError) -> Self {
        let wrong = |field: &str, text: &str| Self::field(field, Reason::Other(text.to_owned()));
        match error {
            HoldError::Ground => {
                wrong("ground", "must be a citation of 1 to 64 letters, digits, spaces and ().,:;§/-")
            }
            HoldError::Text { field } => {
                wrong(field, "must have 1 to 1000 characters without control characters")
            }
            HoldError::Day { field } => wrong(field, "must be a day of the years 1970 to 9999"),
            HoldError::NoReview => wrong("review_on", "must be given, unless a retention has an end"),
            HoldError::EndOfLegalHold => {
                wrong("until", "must not be given: a legal hold ends when it is lifted")
            }
            HoldError::Over => wrong("until", "must not be in the past"),
            HoldError::CollectionAlone => wrong("scope.dataset", "must be given with a collection"),
        }
    }
}

impl From<ObjectionError> for Problem {
    fn from(error: ObjectionError) -> Self {
        let purpose = |text: &str| {
            let fault = Fault::new(At::Path("purpose"), Reason::Other(text.to_owned()));
            Self::faults(Code::InvalidParameter, vec![fault])
        };
        match error {
            ObjectionError::NoRight => purpose("rests on a basis to which nobody can object"),
            ObjectionError::DirectMarketing => {
                purpose("is direct marketing, an objection to which cannot be overridden")
            }
            ObjectionError::Ground => {
                let must = "must have 1 to 1000 characters without control characters";
                Self::field("ground", Reason::Other(must.to_owned()))
            }
        }
    }
}

impl From<PersonError> for Problem {
    fn from(error: PersonError) -> Self {
        let must = |text: &str| Reason::Other(text.to_owned());
        match error {
            PersonError::IdentityName => Self::field(
                "identities",
                must("must have names of 1 to 64 characters of a-z, A-Z, 0-9, '_', '-', '.'"),
            ),
            PersonError::IdentityValue { name } => {
                let at = At::Body(vec![crate::Step::Field("identities".into()), crate::Step::Field(name)]);
                let reason = must("must have 1 to 320 characters without control characters");
                Self::faults(Code::InvalidField, vec![Fault::new(at, reason)])
            }
            PersonError::Email => Self::field("identities.email", must("must be an e-mail address")),
            PersonError::VerifiedUnknown => Self::field("verified", must("must name given identities only")),
            PersonError::TooMany => Self::field("identities", must("must not be more than 64")),
        }
    }
}
