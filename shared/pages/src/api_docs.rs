//! What the API takes and answers, to read.

use askama::Template;

use crate::render;

/// The whole of it.
#[derive(Clone, Debug, Template)]
#[template(path = "api_docs.html")]
pub struct ApiDocs<'a> {
    /// What it is called.
    pub title: &'a str,
    /// Its version.
    pub version: &'a str,
    /// What it is, in paragraphs.
    pub about: Vec<&'a str>,
    /// Where the same can be had for programs.
    pub document: &'a str,
    /// The operations.
    pub groups: Vec<Group<'a>>,
    /// The forms that they share.
    pub forms: Vec<Form<'a>>,
}

/// Operations that belong together.
#[derive(Clone, Debug)]
pub struct Group<'a> {
    /// What they are called.
    pub name: &'a str,
    /// What they are for.
    pub about: &'a str,
    /// Each of them.
    pub operations: Vec<Operation<'a>>,
    /// Every error that one of them may answer.
    pub errors: Vec<Error<'a>>,
}

/// An error.
#[derive(Clone, Debug)]
pub struct Error<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it means.
    pub about: &'a str,
    /// How it is told.
    pub example: String,
}

/// One operation.
#[derive(Clone, Debug)]
pub struct Operation<'a> {
    /// Its unique name.
    pub id: &'a str,
    /// The HTTP method.
    pub method: String,
    /// The path with its parameters.
    pub path: &'a str,
    /// What it does.
    pub summary: &'a str,
    /// The ways to say who calls, any of which will do.
    pub access: Vec<String>,
    /// What path, query and headers say.
    pub parameters: Vec<Field<'a>>,
    /// The body that it reads.
    pub body: Option<Content<'a>>,
    /// All that it may answer.
    pub answers: Vec<Answer<'a>>,
}

/// A named value.
#[derive(Clone, Debug)]
pub struct Field<'a> {
    /// Its name, dotted where it is a part of another.
    pub name: String,
    /// Where it stands: `path`, `query`, `header`; empty in a body.
    pub place: &'a str,
    /// What it takes.
    pub kind: String,
    /// Whether it is always there.
    pub is_required: bool,
    /// What it is.
    pub about: &'a str,
}

/// A body.
#[derive(Clone, Debug)]
pub struct Content<'a> {
    /// Its media type.
    pub media_type: &'a str,
    /// Its form, by name or in a few words.
    pub kind: String,
    /// Its fields, unless the form has a name.
    pub fields: Vec<Field<'a>>,
    /// An example.
    pub example: Option<String>,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer<'a> {
    /// The HTTP status.
    pub status: &'a str,
    /// What it means.
    pub about: &'a str,
    /// Its body, unless it is an error.
    pub content: Option<Content<'a>>,
}

/// A form that several operations share.
#[derive(Clone, Debug)]
pub struct Form<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it is.
    pub about: &'a str,
    /// What it takes, in a few words.
    pub kind: String,
    /// Its fields.
    pub fields: Vec<Field<'a>>,
}

/// A piece of a description.
struct Span<'a> {
    text: &'a str,
    is_code: bool,
}

/// The pieces of a description, in which code stands between backticks.
fn spans(text: &str) -> impl Iterator<Item = Span<'_>> {
    text.split('`').enumerate().map(|(place, text)| Span { text, is_code: place % 2 == 1 })
}

impl ApiDocs<'_> {
    /// The page.
    pub fn page(&self) -> String {
        render(self)
    }
}

impl ApiDocs<'static> {
    /// An example.
    pub fn sample() -> Self {
        let field = |name: &str, place, is_required| Field {
            name: name.to_owned(),
            place,
            kind: "uuid".to_owned(),
            is_required,
            about: "Whose data it is.",
        };
        let content = |example: &str| Content {
            media_type: "application/json",
            kind: "PurgeResponse".to_owned(),
            fields: vec![field("person_id", "", true)],
            example: Some(example.to_owned()),
        };
        Self {
            title: "Lethe",
            version: "0.1.0",
            about: vec!["Consents, takeouts and purges."],
            document: "/lethe/v1/openapi.json",
            groups: vec![Group {
                name: "RallyHere",
                about: "Purges.",
                operations: vec![Operation {
                    id: "queue-purge",
                    method: "POST".to_owned(),
                    path: "/users/v1/person/{person_id}/purge",
                    summary: "Queue a person for purging",
                    access: vec!["bearer with purge:*:*".to_owned(), "cookie with purge:*:*".to_owned()],
                    parameters: vec![field("person_id", "path", true), field("Request-Id", "header", false)],
                    body: Some(content("{}")),
                    answers: vec![
                        Answer {
                            status: "202",
                            about: "The purge, `queued` or `held`.",
                            content: Some(content("{\n  \"status\": \"queued\"\n}")),
                        },
                        Answer { status: "204", about: "Nothing.", content: None },
                    ],
                }],
                errors: vec![Error {
                    name: "purge_not_found",
                    about: "no purge is queued",
                    example: "{}".to_owned(),
                }],
            }],
            forms: vec![Form {
                name: "PurgeResponse",
                about: "A purge.",
                kind: "object".to_owned(),
                fields: vec![field("person_id", "", true), field("plan.sha256", "", false)],
            }],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{HOSTILE, check_page, text_of};

    #[test]
    fn the_page_is_sound() {
        check_page(&ApiDocs::sample().page());
        check_page(&ApiDocs { groups: Vec::new(), forms: Vec::new(), ..ApiDocs::sample() }.page());
    }

    #[test]
    fn an_operation_says_how_it_is_called_and_what_it_answers() {
        let page = ApiDocs::sample().page();
        let text = text_of(&page);

        for said in
            ["POST", "/users/v1/person/{person_id}/purge", "purge:*:*", "202", "\"status\": \"queued\""]
        {
            assert!(text.contains(said), "{said}");
        }
        assert!(page.contains("The purge, <code>queued</code> or <code>held</code>."));
    }

    #[test]
    fn the_page_escapes_what_it_is_given() {
        let field = || Field {
            name: HOSTILE.into(),
            place: HOSTILE,
            kind: HOSTILE.into(),
            is_required: true,
            about: HOSTILE,
        };
        let content = || Content {
            media_type: HOSTILE,
            kind: HOSTILE.into(),
            fields: vec![field()],
            example: Some(HOSTILE.into()),
        };
        let docs = ApiDocs {
            title: HOSTILE,
            version: HOSTILE,
            about: vec![HOSTILE],
            document: HOSTILE,
            groups: vec![Group {
                name: HOSTILE,
                about: HOSTILE,
                operations: vec![Operation {
                    id: HOSTILE,
                    method: HOSTILE.into(),
                    path: HOSTILE,
                    summary: HOSTILE,
                    access: vec![HOSTILE.into()],
                    parameters: vec![field()],
                    body: Some(content()),
                    answers: vec![Answer { status: HOSTILE, about: HOSTILE, content: Some(content()) }],
                }],
                errors: vec![Error { name: HOSTILE, about: HOSTILE, example: HOSTILE.into() }],
            }],
            forms: vec![Form { name: HOSTILE, about: HOSTILE, kind: HOSTILE.into(), fields: vec![field()] }],
        };

        check_page(&docs.page());
    }
}
