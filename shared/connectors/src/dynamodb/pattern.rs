//! Patterns of keys in tables that hold several kinds of items, such as `USER#{user_id}`.

use std::fmt;

/// How the text of a key attribute is put together.
///
/// A pattern without a field at its end that ends in a delimiter, such as `ORDER#`, stands for all
/// texts that begin so; every other pattern for the whole text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Field(String),
}

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// All of it.
    Whole(String),
    /// How it begins; possibly empty.
    Start(String),
}

impl Pattern {
    /// Reads a pattern; the error says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let wrong = |reason: &str| Err(format!("the key pattern `{text}` {reason}"));
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((field, after)) = after.split_once('}') else {
                return wrong("has a `{` that is not closed");
            };
            if field.is_empty() || field.contains('{') {
                return wrong("has a field without a name");
            }
            if before.is_empty() && matches!(parts.last(), Some(Part::Field(_))) {
                return wrong("has two fields with nothing in between");
            }
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(Part::Field(field.to_owned()));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        let pattern = Self(parts);
        if pattern.0.is_empty() {
            return wrong("is empty");
        }
        if pattern.text().any(|text| text.contains('}')) {
            return wrong("has a `}` that was not opened");
        }
        if pattern.beside_fields().any(|(_, beside)| beside.is_alphanumeric()) {
            return wrong("needs a delimiter such as `#` between its fields and the text beside them");
        }
        Ok(pattern)
    }

    /// The names of the fields in it.
    pub(super) fn fields(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Field(field) => Some(field.as_str()),
            Part::Text(_) => None,
        })
    }

    /// The characters that end a field, or the text before it.
    pub(super) fn delimiters(&self) -> impl Iterator<Item = char> {
        let last = self.open_end();
        self.beside_fields().map(|(_, beside)| beside).chain(last)
    }

    /// Whether keys may go on after the pattern.
    pub(super) fn is_open(&self) -> bool {
        self.open_end().is_some()
    }

    /// The key of what holds `value` in `field`, as far as that is known.
    pub(super) fn with(&self, field: &str, value: &str) -> Known {
        self.fill(|name| (name == field).then_some(value))
    }

    /// What is known of every key of this pattern.
    pub(super) fn start(&self) -> Known {
        self.fill(|_| None)
    }

    /// The key with the fields filled in, up to the first that has no value.
    pub(super) fn fill<'v>(&self, value_of: impl Fn(&str) -> Option<&'v str>) -> Known {
        let mut key = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => key += text,
                Part::Field(field) => match value_of(field) {
                    Some(value) => key += value,
                    None => return Known::Start(key),
                },
            }
        }
        if self.is_open() { Known::Start(key) } else { Known::Whole(key) }
    }

    /// The values of the fields in a key; none if it is not made like this.
    ///
    /// A field ends where the text after it begins for the first time.
    pub(super) fn read<'k>(&self, key: &'k str) -> Option<Vec<(&str, &'k str)>> {
        let mut rest = key;
        let mut values = Vec::new();
        let mut parts = self.0.iter().peekable();
        while let Some(part) = parts.next() {
            match part {
                Part::Text(text) => rest = rest.strip_prefix(text.as_str())?,
                Part::Field(field) => {
                    let end = match parts.peek() {
                        Some(Part::Text(text)) => rest.find(text.as_str())?,
                        Some(Part::Field(_)) | None => rest.len(),
                    };
                    let (value, after) = rest.split_at(end);
                    if value.is_empty() {
                        return None;
                    }
                    values.push((field.as_str(), value));
                    rest = after;
                }
            }
        }
        (rest.is_empty() || self.is_open()).then_some(values)
    }

    fn text(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Text(text) => Some(text.as_str()),
            Part::Field(_) => None,
        })
    }

    /// The fields, and the character on either side of each.
    fn beside_fields(&self) -> impl Iterator<Item = (&str, char)> {
        self.0.windows(2).filter_map(|pair| match pair {
            [Part::Text(text), Part::Field(field)] => Some((field.as_str(), text.chars().next_back()?)),
            [Part::Field(field), Part::Text(text)] => Some((field.as_str(), text.chars().next()?)),
            _ => None,
        })
    }

    fn open_end(&self) -> Option<char> {
        match self.0.last() {
            Some(Part::Text(text)) => text.chars().next_back().filter(|last| !last.is_alphanumeric()),
            Some(Part::Field(_)) | None => None,
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            Part::Text(text) => f.write_str(text),
            Part::Field(field) => write!(f, "{{{field}}}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::parse(text).unwrap()
    }

    #[test]
    fn a_key_is_the_pattern_with_its_values() {
        let user = pattern("TENANT#acme#USER#{user_id}");

        assert_eq!(user.with("user_id", "7"), Known::Whole("TENANT#acme#USER#7".into()));
        assert_eq!(user.start(), Known::Start("TENANT#acme#USER#".into()));
        assert_eq!(user.read("TENANT#acme#USER#7"), Some(vec![("user_id", "7")]));
        assert_eq!(user.to_string(), "TENANT#acme#USER#{user_id}");
        assert_eq!(user.delimiters().collect::<Vec<_>>(), ['#']);
    }

    #[test]
    fn what_ends_in_a_delimiter_is_a_beginning_and_all_else_is_whole() {
        assert_eq!(pattern("ORDER#").start(), Known::Start("ORDER#".into()));
        assert_eq!(pattern("ORDER#").read("ORDER#1#ITEM#2"), Some(vec![]));
        assert_eq!(pattern("PROFILE").start(), Known::Whole("PROFILE".into()));
        assert_eq!(pattern("PROFILE").read("PROFILES"), None);
    }

    #[test]
    fn keys_of_another_make_have_no_values() {
        let item = pattern("ORDER#{order}#ITEM#{item}");

        assert_eq!(item.read("ORDER#1#ITEM#2"), Some(vec![("order", "1"), ("item", "2")]));
        for other in ["ORDER#1", "ORDER##ITEM#2", "ORDER#1#ITEM#", "XORDER#1#ITEM#2", "order#1#ITEM#2", ""] {
            assert_eq!(item.read(other), None, "{other}");
        }
    }

    #[test]
    fn patterns_that_cannot_be_read_again_are_refused() {
        for text in ["", "USER#{", "USER#{}", "{a}{b}", "USER}", "USER{id}", "{id}USER", "{{id}}"] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }
}
