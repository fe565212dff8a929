//! What the OpenAPI document says of an endpoint.
//!
//! Most follows from the route and the types of the handler; the rest is [`Docs`]. None of it is part
//! of a Lambda: nothing but the catalog's list of operations leads here.

use http::Method;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use wire::{Code, Dialect};

use crate::{Allow, Credentials, Handler, Need, Route};

/// Makes the schema of a type.
pub type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// What follows neither from the route nor from the handler's types.
#[derive(Debug)]
pub struct Docs {
    /// The query parameters.
    pub query: &'static [Param],
    /// A body to send, as JSON.
    pub ask: Option<&'static str>,
    /// The answers that are no errors.
    pub answers: &'static [Good],
}

impl Docs {
    /// No query and no body.
    pub const fn answers(answers: &'static [Good]) -> Self {
        Self { query: &[], ask: None, answers }
    }

    /// The same with an example of the body.
    #[must_use]
    pub const fn ask(self, example: &'static str) -> Self {
        Self { ask: Some(example), ..self }
    }

    /// The same with query parameters.
    #[must_use]
    pub const fn query(self, query: &'static [Param]) -> Self {
        Self { query, ..self }
    }
}

/// A query parameter.
#[derive(Debug)]
pub struct Param {
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub what: &'static str,
    /// Whether the call fails without.
    pub is_required: bool,
    /// A value to send.
    pub example: Option<&'static str>,
    /// What it takes.
    pub schema: SchemaOf,
}

impl Param {
    /// A parameter that may be left out.
    pub const fn new<T: JsonSchema>(name: &'static str, what: &'static str) -> Self {
        Self { name, what, is_required: false, example: None, schema: schema_of::<T> }
    }

    /// The same with a value to send.
    #[must_use]
    pub const fn example(self, example: &'static str) -> Self {
        Self { example: Some(example), ..self }
    }

    /// The same, not to be left out.
    #[must_use]
    pub const fn required(self) -> Self {
        Self { is_required: true, ..self }
    }
}

/// An answer that is no error.
#[derive(Debug)]
pub struct Good {
    /// Its status.
    pub status: u16,
    /// What it means.
    pub what: &'static str,
    /// Its body.
    pub body: Said,
    /// A body, as JSON.
    pub example: Option<&'static str>,
}

/// The body of an answer.
#[derive(Clone, Copy, Debug)]
pub enum Said {
    /// None.
    Nothing,
    /// What the handler's type says, in the dialect's media type.
    Typed,
    /// JSON, or lines of JSON, of this media type and form.
    Other(&'static str, SchemaOf),
    /// Anything else of this media type.
    Raw(&'static str),
}

impl Good {
    const fn new(status: u16, what: &'static str, body: Said, example: Option<&'static str>) -> Self {
        Self { status, what, body, example }
    }

    /// The value of the handler's type, such as this one.
    pub const fn json(status: u16, what: &'static str, example: &'static str) -> Self {
        Self::new(status, what, Said::Typed, Some(example))
    }

    /// An answer without a body.
    pub const fn empty(status: u16, what: &'static str) -> Self {
        Self::new(status, what, Said::Nothing, None)
    }

    /// JSON of a media type of its own, which the handler writes itself.
    pub const fn written<T: JsonSchema>(
        status: u16,
        what: &'static str,
        media_type: &'static str,
        example: &'static str,
    ) -> Self {
        Self::new(status, what, Said::Other(media_type, schema_of::<T>), Some(example))
    }

    /// A page.
    pub const fn page(status: u16, what: &'static str) -> Self {
        Self::raw(status, what, "text/html; charset=utf-8")
    }

    /// Bytes of a media type.
    pub const fn raw(status: u16, what: &'static str, media_type: &'static str) -> Self {
        Self::new(status, what, Said::Raw(media_type), None)
    }
}

/// All that is to be said of an endpoint.
#[derive(Debug)]
pub struct Operation {
    /// Its route.
    pub route: &'static Route,
    /// What its file says.
    pub docs: &'static Docs,
    /// The forms of the path's parameters, in order.
    pub path: Vec<SchemaOf>,
    /// The media type and form of the body that it reads.
    pub body: Option<(&'static str, SchemaOf)>,
    /// The form of its typed answers.
    pub answer: Option<SchemaOf>,
}

impl Operation {
    /// What is to be said of a handler behind a route.
    pub fn of<Args, H: Handler<Args>>(route: &'static Route, _: H, docs: &'static Docs) -> Self {
        let mut operation = Self { route, docs, path: Vec::new(), body: None, answer: None };
        H::describe(&mut operation);
        operation
    }

    /// Every error that it can answer: its own, and what [`crate::mount`] refuses before and after it.
    pub fn errors(&self) -> Vec<Code> {
        let route = self.route;
        let Route { dialect, credentials, allow, errors, needs, .. } = route;
        let with_token = [Code::AuthMalformedAccess, Code::AuthTokenInvalidClaim, Code::AuthUnavailable]
            .into_iter()
            .chain([Code::AuthNotJwt, Code::AuthTokenFormat, Code::AuthTokenUnknown, Code::AuthInvalidKeyId])
            .chain([Code::AuthInvalidVersion, Code::AuthTokenInvalidType, Code::AuthTokenSigInvalid])
            .chain([Code::AuthTokenExpired]);
        let mut codes = vec![Code::TooLarge, Code::Unavailable, Code::Internal];
        codes.extend_from_slice(errors);
        match credentials {
            Credentials::None => {}
            Credentials::Bearer | Credentials::BearerOrCookie => codes.extend(with_token),
            Credentials::BasicOrBearer => codes.extend(with_token.chain([Code::BadClient])),
            Credentials::Session => {
                codes.push(Code::SignedOut);
                if route.method != Method::GET {
                    codes.push(Code::FormExpired);
                }
            }
            Credentials::ApiKey => codes.extend([
                Code::AuthMalformedAccess,
                Code::AuthTokenInvalidClaim,
                Code::BadClient,
                Code::InvalidParameter,
            ]),
        }
        if matches!(allow, Allow::AnyOf(_) | Allow::AllOf(_)) {
            codes.push(Code::InsufficientPermissions);
        }
        if self.body.is_some() {
            codes.extend([Code::Malformed, Code::InvalidField, Code::UnsupportedMediaType]);
            if *dialect == Dialect::JsonApi {
                codes.push(Code::NotAcceptable);
            }
        }
        if !self.path.is_empty() || !self.docs.query.is_empty() {
            codes.push(Code::InvalidParameter);
        }
        if self.takes_idempotency_key() {
            codes.extend([Code::InvalidParameter, Code::IdempotencyConflict, Code::Conflict]);
        }
        if needs.iter().any(|need| matches!(need, Need::WriteLedger | Need::ForgetLedger)) {
            codes.push(Code::Conflict);
        }
        Code::ALL.iter().copied().filter(|code| codes.contains(code)).collect()
    }

    /// Whether an `Idempotency-Key` counts.
    pub fn takes_idempotency_key(&self) -> bool {
        self.route.takes_idempotency_key()
    }
}

/// The schema of `T`, or a reference to it.
pub fn schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}
