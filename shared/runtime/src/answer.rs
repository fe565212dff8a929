//! What handlers answer.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use url::Url;
use wire::Dialect;

use crate::{
    Failure,
    docs::{Operation, schema_of},
};

/// An answer, not yet wrapped for Lambda.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// The media type of the body, if there is one.
    pub content_type: Option<String>,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Bytes,
}

/// What a page may do: show itself, in our stylesheet, and send its forms to us.
static PAGE_POLICY: LazyLock<String> = LazyLock::new(|| page_policy("'self'"));

fn page_policy(forms: &str) -> String {
    let style = STANDARD.encode(digest(&SHA256, pages::STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action {forms}; base-uri 'none'; \
         frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )
}

impl Answer {
    /// A page, with the headers that keep it and its address to itself.
    pub fn page(status: StatusCode, html: String) -> Self {
        Self {
            status,
            content_type: Some(Dialect::Page.media_type().to_owned()),
            headers: vec![("content-security-policy", PAGE_POLICY.clone())],
            body: html.into(),
        }
    }

    /// The same, for a page with a form that is sent elsewhere. Whoever takes it sends people back to us, which
    /// browsers hold for a part of sending it.
    pub fn page_sending_to(elsewhere: &Url, html: String) -> Self {
        let policy = page_policy(&format!("'self' {}", elsewhere.origin().ascii_serialization()));
        let headers = vec![("content-security-policy", policy)];
        Self { headers, ..Self::page(StatusCode::OK, html) }
    }

    /// Leads to another page of ours.
    pub fn see_other(path: impl Into<String>) -> Self {
        let headers = vec![("location", path.into())];
        Self { status: StatusCode::SEE_OTHER, headers, ..Self::default() }
    }

    /// The same, with a cookie set.
    #[must_use]
    pub fn with_cookie(mut self, cookie: String) -> Self {
        self.headers.push(("set-cookie", cookie));
        self
    }
}

/// What can be answered.
pub trait IntoAnswer {
    /// The answer in `dialect`.
    ///
    /// # Errors
    /// When it cannot be serialised.
    fn into_answer(self, dialect: Dialect) -> Result<Answer, Failure>;

    /// What answering it says of the operation.
    fn describe(_: &mut Operation) {}
}

/// A JSON body in the dialect's media type.
#[derive(Debug)]
pub struct Json<T>(pub T);

/// A takeout archive.
#[derive(Debug)]
pub enum Zip {
    /// The bytes themselves.
    Inline(Bytes),
    /// Where they can be had for a few minutes.
    At(String),
}

impl IntoAnswer for Answer {
    fn into_answer(self, _: Dialect) -> Result<Answer, Failure> {
        Ok(self)
    }
}

impl IntoAnswer for StatusCode {
    fn into_answer(self, _: Dialect) -> Result<Answer, Failure> {
        Ok(Answer { status: self, ..Answer::default() })
    }
}

impl<T: Serialize + JsonSchema> IntoAnswer for Json<T> {
    fn into_answer(self, dialect: Dialect) -> Result<Answer, Failure> {
        (StatusCode::OK, self).into_answer(dialect)
    }

    fn describe(operation: &mut Operation) {
        operation.answer = Some(schema_of::<T>);
    }
}

impl<T: Serialize + JsonSchema> IntoAnswer for (StatusCode, Json<T>) {
    fn into_answer(self, dialect: Dialect) -> Result<Answer, Failure> {
        let (status, Json(value)) = self;
        let body = serde_json::to_vec(&value).map_err(Failure::internal)?;
        Ok(Answer {
            status,
            content_type: Some(dialect.media_type().to_owned()),
            headers: Vec::new(),
            body: body.into(),
        })
    }

    fn describe(operation: &mut Operation) {
        Json::<T>::describe(operation);
    }
}

impl IntoAnswer for Zip {
    fn into_answer(self, _: Dialect) -> Result<Answer, Failure> {
        let content_type = Some("application/zip".to_owned());
        Ok(match self {
            Self::Inline(body) => {
                let headers =
                    vec![("content-disposition", "attachment; filename=\"takeout.zip\"".to_owned())];
                Answer { status: StatusCode::OK, content_type, headers, body }
            }
            Self::At(link) => Answer {
                status: StatusCode::TEMPORARY_REDIRECT,
                content_type,
                headers: vec![("location", link)],
                body: Bytes::new(),
            },
        })
    }
}
