//! What a column can hold, and in which form.

use std::fmt::Write as _;
use std::net::IpAddr;

use chrono::{NaiveDate, NaiveDateTime, Timelike as _};
use domain::datamap::{Cast as _, Scalar};
use domain::row::{Float, Value};

/// What a column holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// True or false.
    Bool,
    /// Whole numbers within these bounds.
    Int(i64, i64),
    /// Whole numbers from zero on.
    Unsigned(u64),
    /// Binary numbers of double precision.
    Double,
    /// Binary numbers of single precision.
    Single,
    /// Decimal numbers, with the number of digits behind the point if that is fixed.
    Decimal(Option<usize>),
    /// Text of at most so many characters.
    Text(Option<u32>),
    /// Text that is filled up with spaces to so many characters, which do not count.
    Padded(Option<u32>),
    /// One of these texts.
    Label(Vec<String>),
    Bytes,
    Uuid,
    Date,
    /// A date and time of no known zone.
    Timestamp,
    /// A moment.
    Instant,
    /// An IP address, or a network of them.
    Address,
    /// A document.
    Json,
    /// What a document holds at this path, through its objects and arrays.
    Member(String),
    /// Several values of one kind.
    List(Box<Kind>),
    /// A column of SQLite, which holds what is put there after a conversion.
    Stored(Affinity),
    /// Something that is read as the database's own text.
    Other,
}

/// What a column of SQLite does to values that are stored in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Affinity {
    /// Numbers become texts.
    Text,
    /// Texts that look like numbers become numbers.
    Numeric,
    /// Values stay as they are.
    None,
}

impl Kind {
    /// Whether it holds text, as far as one can say.
    pub(super) const fn is_text(&self) -> Option<bool> {
        match self {
            Self::Text(_) | Self::Padded(_) => Some(true),
            // SQLite stores a text wherever one is put.
            Self::Stored(_) => None,
            Self::Bool
            | Self::Int(..)
            | Self::Unsigned(_)
            | Self::Double
            | Self::Single
            | Self::Decimal(_)
            | Self::Label(_)
            | Self::Bytes
            | Self::Uuid
            | Self::Date
            | Self::Timestamp
            | Self::Instant
            | Self::Address
            | Self::Json
            | Self::List(_)
            | Self::Other => Some(false),
            Self::Member(_) => None,
        }
    }

    /// How many characters it holds at most.
    pub(super) const fn length(&self) -> Option<u32> {
        match self {
            Self::Text(length) | Self::Padded(length) => *length,
            _ => None,
        }
    }

    /// Whether a single value may take up more than a few kilobytes.
    pub(super) const fn may_be_large(&self) -> bool {
        match self {
            Self::Text(length) | Self::Padded(length) => !matches!(length, Some(..=4000)),
            Self::Bytes | Self::Json | Self::Member(_) | Self::List(_) | Self::Stored(_) | Self::Other => {
                true
            }
            Self::Bool
            | Self::Int(..)
            | Self::Unsigned(_)
            | Self::Double
            | Self::Single
            | Self::Decimal(_)
            | Self::Label(_)
            | Self::Uuid
            | Self::Date
            | Self::Timestamp
            | Self::Instant
            | Self::Address => false,
        }
    }

    /// Whether there are places inside of its values.
    pub(super) const fn is_nested(&self) -> bool {
        matches!(self, Self::Json | Self::List(_))
    }

    /// Takes it for a document, if it can hold one.
    pub(super) fn become_nested(&mut self) -> bool {
        if matches!(self, Self::Text(_) | Self::Stored(_)) {
            *self = Self::Json;
        }
        self.is_nested()
    }

    /// Whether rows can be found by a value here.
    pub(super) fn is_found_by(&self) -> bool {
        match self {
            // A binary number of single precision equals none of double precision that one would ask for.
            Self::Json | Self::Single => false,
            Self::List(of) => of.is_found_by(),
            _ => true,
        }
    }

    /// The form in which a column of this kind would hold `value`, if it can hold that very value.
    pub(super) fn hold(&self, value: &Value) -> Option<Value> {
        match self {
            Self::Bool => Scalar::Boolean.cast(value),
            Self::Int(least, most) => match Scalar::Integer.cast(value)? {
                Value::Int(number) if (*least..=*most).contains(&number) => Some(Value::Int(number)),
                _ => None,
            },
            Self::Unsigned(most) => match text(value, None)? {
                Value::Text(digits) => digits
                    .parse()
                    .ok()
                    .filter(|number: &u64| number <= most && number.to_string() == digits)
                    .map(whole),
                _ => None,
            },
            Self::Double => Scalar::Float.cast(value),
            Self::Decimal(scale) => decimal(value, *scale),
            Self::Text(length) => text(value, *length),
            Self::Padded(length) => text(value, *length)
                .filter(|value| !matches!(value, Value::Text(text) if text.ends_with(' '))),
            Self::Label(labels) => match text(value, None)? {
                Value::Text(text) => labels.contains(&text).then_some(Value::Text(text)),
                _ => None,
            },
            Self::Bytes => matches!(value, Value::Bytes(_)).then(|| value.clone()),
            Self::Uuid => match value {
                Value::Text(text) => uuid(text).map(Value::Text),
                _ => None,
            },
            Self::Date => same(value, |text| text.parse::<NaiveDate>().ok().map(|date| date.to_string())),
            Self::Timestamp => same(value, |text| text.parse::<NaiveDateTime>().ok().map(iso)),
            Self::Instant => same(value, |text| Some(iso(text.strip_suffix('Z')?.parse().ok()?) + "Z")),
            Self::Json | Self::Single => None,
            Self::Address => {
                same(value, |text| text.parse::<IpAddr>().ok().map(|address| address.to_string()))
            }
            // A document holds numbers and texts as they are, and neither bytes nor decimals.
            Self::Member(_) => match value {
                Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Text(_) => Some(value.clone()),
                Value::Null | Value::Decimal(_) | Value::Bytes(_) | Value::List(_) | Value::Map(_) => None,
            },
            Self::List(of) => of.hold(value),
            Self::Stored(affinity) => affinity.hold(value),
            Self::Other => text(value, None),
        }
    }
}

