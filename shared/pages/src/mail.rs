//! Every mail that we send.
//!
//! A mail says that something has happened and where to look. It holds no personal data: not in
//! the subject, and in the body only what staff wrote for the person, and the name of who did.
//!
//! A view says what a mail is about. Each language has one function per view, which makes a [`Letter`] of
//! it: a subject and blocks. Letters become text and HTML in one place, so that both say the same.

mod de;
mod en;
mod fi;

use askama::Template;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use domain::{
    deadline::{ExtensionGround, Regimes},
    locale::Locale,
    request::{Kind, Outcome, Refusal},
};
use textwrap::WordSplitter;

use crate::{render, time};

/// The stylesheet of every mail. Many programs know no variables, so it has none.
pub const STYLE: &str = include_str!("../templates/mail/style.css");

/// A mail that is ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The same for every recipient who speaks the same language.
    pub subject: String,
    /// For those who read plain text.
    pub text: String,
    /// The same as HTML.
    pub html: String,
}

/// The takeout can be fetched.
#[derive(Clone, Debug)]
pub struct TakeoutReady<'a> {
    /// Our own endpoint, never the storage.
    pub link: &'a str,
    /// When the archive is deleted.
    pub expires: DateTime<Utc>,
}

/// A takeout is to go to an address that we do not know; sent to the one that we do.
#[derive(Clone, Debug)]
pub struct ConfirmAddress<'a> {
    /// The page with the button.
    pub link: &'a str,
    /// When the link stops working.
    pub expires: DateTime<Utc>,
}

/// A takeout went to another address; sent to the one that confirmed that.
#[derive(Clone, Copy, Debug)]
pub struct TakeoutElsewhere {}

/// The takeout could not be made.
#[derive(Clone, Copy, Debug)]
pub struct TakeoutFailed {}

/// The person's data will be erased.
#[derive(Clone, Debug)]
pub struct PurgeQueued {
    /// Not before this moment.
    pub due: DateTime<Utc>,
}

/// The person's data has been erased, or what of it need not be kept.
#[derive(Clone, Debug)]
pub struct PurgeDone<'a> {
    /// The page of its receipt.
    pub receipt: &'a str,
    /// Why the rest is kept; nothing, if there is none.
    pub kept_because: &'a [&'a str],
    /// Which laws say where to complain.
    pub regimes: &'a Regimes,
}

/// A request was received.
#[derive(Clone, Debug)]
pub struct RequestReceived<'a> {
    /// The page of its receipt.
    pub receipt: &'a str,
    /// What it asks for.
    pub kind: Kind,
    /// The last day for the answer.
    pub last_day: NaiveDate,
}

/// The answer to a request needs more time (Art. 12(3)).
#[derive(Clone, Debug)]
pub struct RequestExtended<'a> {
    /// The page of its receipt.
    pub receipt: &'a str,
    /// Why, in one word.
    pub ground: ExtensionGround,
    /// The same in the words of staff.
    pub reason: &'a str,
    /// The last day for the answer now.
    pub last_day: NaiveDate,
}

/// Staff have dealt with a request, or refused to (Art. 12(4)).
#[derive(Clone, Debug)]
pub struct RequestConfirmed<'a> {
    /// What became of it.
    pub outcome: Outcome,
    /// What staff wrote for the person; may be empty.
    pub comment_for_user: &'a str,
    /// Who confirmed it.
    pub confirmed_by: &'a str,
    /// Which laws say where to complain.
    pub regimes: &'a Regimes,
}

/// A code that proves that this mail reaches the person.
#[derive(Clone, Debug)]
pub struct OneTimeCode<'a> {
    /// The page of the receipt, where it is entered.
    pub receipt: &'a str,
    /// The code.
    pub code: &'a str,
    /// How long it works.
    pub life: TimeDelta,
}

/// What a mail says, in one language.
struct Letter {
    subject: &'static str,
    blocks: Vec<Block>,
}

/// A paragraph or the like.
enum Block {
    Text(String),
    Link(String),
    /// Something to be copied.
    Code(String),
    /// What staff wrote.
    Quote(String),
    /// A label and a name, which may be written in another direction.
    Name(&'static str, String),
    List(Vec<String>),
}

impl Letter {
    fn new(subject: &'static str) -> Self {
        Self { subject, blocks: Vec::new() }
    }

