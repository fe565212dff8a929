//! The key template: which objects are one person's.

use std::fmt;

/// A key prefix with one identity in it, such as `users/{external_id}/`.
///
/// It ends in `/`, and so does the identity's place in every prefix: `users/1/` is no prefix of `users/10/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    before: String,
    identity: String,
    after: String,
}

impl Template {
    /// Reads a template; the error says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let parts = text
            .split_once('{')
            .and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
            .filter(|(_, (identity, _))| !identity.is_empty());
        let Some((before, (identity, after))) = parts else {
            return Err("key must hold one identity, such as `users/{external_id}/`".to_owned());
        };
        if [before, identity, after].iter().any(|part| part.contains(['{', '}'])) {
            return Err("key can hold only one identity".to_owned());
        }
        if !after.ends_with('/') {
            return Err("key must end in `/`, or it would also find longer identities".to_owned());
        }
        Ok(Self { before: before.into(), identity: identity.into(), after: after.into() })
    }

    /// The name of the identity.
    pub(crate) fn identity(&self) -> &str {
        &self.identity
    }

    /// The prefix of one person's objects, unless the value could reach other people's.
    pub(crate) fn prefix(&self, value: &str) -> Option<String> {
        // `.` and `..` are steps of a path to anything that maps keys to files.
        let is_safe = !value.is_empty()
            && value != "."
            && value != ".."
            && !value.contains('/')
            && !value.chars().any(char::is_control);
        is_safe.then(|| format!("{}{value}{}", self.before, self.after))
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
        let template = Template::parse("users/u-{external_id}/files/").unwrap();

        assert_eq!(template.identity(), "external_id");
        assert_eq!(template.prefix("42").as_deref(), Some("users/u-42/files/"));
        assert_eq!(template.to_string(), "users/u-{external_id}/files/");
    }

    #[test]
    fn values_that_could_reach_other_peoples_objects_have_no_prefix() {
        let template = Template::parse("users/{external_id}/").unwrap();

        for value in ["", "a/b", "/", ".", "..", "a\n", "\0"] {
            assert_eq!(template.prefix(value), None, "{value:?}");
        }
    }

    #[test]
    fn a_template_without_identity_or_end_is_refused() {
        for text in ["users/", "users/{}/", "users/{id}", "users/{id}x", "{a}/{b}/", "a}/{b}/"] {
            assert!(Template::parse(text).is_err(), "{text}");
        }
    }
}