impl Affinity {
    /// The affinity of a column with this declared type.
    pub(super) fn of(declared: &str, strict: bool) -> Self {
        let declared = declared.to_ascii_uppercase();
        let has = |part| declared.contains(part);
        if has("INT") {
            Self::Numeric
        } else if has("CHAR") || has("CLOB") || has("TEXT") {
            Self::Text
        } else if has("BLOB") || declared.is_empty() || (strict && declared == "ANY") {
            Self::None
        } else {
            Self::Numeric
        }
    }

    /// The form in which a column would hold `value`.
    ///
    /// SQLite itself converts more freely when it compares, and so would find `42` for `" 42"`.
    fn hold(self, value: &Value) -> Option<Value> {
        match (self, value) {
            (_, Value::Bytes(_)) => Some(value.clone()),
            (_, Value::Null | Value::List(_) | Value::Map(_)) => None,
            (Self::Text, _) => Scalar::String.cast(value),
            (Self::Numeric, Value::Text(text)) => {
                Scalar::Float.cast(value).or_else(|| (!looks_numeric(text)).then(|| value.clone()))
            }
            (Self::Numeric, Value::Decimal(_)) => Scalar::Float.cast(value),
            (Self::Numeric | Self::None, Value::Bool(flag)) => Some(Value::Int((*flag).into())),
            (Self::None, Value::Decimal(_)) => Scalar::String.cast(value),
            (Self::Numeric, Value::Int(_) | Value::Float(_))
            | (Self::None, Value::Int(_) | Value::Float(_) | Value::Text(_)) => Some(value.clone()),
        }
    }
}

/// Whether SQLite would read this text as a number.
fn looks_numeric(text: &str) -> bool {
    let trimmed = text.trim_matches([' ', '\t', '\n', '\u{b}', '\u{c}', '\r']);
    trimmed.bytes().any(|byte| byte.is_ascii_digit()) && trimmed.parse::<f64>().is_ok()
}

/// A whole number that may be beyond what the engine counts in.
pub(super) fn whole(number: u64) -> Value {
    i64::try_from(number).map_or_else(|_| Value::Decimal(number.to_string()), Value::Int)
}

/// A text that is neither too long nor holds the one character that no text column takes.
fn text(value: &Value, length: Option<u32>) -> Option<Value> {
    Scalar::String.cast(value).filter(|value| match value {
        Value::Text(text) => {
            let fits = length.is_none_or(|length| text.chars().count() <= length as usize);
            fits && !text.contains('\0')
        }
        _ => false,
    })
}

/// A decimal number in the digits that a column of this scale shows.
fn decimal(value: &Value, scale: Option<usize>) -> Option<Value> {
    /// More digits before the point than some database can compare with.
    const DIGITS: usize = 35;
    let Value::Text(text) = text(value, None)? else { return None };
    let (whole, fraction) = text.split_once('.').map_or((&*text, None), |(whole, part)| (whole, Some(part)));
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_plain = is_digits(digits) && (digits == "0" || !digits.starts_with('0')) && digits.len() <= DIGITS;
    if !is_plain || !fraction.is_none_or(is_digits) || text == "-0" {
        return None;
    }
    let missing = scale.map_or(Some(0), |scale| scale.checked_sub(fraction.map_or(0, str::len)))?;
    let point = if fraction.is_none() && missing > 0 { "." } else { "" };
    Some(Value::Decimal(format!("{text}{point}{}", "0".repeat(missing))))
}

/// A UUID in the one form in which databases show it; its letters have no case of their own.
fn uuid(text: &str) -> Option<String> {
    let fits = |(place, byte): (usize, u8)| match place {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    (text.len() == 36 && text.bytes().enumerate().all(fits)).then(|| text.to_ascii_lowercase())
}

/// A text that says what it means in exactly the form that is given back for it.
fn same(value: &Value, form: impl Fn(&str) -> Option<String>) -> Option<Value> {
    let Value::Text(text) = value else { return None };
    (form(text)? == *text).then(|| value.clone())
}

/// A date and time as `2021-01-01T01:00:00`, with microseconds if there are any.
pub(super) fn iso(at: NaiveDateTime) -> String {
    let micros = at.nanosecond() / 1000;
    // Without a fraction this is the form that is wanted, and written much faster than by a pattern.
    let mut text = format!("{:?}", at.with_nanosecond(0).unwrap_or(at));
    if micros != 0 {
        // Writing to a text does not fail.
        let _ = write!(text, ".{micros:06}");
    }
    text
}

/// A number of single precision, as the shortest number of double precision that means the same.
pub(super) fn single(number: f32) -> Value {
    Value::Float(Float(number.to_string().parse().unwrap_or_else(|_| number.into())))
}

/// A document, or the bytes or text that are none.
pub(super) fn document(bytes: &[u8]) -> Value {
    match serde_json::from_slice::<serde_json::Value>(bytes) {
        Ok(json) => json.into(),
        Err(_) => std::str::from_utf8(bytes).map_or_else(|_| Value::Bytes(bytes.to_vec()), Value::from),
    }
}
