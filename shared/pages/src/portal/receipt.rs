//! The page of a receipt: how a request stands, for whoever has its code. It needs no account, names nobody,
//! and works after the person is erased.

use askama::Template;
use chrono::{DateTime, Utc};

use crate::{console::Badge, render};

/// The question for a code, and what it leads to.
#[derive(Clone, Debug, Template)]
#[template(path = "portal/receipt.html")]
pub struct Receipt {
    /// What the code leads to; nothing before one is given.
    pub answer: Option<Option<Known>>,
    /// How it went that was done here last.
    pub told: Option<Told>,
}

/// What is known by a code.
#[derive(Clone, Debug)]
pub struct Known {
    /// The code itself.
    pub code: String,
    /// What was asked for.
    pub kind: &'static str,
    /// When it was received.
    pub received: DateTime<Utc>,
    /// By when it is to be answered, while it waits.
    pub deadline: Option<DateTime<Utc>>,
    /// How it stands.
    pub status: Badge,
    /// What that means.
    pub outcome: &'static str,
    /// Whether the person is to prove who they are, and how that went so far.
    pub prove: Option<Prove>,
    /// When it was answered.
    pub answered: Option<DateTime<Utc>>,
    /// The certificate of the erasure.
    pub certificate: Option<Certificate>,
}

/// The question who somebody is.
#[derive(Clone, Copy, Debug)]
pub struct Prove {
    /// Whether a code was sent that can be entered.
    pub has_code: bool,
}

/// How something went that was done on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// A code is on its way.
    Sent,
    /// There is no address that is known to be the person's.
    Nowhere,
    /// It was not the code.
    Wrong,
    /// It was the code.
    Proved,
    /// No code works any more, or none is asked for.
    Over,
}

impl Told {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Sent, Self::Nowhere, Self::Wrong, Self::Proved, Self::Over];

    /// Its name in an address.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Nowhere => "nowhere",
            Self::Wrong => "wrong",
            Self::Proved => "proved",
            Self::Over => "over",
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Sent => {
                "A code is on its way to the address that we know to be yours. It works for 15 minutes."
            }
            Self::Nowhere => {
                "We know no address that is surely yours. Please answer the question in another way."
            }
            Self::Wrong => {
                "That was not the code. After five wrong ones it no longer works; you can ask for another."
            }
            Self::Proved => "Thank you: that was the code.",
            Self::Over => "No code is waited for: it is too late for that one, or nobody asks any more.",
        }
    }
}

/// A certificate, checked.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// Whether its signature is ours and fits.
    pub is_valid: bool,
    /// The key that signed it.
    pub key: String,
    /// When it was issued.
    pub issued: String,
    /// Rows that are gone, masked, and kept.
    pub rows: [u64; 3],
    /// The certificate itself.
    pub text: String,
}

impl Receipt {
    /// The page.
    pub fn page(&self) -> String {
        render(self)
    }

    /// An example.
    pub fn sample() -> Self {
        let at = crate::time::sample();
        Self {
            told: Some(Told::Sent),
            answer: Some(Some(Known {
                code: "AAAA".to_owned(),
                kind: "Erasure of data",
                received: at,
                deadline: Some(at),
                status: Badge::new(crate::console::Tone::Good, "done"),
                outcome: "Everything is erased.",
                prove: Some(Prove { has_code: true }),
                answered: Some(at),
                certificate: Some(Certificate {
                    is_valid: true,
                    key: "1".to_owned(),
                    issued: "2026-05-01T12:00:00Z".to_owned(),
                    rows: [3, 0, 1],
                    text: "eyJ".to_owned(),
                }),
            })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{HOSTILE, check_page};

    #[test]
    fn the_page_of_a_receipt_is_sound() {
        check_page(&Receipt::sample().page());
        check_page(&Receipt { answer: None, told: None }.page());
        check_page(&Receipt { answer: Some(None), told: Some(Told::Wrong) }.page());
        let mut receipt = Receipt::sample();
        if let Some(Some(known)) = &mut receipt.answer {
            known.code = HOSTILE.to_owned();
            known.certificate.as_mut().expect("the sample has one").text = HOSTILE.to_owned();
        }
        check_page(&receipt.page());
    }
}
