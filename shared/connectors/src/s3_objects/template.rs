//! Which objects are one person's: by the key they lie under, or by a tag.

use std::fmt;

/// How a person's objects are told from all others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// They lie under a prefix that holds the identity.
    Key(Template),
    /// They lie anywhere under a prefix, and bear the identity as a tag.
    Tag {
        /// Where they lie; empty for the whole bucket.
        prefix: String,
        /// The tag's name.
        name: String,
        /// The tag's value.
        value: Template,
    },
}

impl Whose {
    /// The name of the identity.
    pub(super) fn identity(&self) -> &str {
        match self {
            Self::Key(template) | Self::Tag { value: template, .. } => &template.identity,
        }
    }
}

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(template) => write!(f, "the key `{template}`"),
            Self::Tag { name, value, .. } => write!(f, "the tag `{name}: {value}`"),
        }
    }
}

/// A text with one identity in it, such as `users/{external_id}/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    before: String,
    identity: String,
    after: String,
}

impl Template {
    /// Reads the template of a key prefix; the error says what is wrong with it.
    ///
    /// It ends in `/`, and so does the identity's place in every prefix: `users/1/` is no prefix of `users/10/`.
    pub(crate) fn key(text: &str) -> Result<Self, String> {
        let template = Self::parse(text, "key", "users/{external_id}/")?;
        match template.after.ends_with('/') {
            true => Ok(template),
            false => Err("key must end in `/`, or it would also find longer identities".to_owned()),
        }
    }

    /// Reads the template of a tag's value; the error says what is wrong with it.
    pub(crate) fn tag(text: &str) -> Result<Self, String> {
        Self::parse(text, "tag", "{external_id}")
    }

    fn parse(text: &str, what: &str, example: &str) -> Result<Self, String> {
        let parts = text
            .split_once('{')
            .and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
            .filter(|(_, (identity, _))| !identity.is_empty());
        let Some((before, (identity, after))) = parts else {
            return Err(format!("{what} must hold one identity, such as `{example}`"));
        };
        if [before, identity, after].iter().any(|part| part.contains(['{', '}'])) {
            return Err(format!("{what} can hold only one identity"));
        }
        Ok(Self { before: before.into(), identity: identity.into(), after: after.into() })
    }

    /// The prefix of one person's objects, unless the value could reach other people's.
    pub(super) fn prefix(&self, value: &str) -> Option<String> {
        // `.` and `..` are steps of a path to anything that maps keys to files.
        let is_safe = !value.is_empty()
            && value != "."
            && value != ".."
            && !value.contains('/')
            && !value.chars().any(char::is_control);
        is_safe.then(|| format!("{}{value}{}", self.before, self.after))
    }

    /// What the prefixes of all persons begin with.
    pub(super) fn before(&self) -> &str {
        &self.before
    }

    /// The identity in the first part, up to a `/`, of a prefix that is made like this.
    pub(super) fn value_in_part<'t>(&self, part: &'t str) -> Option<&'t str> {
        let after = self.after.split_inclusive('/').next().unwrap_or_default();
        let value = part.strip_prefix(&self.before)?.strip_suffix(after)?;
        (!value.is_empty()).then_some(value)
    }

    /// The identity in a text that is made like this.
    pub(super) fn value_in<'t>(&self, text: &'t str) -> Option<&'t str> {
        let value = text.strip_prefix(&self.before)?.strip_suffix(&self.after)?;
        (!value.is_empty()).then_some(value)
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{{{}}}{}", self.before, self.identity, self.after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_the_template_with_the_value() {
        let template = Template::key("users/u-{external_id}/files/").unwrap();

        assert_eq!(template.identity, "external_id");
        assert_eq!(template.value_in_part("users/u-42/"), Some("42"));
        assert_eq!(template.value_in_part("users/x-42/"), None);
        assert_eq!(template.prefix("42").as_deref(), Some("users/u-42/files/"));
        assert_eq!(template.to_string(), "users/u-{external_id}/files/");
    }

    #[test]
    fn values_that_could_reach_other_peoples_objects_have_no_prefix() {
        let template = Template::key("users/{external_id}/").unwrap();

        for value in ["", "a/b", "/", ".", "..", "a\n", "\0"] {
            assert_eq!(template.prefix(value), None, "{value:?}");
        }
    }

    #[test]
    fn the_identity_is_read_out_of_a_tag_whole() {
        let template = Template::tag("u-{external_id}").unwrap();

        assert_eq!(template.value_in("u-42"), Some("42"));
        for other in ["42", "u-", "xu-42", ""] {
            assert_eq!(template.value_in(other), None, "{other:?}");
        }
        assert!(Template::tag("person").is_err());
    }

    #[test]
    fn a_template_without_identity_or_end_is_refused() {
        for text in ["users/", "users/{}/", "users/{id}", "users/{id}x", "{a}/{b}/", "a}/{b}/"] {
            assert!(Template::key(text).is_err(), "{text}");
        }
    }
}
