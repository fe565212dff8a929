//! Query parameters.

use std::{fmt::Display, ops::RangeInclusive, str::FromStr};

use percent_encoding::percent_decode_str;

use crate::{Problem, Reason};

/// The query of a call: every name and value, in order, decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads the raw query of a URL. What cannot be decoded is read with replacement characters.
    pub fn parse(raw: &str) -> Self {
        let decode =
            |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        };
        Self(raw.split('&').filter(|part| !part.is_empty()).map(pair).collect())
    }

    /// All values of a parameter.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// The value of a parameter that may be given once.
    ///
    /// # Errors
    /// When it is given several times.
    pub fn one(&self, name: &'static str) -> Result<Option<&str>, Problem> {
        let mut values = self.0.iter().filter(|(given, _)| given == name).map(|(_, value)| value.as_str());
        let value = values.next();
        match values.next() {
            Some(_) => Err(Problem::query(name, Reason::Other("must be given once".into()))),
            None => Ok(value),
        }
    }

    /// The values of a list parameter, given as repeated names, as comma lists, or both.
    pub fn list<'a>(&'a self, name: &'a str) -> Option<Vec<&'a str>> {
        let mut values = self.all(name).peekable();
        values.peek()?;
        Some(
            values
                .flat_map(|value| value.split(','))
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .collect(),
        )
    }

    /// A switch: `true` or `false`, absent is off.
    ///
    /// # Errors
    /// When it is something else.
    pub fn flag(&self, name: &'static str) -> Result<bool, Problem> {
        match self.one(name)? {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Problem::query(name, Reason::Type("boolean"))),
        }
    }

    /// A whole number.
    ///
    /// # Errors
    /// When it is none, or out of range.
    pub fn number<T: FromStr + PartialOrd + Display>(
        &self,
        name: &'static str,
        range: RangeInclusive<T>,
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.one(name)? else { return Ok(None) };
        match text.parse().ok().filter(|number| range.contains(number)) {
            Some(number) => Ok(Some(number)),
            None => {
                let must = format!("must be a number from {} to {}", range.start(), range.end());
                Err(Problem::query(name, Reason::Other(must)))
            }
        }
    }

    /// Whether any of these is given.
    pub fn has_any(&self, names: &[&str]) -> bool {
        self.0.iter().any(|(given, _)| names.contains(&given.as_str()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lists_are_repeated_names_or_commas() {
        let query = Query::parse("a=x&a=y,z&b=%F0%9F%8D%8F+1&c");

        assert_eq!(query.list("a"), Some(vec!["x", "y", "z"]));
        assert_eq!(query.list("d"), None);
        assert_eq!(query.one("b").unwrap(), Some("🍏 1"));
        assert_eq!(query.one("c").unwrap(), Some(""));
        assert!(query.one("a").is_err());
    }
}