    fn with(mut self, block: Block) -> Self {
        self.blocks.push(block);
        self
    }

    fn text(self, text: impl Into<String>) -> Self {
        self.with(Block::Text(text.into()))
    }

    fn texts(self, texts: impl IntoIterator<Item = &'static str>) -> Self {
        texts.into_iter().fold(self, Self::text)
    }

    fn link(self, link: &str) -> Self {
        self.with(Block::Link(link.to_owned()))
    }

    fn code(self, code: &str) -> Self {
        self.with(Block::Code(code.to_owned()))
    }

    /// What staff wrote after its announcement, if they wrote anything.
    fn quote(self, announced: &'static str, quote: &str) -> Self {
        match quote.trim() {
            "" => self,
            quote => self.text(announced).with(Block::Quote(quote.to_owned())),
        }
    }

    fn name(self, label: &'static str, name: &str) -> Self {
        self.with(Block::Name(label, name.to_owned()))
    }

    fn list<'a>(self, items: impl IntoIterator<Item = &'a str>) -> Self {
        self.with(Block::List(items.into_iter().map(str::to_owned).collect()))
    }

    fn mail(self, locale: Locale) -> Mail {
        let (greeting, footer) = match locale {
            Locale::En => (en::GREETING, en::FOOTER),
            Locale::De => (de::GREETING, de::FOOTER),
            Locale::Fi => (fi::GREETING, fi::FOOTER),
        };
        Mail {
            subject: self.subject.to_owned(),
            text: self.plain(greeting, footer),
            html: render(&Frame { letter: &self, locale, greeting, footer }),
        }
    }

    /// The letter as plain text. Links and codes stand alone on their lines, whole.
    fn plain(&self, greeting: &str, footer: &str) -> String {
        let wrap = |text: &str, indent: &str| {
            let options = textwrap::Options::new(72).break_words(false);
            let options = options.word_splitter(WordSplitter::NoHyphenation).subsequent_indent(indent);
            textwrap::fill(text, options.initial_indent(indent))
        };
        let paragraph = |block: &Block| match block {
            Block::Text(text) => wrap(text, ""),
            Block::Link(whole) | Block::Code(whole) => whole.clone(),
            Block::Quote(text) => wrap(text, "  "),
            Block::Name(label, name) => wrap(&format!("{label}: {name}"), ""),
            Block::List(items) => {
                items.iter().map(|item| wrap(&format!("- {item}"), "")).collect::<Vec<_>>().join("\n")
            }
        };
        let body = self.blocks.iter().map(paragraph);
        let all = [wrap(greeting, "")].into_iter().chain(body).chain([wrap(footer, "")]);
        all.collect::<Vec<_>>().join("\n\n") + "\n"
    }
}

#[derive(Template)]
#[template(path = "mail/frame.html")]
struct Frame<'a> {
    letter: &'a Letter,
    locale: Locale,
    greeting: &'static str,
    footer: &'static str,
}

/// Gives views their mails: in each language, a function of this name makes the letter.
macro_rules! mails {
    ($($view:ident $(<$of:lifetime>)?: $letter:ident,)*) => {$(
        impl $(<$of>)? $view $(<$of>)? {
            /// The mail in a language.
            pub fn mail(&self, locale: Locale) -> Mail {
                let letter = match locale {
                    Locale::En => en::$letter(self),
                    Locale::De => de::$letter(self),
                    Locale::Fi => fi::$letter(self),
                };
                letter.mail(locale)
            }
        }
    )*};
}

mails! {
    TakeoutReady<'a>: takeout_ready,
    ConfirmAddress<'a>: confirm_address,
    TakeoutElsewhere: takeout_elsewhere,
    TakeoutFailed: takeout_failed,
    PurgeQueued: purge_queued,
    PurgeDone<'a>: purge_done,
    RequestReceived<'a>: request_received,
    RequestExtended<'a>: request_extended,
    RequestConfirmed<'a>: request_confirmed,
    OneTimeCode<'a>: one_time_code,
}

#[cfg(test)]
mod tests;
