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
    /// When it was answered.
    pub answered: Option<DateTime<Utc>>,
    /// The certificate of the erasure.
    pub certificate: Option<Certificate>,
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
            answer: Some(Some(Known {
                code: "AAAA".to_owned(),
                kind: "Erasure of data",
                received: at,
                deadline: Some(at),
                status: Badge::new(crate::console::Tone::Good, "done"),
                outcome: "Everything is erased.",
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
        check_page(&Receipt { answer: None }.page());
        check_page(&Receipt { answer: Some(None) }.page());
        let mut receipt = Receipt::sample();
        if let Some(Some(known)) = &mut receipt.answer {
            known.code = HOSTILE.to_owned();
            known.certificate.as_mut().expect("the sample has one").text = HOSTILE.to_owned();
        }
        check_page(&receipt.page());
    }
}
