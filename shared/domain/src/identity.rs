//! Who makes a request: a code that proves it, whoever acts for the person, and the trail of both (Art. 12(6)).

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// A code that was mailed to an address of the person that is known to be theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentCode {
    /// The digest of the code.
    pub digest: [u8; 32],
    /// When it was sent.
    pub sent_at: Timestamp,
    /// How often another was tried.
    pub misses: u32,
}

impl SentCode {
    /// How long it works.
    pub const LIFE: TimeDelta = TimeDelta::minutes(15);
    /// How often another may be tried.
    pub const MISSES: u32 = 5;
    /// How many are sent for a request. Who needs more has to prove themselves otherwise.
    pub const MOST: usize = 10;

    /// Whether it can still be used.
    pub fn works(&self, now: Timestamp) -> bool {
        now < self.sent_at + Self::LIFE && self.misses < Self::MISSES
    }
}

/// Somebody who acts for the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// Their name; absent once the person is forgotten.
    pub name: Option<String>,
    /// Whether staff have accepted their mandate.
    pub is_accepted: bool,
}

/// Something that happened on the way to knowing who makes a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// A code was sent.
    CodeSent,
    /// Another code was tried.
    CodeMissed,
    /// The code was entered.
    CodeEntered,
    /// Staff have seen who it is.
    SeenByStaff,
    /// Staff have noted who acts for the person.
    AgentNamed,
    /// Staff have accepted the mandate of whoever acts for the person.
    MandateAccepted,
}

/// A step of the trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: Fact,
    /// Who of the staff; nobody where the person did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// What is known of who makes a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The code that was sent last, until it is entered.
    pub code: Option<SentCode>,
    /// Who acts for the person.
    pub agent: Option<Agent>,
    /// What happened, in order.
    pub trail: Vec<Step>,
}

/// Why something cannot be done about who makes a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// Nobody doubts who it is, or the request is closed.
    #[error("no question who the person is waits for an answer")]
    NotInDoubt,
    /// So many codes were sent that no more are.
    #[error("no more codes are sent for this request")]
    NoMoreCodes,
    /// There is none that could be entered.
    #[error("no code waits to be entered")]
    NoCode,
    /// There is nobody whose mandate could be accepted, or no mandate.
    #[error("an agent and a mandate were expected")]
    NoMandate,
}

impl Identity {
    /// Notes a step.
    pub(crate) fn note(&mut self, what: Fact, by: Option<&str>, at: Timestamp) {
        self.trail.push(Step { at, what, by: by.map(str::to_owned) });
    }

    /// What is left once the person is forgotten: that it was made sure who they were, and how.
    pub(crate) fn forgotten(self) -> Self {
        let agent = self.agent.map(|agent| Agent { name: None, ..agent });
        Self { code: None, agent, trail: self.trail }
    }
}
